/* SPDX-License-Identifier: GPL-2.0 */
/* Guests of a 440 for the VMM library: pieces of code, vectors, a way out. */
#ifndef SELFTESTS_E44X_H
#define SELFTESTS_E44X_H

#include "vmm.h"

#include <string.h>

/* In the 256 MB that firmware maps to themselves, and in no slot */
#define DEVICE 0x08000000u

#define IVOR_DATA_STORAGE 2
#define IVOR_INST_STORAGE 3
#define IVOR_EXTERNAL 4
#define IVOR_ALIGNMENT 5
#define IVOR_PROGRAM 6
#define IVOR_FP 7
#define IVOR_SYSTEM_CALL 8
#define IVOR_DECREMENTER 10
#define IVOR_DATA_TLB 13
#define IVOR_INST_TLB 14
#define NR_IVORS 16

#define MSR_PR 0x4000u

/* A piece of code in a .S file, which has to be position-independent */
#define DECLARE_CODE(name) extern const char name[], name##_end[]
#define LOAD_CODE(vmm, gpa, name) \
	memcpy(vmm_gpa(vmm, gpa), name, name##_end - name)

/* Vector @ivor is at @at, IVPR is 0 */
static inline void set_vector(struct vmm_vcpu *vcpu, unsigned int ivor,
			      uint32_t at)
{
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	sregs.u.e.ivpr = 0;
	sregs.u.e.ivor_low[ivor] = at;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		vmm_die("KVM_SET_SREGS");
}

#endif
