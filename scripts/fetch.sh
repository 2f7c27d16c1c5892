#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# fetch.sh COMMAND [SUITE...]: downloads all that demo, shell, check, soak or bench
# need, before anything is built; tools are installed at the same time. If something is
# missing, the last line names it. HOST and FLAVOUR are as for the command.
. "$(dirname "$0")/lib.sh"

command=${1:?command}
shift
# What is needed: data; tools besides those that are always needed; and which of the data
# may be missing
declare -A needed=() tools=() spared=()
need() {
	local n
	for n; do needed[$n]=1; done
}
need_tools() {
	local n
	for n; do tools[$n]=1; done
}
# What a Book3S host and a 440 are made of; the tests of both need the kernel's source
book3s() {
	need userland guests
	case ${FLAVOUR:-},$command in
	stock-*,demo | stock-*,shell) need "$FLAVOUR" ;;
	stock-*) need "$FLAVOUR" source ;;
	*) need source ;;
	esac
}
a_440() {
	need source
	need_tools 440
}
suite_needs() {
	case $1 in
	unit)
		need source crates
		need_tools unit 440
		;;
	kselftest | pr4k | stores)
		book3s
		need_tools selftests
		;;
	guests | pr)
		suite_needs kselftest
		need watchers
		;;
	hv | nested | stock)
		need userland guests watchers source stock-64k stock-4k
		need_tools selftests
		# If these are missing, other kernels are built instead
		[ "$1" = stock ] || spared[stock-64k]=1 spared[stock-4k]=1
		;;
	switch | e44x) a_440 ;;
	soak)
		if [ "${HOST:-}" = bamboo ]; then
			a_440
			need other-source
		else
			suite_needs kselftest
		fi
		;;
	*)
		suite_needs unit
		suite_needs hv
		suite_needs pr
		suite_needs e44x
		;;
	esac
}
case $command,${HOST:-} in
demo,bamboo | shell,bamboo)
	a_440
	need busybox
	;;
bench,bamboo)
	a_440
	need_tools charts
	;;
check,*)
	[ $# -gt 0 ] || set -- all
	for suite; do suite_needs "$suite"; done
	;;
soak,*) suite_needs soak ;;
bench,*)
	suite_needs kselftest
	need_tools charts
	;;
*) book3s ;;
esac
[ ${#tools[@]} -gt 0 ] || need_tools none

work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-fetch.XXXXXX")
pids=()
trap '[ ${#pids[@]} = 0 ] || stop "${pids[@]}"; rm -rf "$work"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# job NAME COMMAND...: runs the command in the background
jobs_begun=()
job() {
	local name=$1
	shift
	( KVM_PPC_WHY=$work/$name.why "$@" </dev/null && touch "$work/$name.ok" || true; touch "$work/$name.ended" ) &
	pids+=($!)
	jobs_begun+=("$name")
}
# after NAME COMMAND...: runs the command if that job succeeded
after() {
	until [ -e "$work/$1.ended" ]; do sleep 0.5; done
	[ ! -e "$work/$1.ok" ] || "${@:2}"
}
silent() { "$@" >/dev/null; }
source_and_tree() {
	"$top/scripts/kernel.sh" -f host && after tools "$top/scripts/kernel.sh" -s >/dev/null
}

"$top/scripts/deps.sh" -r "${!tools[@]}"
# The machine's lists of packages change while tools are installed
find_archive
job tools "$top/scripts/deps.sh" "${!tools[@]}"
"$top/scripts/bindgen.sh" -n || job bindgen "$top/scripts/bindgen.sh" -f
[ -z "${needed[source]:-}" ] || job source source_and_tree
[ -z "${needed[other-source]:-}" ] || job other-source "$top/scripts/kernel.sh" -f 44x-guest
[ -z "${needed[userland]:-}" ] || job userland "$top/scripts/rootfs.sh" -f
[ -z "${needed[watchers]:-}" ] || job watchers "$top/scripts/watchers.sh" -f
[ -z "${needed[guests]:-}" ] || job guests "$top/scripts/guests.sh" -f
[ -z "${needed[busybox]:-}" ] || job busybox "$top/scripts/busybox.sh" -f
[ -z "${needed[crates]:-}" ] || job crates after tools "$top/scripts/unit.sh" -f
for flavour in "${!needed[@]}"; do
	case $flavour in stock-*) job "$flavour" silent "$top/scripts/fetch-stock.sh" "$flavour" ;; esac
done
for pid in "${pids[@]}"; do wait "$pid" || true; done
pids=()

# A reason that is the same for several jobs is given once
missing='' unreachable=''
for name in "${jobs_begun[@]}"; do
	# Without bindgen's package it is built; if that is not possible, deps.sh says so
	[ ! -e "$work/$name.ok" ] && [ "$name" != bindgen ] || continue
	why=$(cat "$work/$name.why" 2>/dev/null || echo "$name, which ended without a reason")
	if [ -n "${spared[$name]:-}" ]; then
		stage "    without $name: $why"
		continue
	fi
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
