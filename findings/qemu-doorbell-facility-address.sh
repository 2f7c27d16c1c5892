#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Where a guest's privileged doorbells trap to its hypervisor, QEMU reports another
# instruction's address, and does not trap reads of the thread's number at all.
#
# Seen with qemu-system-ppc 1:10.0.2+ds-2+deb13u1~bpo12+1 (machine powernv9). With
# HFSCR[MSGP] = 0, msgsndp, and mfspr of DPDES and TIR, cause a hypervisor facility
# unavailable interrupt (ISA 3.0B Book III, "Hypervisor Facility Status and Control
# Register"), whose HSRR0 has the address of that instruction. QEMU gives the address at
# which the translated block begins, here three instructions before. A hypervisor that
# loads the instruction there, to emulate it, finds another one; a guest in KVM that
# sends such a doorbell comes back to it for ever. Behind isync, which ends a block, the
# address is right. TIR is read as if HFSCR[MSGP] were 1.
#
# Output seen:
#   msgsndp: 12 bytes off, behind isync 0
#   DPDES: 12 bytes off, behind isync 0
#   TIR: no interrupt, behind isync no interrupt
set -euo pipefail
qemu=1:10.0.2+ds-2+deb13u1~bpo12+1
[ "$(dpkg-query -W -f '${Version}' qemu-system-ppc)" = "$qemu" ] ||
	{ echo "this wants qemu-system-ppc $qemu, of bookworm-backports, installed" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# A hypervisor of a few instructions: all of the guest's real memory is that at the same
# address, by a radix tree with one page of 1 GB
cat >guest.S <<'EOS'
	. = 0x10
	b	start
	. = 0xf80
	b	.
	. = 0x1000
start:
	li	3, 0
	lis	4, 2		# the root
	lis	5, 3		# the table below it
	lis	6, 0x8000
	sldi	6, 6, 32
	or	7, 6, 5
	ori	7, 7, 9		# 2^9 entries
	std	7, 0(4)
	lis	8, 0xc000
	sldi	8, 8, 32
	ori	8, 8, 0x187	# a page of all rights, referenced and changed
	std	8, 0(5)
	lis	9, 1		# the partition table
	lis	10, 0xc000
	sldi	10, 10, 32	# radix, 52 bits
	or	10, 10, 4
	ori	10, 10, 0xad	# 2^13 entries
	std	10, 16(9)
	std	3, 24(9)
	mtspr	464, 9		# PTCR
	li	12, 1
	mtspr	319, 12		# LPIDR
	mfspr	13, 318		# LPCR
	oris	13, 13, 0x50	# UPRT, HR
	mtspr	318, 13
	isync
	mfspr	14, 190		# HFSCR
	li	15, 0x400
	andc	14, 14, 15	# MSGP
	mtspr	190, 14
	li	16, guest
	mtspr	314, 16		# HSRR0
	mfmsr	17
	li	18, 1
	sldi	18, 18, 60
	andc	17, 17, 18	# HV
	mtspr	315, 17		# HSRR1
	hrfid
	. = 0x2000
guest:
	nop
	nop
	nop
	.if	BEHIND
	isync
	.endif
insn:	INSN
	b	.
EOS

# off BEHIND INSTRUCTION: by how many bytes the address is too low
off() {
	local at seen
	powerpc64le-linux-gnu-gcc -mbig -mcpu=power9 -c -x assembler-with-cpp -DBEHIND="$1" -DINSN="$2" guest.S -o guest.o
	powerpc64le-linux-gnu-ld -EB -Ttext 0 -e 0x10 -o guest guest.o
	powerpc64le-linux-gnu-objcopy -O binary -j .text guest guest.bin
	timeout 5 qemu-system-ppc64 -M powernv9 -m 1G -bios guest.bin -nographic -serial none -monitor none \
		-d int -D log </dev/null >/dev/null 2>&1 || true
	at=$((0x$(powerpc64le-linux-gnu-nm guest | awk '$3 == "insn" {print $1}')))
	seen=$(sed -n 's/^Raise exception at \([0-9a-f]*\) => HV_FU .*/\1/p' log | head -n 1)
	if [ -n "$seen" ]; then echo $((at - 0x$seen)); else echo "no interrupt"; fi
}

bad=0
while IFS=: read -r name insn expected; do
	plain=$(off 0 "$insn") behind=$(off 1 "$insn")
	case $plain in [1-9]*) plain+=" bytes off" ;; esac
	echo "$name: $plain, behind isync $behind"
	[ "$plain, $behind" = "$expected" ] || bad=1
done <<'EOS'
msgsndp:.long 0x7c00211c:12 bytes off, 0
DPDES:mfspr 3, 176:12 bytes off, 0
TIR:mfspr 3, 446:no interrupt, no interrupt
EOS
[ $bad = 0 ] || { echo "QEMU behaves otherwise now" >&2; exit 1; }
