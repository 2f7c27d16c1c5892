/* SPDX-License-Identifier: GPL-2.0 */
/* Between magic.c and payloads/magic.c: what the guest is to do, in r3 */
#ifndef SELFTESTS_MAGIC_H
#define SELFTESTS_MAGIC_H

enum magic_op {
	MAGIC_REGISTERS, /* each register by its instruction and in the page */
	MAGIC_INTERRUPT, /* an interrupt, which waits for MSR[EE] in the page */
	MAGIC_PROBLEM, /* the page is not there for programs */
};

/* Effective and real address, as Linux has them */
#define MAGIC_EA (-4096ul)

#endif
