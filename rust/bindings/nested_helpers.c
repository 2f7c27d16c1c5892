// SPDX-License-Identifier: GPL-2.0
// What running guests in a partition needs of the host's inline functions.

#include <linux/cpumask.h>
#include <linux/kvm_host.h>
#include <linux/of.h>
#include <linux/ratelimit.h>

#include <asm/firmware.h>
#include <asm/hvcall.h>
#include <asm/hw_irq.h>
#include <asm/kvm_guest.h>
#include <asm/kvm_ppc.h>
#include <asm/reg.h>
#include <asm/setup.h>
#include <asm/time.h>

#include "helpers.h"
#include "hv_helpers.h"
#include "nested_helpers.h"

/*
 * Functions of vmlinux's that are declared only in a header of kvm-hv's own.
 * What they save of the host's registers is only theirs to look at; the room
 * for it is more than twice what they need.
 */
struct p9_host_os_sprs {
	u64 room[32];
};

bool load_vcpu_state(struct kvm_vcpu *vcpu, struct p9_host_os_sprs *host);
void store_vcpu_state(struct kvm_vcpu *vcpu);
void save_p9_host_os_sprs(struct p9_host_os_sprs *host);
void restore_p9_host_os_sprs(struct kvm_vcpu *vcpu,
			     struct p9_host_os_sprs *host);
void switch_pmu_to_guest(struct kvm_vcpu *vcpu, struct p9_host_os_sprs *host);
void switch_pmu_to_host(struct kvm_vcpu *vcpu, struct p9_host_os_sprs *host);
unsigned long kvmppc_msr_hard_disable_set_facilities(struct kvm_vcpu *vcpu,
						     unsigned long msr);

/* A hypervisor below that is called by sc 1 */
bool kvm_ppc_is_partition(void)
{
	return firmware_has_feature(FW_FEATURE_LPAR);
}

/* Does it have H_RPT_INVALIDATE? */
bool kvm_ppc_has_rpt_invalidate(void)
{
	return firmware_has_feature(FW_FEATURE_RPT_INVALIDATE);
}

#ifdef CONFIG_PPC_PSERIES
/* A hypervisor call with six arguments */
s64 kvm_ppc_hcall(u64 hcall, const u64 *args)
{
	return plpar_hcall_norets(hcall, args[0], args[1], args[2], args[3],
				  args[4], args[5]);
}

/* The same, which also returns GPRs 4 to 7 */
s64 kvm_ppc_hcall_returning(u64 hcall, const u64 *args, u64 *ret)
{
	return plpar_hcall(hcall, (unsigned long *)ret, args[0], args[1],
			   args[2], args[3], args[4], args[5]);
}
#else
s64 kvm_ppc_hcall(u64 hcall, const u64 *args)
{
	return H_FUNCTION;
}

s64 kvm_ppc_hcall_returning(u64 hcall, const u64 *args, u64 *ret)
{
	return H_FUNCTION;
}
#endif

/* Has the partition interrupts with translation on, which its guests then may have? */
bool kvm_ppc_has_ail_mode_3(void)
{
	return pseries_reloc_on_exception();
}

/* Is the partition one of QEMU's, and not of hypervisor hardware? */
bool kvm_ppc_emulated_by_qemu(void)
{
	struct device_node *root = of_find_node_by_path("/");
	const char *model;
	bool r;

	r = !of_property_read_string(root, "model", &model) &&
	    strstr(model, "emulated by qemu");
	of_node_put(root);
	/* With KVM, QEMU gives its machines the same name */
	return r && !is_kvm_guest();
}

/* May what a guest can cause again and again be reported in the log now? */
bool kvm_ppc_may_report(void)
{
	static DEFINE_RATELIMIT_STATE(rs, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	return __ratelimit(&rs);
}

#ifdef CONFIG_KVM_BOOK3S_HV_POSSIBLE
/*
 * Has the hypervisor run the guest by H_ENTER_NESTED, and returns what that
 * returns: an interrupt's vector, 0 if the guest has to be entered again, or an
 * error, which is negative. "now" is the timebase.
 *
 * The hypervisor switches what "hv" and the vCPU's pt_regs have. All else that
 * a guest can change is loaded and stored here, as for a process that is
 * switched to. Call with interrupts hard-disabled.
 */
s64 kvm_ppc_enter_nested(struct kvm_vcpu *vcpu, struct hv_guest_state *hv,
			 u64 now, bool large_decrementer)
{
	unsigned long psscr = mfspr(SPRN_PSSCR_PR);
	const u64 args[6] = { __pa(hv), __pa(&vcpu->arch.regs) };
	struct p9_host_os_sprs host;
	s64 dec, ret;

	save_p9_host_os_sprs(&host);
	kvmppc_msr_hard_disable_set_facilities(vcpu, mfmsr());
	load_vcpu_state(vcpu, &host);
	if (vcpu->arch.psscr != psscr)
		mtspr(SPRN_PSSCR_PR, vcpu->arch.psscr);
	mtspr(SPRN_DEC,
	      vcpu->arch.dec_expires - vcpu->arch.vcore->tb_offset - now);
	mtspr(SPRN_DAR, vcpu->arch.shregs.dar);
	mtspr(SPRN_DSISR, vcpu->arch.shregs.dsisr);
	switch_pmu_to_guest(vcpu, &host);

	ret = kvm_ppc_hcall(H_ENTER_NESTED, args);

	switch_pmu_to_host(vcpu, &host);
	vcpu->arch.shregs.dar = mfspr(SPRN_DAR);
	vcpu->arch.shregs.dsisr = mfspr(SPRN_DSISR);
	vcpu->arch.psscr = mfspr(SPRN_PSSCR_PR);
	store_vcpu_state(vcpu);

	dec = mfspr(SPRN_DEC);
	if (!large_decrementer)
		dec = (s32)dec;
	now = mftb();
	vcpu->arch.dec_expires = now + dec + vcpu->arch.vcore->tb_offset;
	timer_rearm_host_dec(now);

	restore_p9_host_os_sprs(vcpu, &host);
	if (vcpu->arch.psscr != psscr)
		mtspr(SPRN_PSSCR_PR, psscr);
	return ret;
}
#endif

/* Has an interrupt been masked in software since it was last tested? */
bool kvm_ppc_irq_is_pending(void)
{
	return lazy_irq_pending();
}

/*
 * Has the hypervisor run a vCPU by H_GUEST_RUN_VCPU, which switches all of its
 * registers, and returns what that returns; "trap" is the interrupt's vector, 0
 * if the vCPU has to be entered again, or the place of a wrong element, and
 * "now" the timebase. Call with interrupts hard-disabled.
 */
s64 kvm_ppc_run_nested_vcpu(u64 guest, u64 vcpu, u64 *trap, u64 *now)
{
	const u64 args[6] = { 0, guest, vcpu };
	u64 ret[PLPAR_HCALL_BUFSIZE];
	s64 rc;

	rc = kvm_ppc_hcall_returning(H_GUEST_RUN_VCPU, args, ret);
	*now = mftb();
	/* The decrementer was the guest's */
	timer_rearm_host_dec(*now);
	*trap = ret[0];
	return rc;
}

/*
 * Makes all CPUs that are in a guest leave it, and waits until they have. Call
 * after changing what makes that necessary, with interrupts enabled.
 */
void kvm_ppc_exit_guests(void)
{
	int cpu;

	/* Pairs with the barrier between setting in_guest and the entry */
	smp_mb();
	for_each_online_cpu(cpu)
		if (kvm_ppc_is_in_guest(cpu))
			kvm_ppc_interrupt_and_wait(cpu);
}
