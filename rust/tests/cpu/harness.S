/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Executes one instruction after another, each with all registers and some memory as standard input says, and
 * writes registers and memory to standard output: the real processor (or qemu-user) for tests/cpu.rs to compare
 * with. For either byte order:
 *
 *   powerpc64le-linux-gnu-gcc -E -x assembler-with-cpp harness.S > harness.s
 *   powerpc64le-linux-gnu-as -mlittle -mpower9 -mregnames -o harness.o harness.s		(-mbig)
 *   powerpc64le-linux-gnu-ld -m elf64lppc -static -Ttext=0x10000000 -o harness-le harness.o	(elf64ppc)
 *
 * A record is RECORD bytes, at STATE while it is worked on:
 *   0x0000	GPRs 0 to 31
 *   0x0100	VSRs 0 to 63, as lxvx loads them
 *   0x0600	XER
 *   0x0608	two words: a nop and the instruction, or a prefix and its suffix
 *   0x1000	memory
 * The instruction is executed at CODE, a page of its own.
 */

	.set STATE, 0x20000000
	.set CODE, STATE + 0x10000
	.set RECORD, 0x3000

	.abiversion 2
	.text
	.globl _start
_start:
	/* mmap() both pages, the first to read and write, the second to execute too. */
	li	0, 90
	lis	3, STATE@h
	lis	4, 1
	li	5, 3
	li	6, 0x32
	li	7, -1
	li	8, 0
	sc
	li	0, 90
	lis	3, CODE@h
	lis	4, 1
	li	5, 7
	li	6, 0x32
	li	7, -1
	li	8, 0
	sc

next:
	lis	14, STATE@h
	li	15, 0
1:	li	0, 3			/* read() */
	li	3, 0
	add	4, 14, 15
	li	5, RECORD
	subf	5, 15, 5
	sc
	bso	done
	cmpdi	3, 0
	beq	done
	add	15, 15, 3
	cmpdi	15, RECORD
	blt	1b

	lis	16, CODE@h
	lwz	17, 0x608(14)
	stw	17, 0(16)
	lwz	17, 0x60c(14)
	stw	17, 4(16)
	lis	17, 0x4e80		/* blr */
	ori	17, 17, 0x0020
	stw	17, 8(16)
	dcbst	0, 16
	sync
	icbi	0, 16
	sync
	isync
	mtctr	16

	ld	17, 0x600(14)
	mtxer	17
	.set i, 0
	.rept 64
	li	17, 0x100 + 16 * i
	lxvx	i, 14, 17
	.set i, i + 1
	.endr
	mr	1, 14
	ld	0, 0(1)
	.set i, 2
	.rept 30
	ld	i, 8 * i(1)
	.set i, i + 1
	.endr
	ld	1, 8(1)
	bctrl

	mtctr	1
	lis	1, STATE@h
	std	0, 0(1)
	.set i, 2
	.rept 30
	std	i, 8 * i(1)
	.set i, i + 1
	.endr
	mfctr	2
	std	2, 8(1)
	mr	14, 1
	.set i, 0
	.rept 64
	li	17, 0x100 + 16 * i
	stxvx	i, 14, 17
	.set i, i + 1
	.endr

	li	15, 0
2:	li	0, 4			/* write() */
	li	3, 1
	add	4, 14, 15
	li	5, RECORD
	subf	5, 15, 5
	sc
	bso	done
	add	15, 15, 3
	cmpdi	15, RECORD
	blt	2b
	b	next

done:	li	0, 1			/* exit() */
	li	3, 0
	sc
