// SPDX-License-Identifier: GPL-2.0
/*
 * Fills all registers, exits in some way, and compares, @count times. @flags
 * has the kinds of exits and the vCPU's number; @msr is for what may not be
 * anything when translation is on.
 */
#include "guest.h"

#include "around.h"
#include "integrity.h"

typedef void around_fn(const struct area *in, struct area *out);
around_fn around_hcall, around_load, around_store, around_illegal, around_wait,
	around_decrementer, around_cede;

static struct area ins[2], outs[2];
static volatile u64 interrupts[2];

void interrupt(struct frame *f)
{
	u64 vcpu = f->gpr[1] >= STACK1 || mfspr(272) > STACK1;

	if (f->vector == 0x900)
		mtspr(SPR_DEC, 0x7fffffff);
	else if (f->vector == 0x700)
		f->srr0 += 4;
	else
		unexpected(f);
	interrupts[vcpu]++;
}

static u64 next(u64 *seed)
{
	u64 z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void fill(struct area *a, u64 *seed, u64 translation)
{
	/* of each register, what may be anything; in the order of SPRS */
	static const u64 any[NR_SPRS] = {
		0x1ffffff,  0xffffffff, ~0ul,	    ~0ul >> 2,	0xfffff,
		~0ul >> 2,  ~0ul,	0xffffffff, 0xffffffff, ~0ul,
		0,	    0,		0xffffffff, 0,		0,
		0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
		0xffffffff, ~0ul,	~0ul,	    ~0ul,
	};
	u64 *p = (u64 *)a;
	unsigned int i;

	for (i = 0; i < sizeof(*a) / 8; i++)
		p[i] = next(seed);
	for (i = 0; i < NR_SPRS; i++)
		a->spr[i] &= any[i];
	if (translation)
		a->spr[4] = 0; /* PID */
	a->spr[10] = (2 + a->spr[0] % 3) << 50; /* PPR */
	a->spr[11] = 0x80000000; /* MMCR0: counters frozen */
	a->fpscr &= 0x3; /* rounding mode; no exceptions */
	/* VSCR: NJ and SAT, in the low word of the register */
	a->vscr[0] &= 0x10001;
	a->vscr[1] = 0;
	a->cr &= 0xffffffff;
	a->xer &= 0xe000007f;
}

static void compare(const struct area *in, const struct area *out, u64 kind,
		    u64 keep_gprs, u64 keep_cr, u64 ctr)
{
	unsigned int i;

	for (i = 0; i < 32; i++)
		if (keep_gprs >> i & 1 && in->gpr[i] != out->gpr[i])
			fail(kind << 16 | i, in->gpr[i], out->gpr[i], 0);
	for (i = 0; i < NR_SPRS; i++)
		if (in->spr[i] != out->spr[i])
			fail(kind << 16 | 0x100 | i, in->spr[i], out->spr[i],
			     0);
	for (i = 0; i < 64; i++) {
		if (in->vsr[i][0] != out->vsr[i][0])
			fail(kind << 16 | 0x200 | i, in->vsr[i][0],
			     out->vsr[i][0], 0);
		if (in->vsr[i][1] != out->vsr[i][1])
			fail(kind << 16 | 0x240 | i, in->vsr[i][1],
			     out->vsr[i][1], 0);
	}
	if (in->fpscr != out->fpscr)
		fail(kind << 16 | 0x300, in->fpscr, out->fpscr, 0);
	if (in->vscr[0] != out->vscr[0] || out->vscr[1])
		fail(kind << 16 | 0x301, in->vscr[0], out->vscr[0],
		     out->vscr[1]);
	if ((in->cr ^ out->cr) & keep_cr)
		fail(kind << 16 | 0x302, in->cr, out->cr, keep_cr);
	if (in->lr != out->lr)
		fail(kind << 16 | 0x304, in->lr, out->lr, 0);
	if (ctr && (in->ctr != out->ctr || in->xer != out->xer))
		fail(kind << 16 | 0x305, in->ctr, out->ctr, out->xer);
}

#define ALL_BUT(mask) (0xfffffffd & ~(mask)) /* never r1 */
#define CR_HCALL 0x00fff000ul /* not volatile: CR2 to CR4 */

long guest_main(u64 count, u64 flags, u64 msr)
{
	u64 vcpu = flags >> 32, kind = 0, i, before;
	struct area *in = &ins[vcpu], *out = &outs[vcpu];
	u64 seed = 0x1234567 * (vcpu + 1);

	for (i = 0; i < count; i++, kind++) {
		while (!(flags >> kind % 32 & 1))
			kind++;
		kind %= 32;
		mtspr(SPR_DEC, 0x7fffffff);
		fill(in, &seed, msr & 0x30);
		before = interrupts[vcpu];
		switch (kind) {
		case KIND_HCALL:
			in->gpr[3] = H_PROD;
			in->gpr[4] = vcpu;
			around_hcall(in, out);
			if (out->gpr[3])
				fail(kind << 16, 0, out->gpr[3], i);
			compare(in, out, kind, ALL_BUT(1 << 3), CR_HCALL, 0);
			/* the prod is for a cede that is to wait */
			hcall(H_CEDE, 0, 0);
			mtmsrd(msr & ~MSR_EE);
			break;
		case KIND_USER:
			in->gpr[3] = UC_SYNC;
			around_hcall(in, out);
			if (out->gpr[3] != in->gpr[4])
				fail(kind << 16, in->gpr[4], out->gpr[3], i);
			compare(in, out, kind, ALL_BUT(1 << 3), CR_HCALL, 0);
			break;
		case KIND_LOAD:
			in->gpr[4] = DEVICE + (i & 0xff) * 4;
			around_load(in, out);
			if (out->gpr[3] != (u32)(in->gpr[4] * DEVICE_FACTOR))
				fail(kind << 16, in->gpr[4], out->gpr[3], i);
			compare(in, out, kind, ALL_BUT(1 << 3), ~0ul, 1);
			break;
		case KIND_STORE:
			in->gpr[4] = DEVICE + (i & 0xff) * 4;
			in->gpr[3] = (u32)(in->gpr[4] * DEVICE_FACTOR);
			around_store(in, out);
			compare(in, out, kind, ALL_BUT(0), ~0ul, 1);
			break;
		case KIND_FAULT:
			in->gpr[4] = PAGES + (i & 0xff) * 0x1000;
			around_load(in, out);
			compare(in, out, kind, ALL_BUT(1 << 3), ~0ul, 1);
			break;
		case KIND_ILLEGAL:
			around_illegal(in, out);
			compare(in, out, kind, ALL_BUT(0), ~0ul, 1);
			if (interrupts[vcpu] != before + 1)
				fail(kind << 16, before + 1, interrupts[vcpu],
				     i);
			break;
		case KIND_WAIT:
			in->gpr[3] = 1 + in->gpr[3] % 20000;
			around_wait(in, out);
			compare(in, out, kind, ALL_BUT(1 << 3), 0x0fffffff, 1);
			break;
		case KIND_DEC:
			in->gpr[3] = in->gpr[3] % 4000;
			in->gpr[5] = msr | MSR_EE;
			in->gpr[6] = msr & ~MSR_EE;
			in->gpr[8] = (u64)&interrupts[vcpu];
			in->gpr[9] = before;
			around_decrementer(in, out);
			compare(in, out, kind, ALL_BUT(1 << 7), 0x0fffffff, 1);
			break;
		case KIND_CEDE:
			in->gpr[3] = H_CEDE;
			in->gpr[13] = in->gpr[13] % 20000;
			in->gpr[6] = msr & ~MSR_EE;
			in->gpr[8] = (u64)&interrupts[vcpu];
			in->gpr[9] = before;
			around_cede(in, out);
			compare(in, out, kind, ALL_BUT(1 << 3 | 1 << 7),
				CR_HCALL, 0);
			break;
		}
	}
	return 0;
}
