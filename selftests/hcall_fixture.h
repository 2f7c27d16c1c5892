/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of most tests of hypercalls: a VM with a vCPU that makes them.
 */
#ifndef SELFTESTS_HCALL_FIXTURE_H
#define SELFTESTS_HCALL_FIXTURE_H

#include "hcall.h"

FIXTURE(hcall)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	uint64_t r[32]; /* registers after a call */
	bool p10;
	bool pr; /* the VM's guests are in problem state */
};

FIXTURE_SETUP(hcall)
{
	struct kvm_sregs sregs;

	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = hcall_vcpu(self->vmm);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	self->p10 = sregs.pvr >> 16 == 0x80 || sregs.pvr >> 16 == 0x82;
	self->pr = book3s_on_hash(self->vmm);
}

FIXTURE_TEARDOWN(hcall)
{
	vmm_free(self->vmm);
}

#endif
