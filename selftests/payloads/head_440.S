/* SPDX-License-Identifier: GPL-2.0 */
/*
 * head.S for the 440: linked and loaded at 0, where the vCPU starts, with r1 =
 * stack, r3 to r5 = arguments of guest_main(). Maps 256 MB at 1 GB and at 2 GB to
 * themselves, as firmware has the first. No interrupt is expected.
 */
#include "hcalls.h"

	.section .vectors, "ax"
	.global _start
_start:
	b	start

	/* IVOR n at 0x100 + 16 * n; see e44x_add_vcpu() */
	.set	n, 0
	.rept	16
	. = 0x100 + 16 * n
	li	4, n
	b	unexpected
	.set	n, n + 1
	.endr

	. = 0x200
unexpected:
	mfsrr0	5
	mfsrr1	6
	mfdear	7
	lis	3, UC_TRAP@h
	ori	3, 3, UC_TRAP@l
	lis	8, UC_DEVICE@h
	stw	3, 0(8)
	b	.

	/* Entry @index: 256 MB at @ea */
	.macro	map index, ea
	li	7, \index
	lis	8, (\ea)@h
	ori	9, 8, 0x290		/* V, 256 MB */
	li	10, 7			/* the kernel's, all rights */
	tlbwe	9, 7, 0
	tlbwe	8, 7, 1
	tlbwe	10, 7, 2
	.endm

start:
	map	1, 0x40000000
	map	2, 0x80000000
	isync
	li	0, 0
	stw	0, 0(1)
	bl	guest_main
	mr	4, 3
	lis	3, UC_EXIT@h
	ori	3, 3, UC_EXIT@l
	lis	8, UC_DEVICE@h
1:	stw	3, 0(8)
	b	1b
