/* SPDX-License-Identifier: GPL-2.0 */
/* Random numbers that are the same each time, from what they begin with. */
#ifndef SELFTESTS_RANDOM_H
#define SELFTESTS_RANDOM_H

#include <stdint.h>

/* The next one after @last, which is not 0: Marsaglia's xorshift */
static inline uint64_t random_after(uint64_t last)
{
	last ^= last << 13;
	last ^= last >> 7;
	last ^= last << 17;
	return last;
}

#endif
