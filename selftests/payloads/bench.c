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
	else
		unexpected(f);
	/* none until the next one is wanted */
	mtspr(SPR_DEC, 0x7fffffff);
}

long guest_main(u64 op, u64 reps, u64 arg)
{
	volatile u64 *out = (u64 *)BENCH_OUT;
	u64 i, t0, t1, irqs = 0;

	mtspr(SPR_DEC, 0x7fffffff);

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
		}
		t1 = mftb();
		out[i] = t1 - t0;
		if (op == BENCH_CEDE_DEC) {
			if (out[i] < BENCH_SLEEP || dec_interrupts != ++irqs)
				fail(1, BENCH_SLEEP, out[i], dec_interrupts);
			out[i] -= BENCH_SLEEP;
		}
	}
	if (op == BENCH_IRQ && ext_interrupts != reps)
		fail(2, reps, ext_interrupts, 0);
	return 0;
}
