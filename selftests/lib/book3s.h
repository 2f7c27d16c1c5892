/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Book3S-64 guests for the VMM library: loading a payload, real mode, a radix
 * tree, and small pieces of code composed in place. ISA v3.0B/v3.1 Book III.
 */
#ifndef SELFTESTS_BOOK3S_H
#define SELFTESTS_BOOK3S_H

#include "hcalls.h"
#include "vmm.h"

#define MSR_SF (1ull << 63)
#define MSR_VEC (1ull << 25)
#define MSR_VSX (1ull << 23)
#define MSR_EE (1ull << 15)
#define MSR_PR (1ull << 14)
#define MSR_FP (1ull << 13)
#define MSR_ME (1ull << 12)
#define MSR_SE (1ull << 10)
#define MSR_IR (1ull << 5)
#define MSR_DR (1ull << 4)
#define MSR_RI (1ull << 1)
#define MSR_LE (1ull << 0)

#define MSR_REAL (MSR_SF | MSR_ME | MSR_RI | MSR_LE)
#define MSR_VIRT (MSR_REAL | MSR_IR | MSR_DR)
#define MSR_ALL_FP (MSR_FP | MSR_VEC | MSR_VSX)

#define LPCR_DPFD (7ull << 52)
#define LPCR_ILE (1ull << 25)
#define LPCR_AIL (3ull << 23)
#define LPCR_LD (1ull << 17)

/* Guest physical memory: the library's layout */
#define GPA_IMAGE 0x0ull /* payload, interrupt vectors first */
#define GPA_TABLES 0x100000ull /* process table and radix tree, 1 MiB */
#define GPA_STACKS 0x200000ull /* BOOK3S_STACK bytes a vCPU, by index */
#define GPA_FREE 0x400000ull /* the test's own from here on */
#define BOOK3S_STACK 0x10000ull /* lower half for interrupts */
/* SPRG0 of vCPU 0: where its interrupts' stack begins */
#define BOOK3S_SPRG0 (GPA_STACKS + BOOK3S_STACK / 2)

/* Radix PTE bits (Book III 5.7.10.2) */
#define RPTE_VALID (1ull << 63)
#define RPTE_LEAF (1ull << 62)
#define RPTE_R 0x100ull
#define RPTE_C 0x080ull
#define RPTE_NON_IDEMPOTENT 0x020ull
#define RPTE_PRIV 0x008ull
#define RPTE_READ 0x004ull
#define RPTE_WRITE 0x002ull
#define RPTE_EXEC 0x001ull
#define RPTE_KERNEL \
	(RPTE_R | RPTE_C | RPTE_PRIV | RPTE_READ | RPTE_WRITE | RPTE_EXEC)
#define RPTE_IO                                                 \
	(RPTE_R | RPTE_C | RPTE_PRIV | RPTE_READ | RPTE_WRITE | \
	 RPTE_NON_IDEMPOTENT)

void book3s_load(struct vmm *vmm, struct payload p);

/*
 * Add vCPU @id and set it at the payload's entry in @msr with @a0..@a2 in r3
 * to r5, interrupts little-endian.
 */
struct vmm_vcpu *book3s_add_vcpu(struct vmm *vmm, unsigned int id, uint64_t msr,
				 uint64_t a0, uint64_t a1, uint64_t a2);

/*
 * Translation of the kind that the host's guests have: a radix tree, or on a
 * hash host a hashed page table with the same permissions (with pages of 64 KB
 * for pages of that size or larger) and an SLB for it. The radix tree is for
 * PID 0; @map makes pages of 2^@shift bytes (12, 16, 21 or 30; one size in any
 * 2 MiB), @on tells KVM where the process table is.
 */
void book3s_map(struct vmm *vmm, uint64_t ea, uint64_t gpa, uint64_t size,
		unsigned int shift, uint64_t bits);
void book3s_translate(struct vmm *vmm);
bool book3s_on_hash(struct vmm *vmm);
void book3s_hash_map(struct vmm *vmm, uint64_t ea, uint64_t gpa, uint64_t size,
		     unsigned int shift, uint64_t bits);
void book3s_hash_set(struct vmm_vcpu *vcpu);
/*
 * Has a guest in hardware use the hash MMU. book3s_load() does that if the word
 * hash-mmu is among the test's options.
 */
void book3s_hash_mmu(struct vmm *vmm);
bool book3s_wants_hash(void);
/* Identity-map all of slot 0 with 2 MiB pages and turn translation on */
void book3s_identity(struct vmm *vmm);

/*
 * KVM_SET_REGS that also holds after a hypercall exit, when the next KVM_RUN
 * takes r3 to r12 from the run page
 */
void book3s_set_regs(struct vmm_vcpu *vcpu, struct kvm_regs *regs);

/* Write instruction words at @gpa for a guest of MSR[LE] @le */
void book3s_code(struct vmm *vmm, uint64_t gpa, bool le, const uint32_t *insn,
		 size_t n);
#define book3s_put(vmm, gpa, le, ...)                          \
	book3s_code(vmm, gpa, le, (uint32_t[]){ __VA_ARGS__ }, \
		    sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

/*
 * Run until a hypercall that reaches userspace, and give its number. Any other
 * exit, or an error, ends the process; UC_FAIL and UC_TRAP do too.
 */
uint64_t book3s_run_hcall(struct vmm_vcpu *vcpu);

/*
 * Run with these registers until a hypercall reaches userspace, which may be
 * UC_TRAP, and return the registers at that time. Any other exit ends the
 * process.
 */
struct kvm_regs book3s_run_regs(struct vmm_vcpu *vcpu, struct kvm_regs regs);

/* Run to UC_EXIT and end the process unless its status is 0 */
void book3s_run_to_exit(struct vmm_vcpu *vcpu);

/*
 * True if /dev/kvm is kvm-hv.ko's or kvm-pr.ko's. A test of something that
 * these are known to do wrong says so, and tolerates it with them only.
 */
bool book3s_peer(void);

/* Is the host a partition, whose guests a hypervisor runs? */
bool book3s_in_partition(void);

static inline uint64_t mftb(void)
{
	uint64_t tb;

	asm volatile("mfspr %0, 268" : "=r"(tb) : : "memory");
	return tb;
}

#define TB_HZ 512000000ull

#endif
