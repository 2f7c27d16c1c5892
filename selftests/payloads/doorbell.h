/* SPDX-License-Identifier: GPL-2.0 */
/* What the payload doorbell and its VMM share: guest memory at DOORBELLS */
#ifndef DOORBELL_H
#define DOORBELL_H

#define DOORBELLS 0x400000
#define DOORBELL_VCPUS 16 /* ids are below that */

struct doorbells {
	unsigned long long threads; /* that a core can have */
	unsigned long long
		present; /* that a core has, beginning with its first */
	unsigned long long rounds;
	unsigned long long taken[DOORBELL_VCPUS]; /* by the vCPU with this id */
};

/* What a vCPU is to do */
enum doorbell_role {
	DOORBELL_ALONE, /* look at its core, in which nobody else runs */
	DOORBELL_RING, /* pass a doorbell on to the next thread of the core */
	DOORBELL_WAIT, /* take one */
};

#endif
