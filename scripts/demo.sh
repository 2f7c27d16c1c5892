#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# demo.sh [shell]: from nothing to a guest's shell on an emulated host. Its last line
# is "demo: ok" or "demo: FAILED: why". With `shell`, ends at the host's prompt.
#
# HOST as for host.sh, PAGES=64k|4k, MODULE=kvm_ppc|kvm-hv
# HOST=bamboo: a 440, and its guests
# KVM_PPC_SAID: a file for `ok`, or anything else when it has said why not
# shellcheck disable=SC2317 # what traps and steps call is reached
what=${1:-demo}
why="there is no place for the cache" child='' finished=0 ended=''
# The flags of the make that called this are not for the makes that are called here
unset MAKEFLAGS MFLAGS MAKELEVEL

# Whatever ends this script, and wherever
last_line() {
	local verdict=failed said=${KVM_PPC_SAID:-}
	trap '' HUP INT TERM
	if [ -n "$child" ]; then
		stop "$child"
		# After a signal `wait` may return at once, with a status that ends the script
		wait || wait || true
	fi
	if [ "$finished" = 1 ]; then verdict=ok; else echo "$what: FAILED: $why"; fi
	rm -rf "${work:-}"
	# If make gets the signal after this script has ended, it complains about a lost child
	[ -z "$ended" ] || sleep 0.5
	[ -n "$said" ] || return 0
	echo "$verdict" >"$said"
	# If make was ended too, it does not read and remove the file
	[ -z "$ended" ] || ( sleep 3; rm -f "$said" ) </dev/null >/dev/null 2>&1 &
}
ended_by() {
	# The last line must not be interrupted by a second signal, for instance the one that make
	# passes on
	trap '' HUP INT TERM
	ended=1 finished=0
	why="ended by $1 ($why)"
	exit 1
}
trap last_line EXIT
trap 'ended_by SIGHUP' HUP
trap 'ended_by SIGINT' INT
trap 'ended_by SIGTERM' TERM

. "$(dirname "$0")/lib.sh"

why="there is no place for temporary files"
work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-demo.XXXXXX")
export KVM_PPC_WHY=$work/why

# step WHY COMMAND...: if the command fails, the demo fails, with the reason that the
# command left, or else WHY. It runs in the background, because the shell handles a signal
# only when a command in the foreground has ended.
step() {
	local rc=0 said
	why=$1
	shift
	: >"$KVM_PPC_WHY"
	"$@" <&0 &
	child=$!
	wait "$child" || rc=$?
	child=''
	[ $rc != 0 ] || return 0
	said=$(tail -n 1 "$KVM_PPC_WHY")
	why+=${said:+: $said}
	[ $rc -le 128 ] || why+=" (ended by SIG$(kill -l $rc))"
	trap '' HUP INT TERM
	exit 1
}
silent() { "$@" >/dev/null; }
finish() {
	finished=1
	[ "$what" = shell ] || { stage "done"; echo "demo: ok"; }
	exit 0
}

# On radix hosts a kernel of Debian's, which need not be built, but does not support guests
# in problem state
case ${HOST:-powernv9} in
bamboo) flavour=44x ;;
powernv9 | powernv10 | pseries*-nested) flavour=${FLAVOUR:-stock-${PAGES:-64k}} ;;
*) flavour=${FLAVOUR:-book3s64+pages-${PAGES:-64k}} ;;
esac
export FLAVOUR=$flavour
step "something is missing" "$top/scripts/fetch.sh" "$what"
step "the host kernel was not built" silent "$top/scripts/kernel.sh" "$flavour"
if [ "${MODULE:-kvm_ppc}" = kvm_ppc ]; then
	stage "building the module"
	step "the module was not built" silent "$top/scripts/module.sh" "$flavour"
fi
if [ "${HOST:-}" = bamboo ]; then
	step "the userland was not made" silent "$top/scripts/busybox.sh"
	out=$results/$what-bamboo
	mkdir -p "$out"
	bamboo() { . "$top/scripts/demo-bamboo.sh"; }
	stage "starting the bamboo host"
	step "the $what on a 440" bamboo
	finish
fi
step "the userland was not made" silent "$top/scripts/rootfs.sh"
make_guests() { "$top/scripts/guests.sh" "$("$top/scripts/kernel.sh" "$flavour")"; }
step "the files of the guests were not made" silent make_guests

why="the payload was not made"
mkdir "$work/payload"
cp "$top/scripts/payload/$what/run" "$work/payload/"
echo "${MODULE:-kvm_ppc}" >"$work/payload/module"
stage "starting the ${HOST:-powernv9} host"

if [ "$what" = shell ]; then
	step "the host did not run" "$top/scripts/host.sh" -i -t 1000000 "$work/payload"
	finish
fi

out=$results/demo
# run_host: shows the host's output; the reason of a failure goes to the last line
run_host() {
	local rc said
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
	[ "$rc" != 0 ] || return 0
	said=$(sed -n 's/^demo: why: //p; s/^host: FAILED: //p' "$work/console" | tail -n 1)
	[ -n "$said" ] || said=$(tail -n 1 "$KVM_PPC_WHY")
	[ -n "$said" ] || said="host.sh returned $rc; $(tail -n 1 "$work/err")"
	echo "$said (log: $out/console.log)" >"$KVM_PPC_WHY"
	return 1
}
step "on the host" run_host
finish
