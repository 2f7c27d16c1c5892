// SPDX-License-Identifier: GPL-2.0
/*
 * The page in which a guest's kernel finds its privileged registers
 * (Documentation/virt/kvm/ppc-pv.rst), on a hash host.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "payloads/magic.h"

#include <pthread.h>

DECLARE_PAYLOAD(magic);

#define MEM (16ul << 20)
/* For programs, too */
#define RPTE_ALL (RPTE_KERNEL & ~RPTE_PRIV)

/* A page that is mapped no-execute, too, and what is in it */
#define NO_EXECUTE 0x40000000ul
#define NO_EXECUTE_GPA 0x600000ul

FIXTURE(magic)
{
	struct vmm *vmm;
};

FIXTURE_VARIANT(magic)
{
	uint64_t msr;
};

FIXTURE_VARIANT_ADD(magic, real){
	.msr = MSR_REAL,
};

FIXTURE_VARIANT_ADD(magic, virt){
	.msr = MSR_VIRT,
};

FIXTURE_SETUP(magic)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	book3s_load(self->vmm, PAYLOAD(magic));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_ALL);
	book3s_map(self->vmm, NO_EXECUTE, NO_EXECUTE_GPA, 0x10000, 16,
		   RPTE_ALL & ~RPTE_EXEC);
	book3s_translate(self->vmm);
}

FIXTURE_TEARDOWN(magic)
{
	vmm_free(self->vmm);
}

TEST_F(magic, registers)
{
	book3s_run_to_exit(book3s_add_vcpu(self->vmm, 0, variant->msr,
					   MAGIC_REGISTERS, 500, 0));
}

static void *run_to_exit(void *vcpu)
{
	book3s_run_to_exit(vcpu);
	return NULL;
}

/* Each vCPU has its own, at the same address */
TEST_F(magic, two_vcpus)
{
	struct vmm_vcpu *vcpu[2];
	pthread_t thread;
	int i;

	for (i = 0; i < 2; i++)
		vcpu[i] = book3s_add_vcpu(self->vmm, i, variant->msr,
					  MAGIC_REGISTERS, 500, 1000 * i);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_exit, vcpu[1]));
	book3s_run_to_exit(vcpu[0]);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* The guest has long been waiting for it */
static void *interrupt(void *arg)
{
	struct kvm_interrupt irq = { .irq = KVM_INTERRUPT_SET };
	struct vmm_vcpu *vcpu = arg;

	usleep(100000);
	if (ioctl(vcpu->fd, KVM_INTERRUPT, &irq))
		vmm_die("KVM_INTERRUPT");
	return NULL;
}

TEST_F(magic, interrupts)
{
	struct vmm_vcpu *vcpu = book3s_add_vcpu(self->vmm, 0, variant->msr,
						MAGIC_INTERRUPT, 0, 0);
	pthread_t thread;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
		if (i == 1) {
			printf("# it came after %llu ticks\n",
			       vcpu->run->papr_hcall.args[0]);
			continue;
		}
		ASSERT_EQ(0, pthread_create(&thread, NULL, interrupt, vcpu));
		ASSERT_EQ(0, pthread_detach(thread));
	}
	book3s_run_to_exit(vcpu);
}

TEST_F(magic, programs)
{
	book3s_run_to_exit(book3s_add_vcpu(self->vmm, 0, variant->msr,
					   MAGIC_PROBLEM, 0, 0));
}

/* A vCPU whose interrupts are big-endian gets a big-endian page */
TEST_F(magic, big_endian)
{
	static const uint32_t code[] = {
		LIS(0, 0x4b56),
		ORI(0, 0, 0x4d21),
		LIS(11, 42),
		ORI(11, 11, 4),
		LI(3, -4096),
		LI(4, -4095),
		SC(0),
		LIS(5, 0x1234),
		ORI(5, 5, 0x5678),
		MTSPR(272, 5), /* SPRG0 */
		LD(6, -4096 + 32, 0),
		SC(1),
	};
	struct vmm_vcpu *vcpu;
	struct kvm_regs regs;

	vcpu = book3s_add_vcpu(self->vmm, 0, variant->msr, 0, 0, 0);
	vmm_reg_set(vcpu, KVM_REG_PPC_LPCR_64,
		    vmm_reg(vcpu, KVM_REG_PPC_LPCR_64) & ~LPCR_ILE);
	book3s_code(self->vmm, 0x100000, false, code, ARRAY_SIZE(code));
	vmm_get_regs(vcpu, &regs);
	regs.pc = 0x100000;
	regs.msr = variant->msr & ~MSR_LE;
	vmm_set_regs(vcpu, &regs);
	ASSERT_EQ(0, vmm_run(vcpu));
	vmm_get_regs(vcpu, &regs);
	EXPECT_EQ(0x12345678, regs.gpr[6]);
	EXPECT_EQ(KVM_EXIT_PAPR_HCALL, vcpu->run->exit_reason);
}

/* In 32-bit mode it is where the address is without its upper half */
TEST_F(magic, mode_32_bit)
{
	static const uint32_t code[] = {
		LIS(0, 0x4b56),
		ORI(0, 0, 0x4d21),
		LIS(11, 42),
		ORI(11, 11, 4),
		LI(3, -4096),
		LI(4, -4095),
		SC(0),
		LIS(5, 0x1234),
		ORI(5, 5, 0x5678),
		MTSPR(272, 5), /* SPRG0 */
		LD(6, -4096 + 32, 0),
		HCALL(UC_SYNC),
	};
	struct kvm_regs regs = { .pc = 0x100000 };
	struct vmm_vcpu *vcpu;

	vcpu = book3s_add_vcpu(self->vmm, 0, variant->msr, 0, 0, 0);
	book3s_code(self->vmm, regs.pc, true, code, ARRAY_SIZE(code));
	regs.msr = variant->msr & ~MSR_SF;
	regs.sprg0 = BOOK3S_SPRG0;
	regs = book3s_run_regs(vcpu, regs);
	EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x12345678, regs.gpr[6]);
}

/*
 * Older Linux has instructions of its own, to which it branches when it has
 * the page, where it maps no-execute. Later, it says that it has not.
 */
TEST_F(magic, old_kernels)
{
	unsigned int not_mapped_nx;

	if (!(variant->msr & MSR_IR))
		SKIP(return, "it is about translation");
	for (not_mapped_nx = 0; not_mapped_nx < 2; not_mapped_nx++) {
		uint32_t code[] = {
			LIS(0, 0x4b56), ORI(0, 0, 0x4d21),
			LIS(11, 42),	ORI(11, 11, 4),
			LI(3, -4096),	LI(4, -4096 + not_mapped_nx),
			SC(0),		LIS(7, NO_EXECUTE >> 16),
			MTCTR(7),	BCTRL,
			HCALL(UC_SYNC),
		};
		static const uint32_t called[] = { LI(8, 77), BLR };
		struct kvm_regs regs = { .pc = 0x100000, .msr = MSR_VIRT };
		struct vmm_vcpu *vcpu = book3s_add_vcpu(
			self->vmm, not_mapped_nx, MSR_VIRT, 0, 0, 0);

		book3s_code(self->vmm, regs.pc, true, code, ARRAY_SIZE(code));
		book3s_code(self->vmm, NO_EXECUTE_GPA, true, called,
			    ARRAY_SIZE(called));
		regs.sprg0 = BOOK3S_SPRG0;
		regs = book3s_run_regs(vcpu, regs);
		if (not_mapped_nx) {
			EXPECT_EQ(UC_TRAP, vcpu->run->papr_hcall.nr);
			EXPECT_EQ(0x400, vcpu->run->papr_hcall.args[0]);
		} else {
			EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
			EXPECT_EQ(77, regs.gpr[8]);
		}
	}
}

TEST_HARNESS_MAIN
