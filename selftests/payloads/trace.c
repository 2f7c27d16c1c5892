// SPDX-License-Identifier: GPL-2.0
/* A guest's kernel that traces itself */
#include "guest.h"

#include "trace.h"

#define MSR_SE 0x400ul
#define MSR_BE 0x200ul

#define MOST 16

static volatile u64 at[MOST], traced[MOST], operand[MOST], n;

void interrupt(struct frame *f)
{
	if (f->vector != 0xd00)
		unexpected(f);
	if (n < MOST) {
		u64 siar, sdar;

		asm volatile("mfspr %0, 796; mfspr %1, 797"
			     : "=r"(siar), "=r"(sdar));
		at[n] = f->srr0;
		traced[n] = siar;
		operand[n] = sdar;
	}
	n++;
}

/* The traced code, and where in it interrupts are expected */
extern const u32 steps[], steps_end[], branches[];

asm(".balign 4\n"
    "run_steps:\n"
    "	mtmsrd	3\n"
    "steps:\n"
    "	nop\n"
    "	b	1f\n"
    "	.long	0\n"
    "1:	mfmsr	5\n" /* emulated */
    "	cmpd	5, 3\n"
    "	bne	2f\n"
    "	lwz	5, 0(6)\n" /* from a device */
    "	mfspr	7, 804\n" /* EBBHR, a facility's */
    "	mtspr	804, 7\n"
    "2:	add	5, 5, 5\n"
    "	mtmsrd	4\n"
    "steps_end:\n"
    "	mr	3, 5\n"
    "	blr\n"
    "run_branches:\n"
    "	mtmsrd	3\n"
    "branches:\n"
    "	nop\n"
    "	b	1f\n"
    "	.long	0\n"
    "1:	li	5, 2\n"
    "	mtctr	5\n"
    "2:	nop\n"
    "	bdnz	2b\n"
    "	mfmsr	5\n"
    "	mtmsrd	4\n"
    "	mr	3, 5\n"
    "	blr\n");

u64 run_steps(u64 on, u64 off, u64 unused, u64 device);
u64 run_branches(u64 on, u64 off, u64 unused, u64 device);

/* The instructions before those, and the one operand in storage */
static void expect_siar(const int *offsets, u64 count)
{
	u64 i;

	for (i = 0; i < count; i++)
		if (traced[i] != (u64)(steps + offsets[i]))
			fail(4, (u64)(steps + offsets[i]), traced[i], i);
	/* the device's load */
	if (operand[5] != TRACE_DEVICE)
		fail(5, TRACE_DEVICE, operand[5], 5);
}

static void expect(const u32 *code, const int *offsets, u64 count)
{
	u64 i;

	for (i = 0; i < count; i++)
		if (i >= n || at[i] != (u64)(code + offsets[i]))
			fail(2, (u64)(code + offsets[i]), at[i], i);
	/* the instruction that ends it may be one more */
	if (n > count + 1)
		fail(3, count, n, at[count + 1]);
}

long guest_main(u64 op, u64 a1, u64 a2)
{
	static const int all[] = { 1, 3, 4, 5, 6, 7, 8, 9, 10 };
	static const int behind[] = { 0, 1, 3, 4, 5, 6, 7, 8, 9 };
	static const int taken[] = { 3, 5, 7 };
	u64 msr = mfmsr(), got;

	if (op == TRACE_STEPS) {
		got = run_steps(msr | MSR_SE, msr, 0, TRACE_DEVICE);
		if (got != 2 * 0x12345678ul)
			fail(1, 2 * 0x12345678ul, got, 0);
		expect(steps, all, 9);
		expect_siar(behind, 9);
	} else {
		got = run_branches(msr | MSR_BE, msr, 0, TRACE_DEVICE);
		if (got != (msr | MSR_BE))
			fail(1, msr | MSR_BE, got, 0);
		expect(branches, taken, 3);
	}
	return 0;
}
