/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What host kernels have in different ways, in C. For Rust it is in
 * rust/host/compat.
 */
#ifndef KVM_PPC_COMPAT_H
#define KVM_PPC_COMPAT_H

#include <linux/mm.h>
#include <linux/sched/signal.h>

#ifdef CONFIG_VIRT_XFER_TO_GUEST_WORK
#include <linux/entry-virt.h>

#define kvm_ppc_entry_prepare xfer_to_guest_mode_prepare
#define kvm_ppc_entry_work_pending xfer_to_guest_mode_work_pending
#define kvm_ppc_entry_work xfer_to_guest_mode_handle_work
#else
/*
 * Linux 7.2, and kernels without KVM. TIF_NOTIFY_RESUME is not looked at: what
 * it asks for is not exported to modules, and waits for the way to userspace
 * (kvm-hv 7.2 has it wait too). It must not send there by itself: a
 * rescheduling sets it for each task that has restartable sequences, which is
 * each with glibc's, and KVM_RUN would return EINTR without a signal.
 */
#define KVM_PPC_ENTRY_WORK_FLAGS                                        \
	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY | _TIF_SIGPENDING | \
	 _TIF_NOTIFY_SIGNAL)

static inline void kvm_ppc_entry_prepare(void)
{
}

/* To be decided with interrupts off, before the guest is entered */
static inline bool kvm_ppc_entry_work_pending(void)
{
	return read_thread_flags() & KVM_PPC_ENTRY_WORK_FLAGS;
}

/* With interrupts on. Returns -EINTR if a signal is pending. */
static inline int kvm_ppc_entry_work(void)
{
	unsigned long work;

	while ((work = read_thread_flags()) & KVM_PPC_ENTRY_WORK_FLAGS) {
		if (work & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL))
			return -EINTR;
		schedule();
	}
	return 0;
}
#endif

#ifdef CONFIG_PPC_MEM_KEYS
#include <linux/pkeys.h>

/*
 * pte_access_permitted(), whose check of memory keys is not exported: does AMR,
 * of two bits a key from the upper end on (for stores and for loads), permit the
 * access? Keys are the hash MMU's (ISA 3.0B, Book III, "Virtual Page Class Key
 * Protection"); on radix the feature is off.
 */
static inline bool kvm_ppc_pte_access_permitted(pte_t pte, bool write)
{
	u64 denied;

	if (!pte_present(pte) || !pte_user(pte) || !pte_read(pte) ||
	    (write && !pte_write(pte)))
		return false;
	if (!mmu_has_feature(MMU_FTR_PKEY))
		return true;
	if (!current->thread.regs)
		return false;
	denied = current->thread.regs->amr
		 << (2 * pte_to_pkey_bits(pte_val(pte)));
	return !(denied >> (write ? 63 : 62) & 1);
}
#else
#define kvm_ppc_pte_access_permitted pte_access_permitted
#endif

#endif
