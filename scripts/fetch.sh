#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# fetch.sh COMMAND [SUITE...]: gets from outside all that demo, shell, check, soak or bench
# need, before any of it is built: tools are installed while packages and sources are
# fetched. If something is missing, its last line names it. HOST and FLAVOUR as for the
# command.
. "$(dirname "$0")/lib.sh"

command=${1:?command}
shift
declare -A needed=()
need() {
	local n
	for n; do needed[$n]=1; done
}
# What a Book3S host, and a 440 with another guest, are made of
book3s() {
	need source userland guests
	case ${FLAVOUR:-} in stock-*) need "$FLAVOUR" ;; esac
}
other_guest() { need source other-source; }

suite_needs() {
	case $1 in
	unit) need source crates ;;
	kselftest | guests | hv | pr | stores) book3s ;;
	switch) need source ;;
	e44x) other_guest ;;
	soak) if [ "${HOST:-}" = bamboo ]; then other_guest; else book3s; fi ;;
	*) book3s; other_guest; need crates ;;
	esac
}
case $command,${HOST:-} in
demo,bamboo | shell,bamboo) need source busybox ;;
bench,bamboo) need source ;;
check,*)
	[ $# -gt 0 ] || set -- all
	for suite; do suite_needs "$suite"; done
	;;
soak,*) suite_needs soak ;;
*) book3s ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-fetch.XXXXXX")
pids=()
trap '[ ${#pids[@]} = 0 ] || stop "${pids[@]}"; rm -rf "$work"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# job NAME COMMAND...: beside others
jobs_begun=()
job() {
	local name=$1
	shift
	( KVM_PPC_WHY=$work/$name.why "$@" </dev/null && touch "$work/$name.ok" || true; touch "$work/$name.ended" ) &
	pids+=($!)
	jobs_begun+=("$name")
}
# after NAME COMMAND...: if that job went well
after() {
	until [ -e "$work/$1.ended" ]; do sleep 0.5; done
	[ ! -e "$work/$1.ok" ] || "${@:2}"
}
silent() { "$@" >/dev/null; }
source_and_tree() {
	"$top/scripts/kernel.sh" -f host && after tools "$top/scripts/kernel.sh" -s >/dev/null
}

"$top/scripts/deps.sh" -r
# The machine's lists of packages change while tools are installed
find_archive
job tools "$top/scripts/deps.sh"
"$top/scripts/bindgen.sh" -n || job bindgen "$top/scripts/bindgen.sh" -f
[ -z "${needed[source]:-}" ] || job source source_and_tree
[ -z "${needed[other-source]:-}" ] || job other-source "$top/scripts/kernel.sh" -f 44x-guest
[ -z "${needed[userland]:-}" ] || job userland "$top/scripts/rootfs.sh" -f
[ -z "${needed[guests]:-}" ] || job guests "$top/scripts/guests.sh" -f
[ -z "${needed[busybox]:-}" ] || job busybox "$top/scripts/busybox.sh" -f
[ -z "${needed[crates]:-}" ] || job crates after tools "$top/scripts/unit.sh" -f
for flavour in "${!needed[@]}"; do
	case $flavour in stock-*) job "$flavour" silent "$top/scripts/fetch-stock.sh" "$flavour" ;; esac
done
for pid in "${pids[@]}"; do wait "$pid" || true; done
pids=()

# What was in the way of several is said once
missing='' unreachable=''
for name in "${jobs_begun[@]}"; do
	# bindgen can be built; if not, tools say so
	[ ! -e "$work/$name.ok" ] && [ "$name" != bindgen ] || continue
	why=$(cat "$work/$name.why" 2>/dev/null || echo "$name, which ended without a reason")
	case $why in
	"the Debian archive cannot be reached: "*)
		[ -n "$unreachable" ] && unreachable+=", " || unreachable="; ${why%, for *}, for "
		unreachable+=${why##*, for }
		;;
	*) missing+="; $why" ;;
	esac
done
missing+=$unreachable
[ -z "$missing" ] || die "not fetched: ${missing#; }"
stage "all that comes from outside is there"
