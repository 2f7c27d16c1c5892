// SPDX-License-Identifier: GPL-2.0
/* Timers and interrupts as the guest has them; see timers.h */
#include "guest.h"

#include "timers.h"

#define FAR 0x7fffffff
#define SPR_PURR 309
#define SPR_VTB 849

static volatile u64 decs, exts, last_tb;
static u64 leave; /* the number of interrupts that the handler ignores */

void interrupt(struct frame *f)
{
	last_tb = mftb();
	if (f->vector == 0x900) {
		decs++;
		if (leave)
			leave--;
		else
			mtspr(SPR_DEC, FAR);
	} else if (f->vector == 0x500) {
		exts++;
		/* the VMM says what is next: a level has to be taken away */
		hcall4(UC_SYNC, 0x500, exts, f->srr0, 0, 0);
	} else {
		unexpected(f);
	}
}

static void ee(int on)
{
	mtmsrd(on ? mfmsr() | MSR_EE : mfmsr() & ~MSR_EE);
}

static void wait(u64 ticks)
{
	u64 t = mftb();

	while (mftb() - t < ticks)
		;
}

static u64 dec_latency(u64 ticks, u64 n, int cede)
{
	u64 i, t, was, worst = 0;

	for (i = 0; i < n; i++) {
		ee(0);
		was = decs;
		t = mftb();
		mtspr(SPR_DEC, ticks);
		if (cede) {
			hcall(H_CEDE, 0, 0);
		} else {
			ee(1);
		}
		while (decs == was)
			;
		if (decs != was + 1)
			fail(1, was + 1, decs, i);
		if (last_tb - t < ticks)
			fail(2, ticks, last_tb - t, i);
		if (last_tb - t - ticks > worst)
			worst = last_tb - t - ticks;
	}
	return worst;
}

static void msb(void)
{
	u64 i;

	ee(0);
	leave = 3;
	/* pending while EE is off, through exits too */
	mtspr(SPR_DEC, -1ul);
	hcall(UC_SYNC, 0, 0);
	if (decs)
		fail(10, 0, decs, 0);
	ee(1);
	wait(2000);
	ee(0);
	/* it is a level: it comes back until DEC is written */
	if (decs != 4)
		fail(11, 4, decs, 0);
	i = decs;
	ee(1);
	wait(100000);
	ee(0);
	if (decs != i)
		fail(12, i, decs, 0);
	/* an interrupt that is never taken goes away too, even through an exit */
	mtspr(SPR_DEC, -1ul);
	wait(1000);
	hcall(UC_SYNC, 0, 0);
	mtspr(SPR_DEC, FAR);
	hcall(UC_SYNC, 0, 0);
	ee(1);
	wait(100000);
	ee(0);
	if (decs != i)
		fail(13, i, decs, 0);
}

static void cede_pending(void)
{
	u64 t;

	/* DEC has run out already */
	ee(0);
	mtspr(SPR_DEC, 10);
	wait(100000);
	t = mftb();
	hcall(H_CEDE, 0, 0);
	while (!decs)
		;
	if (last_tb - t > 512000)
		fail(20, 512000, last_tb - t, 0);
	ee(0);
	/* the VMM sets an external interrupt */
	mtspr(SPR_DEC, FAR);
	hcall(UC_SYNC, 1, 0);
	t = mftb();
	hcall(H_CEDE, 0, 0);
	while (!exts)
		;
	if (last_tb - t > 512000)
		fail(21, 512000, last_tb - t, 0);
	ee(0);
}

static void read_dec(u64 start)
{
	u64 i, t0, t1, d0, d1;

	ee(0);
	mtspr(SPR_DEC, start);
	t0 = mftb();
	d0 = mfspr(SPR_DEC);
	if (start - d0 > 100000)
		fail(30, start, d0, 0);
	for (i = 0; i < 200; i++) {
		if (i & 1)
			hcall(UC_SYNC, 0, 0);
		else
			wait(3000);
		t1 = mftb();
		d1 = mfspr(SPR_DEC);
		if (t1 <= t0)
			fail(31, t0, t1, i);
		/*
		 * Both count at the same rate, but are saved one after the
		 * other: an exit costs a little time.
		 */
		if ((d0 - d1) - (t1 - t0) + 5000 + 1000 * i > 10000 + 1000 * i)
			fail(32, t1 - t0, d0 - d1, i);
	}
}

long guest_main(u64 what, u64 a1, u64 a2)
{
	u64 t, u, worst = 0;

	mtspr(SPR_DEC, FAR);
	switch (what) {
	case T_DEC:
	case T_CEDE:
		hcall(UC_SYNC, dec_latency(a1, a2, what == T_CEDE), 0);
		break;
	case T_MSB:
		msb();
		break;
	case T_CEDE_PENDING:
		cede_pending();
		break;
	case T_READ_DEC:
		read_dec(a1);
		break;
	case T_SPIN:
		for (u = t = mftb(); t - u < a1;) {
			u64 now = mftb();

			if (now < t)
				fail(40, t, now, 0);
			if (now - t > worst)
				worst = now - t;
			t = now;
		}
		hcall(UC_SYNC, worst, 0);
		break;
	case T_EXTERNAL:
		for (;;) {
			ee(1);
			/*
			 * What came while EE was off is mediated by LPCR[MER];
			 * TCG has no such thing, but an exit does it too.
			 */
			for (u = 0; u < 8; u++)
				hcall(H_PROD, 0, 0);
			ee(0);
			hcall(UC_SYNC, 0, exts);
		}
	case T_CLOCKS:
		for (;;)
			hcall4(UC_SYNC, mftb(), mfspr(SPR_VTB), mfspr(SPR_PURR),
			       0, 0);
	}
	return 0;
}
