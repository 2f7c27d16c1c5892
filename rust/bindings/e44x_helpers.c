// SPDX-License-Identifier: GPL-2.0
// Inline functions and macros of the host that entering a guest on a 440 needs.

#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>
#include <linux/vtime.h>

#include <asm/cacheflush.h>
#include <asm/futex.h>
#include <asm/reg.h>
#include <asm/reg_booke.h>
#include <asm/switch_to.h>
#include <asm/time.h>

#include "compat.h"
#include "e44x_helpers.h"

#define CHECK(field, at) \
	static_assert(offsetof(struct kvm_ppc_e44x_context, field) == (at))
CHECK(gpr[31], E44X_GPR(31));
CHECK(cr, E44X_CR);
CHECK(lr, E44X_LR);
CHECK(ctr, E44X_CTR);
CHECK(xer, E44X_XER);
CHECK(nip, E44X_NIP);
CHECK(msr, E44X_MSR);
CHECK(pid, E44X_PID);
CHECK(sprg4_7[0], E44X_SPRG4);
CHECK(sprg4_7[3], E44X_SPRG7);
CHECK(usprg0, E44X_USPRG0);
CHECK(esr, E44X_ESR);
CHECK(dear, E44X_DEAR);
CHECK(insn, E44X_INSN);
CHECK(block, E44X_BLOCK);
CHECK(dbcr0, E44X_DBCR0);
CHECK(host_r1, E44X_HOST_R1);
CHECK(host_msr, E44X_HOST_MSR);
CHECK(host_ivpr, E44X_HOST_IVPR);
CHECK(host_pid, E44X_HOST_PID);
CHECK(host_usprg0, E44X_HOST_USPRG0);
CHECK(host_dbcr0, E44X_HOST_DBCR0);
CHECK(forget_code, E44X_FORGET_CODE);
CHECK(reserved, E44X_RESERVED);

/* 32-bit kernels do not mask interrupts in software: MSR[EE] is all there is */
unsigned long kvm_ppc_hard_irq_disable(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

void kvm_ppc_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

/*
 * Returns what keeps the task out of its guest, if anything. Call with
 * interrupts off. If nothing does, user mode's FP registers have been saved, so
 * that the guest can use the hardware's.
 */
int kvm_ppc_check_entry(void)
{
	if (kvm_ppc_entry_work_pending())
		return KVM_PPC_ENTRY_WORK;
	if (current->thread.regs->msr & MSR_FP)
		enable_kernel_fp();
	return 0;
}

unsigned int kvm_ppc_smp_processor_id(void)
{
	return raw_smp_processor_id();
}

int kvm_ppc_handle_work(void)
{
	return kvm_ppc_entry_work();
}

void kvm_ppc_guest_enter_irqoff(void)
{
	vtime_account_guest_enter();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

void kvm_ppc_guest_exit_irqoff(bool interrupted)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	if (!context_tracking_guest_exit() && interrupted)
		rcu_virt_note_context_switch();
	trace_hardirqs_off_finish();
}

/*
 * Timer ticks that came in the guest are served first, to count as guest time
 */
void kvm_ppc_guest_done(unsigned long flags)
{
	if (vtime_accounting_enabled_this_cpu()) {
		vtime_account_guest_exit();
		local_irq_restore(flags);
	} else {
		local_irq_restore(flags);
		current->flags &= ~PF_VCPU;
	}
}

u32 kvm_ppc_e44x_pvr(void)
{
	return mfspr(SPRN_PVR);
}

/* Returns 1 if the word was `old` and is `new` now, 0 if it was not, -EFAULT */
int kvm_ppc_e44x_cmpxchg_user(unsigned long at, u32 old, u32 new)
{
	u32 __user *word = (u32 __user *)at;
	u32 was;

	if (at & 3 || !access_ok(word, sizeof(*word)))
		return -EFAULT;
	if (futex_atomic_cmpxchg_inatomic(&was, word, old, new))
		return -EFAULT;
	return was == old;
}

/* Limited, because a guest can cause any number of machine checks */
void kvm_ppc_e44x_report_machine_check(u32 syndrome)
{
	pr_warn_ratelimited("kvm_ppc: machine check in a guest, ESR %#x\n",
			    syndrome);
}

/* The offset from IVPR of the host's vector for interrupt n */
u32 kvm_ppc_e44x_ivor(unsigned int n)
{
	switch (n) {
#define IVOR(n) \
	case n: \
		return mfspr(SPRN_IVOR##n)
		IVOR(0);
		IVOR(1);
		IVOR(2);
		IVOR(3);
		IVOR(4);
		IVOR(5);
		IVOR(6);
		IVOR(7);
		IVOR(8);
		IVOR(9);
		IVOR(10);
		IVOR(11);
		IVOR(12);
		IVOR(13);
		IVOR(14);
		IVOR(15);
	}
	return ~0u;
}

/*
 * Makes the decrementer interrupt at timebase `deadline` if that comes before
 * the host's next timer. Returns when the host's next timer is due.
 */
u64 kvm_ppc_e44x_timer_at(u64 deadline)
{
	u64 now = get_tb();
	u32 dec = mfspr(SPRN_DEC);
	u64 left = deadline > now ? deadline - now : 1;

	if (left < dec)
		mtspr(SPRN_DEC, (u32)left);
	return now + dec;
}

/*
 * Makes the decrementer interrupt at `host`, when the next timer is due, again
 */
void kvm_ppc_e44x_timer_back(u64 host)
{
	u64 now = get_tb();

	mtspr(SPRN_DEC, host > now ? (u32)(host - now) : 1);
}

/* 64 KB, aligned to its size, in lowmem, which pinned TLB entries map */
unsigned long kvm_ppc_e44x_alloc_block(void)
{
	return __get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO,
				get_order(E44X_BLOCK_SIZE));
}

void kvm_ppc_e44x_free_block(unsigned long block)
{
	free_pages(block, get_order(E44X_BLOCK_SIZE));
}

void kvm_ppc_e44x_flush_icache(unsigned long start, unsigned long end)
{
	flush_icache_range(start, end);
}

/*
 * The kernel marks pages whose data cache lines have been written back since it
 * last wrote to them. On a 440, flush_dcache_icache_folio() only writes back:
 * it cannot invalidate instruction cache lines, because they are tagged by
 * effective addresses that it does not know.
 */
void kvm_ppc_e44x_clean_new_page(u64 real, unsigned int shift)
{
	unsigned long pfn = real >> PAGE_SHIFT, n = 1;

	if (shift > PAGE_SHIFT)
		n = 1ul << (shift - PAGE_SHIFT);
	pfn &= ~(n - 1);
	for (; n; n--, pfn++) {
		struct folio *folio;

		if (!pfn_valid(pfn))
			continue;
		folio = page_folio(pfn_to_page(pfn));
		if (test_bit(PG_dcache_clean, &folio->flags.f) ||
		    test_and_set_bit(PG_dcache_clean, &folio->flags.f))
			continue;
		flush_dcache_icache_folio(folio);
	}
}

/* For a page that the guest has written and now wants to execute */
void kvm_ppc_e44x_clean_page(u64 real)
{
	unsigned long pfn = real >> PAGE_SHIFT;

	if (pfn_valid(pfn))
		flush_dcache_icache_folio(page_folio(pfn_to_page(pfn)));
}

/*
 * Call with interrupts off, after check_entry has saved user mode's registers
 */
void kvm_ppc_e44x_load_fp(struct thread_fp_state *fp)
{
	enable_kernel_fp();
	load_fp_state(fp);
}

void kvm_ppc_e44x_store_fp(struct thread_fp_state *fp)
{
	enable_kernel_fp();
	store_fp_state(fp);
	disable_kernel_fp();
}
