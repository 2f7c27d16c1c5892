/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by reg_integrity.c and its payload */
#ifndef SELFTESTS_INTEGRITY_H
#define SELFTESTS_INTEGRITY_H

enum {
	KIND_HCALL, /* handled in the kernel */
	KIND_USER, /* handled by the VMM */
	KIND_LOAD, /* MMIO */
	KIND_STORE,
	KIND_FAULT, /* a page that the host may have taken away */
	KIND_ILLEGAL, /* an instruction, reflected to the guest */
	KIND_WAIT, /* for whatever interrupts the host has */
	KIND_DEC, /* the guest's decrementer */
	KIND_CEDE, /* sleep until the decrementer's interrupt */
	NR_KINDS,
};

/* a load gives the address times this, a store has to */
#define DEVICE 0x40000000ul
#define DEVICE_FACTOR 0x9e3779b1ul
#define PAGES 0x800000ul /* 1 MiB */
#define STACK1 0x210000ul /* the second vCPU's stacks are above */

#endif
