/* SPDX-License-Identifier: GPL-2.0 */
/* A 440 guest of a few instructions, for the tests of what ends it */
#ifndef KVM_PPC_E44X_EXITS_H
#define KVM_PPC_E44X_EXITS_H

#include "kselftest_harness.h"

#include "e44x.h"
#include "insn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM (1u << 20)

#define SPR_DEC 0x16
#define SPR_SRR0 0x1a
#define SPR_CSRR0 0x3a
#define MCSR_MCS 0x80000000u
#define SPR_TSR 0x150
#define SPR_TCR 0x154
#define TCR_DIE 0x04000000u
#define TSR_DIS 0x08000000u
#define MSR_WE 0x00040000u
#define MSR_ME 0x1000u
#define MSR_DE 0x200u
#define MSR_IS 0x20u
#define MSR_DS 0x10u

FIXTURE(guest)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	uint32_t *code;
	unsigned int n;
};

FIXTURE_SETUP(guest)
{
	self->vmm = vmm_new(MEM);
	self->vcpu = vmm_add_vcpu(self->vmm, 0);
	self->code = vmm_gpa(self->vmm, 0x1000);
	self->n = 0;
}

FIXTURE_TEARDOWN(guest)
{
	vmm_free(self->vmm);
}

static inline void start(struct vmm_vcpu *vcpu, uint32_t pc)
{
	struct kvm_regs regs;

	vmm_get_regs(vcpu, &regs);
	regs.pc = pc;
	vmm_set_regs(vcpu, &regs);
}

/* A vector that stores @code's result, GPR 3, to the device */
static inline void vector(struct vmm_vcpu *vcpu, unsigned int ivor, uint32_t at,
			  uint32_t code)
{
	uint32_t *p = vmm_gpa(vcpu->vmm, at);

	p[0] = code;
	p[1] = LIS(4, DEVICE >> 16);
	p[2] = STW(3, 0, 4);
	set_vector(vcpu, ivor, at);
}

static inline uint32_t stored(struct kvm_run *run)
{
	uint32_t value;

	memcpy(&value, run->mmio.data, 4);
	return value;
}

#endif
