/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by memory.c and its payload */
#ifndef SELFTESTS_MEMORY_H
#define SELFTESTS_MEMORY_H

#define MEM_CTL 0x400000ul /* struct mem_ctl */
#define MEM_BASE 0x40000000ul /* the memory that things are done to */
#define MEM_PAGES 512 /* of mem_ctl.page_size bytes */
#define MEM_BITS (8 * sizeof(unsigned long))
#define MEM_WORDS 16 /* checked in each page */

struct mem_ctl {
	unsigned long page_size;
	unsigned long stop; /* everybody to UC_SYNC, please */
	unsigned long load_first; /* pages may be read before they are written */
	unsigned long vcpus; /* each has as many pages */
	unsigned long rounds[2]; /* pages visited by each vCPU */
	/* written since the VMM cleared it */
	unsigned long dirty[MEM_PAGES / MEM_BITS];
	unsigned long seq[MEM_PAGES]; /* what is in each page; 0: zeroes */
};

/* Word @w of page @page in its state @seq */
static inline unsigned long long
mem_word(unsigned long long page, unsigned long long seq, unsigned long w)
{
	unsigned long long z = page << 48 ^ seq << 8 ^ w;

	if (!seq)
		return 0;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#endif
