/* SPDX-License-Identifier: GPL-2.0 */
/* Runs for ever and never exits by itself; r3 counts */
	.global guest_main
guest_main:
	addi	3, 3, 1
	b	guest_main
