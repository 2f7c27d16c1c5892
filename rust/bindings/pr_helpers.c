// SPDX-License-Identifier: GPL-2.0
// Inline functions and macros of the host that problem-state guests take.

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
 * LPCR bits that have interrupts taken with relocation on: AIL for those to the
 * operating system, on ISA 3.1 HAIL for those to the hypervisor. A guest in
 * problem state on bare metal runs with MSR[HV] as the host's programs do. Older
 * processors may have something else in HAIL's place.
 */
static u64 relocation_on(void)
{
	return cpu_has_feature(CPU_FTR_ARCH_31) ? LPCR_AIL | LPCR_HAIL :
						  LPCR_AIL;
}

/*
 * A watchpoint on the VMM's thread is for addresses of the VMM's, and for problem
 * state, in which the guest is, too. In a partition only the hypervisor can say
 * whether there is one: it stays.
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

/* What the processor has does not change: it is not asked at each entry */
void kvm_ppc_pr_init_sprs(struct kvm_ppc_pr_sprs *s)
{
	s->lpcr_off = cpu_has_feature(CPU_FTR_HVMODE) ? relocation_on() : 0;
	s->has_dexcr = cpu_has_feature(CPU_FTR_ARCH_31);
}

/*
 * Interrupts with relocation on would run host text with the guest's segments,
 * so they are off. So are the hash instructions, which would work with the key of
 * the task: hashst and hashchk do nothing. AMR is the task's and the guest must
 * not change it: UAMOR. It must not hold off the key of the guest's pages either.
 * With interrupts hard-disabled.
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
	/* The vectors have set the host's priority */
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
 * The real address to come back from the guest to, which needs no segment. In
 * a partition real mode reaches only some of the memory: 0.
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
 * The eight bytes of the PACA that change whenever the host makes an SLB entry:
 * the bitmap of those in use, and, when all are, which one goes next. With
 * CONFIG_DEBUG_VM the latter is elsewhere, and looked at by itself.
 */
#define SLB_ALLOCATED \
	(offsetofend(struct paca_struct, slb_used_bitmap) - sizeof(u64))
static_assert(IS_ENABLED(CONFIG_DEBUG_VM) ||
	      SLB_ALLOCATED <= offsetof(struct paca_struct, stab_rr));

/*
 * The segments that the host has in the SLB now, but for the bolted ones, which
 * vmlinux loads: the kernel's, with the module's own, and, with users, the
 * process's. The exit path puts them where they were, before anything else can
 * use the SLB, so that for the host it is as if the guest had not run: what
 * another CPU changes meanwhile it says by an interrupt, which is served
 * afterwards. What is left out, or finds no room, is missing, which does no
 * harm. With interrupts hard-disabled.
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
		/* Invalidates an entry that is none */
		to->esid = mmu_slb_size - 1;
		to->vsid = 0;
		to++;
	}
	svcpu->slb[KVM_PPC_PR_SLB_COUNT].esid = to - first;
	/* By the last of these the exit path knows whether they are still all */
	svcpu->slb[KVM_PPC_PR_SLB_PACA].esid = SLB_ALLOCATED;
	svcpu->slb[KVM_PPC_PR_SLB_PACA].vsid =
		*(u64 *)((void *)local_paca + SLB_ALLOCATED);
	if (IS_ENABLED(CONFIG_DEBUG_VM)) {
		svcpu->slb[KVM_PPC_PR_SLB_PACA + 1].esid =
			offsetof(struct paca_struct, stab_rr);
		svcpu->slb[KVM_PPC_PR_SLB_PACA + 1].vsid = local_paca->stab_rr;
	}
}

/* The facilities that msr has; the task's own registers are saved */
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
 * Takes the event that the early handler of a machine check has left for who gets
 * the interrupt: the host has room for few of them on each CPU, and what finds none
 * is lost. All zeros if there is none. With interrupts hard-disabled, on the CPU
 * that it came on.
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
	/* One that comes now takes its own away before it returns */
	info->mce_nest_count--;
}

/*
 * PMC5 and PMC6 count from 0 in problem state, which only the guest is in until
 * the end: FCS freezes them in privileged state, FCHV in hypervisor state. They
 * raise nothing, since no alert is enabled. False if the host has its own use
 * for them. With interrupts hard-disabled, PMIs too.
 */
bool kvm_ppc_pr_count_begin(void)
{
#ifdef CONFIG_KVM_BOOK3S_HV_POSSIBLE
	if (ppc_get_pmu_inuse())
		return false;
	/* A hypervisor below may leave the registers as they are otherwise */
	ppc_set_pmu_inuse(1);
	mtspr(SPRN_PMC5, 0);
	mtspr(SPRN_PMC6, 0);
	mtspr(SPRN_MMCR0, MMCR0_FCS | MMCR0_FCHV);
	isync();
	return true;
#else
	/* It does not say */
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

/* Where a trace interrupt says which instruction it is for, and its operand */
void kvm_ppc_pr_traced(u64 *siar, u64 *sdar)
{
	*siar = mfspr(SPRN_SIAR);
	*sdar = mfspr(SPRN_SDAR);
}

/* An early decrementer interrupt does no harm: the handler sets it again */
void kvm_ppc_pr_set_dec(u64 ticks)
{
	mtspr(SPRN_DEC, ticks);
}

void kvm_ppc_pr_rearm_dec(void)
{
	timer_rearm_host_dec(get_tb());
}

/* What all code here takes for granted */
bool kvm_ppc_pr_host_ok(void)
{
	return cpu_has_feature(CPU_FTR_ARCH_207S) &&
	       cpu_has_feature(CPU_FTR_COHERENT_ICACHE) &&
	       cpu_has_feature(CPU_FTR_ALTIVEC) && cpu_has_feature(CPU_FTR_VSX);
}

/* Can pages of 64K be mapped, and are the host's pages so large? */
bool kvm_ppc_pr_large_ok(void)
{
	return PAGE_SHIFT == 16 && mmu_psize_defs[MMU_PAGE_64K].shift;
}

/*
 * In a partition, relocation on interrupt is the same for all CPUs, and
 * firmware's to change. It is off while anybody needs it.
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

/* The VSID of the context's segment, of 2^ESID_BITS segments of 256 MB */
u64 kvm_ppc_pr_vsid(u64 context, u64 segment)
{
	unsigned long bits = mmu_has_feature(MMU_FTR_68_BIT_VA) ?
				     VSID_BITS_256M :
				     VSID_BITS_65_256M;

	return vsid_scramble((context << ESID_BITS) + segment,
			     VSID_MULTIPLIER_256M, bits);
}

/*
 * Where in the host's table a page of a segment may be. A partition's table may
 * change its size, in stop_machine(); so what htab_hash_mask gives is right only
 * as long as this CPU cannot be stopped.
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
 * Maps ea in the segment: to the first group with room, else in the place of
 * some other entry. Returns the index in the group, with KVM_PPC_PR_SECONDARY if
 * that is the secondary one, or a negative value.
 */
static long pr_hpte_insert(const struct pr_place *p, u64 phys, u32 how)
{
	unsigned long flags, vflags, group;
	bool secondary = false;
	int attempt;
	long ret;

	/* Nobody looks at reference and change, and so the hardware need not */
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
			/* The platform may choose the other group by itself */
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
 * When a partition's table has changed its size, an entry may be gone, or be
 * elsewhere in its group. Looks for it in one group, and says whether it is
 * there no more.
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
 * Takes an entry away that pr_hpte_insert() put at index. One that somebody has
 * put something else in the place of is gone already. Other entries with the
 * same abbreviated page number are of the same segment, and so of the same
 * guest: it faults again.
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
		/* Whoever is told that a page is free has to be told the truth */
		if (rc != H_SUCCESS)
			BUG_ON(!pr_hpte_search(pr_group(&p, false), avpn) ||
			       !pr_hpte_search(pr_group(&p, true), avpn));
	}
	preempt_enable();
}

/*
 * False if there is no such memory, or if it is broken: the load is vmlinux's, for
 * which the machine check handler finds where to go on.
 */
bool kvm_ppc_pr_read_words(unsigned long pa, u32 *words, unsigned int n)
{
	const u32 *from = __va(pa);
	unsigned int first = pa & 4 && n ? 1 : 0;

	/* It goes by doublewords: those are aligned, or a word may come in pieces */
	return pfn_valid(pa >> PAGE_SHIFT) &&
	       (!first || !copy_from_kernel_nofault(words, from, 4)) &&
	       !copy_from_kernel_nofault(words + first, from + first,
					 4 * (n - first));
}
