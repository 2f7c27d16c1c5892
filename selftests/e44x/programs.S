/* SPDX-License-Identifier: GPL-2.0 */
/* For a guest's programs: what its kernel maps for them; r31 is a device to tell */
	.section .rodata

	/* Two entries for programs: memory at 256 MB, the device at 384 MB; 16 MB each */
	.balign	4
	.global	map_for_programs, map_for_programs_end
map_for_programs:
	li	3, 1
	lis	4, 0x1000
	ori	4, 4, 0x270		/* V, 16 MB */
	li	5, 0
	li	6, 0x3f			/* all rights */
	tlbwe	4, 3, 0
	tlbwe	5, 3, 1
	tlbwe	6, 3, 2
	li	3, 2
	lis	4, 0x1800
	ori	4, 4, 0x270
	lis	5, 0x0800
	li	6, 0x51b		/* I, G, and no execution */
	tlbwe	4, 3, 0
	tlbwe	5, 3, 1
	tlbwe	6, 3, 2
	isync
	stw	3, 0(31)
map_for_programs_end:

	.section .note.GNU-stack, "", @progbits
