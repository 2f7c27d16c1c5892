/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of guests in problem state on a hash host: a guest with the payload
 * hash, its memory mapped one to one.
 */
#ifndef SELFTESTS_PR_GUEST_H
#define SELFTESTS_PR_GUEST_H

#include "kselftest_harness.h"

#include "book3s.h"
#include "payloads/hash.h"

DECLARE_PAYLOAD(hash);

#define MEM (16ul << 20)

FIXTURE(pr)
{
	struct vmm *vmm;
	unsigned long loads;
};

FIXTURE_SETUP(pr)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm) && !book3s_wants_hash())
		SKIP(return, "the guest does not use the hash MMU");
	book3s_load(self->vmm, PAYLOAD(hash));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, HASH_DEVICE, HASH_DEVICE, 0x10000, 16, RPTE_IO);
	book3s_translate(self->vmm);
}

FIXTURE_TEARDOWN(pr)
{
	vmm_free(self->vmm);
}

static struct vmm_vcpu *guest(struct vmm *vmm, unsigned int id, enum hash_op op,
			      uint64_t n)
{
	return book3s_add_vcpu(vmm, id, MSR_VIRT, op, n, 0);
}

#endif
