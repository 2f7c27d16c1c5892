// SPDX-License-Identifier: GPL-2.0
/*
 * What registers do to a guest in problem state on a hash host: LPCR[AIL], the
 * decrementer, FSCR with scv and TAR, PURR and SPURR; and a watchpoint of the
 * host's, which does nothing to it.
 */
#define _GNU_SOURCE
#include "pr_guest.h"

#include "insn.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

/* LPCR[AIL]: with relocation on, if it was */
TEST_F(pr, relocated_interrupts)
{
	static const uint32_t handler[] = { MFMSR(14), HCALL(UC_SYNC) };
	static const uint32_t trap[] = { TRAP };
	static const struct {
		uint64_t lpcr, msr;
		bool relocated;
	} tries[] = {
		{ 0, MSR_VIRT, false },
		{ LPCR_AIL, MSR_VIRT, true },
		{ LPCR_AIL, MSR_VIRT | MSR_EE, true },
		{ LPCR_AIL, MSR_REAL, false },
		{ LPCR_AIL & LPCR_AIL / 3 * 2, MSR_VIRT, false }, /* 2 */
		{ 0, MSR_VIRT, false },
	};
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	unsigned int i;

	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_AIL_MODE_3));
	book3s_map(self->vmm, 0xc000000000000000, 0x500000, 0x10000, 16,
		   RPTE_KERNEL);
	book3s_code(self->vmm, 0x504700, true, handler, ARRAY_SIZE(handler));
	book3s_code(self->vmm, 0x600000, true, trap, 1);
	vcpu = guest(self->vmm, 0, 0, 0);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		vmm_reg_set(vcpu, KVM_REG_PPC_LPCR_64,
			    LPCR_ILE | tries[i].lpcr);
		vmm_get_regs(vcpu, &r);
		r.pc = 0x600000;
		r.msr = tries[i].msr;
		r.sprg0 = BOOK3S_SPRG0;
		book3s_set_regs(vcpu, &r);
		ASSERT_EQ(0, vmm_run(vcpu));
		ASSERT_EQ(KVM_EXIT_PAPR_HCALL, vcpu->run->exit_reason);
		EXPECT_EQ(tries[i].relocated ? UC_SYNC : UC_TRAP,
			  vcpu->run->papr_hcall.nr)
		{
			TH_LOG("%u", i);
		}
		vmm_get_regs(vcpu, &r);
		if (!tries[i].relocated)
			continue;
		EXPECT_EQ(MSR_IR | MSR_DR | MSR_LE,
			  r.gpr[14] & (MSR_IR | MSR_DR | MSR_LE | MSR_EE));
		EXPECT_EQ(0x600000, r.srr0);
		EXPECT_EQ(0, r.gpr[14] & MSR_PR);
	}
}

/* A debugger's watchpoint on the VMM's thread, at an address of the VMM's */
TEST_F(pr, watchpoint)
{
	static const uint32_t code[] = { LWZ(14, 0, 4), STW(14, 8, 4),
					 HCALL(UC_SYNC) };
	static volatile uint64_t watched[2];
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_RW,
		.bp_addr = (uintptr_t)watched & ~7ul,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};
	uint64_t ea = (uintptr_t)watched, count = 0;
	struct kvm_regs r = { .msr = MSR_VIRT, .sprg0 = BOOK3S_SPRG0 };
	struct vmm_vcpu *vcpu;
	int fd;

	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		SKIP(return, "the processor has no watchpoints");
	if (book3s_peer())
		SKIP(return, "it leaves them on");
	book3s_map(self->vmm, ea & ~0xfffful, 0x700000, 0x10000, 16,
		   RPTE_KERNEL);
	book3s_code(self->vmm, 0x600000, true, code, ARRAY_SIZE(code));
	vcpu = guest(self->vmm, 0, 0, 0);
	r.pc = 0x600000;
	r.gpr[4] = ea;
	book3s_run_regs(vcpu, r);
	EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
	/* The watchpoint is active again */
	(void)watched[0];
	EXPECT_EQ(8, read(fd, &count, 8));
	EXPECT_EQ(1, count);
	close(fd);
}

#define SPR_DEC 22

/*
 * It is negative if and only if there is an interrupt, wherever userspace has
 * set it, and there is none any more when it is positive again.
 */
TEST_F(pr, decrementer)
{
	static const uint32_t read[] = { MFSPR(14, SPR_DEC), HCALL(UC_SYNC) };
	static const uint32_t withdraw[] = {
		LI(5, -1),	MTSPR(SPR_DEC, 5),
		LIS(5, 0x7fff), MTSPR(SPR_DEC, 5),
		MFMSR(6),	ORI(6, 6, MSR_EE),
		MTMSRD(6, 0),	NOP,
		HCALL(UC_SYNC),
	};
	static const int64_t far[] = { 1ll << 33, 3ll << 31, -(1ll << 33),
				       -(3ll << 31), (1ll << 40) - 1 };
	struct vmm_vcpu *vcpu = guest(self->vmm, 0, 0, 0);
	struct kvm_regs r = { .msr = MSR_VIRT, .sprg0 = BOOK3S_SPRG0 }, out;
	unsigned int i;

	book3s_code(self->vmm, 0x600000, true, read, ARRAY_SIZE(read));
	book3s_code(self->vmm, 0x601000, true, withdraw, ARRAY_SIZE(withdraw));
	r.pc = 0x601000;
	book3s_run_regs(vcpu, r);
	EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
	if (book3s_peer())
		SKIP(return, "it has no DEC_EXPIRY");
	r.pc = 0x600000;
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + far[i]);
		r.msr = MSR_VIRT;
		out = book3s_run_regs(vcpu, r);
		EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
		EXPECT_EQ(far[i] < 0 ? 0x80000000 : 0x7fffffff,
			  (uint32_t)out.gpr[14]);
		r.msr = MSR_VIRT | MSR_EE;
		book3s_run_regs(vcpu, r);
		EXPECT_EQ(far[i] < 0 ? UC_TRAP : UC_SYNC,
			  vcpu->run->papr_hcall.nr);
	}
}

#define FSCR_SCV (1ull << 12)

/* To a vector of its own, at either place */
TEST_F(pr, scv)
{
	static const uint32_t handler[] = { MFMSR(14), MFLR(15), MFCTR(16),
					    HCALL(UC_SYNC) };
	static const uint32_t scv[] = { 0x44000021u }; /* scv 1 */
	static const struct {
		uint64_t lpcr, msr, fscr;
		unsigned int nr;
	} tries[] = {
		{ 0, MSR_VIRT | MSR_PR | MSR_EE, FSCR_SCV, 1 },
		{ LPCR_AIL, MSR_VIRT | MSR_PR | MSR_EE, FSCR_SCV, 2 },
		{ LPCR_AIL, MSR_VIRT, FSCR_SCV, 2 },
		{ 0, MSR_VIRT | MSR_PR | MSR_EE, 0, 0 },
	};
	uint64_t ea = 0x30000000, keep = MSR_EE | MSR_RI | MSR_LE;
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	unsigned int i;

	book3s_map(self->vmm, 0xc000000000000000, 0x500000, 0x10000, 16,
		   RPTE_KERNEL);
	book3s_map(self->vmm, ea, 0x600000, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_code(self->vmm, 0x503020, true, handler, ARRAY_SIZE(handler));
	book3s_code(self->vmm, 0x17020, true, handler, ARRAY_SIZE(handler));
	book3s_code(self->vmm, 0x600000, true, scv, 1);
	vcpu = guest(self->vmm, 0, 0, 0);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		uint64_t msr = tries[i].msr;

		vmm_reg_set(vcpu, KVM_REG_PPC_LPCR_64,
			    LPCR_ILE | tries[i].lpcr);
		vmm_reg_set(vcpu, KVM_REG_PPC_FSCR, tries[i].fscr);
		vmm_get_regs(vcpu, &r);
		r.pc = ea;
		r.msr = msr;
		r.sprg0 = BOOK3S_SPRG0;
		book3s_set_regs(vcpu, &r);
		ASSERT_EQ(0, vmm_run(vcpu));
		ASSERT_EQ(KVM_EXIT_PAPR_HCALL, vcpu->run->exit_reason);
		vmm_get_regs(vcpu, &r);
		if (r.srr0 == ea && vcpu->run->papr_hcall.args[0] == 0x700)
			SKIP(return, "the processor has no scv");
		if (!tries[i].nr)
			continue;
		EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
		EXPECT_EQ((tries[i].nr == 1 ? 0x17020 : 0xc000000000003020) +
				  4 * ARRAY_SIZE(handler),
			  r.pc);
		EXPECT_EQ(ea + 4, r.gpr[15]);
		EXPECT_EQ(msr, r.gpr[16]);
		EXPECT_EQ(msr & keep, r.gpr[14] & keep);
		EXPECT_EQ(tries[i].nr == 1 ? 0 : MSR_IR | MSR_DR,
			  r.gpr[14] & (MSR_IR | MSR_DR | MSR_PR));
	}
	/* it is off */
	EXPECT_EQ(UC_TRAP, vcpu->run->papr_hcall.nr);
	EXPECT_EQ(12, vmm_reg(vcpu, KVM_REG_PPC_FSCR) >> 56);
}

#define FSCR_TAR (1ull << 8)
#define BCTAR 0x4e800460u

/*
 * FSCR is for problem state: a kernel has TAR whatever it says. QEMU's TCG looks at
 * it for mfspr, not for bctar
 */
TEST_F(pr, target_address)
{
	static const uint32_t code[] = { MFSPR(14, 815), BCTAR, ILLEGAL,
					 ILLEGAL, HCALL(UC_SYNC) };
	static const struct {
		uint64_t msr, fscr, nr, trap, at;
	} tries[] = {
		{ MSR_VIRT, 0, UC_SYNC, 0, 0 },
		{ MSR_VIRT | MSR_PR | MSR_EE, 0, UC_TRAP, 0xf60, 0 },
		{ MSR_VIRT | MSR_PR | MSR_EE, FSCR_TAR, UC_TRAP, 0x700, 24 },
		{ MSR_VIRT, 0, UC_SYNC, 0, 0 },
	};
	uint64_t ea = 0x30000000;
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	unsigned int i;

	book3s_map(self->vmm, ea, 0x600000, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_code(self->vmm, 0x600000, true, code, ARRAY_SIZE(code));
	vcpu = guest(self->vmm, 0, 0, 0);
	vmm_reg_set(vcpu, KVM_REG_PPC_TAR, ea + 16);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ * 1000);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		vmm_reg_set(vcpu, KVM_REG_PPC_FSCR, tries[i].fscr);
		r = (struct kvm_regs){
			.pc = ea,
			.msr = tries[i].msr,
			.sprg0 = BOOK3S_SPRG0,
		};
		r = book3s_run_regs(vcpu, r);
		EXPECT_EQ(tries[i].nr, vcpu->run->papr_hcall.nr);
		if (!tries[i].trap) {
			EXPECT_EQ(ea + 16, r.gpr[14]);
			continue;
		}
		EXPECT_EQ(tries[i].trap, vcpu->run->papr_hcall.args[0]);
		EXPECT_EQ(ea + tries[i].at, vcpu->run->papr_hcall.args[1]);
	}
}

struct clocks {
	uint64_t tb, purr, spurr;
	uint64_t end; /* TB after the others */
};

static struct clocks clocks(struct vmm_vcpu *vcpu)
{
	struct kvm_regs r = {
		.pc = 0x600000,
		.msr = MSR_VIRT,
		.sprg0 = BOOK3S_SPRG0,
	};

	r = book3s_run_regs(vcpu, r);
	return (struct clocks){ r.gpr[14], r.gpr[15], r.gpr[16], r.gpr[17] };
}

/*
 * PURR and SPURR say what of the time the vCPU had a processor. They are privileged,
 * but QEMU's TCG gives problem state the host's: not where they are emulated along
 * with what comes before
 */
TEST_F(pr, utilization)
{
	static const uint32_t read[] = { MFTB(14),	 MFMSR(13),
					 MFSPR(15, 309), MFSPR(16, 308),
					 MFTB(17),	 HCALL(UC_SYNC) };
	static const uint32_t cede[] = { HCALL(H_CEDE), HCALL(UC_SYNC) };
	static const uint32_t spin[] = { BDNZ(0), HCALL(UC_SYNC) };
	struct vmm_vcpu *vcpu;
	struct clocks before, after;
	struct kvm_regs r = { .sprg0 = BOOK3S_SPRG0, .msr = MSR_VIRT };

	if (book3s_peer())
		SKIP(return, "kvm-pr counts to the last exit");
	book3s_code(self->vmm, 0x600000, true, read, ARRAY_SIZE(read));
	book3s_code(self->vmm, 0x610000, true, cede, ARRAY_SIZE(cede));
	book3s_code(self->vmm, 0x620000, true, spin, ARRAY_SIZE(spin));
	vcpu = guest(self->vmm, 0, 0, 0);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ * 1000);

	/* Before the code is mapped nothing is emulated along with anything */
	clocks(vcpu);

	/* Userspace does something else meanwhile */
	before = clocks(vcpu);
	usleep(200000);
	after = clocks(vcpu);
	EXPECT_GE(after.tb - before.tb, TB_HZ / 5);
	EXPECT_GT(after.purr, before.purr);
	EXPECT_GT(after.spurr, before.spurr);
	EXPECT_LT(after.purr - before.purr, TB_HZ / 10);
	EXPECT_LT(after.spurr - before.spurr, TB_HZ / 10);

	/* The guest computes */
	before = clocks(vcpu);
	r.pc = 0x620000;
	r.ctr = 20000000;
	book3s_run_regs(vcpu, r);
	after = clocks(vcpu);
	EXPECT_GT(after.purr - before.purr, (after.tb - before.tb) / 4);
	/* with what lies between reading the one and the other */
	EXPECT_LE(after.purr - before.purr, after.end - before.tb);

	/* It waits for its decrementer */
	before = clocks(vcpu);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ / 5);
	r.pc = 0x610000;
	book3s_run_regs(vcpu, r);
	EXPECT_EQ(UC_TRAP, vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x900, vcpu->run->papr_hcall.args[0]);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ * 1000);
	after = clocks(vcpu);
	EXPECT_GE(after.tb - before.tb, TB_HZ / 5);
	EXPECT_GT(after.purr, before.purr);
	EXPECT_LT(after.purr - before.purr, TB_HZ / 10);
}

TEST_HARNESS_MAIN
