/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C code for what differs between versions of the host kernel. The same for
 * Rust is in rust/host/compat.
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
 * Linux 7.2, and kernels without KVM. TIF_NOTIFY_RESUME is not tested. The
 * functions that handle it are not exported to modules, so it waits until the
 * task returns to userspace, as in kvm-hv 7.2. It must not make KVM_RUN return
 * by itself: rescheduling sets it for every task with restartable sequences,
 * and glibc gives every task some, so KVM_RUN would return EINTR without a
 * signal.
 */
#define KVM_PPC_ENTRY_WORK_FLAGS                                        \
	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY | _TIF_SIGPENDING | \
	 _TIF_NOTIFY_SIGNAL)

static inline void kvm_ppc_entry_prepare(void)
{
}

/* Call with interrupts off, before the guest is entered */
static inline bool kvm_ppc_entry_work_pending(void)
{
	return read_thread_flags() & KVM_PPC_ENTRY_WORK_FLAGS;
}

/* Call with interrupts on. Returns -EINTR if a signal is pending. */
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
 * Like pte_access_permitted(), whose check of memory keys is not exported: does
 * AMR permit the access? It has two bits a key, for stores and for loads, key
 * 0's at its upper end. Only the hash MMU has keys (ISA 3.0B, Book III,
 * "Virtual Page Class Key Protection"); on radix the feature is off.
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
