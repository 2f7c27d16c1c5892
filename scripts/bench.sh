#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh: path lengths in timebase ticks, the module next to the kernel's own,
# in one host whose time counts instructions; and once more in a host without
# mitigations. Fails if a ratio is above its limit. HOST as for host.sh, or bamboo;
# FLAVOUR and GUEST too. Prints where a picture of it is.
#
# BENCH=scale measures how costs grow with how much there is instead, and BENCH=io what
# interrupts cost a Linux guest of 2 CPUs: in counted time on 1 CPU, and by the clock on 2.
. "$(dirname "$0")/lib.sh"

[ "${HOST:-}" != bamboo ] || exec "$top/scripts/bench-bamboo.sh"

flavour=${FLAVOUR:-book3s64+pages-64k}
# The kernel's own module to compare with, and the highest ratio to its figures that is permitted
case $flavour,${HOST:-powernv9} in
*,powernv9-hash)
	peer=kvm-pr
	declare -A limit=([hcall_kernel]=0.70 [spr]=0.38 [hcall_user]=0.48 [mmio_load]=0.57 [page_fault]=0.67
		[syscall]=0.62 [context_switch]=0.78 [boot]=0.795)
	;;
*-hash | *,pseries8)
	peer=kvm-pr
	declare -A limit=([hcall_kernel]=0.80 [spr]=0.80 [hcall_user]=0.80 [mmio_load]=0.80 [page_fault]=0.80
		[syscall]=0.80 [context_switch]=0.80 [boot]=0.80)
	;;
# Partitions, where a hypervisor runs the guests
*,pseries9-nested)
	peer=kvm-hv
	declare -A limit=([hcall_kernel]=0.58 [hcall_user]=0.82 [mmio_load]=0.76 [page_fault]=0.10 [boot]=0.96)
	;;
# There kvm-hv.ko cannot run this (Documentation/partitions.rst), so the module is measured alone
*,pseries10-nested)
	peer=${MODULE:-kvm_ppc}
	declare -A limit=()
	;;
# There the kernel's own module was built by gcc, which makes fewer instructions of it
stock-*)
	peer=kvm-hv
	declare -A limit=([hcall_kernel]=0.75 [hcall_user]=0.85 [mmio_load]=0.53 [page_fault]=0.72 [boot]=1.00)
	;;
*)
	peer=kvm-hv
	declare -A limit=([hcall_kernel]=0.67 [hcall_user]=0.80 [mmio_load]=0.50 [mmio_kick]=0.79
		[page_fault]=0.10 [boot]=0.96)
	;;
esac
program=bench
case ${BENCH:-} in
scale) program=scale limit=() ;;
io) program=io limit=() ;;
esac
# limit_of NAME: empty if there is none
limit_of() {
	case $program,$1 in
	scale,slot_* | scale,ioeventfd_*) echo 0.80 ;;
	scale,*) echo 1.00 ;;
	# On one CPU these two are as many of the scheduler's ticks as it pleases
	io,byte_to_other_cpu) echo 1.00 ;;
	io,timer) echo 1.20 ;;
	io,*) echo 1.05 ;;
	*) echo "${limit[$1]:-}" ;;
	esac
}
ours=${MODULE:-kvm_ppc}

out=$results/$program
rm -rf "$out"
mkdir -p "$out/payload"
[ "$ours" != kvm_ppc ] || "$top/scripts/module.sh" "$flavour" >/dev/null
build_selftests book3s
cp "$top/scripts/payload/$program/run" "$out/payload/"
if [ $program = io ]; then
	# The guest's
	cp "$selftests/guest_io" "$out/program"
	( cd "$out" && mkdir modules && mv program modules && find modules | cpio --quiet -o -H newc -R 0:0 | gzip -n1 ) >"$out/payload/guest.cpio.gz"
else
	cp "$selftests/$program" "$out/payload/"
fi
[ "$peer" = "$ours" ] || echo "$peer" >"$out/payload/modules.list"
echo "$ours" >>"$out/payload/modules.list"

measure() { ICOUNT=${ICOUNT:-1} FLAVOUR=$flavour APPEND=$2 "$top/scripts/host.sh" -t 1500 -o "$out/$1" "$out/payload"; }
measure default "" >"$out/default.out" 2>&1 &
default=$!
failed=0
if [ $program = io ]; then
	stage "measuring $peer and $ours, in counted time and by the clock"
	# Not beside the other, which takes a CPU
	wait $default || failed=1
	ICOUNT=0 SMP=2 measure off "" >"$out/off.out" 2>&1 &
else
	stage "measuring $peer and $ours, with and without mitigations in the host"
	measure off mitigations=off >"$out/off.out" 2>&1 &
fi
off=$!
[ $program = io ] || wait $default || failed=1
wait $off || failed=1
if [ $failed = 1 ]; then
	tail -n 3 "$out/default.out" "$out/off.out" >&2
	die "a host failed; logs: $out"
fi
stage "measured"

ticks() { awk -v n="$3" '$1 == "bench" && $2 == n {print $3}' "$out/$1/$2"; }
row='%-22s %10s %10s %6s %6s  %-4s %12s %10s %6s\n'
# shellcheck disable=SC2059 # the same format for the heading
printf "$row" '' "$peer" "$ours" ratio limit '' "off: $peer" "$ours" ratio
count=0
while read -r name; do
	a=$(ticks default "$peer" "$name") b=$(ticks default "$ours" "$name")
	c=$(ticks off "$peer" "$name") d=$(ticks off "$ours" "$name")
	verdict='' l=$(limit_of "$name")
	ratio=$(awk -v a="$a" -v b="${b:-0}" 'BEGIN {printf "%.2f", (a > 0 ? b / a : 0)}')
	if [ -n "$l" ]; then
		count=$((count + 1))
		verdict=ok
		if [ -z "$b" ] || awk -v a="$a" -v b="$b" -v l="$l" 'BEGIN {exit !(b > l * a)}'; then
			verdict=OVER failed=1
		fi
	fi
	echo "$name $a ${b:-0} ${l:--}" >>"$out/table"
	# shellcheck disable=SC2059
	printf "$row" "$name" "$a" "${b:--}" "$ratio" "$l" "$verdict" "${c:--}" "${d:--}" \
		"$(awk -v a="${c:-0}" -v b="${d:-0}" 'BEGIN {printf "%.2f", (a > 0 ? b / a : 0)}')"
done < <(awk '$1 == "bench" {print $2}' "$out/default/$peer")
[ $program != bench ] || [ $count = ${#limit[@]} ] || die "only $count of ${#limit[@]} figures with a limit were measured"
kind=bars
[ $program != scale ] || kind=curves
"$top/scripts/chart.sh" $kind "$out" "$peer" "$ours" "Timebase ticks" 'slots|slot_.*|discard_.* ioeventfds|ioeventfd_.* vCPUs|v.* MiB|log_.*'
[ $failed = 0 ] || { echo "bench: FAILED: above a limit"; exit 1; }
echo "bench: ok"
