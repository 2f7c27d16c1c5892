#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# rootfs.sh [-f]: makes the userland of the emulated hosts and prints its folder:
#
#	root.ext4	packages of Debian ppc64el as they come: QEMU with its firmware, busybox, kmod, strace
#	initrd		finds the disks and hands over to the run's own payload, so that
#			these two need to be made again only if the packages change
#	from		the Debian suite that the packages are from
#
# -f fetches the packages only.
. "$(dirname "$0")/lib.sh"

packages="qemu-system-ppc busybox-static kmod strace"
suites="trixie|forky|bookworm bookworm-backports"

# fetch: the packages, unless the userland is there
fetch() {
	# shellcheck disable=SC2086 # packages are words
	[ -e "$root" ] || fetch_set "$fetched" "the ppc64le userland" whole ppc64el "$suites" $packages
}

# Directories that the packages leave out, and where everything is found
furnish() {
	local root=$1
	mkdir -p "$root"/{proc,sys,dev,run,root,etc,tmp,var/{cache,lib,log,tmp},payload,guests,results,mnt}
	rm -rf "$root"/usr/share/{doc,man,locale,icons,perl5} "$root"/usr/lib/*/perl-base "${root:?}/dev"/*
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
	ln -sf busybox "$root/usr/bin/sh"
}

make_root() {
	local out=$1 dir=$1.new/tree
	[ ! -e "$out" ] || return 0
	fetch
	stage "making the ppc64le userland"
	rm -rf "$out.new"
	mkdir -p "$dir"
	unpack_set "$fetched" "$dir"
	furnish "$dir"
	ext4_image "$out.new/root.ext4" 512M "$dir"
	make_initramfs "$out.new/initrd" "$dir/usr/bin/busybox" "$top/scripts/host/initrd-init"
	rm -rf "$dir"
	cp "$fetched/from" "$out.new/"
	mv "$out.new" "$out"
	rm -rf "$fetched"
	stage "made the ppc64le userland, from Debian $(cat "$out/from")"
}

root=$cache/root-$(key "$packages" "$suites" "$top/scripts/rootfs.sh" "$top/scripts/host/initrd-init")
fetched=$cache/fetched-userland-$(key "$packages" "$suites")
[ "${1:-}" != -f ] || { fetch; exit; }
locked rootfs make_root "$root"
touch "$root/.done"
echo "$root"
