/* SPDX-License-Identifier: GPL-2.0 */
/* What the payload storm and its VMM share: guest memory at STORM */
#ifndef STORM_H
#define STORM_H

#define STORM 0x400000
#define STORM_RTAS 0x410000 /* the arguments of the third vCPU's calls */

#define STORM_VCPUS 3
#define STORM_FIRST 0x1300 /* even sources are messages, odd ones lines */
#define STORM_SOURCES 8
#define STORM_SET_XIVE 0x2001 /* RTAS token */

struct storm {
	unsigned long long ipis[STORM_VCPUS]; /* that a vCPU has taken */
	/* Of a source: what its device has to do, and what has been done */
	unsigned long long posted[STORM_SOURCES];
	unsigned long long done[STORM_SOURCES];
	unsigned long long taken[STORM_SOURCES]; /* interrupts */
	unsigned long long nothing; /* interrupts without a source */
	unsigned long long redirects; /* by the third vCPU */
	unsigned long long stop;
};

#endif
