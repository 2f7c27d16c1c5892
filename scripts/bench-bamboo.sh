#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# bench-bamboo.sh: path lengths of the e44x backend in instructions, and the TLB entries
# it writes, in a host whose time counts instructions. Next to them: the entries that
# would be written by a world switch that replaces all entries that are not pinned, on
# the way in and on the way out, as KVM for the 440 did when it was in Linux. Fails if
# an exit writes more entries than the limit, or if 64 instructions at as many addresses
# take much longer than one takes 64 times.
. "$(dirname "$0")/lib.sh"

exits="mfspr mfspr_64 mtspr system_call rfi guest_miss mmio_load mmio_store touch tlbwe"
# The highest permitted ratio of entries written to those that the other would write
limit=0.20

out=$results/bench-bamboo
rm -rf "$out"
mkdir -p "$out"
"$top/scripts/module.sh" 44x >/dev/null
stage "measuring exits of 440 guests"
ICOUNT=1 "$top/scripts/bamboo.sh" -t 300 -o "$out" bench >"$out/bench.out" 2>&1 ||
	{ tail -n 3 "$out/bench.out" >&2; die "the host failed; log: $out/console.log"; }
tr -d '\r' <"$out/console.log" | awk '$1 == "bench"' >"$out/bench"
grep -aq '^# END bench 0' "$out/console.log" || die "bench failed; log: $out/console.log"

awk -v limit=$limit '{print $2, $5, $4, limit}' "$out/bench" >"$out/table"
"$top/scripts/chart.sh" bars "$out" "all saved" kvm_ppc "TLB entries written"
awk -v exits="$exits" -v limit=$limit '
	{
		seen[$2] = 1
		instructions[$2] = $3
		ratio = $5 ? $4 / $5 : 1
		verdict = ratio > limit || $4 > $6 ? "OVER" : "ok"
		if (!over)
			over = verdict != "ok"
		if (NR == 1)
			printf row, "", "instructions", "TLB writes", "may be", "all saved", "ratio", "limit", ""
		printf row, $2, $3, $4, $6, $5, sprintf("%.4f", ratio), limit, verdict
	}
	END {
		if (instructions["mfspr_64"] > 64 * 1.1 * instructions["mfspr"]) {
			print "mfspr_64: longer than 64 times mfspr"
			over = 1
		}
		n = split(exits, names, " ")
		for (i = 1; i <= n; i++)
			if (!(names[i] in seen)) {
				print names[i] " was not measured"
				over = 1
			}
		exit over
	}' row='%-12s %12s %10s %6s %9s %7s %6s  %s\n' "$out/bench" ||
	{ echo "bench: FAILED: above a limit"; exit 1; }
echo "bench: ok"
