/* SPDX-License-Identifier: GPL-2.0 */
/* For payloads in C: freestanding, general registers only */
#ifndef SELFTESTS_GUEST_H
#define SELFTESTS_GUEST_H

#include "hcalls.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long ulong;
#ifdef __powerpc64__
typedef unsigned long u64;
#else
typedef unsigned long long u64;
#endif

long guest_main(ulong a0, ulong a1, ulong a2);

#ifdef __powerpc64__

/* As head.S saves it */
struct frame {
	u64 gpr[32];
	u64 cr, lr, ctr, xer, srr0, srr1, vector;
};

void interrupt(struct frame *f);

#define MSR_EE 0x8000ul
#define MSR_PR 0x4000ul

#define mfspr(n)                                                  \
	({                                                        \
		u64 _v;                                           \
		asm volatile("mfspr %0, %1" : "=r"(_v) : "i"(n)); \
		_v;                                               \
	})
#define mtspr(n, v) \
	asm volatile("mtspr %0, %1" : : "i"(n), "r"((u64)(v)) : "memory")

#define SPR_DEC 22
#define SPR_DAR 19
#define SPR_SPRG0 272
#define SPR_PIR 1023

static inline u64 mftb(void)
{
	return mfspr(268);
}

static inline u64 mfmsr(void)
{
	u64 v;

	asm volatile("mfmsr %0" : "=r"(v));
	return v;
}

static inline void mtmsrd(u64 v)
{
	asm volatile("mtmsrd %0" : : "r"(v) : "memory");
}

/* r3 to r7 in, r3 to r6 out; the other volatile registers are lost */
static inline long hcall4(long nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 out[3])
{
	register u64 r3 asm("r3") = nr;
	register u64 r4 asm("r4") = a0;
	register u64 r5 asm("r5") = a1;
	register u64 r6 asm("r6") = a2;
	register u64 r7 asm("r7") = a3;

	asm volatile("sc 1"
		     : "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7)
		     :
		     : "r0", "r8", "r9", "r10", "r11", "r12", "cr0", "cr1",
		       "cr5", "cr6", "cr7", "ctr", "xer", "memory");
	if (out) {
		out[0] = r4;
		out[1] = r5;
		out[2] = r6;
	}
	return r3;
}

#else

/* To the VMM, which has no answer */
static inline long hcall4(long nr, ulong a0, ulong a1, ulong a2, ulong a3,
			  void *none)
{
	register ulong r4 asm("r4") = a0;
	register ulong r5 asm("r5") = a1;
	register ulong r6 asm("r6") = a2;
	register ulong r7 asm("r7") = a3;

	asm volatile("stw %0, 0(%1)"
		     :
		     : "r"(nr), "b"(UC_DEVICE), "r"(r4), "r"(r5), "r"(r6),
		       "r"(r7)
		     : "memory");
	return 0;
}

#endif

static inline long hcall(long nr, u64 a0, u64 a1)
{
	return hcall4(nr, a0, a1, 0, 0, 0);
}

static inline void fail(u64 what, u64 expected, u64 found, u64 where)
{
	hcall4(UC_FAIL, what, expected, found, where, 0);
	for (;;)
		;
}

#ifdef __powerpc64__
/* For an interrupt() that did not expect this one */
static inline void unexpected(struct frame *f)
{
	hcall4(UC_TRAP, f->vector, f->srr0, f->srr1, mfspr(SPR_DAR), 0);
	for (;;)
		;
}
#endif

#endif
