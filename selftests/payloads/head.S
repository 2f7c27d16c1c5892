/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every payload starts with: linked and loaded at 0. The vCPU starts at
 * 0 with r1 = stack, SPRG0 = top of the interrupt stack, r3 to r5 = arguments
 * of guest_main(). Interrupts save all that C may change and call interrupt(); SPRG1
 * and SPRG2 are scratch here.
 */
#include "hcalls.h"

	.section .vectors, "ax"
	.global _start
_start:
	b	start

	.macro vector nr
	. = \nr
	mtsprg	1, 3
	li	3, \nr
	b	enter
	.endm

	vector	0x100
	vector	0x200
	vector	0x300
	vector	0x380
	vector	0x400
	vector	0x480
	vector	0x500
	vector	0x600
	vector	0x700
	vector	0x800
	vector	0x900
	vector	0xa00
	vector	0xc00
	vector	0xd00
	vector	0xf00
	vector	0xf20
	vector	0xf40
	vector	0xf60
	vector	0xf80
	vector	0x1500
	vector	0x1700

/* struct frame in guest.h: r0..r31, cr, lr, ctr, xer, srr0, srr1, vector */
#define F_SIZE	(112 + 40 * 8)
#define GPR(n)	(112 + (n) * 8)(1)
#define F(n)	(112 + (32 + (n)) * 8)(1)

	. = 0x2000
enter:
	mtsprg	2, 1
	mfsprg	1, 0
	addi	1, 1, -F_SIZE
	std	0, GPR(0)
	std	3, F(6)
	mfsprg	3, 2
	std	3, GPR(1)
	mfsprg	3, 1
	std	3, GPR(3)
	std	2, GPR(2)
	.irp	n, 4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	std	\n, GPR(\n)
	.endr
	mfcr	4
	std	4, F(0)
	mflr	4
	std	4, F(1)
	mfctr	4
	std	4, F(2)
	mfxer	4
	std	4, F(3)
	mfsrr0	4
	std	4, F(4)
	mfsrr1	4
	std	4, F(5)
	lis	2, .TOC.@ha
	addi	2, 2, .TOC.@l
	addi	3, 1, 112
	bl	interrupt
	nop
	ld	4, F(0)
	mtcr	4
	ld	4, F(1)
	mtlr	4
	ld	4, F(2)
	mtctr	4
	ld	4, F(3)
	mtxer	4
	ld	4, F(4)
	mtsrr0	4
	ld	4, F(5)
	mtsrr1	4
	ld	0, GPR(0)
	.irp	n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	\n, GPR(\n)
	.endr
	ld	1, GPR(1)
	rfid

start:
	lis	2, .TOC.@ha
	addi	2, 2, .TOC.@l
	li	0, 0
	std	0, 0(1)
	bl	guest_main
	nop
	mr	4, 3
	lis	3, UC_EXIT@h
	ori	3, 3, UC_EXIT@l
1:	sc	1
	b	1b

	/* The default interrupt(): tell the VMM, which ends the test */
	.weak	interrupt
interrupt:
	ld	4, (38 * 8)(3)
	ld	5, (36 * 8)(3)
	ld	6, (37 * 8)(3)
	mfdar	7
	lis	3, UC_TRAP@h
	ori	3, 3, UC_TRAP@l
	sc	1
	b	.
