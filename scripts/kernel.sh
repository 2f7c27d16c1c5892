#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh [-s] FLAVOUR...: builds host kernels and prints their build folders.
# FLAVOUR names fragments in scripts/config joined by '+': book3s64+pages-64k.
# -s prints the source tree instead. KVM_PPC_UPDATE=1 looks for a newer source.
. "$(dirname "$0")/lib.sh"

# source_of FLAVOUR: sets where its source comes from: the newest package of a Debian
# suite that is named so, at or above a version, and patches; link then names it
source_of() {
	case $1 in
	# A guest of another version than its host
	44x-guest) suite=bookworm names='^linux-source-6\.1$' least=6.1 patches=() link=$cache/linux-6.1 ;;
	*)
		suite=trixie-backports names='^linux-source-[0-9.]+$' least=7.3 patches=("$top"/scripts/patches/*.patch)
		link=$cache/linux-for-$(key "${patches[@]}")
		;;
	esac
}

# fetch_source: that source, unpacked and patched
fetch_source() {
	local version pkg dir p
	[ ! -e "$link/.done" ] || [ -n "${KVM_PPC_UPDATE:-}" ] || return 0
	apt_private amd64 "$suite"
	pkg=$(apt-cache "${apt_opts[@]}" search --names-only "$names" | awk '{print $1}' |
		sort -V | tail -n 1)
	[ -n "$pkg" ] && dpkg --compare-versions "${pkg#linux-source-}" ge "$least" ||
		die "no linux-source >= $least in Debian $suite"
	version=$(apt-cache "${apt_opts[@]}" show "$pkg" | awk '/^Version:/ && !v {v = $2} END {print v}')
	dir=$cache/linux-$(key "$version" "${patches[@]}")
	if [ ! -e "$dir/.done" ]; then
		stage "fetching $pkg $version"
		rm -rf "$dir" "$dir.new"
		mkdir -p "$dir.new/deb"
		( cd "$dir.new/deb" && quietly "$cache/log/source.log" apt-get "${apt_opts[@]}" download "$pkg" )
		stage "unpacking $pkg"
		dpkg-deb --fsys-tarfile "$dir.new"/deb/*.deb | tar -xO --wildcards '*/linux-source-*.tar.xz' |
			tar -xJ -C "$dir.new" --strip-components=1
		rm -rf "$dir.new/deb"
		for p in "${patches[@]}"; do
			quietly "$cache/log/patch.log" patch -d "$dir.new" -p1 -i "$p"
		done
		touch "$dir.new/.done"
		mv "$dir.new" "$dir"
	fi
	ln -sfnT "$(basename "$dir")" "$link"
}

# patch_source PATCH...: makes src, which is to be a copy of base with these patches
patch_source() {
	local p
	[ ! -e "$src/.done" ] || return 0
	rm -rf "$src" "$src.new"
	# patch(1) makes new files, and leaves those that others have links to
	cp -al "$base" "$src.new"
	rm "$src.new/.done"
	for p; do quietly "$cache/log/patch.log" patch -d "$src.new" -p1 -i "$p"; done
	touch "$src.new/.done"
	mv "$src.new" "$src"
}

# use_source FLAVOUR: sets src. The last fragment may have patches of its own.
use_source() {
	local base extra=$top/scripts/patches/${1##*+}
	source_of "$1"
	locked source fetch_source
	src=$(readlink -f "$link")
	touch "$src/.done"
	[ -d "$extra" ] || return 0
	base=$src src=$cache/linux-$(key "$src" "$extra"/*.patch)
	locked source patch_source "$extra"/*.patch
	touch "$src/.done"
}

# slim FOLDER: leaves what a host boots from and a module is built against
slim() {
	find "$1" -path "$1/scripts" -prune -o -path "$1/tools" -prune -o \
		\( -name '*.o' -o -name '*.a' -o -name '.tmp_vmlinux*' -o -name vmlinux.unstripped \) \
		! -name crtsavres.o -type f -exec rm -f {} +
}

# ticker LOG FLAVOUR: says now and then how far the build is. Waits without a
# child, which would outlive it.
ticker() {
	local never
	exec {never}<> <(:)
	while [ -d "/proc/$$" ]; do
		read -rt "${TICK:-60}" -u "$never" _ || true
		stage "    $(grep -c '^  [A-Z]' "$1") steps of the $2 kernel done"
	done
}

# describe FLAVOUR: sets what is built, and where it is then
describe() {
	local f frags=()
	flavour=$1 targets=(vmlinux modules)
	use_source "$flavour"
	use_flavour "$flavour"
	case $flavour in
	44x-guest) targets=(vmlinux) ;;
	# What its firmware loads
	44x*) targets+=(uImage) ;;
	esac
	for f in ${flavour//+/ }; do frags+=("$top/scripts/config/$f.config"); done
	for f in "${frags[@]}"; do [ -f "$f" ] || die "no flavour $flavour: $f is not there"; done
	config=$(grep -hv '^#\|^$' "${frags[@]}") # what it says, without remarks
	out=$cache/kernel-${flavour//+/-}-$(key "$src" "$config" "$($rustc --version)")
}

build() {
	if [ ! -e "$out/.done" ]; then
		prune
		stage "building the $flavour kernel (about 5 minutes on 2 cores)"
		mkdir -p "$out"
		printf '%s\n' "$config" >"$out/fragment.config"
		quietly "$out/config.log" kmake -C "$src" O="$out" KCONFIG_ALLCONFIG="$out/fragment.config" allnoconfig
		local missing
		missing=$(grep -h '^CONFIG_[A-Z0-9_]*=' "$out/fragment.config" | sed 's/=n$/=/' |
			while IFS= read -r l; do
				case $l in
				*=) ! grep -q "^${l}[ym]" "$out/.config" || echo "${l}n" ;;
				*) grep -qxF "$l" "$out/.config" || echo "$l" ;;
				esac
			done)
		[ -z "$missing" ] || die "the kernel did not take: ${missing//$'\n'/ }"
		: >"$out/build.log"
		ticker "$out/build.log" "$flavour" >&2 9>&- &
		ticker=$!
		( quietly "$out/build.log" kmake -C "$src" O="$out" "${targets[@]}" ) || { kill $ticker; exit 1; }
		kill $ticker
		slim "$out"
		stage "built the $flavour kernel"
		touch "$out/.done"
	fi
}

[ "${1:-}" != -s ] || { use_source host; echo "$src"; exit 0; }
for flavour; do
	describe "$flavour"
	# It may be there while another one is made
	[ -e "$out/.done" ] || locked "kernel-$flavour" build
	touch "$out/.done"
	echo "$out"
done
