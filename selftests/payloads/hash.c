// SPDX-License-Identifier: GPL-2.0
/* A guest's kernel that uses its hashed page table and its SLB */
#include "guest.h"

#include "hash.h"

#define SLB_V (1ul << 27)
#define SLB_64K 0x110ul
#define SLB_KP 0x400ul
#define HPTE_V 1ul
#define HPTE_L 4ul
#define HPTE_R 0x100ul
#define HPTE_C 0x80ul
#define HPTE_M 0x10ul
#define PP_RO 3ul
#define PP_RW 2ul
#define H_EXACT (1ul << (63 - 24))
#define H_AVPN (1ul << (63 - 32))
#define H_ANDCOND (1ul << (63 - 33))
#define DSISR_NOPTE 0x40000000ul
#define DSISR_PROT 0x08000000ul
#define DSISR_STORE 0x02000000ul
#define SPR_DSISR 18

#define SLOT 20 /* of the SLB */

/* What the last access ended in */
static volatile u64 vector, dar, dsisr;

void interrupt(struct frame *f)
{
	/* HASH_INVALIDATE's; it comes back */
	if (f->vector == 0x400 && f->srr0 >> 16 == HASH_EA >> 16)
		return;
	if (f->vector != 0x300 && f->vector != 0x380)
		unexpected(f);
	vector = f->vector;
	dar = mfspr(SPR_DAR);
	dsisr = mfspr(SPR_DSISR);
	f->srr0 += 4;
}

static u64 load(u64 ea)
{
	u64 v = 0;

	vector = 0;
	asm volatile("ld %0, 0(%1)" : "+r"(v) : "b"(ea) : "memory");
	return v;
}

static void store(u64 ea, u64 v)
{
	vector = 0;
	asm volatile("std %0, 0(%1)" : : "r"(v), "b"(ea) : "memory");
}

static void expect(u64 where, u64 v, u64 why)
{
	if (vector != v)
		fail(where, v, vector, dar);
	if (v == 0x300 && dsisr != why)
		fail(where, why, dsisr, dar);
}

static void same(u64 where, u64 expected, u64 found)
{
	if (expected != found)
		fail(where, expected, found, 0);
}

static void slbmte(u64 vsid, u64 esid)
{
	asm volatile("slbmte %0, %1; isync"
		     :
		     : "r"(vsid), "r"(esid)
		     : "memory");
}

static void segment(u64 vsid)
{
	slbmte(vsid << 12 | SLB_64K | SLB_KP, HASH_EA | SLB_V | SLOT);
}

static u64 avpn(u64 page)
{
	return (HASH_VSID << 5 | page << 16 >> 23) << 7;
}

static u64 group(u64 page)
{
	return (HASH_VSID ^ page) & (HASH_GROUPS - 1);
}

/* Maps a page of the segment, and returns where it is in the table */
static u64 enter(u64 where, u64 page, u64 pp)
{
	u64 out[3];
	long ret = hcall4(H_ENTER, 0, group(page) * 8,
			  avpn(page) | HPTE_L | HPTE_V,
			  (HASH_PAGES + page * 0x10000) | 0x1000 | HPTE_M | pp,
			  out);

	same(where, 0, ret);
	same(where, group(page), out[0] / 8);
	return out[0];
}

static void enter_and_remove(void)
{
	u64 out[3], index, second, i;

	segment(HASH_VSID);
	load(HASH_EA + 8);
	expect(1, 0x300, DSISR_NOPTE);
	store(HASH_EA + 8, 1);
	expect(2, 0x300, DSISR_NOPTE | DSISR_STORE);

	for (i = 0; i < 8; i++) {
		index = enter(3, 0, PP_RW);
		store(HASH_EA + 8, i + 1);
		expect(4, 0, 0);
		same(5, i + 1, load(HASH_EA + 8));
		expect(6, 0, 0);
		/* the same memory by its real address */
		same(7, i + 1, *(volatile u64 *)(HASH_PAGES + 8));

		/* read-only, and back */
		same(8, 0,
		     hcall4(H_PROTECT, H_AVPN | PP_RO, index, avpn(0), 0, 0));
		store(HASH_EA + 8, 0);
		expect(9, 0x300, DSISR_PROT | DSISR_STORE);
		same(10, i + 1, load(HASH_EA + 8));
		same(11, 0,
		     hcall4(H_PROTECT, H_AVPN | PP_RW, index, avpn(0), 0, 0));
		store(HASH_EA + 16, 1);
		expect(12, 0, 0);

		/* not this one */
		same(13, H_NOT_FOUND,
		     hcall4(H_REMOVE, H_AVPN, index, avpn(0x800), 0, 0));
		same(14, 0, hcall4(H_REMOVE, H_AVPN, index, avpn(0), 0, out));
		same(15, HPTE_R | HPTE_C, out[1] & (HPTE_R | HPTE_C));
		load(HASH_EA + 8);
		expect(16, 0x300, DSISR_NOPTE);
		same(17, H_NOT_FOUND, hcall4(H_REMOVE, 0, index, 0, 0, 0));
	}

	/* a page that was only read is not changed */
	index = enter(18, 0, PP_RW);
	second = enter(19, 1, PP_RW);
	load(HASH_EA);
	expect(20, 0, 0);
	store(HASH_EA + 0x10000, 5);
	expect(21, 0, 0);
	{
		register u64 r3 asm("r3") = H_BULK_REMOVE;
		register u64 r4 asm("r4") = 1ul << 62 | index;
		register u64 r5 asm("r5") = 0;
		register u64 r6 asm("r6") = 1ul << 62 | 2ul << 56 | second;
		register u64 r7 asm("r7") = avpn(1);
		register u64 r8 asm("r8") = 1ul << 62 | second;
		register u64 r9 asm("r9") = 0;
		register u64 r10 asm("r10") = 3ul << 62;

		asm volatile("sc 1"
			     : "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7),
			       "+r"(r8), "+r"(r9), "+r"(r10)
			     :
			     : "r0", "r11", "r12", "cr0", "cr1", "cr5", "cr6",
			       "cr7", "ctr", "xer", "memory");
		same(22, 0, r3);
		same(23, 2, r4 >> 62);
		same(24, 0, r4 >> 60 & 3);
		same(25, 2, r4 >> 58 & 3); /* R */
		same(26, 0, r6 >> 60 & 3);
		same(27, 3, r6 >> 58 & 3); /* R and C */
		same(28, 1, r8 >> 60 & 3); /* it is not there any more */
	}
	load(HASH_EA);
	expect(29, 0x300, DSISR_NOPTE);
	load(HASH_EA + 0x10000);
	expect(30, 0x300, DSISR_NOPTE);

	/* what cannot be */
	same(31, H_PARAMETER, hcall4(H_REMOVE, 0, HASH_GROUPS * 8, 0, 0, 0));
	same(32, H_PARAMETER,
	     hcall4(H_ENTER, H_EXACT, HASH_GROUPS * 8, HPTE_V, 0, 0));
	same(33, H_PARAMETER, hcall4(H_PROTECT, 0, -1ul, 0, 0, 0));
	/* a full group */
	for (i = 0; i < 8; i++)
		same(34, 0, hcall4(H_ENTER, H_EXACT, 8 + i, HPTE_V, 0, 0));
	same(35, H_PTEG_FULL, hcall4(H_ENTER, 0, 8, HPTE_V, 0, 0));
	same(36, H_PTEG_FULL, hcall4(H_ENTER, H_EXACT, 11, HPTE_V, 0, 0));
	for (i = 0; i < 8; i++)
		same(37, 0, hcall4(H_REMOVE, 0, 8 + i, 0, 0, 0));

	/* by two of its software bits a guest knows what has to stay; two are ours */
	same(38, 0, hcall4(H_ENTER, H_EXACT, 8, HPTE_V | 0x78, 0, 0));
	same(39, H_NOT_FOUND, hcall4(H_REMOVE, H_ANDCOND, 8, 0x10, 0, 0));
	same(40, H_NOT_FOUND, hcall4(H_REMOVE, H_ANDCOND, 8, 0x08, 0, 0));
	same(41, 0, hcall4(H_REMOVE, H_ANDCOND, 8, 0x60, 0, out));
	same(42, HPTE_V | 0x18, out[0]);
}

static void slb(void)
{
	u64 v, cr, i;

	load(HASH_EA);
	expect(50, 0x380, 0);
	same(51, HASH_EA, dar);
	segment(HASH_VSID);
	enter(52, 0, PP_RW);
	for (i = 0; i < 4; i++) {
		store(HASH_EA, 7);
		expect(53, 0, 0);
		asm volatile("slbmfee %0, %1" : "=r"(v) : "r"(SLOT));
		same(54, HASH_EA | SLB_V, v);
		asm volatile("slbmfev %0, %1" : "=r"(v) : "r"(SLOT));
		same(55, HASH_VSID << 12 | SLB_64K | SLB_KP, v);
		asm volatile("slbfee. %0, %2; mfcr %1"
			     : "=r"(v), "=r"(cr)
			     : "r"(HASH_EA + 0x12345)
			     : "cr0");
		same(56, HASH_VSID << 12 | SLB_64K | SLB_KP, v);
		same(57, 2, cr >> 28 & 0xf);

		asm volatile("isync; slbie %0; isync"
			     :
			     : "r"(HASH_EA)
			     : "memory");
		load(HASH_EA);
		expect(58, 0x380, 0);
		asm volatile("slbfee. %0, %2; mfcr %1"
			     : "=r"(v), "=r"(cr)
			     : "r"(HASH_EA)
			     : "cr0");
		same(59, 0, v);
		same(60, 0, cr >> 28 & 0xf);

		/* another segment there, and the first one again */
		segment(HASH_VSID + 1);
		load(HASH_EA);
		expect(61, 0x300, DSISR_NOPTE);
		segment(HASH_VSID);
		same(62, 7, load(HASH_EA));
		expect(63, 0, 0);
	}
}

static void segments(u64 n)
{
	u64 i;

	segment(HASH_VSID);
	enter(70, 0, PP_RW);
	store(HASH_EA, 0x55);
	for (i = 0; i < n; i++) {
		/* the processor may go on with the old one otherwise */
		asm volatile("isync; slbie %0; isync"
			     :
			     : "r"(HASH_EA)
			     : "memory");
		segment(HASH_VSID + 1 + i);
		load(HASH_EA);
		expect(71, 0x300, DSISR_NOPTE);
		if (i % 512)
			continue;
		asm volatile("isync; slbie %0; isync"
			     :
			     : "r"(HASH_EA)
			     : "memory");
		segment(HASH_VSID);
		same(72, 0x55, load(HASH_EA));
		expect(73, 0, 0);
	}
}

static void reads(u64 n)
{
	u64 i;

	for (i = 0; i < n; i++) {
		u64 at = HASH_DEVICE + (i & 0xff) * 4;
		u32 v = *(volatile u32 *)at;

		if (v != (u32)(at * HASH_FACTOR))
			fail(80, (u32)(at * HASH_FACTOR), v, i);
	}
}

/* n times: r5 from 0(r4), r6 to 4(r4); returns how many were not right */
static const u32 accesses[] = {
	0x7c6903a6, /* mtctr r3 */
	0x38600000, /* li r3,0 */
	0x80e40000, /* 1: lwz r7,0(r4) */
	0x90c40004, /* stw r6,4(r4) */
	0x7c072840, /* cmplw r7,r5 */
	0x41820008, /* beq 2f */
	0x38630001, /* addi r3,r3,1 */
	0x4200ffec, /* 2: bdnz 1b */
	0x4e800020, /* blr */
};

static void access_device(u64 n)
{
	u64 (*fn)(u64, u64, u64, u64) = (void *)HASH_EA;
	u64 at = HASH_DEVICE + 0x40;
	volatile u32 *to = (u32 *)HASH_PAGES;
	unsigned int i;

	for (i = 0; i < sizeof(accesses) / 4; i++)
		to[i] = accesses[i];
	asm volatile("dcbst 0,%0; sync; icbi 0,%0; isync"
		     :
		     : "r"(to)
		     : "memory");
	segment(HASH_VSID);
	while (!*(volatile u64 *)HASH_STARTED)
		;
	same(90, 0,
	     fn(n, at, (u32)(at * HASH_FACTOR), (u32)((at + 4) * HASH_FACTOR)));
}

static void invalidate(void)
{
	u64 index;

	segment(HASH_VSID);
	index = enter(91, 0, PP_RW);
	*(volatile u64 *)HASH_STARTED = 1;
	while (!*(volatile u64 *)HASH_STOP) {
		same(92, 0, hcall4(H_REMOVE, 0, index, 0, 0, 0));
		index = enter(93, 0, PP_RW);
	}
}

long guest_main(u64 op, u64 n, u64 a2)
{
	switch (op) {
	case HASH_ENTER:
		enter_and_remove();
		break;
	case HASH_SLB:
		slb();
		break;
	case HASH_READ:
		reads(n);
		break;
	case HASH_ACCESS:
		access_device(n);
		break;
	case HASH_INVALIDATE:
		invalidate();
		break;
	case HASH_SEGMENTS:
		segments(n);
		break;
	}
	return 0;
}
