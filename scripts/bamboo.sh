#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# bamboo.sh [-o OUT] [-t SECONDS] [-biv] PROGRAM[,ARGUMENT]...
#
# Boots an emulated 440 host and executes these programs of selftests/e44x (or of its
# initramfs, by their paths) there, one after another, with the module loaded, as TAP; then switches it off. The
# host has no disks: all is in its initramfs, and what it says on its first serial port,
# apart from its kernel, which has the second one.
# Exit status: 0, or 99 if the host itself came to harm, with the reason as the
# last line of output.
#
# -o OUT      keep what came by the ports: console.log of the programs, kernel.log
# -t SECONDS  limit for the whole run, default 600
# -v          show what the programs say
# -i          and type to them; the kernel has the same port then
# -b          busybox as a userland of the host and of guests
#
# By environment:
# FLAVOUR     of the host kernel, default 44x (see kernel.sh), and
# GUEST       of the guests' kernel, default the same
# OTHER       another one of theirs, default none
# MEM         default 256M
# APPEND      more for the host's kernel command line
# ICOUNT      1: time counts instructions
# GDB         a socket for QEMU's gdb port, where it waits for somebody
. "$(dirname "$0")/lib.sh"

out='' limit=600 verbose=0 input=0 userland=0
while getopts o:t:biv opt; do
	case $opt in
	o) out=$OPTARG ;;
	t) limit=$OPTARG ;;
	v) verbose=1 ;;
	i) input=1 verbose=1 ;;
	b) userland=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
flavour=${FLAVOUR:-44x}

work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-bamboo.XXXXXX")
trap 'rm -rf "$work"' EXIT
: "${out:=$work/out}"
mkdir -p "$out"
rm -f "$out"/{console,kernel}.log

kernel=$("$top/scripts/kernel.sh" "$flavour")
guest=$("$top/scripts/kernel.sh" "${GUEST:-$flavour}")
build_selftests 44x

# initramfs FOLDER FILE
initramfs() { ( cd "$1" && find . | sort | cpio --quiet -o -H newc -R 0:0 | gzip -n1 ) >"$2"; }

mkdir -p "$work"/{guest,host/{guest,tests}}
cp "$selftests"/{init,stress} "$work/guest/"
cp "$selftests/init" "$work/host/"
find "$selftests" -maxdepth 1 -type f -perm -u+x -exec cp -t "$work/host/tests" {} +
cp "$(module_dir "$kernel")/kvm_ppc.ko" "$work/host/"
if [ $userland = 1 ]; then
	busybox=$("$top/scripts/busybox.sh")
	for dir in guest host; do
		mkdir -p "$work/$dir/bin"
		cp "$busybox" "$work/$dir/bin/busybox"
		while read -r name; do ln -s busybox "$work/$dir/bin/$name"; done <"$(dirname "$busybox")/applets"
	done
	printf '%s\n' '#!/bin/sh' '# Boots a guest to a shell' \
		'exec /tests/bamboo -i /guest/vmlinux /guest/initrd console=ttyS0 quiet panic=-1 "PS1=guest#" run=/bin/sh' \
		>"$work/host/bin/guest"
	chmod 755 "$work/host/bin/guest"
fi
powerpc-linux-gnu-strip -o "$work/host/guest/vmlinux" "$guest/vmlinux"
if [ -n "${OTHER:-}" ]; then
	powerpc-linux-gnu-strip -o "$work/host/guest/other" "$("$top/scripts/kernel.sh" "$OTHER")/vmlinux"
	APPEND="${APPEND:-} OTHER_KERNEL=1"
fi
initramfs "$work/guest" "$work/host/guest/initrd"
initramfs "$work/host" "$work/initrd"

run=''
for program; do
	case $program in /*) run+=" run=$program" ;; *) run+=" run=/tests/$program" ;; esac
done
# A kernel that warns or panics must end the run, not hang it
append="console=ttyS$((1 - input)) loglevel=5 oops=panic panic=-1"
case $flavour in *debug*) append+=" panic_on_warn=1 page_poison=on" ;; esac
append+=" TEST_FLAVOUR=$flavour ${APPEND:-} load=/kvm_ppc.ko$run unload=kvm_ppc"

accel=(-accel tcg)
[ "${ICOUNT:-0}" = 0 ] || accel=(-accel "tcg,thread=single" -icount "shift=1,sleep=off")
console=(-serial stdio)
stdin=/dev/null
if [ $input = 1 ]; then
	stdin=/dev/stdin
	[ ! -t 0 ] || console=(-chardev "stdio,id=con,mux=on,signal=off" -serial chardev:con -mon con)
else
	console+=(-serial "file:$out/kernel.log")
fi
cmd=(timeout --foreground -k 5 "$limit" qemu-system-ppc "${accel[@]}" -M bamboo -m "${MEM:-256M}" -nic none -display none
	-monitor none "${console[@]}" -no-reboot
	-kernel "$kernel/arch/powerpc/boot/uImage" -initrd "$work/initrd" -append "$append")
[ -z "${GDB:-}" ] || cmd+=(-gdb "unix:$GDB,server=on,wait=off" -S)
log=$out/console.log
: >"$out/kernel.log"
set +e
if [ $verbose = 1 ]; then
	"${cmd[@]}" <$stdin 2>"$out/qemu.log" | tee "$log"
else
	"${cmd[@]}" </dev/null >"$log" 2>"$out/qemu.log"
fi
rc=${PIPESTATUS[0]}
set -e

harm() {
	printf 'host: FAILED: %s\n' "$*"
	exit 99
}
# The other log is what kernels of guests say
bad=$(awk -f "$top/scripts/complaint.awk" "$out/kernel.log" "$log")
[ "$rc" != 124 ] || harm "timeout after $limit s${bad:+; a kernel says: $bad}"
[ -z "$bad" ] || harm "a kernel says: $bad"
[ "$rc" = 0 ] || harm "QEMU ended with $rc"
! grep -aq '^init: lockdep is off' "$log" || harm "the lock validator has turned itself off"
case $flavour in *debug*) grep -aq '^init: lockdep is on' "$log" || harm "there is no lock validator" ;; esac
grep -aq '^init: done' "$log" || harm "the host went down before all had run"
