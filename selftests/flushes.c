// SPDX-License-Identifier: GPL-2.0
/*
 * How many invalidations of the hardware's translations it takes to take pages
 * away from a guest, or to ask which were written: all CPUs wait for each.
 */
#include "kselftest_harness.h"

#include "memory_host.h"
#include "payloads/toucher.h"

#include <sys/mman.h>

DECLARE_PAYLOAD(toucher);

/* Above this many in one go, all translations of the guest go at once */
#define FEW 16
/* More than what is looked at with the lock held in one go */
#define PAGES 6000ul

FIXTURE(flushes)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	size_t page;
	char *hva;
	uint64_t *list;
};

FIXTURE_SETUP(flushes)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->vmm = vmm_new(MEM);
	if (book3s_peer() || book3s_on_hash(self->vmm))
		SKIP(return, "not counted");
	self->hva = reserve(PAGES * self->page, M2);
	if (mmap(self->hva, PAGES * self->page, PROT_READ | PROT_WRITE,
		 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		vmm_die("mmap");
	madvise(self->hva, PAGES * self->page, MADV_NOHUGEPAGE);
	self->list = vmm_gpa(self->vmm, GPA_FREE);
	book3s_load(self->vmm, PAYLOAD(toucher));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, GPA_FREE, MEM_BASE,
				     self->page);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, 0, MEM_BASE,
				  PAGES * self->page, self->hva));
}

FIXTURE_TEARDOWN(flushes)
{
	if (self->hva)
		munmap(self->hva, PAGES * self->page);
	vmm_free(self->vmm);
}

/* The guest to write @n pages, all @step */
static void touch(FIXTURE_DATA(flushes) * self, size_t n, size_t step)
{
	size_t i;

	for (i = 0; i < n; i++)
		self->list[i] = i * step;
	self->list[n] = TOUCH_END;
	book3s_run_hcall(self->vcpu);
}

static long discard(FIXTURE_DATA(flushes) * self, size_t n)
{
	long before = vmm_stat(self->vmm, "tlb_flushes");

	if (madvise(self->hva, n * self->page, MADV_DONTNEED))
		vmm_die("MADV_DONTNEED");
	return vmm_stat(self->vmm, "tlb_flushes") - before;
}

TEST_F(flushes, taken_away)
{
	touch(self, 200, 1);
	/* nothing, some, one too many, and what is left */
	EXPECT_EQ(0, discard(self, 0));
	EXPECT_EQ(FEW, discard(self, FEW));
	EXPECT_EQ(1, discard(self, 2 * FEW + 1));
	EXPECT_EQ(1, discard(self, 200));
	EXPECT_EQ(0, discard(self, 200));
	touch(self, 200, 1);
	EXPECT_EQ(0, memcmp(self->hva, (char[]){ 2, 0 }, 2));
}

/* All of the slot at once, though the lock is dropped now and then */
TEST_F(flushes, dirty_log)
{
	uint64_t *bits = calloc(PAGES / 64 + 1, 8);
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bits };
	size_t i, dirty = 0;
	long before;

	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, KVM_MEM_LOG_DIRTY_PAGES,
				  MEM_BASE, PAGES * self->page, self->hva));
	touch(self, PAGES / 4, 4);
	before = vmm_stat(self->vmm, "tlb_flushes");
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1, vmm_stat(self->vmm, "tlb_flushes") - before);
	for (i = 0; i < PAGES; i++)
		dirty += bits[i / 64] >> i % 64 & 1;
	EXPECT_EQ(PAGES / 4, dirty);

	touch(self, 3, PAGES / 3);
	before = vmm_stat(self->vmm, "tlb_flushes");
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(3, vmm_stat(self->vmm, "tlb_flushes") - before);
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(3, vmm_stat(self->vmm, "tlb_flushes") - before);
	free(bits);
}

TEST_HARNESS_MAIN
