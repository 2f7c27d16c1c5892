// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log is read while the guest stores to all of a slot's pages,
 * without pause. Copying the pages that it names gives, in the end, the guest's
 * memory.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM (16ul << 20)
#define SLOT 1
#define BASE 0x40000000ul
#define PAGES 96
/* The slot is large, so that the log is long, and these are its last pages */
#define SLOT_PAGES (1ul << 19)
#define FIRST (SLOT_PAGES - PAGES)
#define CODE GPA_FREE
#define STOP (GPA_FREE + 0x10000)

DECLARE_PAYLOAD(exits);

FIXTURE(dirty_race)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_regs regs;
	size_t page;
	char *hva, *slot;
	uint64_t *map;
	uint32_t copy[PAGES];
};

FIXTURE_SETUP(dirty_race)
{
	static const uint32_t code[] = {
		/* 1: */ ADDI(7, 7, 1),
		MR(8, 4),
		MTCTR(6),
		/* 2: */ STW(7, 0, 8),
		ADD(8, 8, 5),
		BDNZ(-8), /* 2b */
		LWZ(9, 0, 10),
		CMPLW(9, 11),
		BEQ(-32), /* 1b */
		HCALL(UC_SYNC),
	};

	self->page = sysconf(_SC_PAGESIZE);
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->map = calloc(SLOT_PAGES / 64, 8);
	self->slot = mmap(NULL, SLOT_PAGES * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->slot);
	madvise(self->slot, SLOT_PAGES * self->page, MADV_NOHUGEPAGE);
	self->hva = self->slot + FIRST * self->page;
	memset(self->hva, 0, PAGES * self->page);
	book3s_code(self->vmm, CODE, true, code, ARRAY_SIZE(code));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
	self->regs = (struct kvm_regs){ .pc = CODE, .msr = MSR_REAL };
	self->regs.gpr[4] = BASE + FIRST * self->page;
	self->regs.gpr[5] = self->page;
	self->regs.gpr[6] = PAGES;
	self->regs.gpr[10] = STOP;
	self->regs.sprg0 = BOOK3S_SPRG0;
}

FIXTURE_TEARDOWN(dirty_race)
{
	vmm_free(self->vmm);
}

static void *run(void *vcpu)
{
	return (void *)book3s_run_hcall(vcpu);
}

/* Copies the pages in the log; with @by_hand, after clearing it */
static void copy_dirty(FIXTURE_DATA(dirty_race) * self, bool by_hand)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = self->map };
	struct kvm_clear_dirty_log clear = { .slot = SLOT,
					     .num_pages = SLOT_PAGES,
					     .dirty_bitmap = self->map };
	const uint8_t *bits = (void *)(self->map + FIRST / 64);
	unsigned int i;

	if (ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log))
		vmm_die("KVM_GET_DIRTY_LOG");
	if (by_hand && ioctl(self->vmm->fd, KVM_CLEAR_DIRTY_LOG, &clear))
		vmm_die("KVM_CLEAR_DIRTY_LOG");
	for (i = 0; i < PAGES; i++)
		if (bits[(FIRST % 64 + i) / 8] >> (FIRST + i) % 8 & 1)
			self->copy[i] = *(volatile uint32_t *)(self->hva +
							       i * self->page);
}

static void race(struct __test_metadata *_metadata,
		 FIXTURE_DATA(dirty_race) * self, bool by_hand)
{
	unsigned long n = vmm_env("DIRTY_RACES", 60), round, lost = 0;
	volatile uint32_t *stop = vmm_gpa(self->vmm, STOP);
	unsigned int i, j;
	pthread_t t;
	void *nr;

	if (by_hand)
		ASSERT_EQ(0, vmm_enable_cap(self->vmm->fd,
					    KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
					    1, 0));
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, KVM_MEM_LOG_DIRTY_PAGES,
				  BASE, SLOT_PAGES * self->page, self->slot));
	for (round = 0; round < n; round++) {
		*stop = 0;
		self->regs.gpr[7] = round << 20;
		book3s_set_regs(self->vcpu, &self->regs);
		pthread_create(&t, NULL, run, self->vcpu);
		for (i = 0; i < 3; i++)
			copy_dirty(self, by_hand);
		usleep(500);
		*stop = 1;
		pthread_join(t, &nr);
		ASSERT_EQ(UC_SYNC, (unsigned long)nr);
		copy_dirty(self, by_hand);
		for (j = 0; j < PAGES; j++) {
			uint32_t *now = (void *)(self->hva + j * self->page);

			if (self->copy[j] == *now)
				continue;
			if (lost++ < 5)
				printf("# round %lu: page %u has %#x, copied was %#x\n",
				       round, j, *now, self->copy[j]);
			self->copy[j] = *now;
		}
	}
	EXPECT_EQ(0, lost);
}

TEST_F_TIMEOUT(dirty_race, get, 300)
{
	race(_metadata, self, false);
}

TEST_F_TIMEOUT(dirty_race, clear, 300)
{
	race(_metadata, self, true);
}

TEST_HARNESS_MAIN
