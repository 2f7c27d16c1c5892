/* SPDX-License-Identifier: GPL-2.0 */
/* A payload's image as data of the test: NAME is its symbol, FILE its path */
	.section .rodata
	.balign 16
	.global NAME
NAME:
	.incbin FILE
	.global NAME_END
NAME_END:
	.section .note.GNU-stack, "", @progbits
