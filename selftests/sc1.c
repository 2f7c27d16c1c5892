// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls by "sc 1" of a guest in problem state. In a partition that
 * instruction goes to the hypervisor below, so another word is put in its place
 * where the guest's kernel executes it, and nowhere else; on bare metal it stays.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <endian.h>
#include <unistd.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define CODE 0x500000ul
#define OTHER 0x600000ul
#define PAGE 0x10000ul
#define RESERVED 0x7c000268u

FIXTURE(sc1)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	/* The word that is in the place of a sc 1 after it was executed */
	uint32_t executed;
};

FIXTURE_SETUP(sc1)
{
	bool bare = !access("/proc/device-tree/ibm,opal", F_OK);

	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	if (!bare && book3s_peer())
		SKIP(return, "it leaves that to SLOF");
	self->executed = bare ? SC(1) : RESERVED;
	book3s_load(self->vmm, PAYLOAD(exits));
	/* Its handlers' page, and those that may be problem state's */
	book3s_map(self->vmm, 0, 0, OTHER, 16, RPTE_KERNEL);
	book3s_map(self->vmm, OTHER, OTHER, MEM - OTHER, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_translate(self->vmm);
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
}

FIXTURE_TEARDOWN(sc1)
{
	vmm_free(self->vmm);
}

static uint32_t word(FIXTURE_DATA(sc1) * self, uint64_t gpa)
{
	return le32toh(*(volatile uint32_t *)vmm_gpa(self->vmm, gpa));
}

/* Runs from @pc with r4 and r5 to the hypercall that reaches userspace */
static uint64_t run(FIXTURE_DATA(sc1) * self, uint64_t msr, uint64_t pc,
		    uint64_t r4, uint64_t r5, uint64_t ctr)
{
	struct kvm_regs regs = { .pc = pc, .msr = msr, .ctr = ctr };

	regs.gpr[4] = r4;
	regs.gpr[5] = r5;
	regs.sprg0 = BOOK3S_SPRG0;
	book3s_run_regs(self->vcpu, regs);
	return self->vcpu->run->papr_hcall.nr;
}

static uint64_t gpr(FIXTURE_DATA(sc1) * self, unsigned int n)
{
	struct kvm_regs regs;

	vmm_get_regs(self->vcpu, &regs);
	return regs.gpr[n];
}

/* In a page of code, and not in one that is only read */
TEST_F(sc1, where_executed)
{
	book3s_put(self->vmm, CODE, true, LWZ(6, 0, 4), HCALL(UC_SYNC));
	book3s_put(self->vmm, OTHER, true, SC(1));
	ASSERT_EQ(UC_SYNC, run(self, MSR_VIRT, CODE, OTHER, 0, 0));
	EXPECT_EQ(SC(1), gpr(self, 6));
	EXPECT_EQ(self->executed, word(self, CODE + 12));
	EXPECT_EQ(SC(1), word(self, OTHER));
	EXPECT_EQ(self->executed == RESERVED,
		  vmm_stat(self->vmm, "rewritten_calls"));
}

TEST_F(sc1, real_mode)
{
	book3s_put(self->vmm, CODE, true, HCALL(UC_SYNC));
	ASSERT_EQ(UC_SYNC, run(self, MSR_REAL, CODE, 0, 0, 0));
	EXPECT_EQ(self->executed, word(self, CODE + 8));
}

TEST_F(sc1, big_endian)
{
	book3s_put(self->vmm, CODE, false, HCALL(UC_SYNC));
	book3s_put(self->vmm, CODE + 0x100, true, SC(1));
	ASSERT_EQ(UC_SYNC, run(self, MSR_REAL & ~MSR_LE, CODE, 0, 0, 0));
	EXPECT_EQ(self->executed, __builtin_bswap32(word(self, CODE + 8)));
	/* that is no sc 1 then */
	EXPECT_EQ(SC(1), word(self, CODE + 0x100));
}

/*
 * A call to KVM in the wrong byte order, as early little-endian kernels have it,
 * is one that there is not. In big-endian it is just no instruction.
 */
TEST_F(sc1, reversed)
{
	uint32_t reversed = __builtin_bswap32(SC(0));

	book3s_put(self->vmm, CODE, true, LI(3, 1), reversed, MR(6, 3),
		   HCALL(UC_SYNC));
	ASSERT_EQ(UC_SYNC, run(self, MSR_VIRT, CODE, 0, 0, 0));
	EXPECT_EQ(12, gpr(self, 6));
	book3s_put(self->vmm, CODE, false, reversed, HCALL(UC_SYNC));
	ASSERT_EQ(UC_TRAP, run(self, MSR_VIRT & ~MSR_LE, CODE, 0, 0, 0));
	EXPECT_EQ(0x700, self->vcpu->run->papr_hcall.args[0]);
	book3s_put(self->vmm, OTHER, true, reversed);
	ASSERT_EQ(UC_TRAP, run(self, MSR_VIRT | MSR_PR, OTHER, 0, 0, 0));
	EXPECT_EQ(0x700, self->vcpu->run->papr_hcall.args[0]);
}

/* Problem state has no hypercalls */
TEST_F(sc1, problem_state)
{
	book3s_put(self->vmm, OTHER, true, NOP, TRAP, SC(1));
	ASSERT_EQ(UC_TRAP, run(self, MSR_VIRT | MSR_PR, OTHER, 0, 0, 0));
	EXPECT_EQ(0x700, self->vcpu->run->papr_hcall.args[0]);
	EXPECT_EQ(OTHER + 4, self->vcpu->run->papr_hcall.args[1]);
	EXPECT_EQ(SC(1), word(self, OTHER + 8));
}

/* Code that is stored to a page which was executed before, and executed then */
TEST_F(sc1, stored_later)
{
	unsigned int i;

	book3s_put(self->vmm, CODE, true, HCALL(UC_SYNC));
	book3s_put(self->vmm, OTHER, true, STW(5, 0, 4), DCBST(0, 4), SYNC,
		   ICBI(0, 4), ISYNC, MTCTR(4), LI(3, 0), ORI(3, 3, UC_SYNC),
		   BCTR);
	for (i = 0; i < 4; i++) {
		uint64_t at = CODE + 0x100 * (i + 1);

		ASSERT_EQ(UC_SYNC, run(self, MSR_VIRT, CODE, 0, 0, 0));
		ASSERT_EQ(UC_SYNC, run(self, MSR_VIRT, OTHER, at, SC(1), 0));
		EXPECT_EQ(self->executed, word(self, at));
	}
}

/* Code and data in one page work, and the data is not changed */
TEST_F(sc1, own_page)
{
	unsigned long turns = 100000, exits;

	book3s_put(self->vmm, CODE, true, STW(5, 0, 4), LWZ(5, 0, 4),
		   ADDI(5, 5, 1), BDNZ(-12), HCALL(UC_SYNC));
	exits = vmm_stat(self->vmm, "sum_exits");
	ASSERT_EQ(UC_SYNC, run(self, MSR_VIRT, CODE, CODE + 0x8000, 0, turns));
	exits = vmm_stat(self->vmm, "sum_exits") - exits;
	printf("# %lu exits\n", exits);
	EXPECT_EQ(turns, gpr(self, 5));
	EXPECT_EQ(turns - 1, word(self, CODE + 0x8000));
	EXPECT_LT(exits, turns / 4);
}

TEST_HARNESS_MAIN
