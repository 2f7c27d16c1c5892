// SPDX-License-Identifier: GPL-2.0
/*
 * One operation, many times: @op, how often, and where to write each one's
 * timebase ticks. An operation of nothing measures the measuring.
 */
#include "guest.h"

#include "bench.h"

static u64 dec_interrupts, ext_interrupts;

void interrupt(struct frame *f)
{
	if (f->vector == 0x900)
		dec_interrupts++;
	else if (f->vector == 0x500)
		ext_interrupts++;
	else if (f->vector == 0x700 && f->srr1 & MSR_PR) {
		/* user mode ends by an instruction that it may not execute */
		f->srr1 &= ~MSR_PR;
		f->srr0 += 4;
	} else
		unexpected(f);
	/* none until the next one is wanted */
	mtspr(SPR_DEC, 0x7fffffff);
}

/* From here on a system call does nothing but return */
static void answer_system_calls(void)
{
	*(volatile u32 *)0xc00 = 0x4c000024; /* rfid */
	asm volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync"
		     :
		     : "r"(0xc00)
		     : "memory");
	mtmsrd(mfmsr() | MSR_PR);
}

static void system_call(void)
{
	asm volatile("sc"
		     :
		     :
		     : "r0", "r9", "r10", "r11", "r12", "cr0", "ctr", "xer",
		       "memory");
}

/* As the kernel's switch_slb() does it on POWER9: class 1 is user mode's */
static void to_space(u64 n)
{
	u64 ea, vsid, i;

	asm volatile("isync; .long 0x7c6003e4; isync"
		     :
		     :
		     : "memory"); /* slbia 3 */
	for (i = 0; i < BENCH_SEGMENTS; i++) {
		ea = BENCH_SPACE + i * BENCH_SEGMENT;
		vsid = BENCH_VSID(n, i) << 12 | BENCH_SLB_USER;
		asm volatile("slbmte %0, %1"
			     :
			     : "r"(vsid), "r"(ea | 1ul << 27 | (8 + i))
			     : "memory");
	}
	asm volatile("isync" : : : "memory");
	for (i = 0; i < BENCH_SEGMENTS; i++)
		if (*(volatile u64 *)(BENCH_SPACE + i * BENCH_SEGMENT) != n)
			fail(3, n, i, 0);
}

/* A page of each segment of each space, that has the space's number */
static void make_spaces(void)
{
	u64 n, i, group, page, slot;

	for (n = 0; n < BENCH_SPACES; n++)
		for (i = 0; i < BENCH_SEGMENTS; i++) {
			page = BENCH_PAGES +
			       (n * BENCH_SEGMENTS + i) * BENCH_PAGE;
			*(volatile u64 *)page = n;
			group = BENCH_VSID(n, i) & (BENCH_GROUPS - 1);
			slot = hcall4(H_ENTER, 0, group * 8,
				      BENCH_VSID(n, i) << 12 | 5, page | 0x1192,
				      0);
			if (slot)
				fail(4, 0, slot, n);
		}
}

/* An entry for a page of 64 KB, which is not used */
static void enter_and_remove(u64 page)
{
	u64 out[3], vsid = BENCH_VSID(0, 0);
	u64 group = vsid & (BENCH_GROUPS - 1);

	if (hcall4(H_ENTER, 0, group * 8, vsid << 12 | 5, page | 0x1192, out) ||
	    hcall4(H_REMOVE, 0, out[0], 0, 0, 0))
		fail(5, 0, 1, group);
}

long guest_main(u64 op, u64 reps, u64 arg)
{
	volatile u64 *out = (u64 *)BENCH_OUT;
	u64 i, t0, t1, irqs = 0;

	mtspr(SPR_DEC, 0x7fffffff);
	if (op == BENCH_SWITCH)
		make_spaces();
	if (op == BENCH_SYSCALL)
		answer_system_calls();

	for (i = 0; i < reps; i++) {
		/* the page of results is touched before, not within */
		out[i] = 0;
		if (op == BENCH_CEDE)
			hcall(H_PROD, arg, 0);
		if (op == BENCH_IRQ)
			mtmsrd(mfmsr() | MSR_EE);
		if (op == BENCH_CEDE_DEC)
			mtspr(SPR_DEC, BENCH_SLEEP);
		t0 = mftb();
		switch (op) {
		case BENCH_PROD:
			hcall(H_PROD, arg, 0);
			break;
		case BENCH_SET_MODE:
			/* interrupts are taken with relocation off, as they are */
			hcall(H_SET_MODE, 0, 3);
			break;
		case BENCH_SPR:
			mtspr(SPR_SPRG0, mfspr(SPR_SPRG0));
			break;
		case BENCH_CEDE:
		case BENCH_CEDE_DEC:
			hcall(H_CEDE, 0, 0);
			break;
		case BENCH_USER:
		case BENCH_IRQ:
			hcall(UC_SYNC, 0, 0);
			break;
		case BENCH_LOAD:
			(void)*(volatile u32 *)arg;
			break;
		case BENCH_STORE:
			*(volatile u32 *)arg = 0;
			break;
		case BENCH_TOUCH:
			(void)*(volatile u32 *)(arg + i * BENCH_PAGE);
			break;
		case BENCH_HPTE:
			enter_and_remove(arg);
			break;
		case BENCH_SYSCALL:
			system_call();
			break;
		case BENCH_SWITCH:
			to_space(1);
			to_space(0);
			break;
		}
		t1 = mftb();
		out[i] = t1 - t0;
		if (op == BENCH_CEDE_DEC) {
			if (out[i] < BENCH_SLEEP || dec_interrupts != ++irqs)
				fail(1, BENCH_SLEEP, out[i], dec_interrupts);
			out[i] -= BENCH_SLEEP;
		}
	}
	if (op == BENCH_SYSCALL)
		(void)mfmsr(); /* back to the kernel: interrupt() */
	if (op == BENCH_IRQ && ext_interrupts != reps)
		fail(2, reps, ext_interrupts, 0);
	return 0;
}
