/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of registers: a fixture with a vCPU whose guest exits, and values
 * for registers.
 */
#ifndef SELFTESTS_REGS_H
#define SELFTESTS_REGS_H

#include "kselftest_harness.h"

#include "book3s.h"

DECLARE_PAYLOAD(exits);

#define MEM (8ul << 20)

/* 16 bytes that differ from register to register and from seed to seed */
static inline void pattern(uint64_t id, uint64_t seed, uint64_t v[2])
{
	v[0] = (id ^ seed) * 0x9e3779b97f4a7c15ull;
	v[1] = (v[0] ^ (v[0] >> 29)) * 0xbf58476d1ce4e5b9ull;
}

FIXTURE(regs)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
};

FIXTURE_SETUP(regs)
{
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 4, 0, 0);
}

FIXTURE_TEARDOWN(regs)
{
	vmm_free(self->vmm);
}

#endif
