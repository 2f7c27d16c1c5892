#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# gcc 12.2 writes the dimensions of an array of arrays to BTF the wrong way round.
#
# Seen with the cc1 of cpp-12 12.2.0-14+deb12u1, Debian 12, amd64. In C, int a[3][5] is an
# array of 3 arrays of 5 numbers. With -gbtf the member has an array of 5 elements, each an
# array of 3 numbers: int a[5][3]. Both have 15 numbers, so that sizes and offsets are right
# and nothing complains; but a comparison with another description of the structure shows a
# difference that does not exist. (pahole, which makes BTF of DWARF, has one array of 15
# numbers: a third answer.)
#
# Output seen: "a: array of 5 of array of 3 of int"
set -euo pipefail
version=12.2.0-14+deb12u1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "cpp-12=$version" libisl23 libmpc3 libmpfr6 libgmp10 libzstd1 zlib1g 2>/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
libs=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu

echo 'struct s { int a[3][5]; } object;' >array.c
LD_LIBRARY_PATH=$libs root/usr/lib/gcc/x86_64-linux-gnu/12/cc1 -quiet -gbtf -dA array.c -o array.s
# Types are numbered as they come, from 1; of each its kind, and of arrays what they hold
said=$(awk '
	function hex(s, i, v) { for (i = 3; i <= length(s); i++) v = 16 * v + index("0123456789abcdef", substr(s, i, 1)) - 1; return v }
	function number(s) { return s ~ /^0x/ ? hex(s) : s + 0 }
	/# btt_info/ { kind[++n] = $0; sub(/.*kind=/, "", kind[n]); sub(/,.*/, "", kind[n]) }
	/# btm_type/ { member = number($2) }
	/# bta_contents/ { holds[n] = number($2) }
	/# bta_nelems/ { elements[n] = number($2) }
	END {
		for (t = member; kind[t] == 3; t = holds[t])
			printf "array of %d of ", elements[t]
		print kind[t] == 1 ? "int" : "kind " kind[t]
	}' array.s)
echo "gcc $version, BTF of int a[3][5]:"
echo "a: $said"
[ "$said" = "array of 5 of array of 3 of int" ] || { echo "this has changed" >&2; exit 1; }
