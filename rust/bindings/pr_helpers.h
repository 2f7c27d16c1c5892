/* SPDX-License-Identifier: GPL-2.0 */
/* Inline functions and macros of the host that guests in problem state need. */
#ifndef KVM_PPC_PR_HELPERS_H
#define KVM_PPC_PR_HELPERS_H

#include <linux/types.h>

#include "pr_switch.h"

struct kvmppc_book3s_shadow_vcpu;
struct machine_check_event;
struct thread_fp_state;
struct thread_vr_state;

#define KVM_PPC_PR_WRITE 1
#define KVM_PPC_PR_EXECUTE 2
#define KVM_PPC_PR_INHIBITED 4

/* Flag of an entry's index in its group: it is in the secondary group */
#define KVM_PPC_PR_SECONDARY 8

/* Registers that a guest in problem state could change, or must not see */
struct kvm_ppc_pr_sprs {
	u64 lpcr; /* of the host, while the guest runs */
	u64 lpcr_off; /* bits cleared meanwhile; 0: no access to LPCR */
	u64 dexcr; /* of the task, on ISA 3.1 */
	u64 amr;
	u64 uamor;
	u64 dawrx[2]; /* 0: not changed */
	bool has_dexcr;
	bool watched; /* one of dawrx is not 0 */
	u32 host_vrsave;
	u32 vrsave; /* the guest's */
	u64 host_tar;
	u64 tar; /* the guest's */
	u64 sprg3; /* the guest's */
	u64 ppr; /* the guest's */
};

u32 kvm_ppc_pr_enter(u64 *nvgprs, u64 msr, u64 exit, u64 trampoline);
void kvm_ppc_pr_exit_real(void);
u64 kvm_ppc_pr_exit_address(void);
u64 kvm_ppc_pr_trampoline(void);
void kvm_ppc_pr_save_segments(struct kvmppc_book3s_shadow_vcpu *svcpu,
			      bool users);
void kvm_ppc_pr_init_sprs(struct kvm_ppc_pr_sprs *s);
void kvm_ppc_pr_load_sprs(struct kvm_ppc_pr_sprs *s);
void kvm_ppc_pr_save_sprs(struct kvm_ppc_pr_sprs *s);
void kvm_ppc_pr_load_vectors(u64 msr, struct thread_fp_state *fp,
			     struct thread_vr_state *vr);
void kvm_ppc_pr_save_vectors(u64 msr, struct thread_fp_state *fp,
			     struct thread_vr_state *vr);
void kvm_ppc_pr_take_machine_check(struct machine_check_event *evt);
bool kvm_ppc_pr_count_begin(void);
void kvm_ppc_pr_count_end(u32 *counted);
void kvm_ppc_pr_traced(u64 *siar, u64 *sdar);
void kvm_ppc_pr_set_dec(u64 ticks);
void kvm_ppc_pr_rearm_dec(void);

bool kvm_ppc_pr_host_ok(void);
bool kvm_ppc_pr_large_ok(void);
void kvm_ppc_pr_relocation_off(void);
void kvm_ppc_pr_relocation_on(void);
u32 kvm_ppc_pr_slb_size(void);
u64 kvm_ppc_pr_slb_64k(void);
u64 kvm_ppc_pr_vsid(u64 context, u64 segment);
long kvm_ppc_pr_hpte_insert(u64 vsid, u64 ea, u64 phys, u32 how, bool large);
void kvm_ppc_pr_hpte_invalidate(u64 vsid, u64 ea, bool large, u32 index);
int kvm_ppc_pr_load_user(unsigned long hva, u32 bytes, u64 *val);
int kvm_ppc_pr_exchange_user(unsigned long hva, u32 bytes, const u64 *from,
			     const u64 *to);
bool kvm_ppc_pr_read_words(unsigned long pa, u32 *words, unsigned int n);
bool kvm_ppc_pr_read_user(void *to, unsigned long from, unsigned long n);
bool kvm_ppc_pr_store_user_u64(unsigned long at, u64 val);
bool kvm_ppc_pr_store_user_u8(unsigned long at, u8 val);
bool kvm_ppc_pr_populate(unsigned long at, bool write);

#endif
