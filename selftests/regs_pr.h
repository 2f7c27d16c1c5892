/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of registers: how VMs whose guests are in problem state differ. */
#ifndef SELFTESTS_REGS_PR_H
#define SELFTESTS_REGS_PR_H

#include "regs.h"

/* PR has neither these nor the rest of PMC1 to PMC8 */
static const uint64_t not_pr[] = {
	KVM_REG_PPC_DABR,     KVM_REG_PPC_DABRX,    KVM_REG_PPC_PURR,
	KVM_REG_PPC_SPURR,    KVM_REG_PPC_MMCR3,    KVM_REG_PPC_MMCRS,
	KVM_REG_PPC_SIER2,    KVM_REG_PPC_SIER3,    KVM_REG_PPC_PMC1 + 6,
	KVM_REG_PPC_PMC1 + 7, KVM_REG_PPC_SPMC1,    KVM_REG_PPC_SPMC1 + 1,
	KVM_REG_PPC_DAWR,     KVM_REG_PPC_DAWRX,    KVM_REG_PPC_DAWR1,
	KVM_REG_PPC_DAWRX1,   KVM_REG_PPC_CSIGR,    KVM_REG_PPC_TACR,
	KVM_REG_PPC_TCSCR,    KVM_REG_PPC_PSSCR,    KVM_REG_PPC_PTCR,
	KVM_REG_PPC_DEXCR,    KVM_REG_PPC_HASHKEYR, KVM_REG_PPC_HASHPKEYR,
};

/* Those that only ours has */
static const uint64_t not_kvm_pr[] = {
	KVM_REG_PPC_DPDES,	KVM_REG_PPC_DSCR,     KVM_REG_PPC_AMR,
	KVM_REG_PPC_UAMOR,	KVM_REG_PPC_IAMR,     KVM_REG_PPC_MMCR0,
	KVM_REG_PPC_MMCR1,	KVM_REG_PPC_MMCR2,    KVM_REG_PPC_MMCRA,
	KVM_REG_PPC_SIAR,	KVM_REG_PPC_SDAR,     KVM_REG_PPC_SIER,
	KVM_REG_PPC_PMC1,	KVM_REG_PPC_PMC1 + 1, KVM_REG_PPC_PMC1 + 2,
	KVM_REG_PPC_PMC1 + 3,	KVM_REG_PPC_PMC1 + 4, KVM_REG_PPC_PMC1 + 5,
	KVM_REG_PPC_PSPB,	KVM_REG_PPC_PID,      KVM_REG_PPC_ACOP,
	KVM_REG_PPC_WORT,	KVM_REG_PPC_TIDR,     KVM_REG_PPC_PPR,
	KVM_REG_PPC_DEC_EXPIRY,
};

static bool pr;

static bool in(uint64_t id, const uint64_t *list, unsigned int n)
{
	while (n--)
		if (list[n] == id)
			return true;
	return false;
}

static bool transactional(uint64_t id)
{
	return (id & 0x80000000) || id == KVM_REG_PPC_TFHAR ||
	       id == KVM_REG_PPC_TFIAR || id == KVM_REG_PPC_TEXASR;
}

/* Is it one that this kind of VM has? */
static bool here(uint64_t id)
{
	if (transactional(id) && vmm_stock_host())
		return false;
	return !pr ||
	       (!in(id, not_pr, ARRAY_SIZE(not_pr)) &&
		!(book3s_peer() && in(id, not_kvm_pr, ARRAY_SIZE(not_kvm_pr))));
}

/* PR: the page table's place and the SLB come back, and the PVR is any */
static void pr_sregs(struct __test_metadata *_metadata, struct vmm_vcpu *vcpu,
		     struct kvm_sregs *sregs)
{
	struct kvm_sregs got;
	unsigned int i;

	sregs->pvr = 0x004d0200;
	sregs->u.s.sdr1 = 0x7fff00000000 | 7;
	for (i = 0; i < 32; i++) {
		bool valid = i % 3;

		sregs->u.s.ppc64.slb[i].slbe =
			valid ? (uint64_t)i << 28 | 1 << 27 | i : 0;
		sregs->u.s.ppc64.slb[i].slbv =
			valid ? 0x123000ull + i * 0x1000 : 0;
	}
	ASSERT_EQ(0, ioctl(vcpu->fd, KVM_SET_SREGS, sregs));
	memset(&got, 0xff, sizeof(got));
	ASSERT_EQ(0, ioctl(vcpu->fd, KVM_GET_SREGS, &got));
	EXPECT_EQ(sregs->pvr, got.pvr);
	EXPECT_EQ(sregs->u.s.sdr1, got.u.s.sdr1);
	for (i = 0; i < 32; i++) {
		/* entries that are not valid may have any index */
		EXPECT_EQ(sregs->u.s.ppc64.slb[i].slbe,
			  got.u.s.ppc64.slb[i].slbe &
				  (i % 3 ? -1ull : -4096ull));
		if (i % 3)
			EXPECT_EQ(sregs->u.s.ppc64.slb[i].slbv,
				  got.u.s.ppc64.slb[i].slbv);
	}
	/* nothing of the kernel's stack */
	for (i = offsetof(struct kvm_sregs, u.s.ppc64) + sizeof(got.u.s.ppc64);
	     i < sizeof(got); i++)
		EXPECT_EQ(0, ((char *)&got)[i]);
}

#endif
