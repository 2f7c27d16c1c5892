/* SPDX-License-Identifier: GPL-2.0 */
/* For the test of the system descriptor: capabilities and their values. */
#ifndef SELFTESTS_API_CAPS_H
#define SELFTESTS_API_CAPS_H

#include "book3s.h"

/*
 * What an unmodified VMM depends on, with the value it must have: with HV, and
 * with PR if that is another one
 */
static const struct {
	long cap;
	const char *name;
	int system, vm;
	bool differs;
	int pr;
} caps[] = {
#define CAP(c, s, v) { c, #c, s, v }
#define CAP_PR(c, hv, pr) { c, #c, hv, hv, true, pr }
	CAP(KVM_CAP_USER_MEMORY, 1, 1),
	CAP(KVM_CAP_USER_MEMORY2, 1, 1),
	CAP(KVM_CAP_SYNC_MMU, 1, 1),
	CAP(KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1, 1),
	CAP(KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1, 1),
	CAP(KVM_CAP_COALESCED_MMIO, 1, 1),
	CAP(KVM_CAP_COALESCED_PIO, 1, 1),
	CAP(KVM_CAP_IOEVENTFD, 1, 1),
	CAP(KVM_CAP_IOEVENTFD_ANY_LENGTH, 1, 1),
	CAP(KVM_CAP_ENABLE_CAP, 1, 1),
	CAP(KVM_CAP_ENABLE_CAP_VM, 1, 1),
	CAP(KVM_CAP_CHECK_EXTENSION_VM, 1, 1),
	CAP(KVM_CAP_ONE_REG, 1, 1),
	CAP(KVM_CAP_IMMEDIATE_EXIT, 1, 1),
	CAP(KVM_CAP_SET_GUEST_DEBUG, 1, 1),
	CAP(KVM_CAP_PPC_SEGSTATE, 1, 1),
	CAP(KVM_CAP_PPC_HIOR, 1, 1),
	CAP(KVM_CAP_PPC_PAPR, 1, 1),
	CAP(KVM_CAP_PPC_UNSET_IRQ, 1, 1),
	CAP(KVM_CAP_PPC_IRQ_LEVEL, 1, 1),
	CAP(KVM_CAP_PPC_ENABLE_HCALL, 1, 1),
	CAP(KVM_CAP_SPAPR_TCE, 1, 1),
	CAP(KVM_CAP_SPAPR_TCE_64, 1, 1),
	CAP(KVM_CAP_SPAPR_MULTITCE, 1, 1),
	CAP(KVM_CAP_PPC_GET_SMMU_INFO, 1, 1),
	CAP_PR(KVM_CAP_PPC_MMU_RADIX, 1, 0),
	CAP_PR(KVM_CAP_PPC_RPT_INVALIDATE, 1, 0),
	CAP_PR(KVM_CAP_PPC_FWNMI, 1, 0),
	CAP(KVM_CAP_PPC_GET_CPU_CHAR, 1, 1),
	CAP(KVM_CAP_BINARY_STATS_FD, 1, 1),
	CAP(KVM_CAP_DEVICE_CTRL, 1, 1),
	CAP(KVM_CAP_HALT_POLL, 1, 1),
	CAP(KVM_CAP_PPC_SMT, 1, 1),
	CAP(KVM_CAP_PPC_SMT_POSSIBLE, 15, 15),
	/* defined for other processors, other kinds of guest, or nobody */
	CAP(KVM_CAP_PPC_PAIRED_SINGLES, 0, 0),
	CAP(KVM_CAP_PPC_OSI, 0, 0),
	CAP(KVM_CAP_PPC_GUEST_DEBUG_SSTEP, 0, 0),
	CAP_PR(KVM_CAP_PPC_GET_PVINFO, 0, 1),
	CAP(KVM_CAP_PPC_BOOKE_SREGS, 0, 0),
	CAP(KVM_CAP_PPC_BOOKE_WATCHDOG, 0, 0),
	CAP(KVM_CAP_PPC_EPR, 0, 0),
	CAP(KVM_CAP_SW_TLB, 0, 0),
	CAP(KVM_CAP_IRQ_MPIC, 0, 0),
	CAP(KVM_CAP_PPC_RMA, 0, 0),
	CAP(KVM_CAP_MP_STATE, 0, 0),
	CAP(KVM_CAP_IRQCHIP, 0, 0),
	CAP(KVM_CAP_HLT, 0, 0),
	CAP(KVM_CAP_VAPIC, 0, 0),
	CAP(KVM_CAP_S390_UCONTROL, 0, 0),
	CAP(KVM_CAP_ARM_PSCI, 0, 0),
	CAP(KVM_CAP_READONLY_MEM, 0, 0),
	CAP(KVM_CAP_DIRTY_LOG_RING, 0, 0),
	CAP(KVM_CAP_SIGNAL_MSI, 0, 0),
	CAP(KVM_CAP_SET_BOOT_CPU_ID, 0, 0),
	{ 100000, "100000", 0, 0 },
	{ -1, "-1", 0, 0 },
	{ 0x100000000l | KVM_CAP_USER_MEMORY, "beyond 32 bits", 0, 0 },
#undef CAP
#undef CAP_PR
};

/*
 * api.rst leaves a module free to have more; these may read otherwise where
 * the module does more than kvm-hv.ko or kvm-pr.ko. The last ones are PR's.
 */
static bool may_be_more(long cap, bool pr)
{
	return cap == KVM_CAP_READONLY_MEM || cap == KVM_CAP_MP_STATE ||
	       cap == KVM_CAP_PPC_GUEST_DEBUG_SSTEP ||
	       (pr && (cap == KVM_CAP_PPC_FWNMI || cap == KVM_CAP_PPC_OSI ||
		       cap == KVM_CAP_PPC_PAIRED_SINGLES));
}

#endif
