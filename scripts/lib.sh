# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts here: messages, the cache, and the compilers; archive.sh has packages.
# shellcheck shell=bash

set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${KVM_PPC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvm_ppc}
mkdir -p "$cache"
jobs=$(nproc)
export KVM_PPC_T0=${KVM_PPC_T0:-$EPOCHSECONDS} # when the outermost script began
export LC_ALL=C

LLVM_VERSION=22
BINDGEN_VERSION=0.72.1

# stage TEXT: progress for a person, with the time since the start
stage() { printf '[%4ds] %s\n' "$((EPOCHSECONDS - KVM_PPC_T0))" "$*" >&2; }
# die WHY: ends with an error; also writes WHY to the file KVM_PPC_WHY, from which the last
# line of the output is made
die() {
	printf 'error: %s\n' "$*" >&2
	[ -z "${KVM_PPC_WHY:-}" ] || printf '%s\n' "$*" >"$KVM_PPC_WHY"
	exit 1
}

# key FILE|TEXT...: a short name for what something is built from
key() {
	local a
	for a; do if [ -f "$a" ]; then cat "$a"; else printf '%s\n' "$a"; fi; done |
		sha256sum | cut -c1-12
}

# The folder for the logs of this tree's tests
# shellcheck disable=SC2034 # for those who source this
results=${RESULTS:-$cache/results/$(key "$top")}

# stop PID...: ends these children and all of theirs
stop() {
	local pid rest
	for pid; do
		rest=()
		read -ra rest <"/proc/$pid/task/$pid/children" || true
		kill -TERM "$pid" || true
		[ ${#rest[@]} = 0 ] || stop "${rest[@]}"
	done 2>/dev/null
}

# quietly LOG CMD...: run it, and show the end of its log only if it fails
quietly() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null || {
		tail -n 30 "$log" >&2
		die "$1 failed; all of it: $log"
	}
}

# awk_live: awk that reads line by line; mawk, Debian's default, would wait for a full
# buffer
awk_live() {
	if awk -W version 2>&1 </dev/null | grep -q '^mawk'; then awk -W interactive "$@"; else awk "$@"; fi
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# locked NAME CMD...: runs a command that fills the cache, only one at a time
locked() {
	local name=$1
	shift
	( flock 9; "$@" ) 9>"$cache/$name.lock"
}

# prune: drops from the cache what no run has used for two weeks
prune() {
	local stamp
	find "$cache" -maxdepth 2 -name .done -mtime +14 2>/dev/null |
		while IFS= read -r stamp; do rm -rf "$(dirname "$stamp")"; done
	find "$cache" -maxdepth 1 -name '*.ext4' -mtime +14 -delete
	find "$cache" -maxdepth 1 -xtype l -delete
}

# The compilers, in the form that the kernel's make expects
export PATH="$cache/bindgen-$BINDGEN_VERSION/bin:$cache/qemu/bin:$PATH"
export LIBCLANG_PATH=/usr/lib/llvm-$LLVM_VERSION/lib
export KBUILD_BUILD_TIMESTAMP='2026-01-01' KBUILD_BUILD_USER=kvm_ppc KBUILD_BUILD_HOST=kvm_ppc
# shellcheck disable=SC2034 # for those who source this
rustc=/usr/bin/rustc cargo=/usr/bin/cargo
toolchain=("LLVM=-$LLVM_VERSION")
# use_flavour FLAVOUR: sets the tools with which kmake builds it. A 440's kernel needs gcc,
# because clang's assembler encodes tlbwe differently from the 440.
use_flavour() {
	case $1 in
	44x*) toolchain=(CROSS_COMPILE=powerpc-linux-gnu-) ;;
	*) toolchain=("LLVM=-$LLVM_VERSION") ;;
	esac
}
kmake() {
	make ARCH=powerpc "${toolchain[@]}" RUSTC=$rustc RUSTDOC=/usr/bin/rustdoc RUSTFMT=/usr/bin/rustfmt \
		CLIPPY_DRIVER=/usr/bin/clippy-driver RUST_LIB_SRC=/usr/lib/rustlib/src/rust/library \
		-j"$jobs" "$@"
}

. "$top/scripts/archive.sh"

# ext4_image FILE SIZE FOLDER: an image of a folder, without root or loop mounts
ext4_image() {
	rm -f "$1"
	PATH=$PATH:/usr/sbin:/sbin quietly "$cache/log/mke2fs-$(basename "$1").log" \
		mke2fs -q -t ext4 -O ^has_journal -m 0 -E root_owner=0:0 -d "$3" "$1" "$2"
}

# module_dir KERNEL: where the module built against this kernel is
module_dir() { printf '%s/module/%s-%s\n' "$cache" "$(basename "$1")" "$(key "$top")"; }

# build_selftests book3s|44x: for emulated hosts; their folder is then in selftests
build_selftests() {
	local from=$top/selftests cross=powerpc64le-linux-gnu-
	[ "$1" != 44x ] || { from+=/e44x; cross=powerpc-linux-gnu-; }
	selftests=$cache/selftests-$1-$(key "$top")
	locked "$(basename "$selftests")" quietly "$cache/log/selftests-$1.log" make -j"$jobs" -C "$from" O="$selftests" \
		KSRC="$("$top/scripts/kernel.sh" -s)" CROSS_COMPILE=$cross
}

# make_initramfs FILE BUSYBOX INIT [MODULE...]: the modules go to /modules, and their order
make_initramfs() {
	local file=$1 busybox=$2 init=$3 dir=$1.dir m
	shift 3
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,dev,proc,root,sys,tmp,modules}
	cp "$busybox" "$dir/bin/busybox"
	ln -s busybox "$dir/bin/sh"
	cp "$init" "$dir/init"
	chmod 755 "$dir/init"
	if [ $# != 0 ]; then
		cp "$@" "$dir/modules/"
		for m; do basename "$m" .ko; done >"$dir/modules/order"
	fi
	( cd "$dir" && find . | sort | cpio --quiet -o -H newc -R 0:0 | gzip -n1 ) >"$file"
	rm -rf "$dir"
}
