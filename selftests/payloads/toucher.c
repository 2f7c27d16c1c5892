// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a byte to each page whose number is in @list, of pages of @size bytes
 * from @base on, up to a -1; then tells the VMM and starts anew. The byte is
 * the round's number, or for page numbers with TOUCH_ADD one more than it was:
 * a load, and then a store; with TOUCH_LOAD it is only loaded.
 */
#include "guest.h"

#include "toucher.h"

long guest_main(ulong list, ulong base, ulong size)
{
	volatile u64 *p;
	u8 round = 1;

	for (;; round++) {
		for (p = (u64 *)list; *p != TOUCH_END; p++) {
			ulong page = *p & ~(TOUCH_ADD | TOUCH_LOAD);
			volatile u8 *byte = (u8 *)(base + page * size);

			if (*p & TOUCH_ADD)
				++*byte;
			else if (*p & TOUCH_LOAD)
				(void)*byte;
			else
				*byte = round;
		}
		hcall(UC_SYNC, 0, 0);
	}
}
