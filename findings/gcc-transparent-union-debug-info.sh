#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# gcc 12.2 describes a union without its members if a typedef makes it transparent.
#
# Seen with the cc1 of cpp-12 12.2.0-14+deb12u1, Debian 12, amd64. The attribute
# transparent_union at the end of the typedef of an unnamed union makes the typedef's
# type a variant of the union, and in DWARF and in BTF the variant has its size and no
# members: a debugger shows nothing in it, and who compares structures by their debug
# information takes two such unions for equal whatever is in them. Without the
# attribute, and with clang, the members are there.
#
# Output seen: "plain: 2 in DWARF, 2 in BTF", "transparent: 0 in DWARF, 0 in BTF"
set -euo pipefail
version=12.2.0-14+deb12u1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "cpp-12=$version" libisl23 libmpc3 libmpfr6 libgmp10 libzstd1 zlib1g 2>/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
libs=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu

echo 'typedef union { int *ip; long *lp; } argument; argument object;' >plain.c
echo 'typedef union { int *ip; long *lp; } argument __attribute__((transparent_union)); argument object;' >transparent.c
# members FILE FORMAT WORD: how often WORD is in the comments of the assembler's text
members() {
	LD_LIBRARY_PATH=$libs root/usr/lib/gcc/x86_64-linux-gnu/12/cc1 -quiet "-g$2" -dA "$1.c" -o "$1.$2"
	grep -c "$3" "$1.$2" || true
}
echo "gcc $version, members of a union of two:"
said=$(for f in plain transparent; do
	echo "$f: $(members $f dwarf '(DIE (.*DW_TAG_member') in DWARF, $(members $f btf '# btm_type') in BTF"
done)
echo "$said"
[ "$said" = "plain: 2 in DWARF, 2 in BTF
transparent: 0 in DWARF, 0 in BTF" ] || { echo "this has changed" >&2; exit 1; }
