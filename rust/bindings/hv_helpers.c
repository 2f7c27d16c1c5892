// SPDX-License-Identifier: GPL-2.0
// Inline functions and macros of the host that entering a Book3S guest takes.

#include <linux/context_tracking.h>
#include <linux/kvm_host.h>
#include <linux/of.h>
#include <linux/uaccess.h>
#include <linux/vtime.h>

#include <asm/archrandom.h>
#include <asm/cputhreads.h>
#include <asm/hw_breakpoint.h>
#include <asm/hw_irq.h>
#include <asm/interrupt.h>
#include <asm/machdep.h>
#include <asm/mce.h>
#include <asm/mmu.h>
#include <asm/ppc-opcode.h>
#include <asm/switch_to.h>
#include <asm/time.h>
#include <asm/tlbflush.h>
#include <asm/xive.h>

#include "compat.h"
#include "hv_helpers.h"

unsigned long kvm_ppc_host_features(void)
{
	unsigned long f = 0;

	if (cpu_has_feature(CPU_FTR_HVMODE))
		f |= KVM_PPC_HOST_HVMODE;
	if (cpu_has_feature(CPU_FTR_ARCH_300))
		f |= KVM_PPC_HOST_ARCH_300;
	if (cpu_has_feature(CPU_FTR_ARCH_31))
		f |= KVM_PPC_HOST_ARCH_31;
	if (radix_enabled())
		f |= KVM_PPC_HOST_RADIX;
	if (tlbie_capable)
		f |= KVM_PPC_HOST_TLBIE;
	if (cpu_has_feature(CPU_FTR_P9_RADIX_PREFETCH_BUG))
		f |= KVM_PPC_HOST_PREFETCH_BUG;
	if (ppc_breakpoint_available())
		f |= KVM_PPC_HOST_DAWR;
	if (cpu_has_feature(CPU_FTR_DAWR1))
		f |= KVM_PPC_HOST_DAWR1;
	if (cpu_has_feature(CPU_FTR_P11_PVR))
		f |= KVM_PPC_HOST_P11;
	if (xive_enabled())
		f |= KVM_PPC_HOST_XIVE;
	if (cpu_has_feature(CPU_FTR_HVMODE) &&
	    cpu_has_feature(CPU_FTR_ARCH_31) && (mfspr(SPRN_LPCR) & LPCR_HAIL))
		f |= KVM_PPC_HOST_HAIL;
	if (ppc_md.get_random_seed)
		f |= KVM_PPC_HOST_HWRNG;
	if (cpu_has_feature(CPU_FTR_TM))
		f |= KVM_PPC_HOST_HTM;
	return f;
}

u64 kvm_ppc_mfspr_lpcr(void)
{
	return mfspr(SPRN_LPCR);
}

u64 kvm_ppc_mfspr_lpid(void)
{
	return mfspr(SPRN_LPID);
}

u64 kvm_ppc_mfspr_hfscr(void)
{
	return mfspr(SPRN_HFSCR);
}

u64 kvm_ppc_mfspr_pvr(void)
{
	return mfspr(SPRN_PVR);
}

u64 kvm_ppc_next_timer_tb(void)
{
	return timer_get_next_tb();
}

/* Masks all interrupts, PMIs too, in software and MSR[EE] in hardware */
unsigned long kvm_ppc_hard_irq_disable(void)
{
	unsigned long flags;

	powerpc_local_irq_pmu_save(flags);
	hard_irq_disable();
	return flags;
}

/* The guest is not entered, though it may have run in rounds before */
void kvm_ppc_irq_restore(unsigned long flags)
{
	if (!vtime_accounting_enabled_this_cpu())
		current->flags &= ~PF_VCPU;
	powerpc_local_irq_pmu_restore(flags);
}

static void enable_guest_facilities(void)
{
	unsigned long msr = MSR_FP;

	if (cpu_has_feature(CPU_FTR_ALTIVEC))
		msr |= MSR_VEC;
	if (cpu_has_feature(CPU_FTR_VSX))
		msr |= MSR_VSX;
	msr_check_and_set(msr);
}

/*
 * With interrupts off, what keeps the task out of its guest: signals,
 * rescheduling and task work, or an interrupt that came since in software.
 * If nothing does, user mode's registers are in memory: a switch to another
 * task and back may have loaded them again.
 */
int kvm_ppc_check_entry(void)
{
	kvm_ppc_entry_prepare();
	if (kvm_ppc_entry_work_pending())
		return KVM_PPC_ENTRY_WORK;
	if (lazy_irq_pending())
		return KVM_PPC_ENTRY_IRQ;
	if (unlikely(current->thread.regs->msr &
		     (MSR_FP | MSR_VEC | MSR_VSX))) {
		enable_guest_facilities();
		kvmppc_save_user_regs();
	}
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

/*
 * guest_state_enter_irqoff() and its converse, but for RCU: they report a
 * quiescent state at each, which is most of what they cost. An exit for the
 * guest's own sake need not: while RCU waits for this CPU, ticks keep coming,
 * and who leaves the guest for an interrupt does report.
 */
void kvm_ppc_guest_enter_irqoff(void)
{
	guest_timing_enter_irqoff();
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);
	this_cpu_disable_ftrace();
}

void kvm_ppc_guest_exit_irqoff(bool interrupted)
{
	this_cpu_enable_ftrace();
	lockdep_hardirqs_off(CALLER_ADDR0);
	if (!context_tracking_guest_exit() && interrupted)
		rcu_virt_note_context_switch();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

/*
 * Ends the accounting of guest time and lets interrupts in. Where accounting
 * goes by ticks, those that came in the guest are served first, so that they
 * count as the guest's.
 */
static noinline void guest_done_by_host(unsigned long flags)
{
	if (vtime_accounting_enabled_this_cpu()) {
		guest_timing_exit_irqoff();
		powerpc_local_irq_pmu_restore(flags);
	} else {
		powerpc_local_irq_pmu_restore(flags);
		/* What guest_timing_exit_irqoff() comes to here, with interrupts on */
		current->flags &= ~PF_VCPU;
	}
}

/*
 * The same, quicker where no interrupt is masked in software and nothing waits
 * for the CPU: what comes from now on comes as an interrupt. MSR[EE] is 0.
 */
void kvm_ppc_guest_done(unsigned long flags)
{
	if (flags != IRQS_ENABLED || need_resched() ||
	    local_paca->irq_happened != PACA_IRQ_HARD_DIS ||
	    vtime_accounting_enabled_this_cpu())
		return guest_done_by_host(flags);
	trace_hardirqs_on();
	irq_soft_mask_set(IRQS_ENABLED);
	local_paca->irq_happened = 0;
	__hard_irq_enable();
	current->flags &= ~PF_VCPU;
}

/* Ends it where interrupts stay off, to enter the guest again */
void kvm_ppc_guest_again(void)
{
	if (vtime_accounting_enabled_this_cpu())
		guest_timing_exit_irqoff();
}

static bool in_transaction(void)
{
#ifdef CONFIG_PPC_TRANSACTIONAL_MEM
	return cpu_has_feature(CPU_FTR_TM) && current->thread.regs &&
	       (current->thread.regs->msr & MSR_TM) &&
	       MSR_TM_ACTIVE(current->thread.regs->msr);
#else
	return false;
#endif
}

/*
 * Saves what user mode has in the registers that a guest will own. Another task
 * in between could leave its own in them, which would be saved instead. A task
 * in a transaction cannot give its registers to a guest: then this is false.
 */
bool kvm_ppc_prepare_facilities(void)
{
	if (unlikely(in_transaction()))
		return false;
	preempt_disable();
	enable_guest_facilities();
	kvmppc_save_user_regs();
	kvmppc_save_current_sprs();
	preempt_enable();
	return true;
}

void kvm_ppc_srr_clobbered(void)
{
	srr_regs_clobbered();
}

/* What this CPU has branched to, whoever it was */
void kvm_ppc_clear_branch_history(void)
{
	asm volatile(PPC_CLRBHRB);
}

/* The VM whose guest a CPU is in, or on the way into or out of */
static DEFINE_PER_CPU(struct kvm *, in_guest);

/* Where this CPU's data offset leads from to its own */
struct kvm **kvm_ppc_in_guest(void)
{
	return (struct kvm **)(uintptr_t)&in_guest;
}

static void do_nothing(void *unused)
{
}

struct end_of_tlbie {
	bool gtse;
	bool done;
};

/*
 * The guest may have been interrupted anywhere between a tlbie or tlbiel and the
 * ptesync behind it. tlbsync orders the tlbie of the thread that executes it
 * only, and so does ptesync, so both have to be executed here.
 */
static void finish_tlbie(void *info)
{
	struct end_of_tlbie *end = info;

	if (end->gtse)
		asm volatile("eieio; tlbsync; ptesync" : : : "memory");
	else
		asm volatile("ptesync" : : : "memory");
	end->done = true;
}

/*
 * The next entry on the core of "from" flushes the guest's translations there,
 * and who is in the guest there now has to enter again. The entry tests its own
 * thread's bit of the mask, then those of its siblings, flushes if all are set,
 * and clears its own, so a bit that is set beside a test may be cleared without
 * a flush: "closed" keeps threads from beginning one, and an interrupt waits for
 * those that have.
 */
static void flush_core(struct kvm *kvm, atomic_t *closed, int from)
{
	int first = cpu_first_tlb_thread_sibling(from);
	int last = cpu_last_tlb_thread_sibling(from);
	int step = cpu_tlb_thread_sibling_step();
	unsigned long bits = 0;
	int i;

	/* A core's numbers are a power of two of at most 8, aligned to it */
	for (i = first; i <= last; i += step) {
		bits |= BIT_MASK(i);
		if (i < nr_cpu_ids)
			atomic_inc(&closed[i]);
	}
	/* Pairs with the barrier between setting in_guest and testing closed */
	smp_mb__after_atomic();
	for (i = first; i <= last; i += step)
		if (i < nr_cpu_ids && per_cpu(in_guest, i) == kvm)
			smp_call_function_single(i, do_nothing, NULL, 1);
	atomic_long_or(bits,
		       (atomic_long_t *)&cpumask_bits(
			       &kvm->arch.need_tlb_flush)[BIT_WORD(first)]);
	smp_mb__before_atomic();
	for (i = first; i <= last; i += step)
		if (i < nr_cpu_ids)
			atomic_dec(&closed[i]);
}

/*
 * A vCPU, of a guest that may use tlbie if "gtse", has left the CPU "from" for
 * "to". Says whether its invalidations were finished there, which an offline
 * CPU has no need of.
 */
bool kvm_ppc_vcpu_moved(struct kvm *kvm, void *closed, unsigned int from,
			unsigned int to, bool gtse)
{
	struct end_of_tlbie end = { .gtse = gtse };

	/* Who waits for the core to open must not wait for another task */
	preempt_disable();
	if (cpu_first_tlb_thread_sibling(from) !=
	    cpu_first_tlb_thread_sibling(to))
		flush_core(kvm, closed, from);
	smp_call_function_single(from, finish_tlbie, &end, 1);
	preempt_enable();
	return end.done;
}

unsigned int kvm_ppc_nr_cpu_ids(void)
{
	return nr_cpu_ids;
}

/* ISA 3.1: key of the hash instructions in privileged state, the hypervisor's */
#define SPRN_HASHPKEYR 469

/*
 * ISA 3.1's DEXCR and HASHKEYR, which a guest may read and write, and HASHPKEYR,
 * which works for it and is the hypervisor's to set. The switch leaves them
 * alone. The first two of the task are in memory since kvmppc_save_current_sprs();
 * the third, which the kernel does not use, is what is returned, to be given back
 * after the guest. None has an effect on the hypervisor's own instructions, for
 * which HDEXCR is. With interrupts hard-disabled, on a processor that has them.
 */
unsigned long kvm_ppc_load_dexcr(const struct kvm_vcpu_arch *guest)
{
	const struct thread_struct *task = &current->thread;
	unsigned long hashpkeyr = mfspr(SPRN_HASHPKEYR);

	if (guest->dexcr != task->dexcr)
		mtspr(SPRN_DEXCR, guest->dexcr);
	if (guest->hashkeyr != task->hashkeyr)
		mtspr(SPRN_HASHKEYR, guest->hashkeyr);
	if (guest->hashpkeyr != hashpkeyr)
		mtspr(SPRN_HASHPKEYR, guest->hashpkeyr);
	return hashpkeyr;
}

void kvm_ppc_store_dexcr(struct kvm_vcpu_arch *guest, unsigned long hashpkeyr)
{
	const struct thread_struct *task = &current->thread;

	guest->dexcr = mfspr(SPRN_DEXCR);
	guest->hashkeyr = mfspr(SPRN_HASHKEYR);
	if (guest->dexcr != task->dexcr)
		mtspr(SPRN_DEXCR, task->dexcr);
	if (guest->hashkeyr != task->hashkeyr)
		mtspr(SPRN_HASHKEYR, task->hashkeyr);
	if (guest->hashpkeyr != hashpkeyr)
		mtspr(SPRN_HASHPKEYR, hashpkeyr);
}

bool kvm_ppc_random(unsigned long *val)
{
	return arch_get_random_seed_longs(val, 1) == 1;
}

void kvm_ppc_report_machine_check(struct machine_check_event *evt)
{
	static DEFINE_RATELIMIT_STATE(rs, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	if (__ratelimit(&rs))
		machine_check_print_event_info(evt, false, true);
}

unsigned long kvm_ppc_mce_recovered(const struct machine_check_event *evt)
{
	return evt->disposition == MCE_DISPOSITION_RECOVERED;
}

/* Is ibm,opal/fw-features/NAME there with property STATE? */
bool kvm_ppc_fw_feature(const char *name, const char *state)
{
	struct device_node *opal, *features, *np;
	bool r = false;

	opal = of_find_node_by_name(NULL, "ibm,opal");
	features = of_get_child_by_name(opal, "fw-features");
	np = of_get_child_by_name(features, name);
	if (np)
		r = of_property_read_bool(np, state);
	of_node_put(np);
	of_node_put(features);
	of_node_put(opal);
	return r;
}

/* The AP field of a page size, or ~0 if the host does not have it */
unsigned int kvm_ppc_page_ap(unsigned int shift)
{
	int i;

	for (i = 0; i < MMU_PAGE_COUNT; i++)
		if (mmu_psize_defs[i].shift == shift)
			return mmu_psize_defs[i].ap;
	return ~0u;
}

/*
 * Memory of the linear map, aligned, by one load. That is vmlinux's, for which the
 * machine check handler has an exception table entry (it does not look at those
 * of modules): if the memory has an error, this is false.
 */
bool kvm_ppc_read_real_u64(unsigned long pa, u64 *val)
{
	return !copy_from_kernel_nofault(val, __va(pa), sizeof(*val));
}

bool kvm_ppc_read_real_u32(unsigned long pa, u32 *val)
{
	return !copy_from_kernel_nofault(val, __va(pa), sizeof(*val));
}
