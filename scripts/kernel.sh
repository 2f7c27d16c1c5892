#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh [-s] FLAVOUR...: builds host kernels and prints their build folders.
# FLAVOUR names fragments in scripts/config joined by '+': book3s64+pages-64k.
# -s prints the source tree instead. KVM_PPC_UPDATE=1 looks for a newer source.
. "$(dirname "$0")/lib.sh"

# fetch_source LINK: the newest Linux source that Debian's backports have, at or
# above 7.3, unpacked and patched; LINK then names it
fetch_source() {
	local link=$1 version pkg dir p
	[ ! -e "$link/.done" ] || [ -n "${KVM_PPC_UPDATE:-}" ] || return 0
	apt_private amd64 trixie-backports
	pkg=$(apt-cache "${apt_opts[@]}" search --names-only '^linux-source-[0-9.]+$' | awk '{print $1}' |
		sort -V | tail -n 1)
	[ -n "$pkg" ] && dpkg --compare-versions "${pkg#linux-source-}" ge 7.3 ||
		die "no linux-source >= 7.3 in Debian backports"
	version=$(apt-cache "${apt_opts[@]}" show "$pkg" | awk '/^Version:/ && !v {v = $2} END {print v}')
	dir=$cache/linux-$(key "$version" "$top"/scripts/patches/*.patch)
	if [ ! -e "$dir/.done" ]; then
		stage "fetching $pkg $version"
		rm -rf "$dir" "$dir.new"
		mkdir -p "$dir.new/deb"
		( cd "$dir.new/deb" && quietly "$cache/log/source.log" apt-get "${apt_opts[@]}" download "$pkg" )
		stage "unpacking $pkg"
		dpkg-deb --fsys-tarfile "$dir.new"/deb/*.deb | tar -xO --wildcards '*/linux-source-*.tar.xz' |
			tar -xJ -C "$dir.new" --strip-components=1
		rm -rf "$dir.new/deb"
		for p in "$top"/scripts/patches/*.patch; do
			quietly "$cache/log/patch.log" patch -d "$dir.new" -p1 -i "$p"
		done
		touch "$dir.new/.done"
		mv "$dir.new" "$dir"
	fi
	ln -sfnT "$(basename "$dir")" "$link"
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

build() {
	local flavour=$1 out frags=() f config targets=(vmlinux modules)
	use_flavour "$flavour"
	# What its firmware loads
	case $flavour in 44x*) targets+=(uImage) ;; esac
	for f in ${flavour//+/ }; do frags+=("$top/scripts/config/$f.config"); done
	for f in "${frags[@]}"; do [ -f "$f" ] || die "no flavour $flavour: $f is not there"; done
	config=$(grep -hv '^#\|^$' "${frags[@]}") # what it says, without remarks
	out=$cache/kernel-${flavour//+/-}-$(key "$src" "$config" "$($rustc --version)")
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
	fi
	touch "$out/.done"
	echo "$out"
}

current=$cache/linux-for-$(key "$top"/scripts/patches/*.patch)
locked source fetch_source "$current"
src=$(readlink -f "$current")
touch "$src/.done"
[ "${1:-}" != -s ] || { echo "$src"; exit 0; }
for flavour; do locked "kernel-$flavour" build "$flavour"; done
