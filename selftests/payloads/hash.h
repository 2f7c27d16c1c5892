/* SPDX-License-Identifier: GPL-2.0 */
/* Between pr.c and payloads/hash.c: what the guest is to do, in r3 */
#ifndef SELFTESTS_HASH_H
#define SELFTESTS_HASH_H

enum hash_op {
	HASH_ENTER, /* H_ENTER, H_PROTECT, H_REMOVE, H_BULK_REMOVE */
	HASH_SLB, /* slbmte, slbie, slbia, slbmfee, slbmfev, slbfee. */
	HASH_READ, /* loads from a device, of which the code is in the way */
	HASH_SEGMENTS, /* as many VSIDs as r4 says, one after the other */
	HASH_ACCESS, /* r4 loads and stores of a device, by code at HASH_EA */
	HASH_INVALIDATE, /* takes HASH_EA's page away without pause, and puts it back */
};

/* Effective address that nothing is mapped at in the beginning */
#define HASH_EA 0xd000000000000000ul
/* VSID of its segment, of 256 MB and pages of 64 KB */
#define HASH_VSID 0x54321ul
/* Guest real memory to map there: two pages of 64 KB */
#define HASH_PAGES 0x500000ul
/* Not 0 ends HASH_INVALIDATE; until it is so, HASH_ACCESS waits for that */
#define HASH_STOP 0x600000ul
#define HASH_STARTED (HASH_STOP + 8)
/* The table has so many groups */
#define HASH_GROUPS 0x8000ul
/* A device: the value at an address is that times DEVICE_FACTOR */
#define HASH_DEVICE 0x40000000ul
#define HASH_FACTOR 0x9e3779b1u

#endif
