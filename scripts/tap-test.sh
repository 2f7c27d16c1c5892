#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# tap-test.sh: tests that tap.awk finds every way in which a test can fail, and
# complaint.awk what a kernel complains about. TAP on stdout. Each case of the first is a
# stream and the expected totals (passed failed skipped).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"

# judged NAME TOTALS EXPECTED_PROGRAMS LINE...
judged() {
	local name=$1 totals=$2 programs=$3 got
	shift 3
	got=$(printf '%b\n' "$@" | awk -f "$here/tap.awk" -v expect="$programs" | sed -n 's/^total //p')
	result "$name" "$([ "$got" = "$totals" ]; echo $?)" <<<"wanted $totals, got $got"
}

judged "all is well" "2 0 0" "a" '# BEGIN a' 1..2 'ok 1 x' 'ok 2 y' '# END a 0'
judged "subtests are their parent's" "1 0 0" "" '# BEGIN a' 'TAP version 13' 1..1 '# a remark' '    not ok 1 nested' 'ok 1 x' '# END a 0'
judged "lines end in CR LF" "1 0 0" "" '# BEGIN a\r' '1..1\r' 'ok 1 x\r' '# END a 0\r'
judged "a skip" "1 0 1" "" '# BEGIN a' 1..2 'ok 1 x' 'ok 2 y # SKIP none here' '# END a 0'
judged "all skipped" "0 0 1" "" '# BEGIN a' '1..0 # SKIP no such processor' '# END a 4'
judged "a failure" "1 1 0" "" '# BEGIN a' 1..2 'ok 1 x' 'not ok 2 y' '# END a 1'
judged "a failure that the status denies" "1 2 0" "" '# BEGIN a' 1..2 'ok 1 x' 'not ok 2 y' '# END a 0'
judged "no plan" "1 1 0" "" '# BEGIN a' 'ok 1 x' '# END a 0'
judged "a plan of nothing" "0 1 0" "" '# BEGIN a' 1..0 '# END a 0'
judged "fewer than planned" "1 1 0" "" '# BEGIN a' 1..3 'ok 1 x' '# END a 0'
judged "more than planned" "2 1 0" "" '# BEGIN a' 1..1 'ok 1 x' 'ok 2 y' '# END a 0'
judged "a crash at the end" "1 1 0" "" '# BEGIN a' 1..1 'ok 1 x' '# END a 139'
judged "a timeout" "1 2 0" "" '# BEGIN a' 1..2 'ok 1 x' '# END a 124'
judged "it could not start" "0 2 0" "" '# BEGIN a' '# END a 127'
judged "the host died in it" "1 1 0" "" '# BEGIN a' 1..1 'ok 1 x'
judged "it gave way to the next" "1 2 0" "" '# BEGIN a' 1..1 '# BEGIN b' 1..1 'ok 1 x' '# END b 0'
judged "one never ran" "1 1 0" "a b" '# BEGIN a' 1..1 'ok 1 x' '# END a 0'
judged "none ran" "0 2 0" "a b" 'nothing at all'

# complains NAME WHAT LINE...: of this log, complaint.awk prints WHAT
complains() {
	local name=$1 what=$2 got
	shift 2
	got=$(printf '%s\n' "$@" | awk -f "$here/complaint.awk")
	result "$name" "$([ "$got" = "$what" ]; echo $?)" <<<"wanted '$what', got '$got'"
}
# warns LOCATION CALLER: the lines of a warning
warns() {
	printf '%s\n' "[ 1.0] WARNING: $1 at f+0x20/0x110" '[ 1.0] CPU: 1 UID: 0 PID: 4' "[ 1.0] NIP [c0000000001c] f+0x20/0x110" \
		"[ 1.0] LR [c0000000001d] $2+0x4/0x8" '[ 1.0] Call Trace:' "[ 1.0] [c00000000f0] [c0000000001d] $2+0x4/0x8 (unreliable)" \
		'[ 1.0] [c00000000f1] [c0000000001e] g+0x4/0x8' '[ 1.0] ---[ end trace ]---'
}
mapfile -t other < <(warns mm/a.c:1 h)
mapfile -t server < <(warns "kernel/time/hrtimer.c:1 at hrtimer_forward" dl_task_timer)
mapfile -t tick < <(warns "kernel/time/hrtimer.c:1 at hrtimer_forward" tick_nohz_handler)
complains "a log without a complaint" "" '[ 0.0] Linux version 7.3' '[ 0.1] nvram: nvram corruption detected'
complains "a bug" "[ 0.1] BUG: it broke" '[ 0.0] Linux version 7.3' '[ 0.1] BUG: it broke' '[ 0.2] BUG: it broke again'
complains "a warning, and who called" "${other[0]}, in h < g" "${other[@]}"
complains "the deadline server's timer" "" "${server[@]}"
complains "a complaint behind it" "[ 0.1] BUG: it broke" "${server[@]}" '[ 0.1] BUG: it broke'
complains "another timer" "${tick[0]}, in tick_nohz_handler < g" "${tick[@]}"
finished
