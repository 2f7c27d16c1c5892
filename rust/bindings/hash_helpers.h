/* SPDX-License-Identifier: GPL-2.0 */
/* Helpers for guests of the hv backend that use the hash MMU. */
#ifndef KVM_PPC_HASH_HELPERS_H
#define KVM_PPC_HASH_HELPERS_H

#include <linux/types.h>

void *kvm_ppc_hpt_alloc(unsigned int order, bool *cma);
void kvm_ppc_hpt_free(void *at, unsigned int order, bool cma);
void kvm_ppc_hpte_make_valid(u64 *entry, u64 first, u64 second);
void kvm_ppc_hpte_clear_reference(u64 *entry);
void kvm_ppc_hpt_invalidate(const u64 *pages, size_t count, u32 lpid);

#endif
