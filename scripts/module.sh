#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# module.sh [FLAVOUR]: builds kvm_ppc.ko against a cached host kernel (made if
# it is not there), in a folder of the cache so that flavours do not get into
# each other's way, and prints the module's name. Warnings are shown.
. "$(dirname "$0")/lib.sh"

flavour=${1:-book3s64+pages-64k}
use_flavour "$flavour"
kernel=$("$top/scripts/kernel.sh" "$flavour")
out=$(module_dir "$kernel")
mkdir -p "$out"
# What it is built against, and flags of its own for one of Debian's kernels
tree=$kernel flags=()
case $flavour in stock-*)
	tree=$("$top/scripts/rust-support.sh" "$kernel/build")
	"$top/scripts/rust-support.sh" -c "$kernel/build" "$tree"
	read -ra flags <"$tree/kvm_ppc-support"
	;;
esac

build() {
	local log=$out.log
	if ! kmake "${flags[@]}" -C "$tree" M="$top" MO="$out" modules >"$log" 2>&1 </dev/null; then
		grep -v '^make' "$log" >&2
		die "the module did not build; all of it: $log"
	fi
	# rustc's about the source; those without a place are about the target's flags
	awk -v RS= '/^(warning|error).*\n *-->/ || /: warning:/' "$log" >&2
}
( flock 9; build ) 9<"$out"
echo "$out/kvm_ppc.ko"
