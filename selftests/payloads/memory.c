// SPDX-License-Identifier: GPL-2.0
/*
 * Visits pages of its half at random: each is checked to be as it was left,
 * and written anew. All that it must remember is in struct mem_ctl.
 */
#include "guest.h"

#include "memory.h"

long guest_main(u64 vcpu, u64 a1, u64 a2)
{
	volatile struct mem_ctl *ctl = (void *)MEM_CTL;
	u64 seed = 0x9e3779b97f4a7c15 * (vcpu + 1), page, w;
	u64 step = ctl->page_size / 8 / MEM_WORDS;

	for (;;) {
		volatile u64 *p;
		u64 seq;

		if (ctl->stop)
			hcall(UC_SYNC, vcpu, 0);
		seed = seed * 6364136223846793005 + 1442695040888963407;
		page = (seed >> 33) % (MEM_PAGES / 2) * 2 + vcpu;
		p = (void *)(MEM_BASE + page * ctl->page_size);
		seq = ctl->seq[page];
		/* vCPUs have different pages, but share the bitmap's words */
		__atomic_fetch_or(&ctl->dirty[page / 64], 1ul << page % 64,
				  __ATOMIC_RELAXED);
		if (!ctl->load_first)
			p[1] = seed;
		for (w = 0; w < MEM_WORDS; w++)
			if (p[w * step] != mem_word(page, seq, w))
				fail(page, mem_word(page, seq, w), p[w * step],
				     seq << 8 | w);
		ctl->seq[page] = ++seq;
		for (w = 0; w < MEM_WORDS; w++)
			p[w * step] = mem_word(page, seq, w);
		ctl->rounds[vcpu]++;
	}
}
