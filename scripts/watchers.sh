#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# watchers.sh [-f]: makes a disk with the programs that people watch KVM with, for a
# test on the emulated hosts, and prints its folder:
#
#	watchers.ext4	perf, trace-cmd and udevadm of Debian ppc64el with all that they need,
#			which has Python; and kvm_stat, a script of Python that no package of
#			Debian has built, from the kernel's source
#
# -f fetches the packages only: 49 MB, which only this test needs.
. "$(dirname "$0")/lib.sh"

packages="linux-perf trace-cmd udev"
suites="trixie|forky"

fetch() {
	# shellcheck disable=SC2086 # packages are words
	[ -e "$watchers" ] || fetch_set "$fetched" "perf, trace-cmd and udevadm" whole ppc64el "$suites" $packages
}

make_watchers() {
	local out=$1 dir=$1.new/tree python
	[ ! -e "$out" ] || return 0
	fetch
	stage "making the tools' userland"
	rm -rf "$out.new"
	mkdir -p "$dir"
	unpack_set "$fetched" "$dir"
	mkdir -p "$dir"/{proc,sys,dev,run,tmp,root,results}
	rm -rf "$dir"/usr/share/{doc,man,locale,info} "$dir"/usr/lib/systemd
	# The packages' scripts, which would make this link, are not run
	python=$(find "$dir/usr/bin" -name 'python3.[0-9]*' -printf '%f\n' | sed -n 1p)
	ln -sf "$python" "$dir/usr/bin/python3"
	install -m 755 "$("$top/scripts/kernel.sh" -s)/tools/kvm/kvm_stat/kvm_stat" "$dir/usr/bin/kvm_stat"
	ext4_image "$out.new/watchers.ext4" 512M "$dir"
	rm -rf "$dir"
	mv "$out.new" "$out"
	rm -rf "$fetched"
}

watchers=$cache/watchers-$(key "$packages" "$suites" "$top/scripts/watchers.sh")
fetched=$cache/fetched-watchers-$(key "$packages" "$suites")
[ "${1:-}" != -f ] || { fetch; exit; }
locked watchers make_watchers "$watchers"
touch "$watchers/.done"
echo "$watchers"
