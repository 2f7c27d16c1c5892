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
# The tree that it is built against, and extra flags for one of Debian's kernels
tree=$kernel flags=()
case $flavour in stock-*)
	tree=$("$top/scripts/rust-support.sh" "$kernel/build")
	"$top/scripts/rust-support.sh" -c "$kernel/build" "$tree"
	read -ra flags <"$tree/kvm_ppc-support"
	;;
esac

# built: nothing of what it is made of has changed since it was built against this tree, which
# takes make some seconds to find out
built() {
	[ "$(cat "$out/built" 2>/dev/null)" = "$tree" ] && [ -e "$out/kvm_ppc.ko" ] || return 1
	[ -z "$(find "$top"/{Kbuild,rust,asm,scripts/support-link.sh} "$tree"/{.config,Module.symvers,include/config/auto.conf} \
		-newer "$out/built" -print -quit)" ]
}

build() {
	local log=$out.log
	! built || return 0
	rm -f "$out/built"
	# As old as the beginning, for what changes meanwhile
	echo "$tree" >"$out/building"
	if ! kmake "${flags[@]}" -C "$tree" M="$top" MO="$out" modules >"$log" 2>&1 </dev/null; then
		grep -v '^make' "$log" >&2
		die "the module did not build; all of it: $log"
	fi
	# Shows rustc's warnings about the source; those without a place are about the target's
	# flags
	awk -v RS= '/^(warning|error).*\n *-->/ || /: warning:/' "$log" >&2
	mv "$out/building" "$out/built"
}
( flock 9; build ) 9<"$out"
echo "$out/kvm_ppc.ko"
