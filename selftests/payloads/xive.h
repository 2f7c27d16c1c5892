/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by xive.c and its payload */
#ifndef SELFTESTS_XIVE_H
#define SELFTESTS_XIVE_H

/* Where the guest has the controller, and a page of 64 KB each */
#define PAGE 0x10000ul
#define TIMA (1ul << 40)
#define ESB (TIMA + (1ul << 30))

/* Guest memory of the test: a queue for each server, then what is shared */
#define QUEUES 0x400000ul
#define SHARED 0x600000ul

#define SERVERS 4

/* The source by which server @from interrupts server @to */
#define SOURCE(from, to) (0x20 + (from) * SERVERS + (to))

struct shared {
	/* By whom, and to whom */
	unsigned long sent[SERVERS][SERVERS];
	unsigned long got[SERVERS][SERVERS];
	unsigned long done[SERVERS];
	unsigned long spurious[SERVERS];
	unsigned long slowest[SERVERS]; /* ticks until an answer came */
};

/* What guest_main() is to do, as server a1 & 0xff; a1 >> 8 and a2 are below */
enum {
	X_SELF, /* interrupt itself a2 times */
	X_CALL, /* interrupt server a1 >> 8 a2 times, and wait for its answers */
	X_ANSWER, /* answer until that is done */
	X_STORM, /* interrupt others a2 times; a1 >> 8 servers */
	X_PEND, /* have an interrupt pending and not taken */
	X_TAKE, /* take what is pending, and say how many there were */
	X_WAIT, /* the same, asleep until there is one */
	X_OPEN, /* take interrupts, and spin until there was one */
};

#endif
