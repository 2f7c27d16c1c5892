// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the invalidations of the hardware's translations that it takes to
 * unmap pages of a guest, or to read the dirty log: all CPUs wait for each.
 */
#include "kselftest_harness.h"

#include "memory_host.h"
#include "payloads/toucher.h"

#include <sys/mman.h>

DECLARE_PAYLOAD(toucher);

/* Above this many in one go, all translations of the guest go at once */
#define FEW 16
/* So many pages are mapped at once, if their addresses differ in nothing else */
#define AROUND 16
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

/* Makes the guest write @n pages, @step pages apart */
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

/*
 * How many pages are mapped together with a page that the guest touches; this
 * is found out by unmapping them
 */
static long mapped_with(FIXTURE_DATA(flushes) * self, uint64_t page)
{
	self->list[0] = page | TOUCH_LOAD;
	self->list[1] = TOUCH_END;
	if (book3s_run_hcall(self->vcpu) != UC_SYNC)
		vmm_die("%s", vmm_exit_str(self->vcpu));
	return discard(self, 4 * AROUND);
}

/*
 * Pages that the host has beside one that the guest touches are mapped with it:
 * none that lies outside the slot, none that the host lacks, and none while it is
 * logged which ones are written.
 */
TEST_F(flushes, neighbours)
{
	size_t p = self->page, some = 4 * AROUND * p;

	memset(self->hva, 1, some);
	EXPECT_EQ(AROUND, mapped_with(self, AROUND + 3));
	/* nothing is there any more, and one page is made */
	EXPECT_EQ(1, mapped_with(self, AROUND + 3));
	memset(self->hva, 1, (AROUND + 5) * p);
	EXPECT_EQ(5, mapped_with(self, AROUND + 3));

	memset(self->hva, 1, some);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, KVM_MEM_LOG_DIRTY_PAGES,
				  MEM_BASE, PAGES * p, self->hva));
	EXPECT_EQ(1, mapped_with(self, AROUND + 3));

	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, 0, MEM_BASE, 0, NULL));
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, 0, MEM_BASE, 4 * p,
				  self->hva + (AROUND + 2) * p));
	memset(self->hva, 1, some);
	EXPECT_EQ(4, mapped_with(self, 1));
	memset(self->hva, 1, some);
	self->list[0] = 1 | TOUCH_LOAD;
	self->list[1] = 4 | TOUCH_LOAD;
	self->list[2] = TOUCH_END;
	EXPECT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ((__u32)KVM_EXIT_MMIO, self->vcpu->run->exit_reason);
	EXPECT_EQ(MEM_BASE + 4 * p, self->vcpu->run->mmio.phys_addr);
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
