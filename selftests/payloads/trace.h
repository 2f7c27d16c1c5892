/* SPDX-License-Identifier: GPL-2.0 */
/* Between debug.c and payloads/trace.c: what the guest is to do, in r3 */
#ifndef SELFTESTS_TRACE_H
#define SELFTESTS_TRACE_H

enum trace_op {
	TRACE_STEPS, /* every instruction, by MSR[SE] */
	TRACE_BRANCHES, /* every branch, by MSR[BE] */
};

/* A device, for a load that is emulated */
#define TRACE_DEVICE 0x40000000ul

#endif
