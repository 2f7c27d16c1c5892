#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# rootfs.sh: makes the userland of the emulated hosts and prints its folder:
#
#	root.ext4	packages of Debian ppc64el as they come: QEMU, OpenBIOS, busybox, kmod, strace
#	initrd		finds the disks and hands over to the run's own payload, so that
#			these two need to be made again only if the packages change
. "$(dirname "$0")/lib.sh"

packages=qemu-system-ppc,openbios-ppc,busybox-static,kmod,strace

# Directories that the packages leave out, and where everything is found
furnish() {
	local root=$1 d
	for d in bin sbin lib; do ln -s "usr/$d" "$root/$d"; done
	[ ! -d "$root/usr/lib64" ] || ln -s usr/lib64 "$root/lib64"
	mkdir -p "$root"/{proc,sys,dev,run,root,payload,guests,results,mnt}
	rm -rf "$root"/usr/share/{doc,man,locale,icons,perl5} "$root"/usr/lib/*/perl-base "${root:?}/dev"/*
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
	ln -sf busybox "$root/usr/bin/sh"
}

make_root() {
	local out=$1 dir=$1.new/tree mode=root
	[ ! -e "$out" ] || return 0
	stage "making the ppc64le userland"
	rm -rf "$out.new"
	mkdir -p "$out.new"
	# Unpacking runs nothing of the foreign machine, so no privilege is needed
	[ "$(id -u)" = 0 ] || mode=chrootless
	quietly "$cache/log/rootfs.log" mmdebstrap --mode=$mode --variant=extract \
		--architectures=ppc64el --include=$packages trixie "$dir" "$(debian_base)"
	furnish "$dir"
	ext4_image "$out.new/root.ext4" 512M "$dir"
	make_initramfs "$out.new/initrd" "$dir/usr/bin/busybox" "$top/scripts/host/initrd-init"
	rm -rf "$dir"
	mv "$out.new" "$out"
	stage "made the ppc64le userland"
}

root=$cache/root-$(key "$packages" trixie "$top/scripts/rootfs.sh" "$top/scripts/host/initrd-init")
locked rootfs make_root "$root"
touch "$root/.done"
echo "$root"
