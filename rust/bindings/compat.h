/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What host kernels have in different ways, in C. The rest of it, in Rust, is in
 * rust/compat.
 */
#ifndef KVM_PPC_COMPAT_H
#define KVM_PPC_COMPAT_H

#include <linux/mm.h>

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
