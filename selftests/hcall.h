/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of hypercalls: a vCPU at an "sc 1" with registers of our choice,
 * and what comes of it.
 */
#ifndef SELFTESTS_HCALL_H
#define SELFTESTS_HCALL_H

#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <endian.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)

/* Guest memory of this test */
#define CODE GPA_FREE
#define USER_CODE (GPA_FREE + 0x10000)
#define USER_EA 0x80000000ull
#define AREA (GPA_FREE + 0x100000) /* VPA and its like */
#define PAGES (GPA_FREE + 0x200000)

/* ticks until a decrementer interrupt that is not to come; DEC has 32 bits */
#define DEC_FAR 0x7f000000

/* bits of SRR1 that tell of the interrupt: 33 to 36 and 42 to 47 */
#define SRR1_INFO 0x783f0000ull

/* A vCPU that makes hypercalls, and its code */
static inline struct vmm_vcpu *hcall_vcpu(struct vmm *vmm)
{
	static const uint32_t code[] = {
		SC(1),
		MR(14, 3),
		HCALL(UC_SYNC),
	};
	struct vmm_vcpu *vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 0, 0, 0);

	book3s_code(vmm, CODE, true, code, ARRAY_SIZE(code));
	return vcpu;
}

#define TO_USER INT64_MIN

static void set_up(struct vmm_vcpu *vcpu, uint64_t nr, const uint64_t *arg)
{
	struct kvm_regs r = { .pc = CODE, .msr = MSR_REAL };
	unsigned int i;

	r.gpr[3] = nr;
	for (i = 0; i < 6; i++)
		r.gpr[4 + i] = arg[i];
	/* handlers for what may interrupt */
	r.sprg0 = BOOK3S_SPRG0;
	book3s_set_regs(vcpu, &r);
}

/* r3 of a hypercall that the kernel handled, or TO_USER */
static int64_t call_args(struct vmm_vcpu *vcpu, uint64_t *out, uint64_t nr,
			 const uint64_t *arg)
{
	struct kvm_regs r;

	set_up(vcpu, nr, arg);
	if (book3s_run_hcall(vcpu) == nr &&
	    (vmm_get_regs(vcpu, &r), r.pc == CODE + 4))
		return TO_USER;
	vmm_get_regs(vcpu, &r);
	memcpy(out, r.gpr, sizeof(r.gpr));
	return r.gpr[14];
}

#define CALL(nr, ...) \
	call_args(self->vcpu, self->r, (nr), (const uint64_t[6]){ __VA_ARGS__ })

static inline int enable(struct vmm *vmm, uint64_t nr, bool on)
{
	return vmm_enable_cap(vmm->fd, KVM_CAP_PPC_ENABLE_HCALL, nr, on);
}

#endif
