/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by bench.c and its payload */
#ifndef SELFTESTS_BENCH_H
#define SELFTESTS_BENCH_H

enum bench_op {
	BENCH_NOTHING,
	BENCH_PROD, /* of itself: a hypercall handled in the kernel */
	BENCH_CEDE, /* with a prod pending: comes straight back */
	BENCH_CEDE_DEC, /* until the decrementer ends it: what it is late by */
	BENCH_IRQ, /* BENCH_USER, answered with an external interrupt */
	BENCH_USER, /* a hypercall handled by the VMM */
	BENCH_LOAD, /* a 4-byte MMIO load */
	BENCH_STORE, /* a 4-byte MMIO store */
	BENCH_SET_MODE, /* one that kvm-pr.ko handles in the kernel, too */
	BENCH_SPR, /* mtspr and mfspr of SPRG0 */
	BENCH_TOUCH, /* of a page the host has and the guest not yet */
	BENCH_SYSCALL, /* of the guest's user mode, answered with rfid */
	BENCH_SWITCH, /* to another hashed address space, and back */
	BENCH_HPTE, /* H_ENTER and H_REMOVE of an entry for a page of the guest's */
};

#define BENCH_OUT 0x400000 /* u64[reps] */
#define BENCH_PAGES 0x800000 /* what BENCH_TOUCH touches */
#define BENCH_PAGE 0x10000
#define BENCH_SLEEP 100000 /* ticks */
#define BENCH_MMIO 0x40000000
/* Of an address space: two segments of 256 MB, with a page of 64 KB in each */
#define BENCH_SPACE 0x10000000000ul
#define BENCH_SPACES 2
#define BENCH_SEGMENTS 2
#define BENCH_SEGMENT 0x10000000ul
#define BENCH_VSID(space, segment) (0x54321ul + 0x100 * (space) + (segment))
#define BENCH_SLB_USER 0xd90ul /* Ks, Kp, class 1, pages of 64 KB */
#define BENCH_GROUPS 0x8000ul /* of the library's table */

#endif
