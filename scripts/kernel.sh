#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh [-f|-s] FLAVOUR...: builds host kernels and prints their build folders.
# FLAVOUR names fragments in scripts/config joined by '+': book3s64+pages-64k. Or it
# is one of Debian's own, which is fetched, not built: stock-64k (stock.sh).
# -f fetches their sources only. -s prints the source tree instead.
# KVM_PPC_UPDATE=1 looks for a newer source.
. "$(dirname "$0")/lib.sh"

# source_of FLAVOUR: sets where its source comes from: the newest package of that name, at
# or above a version, in the first of these suites that has it; and patches. link then
# names it, and package_dir the package until it is unpacked.
source_of() {
	case $1 in
	# The kernel of a guest that has another version than its host
	44x-guest)
		suites='bookworm|bookworm bookworm-security|bookworm-proposed-updates' names='^linux-source-6\.1$' least=6.1
		patches=() link=$cache/linux-6.1
		;;
	*)
		suites='trixie-backports|forky|sid|experimental' names='^linux-source-[0-9.]+$' least=7.3
		patches=("$top"/scripts/patches/*.patch) link=$cache/linux-for-$(key "${patches[@]}")
		;;
	esac
	package_dir=$cache/fetched-source-$(key "$suites" "$names" "$least")
}

# newest_source: prints the newest package. The package's version decides, since 7.3~rc7 is
# in a package for 7.3 too.
newest_source() {
	local p v best='' best_version=$least
	for p in $(apt-cache "${apt_opts[@]}" search --names-only "$names" | awk '{print $1}'); do
		v=$(apt-cache "${apt_opts[@]}" show "$p" | awk '/^Version:/ && !n++ {print $2}')
		dpkg --compare-versions "$v" lt "$best_version" || best=$p best_version=$v
	done
	[ -n "$best" ] || { echo "E: no linux-source >= $least" >&2; return 1; }
	echo "$best"
}

# fetch_source: fetches the package, unless it is unpacked already
fetch_source() {
	if [ -n "${KVM_PPC_UPDATE:-}" ]; then
		# shellcheck disable=SC2034 # archive.sh's
		lists_good=0
	elif [ -e "$link/.done" ]; then
		return 0
	fi
	fetch_set "$package_dir" "the source of Linux >= $least" alone amd64 "$suites" @newest_source
}

# unpack_source: unpacks and patches the source
unpack_source() {
	local version dir p deb
	[ ! -e "$link/.done" ] || [ -n "${KVM_PPC_UPDATE:-}" ] || return 0
	fetch_source
	deb=$(echo "$package_dir"/*.deb)
	version=$(dpkg-deb -f "$deb" Version)
	dir=$cache/linux-$(key "$version" "${patches[@]}")
	if [ ! -e "$dir/.done" ]; then
		stage "unpacking Linux $version"
		rm -rf "$dir" "$dir.new"
		mkdir -p "$dir.new"
		dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards '*/linux-source-*.tar.xz' |
			tar -xJ -C "$dir.new" --strip-components=1
		for p in ${patches[@]+"${patches[@]}"}; do
			quietly "$cache/log/patch.log" patch -d "$dir.new" -p1 -i "$p"
		done
		touch "$dir.new/.done"
		mv "$dir.new" "$dir"
	fi
	ln -sfnT "$(basename "$dir")" "$link"
	rm -rf "$package_dir"
}

# patch_source PATCH...: makes src, a copy of base with these patches
patch_source() {
	local p
	[ ! -e "$src/.done" ] || return 0
	rm -rf "$src" "$src.new"
	# A copy by links is enough, because patch(1) makes new files and does not change linked
	# ones
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
	locked source unpack_source
	src=$(readlink -f "$link")
	touch "$src/.done"
	[ -d "$extra" ] || return 0
	base=$src src=$cache/linux-$(key "$src" "$extra"/*.patch)
	locked source patch_source "$extra"/*.patch
	touch "$src/.done"
}

# slim FOLDER: removes all that is not needed for booting a host or building a module
slim() {
	find "$1" -path "$1/scripts" -prune -o -path "$1/tools" -prune -o \
		\( -name '*.o' -o -name '*.a' -o -name '.tmp_vmlinux*' -o -name vmlinux.unstripped \) \
		! -name crtsavres.o -type f -exec rm -f {} +
}

# ticker LOG FLAVOUR: reports from time to time how far the build is. It waits without a
# child process, because that could outlive it.
ticker() {
	local never
	exec {never}<> <(:)
	while [ -d "/proc/$$" ]; do
		read -rt "${TICK:-60}" -u "$never" _ || true
		stage "    $(grep -c '^  [A-Z]' "$1") steps of the $2 kernel done"
	done
}

# describe FLAVOUR: sets what is to be built, and where
describe() {
	local f frags=()
	flavour=$1 targets=(vmlinux modules)
	use_source "$flavour"
	use_flavour "$flavour"
	case $flavour in
	44x-guest) targets=(vmlinux) ;;
	# The format that the firmware loads
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

if [ "${1:-}" = -f ]; then
	shift
	for flavour; do
		case $flavour in
		stock-*) "$top/scripts/fetch-stock.sh" "$flavour" >/dev/null ;;
		*)
			source_of "$flavour"
			fetch_source
			;;
		esac
	done
	exit
fi
[ "${1:-}" != -s ] || { use_source host; echo "$src"; exit 0; }
for flavour; do
	case $flavour in stock-*)
		"$top/scripts/stock.sh" "$flavour"
		continue
		;;
	esac
	describe "$flavour"
	# A finished kernel can be used while another one is being built
	[ -e "$out/.done" ] || locked "kernel-$flavour" build
	touch "$out/.done"
	echo "$out"
done
