/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 440EP's evaluation board, as far as a Linux kernel for it needs one: RAM
 * from 0, a serial port, an interrupt controller, clocks, a device tree.
 */
#ifndef SELFTESTS_BAMBOO_H
#define SELFTESTS_BAMBOO_H

#include "uart8250.h"
#include "vmm.h"

/* UIC, the universal interrupt controller: DCRs from its first on */
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
	bool external; /* what the processor was told last */
	unsigned long exits[64]; /* by reason */
	int in; /* where what is typed comes from, or -1; not to block */
	bool key; /* is there something at @in? */
	bool verbose; /* says what the guest does that nothing answers to */
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
/* For a signal handler: there may be something at @in */
void bamboo_key(struct bamboo *b);

#endif
