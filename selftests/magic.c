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

/* Whose interrupts are big-endian, finds it so */
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

TEST_HARNESS_MAIN
