/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inline functions and macros of the host that entering a guest on a 440 needs.
 */
#ifndef KVM_PPC_E44X_HELPERS_H
#define KVM_PPC_E44X_HELPERS_H

#include <linux/types.h>
#include "e44x_switch.h"

struct thread_fp_state;

#define KVM_PPC_ENTRY_WORK 1

unsigned long kvm_ppc_hard_irq_disable(void);
void kvm_ppc_irq_restore(unsigned long flags);
int kvm_ppc_check_entry(void);
unsigned int kvm_ppc_smp_processor_id(void);
int kvm_ppc_handle_work(void);
void kvm_ppc_guest_enter_irqoff(void);
void kvm_ppc_guest_exit_irqoff(bool interrupted);
void kvm_ppc_guest_done(unsigned long flags);

u32 kvm_ppc_e44x_pvr(void);
void kvm_ppc_e44x_report_machine_check(u32 syndrome);
int kvm_ppc_e44x_cmpxchg_user(unsigned long at, u32 old, u32 new);
u32 kvm_ppc_e44x_ivor(unsigned int n);
u64 kvm_ppc_e44x_timer_at(u64 deadline);
void kvm_ppc_e44x_timer_back(u64 host);
unsigned long kvm_ppc_e44x_alloc_block(void);
void kvm_ppc_e44x_free_block(unsigned long block);
void kvm_ppc_e44x_flush_icache(unsigned long start, unsigned long end);
void kvm_ppc_e44x_clean_new_page(u64 real, unsigned int shift);
void kvm_ppc_e44x_clean_page(u64 real);
void kvm_ppc_e44x_load_fp(struct thread_fp_state *fp);
void kvm_ppc_e44x_store_fp(struct thread_fp_state *fp);

extern const u32 kvm_ppc_e44x_code[];
extern const u32 kvm_ppc_e44x_code_end[];

#endif
