#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# busybox.sh [-f]: builds a static busybox for the 440, since Debian has no userland for
# 32-bit powerpc, and prints its name; `applets` next to it has what it can be
# called by. -f fetches its source only.
. "$(dirname "$0")/lib.sh"

# Options for use at a prompt, added to allnoconfig
config='STATIC LFS ASH ASH_JOB_CONTROL ASH_ALIAS ASH_ECHO ASH_PRINTF ASH_TEST ASH_GETOPTS ASH_HELP
	SH_IS_ASH FEATURE_SH_MATH FEATURE_SH_MATH_64 FEATURE_EDITING FEATURE_TAB_COMPLETION LONG_OPTS SHOW_USAGE
	CAT CP CUT DATE DD DF DMESG DU ECHO ENV FALSE FIND FREE GREP HEAD KILL LN LS
	FEATURE_LS_FILETYPES FEATURE_LS_TIMESTAMPS MD5SUM MKDIR MOUNT MV PRINTF PS PWD REBOOT
	POWEROFF HALT RM RMDIR SED SHA256SUM SLEEP SORT STTY SYNC TAIL TIME TOP TOUCH TR TRUE UMOUNT
	UNAME UPTIME VI WC XARGS YES AWK INSMOD RMMOD LSMOD'

fetched=$cache/fetched-busybox
fetch() { fetch_set "$fetched" "busybox's source" source source 'bookworm|trixie|forky' busybox; }

build() {
	local src work
	if [ ! -e "$out/.done" ]; then
		stage "building busybox for the 440"
		prune
		rm -rf "$out"
		mkdir -p "$out/src"
		fetch
		tar -xf "$fetched"/busybox_*.orig.tar.* -C "$out/src" --strip-components=1
		src=$out/src
		work=(make -C "$src" ARCH=powerpc CROSS_COMPILE=powerpc-linux-gnu- -j"$jobs")
		quietly "$out/config.log" "${work[@]}" allnoconfig
		local name
		for name in $config; do
			sed -i "s/^# CONFIG_$name is not set\$/CONFIG_$name=y/" "$src/.config"
		done
		yes '' | "${work[@]}" oldconfig >>"$out/config.log" 2>&1 || true
		quietly "$out/build.log" "${work[@]}" busybox busybox.links
		mv "$src/busybox" "$out/busybox"
		sed 's,.*/,,' "$src/busybox.links" >"$out/applets"
		rm -rf "$src" "$fetched"
	fi
	touch "$out/.done"
	echo "$out/busybox"
}

if [ "${1:-}" = -f ]; then
	# The folder's name depends on the compiler, which may not be installed yet
	[ -n "$(find "$cache" -path "$cache/busybox-44x-*/.done" -print -quit)" ] || fetch
	exit
fi
out=$cache/busybox-44x-$(key "$config" "$(powerpc-linux-gnu-gcc --version)")
locked busybox-44x build
