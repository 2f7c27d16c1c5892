/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inline functions and macros of the host that entering a Book3S guest needs.
 */
#ifndef KVM_PPC_HV_HELPERS_H
#define KVM_PPC_HV_HELPERS_H

#include <linux/types.h>

struct kvm;
struct kvm_vcpu_arch;
struct machine_check_event;

#define KVM_PPC_HOST_HVMODE 0x01
#define KVM_PPC_HOST_ARCH_300 0x02
#define KVM_PPC_HOST_ARCH_31 0x04
#define KVM_PPC_HOST_RADIX 0x08
#define KVM_PPC_HOST_TLBIE 0x10
#define KVM_PPC_HOST_PREFETCH_BUG 0x40
#define KVM_PPC_HOST_DAWR 0x80
#define KVM_PPC_HOST_DAWR1 0x100
#define KVM_PPC_HOST_P11 0x200
#define KVM_PPC_HOST_XIVE 0x400
#define KVM_PPC_HOST_HAIL 0x800
#define KVM_PPC_HOST_HWRNG 0x1000
#define KVM_PPC_HOST_HTM 0x2000

#define KVM_PPC_ENTRY_WORK 1
#define KVM_PPC_ENTRY_IRQ 2

unsigned long kvm_ppc_host_features(void);
u64 kvm_ppc_mfspr_lpcr(void);
u64 kvm_ppc_mfspr_lpid(void);
u64 kvm_ppc_mfspr_hfscr(void);
u64 kvm_ppc_mfspr_pvr(void);
u64 kvm_ppc_next_timer_tb(void);

unsigned long kvm_ppc_hard_irq_disable(void);
void kvm_ppc_irq_restore(unsigned long flags);
int kvm_ppc_check_entry(void);
unsigned int kvm_ppc_smp_processor_id(void);
int kvm_ppc_handle_work(void);

void kvm_ppc_guest_enter_irqoff(void);
void kvm_ppc_guest_exit_irqoff(bool interrupted);
void kvm_ppc_guest_done(unsigned long flags);
void kvm_ppc_guest_again(void);

bool kvm_ppc_prepare_facilities(void);
void kvm_ppc_srr_clobbered(void);
void kvm_ppc_clear_branch_history(void);

struct kvm **kvm_ppc_in_guest(void);
bool kvm_ppc_is_in_guest(unsigned int cpu);
bool kvm_ppc_vcpu_moved(struct kvm *kvm, void *closed, unsigned int from,
			unsigned int to, bool gtse);
unsigned int kvm_ppc_nr_cpu_ids(void);

unsigned long kvm_ppc_load_dexcr(const struct kvm_vcpu_arch *guest);
void kvm_ppc_store_dexcr(struct kvm_vcpu_arch *guest, unsigned long hashpkeyr);

bool kvm_ppc_random(unsigned long *val);
void kvm_ppc_report_machine_check(struct machine_check_event *evt);
bool kvm_ppc_fw_feature(const char *name, const char *state);
unsigned int kvm_ppc_page_ap(unsigned int shift);
bool kvm_ppc_read_real_u64(unsigned long pa, u64 *val);
bool kvm_ppc_read_real_u32(unsigned long pa, u32 *val);
unsigned long kvm_ppc_mce_recovered(const struct machine_check_event *evt);

#endif
