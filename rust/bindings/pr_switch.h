/* SPDX-License-Identifier: GPL-2.0 */
/* Between asm/pr.S and who calls it. */
#ifndef KVM_PPC_PR_SWITCH_H
#define KVM_PPC_PR_SWITCH_H

/*
 * Entries of the shadow vcpu's SLB that no guest uses: the host's segments,
 * but for the bolted ones; how many, at least 1; the address and MSR that the
 * exit path goes to when they are loaded; an offset in the PACA and the eight
 * bytes that are there as long as the host has made no entry since; and, with
 * CONFIG_DEBUG_VM, the same for one byte
 */
#define KVM_PPC_PR_SLB_HOST 32
#define KVM_PPC_PR_SLB_HOST_MAX 16
#define KVM_PPC_PR_SLB_COUNT 48
#define KVM_PPC_PR_SLB_RETURN 49
#define KVM_PPC_PR_SLB_PACA 50

#endif
