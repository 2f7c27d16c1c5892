// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_SET_GUEST_DEBUG: single step through all kinds of instructions, software
 * breakpoints; and a guest that traces itself. On a hash host, where guests run
 * in problem state: others do not offer single step.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "payloads/trace.h"

#include <errno.h>

DECLARE_PAYLOAD(trace);

#define MEM (16ul << 20)
#define CODE GPA_FREE
#define VALUE 0x12345678u

FIXTURE(debug)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_run *run;
	struct kvm_regs regs;
};

FIXTURE_SETUP(debug)
{
	self->vmm = vmm_new(MEM);
	if (!vmm_check(self->vmm, KVM_CAP_PPC_GUEST_DEBUG_SSTEP))
		SKIP(return, "no single step");
	book3s_load(self->vmm, PAYLOAD(trace));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, TRACE_DEVICE, TRACE_DEVICE, 0x10000, 16, RPTE_IO);
	book3s_translate(self->vmm);
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
	self->run = self->vcpu->run;
	vmm_get_regs(self->vcpu, &self->regs);
	self->regs.pc = CODE;
}

FIXTURE_TEARDOWN(debug)
{
	vmm_free(self->vmm);
}

static int set_debug(FIXTURE_DATA(debug) * self, uint32_t control)
{
	struct kvm_guest_debug debug = { .control = control };

	return ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

/* Runs to the next stop, completing device loads, and returns its address */
static uint64_t next_stop(FIXTURE_DATA(debug) * self)
{
	uint32_t v = VALUE;

	do {
		if (vmm_run(self->vcpu))
			vmm_die("KVM_RUN: %s", vmm_exit_str(self->vcpu));
		memcpy(self->run->mmio.data, &v, 4);
	} while (self->run->exit_reason == KVM_EXIT_MMIO);
	if (self->run->exit_reason != KVM_EXIT_DEBUG)
		return -(uint64_t)self->run->exit_reason;
	return self->run->debug.arch.address;
}

static const uint32_t all_kinds[] = {
	/* 00 */ NOP,
	/* 04 */ B(12),
	/* 08 */ 0,
	/* 0c */ 0,
	/* 10 */ MFMSR(5),
	/* 14 */ LWZ(6, 0, 4), /* a device */
	/* 18 */ MTCTR(0),
	/* 1c */ BDNZ(0),
	/* 20 */ SC(1), /* handled in the kernel */
	/* 24 */ SC(1), /* handled in userspace */
	/* 28 */ SYNC,
	/* 2c */ SC(0),
};

static void step_through(struct __test_metadata *_metadata,
			 FIXTURE_DATA(debug) * self, uint64_t msr)
{
	struct kvm_regs r = self->regs;

	r.msr = msr;
	r.gpr[0] = 2;
	r.gpr[3] = H_PROD;
	r.gpr[4] = TRACE_DEVICE;
	book3s_code(self->vmm, CODE, true, all_kinds, ARRAY_SIZE(all_kinds));
	vmm_set_regs(self->vcpu, &r);
	ASSERT_EQ(0, set_debug(self,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP));
	EXPECT_EQ(CODE + 0x04, next_stop(self));
	EXPECT_EQ(CODE + 0x10, next_stop(self));
	EXPECT_EQ(CODE + 0x14, next_stop(self));
	EXPECT_EQ(CODE + 0x18, next_stop(self));
	EXPECT_EQ(CODE + 0x1c, next_stop(self));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(msr, r.gpr[5]);
	EXPECT_EQ(VALUE, r.gpr[6]);
	EXPECT_EQ(CODE + 0x1c, r.pc);
	EXPECT_EQ(CODE + 0x1c, next_stop(self));
	EXPECT_EQ(CODE + 0x20, next_stop(self));
	EXPECT_EQ(CODE + 0x24, next_stop(self));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(msr, r.msr);
	/* there is no processor of that number */
	EXPECT_EQ((uint64_t)H_PARAMETER, r.gpr[3]);
	r.gpr[3] = UC_SYNC;
	vmm_set_regs(self->vcpu, &r);
	EXPECT_EQ(-(uint64_t)KVM_EXIT_PAPR_HCALL, next_stop(self));
	EXPECT_EQ(CODE + 0x28, next_stop(self));
	EXPECT_EQ(CODE + 0x2c, next_stop(self));
	EXPECT_EQ(0xc00, next_stop(self));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(msr, r.srr1);
	EXPECT_EQ(CODE + 0x30, r.srr0);

	/* and without */
	r = self->regs;
	r.msr = msr;
	r.gpr[0] = 2;
	r.gpr[3] = UC_SYNC;
	r.gpr[4] = TRACE_DEVICE;
	vmm_set_regs(self->vcpu, &r);
	ASSERT_EQ(0, set_debug(self, 0));
	EXPECT_EQ(-(uint64_t)KVM_EXIT_PAPR_HCALL, next_stop(self));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(CODE + 0x24, r.pc);
}

TEST_F(debug, step_relocated)
{
	step_through(_metadata, self, MSR_VIRT);
}

TEST_F(debug, step_real)
{
	step_through(_metadata, self, MSR_REAL);
}

/* Instructions relocated, data not, in one page */
TEST_F(debug, step_split)
{
	step_through(_metadata, self, MSR_REAL | MSR_IR);
}

TEST_F(debug, breakpoint)
{
	uint32_t word = vmm_reg(self->vcpu, KVM_REG_PPC_DEBUG_INST);
	uint32_t code[] = { NOP, word, SC(1) };

	book3s_code(self->vmm, CODE, true, code, ARRAY_SIZE(code));
	self->regs.gpr[3] = UC_SYNC;
	vmm_set_regs(self->vcpu, &self->regs);
	ASSERT_EQ(0, set_debug(self,
			       KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP));
	EXPECT_EQ(CODE + 4, next_stop(self));
	EXPECT_EQ(CODE + 4, next_stop(self));
	/* as a debugger goes on */
	code[1] = NOP;
	book3s_code(self->vmm, CODE, true, code, ARRAY_SIZE(code));
	ASSERT_EQ(0,
		  set_debug(self, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP |
					  KVM_GUESTDBG_SINGLESTEP));
	EXPECT_EQ(CODE + 8, next_stop(self));
	EXPECT_EQ(-(uint64_t)KVM_EXIT_PAPR_HCALL, next_stop(self));

	/* without, the word is an illegal instruction */
	code[1] = word;
	book3s_code(self->vmm, CODE, true, code, ARRAY_SIZE(code));
	ASSERT_EQ(0, set_debug(self, 0));
	book3s_set_regs(self->vcpu, &self->regs);
	EXPECT_EQ(-(uint64_t)KVM_EXIT_PAPR_HCALL, next_stop(self));
	EXPECT_EQ(UC_TRAP, self->run->papr_hcall.nr);
	EXPECT_EQ(0x700, self->run->papr_hcall.args[0]);
	EXPECT_EQ(CODE + 4, self->run->papr_hcall.args[1]);
}

TEST_F(debug, refused)
{
	EXPECT_EQ(-1, set_debug(self,
				KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, set_debug(self, KVM_GUESTDBG_ENABLE | 1u << 31));
	EXPECT_EQ(EINVAL, errno);
	/* nothing is enabled */
	EXPECT_EQ(0, set_debug(self, KVM_GUESTDBG_SINGLESTEP));
	self->regs.pc = 0;
	self->regs.gpr[3] = TRACE_BRANCHES;
	vmm_set_regs(self->vcpu, &self->regs);
	EXPECT_EQ(-(uint64_t)KVM_EXIT_PAPR_HCALL, next_stop(self));
}

/* If the capability says that there is no single step, asking for it fails */
TEST(no_step)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	struct kvm_regs regs = { .pc = CODE, .msr = MSR_REAL };
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *vcpu;
	uint32_t word;

	if (vmm_check(vmm, KVM_CAP_PPC_GUEST_DEBUG_SSTEP))
		SKIP(return, "there is single step");
	if (book3s_peer())
		SKIP(return, "kvm-hv takes all");
	book3s_load(vmm, PAYLOAD(trace));
	vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 0, 0, 0);
	EXPECT_EQ(-1, ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_EQ(EINVAL, errno);
	debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	EXPECT_EQ(-1, ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_EQ(EINVAL, errno);
	debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	EXPECT_EQ(0, ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	word = vmm_reg(vcpu, KVM_REG_PPC_DEBUG_INST);
	book3s_put(vmm, CODE, true, NOP, word);
	vmm_set_regs(vcpu, &regs);
	ASSERT_EQ(0, vmm_run(vcpu));
	EXPECT_EQ(KVM_EXIT_DEBUG, vcpu->run->exit_reason);
	EXPECT_EQ(CODE + 4, vcpu->run->debug.arch.address);
	vmm_free(vmm);
}

static void traces_itself(struct __test_metadata *_metadata,
			  FIXTURE_DATA(debug) * self, enum trace_op op,
			  uint64_t msr)
{
	self->regs.pc = 0;
	self->regs.msr = msr;
	self->regs.gpr[3] = op;
	vmm_set_regs(self->vcpu, &self->regs);
	EXPECT_EQ(-(uint64_t)KVM_EXIT_PAPR_HCALL, next_stop(self));
	EXPECT_EQ(UC_EXIT, self->run->papr_hcall.nr)
	{
		TH_LOG("%s", vmm_exit_str(self->vcpu));
	}
	EXPECT_EQ(0, self->run->papr_hcall.args[0]);
}

TEST_F(debug, traces_itself)
{
	traces_itself(_metadata, self, TRACE_STEPS, MSR_VIRT);
}

TEST_F(debug, traces_itself_real)
{
	traces_itself(_metadata, self, TRACE_STEPS, MSR_REAL);
}

TEST_F(debug, traces_branches)
{
	traces_itself(_metadata, self, TRACE_BRANCHES, MSR_VIRT);
}

TEST_HARNESS_MAIN
