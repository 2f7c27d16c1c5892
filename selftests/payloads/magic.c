// SPDX-License-Identifier: GPL-2.0
/* A guest's kernel that has its registers in the magic page */
#include "guest.h"

#include "magic.h"

#define KVM_SC_MAGIC_R0 0x4b564d21ul
#define HC_FEATURES (42ul << 16 | 3)
#define HC_MAP_MAGIC_PAGE (42ul << 16 | 4)
#define FEATURE_MAGIC_PAGE 2ul
#define NOT_MAPPED_NX 1ul
#define SPR_DSISR 18
#define SPR_SRR0 26
#define SPR_SRR1 27

/* struct kvm_vcpu_arch_shared */
struct page {
	u64 scratch[3], critical, sprg[4], srr0, srr1, dar, msr;
	u32 dsisr, int_pending;
};
#define MAGIC ((volatile struct page *)MAGIC_EA)

static volatile u64 missed, interrupted;

void interrupt(struct frame *f)
{
	switch (f->vector) {
	case 0x380:
		missed++;
		f->srr0 += 4;
		return;
	case 0x500:
		interrupted = f->srr0;
		return;
	case 0x700: /* a program's last instruction */
		f->srr1 &= ~MSR_PR;
		f->srr0 += 4;
		return;
	}
	unexpected(f);
}

static long kvm(u64 nr, u64 a0, u64 a1, u64 *out)
{
	register u64 r0 asm("r0") = KVM_SC_MAGIC_R0;
	register u64 r3 asm("r3") = a0;
	register u64 r4 asm("r4") = a1;
	register u64 r11 asm("r11") = nr;

	asm volatile("sc"
		     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r11)
		     :
		     : "r5", "r6", "r7", "r8", "r9", "r10", "r12", "cr0", "ctr",
		       "xer", "memory");
	*out = r4;
	return r3;
}

static void same(u64 where, u64 expected, u64 found)
{
	if (expected != found)
		fail(where, expected, found, 0);
}

static void map(void)
{
	u64 out;

	same(1, 0, kvm(HC_FEATURES, 0, 0, &out));
	same(2, FEATURE_MAGIC_PAGE, out & FEATURE_MAGIC_PAGE);
	same(3, 0,
	     kvm(HC_MAP_MAGIC_PAGE, MAGIC_EA, MAGIC_EA | NOT_MAPPED_NX, &out));
}

#define BOTH_WAYS(where, spr, field, seed)                     \
	do {                                                   \
		u64 a = (seed) * 0x9e3779b97f4a7c15ul;         \
		u64 b = ~a, kept = mfspr(spr);                 \
		mtspr(spr, a);                                 \
		same(where, (typeof(field))a, field);          \
		field = b;                                     \
		same(where + 1, (typeof(field))b, mfspr(spr)); \
		same(where + 2, (typeof(field))b, field);      \
		mtspr(spr, kept);                              \
	} while (0)

static void registers(u64 rounds, u64 seed)
{
	u64 i;

	for (i = 1; i <= rounds; i++) {
		BOTH_WAYS(10, SPR_SPRG0, MAGIC->sprg[0], i + seed);
		BOTH_WAYS(20, SPR_SPRG0 + 1, MAGIC->sprg[1], i + seed);
		BOTH_WAYS(30, SPR_SPRG0 + 2, MAGIC->sprg[2], i + seed);
		BOTH_WAYS(40, SPR_SPRG0 + 3, MAGIC->sprg[3], i + seed);
		BOTH_WAYS(50, SPR_SRR0, MAGIC->srr0, i + seed);
		BOTH_WAYS(60, SPR_SRR1, MAGIC->srr1, i + seed);
		BOTH_WAYS(70, SPR_DAR, MAGIC->dar, i + seed);
		BOTH_WAYS(80, SPR_DSISR, MAGIC->dsisr, i + seed);
		/* where problem state reads it */
		MAGIC->sprg[3] = i;
		mfmsr();
		same(90, i, mfspr(259));
		same(91, mfmsr(), MAGIC->msr);
		/* no other bit of it can be changed so */
		MAGIC->msr = (mfmsr() ^ 0x2) & ~1ul;
		same(92, 1, mfmsr() & 3);
		MAGIC->msr = mfmsr() | 2;
		same(93, 3, mfmsr() & 3);
	}
}

/*
 * Waits until the page says that an interrupt is pending, for at most @loads
 * loads, and without exits
 */
static u64 pending(u64 loads)
{
	while (loads-- && !MAGIC->int_pending)
		;
	return MAGIC->int_pending;
}

static void wait_for_it(void)
{
	u64 r1, since;

	same(100, 0, MAGIC->int_pending);
	hcall(UC_SYNC, 0, 0); /* raises it while this waits */
	same(101, 1, pending(~0ul));
	same(102, 0, interrupted);

	/* the kernel is in the middle of something, and exits */
	asm("mr %0, 1" : "=r"(r1));
	MAGIC->critical = r1;
	MAGIC->msr |= MSR_EE;
	same(103, MSR_EE, mfmsr() & MSR_EE);
	same(104, 0, interrupted);
	/* the interrupt comes by itself soon after the critical section */
	since = mftb();
	MAGIC->critical = 0;
	while (!interrupted)
		if (mftb() - since > 512000000ul * 20)
			fail(105, 1, 0, 0);
	hcall(UC_SYNC, mftb() - since, 0);

	/* without MSR[EE] it waits, and an exit is what brings it */
	MAGIC->msr &= ~MSR_EE;
	interrupted = 0;
	hcall(UC_SYNC, 0, 0);
	same(106, 1, pending(~0ul));
	same(107, 0, interrupted);
	MAGIC->msr |= MSR_EE;
	mfmsr();
	same(108, 1, !!interrupted);
	MAGIC->msr &= ~MSR_EE;
	same(109, 0, MAGIC->int_pending);
}

static void program(void)
{
	u64 msr = mfmsr();

	/* with the page shadowed for the kernel */
	MAGIC->scratch[0] = 1;
	missed = 0;
	asm volatile("bcl	20, 31, 1f\n"
		     "1:	mflr	5\n"
		     "	addi	5, 5, 2f - 1b\n"
		     "	mtsrr0	5\n"
		     "	mtsrr1	%0\n"
		     "	rfid\n"
		     "2:	li	6, 0\n"
		     "	ld	6, -4096(0)\n"
		     "	mfmsr	5\n"
		     :
		     : "r"(msr | MSR_PR | 0x30)
		     : "r5", "r6", "lr", "memory");
	/* programs have relocation on, so it is switched back */
	mtmsrd(msr);
	same(110, 1, missed);
	same(111, 1, MAGIC->scratch[0]);
}

long guest_main(ulong op, ulong a, ulong b)
{
	map();
	switch ((enum magic_op)op) {
	case MAGIC_REGISTERS:
		registers(a, b);
		break;
	case MAGIC_INTERRUPT:
		wait_for_it();
		break;
	case MAGIC_PROBLEM:
		program();
		break;
	}
	return 0;
}
