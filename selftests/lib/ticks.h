/* SPDX-License-Identifier: GPL-2.0 */
/* Statistics of repeated measurements, in ticks of the timebase */
#ifndef TICKS_H
#define TICKS_H

#include <stdint.h>
#include <stdlib.h>

static inline int by_value(const void *a, const void *b)
{
	uint64_t x = *(uint64_t *)a, y = *(uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts @n values, and returns the median */
static inline uint64_t median(uint64_t *t, size_t n)
{
	qsort(t, n, sizeof(*t), by_value);
	return t[n / 2];
}

#endif
