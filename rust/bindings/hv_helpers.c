// SPDX-License-Identifier: GPL-2.0
// Inline functions and macros of the host that entering a Book3S guest needs.

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
#include "helpers.h"
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

/*
 * For when the guest is not entered, though it may have run before since
 * disabling
 */
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
 * Returns what keeps the task out of its guest: signals, rescheduling and task
 * work, or an interrupt that was masked in software. Call with interrupts off.
 * If nothing does, user mode's registers are saved to memory (again, since a
 * switch to another task and back may have loaded them).
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
 * Like guest_state_enter_irqoff() and its converse, without RCU: those report a
 * quiescent state each time, which is most of their cost. An exit that the
 * guest causes need not report one. While RCU waits for this CPU, timer ticks
 * keep coming, and an exit for an interrupt does report one.
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
 * Ends the accounting of guest time and enables interrupts. If accounting is by
 * ticks, those that came in the guest are served first, so that they count as
 * guest time.
 */
static noinline void guest_done_by_host(unsigned long flags)
{
	if (vtime_accounting_enabled_this_cpu()) {
		guest_timing_exit_irqoff();
		powerpc_local_irq_pmu_restore(flags);
	} else {
		powerpc_local_irq_pmu_restore(flags);
		/*
		 * What guest_timing_exit_irqoff() does on powerpc, with
		 * interrupts on
		 */
		current->flags &= ~PF_VCPU;
	}
}

/*
 * The same, but quicker if no interrupt is masked in software and no task wants
 * the CPU: then nothing has to be replayed. MSR[EE] is 0 at the call.
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

/* Ends guest time with interrupts still off, to enter the guest again */
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
 * Saves user mode's values of the registers that a guest will change.
 * Preemption is off, because another task that ran in between could leave its
 * own values in them. Returns false if the task is in a transaction, and so
 * cannot give its registers to a guest.
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

/* Clears the record of branches, whatever task made them */
void kvm_ppc_clear_branch_history(void)
{
	asm volatile(PPC_CLRBHRB);
}

/* The VM whose guest a CPU is in, is entering or is leaving */
static DEFINE_PER_CPU(struct kvm *, in_guest);

/* The address to which adding a CPU's data offset gives its in_guest */
struct kvm **kvm_ppc_in_guest(void)
{
	return (struct kvm **)(uintptr_t)&in_guest;
}

/* Is a CPU in any VM's guest now, or about to enter it? */
bool kvm_ppc_is_in_guest(unsigned int cpu)
{
	return per_cpu(in_guest, cpu);
}

struct end_of_tlbie {
	bool gtse;
	bool done;
};

/*
 * The guest may have been interrupted anywhere between a tlbie or tlbiel and
 * the ptesync after it. tlbsync and ptesync only order the invalidations of the
 * hardware thread that executes them, so both have to be executed here.
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
 * Makes the next entry on the core of "from" flush the guest's translations
 * there, and makes threads that are in the guest there now enter again. The
 * entry code tests its own thread's bit of the mask, then those of its
 * siblings, flushes if all are set, and clears its own bit. A bit that is set
 * during these tests could be cleared without a flush. So "closed" keeps
 * threads from beginning an entry, and an interrupt waits for those that have
 * begun one.
 */
static void flush_core(struct kvm *kvm, atomic_t *closed, int from)
{
	int first = cpu_first_tlb_thread_sibling(from);
	int last = cpu_last_tlb_thread_sibling(from);
	int step = cpu_tlb_thread_sibling_step();
	unsigned long bits = 0;
	int i;

	/* A core has a power of two of CPU numbers, at most 8, aligned to it */
	for (i = first; i <= last; i += step) {
		bits |= BIT_MASK(i);
		if (i < nr_cpu_ids)
			atomic_inc(&closed[i]);
	}
	/* Pairs with the barrier between setting in_guest and testing closed */
	smp_mb__after_atomic();
	for (i = first; i <= last; i += step)
		if (i < nr_cpu_ids && per_cpu(in_guest, i) == kvm)
			kvm_ppc_interrupt_and_wait(i);
	atomic_long_or(bits,
		       (atomic_long_t *)&cpumask_bits(
			       &kvm->arch.need_tlb_flush)[BIT_WORD(first)]);
	smp_mb__before_atomic();
	for (i = first; i <= last; i += step)
		if (i < nr_cpu_ids)
			atomic_dec(&closed[i]);
}

/*
 * Handles that a vCPU has moved from the CPU "from" to "to". Its guest may use
 * tlbie if "gtse". Returns whether its invalidations were finished on "from",
 * which is not needed if that is offline.
 */
bool kvm_ppc_vcpu_moved(struct kvm *kvm, void *closed, unsigned int from,
			unsigned int to, bool gtse)
{
	struct end_of_tlbie end = { .gtse = gtse };

	/*
	 * Threads that wait for the core to open must not have to wait for other
	 * tasks
	 */
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

/* ISA 3.1: the key of hashstp and hashchkp, a hypervisor's register */
#define SPRN_HASHPKEYR 469

/*
 * Loads the guest's DEXCR and HASHKEYR, which it may read and write, and
 * HASHPKEYR, which affects it but only the hypervisor can set; vmlinux's switch
 * does not change them. The task's own values of the first two were saved by
 * kvmppc_save_current_sprs(). The host's value of the third, which the kernel
 * does not use, is returned, to be restored after the guest. None of them
 * affects instructions in hypervisor state, for which there is HDEXCR. In a
 * partition the third is the hypervisor's, and stays what it is. Call with
 * interrupts hard-disabled, on an ISA 3.1 processor.
 */
unsigned long kvm_ppc_load_dexcr(const struct kvm_vcpu_arch *guest)
{
	const struct thread_struct *task = &current->thread;
	unsigned long hashpkeyr;

	if (guest->dexcr != task->dexcr)
		mtspr(SPRN_DEXCR, guest->dexcr);
	if (guest->hashkeyr != task->hashkeyr)
		mtspr(SPRN_HASHKEYR, guest->hashkeyr);
	if (!cpu_has_feature(CPU_FTR_HVMODE))
		return guest->hashpkeyr;
	hashpkeyr = mfspr(SPRN_HASHPKEYR);
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

/* Does the node ibm,opal/fw-features/NAME exist, with a property STATE? */
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

/* The AP encoding of a page size, or ~0 if the host does not have the size */
unsigned int kvm_ppc_page_ap(unsigned int shift)
{
	int i;

	for (i = 0; i < MMU_PAGE_COUNT; i++)
		if (mmu_psize_defs[i].shift == shift)
			return mmu_psize_defs[i].ap;
	return ~0u;
}

/*
 * Loads aligned memory in the linear map by one access. The load is in vmlinux,
 * because the machine check handler uses vmlinux's exception table, but not
 * those of modules. Returns false if the memory has an error.
 */
bool kvm_ppc_read_real_u64(unsigned long pa, u64 *val)
{
	return !copy_from_kernel_nofault(val, __va(pa), sizeof(*val));
}

bool kvm_ppc_read_real_u32(unsigned long pa, u32 *val)
{
	return !copy_from_kernel_nofault(val, __va(pa), sizeof(*val));
}
