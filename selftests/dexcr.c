// SPDX-License-Identifier: GPL-2.0
/*
 * DEXCR and the keys of the hash instructions (ISA 3.1 Book III, "Dynamic Execution
 * Control Register", "Hash Key Registers"): the guest's are the guest's, and the
 * VMM's the VMM's.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <sys/auxv.h>
#include <sys/prctl.h>

#define MEM (8ul << 20)

#ifndef PPC_FEATURE2_ARCH_3_1
#define PPC_FEATURE2_ARCH_3_1 0x40000
#endif
#ifndef PR_PPC_GET_DEXCR
#define PR_PPC_GET_DEXCR 72
#define PR_PPC_SET_DEXCR 73
#define PR_PPC_DEXCR_SRAPD 2
#define PR_PPC_DEXCR_CTRL_SET 2
#define PR_PPC_DEXCR_CTRL_CLEAR 4
#endif

#define SPR_HASHKEYR 468
#define SPR_DEXCR 828
/* SRAPD and NPHIE of programs; both hash instructions of a guest's kernel */
#define DEXCR_SRAPD 0x08000000ull
#define DEXCR_NPHIE 0x04000000ull
#define DEXCR_KERNEL_HASH 0x0600000000000000ull

DECLARE_PAYLOAD(exits);

FIXTURE(dexcr)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
};

FIXTURE_SETUP(dexcr)
{
	if (!(getauxval(AT_HWCAP2) & PPC_FEATURE2_ARCH_3_1))
		SKIP(return, "the processor has no DEXCR");
	self->vmm = vmm_new(MEM);
	if (book3s_on_hash(self->vmm))
		SKIP(return, "a guest in problem state has none of its own");
	if (book3s_peer())
		SKIP(return, "known to be wrong");
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
}

FIXTURE_TEARDOWN(dexcr)
{
	if (self->vmm)
		vmm_free(self->vmm);
}

static const struct {
	const char *name;
	uint64_t id;
	unsigned int spr;
	uint64_t set, guest; /* by userspace, by the guest */
} regs[] = {
	{ "DEXCR", KVM_REG_PPC_DEXCR, SPR_DEXCR, DEXCR_NPHIE,
	  DEXCR_KERNEL_HASH | DEXCR_SRAPD },
	{ "HASHKEYR", KVM_REG_PPC_HASHKEYR, SPR_HASHKEYR, 0x123456789abcdef0,
	  0x0fedcba987654321 },
};

/*
 * The guest hashes with both keys, writes what it may, and exits to userspace. A
 * vCPU out of reset hashes nothing: it has no hash instructions enabled.
 */
#define R_HASH 18 /* r18: by hashst, r19: by hashstp, r20: read back DEXCR */
#define HASHST(b, a) (0x7c0005a5u | 31u << 21 | (a) << 16 | (b) << 11)
#define HASHSTP(b, a) (0x7c000525u | 31u << 21 | (a) << 16 | (b) << 11)

static struct kvm_regs run_guest(struct vmm_vcpu *vcpu)
{
	const uint32_t code[] = {
		MFSPR(14, SPR_DEXCR),
		MFSPR(15, SPR_HASHKEYR),
		LI(16, 0),
		STD(16, 0, 17),
		STD(16, 8, 17),
		ADDI(17, 17, 8),
		HASHST(17, 17),
		LD(18, -8, 17),
		ADDI(17, 17, 8),
		HASHSTP(17, 17),
		LD(19, -8, 17),
		MTSPR(SPR_DEXCR, 20),
		MTSPR(SPR_HASHKEYR, 21),
		SC(1),
	};
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL };
	unsigned int i;

	book3s_code(vcpu->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	r.gpr[3] = UC_SYNC;
	r.gpr[17] = GPA_FREE + 0x1000;
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		r.gpr[20 + i] = regs[i].guest;
	book3s_set_regs(vcpu, &r);
	if (book3s_run_hcall(vcpu) != UC_SYNC)
		vmm_die("%s", vmm_exit_str(vcpu));
	vmm_get_regs(vcpu, &r);
	return r;
}

TEST_F(dexcr, guest_has_its_own)
{
	struct vmm_vcpu *other =
		book3s_add_vcpu(self->vmm, 1, MSR_REAL, 0, 0, 0);
	uint64_t key = 0x5a5a5a5a33cc33cc;
	struct kvm_regs r;
	unsigned int i;

	vmm_reg_set(self->vcpu, KVM_REG_PPC_HASHPKEYR, key);
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		vmm_reg_set(self->vcpu, regs[i].id, regs[i].set);
	r = run_guest(self->vcpu);
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		EXPECT_EQ(regs[i].set, r.gpr[14 + i])
		{
			TH_LOG("%s: not seen by the guest", regs[i].name);
		}
		EXPECT_EQ(regs[i].guest, vmm_reg(self->vcpu, regs[i].id))
		{
			TH_LOG("%s: not as the guest left it", regs[i].name);
		}
	}
	EXPECT_EQ(key, vmm_reg(self->vcpu, KVM_REG_PPC_HASHPKEYR));
	r = run_guest(other);
	EXPECT_EQ(0, r.gpr[14]);
	EXPECT_EQ(0, r.gpr[15]);
}

/* With the same keys two vCPUs make the same hashes, with another another */
TEST_F(dexcr, keys_work)
{
	static const uint64_t ids[] = { KVM_REG_PPC_HASHKEYR,
					KVM_REG_PPC_HASHPKEYR };
	struct kvm_regs first, r;
	unsigned int i, j;

	for (i = 0; i <= ARRAY_SIZE(ids); i++) {
		vmm_reg_set(self->vcpu, KVM_REG_PPC_DEXCR, DEXCR_KERNEL_HASH);
		for (j = 0; j < ARRAY_SIZE(ids); j++)
			vmm_reg_set(self->vcpu, ids[j],
				    0x1234567 + j + 64 * (i == j + 1));
		r = run_guest(self->vcpu);
		if (!i)
			first = r;
		for (j = 0; j < ARRAY_SIZE(ids); j++) {
			EXPECT_NE(0, r.gpr[R_HASH + j]);
			EXPECT_EQ(i != j + 1,
				  r.gpr[R_HASH + j] == first.gpr[R_HASH + j])
			{
				TH_LOG("hash %u with keys %u", j, i);
			}
		}
	}
}

/* The hash of @v that this process makes with its key */
static uint64_t hash(uint64_t v)
{
	uint64_t room[2] = { ~0ull, 0 };
	register uint64_t base asm("r4") = (uint64_t)&room[1];
	register uint64_t value asm("r5") = v;

	asm volatile(".long %2"
		     :
		     : "r"(base), "r"(value), "n"(HASHST(5, 4))
		     : "memory");
	return room[0];
}

static uint64_t mfdexcr(void)
{
	uint64_t v;

	asm volatile("mfspr %0, 812" : "=r"(v));
	return v;
}

TEST_F(dexcr, vmm_keeps_its_own)
{
	uint64_t before = hash(0x1234), reg;
	int how, aspect;

	if (before == ~0ull)
		SKIP(return, "hash instructions are off");
	for (how = PR_PPC_DEXCR_CTRL_SET; how <= PR_PPC_DEXCR_CTRL_CLEAR;
	     how *= 2) {
		/* What the guest has is the other way round */
		ASSERT_EQ(0, prctl(PR_PPC_SET_DEXCR, PR_PPC_DEXCR_SRAPD, how, 0,
				   0));
		reg = mfdexcr();
		vmm_reg_set(self->vcpu, KVM_REG_PPC_DEXCR, 0);
		run_guest(self->vcpu);
		EXPECT_EQ(reg, mfdexcr());
		aspect = prctl(PR_PPC_GET_DEXCR, PR_PPC_DEXCR_SRAPD, 0, 0, 0);
		EXPECT_EQ(how, aspect & (PR_PPC_DEXCR_CTRL_SET |
					 PR_PPC_DEXCR_CTRL_CLEAR));
		EXPECT_EQ(before, hash(0x1234));
	}
}

TEST_HARNESS_MAIN
