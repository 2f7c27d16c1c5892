/* SPDX-License-Identifier: GPL-2.0 */
/* Definitions that asm/pr.S shares with its callers. */
#ifndef KVM_PPC_PR_SWITCH_H
#define KVM_PPC_PR_SWITCH_H

/*
 * Entries of the shadow vcpu's SLB that no guest uses. They hold, in this
 * order: the host's segments without the bolted ones; how many these are, at
 * least 1; the address and MSR at which the exit path goes on when they are
 * loaded; an offset in the PACA, and the eight bytes that are there as long as
 * the host has made no more SLB entries; with CONFIG_DEBUG_VM, the same for one
 * byte
 */
#define KVM_PPC_PR_SLB_HOST 32
#define KVM_PPC_PR_SLB_HOST_MAX 16
#define KVM_PPC_PR_SLB_COUNT 48
#define KVM_PPC_PR_SLB_RETURN 49
#define KVM_PPC_PR_SLB_PACA 50

#endif
