/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests that are the same on every kind of host: a payload as a guest, and
 * the hypercalls that it makes to the VMM.
 */
#ifndef SELFTESTS_PAYLOAD_H
#define SELFTESTS_PAYLOAD_H

#ifdef __powerpc64__

#include "book3s.h"

#define guest_load book3s_load
#define guest_peer book3s_peer
#define guest_on_hash book3s_on_hash
#define guest_wants_hash book3s_wants_hash
#define guest_run_hcall book3s_run_hcall
#define GUEST_VCPUS 2 /* that a VM may have, for tests */
#define GUEST_STACK (GPA_STACKS + BOOK3S_STACK - 0x100)

/* Adds a vCPU that starts in real mode, or with its page tables on */
static inline struct vmm_vcpu *guest_add_vcpu(struct vmm *vmm, unsigned int id,
					      bool virt, uint64_t a0,
					      uint64_t a1, uint64_t a2)
{
	return book3s_add_vcpu(vmm, id, virt ? MSR_VIRT : MSR_REAL, a0, a1, a2);
}

/* Makes the page tables map @size bytes by 2 MB pages */
static inline void guest_map(struct vmm *vmm, uint64_t at, uint64_t size)
{
	book3s_map(vmm, at, at, size, 21, RPTE_KERNEL);
}

#define guest_translate book3s_translate

/* The hypercall that KVM_RUN returned for, or 0 */
static inline uint64_t guest_hcall(struct vmm_vcpu *vcpu)
{
	return vcpu->run->exit_reason == KVM_EXIT_PAPR_HCALL ?
		       vcpu->run->papr_hcall.nr :
		       0;
}

static inline uint64_t tb_hz(void)
{
	return TB_HZ;
}

#else

static inline bool guest_wants_hash(void)
{
	return false;
}

#include "e44x.h"

#define guest_load e44x_load
#define guest_run_hcall e44x_run_hcall
#define guest_hcall e44x_hcall
#define guest_add_vcpu(vmm, id, virt, a0, a1, a2) \
	e44x_add_vcpu(vmm, id, a0, a1, a2)
/* The code at the payloads' beginning maps all memory */
#define guest_map(vmm, at, size) ((void)(vmm))
#define guest_translate(vmm) ((void)(vmm))
#define GUEST_VCPUS 1
#define GUEST_STACK E44X_STACK

static inline bool guest_peer(void)
{
	return false;
}

static inline bool guest_on_hash(struct vmm *vmm)
{
	return false;
}

#endif

#endif
