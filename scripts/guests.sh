#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# guests.sh KERNEL: makes the disk of guests' kernels and initramfs for a host
# kernel's build folder, and prints the image's name. On it:
#   vmlinux initrd              our own kernel; what its init does is in guest/init
#   debian/vmlinux debian/initrd    Debian's stock ppc64el kernel, and its virtio modules
. "$(dirname "$0")/lib.sh"

kernel=${1:?build folder of a host kernel}
modules="virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover
	net_failover virtio_net virtio_blk"

# unpack PACKAGE FOLDER: from Debian trixie, ppc64el
unpack() {
	mkdir -p "$work/deb/$1"
	( cd "$work/deb/$1" && quietly "$cache/log/$1.log" apt-get "${apt_opts[@]}" download "$1" )
	dpkg-deb -x "$work/deb/$1"/*.deb "$2"
}

make_debian() {
	local out=$1 m f
	[ ! -e "$out/.done" ] || return 0
	stage "fetching Debian's stock kernel for guests"
	work=$out.dir
	rm -rf "$work" "$out"
	mkdir -p "$work" "$out/debian"
	unpack busybox-static "$work/busybox"
	unpack "$package" "$work/kernel"
	cp "$work"/kernel/boot/vmlinu* "$out/debian/vmlinux"
	local files=()
	for m in $modules; do
		f=$(find "$work/kernel" -name "$m.ko*" -print -quit)
		[ -n "$f" ] || continue # built in
		case $f in *.xz) xz -d "$f" && f=${f%.xz} ;; esac
		files+=("$f")
	done
	make_initramfs "$out/debian/initrd" "$work/busybox/usr/bin/busybox" "$top/scripts/guest/init" "${files[@]}"
	make_initramfs "$out/initrd" "$work/busybox/usr/bin/busybox" "$top/scripts/guest/init"
	rm -rf "$work"
	touch "$out/.done"
}

make_image() {
	local out=$1 dir=$1.dir
	[ ! -e "$out" ] || return 0
	rm -rf "$dir"
	cp -a "$guest" "$dir"
	"llvm-strip-$LLVM_VERSION" -o "$dir/vmlinux" "$kernel/vmlinux"
	ext4_image "$out.new" 256M "$dir"
	rm -rf "$dir"
	mv "$out.new" "$out"
}

# Today's stock kernel is asked for once; a newer one is fetched with a new key
wanted=$cache/guest-$(key trixie "$modules" "$top/scripts/guests.sh" "$top/scripts/guest/init")
image=$wanted-$(basename "$kernel").ext4
if [ ! -e "$image" ]; then
	if [ ! -e "$wanted/.done" ]; then
		apt_private ppc64el trixie
		package=$(apt-cache "${apt_opts[@]}" show linux-image-powerpc64le |
			awk '/^Depends:/ && !seen {print $2; seen = 1}')
		[ -n "$package" ] || die "Debian has no linux-image-powerpc64le"
	fi
	guest=$wanted
	locked guest make_debian "$guest"
	locked guest make_image "$image"
fi
touch "$image" "$wanted/.done"
echo "$image"
