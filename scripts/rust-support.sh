#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# rust-support.sh KDIR: prints the folder that the module is built against for the
# kernel whose headers are in KDIR. That is KDIR itself if the kernel has Rust. For one
# of Debian's kernels without it, it is a folder of the cache, made from the source of
# the same kernel: configured like the kernel but with Rust, and prepared, so that it
# has the kernel's Rust support as objects. Since the kernel itself has none, the parts
# that the module needs are linked into it (support-link.sh).
#
# rust-support.sh -c KDIR TREE: compares how structures lie in memory, in TREE and in
# the kernel; KDIR's files say so. Fails and names what differs.
#
# CROSS_COMPILE is that of the kernel's compiler, if it is not this machine's.
# KVM_PPC_SOURCE=FOLDER has the source taken from there, instead of from a package.
. "$(dirname "$0")/lib.sh"
# The flags of the make that called this are not for the kernel's make
unset MAKEFLAGS MFLAGS MAKELEVEL

# define FILE NAME: the string that a generated header defines
define() { sed -n "s/^#define $2 \"\\(.*\\)\"\$/\\1/p" "$KDIR/include/generated/$1" 2>/dev/null || true; }

# describe: sets what is known of the kernel in KDIR
describe() {
	[ -f "$KDIR/.config" ] || die "$KDIR has no kernel's headers. Debian: apt install linux-headers-$(uname -r)"
	release=$(define utsrelease.h UTS_RELEASE)
	version=$(define package.h LINUX_PACKAGE_ID)
	case $version in
	' Debian '*) version=${version# Debian } ;;
	*) die "the kernel ${release:-of $KDIR} has no CONFIG_RUST and is not one of Debian's, so where its source is, is not known" ;;
	esac
	# 7.3.4-1~bpo13+1 and 7.3~rc7-1~exp1 are of 7.3
	series=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$version")
	upstream=${version%-*}
	upstream=${upstream/%.0/}
	[ -f "$KDIR/vmlinux" ] && [ -f "$KDIR/Module.symvers" ] || die "$KDIR has no vmlinux or no Module.symvers to compare with"
}

# patches_of SERIES: prints the patches for the kernel's source, from the newest folder that
# is not newer than the series
patches_of() {
	local dir='' s known=()
	patches=("$top"/scripts/patches/0001-*.patch)
	mapfile -t known < <(printf '%s\n' "$top"/scripts/patches/stock/* | sed 's,.*/,,' | sort -V)
	for s in "${known[@]}"; do
		[ "$(printf '%s\n' "$s" "$1" | sort -V | head -n 1)" != "$s" ] || dir=$top/scripts/patches/stock/$s
	done
	[ -n "$dir" ] || die "Linux $1 is too old: it has to be ${known[0]} or newer"
	patches+=("$dir"/*.patch)
}

# source_version FOLDER: as Debian writes it
source_version() {
	sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\|EXTRAVERSION\) *= */\1 /p' "$1/Makefile" | awk '
		{ v[$1] = $2 }
		END {
			sub(/^-/, "~", v["EXTRAVERSION"])
			print v["VERSION"] "." v["PATCHLEVEL"] (v["SUBLEVEL"] ? "." v["SUBLEVEL"] : "") v["EXTRAVERSION"]
		}'
}

# source_deb: prints the package's name, which is fetched if it is not there. This
# machine may be set up with a suite that has it; else Debian's others are looked at.
source_deb() {
	local name=linux-source-${series}_${version//:/%3a}_all.deb dir=$cache/fetched-source-$version
	local found
	# It may have been fetched for the kernel with the other page size
	found=$(find "$cache" -mindepth 2 -maxdepth 2 -path "$cache/fetched-*/$name" | head -n 1)
	[ -z "$found" ] || { echo "$found"; return 0; }
	fetch_set "$dir" "the source of Linux $version" alone "$(dpkg --print-architecture)" \
		'trixie-backports|sid|experimental|forky|trixie' "linux-source-$series=$version" >&2 || return 1
	find "$dir" -name "$name" | grep .
}

# fetch_source: the kernel's source, patched, to src
fetch_source() {
	local p tar deb is package=linux-source-$series
	[ ! -e "$src/.done" ] || return 0
	rm -rf "$src" "$src.new"
	mkdir -p "$src.new"
	tar=/usr/src/$package.tar.xz
	if [ -n "${KVM_PPC_SOURCE:-}" ]; then
		stage "copying the source $KVM_PPC_SOURCE"
		cp -a "$KVM_PPC_SOURCE/." "$src.new"
	elif [ -f "$tar" ] && [ "$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null)" = "$version" ]; then
		stage "unpacking $tar"
		tar -xJf "$tar" -C "$src.new" --strip-components=1
	else
		deb=$(source_deb)
		stage "unpacking $package $version, of which the kernel $release was built"
		dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards '*/linux-source-*.tar.xz' |
			tar -xJ -C "$src.new" --strip-components=1
	fi
	is=$(source_version "$src.new")
	[ "$is" = "$upstream" ] || die "the source is Linux $is, and the kernel $upstream"
	for p in "${patches[@]}"; do
		quietly "$cache/log/patch.log" patch -d "$src.new" -p1 -i "$p"
	done
	touch "$src.new/.done"
	mv "$src.new" "$src"
}

# make_tree: tree, of src
make_tree() {
	local t
	[ ! -e "$tree/.done" ] || return 0
	prune
	stage "preparing Rust for the kernel $release (2 minutes on 2 cores)"
	rm -rf "$tree"
	mkdir -p "$tree"
	# The keys that sign Debian's modules are not published
	grep -vE '^CONFIG_(MODULE_SIG_ALL|MODULE_SIG_KEY|SYSTEM_TRUSTED_KEYS)=' "$KDIR/.config" >"$tree/.config"
	echo CONFIG_RUST=y >>"$tree/.config"
	quietly "$tree/config.log" support_make -C "$src" O="$tree" olddefconfig
	grep -qx CONFIG_RUST=y "$tree/.config" ||
		die "the kernel $release cannot be configured with Rust; make -C $src O=$tree rustavailable says why"
	"$src/scripts/diffconfig" "$KDIR/.config" "$tree/.config" >"$tree/config.diff"
	quietly "$tree/prepare.log" support_make -C "$src" O="$tree" modules_prepare arch/powerpc/lib/crtsavres.o
	cp "$KDIR/Module.symvers" "$tree/Module.symvers"
	# For Kbuild; and for whoever builds the module, the flags to do it with
	echo "${support_flags[*]-} KCFLAGS=-g0 KRUSTFLAGS=-Cdebuginfo=0" >"$tree/kvm_ppc-support"
	for t in core compiler_builtins kernel helpers/helpers; do
		[ -f "$tree/rust/$t.o" ] || die "the preparation made no $tree/rust/$t.o"
	done
	touch "$tree/.done"
}

# Each function and constant in a section of its own, so that support-link.sh can choose. No
# jump tables, since all that a crate has are in its .toc, which keeps their functions
no_jump_tables=-Cjump-tables=n
$rustc $no_jump_tables --print sysroot >/dev/null 2>&1 || no_jump_tables=-Zno-jump-tables # before 1.93
cflags='-ffunction-sections -fdata-sections -g0'
rustflags='-Zfunction-sections=y -Cdebuginfo=0 -Cllvm-args=-enable-global-merge=0 '$no_jump_tables
support_make() {
	kmake KERNELRELEASE="$release" KCFLAGS="$cflags" KRUSTFLAGS="$rustflags" "${support_flags[@]}" "$@"
}

# compare KDIR TREE
compare() {
	local f out log
	out=$cache/layout-$(basename "$2")-$(key "$top")
	log=$out/log
	for f in asm-offsets bounds rq-offsets; do
		cmp -s "$1/include/generated/$f.h" "$2/include/generated/$f.h" ||
			die "the kernel's $f.h is another than that of the source: $(diff "$1/include/generated/$f.h" "$2/include/generated/$f.h" | sed -n 's/^[<>] //p' | head -n 2 | tr '\n' ' ')"
	done
	mkdir -p "$out"
	quietly "$log" kmake "${support_flags[@]}" -C "$2" M="$top/scripts/layout" MO="$out" layout.o
	rm -f "$out/layout.btf"
	quietly "$log" pahole -J --btf_encode_detached="$out/layout.btf" "$out/layout.o"
	PYTHONDONTWRITEBYTECODE=1 python3 "$top/scripts/layout.py" "$out/layout.btf" "$1/vmlinux" \
		"$2/rust/bindings/bindings_generated.rs" >"$log" || { cat "$log" >&2; exit 1; }
	touch "$out/.done"
}

# For a kernel that gcc built, turn ftrace off: clang puts the places to be patched
# elsewhere than that kernel expects
support_flags=()
case ${toolchain[0]} in LLVM=*) support_flags+=(CC_FLAGS_FTRACE=) ;; esac

if [ "${1:-}" = -c ]; then
	tree=$(readlink -f "$3")
	locked "layout-$(basename "$tree")" compare "$(readlink -f "$2")" "$tree"
	exit
fi
KDIR=$(readlink -f "${1:?build folder of a kernel}") || die "no folder $1, which linux-headers-$(uname -r) has; or say KDIR="
if grep -qsx CONFIG_RUST=y "$KDIR/.config"; then
	echo "$KDIR"
	exit
fi
describe
patches_of "$series"
src=$cache/linux-$(key "$version" "${KVM_PPC_SOURCE:-}" "${patches[@]}")
tree=$cache/rust-support-$release-$(key "$src" "$KDIR/.config" "$KDIR/Module.symvers" "$($rustc --version)" "${toolchain[*]}" \
	"$cflags $rustflags ${support_flags[*]-}")
if [ ! -e "$tree/.done" ] && [ "$(uname -m)" = ppc64le ]; then
	missing=$(KDIR=$KDIR "$top/scripts/deps.sh" -n) || die "${missing#missing: } missing; make deps installs that"
fi
locked "$(basename "$src")" fetch_source
touch "$src/.done"
locked "$(basename "$tree")" make_tree
touch "$tree/.done"
echo "$tree"
