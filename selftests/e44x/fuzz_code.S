/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Vectors of fuzz_insn.c's guests. Kernels go on after the instruction, by SRR0 or
 * by CSRR0; of programs the first interrupt is the VMM's, which is told by a store
 * to the device. None keeps registers.
 */
	.section .rodata

	.balign	4
	.global	skip, skip_end
skip:
	mfspr	3, 26
	addi	3, 3, 4
	mtspr	26, 3
	rfi
skip_end:

	.balign	4
	.global	skip_critical, skip_critical_end
skip_critical:
	mfspr	3, 58
	addi	3, 3, 4
	mtspr	58, 3
	rfci
skip_critical_end:

	.balign	4
	.global	tell, tell_end
tell:
	lis	4, 0x0800
	stw	3, 0(4)
	b	.
tell_end:

	.section .note.GNU-stack, "", @progbits
