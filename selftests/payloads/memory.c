// SPDX-License-Identifier: GPL-2.0
/*
 * Visits pages of its share at random: each is checked to be as it was left,
 * and written anew. All that it must remember is in struct mem_ctl.
 */
#include "guest.h"

#include "memory.h"

long guest_main(ulong vcpu, ulong a1, ulong a2)
{
	volatile struct mem_ctl *ctl = (void *)MEM_CTL;
	u64 seed = 0x9e3779b97f4a7c15 * (vcpu + 1), seq;
	ulong step = ctl->page_size / 8 / MEM_WORDS, page, w;

	for (;;) {
		volatile u64 *p;

		if (ctl->stop)
			hcall(UC_SYNC, vcpu, 0);
		seed = seed * 6364136223846793005 + 1442695040888963407;
		page = (ulong)(seed >> 33) % (MEM_PAGES / ctl->vcpus) *
			       ctl->vcpus +
		       vcpu;
		p = (void *)(MEM_BASE + page * ctl->page_size);
		seq = ctl->seq[page];
		/* vCPUs have different pages, but share the bitmap's words */
		__atomic_fetch_or(&ctl->dirty[page / MEM_BITS],
				  1ul << page % MEM_BITS, __ATOMIC_RELAXED);
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
