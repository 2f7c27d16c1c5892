/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of the hashed page tables of guests in hardware: a segment, a guest
 * with accesses in it, and what they do.
 */
#ifndef SELFTESTS_HPT_H
#define SELFTESTS_HPT_H

#include "hcall.h"

#define HPT_V 1ull
#define HPT_BOLTED (1ull << 4)
#define HPT_L (1ull << 2)
#define HPT_R (1ull << 8)
#define HPT_C (1ull << 7)
#define HPT_M (1ull << 4)
#define HPT_PP0 (1ull << 63)
#define HPT_KEY_HIGH (3ull << 60)
#define HPT_KEY_LOW (7ull << 9)

#define H_EXACT (1ull << (63 - 24))
#define H_READ_4 (1ull << (63 - 26))
#define H_AVPN (1ull << (63 - 32))
#define H_ANDCOND (1ull << (63 - 33))

#define SLB_V (1ull << 27)
#define SLB_KS (1ull << 11)
#define SLB_KP (1ull << 10)

#define DSISR_NOPTE 0x40000000u

/* A segment of 256 MB that book3s_map() has no part in */
#define EA 0xd000000000000000ull
#define VSID 0x54321ull
/* of the table that book3s_hash_mmu() makes */
#define GROUPS (1ull << 15)
#define HOLE 0x40000000ull
#define RAM PAGES

static inline uint64_t avpn(uint64_t page)
{
	return (VSID << 5 | page << 12 >> 23) << 7;
}

FIXTURE(hpt)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	uint64_t r[32];
};

FIXTURE_SETUP(hpt)
{
	self->vmm = vmm_new(MEM);
	if (vmm_check(self->vmm, KVM_CAP_PPC_MMU_HASH_V3) <= 0)
		SKIP(return, "guests in hardware cannot use the hash MMU");
	book3s_load(self->vmm, PAYLOAD(exits));
	if (!self->vmm->hash)
		book3s_hash_mmu(self->vmm);
	self->vcpu = hcall_vcpu(self->vmm);
}

FIXTURE_TEARDOWN(hpt)
{
	vmm_free(self->vmm);
}

#define PTEG(page) (((VSID ^ (page)) & (GROUPS - 1)) * 8)

/* The guest's segment of EA, beside those that book3s_map() has made */
static inline void set_segment(struct vmm_vcpu *vcpu, uint64_t keys)
{
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	sregs.u.s.ppc64.slb[31].slbe = EA | SLB_V | 31;
	sregs.u.s.ppc64.slb[31].slbv = VSID << 12 | keys;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		vmm_die("KVM_SET_SREGS");
}

/* A load and a store, of which programs can execute each, too */
static inline void prepare(struct vmm *vmm)
{
	book3s_identity(vmm);
	book3s_map(vmm, USER_EA, USER_CODE, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_translate(vmm);
	book3s_put(vmm, USER_CODE, true, LD(4, 0, 3), HCALL(UC_SYNC));
	book3s_put(vmm, USER_CODE + 0x100, true, STD(4, 0, 3), HCALL(UC_SYNC));
}

struct outcome {
	uint64_t vector, dar; /* 0 if the access was made */
	uint32_t dsisr;
};

/* A load from or a store to EA + 8 in this state, where what is there is @device */
static inline struct outcome access_it(struct vmm_vcpu *vcpu, bool store,
				       bool user, bool device)
{
	struct kvm_regs r = {
		.pc = USER_EA + (store ? 0x100 : 0),
		.msr = MSR_VIRT | (user ? MSR_PR : 0),
		.sprg0 = BOOK3S_SPRG0,
	};
	struct kvm_run *run = vcpu->run;
	struct outcome out = { 0 };

	r.gpr[3] = EA + 8;
	book3s_set_regs(vcpu, &r);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + DEC_FAR);
	if (vmm_run(vcpu))
		vmm_die("KVM_RUN");
	if (run->exit_reason == KVM_EXIT_MMIO) {
		if (!device || run->mmio.phys_addr != HOLE + 8 ||
		    run->mmio.len != 8 || run->mmio.is_write != store)
			vmm_die("%s", vmm_exit_str(vcpu));
		return out;
	}
	vmm_get_regs(vcpu, &r);
	/* In problem state a hypercall is a system call, of a guest that uses hash */
	if (run->exit_reason != KVM_EXIT_PAPR_HCALL)
		vmm_die("%s", vmm_exit_str(vcpu));
	if (run->papr_hcall.nr == UC_SYNC)
		return out;
	if (run->papr_hcall.nr != UC_TRAP)
		vmm_die("%s", vmm_exit_str(vcpu));
	if (run->papr_hcall.args[0] == 0xc00)
		return out;
	out.vector = run->papr_hcall.args[0];
	out.dar = run->papr_hcall.args[3];
	out.dsisr = vmm_reg(vcpu, KVM_REG_PPC_DSISR);
	return out;
}

#endif
