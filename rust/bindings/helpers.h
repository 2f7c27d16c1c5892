/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's inline functions and macros that Rust has to call, each as a
 * function of the same name with the prefix kvm_ppc_.
 */
#ifndef KVM_PPC_HELPERS_H
#define KVM_PPC_HELPERS_H

#include <linux/types.h>
#include <linux/version.h>

struct device;
struct eventfd_ctx;
struct mm_struct;
struct mutex;
struct page;
struct rcuwait;
struct srcu_struct;

#ifdef CONFIG_PPC_BOOK3S_64
bool kvm_ppc_task_is_runnable(void);
void kvm_ppc_pagefault_disable(void);
void kvm_ppc_pagefault_enable(void);
#endif

int kvm_ppc_load_user_pair(unsigned long addr, u64 *val);
int kvm_ppc_store_user(unsigned long addr, const void *val, unsigned int size);

/* Parameters of the module; root may change them at any time */
extern unsigned int kvm_ppc_halt_poll_ns;
extern unsigned int kvm_ppc_halt_poll_ns_grow;
extern unsigned int kvm_ppc_halt_poll_ns_grow_start;
extern unsigned int kvm_ppc_halt_poll_ns_shrink;

int kvm_ppc_mutex_lock_killable(struct mutex *lock);
bool kvm_ppc_mutex_trylock(struct mutex *lock);
void kvm_ppc_mutex_unlock(struct mutex *lock);

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
int kvm_ppc_init_srcu_struct(struct srcu_struct *srcu);
int kvm_ppc_srcu_read_lock(struct srcu_struct *srcu);
void kvm_ppc_srcu_read_unlock(struct srcu_struct *srcu, int index);
#endif

void kvm_ppc_rcuwait_init(struct rcuwait *w);
void kvm_ppc_prepare_to_rcuwait(struct rcuwait *w);
void kvm_ppc_finish_rcuwait(struct rcuwait *w);
void kvm_ppc_set_current_state_interruptible(void);
bool kvm_ppc_alone(void);
void kvm_ppc_cond_resched(void);
bool kvm_ppc_fatal_signal_pending(void);
void kvm_ppc_cpu_relax(void);

void kvm_ppc_sigset_activate(const u64 *set);
void kvm_ppc_sigset_deactivate(void);

void kvm_ppc_rseq_virt_userspace_exit(void);

void kvm_ppc_kick_cpu(int cpu);
unsigned int kvm_ppc_num_present_cpus(void);
unsigned int kvm_ppc_num_online_cpus(void);

void *kvm_ppc_alloc_zeroed(size_t bytes);
void kvm_ppc_free_zeroed(void *at, size_t bytes);
void *kvm_ppc_page_address(struct page *page);
unsigned long kvm_ppc_pa(const void *va);
void *kvm_ppc_va(unsigned long pa);
void kvm_ppc_get_page(struct page *page);
void kvm_ppc_put_page(struct page *page);
unsigned long kvm_ppc_page_to_pfn(struct page *page);
void kvm_ppc_page_accessed(struct page *page, bool dirty);
bool kvm_ppc_access_ok(unsigned long addr, unsigned long size);

void kvm_ppc_uevent_change(struct device *device, char **vars);

long kvm_ppc_gup_fast_write(unsigned long hva, struct page **page);
long kvm_ppc_gup_slow(unsigned long hva, bool write, bool interruptible,
		      struct page **page);
int kvm_ppc_follow_pfnmap(unsigned long hva, bool write, unsigned long *pfn,
			  bool *writable, bool *inhibited);
unsigned int kvm_ppc_mapping_shift(struct mm_struct *mm, unsigned long hva,
				   unsigned long pfn);
void kvm_ppc_send_hwpoison(unsigned long hva, unsigned int shift);

void kvm_ppc_eventfd_signal(struct eventfd_ctx *ctx);

void kvm_ppc_schedule_timeout_ns(u64 ns);
void kvm_ppc_interrupt_and_wait(int cpu);

u64 kvm_ppc_mftb(void);
unsigned long kvm_ppc_index_nospec(unsigned long index, unsigned long size);

bool kvm_ppc_host_pte(struct mm_struct *mm, unsigned long hva, bool write,
		      u64 *phys, bool *writable, unsigned int *shift);
#ifdef CONFIG_KVM_BOOK3S_HV_POSSIBLE
unsigned int kvm_ppc_host_ptes(struct mm_struct *mm, unsigned long hva,
			       unsigned int wanted, u64 *phys,
			       unsigned int *writable);
#endif
#ifdef CONFIG_44x
bool kvm_ppc_host_contiguous(struct mm_struct *mm, unsigned long hva,
			     unsigned long pages, u64 phys, bool writable);
#endif

int kvm_ppc_fault_in(unsigned long hva, bool write);
#ifdef CONFIG_PPC_BOOK3S_64
int kvm_ppc_count_in_user(unsigned long area, unsigned int size,
			  unsigned int word, bool odd, unsigned int byte,
			  u8 *val);
#endif

#endif
