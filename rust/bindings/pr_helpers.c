// SPDX-License-Identifier: GPL-2.0
// Inline functions and macros of the host that guests in problem state need.

#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pkeys.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/book3s/64/mmu-hash.h>
#include <asm/extable.h>
#include <asm/firmware.h>
#include <asm/hw_breakpoint.h>
#include <asm/kvm_ppc.h>
#include <asm/mce.h>
#include <asm/mmu.h>
#include <asm/mmu_context.h>
#include <asm/paca.h>
#include <asm/plpar_wrappers.h>
#include <asm/pmc.h>
#include <asm/reg.h>
#include <asm/setup.h>
#include <asm/switch_to.h>
#include <asm/time.h>

#include "pr_helpers.h"

/*
 * The LPCR bits that make interrupts be taken with relocation on: AIL for those
 * to the operating system and, on ISA 3.1, HAIL for those to the hypervisor,
 * which come too because a guest on bare metal runs with MSR[HV] set, like the
 * host's programs. On older processors HAIL's bit may have another meaning.
 */
static u64 relocation_on(void)
{
	return cpu_has_feature(CPU_FTR_ARCH_31) ? LPCR_AIL | LPCR_HAIL :
						  LPCR_AIL;
}

/*
 * Disables watchpoints on the VMM's thread, which are for the VMM's addresses:
 * they would also match the guest's, which runs in problem state too. In a
 * partition only the hypervisor could say whether there is a watchpoint, so
 * nothing is changed.
 */
static bool watchpoints_off(struct kvm_ppc_pr_sprs *s)
{
	s->dawrx[0] = mfspr(SPRN_DAWRX0);
	if (s->dawrx[0])
		mtspr(SPRN_DAWRX0, 0);
	s->dawrx[1] = 0;
	if (!cpu_has_feature(CPU_FTR_DAWR1))
		return s->dawrx[0];
	s->dawrx[1] = mfspr(SPRN_DAWRX1);
	if (s->dawrx[1])
		mtspr(SPRN_DAWRX1, 0);
	return s->dawrx[0] | s->dawrx[1];
}

static void watchpoints_on(const struct kvm_ppc_pr_sprs *s)
{
	if (s->dawrx[0])
		mtspr(SPRN_DAWRX0, s->dawrx[0]);
	if (s->dawrx[1])
		mtspr(SPRN_DAWRX1, s->dawrx[1]);
}

/* Finds out once, and not at each entry, which of these registers exist */
void kvm_ppc_pr_init_sprs(struct kvm_ppc_pr_sprs *s)
{
	s->lpcr_off = cpu_has_feature(CPU_FTR_HVMODE) ? relocation_on() : 0;
	s->has_dexcr = cpu_has_feature(CPU_FTR_ARCH_31);
}

/*
 * Loads the registers for the guest. Interrupts must not turn relocation on,
 * because the host's code would run with the guest's segments. hashst and
 * hashchk are disabled, because they would use the task's key. UAMOR keeps the
 * guest from changing AMR, which is the task's, and AMR must permit the key of
 * the guest's pages. Call with interrupts hard-disabled.
 */
void kvm_ppc_pr_load_sprs(struct kvm_ppc_pr_sprs *s)
{
	if (s->lpcr_off) {
		s->lpcr = mfspr(SPRN_LPCR);
		mtspr(SPRN_LPCR, s->lpcr & ~s->lpcr_off);
	}
	if (s->has_dexcr) {
		s->dexcr = mfspr(SPRN_DEXCR);
		mtspr(SPRN_DEXCR, 0);
	}
	s->amr = mfspr(SPRN_AMR);
	s->uamor = mfspr(SPRN_UAMOR);
	mtspr(SPRN_AMR, 0);
	mtspr(SPRN_UAMOR, 0);
	s->host_vrsave = mfspr(SPRN_VRSAVE);
	mtspr(SPRN_VRSAVE, s->vrsave);
	s->host_tar = mfspr(SPRN_TAR);
	mtspr(SPRN_TAR, s->tar);
	mtspr(SPRN_SPRG3, s->sprg3);
	s->watched = dawr_enabled() && s->lpcr_off && watchpoints_off(s);
	mtspr(SPRN_PPR, s->ppr);
	isync();
}

void kvm_ppc_pr_save_sprs(struct kvm_ppc_pr_sprs *s)
{
	mtspr(SPRN_SPRG_VDSO_WRITE, local_paca->sprg_vdso);
	/*
	 * The interrupt vectors have saved the guest's PPR and set the host's
	 */
	s->ppr = local_paca->kvm_hstate.ppr;
	s->vrsave = mfspr(SPRN_VRSAVE);
	mtspr(SPRN_VRSAVE, s->host_vrsave);
	s->tar = mfspr(SPRN_TAR);
	mtspr(SPRN_TAR, s->host_tar);
	mtspr(SPRN_UAMOR, s->uamor);
	mtspr(SPRN_AMR, s->amr);
	if (s->has_dexcr)
		mtspr(SPRN_DEXCR, s->dexcr);
	if (s->lpcr_off)
		mtspr(SPRN_LPCR, s->lpcr);
	if (unlikely(s->watched))
		watchpoints_on(s);
	isync();
}

/*
 * The real address at which the host continues after the guest, before any
 * segment is loaded. 0 in a partition, in which real mode reaches only part of
 * the memory.
 */
u64 kvm_ppc_pr_exit_address(void)
{
	void *text = kvm_ppc_pr_exit_real;

	if (!cpu_has_feature(CPU_FTR_HVMODE) ||
	    !is_vmalloc_or_module_addr(text))
		return 0;
	return ((u64)vmalloc_to_pfn(text) << PAGE_SHIFT) | offset_in_page(text);
}

u64 kvm_ppc_pr_trampoline(void)
{
	return (u64)kvmppc_entry_trampoline;
}

/*
 * Eight bytes of the PACA that change whenever the host makes an SLB entry: the
 * bitmap of entries in use and, for when all are, the next one to be replaced.
 * With CONFIG_DEBUG_VM the latter is elsewhere and is compared separately.
 */
#define SLB_ALLOCATED \
	(offsetofend(struct paca_struct, slb_used_bitmap) - sizeof(u64))
static_assert(IS_ENABLED(CONFIG_DEBUG_VM) ||
	      SLB_ALLOCATED <= offsetof(struct paca_struct, stab_rr));

/*
 * Saves the segments that the host has in the SLB now: the kernel's, which
 * include the module's, and with "users" the process's too. vmlinux loads the
 * bolted ones by itself. The exit path puts the saved ones back to the same
 * entries before anything else can use the SLB, so that for the host it is as
 * if the guest had not run. If another CPU changes segments meanwhile, it sends
 * an interrupt, which is served afterwards. Segments that are not saved, for
 * lack of room or otherwise, are loaded on the next SLB miss. Call with
 * interrupts hard-disabled.
 */
void kvm_ppc_pr_save_segments(struct kvmppc_book3s_shadow_vcpu *svcpu,
			      bool users)
{
	unsigned long used = users ? local_paca->slb_used_bitmap :
				     local_paca->slb_kern_bitmap;
	typeof(&svcpu->slb[0]) first = &svcpu->slb[KVM_PPC_PR_SLB_HOST];
	typeof(first) to = first, end = first + KVM_PPC_PR_SLB_HOST_MAX;
	u64 i, esid, vsid;

	BUILD_BUG_ON(KVM_PPC_PR_SLB_PACA + 1 >= ARRAY_SIZE(svcpu->slb));
	used &= ~((1ul << SLB_NUM_BOLTED) - 1);
	for (; used && to < end; used &= used - 1) {
		i = __ffs(used);
		asm volatile("slbmfee %0, %1" : "=r"(esid) : "r"(i));
		if (!(esid & SLB_ESID_V))
			continue;
		asm volatile("slbmfev %0, %1" : "=r"(vsid) : "r"(i));
		to->esid = esid | i;
		to->vsid = vsid;
		to++;
	}
	if (to == first) {
		/*
		 * With this index and V=0, slbmte only invalidates one entry
		 */
		to->esid = mmu_slb_size - 1;
		to->vsid = 0;
		to++;
	}
	svcpu->slb[KVM_PPC_PR_SLB_COUNT].esid = to - first;
	/*
	 * The exit path compares this to see whether the host has made more
	 * entries
	 */
	svcpu->slb[KVM_PPC_PR_SLB_PACA].esid = SLB_ALLOCATED;
	svcpu->slb[KVM_PPC_PR_SLB_PACA].vsid =
		*(u64 *)((void *)local_paca + SLB_ALLOCATED);
	if (IS_ENABLED(CONFIG_DEBUG_VM)) {
		svcpu->slb[KVM_PPC_PR_SLB_PACA + 1].esid =
			offsetof(struct paca_struct, stab_rr);
		svcpu->slb[KVM_PPC_PR_SLB_PACA + 1].vsid = local_paca->stab_rr;
	}
}

/* Loads the registers of the facilities in msr; the task's have been saved */
void kvm_ppc_pr_load_vectors(u64 msr, struct thread_fp_state *fp,
			     struct thread_vr_state *vr)
{
	if (msr & (MSR_FP | MSR_VSX)) {
		msr_check_and_set(MSR_FP);
		load_fp_state(fp);
	}
	if (msr & (MSR_VEC | MSR_VSX)) {
		msr_check_and_set(MSR_VEC);
		load_vr_state(vr);
	}
}

void kvm_ppc_pr_save_vectors(u64 msr, struct thread_fp_state *fp,
			     struct thread_vr_state *vr)
{
	if (msr & (MSR_FP | MSR_VSX)) {
		msr_check_and_set(MSR_FP);
		store_fp_state(fp);
	}
	if (msr & (MSR_VEC | MSR_VSX)) {
		msr_check_and_set(MSR_VEC);
		store_vr_state(vr);
	}
}

/*
 * Takes the event that the early machine check handler has stored for the
 * interrupt's handler. It has to be taken, because the host has room for only a
 * few events on each CPU, and drops what does not fit. All zeros if there is
 * none. Call with interrupts hard-disabled, on the CPU that took the machine
 * check.
 */
void kvm_ppc_pr_take_machine_check(struct machine_check_event *evt)
{
	struct mce_info *info = local_paca->mce_info;
	int last = info->mce_nest_count - 1;

	memset(evt, 0, sizeof(*evt));
	if (last < 0)
		return;
	if (last < MAX_MC_EVT) {
		*evt = info->mce_event[last];
		info->mce_event[last].in_use = 0;
	}
	/*
	 * A machine check that comes now removes its own event before it returns
	 */
	info->mce_nest_count--;
}

/*
 * Makes PMC5 and PMC6 count from 0 in problem state, in which only the guest
 * runs until kvm_ppc_pr_count_end(): FCS freezes them in privileged state, FCHV
 * in hypervisor state. They cause no interrupts, because no alert is enabled.
 * Returns false if the host uses the performance monitor itself. Call with
 * interrupts and PMIs hard-disabled.
 */
bool kvm_ppc_pr_count_begin(void)
{
#ifdef CONFIG_KVM_BOOK3S_HV_POSSIBLE
	if (ppc_get_pmu_inuse())
		return false;
	/* Without this, a hypervisor below need not save the registers */
	ppc_set_pmu_inuse(1);
	mtspr(SPRN_PMC5, 0);
	mtspr(SPRN_PMC6, 0);
	mtspr(SPRN_MMCR0, MMCR0_FCS | MMCR0_FCHV);
	isync();
	return true;
#else
	/* Without HV there is no flag that says whether the host uses it */
	return false;
#endif
}

void kvm_ppc_pr_count_end(u32 *counted)
{
	mtspr(SPRN_MMCR0, MMCR0_FC);
	isync();
	counted[0] = mfspr(SPRN_PMC5);
	counted[1] = mfspr(SPRN_PMC6);
	mtspr(SPRN_PMC5, 0);
	mtspr(SPRN_PMC6, 0);
	ppc_set_pmu_inuse(0);
}

/* SIAR and SDAR: the traced instruction's address, and that of its operand */
void kvm_ppc_pr_traced(u64 *siar, u64 *sdar)
{
	*siar = mfspr(SPRN_SIAR);
	*sdar = mfspr(SPRN_SDAR);
}

/* If the host's timer is not due then, its handler just sets DEC again */
void kvm_ppc_pr_set_dec(u64 ticks)
{
	mtspr(SPRN_DEC, ticks);
}

void kvm_ppc_pr_rearm_dec(void)
{
	timer_rearm_host_dec(get_tb());
}

/* Does the processor have all that the code here relies on? */
bool kvm_ppc_pr_host_ok(void)
{
	return cpu_has_feature(CPU_FTR_ARCH_207S) &&
	       cpu_has_feature(CPU_FTR_COHERENT_ICACHE) &&
	       cpu_has_feature(CPU_FTR_ALTIVEC) && cpu_has_feature(CPU_FTR_VSX);
}

/* Can pages of 64K be mapped, and do the host's pages have 64K? */
bool kvm_ppc_pr_large_ok(void)
{
	return PAGE_SHIFT == 16 && mmu_psize_defs[MMU_PAGE_64K].shift;
}

/*
 * In a partition, relocation on interrupt is a setting of all CPUs together,
 * and only firmware can change it. It is off while any VM needs that.
 */
static DEFINE_MUTEX(relocation_lock);
static unsigned long relocation_users;

void kvm_ppc_pr_relocation_off(void)
{
	if (!firmware_has_feature(FW_FEATURE_SET_MODE))
		return;
	mutex_lock(&relocation_lock);
	if (!relocation_users++)
		pseries_disable_reloc_on_exc();
	mutex_unlock(&relocation_lock);
}

void kvm_ppc_pr_relocation_on(void)
{
	if (!firmware_has_feature(FW_FEATURE_SET_MODE))
		return;
	mutex_lock(&relocation_lock);
	if (!--relocation_users)
		pseries_enable_reloc_on_exc();
	mutex_unlock(&relocation_lock);
}

u32 kvm_ppc_pr_slb_size(void)
{
	return mmu_slb_size;
}

u64 kvm_ppc_pr_slb_64k(void)
{
	return mmu_psize_defs[MMU_PAGE_64K].sllp;
}

/* The VSID of a segment of the context, which has 2^ESID_BITS of 256 MB */
u64 kvm_ppc_pr_vsid(u64 context, u64 segment)
{
	unsigned long bits = mmu_has_feature(MMU_FTR_68_BIT_VA) ?
				     VSID_BITS_256M :
				     VSID_BITS_65_256M;

	return vsid_scramble((context << ESID_BITS) + segment,
			     VSID_MULTIPLIER_256M, bits);
}

/*
 * Where in the host's table a page of a segment may be. The table of a
 * partition may be resized, in stop_machine(), so what is computed from
 * htab_hash_mask is valid only as long as this CPU cannot be stopped.
 */
struct pr_place {
	unsigned long vpn;
	unsigned long hash;
	int psize;
};

static struct pr_place pr_place(u64 vsid, u64 ea, bool large)
{
	struct pr_place p;

	p.psize = large ? MMU_PAGE_64K : MMU_PAGE_4K;
	p.vpn = hpt_vpn(ea, vsid, MMU_SEGSIZE_256M);
	p.hash = hpt_hash(p.vpn, mmu_psize_defs[p.psize].shift,
			  MMU_SEGSIZE_256M);
	return p;
}

static unsigned long pr_group(const struct pr_place *p, bool secondary)
{
	unsigned long hash = secondary ? ~p->hash : p->hash;

	return (hash & htab_hash_mask) * HPTES_PER_GROUP;
}

/*
 * Maps ea in the segment, by an entry in the first group that has room, or else
 * by replacing some other entry. Returns the index in the group, with
 * KVM_PPC_PR_SECONDARY if that is the secondary group, or a negative value.
 */
static long pr_hpte_insert(const struct pr_place *p, u64 phys, u32 how)
{
	unsigned long flags, vflags, group;
	bool secondary = false;
	int attempt;
	long ret;

	/*
	 * Reference and change bits are not used, so the hardware need not set
	 * them
	 */
	flags = HPTE_R_R | HPTE_R_C;
	flags |= how & KVM_PPC_PR_WRITE ? PP_RWRW : PP_RXRX;
	flags |= how & KVM_PPC_PR_EXECUTE ? 0 : HPTE_R_N;
	flags |= how & KVM_PPC_PR_INHIBITED ? HPTE_R_I | HPTE_R_G : HPTE_R_M;
	flags |= pte_to_hpte_pkey_bits(0, HPTE_USE_KERNEL_KEY);
	for (attempt = 0; attempt < 8; attempt++) {
		group = pr_group(p, secondary);
		vflags = secondary ? HPTE_V_SECONDARY : 0;
		if (attempt > 1 && mmu_hash_ops.hpte_remove(group) < 0) {
			secondary = !secondary;
			continue;
		}
		ret = mmu_hash_ops.hpte_insert(group, p->vpn, phys, flags,
					       vflags, p->psize, p->psize,
					       MMU_SEGSIZE_256M);
		if (ret >= 0) {
			/*
			 * The platform may have chosen the other group by itself
			 */
			if (secondary || (ret & _PTEIDX_SECONDARY))
				return (ret & _PTEIDX_GROUP_IX) |
				       KVM_PPC_PR_SECONDARY;
			return ret & _PTEIDX_GROUP_IX;
		}
		if (ret != -1)
			return ret;
		secondary = !secondary;
	}
	return -1;
}

long kvm_ppc_pr_hpte_insert(u64 vsid, u64 ea, u64 phys, u32 how, bool large)
{
	struct pr_place p = pr_place(vsid, ea, large);
	long ret;

	preempt_disable();
	ret = pr_hpte_insert(&p, phys, how);
	preempt_enable();
	return ret;
}

/*
 * After a partition's table was resized, an entry may be gone, or be elsewhere
 * in its group. Looks for the entry in one group and removes it. Returns
 * whether it is certain that the group does not have it.
 */
static bool pr_hpte_search(unsigned long group, unsigned long avpn)
{
	unsigned long ptes[8], v, r;
	unsigned int i;
	long rc;

	for (i = 0; i < HPTES_PER_GROUP; i++) {
		if (!(i & 3)) {
			rc = plpar_pte_read_4(0, group + i, ptes);
			if (rc != H_SUCCESS)
				return false;
		}
		v = ptes[2 * (i & 3)];
		if (!(v & HPTE_V_VALID) || !HPTE_V_COMPARE(v, avpn))
			continue;
		rc = plpar_pte_remove(H_AVPN, group + i, avpn, &v, &r);
		if (rc != H_SUCCESS && rc != H_NOT_FOUND)
			return false;
	}
	return true;
}

/*
 * Removes the entry that pr_hpte_insert() put at index. If another entry has
 * replaced it, it is gone already. Other entries with the same abbreviated page
 * number are of the same segment, and so of the same guest; if one of those is
 * removed, the guest faults again.
 */
void kvm_ppc_pr_hpte_invalidate(u64 vsid, u64 ea, bool large, u32 index)
{
	struct pr_place p = pr_place(vsid, ea, large);
	unsigned long slot, avpn, v, r;
	long rc;

	preempt_disable();
	slot = pr_group(&p, index & KVM_PPC_PR_SECONDARY) +
	       (index & _PTEIDX_GROUP_IX);
	if (!firmware_has_feature(FW_FEATURE_LPAR)) {
		mmu_hash_ops.hpte_invalidate(slot, p.vpn, p.psize, p.psize,
					     MMU_SEGSIZE_256M, false);
	} else {
		avpn = hpte_encode_avpn(p.vpn, p.psize, MMU_SEGSIZE_256M);
		rc = plpar_pte_remove(H_AVPN, slot, avpn, &v, &r);
		/*
		 * The page will be reused, so an entry that cannot be removed is
		 * fatal
		 */
		if (rc != H_SUCCESS)
			BUG_ON(!pr_hpte_search(pr_group(&p, false), avpn) ||
			       !pr_hpte_search(pr_group(&p, true), avpn));
	}
	preempt_enable();
}

/*
 * Returns false if there is no such memory or if it has an error. The loads are
 * in vmlinux, because the machine check handler uses vmlinux's exception table.
 */
bool kvm_ppc_pr_read_words(unsigned long pa, u32 *words, unsigned int n)
{
	const u32 *from = __va(pa);
	unsigned int first = pa & 4 && n ? 1 : 0;

	/*
	 * It copies aligned doublewords; unaligned words could be loaded in
	 * pieces
	 */
	return pfn_valid(pa >> PAGE_SHIFT) &&
	       (!first || !copy_from_kernel_nofault(words, from, 4)) &&
	       !copy_from_kernel_nofault(words + first, from + first,
					 4 * (n - first));
}
