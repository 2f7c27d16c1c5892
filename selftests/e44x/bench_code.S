/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bench.c measures: an operation between two readings of the timebase, CTR
 * times. r3: where the ticks go; r5: an address, which moves on by r8; r31: a
 * device, told at the end.
 */
	.section .rodata

	.macro	code name
	.balign	4
	.global	\name
\name:
	.endm
	.macro	end name
	.global	\name\()_end
\name\()_end:
	.endm
	.macro	keep
	subf	7, 6, 7
	stw	7, 0(3)
	addi	3, 3, 4
	add	5, 5, 8
	bdnz	1b
	stw	3, 0(31)
	.endm
	.macro	measured name, op:vararg
	code	bench_\name
1:	mftb	6
	\op
	mftb	7
	keep
	end	bench_\name
	.endm

	.macro	nops n
	.rept	\n
	nop
	.endr
	.endm

	.macro	mfsprs n
	.rept	\n
	mfspr	9, 0x110
	.endr
	.endm

	measured nothing, ori 9, 9, 0
	measured straight, nops 1000
	measured mmio_load, lwz 9, 0(5)
	measured mmio_store, stw 9, 0(5)
	measured touch, lwz 9, 0(5)
	measured mfspr, mfspr 9, 0x110	/* SPRG0 */
	measured mfspr_64, mfsprs 64	/* as an interrupt's handler, at many addresses */
	measured mtspr, mtspr 0x110, 9
	measured tlbwe, tlbwe 10, 11, 2	/* attributes */

	/* From here to the handler, which reads r7 */
code bench_system_call
1:	mftb	6
	sc
	keep
end bench_system_call
code handler_system_call
	mftb	7
	rfi
end handler_system_call

	/* And from the handler to here */
code bench_rfi
1:	sc
	mftb	7
	keep
end bench_rfi
code handler_rfi
	mftb	6
	rfi
end handler_rfi

code bench_guest_miss
1:	mftb	6
	lwz	9, 0(5)
	keep
end bench_guest_miss
code handler_guest_miss
	mftb	7
	mfspr	9, 0x1a
	addi	9, 9, 4
	mtspr	0x1a, 9
	rfi
end handler_guest_miss

	.section .note.GNU-stack, "", @progbits
