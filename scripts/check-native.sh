# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2154 # what check.sh set
# For check.sh on a ppc64le machine: the selftests, built for it and run on it,
# against /dev/kvm of a module that is loaded already or can be (as root).
# shellcheck shell=bash

# KSRC: kernel source for the KVM headers and the test harness
native_source() {
	local d
	for d in "${KSRC:-}" "/lib/modules/$(uname -r)/source" "/lib/modules/$(uname -r)/build"; do
		[ ! -f "$d/tools/testing/selftests/kselftest_harness.h" ] || { readlink -f "$d"; return; }
	done
	die "no kernel source with tools/testing/selftests; say KSRC=DIR"
}

native_load() {
	[ ! -d "/sys/module/${module//-/_}" ] || return 0
	case $module in
	kvm_ppc) as_root insmod "$top/kvm_ppc.ko" ;;
	*) as_root modprobe "$module" ;;
	esac
}

suite_kselftest_native() {
	local out=$results/kselftest-native name seconds options names pin
	local built=$out/build
	mkdir -p "$out"
	quietly "$out/build.log" make -j"$jobs" -C "$top/selftests" O="$built" KSRC="$(native_source)"
	native_load || die "$module does not load; build it with make, and try as root"
	[ -w /dev/kvm ] || die "/dev/kvm cannot be opened for writing"
	stage "kselftest on this machine"
	while read -r name seconds options; do
		wanted "$name" || continue
		echo "# BEGIN $name"
		pin=()
		case $options in
		*icount*)
			printf '1..0 # SKIP wants an emulated host whose time counts instructions\n# END %s 4\n' "$name"
			continue
			;;
		*smp1*) pin=(taskset -c 0) ;;
		esac
		TEST_MODULE=$module TEST_OPTIONS=$options TEST_RESULTS=$out \
			timeout -k 5 "$seconds" "${pin[@]}" "$built/$name" </dev/null 2>&1
		echo "# END $name $?"
	done <"$built/tests.list" | tee "$out/tap" | live || true
	names=$(awk '/^# BEGIN/ {print $3}' "$out/tap")
	# shellcheck disable=SC2086 # names are words
	judge "kselftest on this machine" "$out/tap" $names
	[ -n "$names" ] || fault "kselftest on this machine" "no test ran"
}
