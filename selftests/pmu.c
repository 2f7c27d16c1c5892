// SPDX-License-Identifier: GPL-2.0
/*
 * PMC5 and PMC6 of guests in problem state: they count the guest's instructions
 * and cycles as MMCR0 and MMCR2 say, and interrupt it.
 */
#include "regs.h"
#include "insn.h"

#define PMC5 791
#define PMC6 792
#define MMCR0 795
#define MMCR2 785

/* ISA 2.07 Book III-S, 9.4.4 and 9.4.6 */
#define FC (1ull << 31)
#define FCS (1ull << 30)
#define FCP (1ull << 29)
#define PMAE (1ull << 26)
#define FCECE (1ull << 25)
#define PMCJCE (1ull << 14)
#define PMAO (1ull << 7)
#define FC56 (1ull << 4)
#define FC5S (1ull << (63 - 36))
#define FC6S (1ull << (63 - 45))

#define LOOPS 20000u

FIXTURE_VARIANT(regs)
{
	uint64_t mmcr0, mmcr2;
	bool pmc5, pmc6; /* count in the guest's kernel */
};

FIXTURE_VARIANT_ADD(regs, on){ .pmc5 = true, .pmc6 = true };
FIXTURE_VARIANT_ADD(regs, frozen){ .mmcr0 = FC };
FIXTURE_VARIANT_ADD(regs, frozen_in_kernel){ .mmcr0 = FCS };
FIXTURE_VARIANT_ADD(regs, frozen_in_programs){ .mmcr0 = FCP,
					       .pmc5 = true,
					       .pmc6 = true };
FIXTURE_VARIANT_ADD(regs, frozen_both){ .mmcr0 = FC56 };
FIXTURE_VARIANT_ADD(regs, pmc5_frozen){ .mmcr2 = FC5S, .pmc6 = true };
FIXTURE_VARIANT_ADD(regs, pmc6_frozen){ .mmcr2 = FC6S, .pmc5 = true };

static bool skip(struct vmm *vmm, const char **why)
{
	*why = !book3s_on_hash(vmm) ? "the host is not on the hash MMU" :
	       book3s_peer()	    ? "kvm-pr does not count" :
				      NULL;
	return *why;
}

/* Sets the counters, runs a loop of two instructions, freezes and reads them */
TEST_F(regs, counts)
{
	const uint32_t code[] = {
		MTSPR(PMC5, 16),
		MTSPR(PMC6, 16),
		MTSPR(MMCR2, 19),
		MTSPR(MMCR0, 18),
		MTCTR(17),
		NOP,
		BDNZ(-4),
		MTSPR(MMCR0, 20),
		MFSPR(14, PMC5),
		MFSPR(15, PMC6),
		SC(1),
	};
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL };
	const uint64_t first = 1000;
	const char *why;
	unsigned int i;

	if (skip(self->vmm, &why))
		SKIP(return, "%s", why);
	book3s_code(self->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	r.gpr[3] = UC_SYNC;
	r.gpr[16] = first;
	r.gpr[17] = LOOPS;
	r.gpr[18] = variant->mmcr0;
	r.gpr[19] = variant->mmcr2;
	r.gpr[20] = FC;
	for (i = 0; i < 3; i++) {
		struct kvm_regs got;

		book3s_set_regs(self->vcpu, &r);
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		vmm_get_regs(self->vcpu, &got);
		if (variant->pmc5) {
			EXPECT_LE(first + 2 * LOOPS, got.gpr[14]);
		} else {
			EXPECT_EQ(first, got.gpr[14]);
		}
		if (variant->pmc6) {
			EXPECT_LE(first + LOOPS, got.gpr[15]);
		} else {
			EXPECT_EQ(first, got.gpr[15]);
		}
		/* not the host's time until the guest runs again, nor later */
		EXPECT_GE(first + 200 * LOOPS, got.gpr[14]);
		EXPECT_EQ(got.gpr[14],
			  vmm_reg(self->vcpu, KVM_REG_PPC_PMC1 + 4));
	}
}

FIXTURE(alert)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
};

FIXTURE_SETUP(alert)
{
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 4, 0, 0);
}

FIXTURE_TEARDOWN(alert)
{
	vmm_free(self->vmm);
}

/* A counter that becomes negative interrupts the guest, once, if that is on */
TEST_F(alert, interrupts)
{
	/* the hypervisor is called often, since alerts are seen at exits */
	const uint32_t code[] = { MTSPR(PMC5, 16), MTSPR(MMCR0, 18), MTCTR(17),
				  MFSPR(14, 272),  BDNZ(-4),	     SC(1) };
	const uint32_t vector[] = { MFSPR(15, MMCR0), MFSPR(16, 26), SC(1) };
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL | MSR_EE }, got;
	const char *why;

	if (skip(self->vmm, &why))
		SKIP(return, "%s", why);
	book3s_code(self->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	book3s_code(self->vmm, 0xf00, true, vector, ARRAY_SIZE(vector));
	r.gpr[3] = UC_SYNC;
	r.gpr[16] = 0x80000000 - LOOPS / 2;
	r.gpr[17] = LOOPS;
	r.gpr[18] = PMAE | PMCJCE | FCECE;
	book3s_set_regs(self->vcpu, &r);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	vmm_get_regs(self->vcpu, &got);
	EXPECT_EQ(0xf00 + sizeof(vector), got.pc);
	EXPECT_EQ(FC | FCECE | PMCJCE | PMAO, got.gpr[15]);
	EXPECT_LE(GPA_FREE, got.gpr[16]);
	EXPECT_GT(GPA_FREE + sizeof(code), got.gpr[16]);
	/* with the exception gone and no alert enabled, it is left alone */
	vmm_reg_set(self->vcpu, KVM_REG_PPC_MMCR0, FC);
	r.gpr[18] = PMCJCE;
	book3s_set_regs(self->vcpu, &r);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	vmm_get_regs(self->vcpu, &got);
	EXPECT_EQ(GPA_FREE + sizeof(code), got.pc);
	EXPECT_LE(0x80000000, vmm_reg(self->vcpu, KVM_REG_PPC_PMC1 + 4));
}

TEST_HARNESS_MAIN
