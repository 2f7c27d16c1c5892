#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# check.sh [SUITE...]: runs tests and ends with "N passed, N failed, N skipped".
#
#	unit		pure code under cargo, lints and formats, the scripts' own tests; no host
#			needed
#	kselftest	the selftests on one host (on a ppc64le machine: on it)
#	guests		whole guests under QEMU on one host
#	hv		both on Debian's own kernels, with 64K and 4K pages, on powernv9 and
#			powernv10; the selftests on powernv10 without huge pages, and
#			some on a core with two threads and on two such cores; and on a
#			debugging kernel
#	nested		hv in partitions whose hypervisor runs the guests, part of hv
#	stock		hv without the debugging kernel
#	pr		guests in problem state, on five kinds of hash host; some tests on a
#			debugging kernel
#	pr4k		some of them on a host with 4K pages, for which a kernel is built
#	e44x		the tests of the 440 backend on an emulated 440, some on a debugging
#			kernel; and switch
#	switch		the 440's world switch, stepped through and interrupted at each
#			instruction
#	stores		where pr stores on the way into guests and out of them, instruction
#			by instruction
#	soak		stores, pr4k, and the long forms of what others do briefly; with
#			HOST=bamboo of what e44x does, for SOAK_SECONDS (3600)
#	all		unit, hv, pr and e44x (default)
#
# MODULE=kvm-hv tests the kernel's own module instead, as a test of the tests.
# TESTS='api regs' runs only these programs; OPTIONS is told to each of kselftest and guests
# (brief, hash-mmu: guests in hardware use the hash MMU, boots=own:vof:4:hash). HOST and FLAVOUR choose the host of
# kselftest and guests. BUDGET=SECONDS begins nothing after 70 % of that time, and no
# kernel for one suite alone after 30 %: what a slow machine has no time for is skipped,
# and reported as that.
. "$(dirname "$0")/lib.sh"

module=${MODULE:-kvm_ppc}
passed=0 failed=0 skipped=0
failures=()

# judge TITLE LOG [PROGRAM...]: adds a TAP log's results to the totals, and shows what is
# not ok
judge() {
	local title=$1 log=$2 out total p f s line
	shift 2
	out=$(awk -f "$top/scripts/tap.awk" -v expect="$*" "$log")
	total=${out##*total }
	read -r p f s <<<"$total"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	while IFS= read -r line; do failures+=("$title: ${line#FAIL }"); done < <(grep '^FAIL' <<<"$out" || true)
	stage "$title: $p passed, $f failed, $s skipped"
}

# fault TITLE WHY: counts a failure that no test reports
fault() {
	failed=$((failed + 1))
	failures+=("$1: $2")
	stage "$1: $2"
}

# in_time TITLE [PERCENT]: true if no more than that of BUDGET is over; else counts a skip
in_time() {
	[ -n "${BUDGET:-}" ] && [ $((EPOCHSECONDS - KVM_PPC_T0)) -ge $((BUDGET * ${2:-70} / 100)) ] || return 0
	skipped=$((skipped + 1))
	stage "    skip $1: too late to begin it on this machine"
	return 1
}

# has_kernel: false if there was no time to build FLAVOUR
has_kernel() { [ -z "${FLAVOUR:-}" ] || [[ " ${unbuilt:-} " != *" $FLAVOUR "* ]]; }

live() { awk_live -f "$top/scripts/tap.awk" -v live=1 | sed -u 's/^/    /'; }

# on_host TITLE LIMIT FOLDER: runs a folder of tests on a host, which HOST,
# FLAVOUR, GUEST, ICOUNT, SMP and HUGE describe
on_host() {
	local title=$1 limit=$2 folder=$3 out rc=0 why
	case $(<"$folder/options") in *hash-mmu*) title+=" hash-mmu" ;; esac
	out=$results/${title//[ +,]/-}
	in_time "$title" || return 0
	stage "$title"
	rm -rf "$out"
	mkdir -p "$out"
	set +e
	"$top/scripts/host.sh" -v -t "$limit" -o "$out" "$folder" 2>"$out/host.err" | tee "$out/host.out" | live
	rc=${PIPESTATUS[0]}
	set -e
	# Of a host that died there is only the console
	if [ ! -f "$out/tap" ]; then
		if [ -f "$out/console.log" ]; then cp "$out/console.log" "$out/tap"; else : >"$out/tap"; fi
	fi
	local names
	names=$(awk '!/^#/ && NF {print $1}' "$folder/tests.list")
	# shellcheck disable=SC2086 # names are words
	judge "$title" "$out/tap" load $names unload
	why=$(grep -a '^host: FAILED: ' "$out/host.out" | tail -n 1 || true)
	if [ -n "$why" ]; then
		fault "$title" "${why#host: FAILED: } (log: $out/console.log)"
	elif [ "$rc" != 0 ]; then
		fault "$title" "host.sh returned $rc: $(tail -n 1 "$out/host.err")"
	fi
}

# on_lane: true if this host belongs to the lane LANE. LANE=beside has the hosts that are
# emulated by one thread (one CPU, or time that counts instructions), those with 4K pages,
# partitions, and those on the hash MMU; LANE=main has the others, and the 440. Both lanes
# take about the same time.
on_lane() {
	local lane=main
	case ${ICOUNT:-0},${SMP:-},${FLAVOUR:-},${HOST:-} in
	1,* | *,1,*,* | *-4k,* | *-hash | *,pseries* | *,powernv8) lane=beside ;;
	esac
	[ "${LANE:-$lane}" = $lane ]
}

# wanted NAME: true if it is in TESTS, or if that is empty
wanted() { [ -z "${TESTS:-}" ] || [[ " $TESTS " == *" $1 "* ]]; }

# payload FOLDER FROM LIST_FILTER: a test payload of the programs in FROM whose
# options match (an awk condition on the list's fields)
payload() {
	local dir=$1 from=$2 condition=$3 name rest
	rm -rf "$dir"
	mkdir -p "$dir/tests"
	cp "$top/scripts/host/run-tests" "$dir/run"
	echo "$module" >"$dir/module"
	: >"$dir/tests.list"
	while read -r name rest; do
		wanted "$name" || continue
		cp "$from/$name" "$dir/tests/$name"
		chmod 755 "$dir/tests/$name"
		echo "$name $rest" >>"$dir/tests.list"
	done < <(awk "!/^#/ && NF && ($condition)" "$from/tests.list")
	# What these need beside the host's own disks
	[ ! -e "$dir/tests/watch" ] || touch "$dir/watchers"
	[ ! -e "$dir/tests/passthrough" ] && [ ! -e "$dir/tests/vfio" ] || touch "$dir/passthrough"
	[ -s "$dir/tests.list" ]
}

build_module() {
	[ "$module" != kvm_ppc ] || "$top/scripts/module.sh" "${FLAVOUR:-book3s64+pages-64k}" >/dev/null ||
		die "the module does not build"
}

label() {
	printf '%s %s' "${HOST:-powernv9}" "${FLAVOUR:-book3s64+pages-64k}" | sed 's/book3s64+//'
	[ "${HUGE:-1}" = 1 ] || printf ' small'
	case ${SMP:-} in *threads*) printf ' threads' ;; esac
}

# suite_kselftest [FILTER [SECONDS [OPTION]]]: one host for those that want
# nothing special, one with a single CPU, one whose time counts instructions
suite_kselftest() {
	local filter="(${1:-1})" limit=${2:-1800}
	if [ "$(uname -m)" = ppc64le ]; then
		. "$top/scripts/check-native.sh"
		suite_kselftest_native
		return
	fi
	has_kernel || return 0
	build_module
	build_selftests book3s
	[ "${HUGE:-1}" = 1 ] || filter+=' && !/huge/'
	kselftest_host "" "$filter && !/icount|smp1/" "$limit" "${3:-${OPTIONS:-}}"
	SMP=1 kselftest_host " smp1" "$filter && /smp1/ && !/icount/" "$limit" "${3:-}"
	ICOUNT=1 kselftest_host " icount" "$filter && /icount/" "$limit" "${3:-}"
}

# kselftest_host TITLE FILTER SECONDS OPTION: one such host
kselftest_host() {
	local dir=$work/kselftest
	on_lane || return 0
	payload "$dir" "$selftests" "$2" || return 0
	echo "$4" >"$dir/options"
	on_host "kselftest$1 $(label)" "$3" "$dir"
}

# suite_guests [FILTER [SECONDS [OPTION]]]: OPTION is told to every program
suite_guests() {
	local dir=$work/guests
	on_lane && has_kernel || return 0
	build_module
	payload "$dir" "$top/selftests/guests" "${1:-1}" || return 0
	echo "${3:-${OPTIONS:-}}" >"$dir/options"
	cp "$top/selftests/guests/lib" "$dir/tests/"
	on_host "guests $(label)" "${2:-2400}" "$dir"
}

# choose_hosts: sets host_64k and host_4k, the kernels on which hv is tested: Debian's own.
# The archive may not have suitable ones any more, which is no fault of the tree or the
# machine; then kernels are built. This is reported once, though both lanes call it.
choose_hosts() {
	local pages flavour
	export host_64k host_4k
	[ -z "${host_4k:-}" ] || return 0
	for pages in 64k 4k; do
		if KVM_PPC_WHY=$work/why "$top/scripts/fetch-stock.sh" stock-$pages >/dev/null; then
			flavour=stock-$pages
		else
			flavour=book3s64+pages-$pages
			skipped=$((skipped + 1))
			stage "    skip Debian's kernel, for one that is built here: $(tail -n 1 "$work/why")"
		fi
		case $pages in
		64k) host_64k=$flavour ;;
		*) host_4k=$flavour ;;
		esac
	done
}

# radix_hosts FLAVOUR_64K FLAVOUR_4K: tests hv on hosts with these kernels. Guests boot a
# small kernel of another build.
radix_hosts() {
	local own=${GUEST:-book3s64+pages-64k}
	FLAVOUR=$1 suite_kselftest
	SMP=2,threads=2 FLAVOUR=$1 suite_kselftest /threads/
	SMP=4,threads=2 FLAVOUR=$1 suite_kselftest /cores/
	FLAVOUR=$1 suite_kselftest /hpt/ 900 'brief hash-mmu'
	GUEST=$own FLAVOUR=$1 suite_guests '!/hash|hpt/'
	GUEST=$own FLAVOUR=$1 suite_guests '/^live |hpt/' 900 hash-mmu
	HOST=powernv10 HUGE=0 FLAVOUR=$1 suite_kselftest '/power10/ && !/icount/' 1200 brief
	GUEST=$own HOST=powernv10 FLAVOUR=$1 suite_guests '/p10/' 2400 short
	partitions "$1" "$own"
	FLAVOUR=$2 suite_kselftest '/pages/' 1200 brief
	GUEST=$own FLAVOUR=$2 suite_guests '/^boot /' 600 short
	# These guests boot the same kernel as the host
	HOST=powernv10 FLAVOUR=$2 suite_guests '/^boot /' 300 boots=own:vof:2
}

# partitions FLAVOUR GUEST: tests hv where a hypervisor runs the guests, by either interface
partitions() {
	local host
	for host in pseries9-nested pseries10-nested; do
		HOST=$host HUGE=0 FLAVOUR=$1 suite_kselftest '/nested/ && !/icount/' 900 brief
		HOST=$host HUGE=0 GUEST=$2 FLAVOUR=$1 suite_guests '/^boot /' 600 boots=own:vof:4,own:slof:1
	done
}

suite_hv() {
	choose_hosts
	radix_hosts "$host_64k" "$host_4k"
	FLAVOUR=book3s64+pages-64k+debug suite_kselftest 1 1800 brief
	FLAVOUR=book3s64+pages-64k+debug suite_guests '/debug/' 2400 short
}

suite_nested() {
	choose_hosts
	partitions "$host_64k" "${GUEST:-book3s64+pages-64k}"
}

suite_stock() { radix_hosts stock-64k stock-4k; }

suite_pr() {
	HOST=powernv9-hash suite_kselftest '/pr/'
	HOST=powernv9-hash suite_guests '/pr/' 2400 short
	HOST=powernv10-hash suite_kselftest '/prp10/' 300 brief
	HOST=pseries8 suite_kselftest '/lpar/'
	HOST=pseries8 suite_guests '/pr/ && !/hash/' 1500 boots=own:vof:2:smt,debian:slof:1
	HOST=pseries9-hash suite_guests '/pr/ && !/hash/' 600 boots=own:vof:2,debian:slof:2:ail
	HOST=powernv8 suite_kselftest '/p8/'
	HOST=powernv8 suite_guests '/pr/ && !/hash/' 600 boots=own:slof:2:vga
	HOST=powernv9-hash FLAVOUR=book3s64+pages-64k+debug suite_kselftest '/prdebug/' 1200 brief
}

# Debian's kernels know no guests in problem state, so this takes a kernel of its own
suite_pr4k() { HOST=powernv9-hash FLAVOUR=book3s64+pages-4k suite_kselftest '/pr4k/' 600 brief; }

# bamboo TITLE SECONDS PROGRAM[,ARGUMENT...]...: those of the tests of a 440 that are
# wanted
bamboo() {
	local title=$1 limit=$2 out=$results/${1//[ +,]/-} names=() programs=() name rc=0
	shift 2
	for name; do
		if wanted "${name%%,*}"; then names+=("${name%%,*}") programs+=("$name"); fi
	done
	[ ${#names[@]} -gt 0 ] && has_kernel && in_time "$title" || return 0
	"$top/scripts/module.sh" "${FLAVOUR:-44x}" >/dev/null || die "the module does not build for the 440"
	stage "$title"
	mkdir -p "$out"
	set +e
	"$top/scripts/bamboo.sh" -v -t "$limit" -o "$out" "${programs[@]}" 2>"$out/host.err" | tee "$out/host.out" | live
	rc=${PIPESTATUS[0]}
	set -e
	judge "$title" "$out/console.log" load "${names[@]}" unload
	[ "$rc" = 0 ] || fault "$title" "$(tail -n 1 "$out/host.out") (log: $out/console.log)"
}

suite_e44x() {
	build_selftests 44x
	local list=$selftests/tests.list
	# shellcheck disable=SC2046 # names are words
	bamboo e44x 2100 $(awk '!/icount/ {print $1}' "$list")
	# shellcheck disable=SC2046
	ICOUNT=1 bamboo "e44x icount" 600 $(awk '/icount/ {print $1}' "$list")
	# shellcheck disable=SC2046
	FLAVOUR=44x+44x-debug GUEST=44x bamboo "e44x debug" 1500 $(awk '/debug/ && !/icount/ {print $1}' "$list")
	# shellcheck disable=SC2046
	ICOUNT=1 APPEND=SIGNAL_RACE_COUNT=4000 FLAVOUR=44x+44x-debug GUEST=44x bamboo "e44x debug icount" 900 $(awk '/debug/ && /icount/ {print $1}' "$list")
	suite_switch
}

# stepped NAME SECONDS HOST_SCRIPT [ARGUMENT...] -- [ARGUMENT...]: runs a host that a
# debugger, scripts/NAME.py with the arguments after "--", steps for at most so many
# seconds; judges the debugger's output and returns the host's status
stepped() {
	local name=$1 limit=$2 out=$results/$1 socket=$work/$1.gdb script=$3 options=() host rc=0 i
	shift 3
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	stage "$name"
	rm -rf "$out"
	mkdir -p "$out"
	GDB=$socket "$top/scripts/$script" -o "$out" "${options[@]}" >"$out/host.out" 2>"$out/host.err" &
	host=$!
	for ((i = 0; i < 1200; i++)); do
		[ ! -S "$socket" ] || break
		sleep 0.1
	done
	{
		echo "# BEGIN $name"
		PYTHONDONTWRITEBYTECODE=1 timeout "$limit" python3 "$top/scripts/$name.py" "$socket" "$@" 2>"$out/err" || rc=$?
		echo "# END $name $rc"
	} | tee "$out/tap" | live
	judge "$name" "$out/tap" "$name"
	wait $host
}

# The world switch of a 440, on a host that a debugger steps
suite_switch() {
	local out=$results/switch kernel rc=0
	wanted switch && in_time switch || return 0
	"$top/scripts/module.sh" 44x >/dev/null || die "the module does not build for the 440"
	kernel=$("$top/scripts/kernel.sh" 44x)
	build_selftests 44x
	APPEND=EXITS=20000 stepped switch 500 bamboo.sh -t 600 integrity,-v,pid -- \
		"$(module_dir "$kernel")/kvm_ppc.ko" "$kernel/System.map" || rc=$?
	judge "switch's host" "$out/console.log" load integrity unload
	[ "$rc" = 0 ] || fault switch "$(tail -n 1 "$out/host.out") (log: $out/console.log)"
}

# For SOAK_SECONDS, most of them with Linux as guests
soak_bamboo() {
	local seconds=${SOAK_SECONDS:-3600}
	export APPEND="EXITS=100000 FUZZ_COUNT=$((seconds * 20)) FUZZ_SEED=$((RANDOM << 15 | RANDOM)) MEMORY_SECONDS=$((seconds / 40 + 1))"
	APPEND+=" STRESS_FACTOR=5 LINUX_SECONDS=$((seconds * 3 / 4))"
	OTHER=44x-guest bamboo "soak bamboo" $((seconds * 4 + 1500)) exits integrity fuzz_insn memory linux
}

# Every instruction of some rounds through pr, on a host that a debugger steps
suite_stores() {
	local dir=$work/stores kernel
	wanted stores || return 0
	build_module
	build_selftests book3s
	kernel=$("$top/scripts/kernel.sh" "${FLAVOUR:-book3s64+pages-64k}")
	TESTS=reg_integrity payload "$dir" "$selftests" 1
	: >"$dir/options"
	HOST=powernv9-hash ICOUNT=1 stepped stores 1200 host.sh -t 1200 "$dir" -- \
		"$kernel/include/generated/asm-offsets.h" "$kernel/System.map" 200 "${ROUNDS:-300}" || true
}

suite_soak() {
	if [ "${HOST:-}" = bamboo ]; then
		soak_bamboo
		return
	fi
	# shellcheck disable=SC2016 # the field is awk's
	suite_kselftest '/long/ && $1 !~ /^pr/' 7200 soak
	suite_guests '/long/' 7200 soak
	suite_kselftest '/hpt/' 7200 'soak hash-mmu'
	suite_guests '/^(live|lifecycle|kill|hotplug) / || /hpt/' 7200 'soak hash-mmu'
	HOST=powernv9-hash suite_kselftest '/pr/ && /long/' 7200 soak
	# In problem state the guests with an interrupt controller take ten minutes
	# shellcheck disable=SC2016 # the field is awk's
	HOST=powernv9-hash suite_guests '/hash/ || $1 == "irqchip"' 7200 soak
	suite_pr4k
	suite_stores
}

suite_unit() {
	local log=$results/unit/tap
	mkdir -p "$results/unit"
	stage unit
	"$top/scripts/unit.sh" 2>"$results/unit/err" | tee "$log" | live || true
	judge unit "$log" judge archive demo layout pure fuzz lint
}

# build FLAVOUR...: each with its kernel
build() {
	local flavour
	[ "$module" = kvm_ppc ] || return 0
	for flavour; do
		"$top/scripts/module.sh" "$flavour" >/dev/null || die "the module does not build for $flavour"
	done
}

# Two lanes, once everything is built
suite_all() {
	local title='beside the rest' out=$work/one.out p f s line other flavour
	choose_hosts
	# Most of these two builds cannot use two processors, so they run at the same time
	build "$host_4k" &
	other=$!
	build "$host_64k"
	wait $other
	build book3s64+pages-64k 44x
	export unbuilt=''
	for flavour in book3s64+pages-64k+debug 44x+44x-debug; do
		if in_time "the kernel $flavour" 30; then build "$flavour"; else unbuilt+=" $flavour"; fi
	done
	LANE=beside setsid "$0" hv pr >"$out" &
	beside=$!
	suite_unit
	LANE=main suite_hv
	suite_e44x
	wait $beside || true
	beside=
	stage "$title:"
	grep '^ ' "$out" || true
	while IFS= read -r line; do failures+=("${line#FAILED }"); done < <(grep '^FAILED ' "$out" || true)
	if IFS=' ,' read -r p _ f _ s _ < <(tail -n 1 "$out" | grep ' passed, .* failed, .* skipped$'); then
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	else
		fault "$title" "no result; its last line: $(tail -n 1 "$out")"
	fi
}

beside=
work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-check.XXXXXX")
trap '[ -z "$beside" ] || kill -- "-$beside"; rm -rf "$work"' EXIT
mkdir -p "$results"
[ $# -gt 0 ] || set -- all
for suite; do
	case $suite in
	all | unit | kselftest | guests | hv | nested | stock | pr | pr4k | e44x | switch | stores | soak) "suite_$suite" ;;
	*) die "no suite $suite; there are unit, kselftest, guests, hv, nested, stock, pr, pr4k, e44x, switch, stores, soak, all" ;;
	esac
done

if [ ${#failures[@]} -gt 0 ]; then
	echo
	printf 'FAILED %s\n' "${failures[@]}"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
