/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One kind of exit after another, CTR times, and after each a look at all
 * registers and at one of the pages that are mapped by 4 KB. integrity.c sets
 *
 *	r4	a table of what r10 to r27, XER, LR, CR and FPR 14 are
 *	r5	an address, and r7 an offset to it
 *	r28	where the pages are, which hold their addresses; r30 is an offset
 *	r31	a device: a store at 0 is the end, one at 4 something wrong
 *
 * r0, r6, r8, r9, r29 and CR0 are scratch.
 */
	.section .rodata

	.macro	check
	.irp	n, 10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27
	lwz	0, 4 * \n(4)
	cmpw	0, \n
	bne	9f
	.endr
	mfxer	0
	lwz	8, 128(4)
	cmpw	0, 8
	bne	9f
	mflr	0
	lwz	8, 132(4)
	cmpw	0, 8
	bne	9f
	mfcr	0
	clrlwi	0, 0, 4
	lwz	8, 136(4)
	cmpw	0, 8
	bne	9f
	lfd	0, 144(4)
	fcmpu	0, 0, 14
	bne	9f
	lwzx	0, 28, 30
	add	8, 28, 30
	cmpw	0, 8
	bne	9f
	addi	30, 30, 0x1000
	rlwinm	30, 30, 0, 15, 19	/* 32 pages */
	.endm

	.macro	kind name, op:vararg
	.balign	4
	.global	keep_\name, keep_\name\()_end
keep_\name:
1:	\op
	check
	bdnz	1b
	stw	0, 0(31)
9:	stw	0, 4(31)
keep_\name\()_end:
	.endm

	.macro	touch
	lwzx	9, 5, 7
	addi	7, 7, 0x1000
	rlwinm	7, 7, 0, 13, 19		/* 128 pages */
	.endm

	.macro	mfmsr_and_back
	mfmsr	9
	mtmsr	9
	.endm

	/* Another context, and an exit from it back to it */
	.macro	pid
	xori	29, 29, 1
	mtspr	48, 29
	mfmsr	9
	.endm

	.macro	store_and_take_interrupt
	stw	9, 0(5)
	wrteei	1
	wrteei	0
	.endm

	kind	mfspr, mfspr 9, 0x110
	kind	mtspr, mtspr 0x110, 9
	kind	system_call, sc
	kind	guest_miss, lwz 9, 0(5)
	kind	mmio_load, lwz 9, 0(5)
	kind	mmio_store, stw 9, 0(5)
	kind	mfdcr, mfdcr 9, 0x80
	kind	mtdcr, mtdcr 0x80, 9
	kind	touch, touch
	kind	tlbwe, tlbwe 5, 9, 0
	kind	mtmsr, mfmsr_and_back
	kind	pid, pid
	kind	wrteei, wrteei 0
	kind	tlbsx, tlbsx. 9, 0, 28
	kind	trap, trap
	kind	step, nop
	kind	external, store_and_take_interrupt

	/* What interrupts do */
	.macro	code name
	.balign	4
	.global	\name, \name\()_end
\name:
	.endm

	code	go_back
	rfi
go_back_end:

	code	go_on
	mfspr	6, 26
	addi	6, 6, 4
	mtspr	26, 6
	rfi
go_on_end:

	/* 32 entries from 8 on: pages from r28 on, which r5 has in another order */
	code	map_pages
	li	3, 0
1:	addi	6, 3, 8
	slwi	7, 3, 12
	add	7, 7, 28
	ori	7, 7, 0x210		/* V, 4 KB */
	mulli	8, 3, 7
	rlwinm	8, 8, 12, 15, 19
	add	8, 8, 5
	li	9, 7			/* the kernel's, all rights */
	tlbwe	7, 6, 0
	tlbwe	8, 6, 1
	tlbwe	9, 6, 2
	addi	3, 3, 1
	cmpwi	3, 32
	blt	1b
	isync
	stw	3, 0(31)
map_pages_end:

	/* All of the TLB to r4 */
	code	dump_tlb
	li	3, 0
1:	tlbre	5, 3, 0
	tlbre	6, 3, 1
	tlbre	7, 3, 2
	mfspr	8, 0x3b2		/* MMUCR has the PID */
	stw	5, 0(4)
	stw	6, 4(4)
	stw	7, 8(4)
	stw	8, 12(4)
	addi	4, 4, 16
	addi	3, 3, 1
	cmpwi	3, 64
	blt	1b
	stw	3, 0(31)
dump_tlb_end:

	.section .note.GNU-stack, "", @progbits
