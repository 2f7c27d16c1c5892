#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# support-link.sh TREE OUT OBJECT...: links what the module's own objects need of
# the kernel's Rust support, as TREE has it (rust-support.sh), to one object. The
# kernel's build calls it, with its LD, NM and READELF.
set -eu
tree=$1 out=$2
shift 2

support="$tree/rust/core.o $tree/rust/compiler_builtins.o $tree/rust/kernel.o $tree/rust/helpers/helpers.o"
script=$out.lds
trap 'rm -f "$script"' EXIT

# Keep sections that the kernel finds by their names, though nothing refers to them:
# warnings, exceptions, static branches, and code that is patched by the processor's
# features
# shellcheck disable=SC2086 # names are words
tables=$($READELF -SW $support | sed -n 's/^ *\[ *[0-9]*\] \(__[a-z_]*_\(table\|fixup\)\) .*/\1/p' | sort -u)
{
	echo 'SECTIONS {'
	for t in $tables; do echo "$t 0 : { KEEP(*($t)) }"; done
	for s in text rodata data bss; do echo ".$s 0 : { *(.$s .$s.[0-9a-zA-Z_]*) }"; done
	echo '}'
} >"$script"
roots=$($NM -u "$@" | sed -n 's/^ *U //p' | sort -u | sed 's/^/-u /')
# shellcheck disable=SC2086
$LD -r --gc-sections -T "$script" $roots -o "$out" $support

# Only kernels with Rust know this format; patches/stock keeps the crate from using it, also
# in inline functions
for o in "$out" "$@"; do
	! grep -q '%pA' "$o" || { echo "$o prints with %pA" >&2; rm -f "$out"; exit 1; }
done
