// SPDX-License-Identifier: GPL-2.0
#include "book3s.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PRTB_RADIX (1ull << 63) /* KVM: process table is for radix */
#define PRTB_SIZE 0ull /* log2(bytes) - 12: 4 KiB, 256 PIDs */
#define ROOT_BITS 13 /* of a 52-bit effective address */
#define RTS_52 ((2ull << 61) | (5ull << 5)) /* 52 - 31 = 0b10101, split */

#define GPA_ROOT GPA_TABLES
#define GPA_PRTB (GPA_TABLES + 0x10000)
#define GPA_NODES (GPA_TABLES + 0x20000)
#define GPA_TABLES_END GPA_STACKS
#define NODE_SIZE 0x1000ull

void book3s_load(struct vmm *vmm, struct payload p)
{
	size_t size = p.end - p.start;

	if (size > GPA_TABLES)
		vmm_die("payload of %zu bytes is too large", size);
	if (book3s_wants_hash() && !vmm->hash && !book3s_on_hash(vmm))
		book3s_hash_mmu(vmm);
	memcpy(vmm->mem, p.start, size);
}

struct vmm_vcpu *book3s_add_vcpu(struct vmm *vmm, unsigned int id, uint64_t msr,
				 uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct vmm_vcpu *vcpu = vmm_add_vcpu(vmm, id);
	uint64_t stack = GPA_STACKS + (vmm->nr_vcpus - 1) * BOOK3S_STACK;
	struct kvm_regs regs = { .pc = GPA_IMAGE, .msr = msr };

	/* HV guests are PAPR guests; KVM_RUN refuses others */
	if (vmm_enable_cap(vcpu->fd, KVM_CAP_PPC_PAPR, 0, 0))
		vmm_die("KVM_CAP_PPC_PAPR");
	/* What payloads/head.S expects */
	regs.gpr[1] = stack + BOOK3S_STACK - 0x100;
	regs.sprg0 = stack + BOOK3S_STACK / 2;
	regs.gpr[3] = a0;
	regs.gpr[4] = a1;
	regs.gpr[5] = a2;
	vmm_set_regs(vcpu, &regs);
	vmm_reg_set(vcpu, KVM_REG_PPC_LPCR_64,
		    vmm_reg(vcpu, KVM_REG_PPC_LPCR_64) | LPCR_ILE);
	/* kvm-pr.ko's guests have their vectors elsewhere unless told */
	if (book3s_on_hash(vmm))
		vmm_reg_set(vcpu, KVM_REG_PPC_HIOR, 0);
	if (vmm->hash)
		book3s_hash_set(vcpu);
	return vcpu;
}

void book3s_set_regs(struct vmm_vcpu *vcpu, struct kvm_regs *regs)
{
	unsigned int i;

	vmm_set_regs(vcpu, regs);
	if (vcpu->run->exit_reason != KVM_EXIT_PAPR_HCALL)
		return;
	vcpu->run->papr_hcall.ret = regs->gpr[3];
	for (i = 0; i < 9; i++)
		vcpu->run->papr_hcall.args[i] = regs->gpr[4 + i];
}

static uint64_t new_node(struct vmm *vmm)
{
	uint64_t *next = vmm_gpa(
		vmm, GPA_PRTB + NODE_SIZE); /* after the process table */
	uint64_t node = GPA_NODES + NODE_SIZE * (*next)++;

	if (node + NODE_SIZE > GPA_TABLES_END)
		vmm_die("no room for page tables");
	return node;
}

static void map_one(struct vmm *vmm, uint64_t ea, uint64_t pte,
		    unsigned int shift)
{
	/* index bits of each level, root first; the last depends on the page size */
	const unsigned int bits[4] = { ROOT_BITS, 9, 9, shift == 16 ? 5 : 9 };
	unsigned int left = 52;
	uint64_t table = GPA_ROOT;
	int level;

	for (level = 0; level < 4; level++) {
		uint64_t *t = vmm_gpa(vmm, table);
		unsigned int i;

		left -= bits[level];
		i = (ea >> left) & ((1u << bits[level]) - 1);
		if (left == shift) {
			t[i] = htobe64(pte);
			return;
		}
		if (level == 3)
			break;
		if (!t[i])
			t[i] = htobe64(RPTE_VALID | new_node(vmm) |
				       bits[level + 1]);
		table = be64toh(t[i]) & 0x0fffffffffffff00ull;
	}
	vmm_die("radix has no pages of 2^%u", shift);
}

void book3s_map(struct vmm *vmm, uint64_t ea, uint64_t gpa, uint64_t size,
		unsigned int shift, uint64_t bits)
{
	uint64_t off;

	if (vmm->hash || book3s_on_hash(vmm)) {
		book3s_hash_map(vmm, ea, gpa, size, shift, bits);
		return;
	}
	for (off = 0; off < size; off += 1ull << shift)
		map_one(vmm, ea + off,
			RPTE_VALID | RPTE_LEAF | (gpa + off) | bits, shift);
}

void book3s_translate(struct vmm *vmm)
{
	struct kvm_ppc_mmuv3_cfg cfg = {
		.flags = KVM_PPC_MMUV3_RADIX | KVM_PPC_MMUV3_GTSE,
		.process_table = PRTB_RADIX | GPA_PRTB | PRTB_SIZE,
	};
	uint64_t *prte = vmm_gpa(vmm, GPA_PRTB);
	unsigned int i;

	if (vmm->hash || book3s_on_hash(vmm)) {
		for (i = 0; i < vmm->nr_vcpus; i++)
			book3s_hash_set(&vmm->vcpu[i]);
		return;
	}
	prte[0] = htobe64(RTS_52 | GPA_ROOT | ROOT_BITS);
	if (ioctl(vmm->fd, KVM_PPC_CONFIGURE_V3_MMU, &cfg))
		vmm_die("KVM_PPC_CONFIGURE_V3_MMU");
}

void book3s_identity(struct vmm *vmm)
{
	book3s_map(vmm, 0, 0, vmm->mem_size, 21, RPTE_KERNEL);
	book3s_translate(vmm);
}

void book3s_code(struct vmm *vmm, uint64_t gpa, bool le, const uint32_t *insn,
		 size_t n)
{
	uint32_t *to = vmm_gpa(vmm, gpa);
	size_t i;

	for (i = 0; i < n; i++)
		to[i] = le ? htole32(insn[i]) : htobe32(insn[i]);
	/* the guest fetches through another mapping: make the words visible */
	for (i = 0; i < n; i++)
		asm volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync"
			     :
			     : "r"(to + i)
			     : "memory");
}

uint64_t book3s_run_hcall(struct vmm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (vmm_run(vcpu))
		vmm_die("KVM_RUN: %s", vmm_exit_str(vcpu));
	if (run->exit_reason != KVM_EXIT_PAPR_HCALL ||
	    run->papr_hcall.nr == UC_FAIL || run->papr_hcall.nr == UC_TRAP) {
		errno = 0;
		vmm_die("guest: %s", vmm_exit_str(vcpu));
	}
	return run->papr_hcall.nr;
}

struct kvm_regs book3s_run_regs(struct vmm_vcpu *vcpu, struct kvm_regs regs)
{
	book3s_set_regs(vcpu, &regs);
	if (vmm_run(vcpu) || vcpu->run->exit_reason != KVM_EXIT_PAPR_HCALL)
		vmm_die("%s", vmm_exit_str(vcpu));
	vmm_get_regs(vcpu, &regs);
	return regs;
}

void book3s_run_to_exit(struct vmm_vcpu *vcpu)
{
	if (book3s_run_hcall(vcpu) != UC_EXIT ||
	    vcpu->run->papr_hcall.args[0]) {
		errno = 0;
		vmm_die("guest did not exit well: %s", vmm_exit_str(vcpu));
	}
}

bool book3s_in_partition(void)
{
	return access("/proc/device-tree/ibm,opal", F_OK) != 0;
}

bool book3s_peer(void)
{
	return !access("/sys/module/kvm_hv", F_OK) ||
	       !access("/sys/module/kvm_pr", F_OK);
}
