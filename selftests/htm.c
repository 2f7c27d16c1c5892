// SPDX-License-Identifier: GPL-2.0
/*
 * Transactional memory of a guest in problem state: each transaction fails as it
 * begins, and what kernels do with suspended ones works.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define CODE 0x500000ul
#define OTHER 0x600000ul

#define MSR_TM (1ull << 32)
#define MSR_TS_S (1ull << 33)
#define MSR_TS_T (1ull << 34)
#define SRR1_TM 0x200000ull
#define FSCR_TM (5ull << 56)

#define TEXASR_PERSISTENT (1ull << 56)
#define TEXASR_PR (1ull << 28)
#define TEXASR_FS (1ull << 27)
#define TEXASR_EXACT (1ull << 26)
#define TEXASR_ROT (1ull << 25)

#define TFHAR 128
#define TFIAR 129
#define TEXASR 130
#define TEXASRU 131

#define TBEGIN(r) (0x7c00051du | (r) << 21)
#define TEND 0x7c00055du
#define TCHECK(bf) (0x7c00059cu | (bf) << 23)
#define TABORT(a) (0x7c00071du | (a) << 16)
#define TSUSPEND 0x7c0005ddu
#define TRESUME 0x7c2005ddu
#define TRECLAIM(a) (0x7c00075du | (a) << 16)
#define TRECHKPT 0x7c0007ddu

#define CR0(cr) ((cr) >> 28 & 0xf)

FIXTURE(htm)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_regs regs;
};

FIXTURE_SETUP(htm)
{
	unsigned int i;

	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	if (book3s_peer())
		SKIP(return, "it has transactions that succeed");
	if (!vmm_check(self->vmm, KVM_CAP_PPC_HTM))
		SKIP(return, "the processor has no transactional memory");
	book3s_load(self->vmm, PAYLOAD(exits));
	book3s_map(self->vmm, 0, 0, OTHER, 16, RPTE_KERNEL);
	book3s_map(self->vmm, OTHER, OTHER, MEM - OTHER, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_translate(self->vmm);
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
	for (i = 0; i < 32; i++)
		self->regs.gpr[i] = 0x1000 + i;
	self->regs.sprg0 = BOOK3S_SPRG0;
	self->regs.lr = 0xaaaa;
	self->regs.ctr = 0xcccc;
}

FIXTURE_TEARDOWN(htm)
{
	vmm_free(self->vmm);
}

#define ARG(n) (self->vcpu->run->papr_hcall.args[n])

/* Runs from @pc to a hypercall that reaches userspace; returns the registers */
static struct kvm_regs run(FIXTURE_DATA(htm) * self, uint64_t msr, uint64_t pc)
{
	struct kvm_regs regs = self->regs;

	regs.pc = pc;
	regs.msr = msr;
	return book3s_run_regs(self->vcpu, regs);
}

/*
 * Did the guest take this interrupt, with these SRR0 and, in the bits of @mask,
 * SRR1?
 */
static bool trapped(FIXTURE_DATA(htm) * self, uint64_t vector, uint64_t pc,
		    uint64_t srr1, uint64_t mask)
{
	bool ok = self->vcpu->run->papr_hcall.nr == UC_TRAP &&
		  ARG(0) == vector && ARG(1) == pc && (ARG(2) & mask) == srr1;

	if (!ok)
		printf("# %s\n", vmm_exit_str(self->vcpu));
	return ok;
}

/* The facility is off, as the guest's kernel has set it */
TEST_F(htm, unavailable)
{
	static const uint32_t insn[] = { TBEGIN(0), TEND, TSUSPEND,
					 MFSPR(10, TFHAR), MTSPR(TEXASR, 10) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insn); i++) {
		book3s_put(self->vmm, OTHER, true, insn[i]);
		vmm_reg_set(self->vcpu, KVM_REG_PPC_FSCR, 0);
		run(self, MSR_VIRT | MSR_PR, OTHER);
		EXPECT_TRUE(trapped(self, 0xf60, OTHER, 0, MSR_TM));
		EXPECT_EQ(FSCR_TM, vmm_reg(self->vcpu, KVM_REG_PPC_FSCR));
		book3s_put(self->vmm, CODE, true, insn[i]);
		run(self, MSR_VIRT, CODE);
		EXPECT_TRUE(trapped(self, 0xf60, CODE, 0, MSR_TM));
	}
	book3s_put(self->vmm, CODE, true, TRECLAIM(0));
	run(self, MSR_VIRT, CODE);
	EXPECT_TRUE(trapped(self, 0xf60, CODE, 0, 0));
}

TEST_F(htm, fails_as_it_begins)
{
	uint64_t common = TEXASR_FS | TEXASR_EXACT | TEXASR_PERSISTENT, v;
	struct kvm_regs regs;
	unsigned int rot;

	for (rot = 0; rot < 2; rot++) {
		uint64_t why = common | (rot ? TEXASR_ROT : 0);

		book3s_put(self->vmm, CODE, true, NOP, TBEGIN(rot), MFCR(14),
			   MFSPR(15, TFHAR), MFSPR(16, TFIAR),
			   MFSPR(17, TEXASR), MFSPR(18, TEXASRU),
			   HCALL(UC_SYNC));
		regs = run(self, MSR_VIRT | MSR_TM, CODE);
		ASSERT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
		EXPECT_EQ(0xa, CR0(regs.gpr[14]));
		EXPECT_EQ(CODE + 8, regs.gpr[15]);
		EXPECT_EQ(CODE + 4, regs.gpr[16]);
		EXPECT_EQ(why, regs.gpr[17] & why);
		EXPECT_EQ(0, regs.gpr[17] & TEXASR_PR);
		EXPECT_EQ(regs.gpr[17] >> 32, regs.gpr[18]);
		EXPECT_EQ(0x1013, regs.gpr[19]);

		book3s_put(self->vmm, OTHER, true, NOP, TBEGIN(rot), MFCR(14),
			   TRAP);
		regs = run(self, MSR_VIRT | MSR_TM | MSR_PR, OTHER);
		EXPECT_TRUE(trapped(self, 0x700, OTHER + 12, MSR_TM, MSR_TM));
		EXPECT_EQ(0xa, CR0(regs.gpr[14]));
		v = vmm_reg(self->vcpu, KVM_REG_PPC_TEXASR);
		why |= TEXASR_PR;
		EXPECT_EQ(why, v & why);
		EXPECT_EQ((OTHER + 4) | 1,
			  vmm_reg(self->vcpu, KVM_REG_PPC_TFIAR));
		EXPECT_EQ(OTHER + 8, vmm_reg(self->vcpu, KVM_REG_PPC_TFHAR));
	}
}

/* Without a transaction these do nothing */
TEST_F(htm, outside)
{
	struct kvm_regs regs;

	book3s_put(self->vmm, OTHER, true, TEND, TABORT(4), TSUSPEND, TRESUME,
		   TCHECK(3), MFCR(14), MTSPR(TEXASRU, 5), MFSPR(15, TEXASR),
		   TRAP);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TEXASR, 0x1122334455667788);
	self->regs.cr = 0xffffffff;
	regs = run(self, MSR_VIRT | MSR_TM | MSR_PR, OTHER);
	EXPECT_TRUE(trapped(self, 0x700, OTHER + 32, 0, SRR1_TM));
	EXPECT_EQ(0x0ff0ffff, regs.gpr[14]);
	EXPECT_EQ(0x100555667788, regs.gpr[15]);
}

TEST_F(htm, bad_things)
{
	static const struct {
		uint64_t msr, pr;
		uint32_t insn;
		uint64_t why;
	} bad[] = {
		{ 0, 0, TRECLAIM(4), SRR1_TM },
		{ 0, 0, TRECHKPT, SRR1_TM }, /* TEXASR[FS] is 0 */
		{ MSR_TS_S, 0, TRECHKPT, SRR1_TM },
		{ MSR_TS_S, 0, TEND, SRR1_TM },
		{ MSR_TS_S, MSR_PR, TEND, SRR1_TM },
		{ MSR_TS_S, 0, MTSPR(TEXASR, 4), SRR1_TM },
		{ 0, 0, RFID, SRR1_TM }, /* SRR1 has TS */
		{ 0, 0, MTMSRD(20, 0), SRR1_TM },
		{ 0, MSR_PR, TRECLAIM(4), 0x40000 },
		{ 0, MSR_PR, TRECHKPT, 0x40000 },
	};
	unsigned int i;

	vmm_reg_set(self->vcpu, KVM_REG_PPC_TEXASR, 0);
	self->regs.srr0 = CODE;
	self->regs.srr1 = MSR_VIRT | MSR_TM | MSR_TS_S;
	self->regs.gpr[20] = MSR_VIRT | MSR_TM | MSR_TS_T;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t pc = bad[i].pr ? OTHER : CODE;

		book3s_put(self->vmm, pc, true, bad[i].insn);
		run(self, MSR_VIRT | MSR_TM | bad[i].msr | bad[i].pr, pc);
		EXPECT_TRUE(trapped(self, 0x700, pc, bad[i].msr | bad[i].why,
				    MSR_TS_S | MSR_TS_T | 0x3f0000))
		{
			TH_LOG("%u", i);
		}
	}
}

static void checkpoint(FIXTURE_DATA(htm) * self)
{
	uint64_t v[2] = { 0x1111, 0x2222 };

	vmm_reg_set(self->vcpu, KVM_REG_PPC_TEXASR, TEXASR_FS);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TFHAR, CODE + 0x100);
	vmm_set_reg(self->vcpu, KVM_REG_PPC_VSR0 + 7, v);
}

/* Made from the thread's, and back by what would make the thread transactional */
TEST_F(htm, recheckpoint_and_roll_back)
{
	static const uint32_t resume[] = { TRESUME, MTMSRD(20, 0), RFID };
	struct kvm_regs regs;
	uint64_t v[2];
	unsigned int i;

	self->regs.gpr[20] = MSR_VIRT | MSR_TM | MSR_TS_T;
	self->regs.srr1 = MSR_VIRT | MSR_TM | MSR_TS_T;
	self->regs.srr0 = OTHER;
	self->regs.cr = 0x12345678;
	/* a hypercall may change CR0 and CTR */
	book3s_put(self->vmm, CODE + 0x100, true, MFCR(15), MFCTR(16),
		   HCALL(UC_SYNC));
	for (i = 0; i < ARRAY_SIZE(resume); i++) {
		checkpoint(self);
		/* XXLXOR of VSR7 */
		book3s_put(self->vmm, CODE, true, TRECHKPT, LI(14, 1),
			   LI(31, 2), MTLR(14), MTCTR(14), 0xf0e73cd0u,
			   resume[i], TRAP);
		regs = run(self, MSR_VIRT | MSR_TM | MSR_VSX | MSR_FP, CODE);
		ASSERT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr)
		{
			TH_LOG("%s", vmm_exit_str(self->vcpu));
		}
		EXPECT_EQ(CODE + 0x100 + 20, regs.pc);
		EXPECT_EQ(0x100e, regs.gpr[14]);
		EXPECT_EQ(0x101f, regs.gpr[31]);
		EXPECT_EQ(0xaaaa, regs.lr);
		EXPECT_EQ(0xa2345678, regs.gpr[15]);
		EXPECT_EQ(0xcccc, regs.gpr[16]);
		EXPECT_EQ(0, regs.msr & (MSR_TS_S | MSR_TS_T));
		vmm_get_reg(self->vcpu, KVM_REG_PPC_VSR0 + 7, v);
		EXPECT_EQ(0x1111, v[0]);
		EXPECT_EQ(0x2222, v[1]);
	}
}

TEST_F(htm, reclaim)
{
	struct kvm_regs regs;

	checkpoint(self);
	self->regs.cr = 0x12345678;
	book3s_put(self->vmm, CODE, true, TRECHKPT, LI(14, 1), MTLR(14),
		   TRECLAIM(4), MFCR(15), HCALL(UC_SYNC));
	regs = run(self, MSR_VIRT | MSR_TM, CODE);
	ASSERT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x100e, regs.gpr[14]);
	EXPECT_EQ(0xaaaa, regs.lr);
	EXPECT_EQ(0x22345678, regs.gpr[15]);
	EXPECT_EQ(0, regs.msr & (MSR_TS_S | MSR_TS_T));
	EXPECT_EQ(MSR_TM, regs.msr & MSR_TM);
}

/* An interrupt in between leaves it suspended, and goes back to that */
TEST_F(htm, suspended)
{
	checkpoint(self);
	book3s_put(self->vmm, CODE, true, TRECHKPT, TRAP);
	run(self, MSR_VIRT | MSR_TM, CODE);
	EXPECT_TRUE(trapped(self, 0x700, CODE + 4, MSR_TS_S | MSR_TM,
			    MSR_TS_S | MSR_TS_T | MSR_TM));
	book3s_put(self->vmm, OTHER, true, TCHECK(0), TRAP);
	self->regs.srr0 = OTHER;
	self->regs.srr1 = MSR_VIRT | MSR_PR | MSR_TM | MSR_TS_S;
	book3s_put(self->vmm, CODE, true, RFID);
	run(self, MSR_VIRT | MSR_TS_S, CODE);
	EXPECT_TRUE(trapped(self, 0x700, OTHER + 4, MSR_TS_S | MSR_TM,
			    MSR_TS_S | MSR_TS_T | MSR_TM));
}

/* A guest that steps itself stops behind each */
TEST_F(htm, traced)
{
	static const uint32_t insn[] = { TBEGIN(0), TCHECK(0), MFSPR(14, TFHAR),
					 MTSPR(TFIAR, 14) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insn); i++) {
		book3s_put(self->vmm, CODE, true, insn[i]);
		run(self, MSR_VIRT | MSR_TM | MSR_SE, CODE);
		EXPECT_TRUE(trapped(self, 0xd00, CODE + 4, 0, 0))
		{
			TH_LOG("%u: %s", i, vmm_exit_str(self->vcpu));
		}
	}
}

/* A thread from elsewhere, in the middle of a transaction */
TEST_F(htm, migrated)
{
	struct kvm_regs regs;

	vmm_reg_set(self->vcpu, KVM_REG_PPC_TFHAR, CODE + 0x100);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TM_GPR0 + 14, 0x1234);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TM_GPR0 + 1, BOOK3S_SPRG0);
	book3s_put(self->vmm, CODE, true, TRAP);
	book3s_put(self->vmm, CODE + 0x100, true, MFCR(15), HCALL(UC_SYNC));
	regs = run(self, MSR_VIRT | MSR_TM | MSR_TS_T, CODE);
	EXPECT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x1234, regs.gpr[14]);
	EXPECT_EQ(0xa, CR0(regs.gpr[15]));
	EXPECT_EQ(MSR_TM, regs.msr & (MSR_TM | MSR_TS_S | MSR_TS_T));
}

TEST_HARNESS_MAIN
