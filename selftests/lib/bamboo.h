/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 440EP's evaluation board, as far as a Linux kernel for it needs one: RAM
 * from 0, a serial port, an interrupt controller, clocks, a device tree.
 */
#ifndef SELFTESTS_BAMBOO_H
#define SELFTESTS_BAMBOO_H

#include "uart8250.h"
#include "vmm.h"

/*
 * UIC, the universal interrupt controller, whose state is in the order of its
 * DCRs
 */
struct uic {
	uint32_t latched; /* edges that have come */
	uint32_t level; /* inputs that are asserted */
	uint32_t er, cr, pr, tr, vcr;
};

struct bamboo {
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct uart8250 uart;
	struct uic uic;
	uint32_t indirect[8]; /* addresses of registers behind registers */
	bool external; /* the state of the processor's input */
	unsigned long exits[64]; /* by reason */
	int in; /* non-blocking source of console input, or -1 */
	bool key; /* there may be input at @in */
	bool verbose; /* prints accesses of the guest that nothing handles */
};

/* What bamboo_run() returns for */
enum bamboo_end {
	BAMBOO_RESET,
	BAMBOO_SIGNAL, /* KVM_RUN was interrupted, not by bamboo_key() */
	BAMBOO_FAILED, /* it has said why */
};

struct bamboo *bamboo_new(size_t mem_size, int console);
void bamboo_free(struct bamboo *b);

/*
 * Loads a kernel (ELF, 32-bit, big-endian, for a board with RAM at 0), an
 * initial RAM disk (may be NULL), and the device tree
 */
void bamboo_load(struct bamboo *b, const char *kernel, const char *initrd,
		 const char *bootargs);

enum bamboo_end bamboo_run(struct bamboo *b);

/* The guest's console takes input from @fd */
void bamboo_input(struct bamboo *b, int fd);
/* For a signal handler: tells the board that there may be input */
void bamboo_key(struct bamboo *b);

#endif
