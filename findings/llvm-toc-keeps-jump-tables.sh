#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# On PowerPC a linker keeps unused functions of LLVM's if they have a jump table.
#
# Seen with llc and ld.lld of llvm-22 1:22.1.8-1~deb12u1, Debian 12, amd64. With
# -function-sections each function is in a section of its own, so that a linker leaves out
# those that nobody calls (--gc-sections). For powerpc64le, in the usual code model
# (medium), LLVM reads a jump table's address from .toc, of which a file has one section.
# A function that is used and has a large switch keeps .toc, that keeps the tables of all
# functions, and these keep the functions. For x86-64 and AArch64 it is not so, nor for
# powerpc64le without jump tables, or in the large code model.
#
# Output seen:
#   powerpc64le: start unused
#   powerpc64le, no jump tables: start
#   powerpc64le, large code model: start
#   x86_64: start
#   aarch64: start
set -euo pipefail
version=1:22.1.8-1~deb12u1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "llvm-22=$version" "lld-22=$version" "libllvm22=$version" libedit2 libxml2 libz3-4 libbsd0 libmd0 libicu72 2>/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
bin=$dir/root/usr/lib/llvm-22/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/llvm-22/lib:$dir/root/usr/lib/x86_64-linux-gnu

# switches NAME FACTOR: a function that stores another number for each of its argument
switches() {
	local i
	echo "define i32 @$1(i32 %n) \"no-jump-tables\"=\"$jump_tables_off\" {"
	echo "  switch i32 %n, label %none ["
	for i in {0..79}; do echo "    i32 $i, label %case$i"; done
	echo "  ]"
	for i in {0..79}; do
		printf 'case%d:\n  store volatile i32 %d, ptr @sink\n  ret i32 %d\n' "$i" $((i * $2 % 1009)) $((i * i % 97))
	done
	printf 'none:\n  ret i32 0\n}\n'
}
# kept TRIPLE OPTION...: which functions are there after linking
kept() {
	local triple=$1
	shift
	{
		echo '@sink = global i32 0'
		switches unused 37
		switches start 41
	} >two.ll
	"$bin/llc" -O2 -mtriple="$triple" -relocation-model=static -function-sections -data-sections -filetype=obj "$@" two.ll -o two.o
	"$bin/ld.lld" --gc-sections -e start two.o -o two
	"$bin/llvm-nm" two | awk '$2 ~ /[tT]/ && ($3 == "start" || $3 == "unused") {print $3}' | sort | xargs
}
jump_tables_off=false
said="powerpc64le: $(kept powerpc64le-linux-gnu)
powerpc64le, no jump tables: $(jump_tables_off=true && kept powerpc64le-linux-gnu)
powerpc64le, large code model: $(kept powerpc64le-linux-gnu -code-model=large)
x86_64: $(kept x86_64-linux-gnu)
aarch64: $(kept aarch64-linux-gnu)"
echo "llvm $version:"
echo "$said"
[ "$said" = "powerpc64le: start unused
powerpc64le, no jump tables: start
powerpc64le, large code model: start
x86_64: start
aarch64: start" ] || { echo "this has changed" >&2; exit 1; }
