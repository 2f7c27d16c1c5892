#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# guests.sh [-f|KERNEL]: makes the disk of guests' kernels and initramfs for a host
# kernel's build folder, and prints the image's name. -f fetches what is Debian's
# only. On it:
#   vmlinux initrd              our own kernel; what its init does is in guest/init
#   debian/vmlinux debian/initrd    Debian's stock ppc64el kernel, and its virtio modules
. "$(dirname "$0")/lib.sh"

kernel=${1:?build folder of a host kernel}
suites="trixie|forky|bookworm"
# Each behind those that it needs
modules="virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover
	net_failover virtio_net virtio_blk"

# stock_kernel: prints the packages with the kernel: those that the metapackage depends on,
# image, and binary and modules where these are separate
stock_kernel() {
	local todo=linux-image-powerpc64le next found=()
	while [ -n "$todo" ]; do
		next=$(for p in $todo; do apt-cache "${apt_opts[@]}" show --no-all-versions "$p"; done |
			sed -n 's/^Depends: //p' | tr ',|' '\n' | awk '/^ *linux-(image|binary|modules)-[0-9]/ {print $1}' | sort -u)
		# shellcheck disable=SC2206 # names are words
		found+=($next)
		todo=$next
	done
	[ ${#found[@]} -gt 0 ] || { echo "E: no linux-image-powerpc64le" >&2; return 1; }
	printf '%s\n' "${found[@]}" | sort -u
}

# fetch: fetches Debian's packages, unless their part of the disk is there already
fetch() {
	[ -e "$guest/.done" ] ||
		fetch_set "$fetched" "Debian's stock kernel for guests" alone ppc64el "$suites" @stock_kernel busybox-static
}

make_debian() {
	local out=$1 m f
	[ ! -e "$out/.done" ] || return 0
	fetch
	work=$out.dir
	rm -rf "$work" "$out"
	mkdir -p "$work" "$out/debian"
	unpack_set "$fetched" "$work"
	f=$(find "$work/boot" "$work/usr/lib/modules" \( -name 'vmlinu[xz]-*' -o -name 'vmlinu[xz]' \) -type f -print -quit 2>/dev/null || true)
	[ -n "$f" ] || die "there is no kernel in $(cd "$fetched" && echo ./*.deb)"
	cp "$f" "$out/debian/vmlinux"
	local files=()
	for m in $modules; do
		f=$(find "$work/usr/lib/modules" -name "$m.ko*" -print -quit)
		[ -n "$f" ] || continue # built in
		case $f in *.xz) xz -d "$f" && f=${f%.xz} ;; esac
		files+=("$f")
	done
	make_initramfs "$out/debian/initrd" "$work/usr/bin/busybox" "$top/scripts/guest/init" "${files[@]}"
	make_initramfs "$out/initrd" "$work/usr/bin/busybox" "$top/scripts/guest/init"
	cp "$fetched/from" "$out/debian/"
	rm -rf "$work" "$fetched"
	touch "$out/.done"
}

make_image() {
	local out=$1 dir=$1.dir
	[ ! -e "$out" ] || return 0
	rm -rf "$dir"
	cp -a "$guest" "$dir"
	"llvm-strip-$LLVM_VERSION" -o "$dir/vmlinux" "$kernel/vmlinux"
	# Where the kernel has virtio as modules, as Debian's own
	[ ! -f "$kernel/guest.cpio.gz" ] || cat "$guest/initrd" "$kernel/guest.cpio.gz" >"$dir/initrd"
	ext4_image "$out.new" 256M "$dir"
	rm -rf "$dir"
	mv "$out.new" "$out"
}

# The newest stock kernel is looked up only once
guest=$cache/guest-$(key "$suites" "$modules" "$top/scripts/guests.sh" "$top/scripts/guest/init")
fetched=$cache/fetched-guest-$(key "$suites")
[ "$kernel" != -f ] || { fetch; exit; }
image=$guest-$(basename "$kernel").ext4
if [ ! -e "$image" ]; then
	locked guest make_debian "$guest"
	locked guest make_image "$image"
fi
touch "$image" "$guest/.done"
echo "$image"
