#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# host.sh [-o OUT] [-t SECONDS] [-v] [-i] FOLDER
#
# Boots an emulated PowerPC host on a copy of FOLDER, which it finds at
# /payload, executes `sh ./run` there and switches the host off; with a file
# `watchers` in it, perf and the like are below /watchers; with a file
# `passthrough`, it has a disk to be given to a guest. Exit status:
# what `run` returned, or 99 if the host itself came to harm (it died, timed
# out, or its kernel complained); the reason is the last line of output.
#
# -o OUT      keep the console (console.log) and what `run` left in /results
# -t SECONDS  limit for the whole run, default 600
# -v          show the console
# -i          interactive: the terminal is the console; C-a x ends it
#
# By environment:
# HOST     powernv9 (default), powernv10: bare metal on radix
#          powernv9-hash, powernv10-hash: the same, on the hash MMU
#          powernv8: POWER8, bare metal
#          pseries8: a POWER8 partition, on the hash MMU
#          pseries9-hash: a POWER9 partition, on the hash MMU
#          pseries9-nested, pseries10-nested: partitions on radix whose hypervisor runs
#          guests for them, by H_ENTER_NESTED and by H_GUEST_RUN_VCPU
# FLAVOUR  of the host kernel, default book3s64+pages-64k (see kernel.sh); stock-64k and
#          stock-4k are Debian's own
# GUEST    of the guests' own kernel, default the host's
# SMP      CPUs, default 2; or in QEMU's words: 2,threads=2
# HUGE     0: a host that knows no pages but its own, of 4K or 64K; default 1
# MEM      default 4G
# APPEND   more for the kernel command line
# ICOUNT   1: time counts instructions, with one CPU
# GDB      a socket's name, where QEMU waits for a debugger
# KVM_PPC_KO  the module to take along, default the one built for FLAVOUR
. "$(dirname "$0")/lib.sh"

out='' limit=600 verbose=0 interactive=0
while getopts o:t:vi opt; do
	case $opt in
	o) out=$OPTARG ;;
	t) limit=$OPTARG ;;
	v) verbose=1 ;;
	i) interactive=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
folder=${1:?folder with a run script}
[ -f "$folder/run" ] || die "$folder has no run script"
host=${HOST:-powernv9} flavour=${FLAVOUR:-book3s64+pages-64k} smp=${SMP:-2} mem=${MEM:-4G}

work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-host.XXXXXX")
trap 'rm -rf "$work"' EXIT
: "${out:=$work/out}"
mkdir -p "$out"
rm -f "$out"/{console.log,firmware.log,results.log,qemu.log,dtb,dtb.log,rc,dmesg,kmemleak,lockdep_stats}

kernel=$("$top/scripts/kernel.sh" "$flavour")
root=$("$top/scripts/rootfs.sh")
guests=$("$top/scripts/guests.sh" "$("$top/scripts/kernel.sh" "${GUEST:-$flavour}")")
[ ! -e "$folder/watchers" ] || watchers=$("$top/scripts/watchers.sh")

# Makes the payload: the folder, the host's init, and the modules
stage_dir=$work/payload
mkdir "$stage_dir"
cp -aL "$folder/." "$stage_dir/"
mkdir -p "$stage_dir/host" "$stage_dir/modules"
cp "$top"/scripts/host/{init,functions} "$stage_dir/host/"
cat >"$stage_dir/host/env" <<-EOF
	interactive=$interactive
	host=$host
	flavour=$flavour
	icount=${ICOUNT:-0}
	smp=$smp
EOF
# If the kernel needs modules to boot, they are added to the initramfs
initrd=$root/initrd
if [ -f "$kernel/host.cpio.gz" ]; then
	initrd=$work/initrd
	cat "$root/initrd" "$kernel/host.cpio.gz" >"$initrd"
	cp "$kernel"/modules/*.ko "$stage_dir/modules/"
fi
find "$kernel/arch/powerpc/kvm" -name 'kvm*.ko' -exec cp -t "$stage_dir/modules" {} +
ko=${KVM_PPC_KO:-$(module_dir "$kernel")/kvm_ppc.ko}
[ ! -f "$ko" ] || cp "$ko" "$stage_dir/modules/kvm_ppc.ko"
size=$(du -sm --apparent-size "$stage_dir" | cut -f1)
ext4_image "$work/payload.ext4" $((size + size / 4 + 16))M "$stage_dir"
truncate -s 256M "$work/results.img"

accel=(-accel "tcg,thread=multi")
if [ "${ICOUNT:-0}" = 1 ]; then
	accel=(-accel tcg,thread=single -icount shift=1,sleep=off)
	smp=1
fi
console=(-chardev "stdio,id=con,signal=off,logfile=$out/console.log" -serial chardev:con)
[ $interactive = 0 ] ||
	console=(-chardev "stdio,id=con,mux=on,signal=off,logfile=$out/console.log" -serial chardev:con -mon con)

append=''
bus=pcie.0
huge=${HUGE:-1} # for radix
machine=()
case $host in
powernv9 | powernv10) machine=(-M "$host") ;;
powernv9-hash | powernv10-hash) machine=(-M "${host%-hash}") append=disable_radix huge=0 ;;
powernv8) machine=(-M powernv8) huge=0 ;;
pseries8 | pseries9-hash | pseries*-nested)
	# TCG lacks transactions and the other features that these options turn off
	machine=(-M "pseries,x-vof=on,cap-htm=off,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken")
	bus=pci.0 huge=0
	case $host in
	pseries8) machine+=(-cpu power8) ;;
	pseries9-hash) machine+=(-cpu power9) append=disable_radix ;;
	pseries9-nested) machine+=(-M cap-nested-hv=on -cpu power9) ;;
	pseries10-nested) machine+=(-M cap-nested-papr=on -cpu power10) ;;
	esac
	;;
*) die "no host $host" ;;
esac
drive() { printf -- '-drive\nfile=%s,format=raw,if=none,id=d%s,snapshot=%s\n-device\nnvme-ns,drive=d%s,bus=nvme,nsid=%s\n' "$2" "$1" "$3" "$1" "$1"; }
mapfile -t disks < <(
	drive 1 "$root/root.ext4" on
	drive 2 "$work/payload.ext4" on
	drive 3 "$guests" on
	drive 4 "$work/results.img" off
	[ ! -e "$folder/watchers" ] || drive 5 "$watchers/watchers.ext4" on
)
# A disk behind another host bridge, to be given to a guest
case $host in
powernv*)
	if [ -e "$folder/passthrough" ]; then
		yes "passed through" | head -c 8M >"$work/passthrough.img" || true
		disks+=(-drive "file=$work/passthrough.img,format=raw,if=none,id=passthrough"
			-device "virtio-blk-pci,drive=passthrough,bus=pcie.1,disable-legacy=on,iommu_platform=on")
	fi
	;;
esac
# A kernel that warns or panics must end the run, rather than hang
append="$append console=hvc0 loglevel=5 log_buf_len=4M oops=panic panic=-1"
case $flavour in *debug*) append+=" panic_on_warn=1" ;; esac
# DAMON_STAT clears reference bits, and QEMU 10.0.2's POWER10 never returns from an HDSI if
# the reference bit of a guest's own table is clear while it reads the instruction
# (Documentation/building.rst)
case $flavour,$host in stock-*,powernv10 | stock-*,pseries10-nested) append+=" damon_stat.enabled=0" ;; esac
# The watchdog reports processors that do not respond for 10 s. An emulated one may just be
# slow because the machine is busy.
case $flavour in stock-*) append+=" nmi_watchdog=0" ;; esac

board=("${machine[@]}" -smp "$smp" -m "$mem" -nic none -display none -vga none -kernel "$kernel/vmlinux" -initrd "$initrd")
tree=(-append "$append ${APPEND:-}")

# board_dtb FILE: the machine's device tree, with the sizes of pages that the
# radix MMU has, which QEMU leaves out: log2 of the size, AP in the upper 3 bits
board_dtb() {
	local cpu cpus
	printf 'dumpdtb %s\nquit\n' "$1" |
		timeout 30 qemu-system-ppc64 "${board[@]}" "${tree[@]}" -S -serial none -monitor stdio || return
	cpus=$(fdtget -l "$1" /cpus) && [ -n "$cpus" ] || return
	for cpu in $cpus; do
		fdtput -t x "$1" "/cpus/$cpu" ibm,processor-radix-AP-encodings c a0000010 20000015 4000001e || return
	done
}
if [ "$huge" = 1 ]; then
	board_dtb "$out/dtb" >"$out/dtb.log" 2>&1 || die "no device tree; log: $out/dtb.log"
	tree=(-dtb "$out/dtb") # has the command line already
fi

cmd=(timeout --foreground -k 5 "$limit" qemu-system-ppc64 "${board[@]}" "${tree[@]}" "${accel[@]}"
	-monitor none -no-reboot -pidfile "$work/pid" "${console[@]}"
	-device "nvme,id=nvme,serial=1,bus=$bus" "${disks[@]}")
[ -z "${GDB:-}" ] || cmd+=(-gdb "unix:$GDB,server=on,wait=off")
# came_up: true if the kernel has printed something; the firmware's times have nine digits
came_up() { grep -aqsE '^\[ *[0-9]+\.[0-9]{6}\] |^host: up ' "$out/console.log"; }
# watch_firmware: ends QEMU if the firmware does not start the kernel within three minutes,
# or if both processors sleep
watch_firmware() {
	local s asleep=0 ticks last=0 pid=''
	for ((s = 0; s < 180 && asleep < 10; s++)); do
		sleep 1
		! came_up || return 0
		pid=$(<"$work/pid") || continue
		ticks=$(cut -d ' ' -f 14 "/proc/$pid/stat")
		((ticks > last + 2)) && asleep=0 || asleep=$((asleep + 1))
		last=$ticks
	done
	touch "$work/stuck"
	kill "$pid"
}
# run_host: runs QEMU and sets rc to its status
run_host() {
	local watch=''
	rc=0
	rm -f "$out/console.log" "$work"/{pid,stuck}
	if [ -z "${GDB:-}" ]; then
		watch_firmware >/dev/null 2>&1 &
		watch=$!
	fi
	if [ $interactive = 1 ]; then
		"${cmd[@]}" || rc=$?
	elif [ $verbose = 1 ]; then
		"${cmd[@]}" </dev/null || rc=$?
	else
		"${cmd[@]}" </dev/null >"$work/stdout" 2>"$out/qemu.log" || rc=$?
	fi
	[ -z "$watch" ] || kill "$watch" 2>/dev/null || true
}
# ended_early: true if QEMU ended in the firmware, and not on request at the console
ended_early() {
	! came_up && { [ $interactive = 0 ] || [ -e "$work/stuck" ] || [ $rc -ge 128 ]; }
}
run_host
# On a busy machine one of some tens of starts fails in the firmware, while its two
# processors look for PCI bridges: both sleep, the machine resets, or QEMU fails an
# assertion of its interrupt controller (hw/intc/xive.c). Then start again.
for try in 2 3 4; do
	ended_early || break
	stage "the host's firmware did not come to the kernel; try $try"
	mv -f "$out/console.log" "$out/firmware.log" 2>/dev/null || true
	run_host
done

harm() {
	printf 'host: FAILED: %s\n' "$*"
	exit 99
}
tar -C "$out" -xf "$work/results.img" 2>"$out/results.log" || true
# The kernel's log, or the console if the log could not be saved; the console may have a
# guest's output, too
log=$out/dmesg
[ -s "$log" ] || log=$out/console.log
bad=$(awk -f "$top/scripts/complaint.awk" "$log")
[ $rc != 124 ] || harm "timeout after $limit s${bad:+; on the console: $bad}"
[ -z "$bad" ] || harm "the host kernel says: $bad"
[ $rc = 0 ] || harm "QEMU ended with $rc"
[ $interactive = 0 ] || exit 0
[ -s "$out/rc" ] || harm "the host went down before run ended"
[ ! -s "$out/kmemleak" ] || harm "kmemleak: $(sed -n 1p "$out/kmemleak")"
[ "$huge" = 0 ] || grep -q 'Page size shift = 21' "$out/dmesg" || harm "it knew no huge pages"
case $flavour in
*debug*) grep -q 'debug_locks: *1' "$out/lockdep_stats" || harm "lockdep turned itself off" ;;
esac
exit "$(cat "$out/rc")"
