/* SPDX-License-Identifier: GPL-2.0 */
/*
 * void around_OP(const struct area *in, struct area *out): every register that
 * a guest owns is loaded from @in, but r1; one operation; all are stored to
 * @out. See around.h for struct area and what the operations take.
 */
#include "around.h"
#include "hcalls.h"

#define FRAME	512
#define F_OUT	(FRAME - 16)
#define F_R3	(FRAME - 24)
#define F_GPR	64


	.macro	load_sprs
	.set	i, 0
	.irp	n, SPRS
	ld	4, A_SPR + i(3)
	mtspr	\n, 4
	.set	i, i + 8
	.endr
	.endm

	.macro	store_sprs
	.set	i, 0
	.irp	n, SPRS
	mfspr	4, \n
	std	4, A_SPR + i(3)
	.set	i, i + 8
	.endr
	.endm

	.macro	vsrs insn
	.set	i, 0
	.rept	64
	li	4, A_VSR + 16 * i
	\insn	i, 3, 4
	.set	i, i + 1
	.endr
	.endm

	.macro	around name, op:vararg
	.global	around_\name
around_\name:
	mflr	0
	std	0, 16(1)
	mfcr	0
	std	0, 8(1)
	stdu	1, -FRAME(1)
	std	2, F_GPR - 8(1)
	.irp	n, 14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	std	\n, F_GPR + 8 * (\n - 14)(1)
	.endr
	std	4, F_OUT(1)

	lfd	0, A_FPSCR(3)
	mtfsf	0xff, 0, 1, 0
	li	4, A_VSCR
	lvx	0, 3, 4
	mtvscr	0
	vsrs	lxvd2x
	load_sprs
	ld	4, A_CR(3)
	mtcr	4
	ld	4, A_XER(3)
	mtxer	4
	ld	4, A_LR(3)
	mtlr	4
	ld	4, A_CTR(3)
	mtctr	4
	.irp	n, 0,2,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,3
	ld	\n, 8 * \n(3)
	.endr

	\op

	std	3, F_R3(1)
	ld	3, F_OUT(1)
	.irp	n, 0,2,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	std	\n, 8 * \n(3)
	.endr
	ld	4, F_R3(1)
	std	4, 24(3)
	mfcr	4
	std	4, A_CR(3)
	mfxer	4
	std	4, A_XER(3)
	mflr	4
	std	4, A_LR(3)
	mfctr	4
	std	4, A_CTR(3)
	store_sprs
	vsrs	stxvd2x
	mffs	0
	stfd	0, A_FPSCR(3)
	mfvscr	0
	li	4, A_VSCR
	stvx	0, 3, 4

	.irp	n, 14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	\n, F_GPR + 8 * (\n - 14)(1)
	.endr
	ld	2, F_GPR - 8(1)
	addi	1, 1, FRAME
	ld	0, 8(1)
	mtcr	0
	ld	0, 16(1)
	mtlr	0
	blr
	.endm

	/* r3 and following: the hypercall's */
	around	hcall, sc 1
	around	load, lwz 3, 0(4)
	around	store, stw 3, 0(4)
	around	illegal, .long 0
	/* for as long as r3 says */
	around	wait, 1: addi 3, 3, -1; cmpdi 3, 0; bne 1b
	/*
	 * a decrementer interrupt r3 ticks away, until the count at r8 is no
	 * longer r9; r5 has MSR[EE] set, r6 has not
	 */
	around	decrementer, mtdec 3; mtmsrd 5, 1; 1: ld 7, 0(8); cmpd 7, 9; beq 1b; mtmsrd 6, 1
	/* H_CEDE until such an interrupt, r13 ticks away; it puts EE on */
	around	cede, mtdec 13; sc 1; 1: ld 7, 0(8); cmpd 7, 9; beq 1b; mtmsrd 6, 1
