#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# layout-test.sh: tests that the comparison of structures (layout.py) finds differences,
# and that rust-support.sh refuses a source that is not the kernel's. TAP on stdout.
. "$(dirname "$0")/lib.sh"
. "$top/scripts/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-layout.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

# btf NAME SED: the types of a C file, with this change, as NAME.btf
btf() {
	sed "$2" >"$work/$1.c" <<-'EOF'
		enum mode { MODE_A = 3, MODE_B = 0x10 };
		typedef struct { int counter; } atomic_t;
		struct inner { long first; char name[6]; };
		struct outer {
			struct inner in[2][3];
			union { struct { int low, high; }; long whole; };
			unsigned int flag:3, other:5;
			atomic_t count;
			enum mode mode;
			struct outer *next;
		};
		struct unchanged { struct outer *p; };
	EOF
	"clang-$LLVM_VERSION" --target=powerpc64le-linux-gnu -g -fno-eliminate-unused-debug-types -c -o "$work/$1.o" "$work/$1.c"
	pahole -J --btf_encode_detached="$work/$1.btf" "$work/$1.o"
}

# judged NAME EXPECTED SED: the comparison with a file so changed fails, and says EXPECTED
judged() {
	local rc=0 out wrong=0
	rm -f "$work/theirs.btf"
	btf theirs "$3"
	out=$(python3 "$top/scripts/layout.py" "$work/ours.btf" "$work/theirs.btf" 2>&1) || rc=$?
	if [ -z "$2" ]; then
		[ $rc = 0 ] || wrong=1
	else
		[ $rc = 1 ] && grep -q "^layout: $2" <<<"$out" || wrong=1
	fi
	result "$1" $wrong <<<"status $rc: $out"
}

# refused NAME EXPECTED COMMAND...: it fails and says EXPECTED
refused() {
	local name=$1 expected=$2 out wrong=0
	shift 2
	! out=$("$@" 2>&1) && grep -q "$expected" <<<"$out" || wrong=1
	result "$name" $wrong <<<"$out"
}

btf ours ''
judged "the same" '' ''
judged "other names of other things" '' 's/unchanged/another/'
judged "a member more" 'struct outer: ' 's/struct outer \*next/long more; &/'
judged "a member less" 'struct outer: ' '/struct outer \*next/d'
judged "two members in another order" 'struct inner: ' 's/long first; char name\[6\]/char name[6]; long first/'
judged "a member of another name" 'struct outer: ' 's/ low, high/ high, low/'
judged "a larger array" 'struct inner: ' 's/name\[6\]/name[7]/'
judged "a wider bit field" 'struct outer: ' 's/flag:3/flag:4/'
judged "a pointer for an integer" 'struct inner: ' 's/long first/void *first/'
judged "a type without a name" 'type atomic_t: ' 's/int counter/long counter/'
judged "an enumerator" 'enumerator MODE_B: ' 's/0x10/0x11/'
judged "nothing to compare" 'nothing to compare' 's/inner/i/g; s/outer/o/g; s/unchanged/u/; s/atomic_t/a/'
refused "a file of other things" "no BTF" python3 "$top/scripts/layout.py" "$work/ours.btf" "$work/ours.c"

# Those parts of a kernel's headers package and source that are read
mkdir -p "$work/kdir/include/generated" "$work/source"
kdir=$work/kdir
refused "no headers" "no kernel's headers" "$top/scripts/rust-support.sh" "$kdir"
echo 'CONFIG_PPC64=y' >"$kdir/.config"
touch "$kdir/vmlinux" "$kdir/Module.symvers"
echo '#define UTS_RELEASE "9.9-test"' >"$kdir/include/generated/utsrelease.h"
refused "a kernel of somebody else" "is not one of Debian's" "$top/scripts/rust-support.sh" "$kdir"
echo '#define LINUX_PACKAGE_ID " Debian 5.10.1-1"' >"$kdir/include/generated/package.h"
refused "a kernel that is too old" "too old" "$top/scripts/rust-support.sh" "$kdir"
echo '#define LINUX_PACKAGE_ID " Debian 9.9.2-1"' >"$kdir/include/generated/package.h"
printf 'VERSION = 9\nPATCHLEVEL = 9\nSUBLEVEL = 3\nEXTRAVERSION =\n' >"$work/source/Makefile"
refused "the source of another version" "is Linux 9.9.3, and the kernel 9.9.2" \
	env KVM_PPC_SOURCE="$work/source" "$top/scripts/rust-support.sh" "$kdir"
printf 'VERSION = 9\nPATCHLEVEL = 9\nSUBLEVEL = 2\nEXTRAVERSION = -rc3\n' >"$work/source/Makefile"
refused "the source of a release candidate" "is Linux 9.9.2~rc3, and the kernel 9.9.2" \
	env KVM_PPC_SOURCE="$work/source" "$top/scripts/rust-support.sh" "$kdir"
echo 'CONFIG_RUST=y' >>"$kdir/.config"
out=$("$top/scripts/rust-support.sh" "$kdir" 2>&1) || true
result "a kernel with Rust is built against as it is" "$([ "$out" = "$kdir" ]; echo $?)" <<<"$out"

# Generated headers that differ
for t in a b; do
	mkdir -p "$work/$t/include/generated"
	for f in asm-offsets bounds rq-offsets; do echo "#define X 1" >"$work/$t/include/generated/$f.h"; done
done
echo "#define X 2" >"$work/b/include/generated/bounds.h"
refused "a generated header" "bounds.h is another" "$top/scripts/rust-support.sh" -c "$work/a" "$work/b"
finished
