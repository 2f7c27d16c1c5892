#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# demo.sh [shell]: from nothing to a guest's shell on an emulated host. Ends with
# "demo: ok" or "demo: FAILED: why". With `shell`, ends at the host's prompt.
#
# HOST as for host.sh, PAGES=64k|4k, MODULE=kvm_ppc|kvm-hv
# HOST=bamboo: a 440, and its guests
. "$(dirname "$0")/lib.sh"

what=${1:-demo}
why="interrupted"
finished=0
trap '[ $finished = 1 ] || echo "$what: FAILED: $why"' EXIT
trap 'exit 130' INT TERM

flavour=book3s64+pages-${PAGES:-64k}
# step WHY COMMAND...: its failure is the demo's
step() {
	why=$1
	shift
	"$@" || exit 1
}
kernel_and_module() {
	"$top/scripts/kernel.sh" "$flavour" >/dev/null || { why="the host kernel was not built"; return 1; }
	[ "${MODULE:-kvm_ppc}" = kvm_ppc ] || return 0
	stage "building the module"
	"$top/scripts/module.sh" "$flavour" >/dev/null || { why="the module was not built"; return 1; }
}

step "tools are missing" "$top/scripts/deps.sh"
if [ "${HOST:-}" = bamboo ]; then
	flavour=44x
	step "" kernel_and_module
	step "the userland was not made" "$top/scripts/busybox.sh" >/dev/null
	out=$results/$what-bamboo
	mkdir -p "$out"
	why="see $out/console.log"
	stage "starting the bamboo host"
	. "$top/scripts/demo-bamboo.sh"
	finished=1
	[ "$what" = shell ] || { stage "done"; echo "demo: ok"; }
	exit
fi
step "" kernel_and_module
step "the userland was not made" "$top/scripts/rootfs.sh" >/dev/null
why="the files of the guests were not made"
"$top/scripts/guests.sh" "$("$top/scripts/kernel.sh" "$flavour")" >/dev/null || exit 1

work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-demo.XXXXXX")
trap '[ $finished = 1 ] || echo "$what: FAILED: $why"; rm -rf "$work"' EXIT
mkdir "$work/payload"
cp "$top/scripts/payload/$what/run" "$work/payload/"
echo "${MODULE:-kvm_ppc}" >"$work/payload/module"
stage "starting the ${HOST:-powernv9} host"
export FLAVOUR=$flavour

if [ "$what" = shell ]; then
	why="the host did not run"
	"$top/scripts/host.sh" -i -t 1000000 "$work/payload" || exit 1
	finished=1
	exit
fi

out=$results/demo
set +e
# shellcheck disable=SC2016 # the fields are awk's
"$top/scripts/host.sh" -v -t 180 -o "$out" "$work/payload" 2>"$work/err" | tr -d '\r' | tee "$work/console" |
	awk_live '
		/^demo: guest ended/ { show = 0 }
		/^(demo: module|host: up)/ { print "        " $0 }
		# A query of the cursor, which this terminal should not answer
		show { gsub(/\033\[6n/, ""); print "    | " $0 }
		/^demo: guest starts/ { show = 1 }
		{ fflush() }'
rc=${PIPESTATUS[0]}
set -e
if [ "$rc" != 0 ]; then
	why=$(sed -n 's/^demo: why: //p; s/^host: FAILED: //p' "$work/console" | tail -n 1)
	[ -n "$why" ] || why="status $rc: $(tail -n 1 "$work/err")"
	why="$why (log: $out/console.log)"
	exit 1
fi
stage "done"
finished=1
echo "demo: ok"
