/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What running guests in a partition needs: inline functions and macros of the
 * host, and the registers that a hypervisor call does not switch.
 */
#ifndef KVM_PPC_NESTED_HELPERS_H
#define KVM_PPC_NESTED_HELPERS_H

#include <linux/types.h>

struct hv_guest_state;
struct kvm_vcpu;

bool kvm_ppc_is_partition(void);
bool kvm_ppc_has_rpt_invalidate(void);
bool kvm_ppc_emulated_by_qemu(void);
bool kvm_ppc_has_ail_mode_3(void);
bool kvm_ppc_may_report(void);

s64 kvm_ppc_hcall(u64 hcall, const u64 *args);
s64 kvm_ppc_hcall_returning(u64 hcall, const u64 *args, u64 *ret);

s64 kvm_ppc_enter_nested(struct kvm_vcpu *vcpu, struct hv_guest_state *hv,
			 u64 now, bool large_decrementer);
s64 kvm_ppc_run_nested_vcpu(u64 guest, u64 vcpu, u64 *trap, u64 *now);
bool kvm_ppc_irq_is_pending(void);
void kvm_ppc_exit_guests(void);

#endif
