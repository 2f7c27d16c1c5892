#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# demo-test.sh: tests that the last line of `make demo` is the demo's own, whatever ends
# it. TAP on stdout. The Makefile and demo.sh are run in a copy of the tree in which the
# other scripts do nothing, except the one that fails, hangs or dies.
set -euo pipefail
# The caller may ignore signals, as nohup does, so that the signals sent here would have no
# effect
[ "${1:-}" = signals ] || exec env --default-signal=HUP,INT,TERM "$0" signals
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-demo-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL HOST PAGES MODULE
export KVM_PPC_CACHE=$work/cache RESULTS=$work/results TMPDIR=$work/tmp
mkdir -p "$work/tree/scripts/payload/demo" "$TMPDIR"
cp "$here/../Makefile" "$work/tree/"
cp "$here"/{demo,demo-bamboo,lib,archive}.sh "$work/tree/scripts/"
touch "$work/tree/scripts/payload/demo/run"
cd "$work/tree"

# script NAME [LINE...]: a script that does this
script() {
	# shellcheck disable=SC2016 # the script's
	printf '%s\n' '#!/bin/bash' '. "$(dirname "$0")/lib.sh"' "${@:2}" >"scripts/$1.sh"
	chmod +x "scripts/$1.sh"
}
begin() {
	local name
	for name in fetch kernel module rootfs guests busybox host bamboo; do script $name; done
}

# ends NAME STATUS LINE: the last make ended so, and left no files
ends() {
	local last wrong=0
	last=$(tail -n 1 "$work/out")
	# shellcheck disable=SC2053 # a pattern
	[[ $last == $3 ]] && [ "$rc" = "$2" ] && [ -z "$(find "$TMPDIR" -name '*-demo*')" ] || wrong=1
	result "$1" $wrong < <(cat "$work/out" && find "$TMPDIR" -mindepth 1 -printf 'left: %f\n' && echo "status $rc")
}
demo() {
	rc=0
	make demo "$@" >"$work/out" 2>&1 </dev/null || rc=$?
}
# demo_until SIGNAL WHOM: a demo whose script hangs, and gets a signal then
demo_until() {
	local pid i
	rm -f "$work/hangs"
	rc=0
	setsid env --default-signal=INT make demo >"$work/out" 2>&1 </dev/null &
	pid=$!
	for ((i = 0; i < 1200; i++)); do
		[ ! -s "$work/hangs" ] || break
		sleep 0.05
	done
	case $2 in
	make) kill -"$1" $pid ;;
	group) kill -"$1" -- -$pid ;;
	script) kill -"$1" "$(cat /proc/$pid/task/$pid/children)" ;;
	step) kill -"$1" "$(cat "$work/hangs")" ;;
	esac
	wait $pid || rc=$?
}
hangs="echo \$\$ >$work/hangs; sleep 100"

begin
demo
ends "all went well" 0 "demo: ok"

while read -r name why; do
	begin
	script "$name" 'die "no luck with '"$name"'"'
	demo
	ends "$name.sh fails" 1 "demo: FAILED: $why: no luck with $name"
	begin
	script "$name" "$hangs"
	demo_until TERM script
	ends "SIGTERM in $name.sh" 1 "demo: FAILED: ended by SIGTERM ($why)"
	begin
	script "$name" 'kill -KILL $$'
	demo
	ends "$name.sh is killed" 1 "demo: FAILED: $why*SIGKILL*"
done <<'EOS'
fetch something is missing
kernel the host kernel was not built
module the module was not built
rootfs the userland was not made
guests the files of the guests were not made
EOS

begin
script host 'echo "host: FAILED: it fell over"; exit 99'
demo
ends "the host fails" 1 "demo: FAILED: on the host: it fell over (log: *)"
begin
script host 'echo "demo: why: the guest is silent"; exit 1'
demo
ends "the guest fails" 1 "demo: FAILED: on the host: the guest is silent (log: *)"
begin
script busybox 'die "no source"'
demo HOST=bamboo
ends "a 440's userland fails" 1 "demo: FAILED: the userland was not made: no source"
begin
demo HOST=bamboo
ends "a 440's guest does not come" 1 "demo: FAILED: the demo on a 440: the guest came to no shell prompt (log: *)"

begin
script kernel "$hangs"
for signal in INT TERM HUP; do
	demo_until $signal group
	ends "SIG$signal to all of them, as from a terminal" $((128 + $(kill -l $signal))) \
		"demo: FAILED: ended by SIG$signal (the host kernel was not built)"
done
demo_until TERM make
ends "SIGTERM to make" 143 "demo: FAILED: ended by SIGTERM (the host kernel was not built)"
begin
script host "trap 'touch $work/tidied' EXIT; $hangs"
demo_until TERM script
ends "SIGTERM while the host runs" 1 "demo: FAILED: ended by SIGTERM (on the host)"
demo_until KILL step
ends "the host is killed" 1 "demo: FAILED: on the host: host.sh returned 137*"
KVM_PPC_CACHE=/dev/null/cache demo
ends "no place for the cache" 1 "demo: FAILED: there is no place for the cache"

# This is the last case, since nothing cleans up after it
demo_until KILL script
ends_killed() { find "$TMPDIR" -mindepth 1 -delete; ends "$@"; }
ends_killed "the script is killed" 1 "demo: FAILED: its script was killed"
kill "$(cat "$work/hangs")" 2>/dev/null || true

finished
