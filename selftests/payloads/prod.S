/* SPDX-License-Identifier: GPL-2.0 */
/* Nothing but hypercalls that the kernel handles: a prod of vCPU 0, for ever */
#include "hcalls.h"

	.global guest_main
guest_main:
	li	3, H_PROD
	li	4, 0
	sc	1
	b	guest_main
