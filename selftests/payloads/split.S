/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies the code below to real address r3 and goes there at effective address
 * r4 with MSR r5. It is one page of code, and a second one behind it.
 */
#include "hcalls.h"
#include "split.h"

	.global guest_main
guest_main:
	bcl	20, 31, 1f
1:	mflr	6
	addi	6, 6, block - 1b - 4
	addi	7, 3, -4
	li	0, SPLIT_CODE / 4
	mtctr	0
2:	lwzu	8, 4(6)
	stwu	8, 4(7)
	dcbst	0, 7
	sync
	icbi	0, 7
	bdnz	2b
	isync
	mtsrr0	4
	mtsrr1	5
	mr	31, 4
	rfid

	.balign	8
block:
	/* where am I? */
	bcl	20, 31, 1f
1:	mflr	10
	addi	10, 10, block - 1b
	b	3f
	. = block + SPLIT_LOOP
	/* the same, SPLIT_TURNS times */
	lis	0, SPLIT_TURNS@h
	ori	0, 0, SPLIT_TURNS@l
	mtctr	0
	li	4, 0
1:	ld	5, SPLIT_WORD(31)
	add	4, 4, 5
	bdnz	1b
	b	9f

	/* all of the page as data */
3:	li	20, 0
	li	0, 512
	mtctr	0
	addi	11, 10, -8
4:	ldu	12, 8(11)
	add	20, 20, 12
	bdnz	4b
	/* what is stored is there, in several sizes */
	std	20, 0x800(10)
	lwz	11, 0x804(10)
	lbz	12, 0x803(10)
	add	21, 11, 12
	li	11, 0x808
	stwbrx	20, 10, 11
	lhz	12, 0x808(10)
	add	21, 21, 12
	/* across the end of the page, and in another */
	ld	22, 0xffc(10)
	ld	23, SPLIT_OTHER(10)
	/* code in another page */
	addi	0, 10, SPLIT_SECOND
	mtctr	0
	bctrl
	mfmsr	9
	mr	4, 20
	mr	5, 21
	mr	6, 22
	mr	7, 23
	mr	8, 24
9:	lis	3, UC_SYNC@h
	ori	3, 3, UC_SYNC@l
	sc	1
	/* the store needs the reservation that the load makes */
1:	lwarx	12, 0, 31
	addi	12, 12, 1
	stwcx.	12, 0, 31
	bne-	1b
	mr	4, 12
	lis	3, UC_SYNC@h
	ori	3, 3, UC_SYNC@l
	sc	1
	/* the same for a quadword */
1:	lqarx	6, 0, 31
	addi	7, 7, 1
	stqcx.	6, 0, 31
	bne-	1b
	mr	4, 6
	mr	5, 7
	lis	3, UC_SYNC@h
	ori	3, 3, UC_SYNC@l
	sc	1
	/* this cannot be done here */
	lq	12, 0(31)
	b	.

	. = block + SPLIT_LOOP + SPLIT_WORD
	.quad	0x0123456789abcdef
	. = block + SPLIT_SECOND
	mflr	12
	bcl	20, 31, 1f
1:	mflr	24
	mtlr	12
	ld	12, SPLIT_SECOND + 0x200(10)
	add	24, 24, 12
	blr
	. = block + SPLIT_CODE
