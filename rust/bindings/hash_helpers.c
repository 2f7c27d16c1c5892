// SPDX-License-Identifier: GPL-2.0
// Helpers for guests of the hv backend that use the hash MMU.

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <asm/cputable.h>
#include <asm/kvm_ppc.h>
#include <asm/ppc-opcode.h>

#include "hash_helpers.h"

/*
 * Zeroed, contiguous memory for a table of 2^"order" bytes (at least 18), from
 * the area that the host has set aside for such tables, if there is one with
 * room ("cma"), or from the page allocator. NULL if there is none.
 */
void *kvm_ppc_hpt_alloc(unsigned int order, bool *cma)
{
	unsigned long pages = 1ul << (order - PAGE_SHIFT);
	struct page *page = kvm_alloc_hpt_cma(pages);

	*cma = page;
	if (page) {
		unsigned long i;

		for (i = 0; i < pages; i++) {
			clear_page(page_address(page + i));
			cond_resched();
		}
		return page_address(page);
	}
	if (order - PAGE_SHIFT > MAX_PAGE_ORDER)
		return NULL;
	return (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO |
						__GFP_RETRY_MAYFAIL |
						__GFP_NOWARN,
					order - PAGE_SHIFT);
}

void kvm_ppc_hpt_free(void *at, unsigned int order, bool cma)
{
	if (cma)
		kvm_free_hpt_cma(virt_to_page(at), 1ul << (order - PAGE_SHIFT));
	else
		free_pages((unsigned long)at, order - PAGE_SHIFT);
}

/*
 * ISA Book III, "Page Table Updates": all of an entry before its V bit, which
 * has effect once the ptesync is done.
 */
void kvm_ppc_hpte_make_valid(u64 *entry, u64 first, u64 second)
{
	WRITE_ONCE(entry[1], (__force u64)cpu_to_be64(second));
	asm volatile("eieio" : : : "memory");
	WRITE_ONCE(entry[0], (__force u64)cpu_to_be64(first));
	asm volatile("ptesync" : : : "memory");
}

/*
 * Clears R by a store of the byte that it is in. A processor sets R and C by
 * stores of bytes, too, and C is in another byte, so none is lost.
 */
void kvm_ppc_hpte_clear_reference(u64 *entry)
{
	u8 *byte = (u8 *)&entry[1] + 6;

	WRITE_ONCE(*byte, READ_ONCE(*byte) & ~1);
}

/*
 * A tlbie with RB in r4 and RS in r5, which the assembler may not know the long
 * form of
 */
static __always_inline void tlbie(const u32 insn, unsigned long rb,
				  unsigned long rs)
{
	register unsigned long page asm("r4") = rb;
	register unsigned long partition asm("r5") = rs;

	asm volatile(".long %c2"
		     :
		     : "r"(page), "r"(partition), "i"(insn)
		     : "memory");
}

#define TLBIE_HASH PPC_RAW_TLBIE_5(4, 5, 0, 0, 0)
#define TLBIE_RADIX PPC_RAW_TLBIE_5(4, 5, 0, 0, 1)

/*
 * What POWER9 needs after the last tlbie: some of its versions keep a
 * translation in the ERAT, or let a store pass the tlbie, unless another tlbie
 * follows. See fixup_tlbie_lpid() in arch/powerpc/kvm/book3s_hv_rm_mmu.c for
 * the errata that these features name.
 */
static void tlbie_errata(unsigned long rb, unsigned long lpid)
{
	/* All translations of partition 0's that are partition-scoped, radix */
	const unsigned long is_partition = 0x800;

	if (cpu_has_feature(CPU_FTR_P9_TLBIE_ERAT_BUG)) {
		asm volatile("ptesync" : : : "memory");
		tlbie(TLBIE_RADIX, is_partition, 0);
	}
	if (cpu_has_feature(CPU_FTR_P9_TLBIE_STQ_BUG)) {
		asm volatile("ptesync" : : : "memory");
		tlbie(TLBIE_HASH, rb, lpid);
	}
}

/*
 * Has all processors forget pages of a partition, given as RB of tlbie, and
 * waits until no access uses them any more. R and C of their entries, which
 * have been made invalid before, are final then.
 */
void kvm_ppc_hpt_invalidate(const u64 *pages, size_t count, u32 lpid)
{
	size_t i;

	if (!count)
		return;
	asm volatile("ptesync" : : : "memory");
	for (i = 0; i < count; i++)
		tlbie(TLBIE_HASH, pages[i], lpid);
	tlbie_errata(pages[count - 1], lpid);
	asm volatile("eieio; tlbsync; ptesync" : : : "memory");
}
