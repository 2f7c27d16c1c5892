#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# stock.sh FLAVOUR: unpacks one of Debian's own ppc64el kernels, which fetch-stock.sh
# fetches, as a host for the emulated machines, and prints its folder. In that:
#
#	vmlinux			the kernel
#	build			what the module is built against: the headers package's folder
#	host.cpio.gz		for the end of an initramfs: modules that a host needs to come up,
#				and their order
#	guest.cpio.gz		the same for a guest
#	modules			all of them, and those that tests ask for
#	arch/powerpc/kvm	the kernel's own KVM
. "$(dirname "$0")/lib.sh"

flavour=${1:?flavour}
host_modules="nvme ext4"
guest_modules="virtio_net virtio_blk virtio-rng virtio_balloon virtio_console"
more_modules="zram tun vfio_iommu_spapr_tce vfio-pci"

unpacked() { case $1 in *.xz) xz -dc "$1" ;; *) cat "$1" ;; esac; }

# needs MODULE...: their names in the order to load them
needs() {
	local m n file
	for m; do
		[[ " ${ordered[*]-} " != *" $m "* ]] || continue
		file=$(find "$new/all" -name "$m.ko*" -o -name "${m//_/-}.ko*" | head -n 1)
		[ -n "$file" ] || continue # built in
		n=${file##*/}
		n=${n%.ko*}
		[[ " ${ordered[*]-} " != *" $n "* ]] || continue
		unpacked "$file" >"$new/modules/$n.ko"
		# shellcheck disable=SC2046 # names are words
		needs $(python3 "$top/scripts/modinfo.py" "$new/modules/$n.ko" depends | tr , ' ')
		[[ " ${ordered[*]-} " == *" $n "* ]] || ordered+=("$n")
	done
}

# pack NAME MODULE...: these and what they need, to NAME.cpio.gz
pack() {
	local name=$1 m
	shift
	ordered=()
	needs "$@"
	mkdir -p "$new/cpio/modules"
	printf '%s\n' "${ordered[@]}" >"$new/cpio/modules/order"
	for m in "${ordered[@]}"; do cp "$new/modules/$m.ko" "$new/cpio/modules/"; done
	( cd "$new/cpio" && find . | sort | cpio --quiet -o -H newc -R 0:0 | gzip -n1 ) >"$new/$name.cpio.gz"
	rm -rf "$new/cpio"
}

make_stock() {
	local name new=$out.new n ordered=()
	[ ! -e "$out/.done" ] || return 0
	prune
	stage "unpacking ${flavour}'s packages"
	rm -rf "$new" "$out"
	mkdir -p "$new"/{arch/powerpc/kvm,modules}
	dpkg-deb -x "$(echo "$debs"/linux-headers-*.deb)" "$new/headers"
	name=$(basename "$new"/headers/usr/src/linux-headers-*)
	ln -s "headers/usr/src/$name" "$new/build"
	dpkg-deb --fsys-tarfile "$(echo "$debs"/linux-binary-*.deb)" | tar -xO --wildcards '*/vmlinuz' >"$new/vmlinux"
	dpkg-deb -x "$(echo "$debs"/linux-modules-*.deb)" "$new/all"
	while read -r name; do
		n=${name##*/}
		unpacked "$name" >"$new/arch/powerpc/kvm/${n%.xz}"
	done < <(find "$new/all" -path '*/arch/powerpc/kvm/*.ko*')
	# shellcheck disable=SC2086 # names are words
	needs $more_modules
	# shellcheck disable=SC2086
	pack host $host_modules
	# shellcheck disable=SC2086
	pack guest $guest_modules
	rm -rf "$new/all"
	touch "$new/.done"
	mv "$new" "$out"
}

debs=$("$top/scripts/fetch-stock.sh" "$flavour")
out=$cache/$flavour-$(key "$(ls "$debs")" "$host_modules $guest_modules $more_modules" "$top/scripts/stock.sh")
locked "$(basename "$out")" make_stock
touch "$out/.done"
echo "$out"
