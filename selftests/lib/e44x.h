/* SPDX-License-Identifier: GPL-2.0 */
/* Guests of a 440 for the VMM library: payloads, pieces of code, vectors. */
#ifndef SELFTESTS_E44X_H
#define SELFTESTS_E44X_H

#include "hcalls.h"
#include "vmm.h"

#include <string.h>

/*
 * An address in the first 256 MB, which firmware maps to themselves, and in no
 * slot
 */
#define DEVICE ((uint32_t)UC_DEVICE)

#define IVOR_MACHINE_CHECK 1
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
#define IVOR_DEBUG 15
#define NR_IVORS 16

#define MSR_EE 0x8000u
#define MSR_PR 0x4000u
#define ESR_MCI 0x80000000u

/* Guest physical memory of a payload */
#define E44X_STACK 0x3fff00u
#define GPA_FREE 0x400000u /* the test's own from here on */

void e44x_load(struct vmm *vmm, struct payload p);

/* Adds the vCPU and sets it at the payload's entry with @a0..@a2 in r3 to r5 */
struct vmm_vcpu *e44x_add_vcpu(struct vmm *vmm, unsigned int id, uint32_t a0,
			       uint32_t a1, uint32_t a2);

/* The hypercall (see UC_DEVICE) that KVM_RUN returned for, or 0 */
uint32_t e44x_hcall(struct vmm_vcpu *vcpu);

/*
 * Runs until a hypercall, and gives its number. Any other exit, or an error,
 * ends the process; UC_FAIL and UC_TRAP do too.
 */
uint32_t e44x_run_hcall(struct vmm_vcpu *vcpu);

/* A piece of code in a .S file, which has to be position-independent */
#define DECLARE_CODE(name) extern const char name[], name##_end[]
#define LOAD_CODE(vmm, gpa, name) \
	memcpy(vmm_gpa(vmm, gpa), name, name##_end - name)

/* Sets IVPR to 0 and the vector of @ivor to @at */
void set_vector(struct vmm_vcpu *vcpu, unsigned int ivor, uint32_t at);

/*
 * The timebase's ticks a second, from the host's kernel; ends the process if
 * that does not say
 */
uint32_t tb_hz(void);

static inline uint64_t mftb(void)
{
	uint32_t upper, lower, again;

	asm volatile("1:	mftbu	%0\n"
		     "	mftb	%1\n"
		     "	mftbu	%2\n"
		     "	cmpw	%0, %2\n"
		     "	bne-	1b"
		     : "=&r"(upper), "=&r"(lower), "=&r"(again)
		     :
		     : "cr0", "memory");
	return (uint64_t)upper << 32 | lower;
}

#endif
