// SPDX-License-Identifier: GPL-2.0
// Inline functions and macros of the host, made callable from Rust.

#include <linux/device.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rcuwait.h>
#include <linux/rseq.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include <asm/pte-walk.h>
#include <asm/time.h>

#include "compat.h"
#include "helpers.h"

/*
 * Defined in C, because module parameters of the kernel crate are read-only in
 * sysfs
 */
unsigned int kvm_ppc_halt_poll_ns = 10000;
module_param_named(halt_poll_ns, kvm_ppc_halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(
	halt_poll_ns,
	"Longest time in ns to poll when a vCPU halts, before it sleeps; 0 never polls");

unsigned int kvm_ppc_halt_poll_ns_grow = 2;
module_param_named(halt_poll_ns_grow, kvm_ppc_halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow,
		 "Factor by which the time to poll grows; 0 leaves it as it is");

unsigned int kvm_ppc_halt_poll_ns_grow_start = 10000;
module_param_named(halt_poll_ns_grow_start, kvm_ppc_halt_poll_ns_grow_start,
		   uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "Time in ns that it grows to first");

unsigned int kvm_ppc_halt_poll_ns_shrink = 2;
module_param_named(halt_poll_ns_shrink, kvm_ppc_halt_poll_ns_shrink, uint,
		   0644);
MODULE_PARM_DESC(halt_poll_ns_shrink,
		 "Divisor by which the time to poll shrinks; 0 makes it 0");

#ifdef CONFIG_PPC_BOOK3S_64
#include <asm/paca.h>

/* For a preempt notifier: could the task that loses its CPU run on? */
bool kvm_ppc_task_is_runnable(void)
{
	return task_is_runnable(current);
}

void kvm_ppc_pagefault_disable(void)
{
	pagefault_disable();
}

void kvm_ppc_pagefault_enable(void)
{
	pagefault_enable();
}

/*
 * Adds one to the big-endian word at offset "word" in an area of user memory,
 * unless it is odd already (or even, as asked for), and loads the byte at
 * offset "byte". User memory is made accessible only once for both. Returns
 * whether the word has changed, or -EFAULT.
 */
int kvm_ppc_count_in_user(unsigned long area, unsigned int size,
			  unsigned int word, bool odd, unsigned int byte,
			  u8 *val)
{
	__be32 __user *count = (__be32 __user *)(area + word);
	bool changes;
	__be32 was;

	if (!user_access_begin((void __user *)area, size))
		return -EFAULT;
	unsafe_get_user(was, count, fault);
	changes = (be32_to_cpu(was) & 1) != odd;
	if (changes)
		unsafe_put_user(cpu_to_be32(be32_to_cpu(was) + 1), count,
				fault);
	unsafe_get_user(*val, (u8 __user *)(area + byte), fault);
	user_access_end();
	return changes;

fault:
	user_access_end();
	return -EFAULT;
}
#endif

/* Quicker than copy_from_user(), whose overhead exceeds such a small copy */
int kvm_ppc_load_user_pair(unsigned long addr, u64 *val)
{
	const u64 __user *from = (const u64 __user *)addr;

	if (!user_read_access_begin(from, 2 * sizeof(*from)))
		return -EFAULT;
	unsafe_get_user(val[0], from, fault);
	unsafe_get_user(val[1], from + 1, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

int kvm_ppc_store_user(unsigned long addr, const void *val, unsigned int size)
{
	u32 word;
	u64 doubleword;

	switch (size) {
	case sizeof(word):
		memcpy(&word, val, sizeof(word));
		return put_user(word, (u32 __user *)addr);
	case sizeof(doubleword):
		memcpy(&doubleword, val, sizeof(doubleword));
		return put_user(doubleword, (u64 __user *)addr);
	}
	return copy_to_user((void __user *)addr, val, size) ? -EFAULT : 0;
}

int kvm_ppc_mutex_lock_killable(struct mutex *lock)
{
	return mutex_lock_killable(lock);
}

bool kvm_ppc_mutex_trylock(struct mutex *lock)
{
	return mutex_trylock(lock);
}

void kvm_ppc_mutex_unlock(struct mutex *lock)
{
	mutex_unlock(lock);
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
int kvm_ppc_init_srcu_struct(struct srcu_struct *srcu)
{
	return init_srcu_struct(srcu);
}

int kvm_ppc_srcu_read_lock(struct srcu_struct *srcu)
{
	return srcu_read_lock(srcu);
}

void kvm_ppc_srcu_read_unlock(struct srcu_struct *srcu, int index)
{
	srcu_read_unlock(srcu, index);
}
#endif

void kvm_ppc_rcuwait_init(struct rcuwait *w)
{
	rcuwait_init(w);
}

void kvm_ppc_prepare_to_rcuwait(struct rcuwait *w)
{
	prepare_to_rcuwait(w);
}

void kvm_ppc_finish_rcuwait(struct rcuwait *w)
{
	finish_rcuwait(w);
}

void kvm_ppc_set_current_state_interruptible(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
}

/* No other task wants this CPU, so this one may use it for a busy loop */
bool kvm_ppc_alone(void)
{
	return single_task_running() && !need_resched();
}

void kvm_ppc_cond_resched(void)
{
	cond_resched();
}

bool kvm_ppc_fatal_signal_pending(void)
{
	return fatal_signal_pending(current);
}

void kvm_ppc_cpu_relax(void)
{
	cpu_relax();
}

/*
 * The task's own mask is kept in real_blocked, where the signal code expects it
 * for every task that waits with another mask.
 */
void kvm_ppc_sigset_activate(const u64 *set)
{
	sigset_t mask;

	BUILD_BUG_ON(sizeof(mask) != sizeof(*set));
	memcpy(&mask, set, sizeof(mask));
	sigdelsetmask(&mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &mask, &current->real_blocked);
}

void kvm_ppc_sigset_deactivate(void)
{
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

/*
 * Work before a guest entry skips what rseq requires, which is done at the
 * return to userspace
 */
void kvm_ppc_rseq_virt_userspace_exit(void)
{
	rseq_virt_userspace_exit();
}

/* Interrupts another CPU, to no other effect than that it leaves its guest */
void kvm_ppc_kick_cpu(int cpu)
{
#ifdef CONFIG_SMP
	int me = get_cpu();

	if (cpu != me && (unsigned int)cpu < nr_cpu_ids && cpu_online(cpu))
		arch_smp_send_reschedule(cpu);
	put_cpu();
#endif
}

unsigned int kvm_ppc_num_present_cpus(void)
{
	return num_present_cpus();
}

unsigned int kvm_ppc_num_online_cpus(void)
{
	return num_online_cpus();
}

/* Pages that kmemleak scans for pointers, as it does memory from kmalloc */
void *kvm_ppc_alloc_zeroed(size_t bytes)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;
	void *at = (void *)__get_free_pages(gfp, get_order(bytes));

	kmemleak_alloc(at, bytes, 1, gfp);
	return at;
}

void kvm_ppc_free_zeroed(void *at, size_t bytes)
{
	kmemleak_free(at);
	free_pages((unsigned long)at, get_order(bytes));
}

void *kvm_ppc_page_address(struct page *page)
{
	return page_address(page);
}

unsigned long kvm_ppc_pa(const void *va)
{
	return __pa(va);
}

void kvm_ppc_get_page(struct page *page)
{
	get_page(page);
}

void kvm_ppc_put_page(struct page *page)
{
	put_page(page);
}

void *kvm_ppc_va(unsigned long pa)
{
	return __va(pa);
}

unsigned long kvm_ppc_page_to_pfn(struct page *page)
{
	return page_to_pfn(page);
}

/* Reserved pages (the zero page, for instance) are not marked */
void kvm_ppc_page_accessed(struct page *page, bool dirty)
{
	if (PageReserved(page))
		return;
	if (dirty)
		SetPageDirty(page);
	mark_page_accessed(page);
}

bool kvm_ppc_access_ok(unsigned long addr, unsigned long size)
{
	return access_ok((void __user *)addr, size);
}

void kvm_ppc_uevent_change(struct device *device, char **vars)
{
	kobject_uevent_env(&device->kobj, KOBJ_CHANGE, vars);
}

long kvm_ppc_gup_fast_write(unsigned long hva, struct page **page)
{
	return get_user_pages_fast_only(hva, 1, FOLL_WRITE, page);
}

/*
 * FOLL_HONOR_NUMA_FAULT, because guest accesses are accesses by the process;
 * FOLL_HWPOISON, to tell a poisoned page from no page.
 */
long kvm_ppc_gup_slow(unsigned long hva, bool write, bool interruptible,
		      struct page **page)
{
	unsigned int flags = FOLL_HWPOISON | FOLL_HONOR_NUMA_FAULT;

	if (write)
		flags |= FOLL_WRITE;
	if (interruptible)
		flags |= FOLL_INTERRUPTIBLE;
	return get_user_pages_unlocked(hva, 1, page, flags);
}

static bool cache_inhibited(pgprot_t prot)
{
#ifdef CONFIG_PPC_BOOK3S_64
	return pgprot_val(prot) & _PAGE_CACHE_CTL;
#else
	return pgprot_val(prot) & _PAGE_NO_CACHE;
#endif
}

/*
 * The page frame that a mapping without struct page (VM_IO, VM_PFNMAP) has at
 * hva. Faults it in if need be. Returns -EAGAIN if the mappings changed
 * meanwhile, so that the caller has to look again.
 */
int kvm_ppc_follow_pfnmap(unsigned long hva, bool write, unsigned long *pfn,
			  bool *writable, bool *inhibited)
{
	struct follow_pfnmap_args args = { .address = hva };
	bool unlocked = false;
	int ret = -EFAULT;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	args.vma = vma_lookup(current->mm, hva);
	if (!args.vma || !(args.vma->vm_flags & (VM_IO | VM_PFNMAP)))
		goto out;

	ret = follow_pfnmap_start(&args);
	if (ret) {
		ret = fixup_user_fault(current->mm, hva,
				       write ? FAULT_FLAG_WRITE : 0, &unlocked);
		if (!ret && unlocked)
			ret = -EAGAIN;
		if (!ret)
			ret = follow_pfnmap_start(&args);
		if (ret)
			goto out;
	}
	if (write && !args.writable)
		ret = -EFAULT;
	*pfn = args.pfn;
	*writable = args.writable;
	*inhibited = cache_inhibited(args.pgprot);
	follow_pfnmap_end(&args);
out:
	mmap_read_unlock(current->mm);
	return ret;
}

/*
 * log2 of the size of the mapping of hva, if it still maps pfn there; else
 * PAGE_SHIFT. Interrupts are off to keep the tables from being freed.
 */
unsigned int kvm_ppc_mapping_shift(struct mm_struct *mm, unsigned long hva,
				   unsigned long pfn)
{
	unsigned int shift = PAGE_SHIFT;
#ifdef CONFIG_PPC_BOOK3S_64
	unsigned long flags, mask;
	unsigned int hshift = 0;
	pte_t *ptep, pte;

	local_irq_save(flags);
	ptep = __find_linux_pte(mm->pgd, hva, NULL, &hshift);
	if (ptep && hshift > PAGE_SHIFT) {
		pte = READ_ONCE(*ptep);
		mask = (1UL << (hshift - PAGE_SHIFT)) - 1;
		if (pte_present(pte) && !(pte_pfn(pte) & mask) &&
		    pte_pfn(pte) + ((hva >> PAGE_SHIFT) & mask) == pfn)
			shift = hshift;
	}
	local_irq_restore(flags);
#endif
	return shift;
}

void kvm_ppc_send_hwpoison(unsigned long hva, unsigned int shift)
{
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, shift, current);
}

void kvm_ppc_eventfd_signal(struct eventfd_ctx *ctx)
{
	eventfd_signal(ctx);
}

/* Sleeps for at most ns; the caller has set the task's state */
void kvm_ppc_schedule_timeout_ns(u64 ns)
{
	ktime_t timeout = ns_to_ktime(min_t(u64, ns, KTIME_MAX));

	schedule_hrtimeout_range(&timeout, 0, HRTIMER_MODE_REL);
}

unsigned long kvm_ppc_index_nospec(unsigned long index, unsigned long size)
{
	return array_index_nospec(index, size);
}

u64 kvm_ppc_mftb(void)
{
	return get_tb();
}

static void take_interrupt(void *unused)
{
}

/* Interrupts a CPU, which so leaves its guest, and waits until it has */
void kvm_ppc_interrupt_and_wait(int cpu)
{
	if (cpu >= 0 && cpu < nr_cpu_ids && cpu_online(cpu))
		smp_call_function_single(cpu, take_interrupt, NULL, 1);
}

/*
 * Is the access permitted, with the accessed and dirty bits for it set already?
 */
static __always_inline bool needs_no_help(pte_t pte, bool write)
{
	if (!pte_present(pte) || !pte_young(pte) ||
	    !kvm_ppc_pte_access_permitted(pte, write))
		return false;
	if (pte_ci(pte) || (write && !pte_dirty(pte)))
		return false;
	/* The shared zero page is special, but is memory all the same */
	return !pte_special(pte) || is_zero_pfn(pte_pfn(pte));
}

/*
 * The process's own translation of hva, if it permits the access and its
 * accessed and dirty bits are set for it already, so that nothing else need be
 * done. The caller excludes invalidations, so that the result stays valid.
 * Interrupts are off to keep tables that were taken out before from being freed
 * meanwhile.
 */
bool kvm_ppc_host_pte(struct mm_struct *mm, unsigned long hva, bool write,
		      u64 *phys, bool *writable, unsigned int *shift)
{
	unsigned int s = 0;
	unsigned long flags;
	pte_t *ptep, pte;

	local_irq_save(flags);
	ptep = __find_linux_pte(mm->pgd, hva, NULL, &s);
	pte = ptep ? READ_ONCE(*ptep) : __pte(0);
	local_irq_restore(flags);

	if (!needs_no_help(pte, write))
		return false;
	*writable = pte_write(pte) && pte_dirty(pte);
	*shift = s ? s : PAGE_SHIFT;
	*phys = ((u64)pte_pfn(pte) << PAGE_SHIFT) |
		(hva & ((1ul << *shift) - 1) & PAGE_MASK);
	return true;
}

#ifdef CONFIG_KVM_BOOK3S_HV_POSSIBLE
/*
 * The same for loads of those pages from hva on that "wanted" has a bit for.
 * All are in one page table, and only those of the host's page size are found.
 * Returns a bitmap of the pages that are present.
 */
unsigned int kvm_ppc_host_ptes(struct mm_struct *mm, unsigned long hva,
			       unsigned int wanted, u64 *phys,
			       unsigned int *writable)
{
	unsigned int s = 0, there = 0, may_write = 0, n;
	unsigned long flags;
	pte_t *ptep, pte;

	local_irq_save(flags);
	ptep = __find_linux_pte(mm->pgd, hva, NULL, &s);
	if (!ptep || s)
		wanted = 0;
	for (; wanted; wanted &= wanted - 1) {
		n = __ffs(wanted);
		pte = READ_ONCE(ptep[n]);
		if (!needs_no_help(pte, false))
			continue;
		there |= 1u << n;
		if (pte_write(pte) && pte_dirty(pte))
			may_write |= 1u << n;
		phys[n] = (u64)pte_pfn(pte) << PAGE_SHIFT;
	}
	local_irq_restore(flags);
	*writable = may_write;
	return there;
}
#endif

#ifdef CONFIG_44x
/*
 * Do the pages from hva on lie at contiguous real addresses from phys on, with
 * kvm_ppc_host_pte() finding each of them?
 */
bool kvm_ppc_host_contiguous(struct mm_struct *mm, unsigned long hva,
			     unsigned long pages, u64 phys, bool writable)
{
	unsigned long n, end, flags, pfn = phys >> PAGE_SHIFT;
	unsigned int s = 0;
	pte_t *ptep, pte;

	/* One table at a time, since the walk takes longer than all else */
	for (; pages; pages -= n, hva += n << PAGE_SHIFT) {
		n = min(pages, PTRS_PER_PTE - pte_index(hva));
		end = pfn + n;
		local_irq_save(flags);
		ptep = __find_linux_pte(mm->pgd, hva, NULL, &s);
		for (; ptep && !s && pfn != end; pfn++) {
			pte = READ_ONCE(*ptep++);
			if (pte_pfn(pte) != pfn ||
			    !needs_no_help(pte, writable))
				break;
		}
		local_irq_restore(flags);
		if (pfn != end)
			return false;
	}
	return true;
}
#endif

/*
 * Fills in the process's page tables at hva, as an access of its own would.
 * Returns 0 if that was done; the reason for a failure is found by asking for
 * the page. A fatal signal ends the wait for mmap_lock, any signal the wait for
 * the page.
 */
int kvm_ppc_fault_in(unsigned long hva, bool write)
{
	unsigned int flags = FAULT_FLAG_DEFAULT |
			     (write ? FAULT_FLAG_WRITE : 0);
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	vm_fault_t ret;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, hva);
	if (!vma || !(vma->vm_flags & (write ? VM_WRITE : VM_READ)) ||
	    (vma->vm_flags & (VM_IO | VM_PFNMAP))) {
		mmap_read_unlock(mm);
		return -EFAULT;
	}
	ret = handle_mm_fault(vma, hva, flags, NULL);
	/* With these two results the lock has been dropped */
	if (ret & VM_FAULT_COMPLETED)
		return 0;
	if (ret & VM_FAULT_RETRY)
		return -EAGAIN;
	mmap_read_unlock(mm);
	return ret & VM_FAULT_ERROR ? -EFAULT : 0;
}
