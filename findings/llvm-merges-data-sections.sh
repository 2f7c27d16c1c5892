#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# LLVM 22 for PowerPC puts constants into one section though each was to have its own.
#
# Seen with llc of llvm-22 1:22.1.8-1~deb12u1, Debian 12, amd64. With -data-sections each
# object is to be in a section of its own, so that a linker can leave out what nobody uses
# (--gc-sections). For powerpc64le, LLVM's pass that merges globals runs before that and
# makes one object of a file's internal constants: one that is used keeps all others. For
# x86-64 it does not. A Rust library of which little is used grows by its largest tables.
# -enable-global-merge=0 prevents it.
#
# Output seen:
#   powerpc64le: .rodata..L_MergedGlobals
#   x86_64: .rodata.large .rodata.small
#   powerpc64le, not merged: .rodata.large .rodata.small
set -euo pipefail
version=1:22.1.8-1~deb12u1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "llvm-22=$version" "libllvm22=$version" libedit2 libxml2 libz3-4 libbsd0 libmd0 libicu72 2>/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
lib=$dir/root/usr/lib
export LD_LIBRARY_PATH=$lib/llvm-22/lib:$lib/x86_64-linux-gnu

cat >constants.ll <<'EOF'
@small = internal unnamed_addr constant [3 x i32] [i32 5, i32 7, i32 11]
@large = internal unnamed_addr constant [900 x i32] zeroinitializer
define i32 @first(i64 %n) {
  %at = getelementptr [3 x i32], ptr @small, i64 0, i64 %n
  %value = load i32, ptr %at
  ret i32 %value
}
define i32 @second(i64 %n) {
  %at = getelementptr [900 x i32], ptr @large, i64 0, i64 %n
  %value = load i32, ptr %at
  ret i32 %value
}
EOF
# sections TRIPLE OPTION...: where the constants are
sections() {
	local triple=$1
	shift
	root/usr/lib/llvm-22/bin/llc -O2 -mtriple="$triple" -function-sections -data-sections "$@" constants.ll -o - |
		awk '/\.section/ && $2 ~ /^\.rodata/ {sub(/,.*/, "", $2); print $2}' | sort | xargs
}
said="powerpc64le: $(sections powerpc64le-linux-gnu)
x86_64: $(sections x86_64-linux-gnu)
powerpc64le, not merged: $(sections powerpc64le-linux-gnu -enable-global-merge=0)"
echo "llvm $version:"
echo "$said"
[ "$said" = "powerpc64le: .rodata..L_MergedGlobals
x86_64: .rodata.large .rodata.small
powerpc64le, not merged: .rodata.large .rodata.small" ] || { echo "this has changed" >&2; exit 1; }
