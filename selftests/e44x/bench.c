// SPDX-License-Identifier: GPL-2.0
/*
 * Path lengths, and entries of the TLB that are written, from a guest's
 * instruction to its next one through each kind of exit. Prints
 *
 *	bench NAME INSTRUCTIONS WRITES OLD LIMIT
 *
 * with the median of the instructions (if time counts those: as many ticks as a
 * nop takes), less what the measuring itself takes; the entries written for an
 * exit; those that saving and loading all would write; and what WRITES may be.
 */
#define _GNU_SOURCE
#include "e44x.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM (8u << 20)
#define PREPARATION 0x1000u
#define CODE 0x2000u
#define HANDLER 0x4000u
#define OUT 0x100000u
/* What is touched: many pages of the guest's, one of the host's, never contiguous */
#define PAGES 0x400000u
#define NR_PAGES 1000u
/* Where map_for_programs has memory and the device */
#define USER 0x10000000u
#define USER_DEVICE 0x18000000u
#define UNMAPPED 0x20000000u

DECLARE_CODE(map_for_programs);
DECLARE_CODE(handler_system_call);
DECLARE_CODE(handler_rfi);
DECLARE_CODE(handler_guest_miss);

static double overhead, nop;
static unsigned int unpinned; /* entries that the host has not pinned */

struct bench {
	const char *name;
	const char *code, *code_end;
	const char *handler, *handler_end;
	unsigned int ivor;
	uint32_t address, stride;
	bool program; /* in problem state */
	double limit; /* entries written */
};

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b;

	return (x > y) - (x < y);
}

/* What the module said when it was loaded */
static unsigned int entries_for_guests(void)
{
	static char log[1 << 16];
	int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, sizeof(log) - 1);
	char *at = n > 0 ? strstr(log, "440 guests, ") : NULL;

	if (!at)
		vmm_die("the module has not said how many entries it uses");
	return strtoul(at + strlen("440 guests, "), NULL, 10);
}

static void run(struct vmm_vcpu *vcpu, uint64_t done)
{
	do {
		if (vmm_run(vcpu))
			vmm_die("KVM_RUN: %s", vmm_exit_str(vcpu));
		if (vcpu->run->exit_reason != KVM_EXIT_MMIO)
			vmm_die("%s", vmm_exit_str(vcpu));
	} while (vcpu->run->mmio.phys_addr != done);
}

static void start(struct vmm_vcpu *vcpu, const struct bench *b)
{
	struct kvm_regs regs = {
		.pc = CODE,
		.ctr = NR_PAGES,
		.msr = b->program ? MSR_PR : 0,
	};

	regs.gpr[3] = OUT;
	regs.gpr[5] = b->address;
	regs.gpr[8] = b->stride;
	/* For tlbwe: an entry that is not valid */
	regs.gpr[11] = 40;
	regs.gpr[31] = DEVICE;
	if (b->program) {
		regs.pc += USER;
		regs.gpr[3] += USER;
		regs.gpr[31] = USER_DEVICE;
	}
	vmm_set_regs(vcpu, &regs);
}

static void measure(const struct bench *b)
{
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *vcpu = vmm_add_vcpu(vmm, 0);
	uint32_t *t = vmm_gpa(vmm, OUT);
	unsigned int i, page = getpagesize();
	int fd = memfd_create("page", 0);
	double median, writes;
	long before;

	memset(vmm->mem, 0, PAGES);
	if (fd < 0 || ftruncate(fd, page))
		vmm_die("memfd");
	for (i = 0; i < NR_PAGES; i++)
		if (mmap(vmm_gpa(vmm, PAGES + i * page), page,
			 PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
			 0) == MAP_FAILED)
			vmm_die("mmap");
	close(fd);
	if (b->program) {
		struct kvm_regs regs = { .pc = PREPARATION };

		LOAD_CODE(vmm, PREPARATION, map_for_programs);
		regs.gpr[31] = DEVICE;
		vmm_set_regs(vcpu, &regs);
		run(vcpu, DEVICE);
	}
	memcpy(vmm_gpa(vmm, CODE), b->code, b->code_end - b->code);
	if (b->handler) {
		memcpy(vmm_gpa(vmm, HANDLER), b->handler,
		       b->handler_end - b->handler);
		set_vector(vcpu, b->ivor, HANDLER);
	}
	/* The second time all is mapped that is not to be missed */
	start(vcpu, b);
	run(vcpu, DEVICE);
	start(vcpu, b);
	before = vmm_stat(vmm, "tlb_writes");
	run(vcpu, DEVICE);
	writes = (double)(vmm_stat(vmm, "tlb_writes") - before) / NR_PAGES;
	qsort(t, NR_PAGES, sizeof(*t), by_value);
	median = t[NR_PAGES / 2];
	printf("# %s: min %u median %u p90 %u max %u ticks\n", b->name, t[0],
	       t[NR_PAGES / 2], t[NR_PAGES * 9 / 10], t[NR_PAGES - 1]);
	if (!strcmp(b->name, "nothing")) {
		overhead = median;
	} else if (!strcmp(b->name, "straight")) {
		nop = (median - overhead) / 1000;
	} else {
		printf("bench %s %.0f %.3f %u %.1f\n", b->name,
		       (median - overhead) / nop, writes, 2 * unpinned,
		       b->limit);
	}
	vmm_free(vmm);
}

/*
 * An exit that changes no mapping writes nothing, but what the host's own misses
 * have taken is written again; one that maps a page writes that.
 */
#define LIGHT 0.1
#define MAPS 1.5

#define B(n) .name = #n, .code = bench_##n, .code_end = bench_##n##_end
#define WITH(n, i) \
	.handler = handler_##n, .handler_end = handler_##n##_end, .ivor = i

#define DECLARE_BENCH(n) DECLARE_CODE(bench_##n)
DECLARE_BENCH(nothing);
DECLARE_BENCH(straight);
DECLARE_BENCH(mmio_load);
DECLARE_BENCH(mmio_store);
DECLARE_BENCH(touch);
DECLARE_BENCH(mfspr);
DECLARE_BENCH(mfspr_64);
DECLARE_BENCH(mtspr);
DECLARE_BENCH(tlbwe);
DECLARE_BENCH(system_call);
DECLARE_BENCH(rfi);
DECLARE_BENCH(guest_miss);

int main(void)
{
	const struct bench benches[] = {
		{ B(nothing) },
		{ B(straight) },
		{ B(mfspr), .limit = LIGHT },
		{ B(mfspr_64), .limit = 64 * LIGHT },
		{ B(mtspr), .limit = LIGHT },
		{ B(system_call), WITH(system_call, IVOR_SYSTEM_CALL),
		  .program = true, .limit = LIGHT },
		{ B(rfi), WITH(rfi, IVOR_SYSTEM_CALL), .program = true,
		  .limit = LIGHT },
		{ B(guest_miss), WITH(guest_miss, IVOR_DATA_TLB),
		  .address = UNMAPPED, .limit = LIGHT },
		{ B(mmio_load), .address = DEVICE + 0x100, .limit = LIGHT },
		{ B(mmio_store), .address = DEVICE + 0x100, .limit = LIGHT },
		{ B(touch), .address = PAGES, .stride = getpagesize(),
		  .limit = MAPS },
		{ B(tlbwe), .limit = LIGHT },
	};
	unsigned int i;

	setlinebuf(stdout);
	unpinned = entries_for_guests();
	for (i = 0; i < ARRAY_SIZE(benches); i++)
		measure(&benches[i]);
	return 0;
}
