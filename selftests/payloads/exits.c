// SPDX-License-Identifier: GPL-2.0
/* UC_SYNC with a counter, @a0 times */
#include "guest.h"

long guest_main(u64 n, u64 a1, u64 a2)
{
	u64 i;

	for (i = 0; i < n; i++)
		if (hcall(UC_SYNC, i, 0) != (long)(i + 1))
			fail(1, i + 1, i, 0);
	return 0;
}
