// SPDX-License-Identifier: GPL-2.0
/*
 * EXITS exits of each kind: all registers and translations are after each what
 * they were before, and so is all of the guest's TLB in the end.
 */
#include "kselftest_harness.h"

#include "e44x.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM (2u << 20)
#define CODE 0x1000u
#define HANDLER 0x4000u
#define TABLE 0x8000u
#define DUMP 0x10000u
#define FRAMES 0x80000u /* of the pages that are mapped by 4 KB */
#define PAGES 0x30000000u /* where they are */
#define NR_PAGES 32
#define TOUCHED 0x100000u /* a page of the host's many times over */
#define NR_TOUCHED 128
#define UNMAPPED 0x20000000u
#define FP_ENABLED 0x2000u

DECLARE_CODE(go_back);
DECLARE_CODE(go_on);
DECLARE_CODE(map_pages);
DECLARE_CODE(dump_tlb);

/* As the code has it in its table; FPR 14 is a doubleword */
struct table {
	uint32_t gpr[32];
	uint32_t xer, lr, cr, pad;
	double fpr14;
};

struct tlb {
	uint32_t word[64][4];
};

FIXTURE(integrity)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct tlb before;
};

FIXTURE_VARIANT(integrity)
{
	const char *code, *end;
	unsigned int ivor; /* if not 0, what the exit ends in */
	const char *handler, *handler_end;
	uint32_t address;
	bool interrupt; /* an external one with each store */
	bool step; /* userspace has each instruction executed alone */
};

#define KIND(kind, ...)                                                    \
	DECLARE_CODE(keep_##kind);                                         \
	FIXTURE_VARIANT_ADD(integrity, kind)                               \
	{                                                                  \
		.code = keep_##kind, .end = keep_##kind##_end, __VA_ARGS__ \
	}
#define HANDLED_BY(nr, name) \
	.ivor = nr, .handler = name, .handler_end = name##_end

KIND(mfspr, );
KIND(mtspr, );
KIND(system_call, HANDLED_BY(IVOR_SYSTEM_CALL, go_back));
KIND(guest_miss, HANDLED_BY(IVOR_DATA_TLB, go_on), .address = UNMAPPED);
KIND(mmio_load, .address = DEVICE + 8);
KIND(mmio_store, .address = DEVICE + 8);
KIND(mfdcr, );
KIND(mtdcr, );
KIND(touch, .address = TOUCHED);
KIND(tlbwe, .address = 0x60000050); /* 1 MB, invalid as before */
KIND(mtmsr, );
KIND(pid, );
KIND(wrteei, );
KIND(tlbsx, );
KIND(trap, HANDLED_BY(IVOR_PROGRAM, go_on));
KIND(step, .step = true);
KIND(external, HANDLED_BY(IVOR_EXTERNAL, go_back), .address = DEVICE + 8,
     .interrupt = true);

/* Runs to a store to the device, and returns where */
static uint32_t run(struct __test_metadata *_metadata,
		    FIXTURE_DATA(integrity) * self, bool interrupt)
{
	struct kvm_interrupt irq = { .irq = KVM_INTERRUPT_SET };
	struct kvm_run *r = self->vcpu->run;

	for (;;) {
		ASSERT_EQ(0, vmm_run(self->vcpu));
		if (r->exit_reason == KVM_EXIT_DCR) {
			r->dcr.data = 1;
			continue;
		}
		if (r->exit_reason == KVM_EXIT_DEBUG)
			continue;
		ASSERT_EQ(KVM_EXIT_MMIO, r->exit_reason)
		{
			TH_LOG("%s", vmm_exit_str(self->vcpu));
		}
		if (r->mmio.phys_addr < DEVICE + 8)
			return r->mmio.phys_addr - DEVICE;
		if (interrupt)
			ASSERT_EQ(0,
				  ioctl(self->vcpu->fd, KVM_INTERRUPT, &irq));
	}
}

/* One of the pieces that are not measured */
static void do_once(struct __test_metadata *_metadata,
		    FIXTURE_DATA(integrity) * self, uint32_t at, uint32_t r4,
		    uint32_t r5)
{
	struct kvm_regs regs = { .pc = at };

	regs.gpr[4] = r4;
	regs.gpr[5] = r5;
	regs.gpr[28] = PAGES;
	regs.gpr[31] = DEVICE;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, run(_metadata, self, false));
}

FIXTURE_SETUP(integrity)
{
	unsigned int i, page = getpagesize();
	int fd = memfd_create("page", 0);

	self->vmm = vmm_new(MEM);
	self->vcpu = vmm_add_vcpu(self->vmm, 0);
	ASSERT_EQ(0, ftruncate(fd, page));
	for (i = 0; i < NR_TOUCHED; i++)
		ASSERT_NE(
			(uintptr_t)MAP_FAILED,
			(uintptr_t)mmap(vmm_gpa(self->vmm, TOUCHED + i * page),
					page, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_FIXED, fd, 0));
	close(fd);
	for (i = 0; i < NR_PAGES; i++)
		*(uint32_t *)vmm_gpa(self->vmm,
				     FRAMES + i * 7 % NR_PAGES * 4096) =
			PAGES + i * 4096;
	LOAD_CODE(self->vmm, 0x2000, map_pages);
	LOAD_CODE(self->vmm, 0x3000, dump_tlb);
	do_once(_metadata, self, 0x2000, 0, FRAMES);
	do_once(_metadata, self, 0x3000, DUMP, 0);
	memcpy(&self->before, vmm_gpa(self->vmm, DUMP), sizeof(self->before));
	/* Entry 8 is what was written */
	ASSERT_EQ(PAGES | 0x210, self->before.word[8][0]);
	ASSERT_EQ(FRAMES + 7 * 4096, self->before.word[9][1]);
	ASSERT_EQ(7, self->before.word[39][2]);
}

FIXTURE_TEARDOWN(integrity)
{
	vmm_free(self->vmm);
}

TEST_F_TIMEOUT(integrity, exits, 3600)
{
	unsigned long n = vmm_env("EXITS", 3000), exits, rounds = n;
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE |
						    KVM_GUESTDBG_SINGLESTEP };
	struct table *t = vmm_gpa(self->vmm, TABLE);
	struct kvm_regs regs = { .pc = CODE, .msr = FP_ENABLED };
	struct kvm_fpu fpu = { 0 };
	unsigned int i;

	memcpy(vmm_gpa(self->vmm, CODE), variant->code,
	       variant->end - variant->code);
	if (variant->ivor) {
		memcpy(vmm_gpa(self->vmm, HANDLER), variant->handler,
		       variant->handler_end - variant->handler);
		set_vector(self->vcpu, variant->ivor, HANDLER);
	}
	for (i = 0; i < 32; i++)
		t->gpr[i] = regs.gpr[i] = 0x9e3779b9u * (i + 1);
	t->xer = regs.xer = 0x60000015;
	t->lr = regs.lr = 0x87654320;
	t->cr = regs.cr = 0x0654321a;
	t->fpr14 = 3.141592653589793;
	memcpy(&fpu.fpr[14], &t->fpr14, sizeof(t->fpr14));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_FPU, &fpu));
	regs.gpr[4] = TABLE;
	regs.gpr[5] = variant->address;
	regs.gpr[7] = 0;
	regs.gpr[9] = 50; /* for tlbwe: an entry that is not valid */
	regs.gpr[28] = PAGES;
	regs.gpr[30] = 0;
	regs.gpr[31] = DEVICE;
	if (variant->step) {
		/* A round has more instructions than these */
		rounds = n / 50 + 1;
		ASSERT_EQ(0,
			  ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	}
	regs.ctr = rounds;
	vmm_set_regs(self->vcpu, &regs);
	exits = vmm_stat(self->vmm, "sum_exits");

	ASSERT_EQ(0, run(_metadata, self, variant->interrupt))
	{
		vmm_get_regs(self->vcpu, &regs);
		TH_LOG("pc %#llx after %lu, found %#llx", regs.pc,
		       rounds - (unsigned long)regs.ctr, regs.gpr[0]);
	}
	debug.control = 0;
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_LE(n, vmm_stat(self->vmm, "sum_exits") - exits);
	do_once(_metadata, self, 0x3000, DUMP, 0);
	if (variant->code == keep_tlbwe)
		self->before.word[50][0] = variant->address;
	EXPECT_EQ(0, memcmp(&self->before, vmm_gpa(self->vmm, DUMP),
			    sizeof(self->before)));
}

TEST_HARNESS_MAIN
