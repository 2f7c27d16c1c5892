// SPDX-License-Identifier: GPL-2.0
/*
 * Guests with the processor of a Macintosh: what a 32-bit one translates and
 * why it does not, its interrupts, its registers, and dcbz of 32 bytes; HIOR
 * and HID5 of a 970. On a hash host.
 *
 * Each test writes a few instructions and runs them until an interrupt, whose
 * vector stores to a device.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s32.h"
#include "insn.h"

#include <endian.h>

#define MEM (16ul << 20)
#define DEVICE 0x70000000u
#define CODE 0x10000u
#define TABLE 0x100000u /* 64 KB, the smallest */
#define PAGE 0x400000u
#define OTHER 0x402000u
#define EA 0x30001000u /* of PAGE, when it is mapped */
#define SEGMENT 3
#define VSID 0x123456u

#define MSR_XLATE (MSR32 | MSR_IR | MSR_DR)

FIXTURE(bare)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
};

static void put(struct vmm *vmm, uint32_t gpa, uint32_t word)
{
	*(uint32_t *)vmm_gpa(vmm, gpa) = htobe32(word);
}

static uint32_t get(struct vmm *vmm, uint32_t gpa)
{
	return be32toh(*(uint32_t *)vmm_gpa(vmm, gpa));
}

static void vectors(struct vmm *vmm, uint32_t base)
{
	uint32_t v;

	for (v = 0x100; v < 0x1400; v += 0x100) {
		put(vmm, base + v, LIS(31, DEVICE >> 16));
		put(vmm, base + v + 4, STW(31, v, 31));
	}
}

static void set_sregs(FIXTURE_DATA(bare) * self)
{
	if (ioctl(self->vcpu->fd, KVM_SET_SREGS, &self->sregs))
		vmm_die("KVM_SET_SREGS");
}

FIXTURE_SETUP(bare)
{
	struct kvm_sregs *s = &self->sregs;

	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	self->vcpu = vmm_add_vcpu(self->vmm, 0);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, s));
	s->pvr = PVR_750;
	s->u.s.sdr1 = TABLE;
	s->u.s.ppc32.sr[SEGMENT] = VSID;
	s->u.s.ppc32.ibat[0] = BAT(0, BAT_8M, BAT_VS | BAT_VP, 0, 2);
	set_sregs(self);
	vectors(self->vmm, 0);
	self->regs.pc = CODE;
	self->regs.msr = MSR32;
}

FIXTURE_TEARDOWN(bare)
{
	vmm_free(self->vmm);
}

#define CODE_IS(...)                                                           \
	do {                                                                   \
		static const uint32_t words[] = { __VA_ARGS__ };               \
		book3s_code(self->vmm, CODE, false, words, ARRAY_SIZE(words)); \
	} while (0)

/* An entry for EA in the primary or the secondary group; its real address */
static uint32_t map(struct vmm *vmm, uint32_t ea, uint32_t second,
		    bool secondary)
{
	uint32_t hash = (VSID & 0x7ffff) ^ (ea >> 12 & 0xffff), at;

	hash = secondary ? ~hash : hash;
	at = TABLE | (hash & 0x3ff) << 6;
	/* not the first of its group */
	at += 5 * 8;
	put(vmm, at, 1u << 31 | VSID << 7 | secondary << 6 | (ea >> 22 & 0x3f));
	put(vmm, at + 4, second);
	return at;
}

/* Runs the guest until an interrupt: its vector; the registers are those then */
static uint32_t run(FIXTURE_DATA(bare) * self)
{
	struct kvm_run *r = self->vcpu->run;

	vmm_set_regs(self->vcpu, &self->regs);
	if (vmm_run(self->vcpu))
		vmm_die("KVM_RUN: %s", vmm_exit_str(self->vcpu));
	vmm_get_regs(self->vcpu, &self->regs);
	if (r->exit_reason != KVM_EXIT_MMIO || !r->mmio.is_write ||
	    r->mmio.phys_addr >> 28 != DEVICE >> 28)
		vmm_die("%s at %#llx", vmm_exit_str(self->vcpu), self->regs.pc);
	return r->mmio.phys_addr & 0xffff;
}

/* The same anew, from CODE */
static uint32_t again(FIXTURE_DATA(bare) * self, uint64_t msr)
{
	self->regs.pc = CODE;
	self->regs.msr = msr;
	return run(self);
}

TEST_F(bare, pages)
{
	uint32_t first, second;

	CODE_IS(LWZ(5, 0, 4), SC(0), STW(6, 4, 4), SC(0));
	put(self->vmm, PAGE, 0x01020304);
	first = map(self->vmm, EA, PAGE | 2, false);
	self->regs.gpr[4] = EA;
	self->regs.gpr[6] = 0xfeedbeef;
	ASSERT_EQ(0xc00, again(self, MSR_XLATE));
	EXPECT_EQ(0x01020304, self->regs.gpr[5]);
	EXPECT_EQ(CODE + 8, self->regs.srr0);
	EXPECT_EQ(MSR_XLATE, self->regs.srr1);
	/* reference is noted, then change */
	EXPECT_EQ(PAGE | 2 | PTE_R, get(self->vmm, first + 4));
	self->regs.pc = CODE + 8;
	self->regs.msr = MSR_XLATE;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(0xfeedbeef, get(self->vmm, PAGE + 4));
	EXPECT_EQ(PAGE | 2 | PTE_R | PTE_C, get(self->vmm, first + 4));

	/* in the other group, and a page further */
	second = map(self->vmm, EA + 0x1000, OTHER | 2, true);
	put(self->vmm, OTHER, 0x0a0b0c0d);
	self->regs.gpr[4] = EA + 0x1000;
	ASSERT_EQ(0xc00, again(self, MSR_XLATE));
	EXPECT_EQ(0x0a0b0c0d, self->regs.gpr[5]);
	EXPECT_EQ(OTHER | 2 | PTE_R, get(self->vmm, second + 4));
}

enum access { LOAD, STORE, FETCH };

TEST_F(bare, faults)
{
	static const struct {
		enum access access;
		bool problem_state;
		uint32_t sr, pte; /* 0: no entry */
		uint32_t why; /* 0: none */
	} t[] = {
		{ LOAD, 0, 0, 0, DSISR_NOPTE },
		{ STORE, 0, 0, 0, DSISR_NOPTE | DSISR_STORE },
		{ FETCH, 0, 0, 0, DSISR_NOPTE },
		{ STORE, 0, 0, PAGE | 3, DSISR_PROT | DSISR_STORE },
		{ LOAD, 0, 0, PAGE | 3, 0 },
		{ STORE, 0, 0, PAGE | 1, 0 },
		{ LOAD, 0, SR_KS, PAGE | 0, DSISR_PROT },
		{ FETCH, 0, SR_KS, PAGE | 0, DSISR_PROT },
		{ LOAD, 0, SR_KP, PAGE | 0, 0 },
		{ LOAD, 1, SR_KP, PAGE | 0, DSISR_PROT },
		{ LOAD, 1, SR_KS, PAGE | 0, 0 },
		{ STORE, 1, SR_KP, PAGE | 1, DSISR_PROT | DSISR_STORE },
		{ LOAD, 1, SR_KP, PAGE | 1, 0 },
		{ STORE, 1, SR_KP, PAGE | 2, 0 },
		{ FETCH, 0, SR_N, PAGE | 2, SRR1_NOEXEC },
		{ LOAD, 0, SR_N, PAGE | 2, 0 },
		{ FETCH, 0, 0, PAGE | 2 | PTE_G, SRR1_NOEXEC },
		{ FETCH, 1, SR_KS, PAGE | 3, 0 },
		{ LOAD, 0, SR_T, PAGE | 2, DSISR_DIRECT },
		{ STORE, 0, SR_T, PAGE | 2, DSISR_DIRECT | DSISR_STORE },
		{ FETCH, 0, SR_T, PAGE | 2, SRR1_NOEXEC },
	};
	uint64_t msr, v;
	unsigned int i;

	put(self->vmm, PAGE, SC(0));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		uint32_t at = map(self->vmm, EA, t[i].pte, false);

		if (!t[i].pte)
			put(self->vmm, at, 0);
		self->sregs.u.s.ppc32.sr[SEGMENT] = t[i].sr | VSID;
		set_sregs(self);
		put(self->vmm, CODE,
		    t[i].access == STORE ? STW(5, 4, 4) : LWZ(5, 0, 4));
		put(self->vmm, CODE + 4, SC(0));
		msr = MSR_XLATE | (t[i].problem_state ? MSR_PR : 0);
		self->regs.gpr[4] = EA;
		self->regs.pc = t[i].access == FETCH ? EA : CODE;
		self->regs.msr = msr;
		v = run(self);
		TH_LOG("case %u: vector %#lx", i, v);
		if (!t[i].why) {
			EXPECT_EQ(0xc00, v);
			EXPECT_EQ(msr, self->regs.srr1);
			continue;
		}
		EXPECT_EQ(t[i].access == FETCH ? 0x400 : 0x300, v);
		if (t[i].access == FETCH) {
			EXPECT_EQ(msr | t[i].why, self->regs.srr1);
			EXPECT_EQ(EA, self->regs.srr0);
			continue;
		}
		EXPECT_EQ(CODE, self->regs.srr0);
		EXPECT_EQ(t[i].why, vmm_reg(self->vcpu, KVM_REG_PPC_DSISR));
		EXPECT_EQ(EA + (t[i].access == STORE ? 4 : 0),
			  vmm_reg(self->vcpu, KVM_REG_PPC_DAR));
	}
}

/* Blocks come before pages, and those of data are not those of code */
TEST_F(bare, blocks)
{
	__u64 *ibat = self->sregs.u.s.ppc32.ibat;
	__u64 *dbat = self->sregs.u.s.ppc32.dbat;

	CODE_IS(LWZ(5, 0, 4), STW(5, 8, 4), SC(0));
	map(self->vmm, EA, PAGE | 2, false);
	put(self->vmm, PAGE, 1);
	put(self->vmm, 0x601000, 2);
	self->regs.gpr[4] = EA;
	ASSERT_EQ(0xc00, again(self, MSR_XLATE));
	EXPECT_EQ(1, self->regs.gpr[5]);

	dbat[3] = BAT(EA & -0x20000u, BAT_128K, BAT_VS, 0x600000u, 2);
	set_sregs(self);
	ASSERT_EQ(0xc00, again(self, MSR_XLATE));
	EXPECT_EQ(2, self->regs.gpr[5]);
	EXPECT_EQ(2, get(self->vmm, 0x601008));
	/* not in problem state, which has no such block */
	ASSERT_EQ(0xc00, again(self, MSR_XLATE | MSR_PR));
	EXPECT_EQ(1, self->regs.gpr[5]);
	/* not to be written, and not to be read */
	dbat[3] = BAT(EA & -0x20000u, BAT_128K, BAT_VS, 0x600000u, 1);
	set_sregs(self);
	ASSERT_EQ(0x300, again(self, MSR_XLATE));
	EXPECT_EQ(2, self->regs.gpr[5]);
	EXPECT_EQ(CODE + 4, self->regs.srr0);
	EXPECT_EQ(DSISR_PROT | DSISR_STORE,
		  vmm_reg(self->vcpu, KVM_REG_PPC_DSISR));
	dbat[3] = BAT(EA & -0x20000u, BAT_128K, BAT_VS, 0x600000u, 0);
	set_sregs(self);
	ASSERT_EQ(0x300, again(self, MSR_XLATE));
	EXPECT_EQ(CODE, self->regs.srr0);

	/* code from one place and data from another, at one address */
	ibat[2] = BAT(EA & -0x20000u, BAT_128K, BAT_VS, 0x620000u, 2);
	dbat[3] = BAT(EA & -0x20000u, BAT_128K, BAT_VS, 0x600000u, 2);
	set_sregs(self);
	put(self->vmm, 0x621000, LWZ(5, 0, 4));
	put(self->vmm, 0x621004, STW(5, 12, 4));
	put(self->vmm, 0x621008, LWZ(6, 8, 4));
	put(self->vmm, 0x62100c, SC(0));
	put(self->vmm, 0x601000, 3);
	put(self->vmm, 0x601008, 4);
	self->regs.pc = EA;
	self->regs.msr = MSR_XLATE;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(3, self->regs.gpr[5]);
	EXPECT_EQ(4, self->regs.gpr[6]);
	EXPECT_EQ(3, get(self->vmm, 0x60100c));
	EXPECT_EQ(SC(0), get(self->vmm, 0x62100c));
}

/* What the guest itself changes: a page's entry, a segment, a block */
TEST_F(bare, changes)
{
	uint32_t at = map(self->vmm, EA, PAGE | 2, false);

	/* r3: the entry's second word by the block of data that the table is in */
	CODE_IS(LWZ(5, 0, 4), STW(6, 0, 3), TLBIE(4), SYNC, TLBSYNC, SYNC,
		LWZ(7, 0, 4), MTSR(5, 10), ISYNC, LWZ(8, 0, 11), MTSRIN(12, 11),
		ISYNC, MFSR(13, 5), MFSRIN(14, 4), MTSPR(SPR_DBAT(1) + 1, 15),
		MTSPR(SPR_DBAT(1), 16), ISYNC, LWZ(9, 0, 11), SC(0));
	self->sregs.u.s.ppc32.dbat[0] = BAT(TABLE, BAT_128K, BAT_VS, TABLE, 2);
	set_sregs(self);
	put(self->vmm, PAGE, 1);
	put(self->vmm, OTHER, 2);
	put(self->vmm, 0x701000, 3);
	self->regs.gpr[3] = at + 4;
	self->regs.gpr[4] = EA;
	self->regs.gpr[6] = OTHER | 2;
	/* segment 5 is the same as segment 3, then another */
	self->regs.gpr[10] = VSID;
	self->regs.gpr[11] = 0x50000000 | (EA & 0xfffffff);
	self->regs.gpr[12] = 0x777;
	self->regs.gpr[15] = 0x00700002;
	self->regs.gpr[16] = (0x50000000 | (EA & 0xffe0000)) | BAT_VS;
	ASSERT_EQ(0xc00, again(self, MSR_XLATE));
	EXPECT_EQ(1, self->regs.gpr[5]);
	EXPECT_EQ(2, self->regs.gpr[7]);
	EXPECT_EQ(2, self->regs.gpr[8]);
	EXPECT_EQ(0x777, self->regs.gpr[13]);
	EXPECT_EQ(VSID, self->regs.gpr[14]);
	EXPECT_EQ(3, self->regs.gpr[9]);
}

static void fill(struct vmm *vmm, uint32_t at)
{
	memset(vmm_gpa(vmm, at), 0xff, 0x400);
}

/* How many bytes from PAGE on are zero, and are all others as they were? */
static int zeroed(struct vmm *vmm, unsigned int from)
{
	const unsigned char *page = vmm_gpa(vmm, PAGE);
	int i, n = 0;

	while (from + n < 0x400 && !page[from + n])
		n++;
	for (i = 0; i < 0x400; i++)
		if (page[i] != 0xff && (i < from || i >= from + n))
			return -i;
	return n;
}

TEST_F(bare, dcbz)
{
	int i;

	/* r3 points there, then just written there, then again */
	CODE_IS(DCBZ(0, 3), SC(0), DCBZ(4, 5), SC(0), STW(6, 0, 7), DCBST(0, 7),
		SYNC, ICBI(0, 7), ISYNC, NOP, NOP, SC(0), LWZ(8, 0, 9),
		DCBA(0, 3), SC(0));
	fill(self->vmm, PAGE);
	self->regs.gpr[3] = PAGE + 0x47;
	ASSERT_EQ(0xc00, again(self, MSR32));
	EXPECT_EQ(32, zeroed(self->vmm, 0x40));
	/* and again and again, the code once in its place */
	for (i = 0; i < 3; i++) {
		fill(self->vmm, PAGE);
		self->regs.gpr[3] = PAGE + 0x60 + 32 * i;
		ASSERT_EQ(0xc00, again(self, MSR32));
		EXPECT_EQ(32, zeroed(self->vmm, 0x60 + 32 * i));
	}
	EXPECT_EQ(DCBZ(0, 3), get(self->vmm, CODE));

	fill(self->vmm, PAGE);
	self->regs.gpr[4] = PAGE;
	self->regs.gpr[5] = 0x3e0;
	self->regs.pc = CODE + 8;
	self->regs.msr = MSR32;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(32, zeroed(self->vmm, 0x3e0));

	/* one that the guest has just made of a nop, in this very page */
	fill(self->vmm, PAGE);
	self->regs.gpr[3] = PAGE;
	self->regs.gpr[6] = DCBZ(0, 3);
	self->regs.gpr[7] = CODE + 4 * 9;
	self->regs.pc = CODE + 16;
	self->regs.msr = MSR32;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(32, zeroed(self->vmm, 0));
	EXPECT_EQ(DCBZ(0, 3), get(self->vmm, CODE + 4 * 9));

	/* dcba does nothing */
	fill(self->vmm, PAGE);
	self->regs.pc = CODE + 4 * 13;
	self->regs.msr = MSR32;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(0, zeroed(self->vmm, 0));
	/* code that is loaded while it is executed, and executed elsewhere */
	CODE_IS(DCBZ(0, 3), LWZ(5, 0, 7), STW(5, 0, 8), LWZ(5, 4, 7),
		STW(5, 4, 8), LWZ(5, 8, 7), STW(5, 8, 8), SC(0));
	/* nobody else sees what userspace writes there */
	set_sregs(self);
	self->regs.gpr[7] = CODE;
	self->regs.gpr[8] = OTHER;
	ASSERT_EQ(0xc00, again(self, MSR32));
	put(self->vmm, OTHER + 4, SC(0));
	fill(self->vmm, PAGE);
	self->regs.pc = OTHER;
	self->regs.msr = MSR32;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(32, zeroed(self->vmm, 0));
}

/* With translation, in problem state, and across what the guest may not write */
TEST_F(bare, dcbz_translated)
{
	uint32_t at = map(self->vmm, EA, PAGE | 2, false);

	CODE_IS(DCBZ(0, 3), SC(0));
	fill(self->vmm, PAGE);
	self->regs.gpr[3] = EA + 0x100;
	ASSERT_EQ(0xc00, again(self, MSR_XLATE | MSR_PR));
	EXPECT_EQ(32, zeroed(self->vmm, 0x100));
	EXPECT_EQ(PAGE | 2 | PTE_R | PTE_C, get(self->vmm, at + 4));

	put(self->vmm, at + 4, PAGE | 3);
	set_sregs(self);
	fill(self->vmm, PAGE);
	ASSERT_EQ(0x300, again(self, MSR_XLATE | MSR_PR));
	EXPECT_EQ(CODE, self->regs.srr0);
	EXPECT_EQ(DSISR_PROT | DSISR_STORE,
		  vmm_reg(self->vcpu, KVM_REG_PPC_DSISR));
	EXPECT_EQ(0, zeroed(self->vmm, 0x100));
}

TEST_F(bare, interrupts)
{
	uint64_t user = MSR_XLATE | MSR_PR | MSR_EE;

	/* the upper halves that this host's registers have do not show */
	CODE_IS(MFMSR(5), MTSPR(SPR_SPRG0, 6), MFSPR(7, SPR_SPRG0),
		LWZ(8, 8, 9), TRAP);
	self->regs.gpr[6] = 0xffffffff80000000;
	/* addresses wrap at 4 GB */
	self->regs.gpr[9] = 0xfffffffe;
	put(self->vmm, 4, 0);
	*(uint32_t *)vmm_gpa(self->vmm, 6) = htobe32(0x600dcafe);
	ASSERT_EQ(0x700, again(self, MSR_SF | MSR32));
	EXPECT_EQ(MSR32, self->regs.gpr[5]);
	EXPECT_EQ(0x80000000, self->regs.gpr[7]);
	EXPECT_EQ(0x600dcafe, self->regs.gpr[8]);
	EXPECT_EQ(CODE + 16, self->regs.srr0);
	EXPECT_EQ(MSR32 | 0x20000, self->regs.srr1);
	EXPECT_EQ(MSR32, self->regs.msr);

	CODE_IS(ILLEGAL);
	EXPECT_EQ(0x700, again(self, user));
	EXPECT_EQ(user | 0x80000, self->regs.srr1);
	CODE_IS(MFMSR(5));
	EXPECT_EQ(0x700, again(self, user));
	EXPECT_EQ(user | 0x40000, self->regs.srr1);
	CODE_IS(LFD(1, 0, 4));
	EXPECT_EQ(0x800, again(self, MSR32));
	EXPECT_EQ(CODE, self->regs.srr0);

	/* rfi to problem state and back by the decrementer */
	CODE_IS(MTSPR(26, 4), MTSPR(27, 5), MTSPR(SPR_DEC, 6), RFI);
	put(self->vmm, CODE + 0x100, B(0));
	self->regs.gpr[4] = CODE + 0x100;
	self->regs.gpr[5] = user | 0x783f0000;
	self->regs.gpr[6] = 1000;
	EXPECT_EQ(0x900, again(self, MSR32));
	EXPECT_EQ(CODE + 0x100, self->regs.srr0);
	EXPECT_EQ(user, self->regs.srr1);

	/* it also ends a wait */
	CODE_IS(MTSPR(SPR_DEC, 6), MTMSR(5), B(0));
	self->regs.gpr[5] = MSR32 | MSR_EE | MSR_POW;
	EXPECT_EQ(0x900, again(self, MSR32));
	EXPECT_EQ(CODE + 8, self->regs.srr0);
	EXPECT_EQ(MSR32 | MSR_EE, self->regs.srr1);
}

/* The vectors are where MSR[IP] says */
TEST_F(bare, prefix)
{
	void *high = vmm_alloc(1 << 20);

	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, 0, 0xfff00000, 1 << 20, high));
	((uint32_t *)high)[0xc00 / 4] = htobe32(LIS(31, DEVICE >> 16));
	((uint32_t *)high)[0xc04 / 4] = htobe32(STW(31, 0x7c00, 31));
	CODE_IS(SC(0));
	EXPECT_EQ(0x7c00, again(self, MSR32 | MSR_IP));
	EXPECT_EQ(0xfff00c08, self->regs.pc);
	EXPECT_EQ(MSR32 | MSR_IP, self->regs.msr);
	EXPECT_EQ(MSR32 | MSR_IP, self->regs.srr1);
	EXPECT_EQ(0xc00, again(self, MSR32));
}

TEST_F(bare, registers)
{
	struct kvm_sregs got;

	CODE_IS(MTSPR(SPR_HID0, 4), MFSPR(5, SPR_HID0), MTSPR(SPR_L2CR, 6),
		MFSPR(7, SPR_L2CR), MTSPR(SPR_IBAT(5), 8),
		MFSPR(9, SPR_IBAT(5)), MTSPR(SPR_SDR1, 10), MFSPR(11, SPR_SDR1),
		MFSPR(12, 287), MFSPR(13, 1023), MTSPR(1012, 4), SC(0));
	self->regs.gpr[4] = 0x8000cc00;
	self->regs.gpr[6] = 0x80200000;
	self->regs.gpr[8] = 0x123a0000;
	self->regs.gpr[10] = 0x003f01ff;
	ASSERT_EQ(0xc00, again(self, MSR32));
	/* what invalidates a cache is done at once */
	EXPECT_EQ(0x8000c000, self->regs.gpr[5]);
	EXPECT_EQ(0x80000000, self->regs.gpr[7]);
	EXPECT_EQ(0x123a0000, self->regs.gpr[9]);
	EXPECT_EQ(0x003f01ff, self->regs.gpr[11]);
	EXPECT_EQ(PVR_750, self->regs.gpr[12]);
	EXPECT_EQ(0, self->regs.gpr[13]);

	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &got));
	EXPECT_EQ(PVR_750, got.pvr);
	EXPECT_EQ(0x003f01ff, got.u.s.sdr1);
	EXPECT_EQ(VSID, got.u.s.ppc32.sr[SEGMENT]);
	EXPECT_EQ(self->sregs.u.s.ppc32.ibat[0], got.u.s.ppc32.ibat[0]);
	EXPECT_EQ(0x123a0000, got.u.s.ppc32.ibat[5]);
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SREGS, &got));
}

/* A 970: where HIOR says, and dcbz as HID5 says */
TEST_F(bare, ppc970)
{
	self->sregs.pvr = PVR_970FX;
	set_sregs(self);
	vectors(self->vmm, 0x20000);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_HIOR, 0);
	CODE_IS(MTSPR(SPR_HIOR, 4), MFSPR(5, SPR_HIOR), DCBZ(0, 3), SC(0),
		MTSPR(SPR_HID5, 6), ISYNC, DCBZ(0, 3), SC(0), DCBZL(0, 3),
		SC(0), MTSPR(SPR_SDR1, 7), MFSPR(8, SPR_SDR1), SC(0));
	fill(self->vmm, PAGE);
	self->regs.gpr[3] = PAGE + 0xa0;
	self->regs.gpr[4] = 0x20000;
	self->regs.gpr[6] = 0x80;
	ASSERT_EQ(0xc00, again(self, MSR_SF | MSR32));
	EXPECT_EQ(0x20c08, self->regs.pc);
	EXPECT_EQ(0x20000, self->regs.gpr[5]);
	EXPECT_EQ(128, zeroed(self->vmm, 0x80));

	fill(self->vmm, PAGE);
	self->regs.pc = CODE + 16;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(32, zeroed(self->vmm, 0xa0));
	fill(self->vmm, PAGE);
	self->regs.pc = CODE + 32;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(128, zeroed(self->vmm, 0x80));
	self->regs.pc = CODE + 40;
	self->regs.gpr[7] = 0x100000;
	ASSERT_EQ(0xc00, run(self));
	EXPECT_EQ(0x100000, self->regs.gpr[8]);
}

TEST_HARNESS_MAIN
