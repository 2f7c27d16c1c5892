// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory in huge pages: that they are mapped as such, and what becomes of
 * those mappings, and of what is in them, when the host takes a part away,
 * splits, collapses, protects, copies or moves them, or logs what is written.
 * How many the guest has is seen in debugfs.
 */
#include "kselftest_harness.h"

#include "memory_host.h"
#include "payloads/toucher.h"

#include <sys/mman.h>
#include <sys/wait.h>

DECLARE_PAYLOAD(toucher);

#define NR_HUGE 16ul
#define SIZE (NR_HUGE * M2)

enum kind { THP, SHMEM, HUGETLB, HUGETLB_SHARED };

/* @SIZE bytes in huge pages at @p */
static void map_huge(enum kind kind, char *p)
{
	int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, fd = -1;

	if (kind == HUGETLB)
		flags |= MAP_HUGETLB;
	if (kind == SHMEM || kind == HUGETLB_SHARED) {
		fd = memfd_create("guest", kind == SHMEM ? 0 : MFD_HUGETLB);
		if (fd < 0 || ftruncate(fd, SIZE))
			vmm_die("memfd");
		flags = MAP_FIXED | MAP_SHARED;
	}
	if (mmap(p, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED)
		vmm_die("huge pages");
	if (fd >= 0)
		close(fd);
	if (kind == THP || kind == SHMEM)
		madvise(p, SIZE, MADV_HUGEPAGE);
}

FIXTURE(huge)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	size_t page, n; /* the host's, and how many */
	size_t part; /* the least that can be taken away, in pages */
	char *hva;
	uint64_t *list;
};

FIXTURE_VARIANT(huge)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(huge, transparent){
	.kind = THP,
};

FIXTURE_VARIANT_ADD(huge, transparent_shared){
	.kind = SHMEM,
};

FIXTURE_VARIANT_ADD(huge, hugetlb){
	.kind = HUGETLB,
};

FIXTURE_VARIANT_ADD(huge, hugetlb_shared){
	.kind = HUGETLB_SHARED,
};

FIXTURE_SETUP(huge)
{
	write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		   "advise\n");
	if (variant->kind >= HUGETLB)
		ASSERT_EQ(2 * NR_HUGE, write_number(POOL_2M, 2 * NR_HUGE));
	self->page = sysconf(_SC_PAGESIZE);
	self->n = SIZE / self->page;
	self->part = variant->kind >= HUGETLB ? M2 / self->page : 1;
	self->vmm = vmm_new_small(MEM);
	self->hva = reserve(SIZE, M2);
	map_huge(variant->kind, self->hva);
	self->list = vmm_gpa(self->vmm, GPA_FREE);
	book3s_load(self->vmm, PAYLOAD(toucher));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, GPA_FREE, MEM_BASE,
				     self->page);
	ASSERT_EQ(0,
		  vmm_set_slot(self->vmm, SLOT, 0, MEM_BASE, SIZE, self->hva));
}

FIXTURE_TEARDOWN(huge)
{
	vmm_free(self->vmm);
	munmap(self->hva, SIZE);
	if (variant->kind >= HUGETLB)
		write_number(POOL_2M, 0);
}

/* Makes the guest touch @n pages from @first on, @step pages apart */
static void touch(FIXTURE_DATA(huge) * self, size_t first, size_t n,
		  size_t step, uint64_t how)
{
	size_t i;

	for (i = 0; i < n; i++)
		self->list[i] = (first + i * step) | how;
	self->list[n] = TOUCH_END;
	book3s_run_hcall(self->vcpu);
}

/* kvm-hv counts a page again when it only adds bits to its entry */
#define EXPECT_2M(n) EXPECT_EQ(n, book3s_peer() ? (n) : mapped_2m(self->vmm))

#define touch_all(self) touch(self, 0, (self)->n, 1, TOUCH_ADD)

/* Pages from @first on, @n of them, whose first byte is not @want */
static size_t wrong(FIXTURE_DATA(huge) * self, size_t first, size_t n,
		    char want)
{
	size_t i, bad = 0;

	for (i = first; i < first + n; i++)
		if (self->hva[i * self->page] != want && bad++ < 5)
			printf("# page %zu: %d, not %d\n", i,
			       self->hva[i * self->page], want);
	return bad;
}

TEST_F(huge, mapped)
{
	touch_all(self);
	EXPECT_2M(NR_HUGE);
	EXPECT_EQ(0, mapped_1g(self->vmm));
	/* and few for the guest itself: a list of pages is the most of it */
	EXPECT_GE(self->n / 8, vmm_stat(self->vmm, "pf_storage"));
	EXPECT_EQ(0, wrong(self, 0, self->n, 1));
}

/* Loads first: pages are the shared zero page until they are written */
TEST_F(huge, loads_first)
{
	char *zeroes = reserve(SIZE, M2);
	size_t i;

	touch(self, 0, self->n, 1, TOUCH_LOAD);
	EXPECT_2M(NR_HUGE);
	/* one page in each half of them */
	touch(self, 5, NR_HUGE / 2, M2 / self->page, 0);
	EXPECT_EQ(0, wrong(self, 0, 5, 0));
	EXPECT_EQ(0, wrong(self, 5, 1, 2));
	EXPECT_EQ(0, wrong(self, 6, M2 / self->page - 1, 0));
	EXPECT_EQ(0, wrong(self, self->n / 2, self->n / 2, 0));
	map_huge(THP, zeroes);
	for (i = 0; i < SIZE; i += 64)
		if (zeroes[i])
			break;
	EXPECT_EQ(SIZE, i);
	touch_all(self);
	EXPECT_EQ(0, wrong(self, self->n / 2, self->n / 2, 1));
	munmap(zeroes, SIZE);
}

TEST_F(huge, discard_part)
{
	size_t at = 3 * M2 / self->page;

	if (self->part == 1)
		at += 7;
	touch_all(self);
	ASSERT_EQ(0, madvise(self->hva + at * self->page,
			     self->part * self->page, MADV_DONTNEED));
	EXPECT_2M(NR_HUGE - 1);
	touch_all(self);
	/* memory of a file has the file's content again */
	EXPECT_EQ(0,
		  wrong(self, at, self->part,
			variant->kind == THP || variant->kind == HUGETLB ? 1 :
									   2));
	EXPECT_EQ(0, wrong(self, 0, at, 2));
	at += self->part;
	EXPECT_EQ(0, wrong(self, at, self->n - at, 2));
	if (self->part > 1)
		EXPECT_2M(NR_HUGE);
}

TEST_F(huge, unmap_part)
{
	size_t at = 2 * M2 / self->page;
	char *hole;

	if (self->part == 1)
		at += 1;
	hole = self->hva + at * self->page;
	touch_all(self);
	ASSERT_EQ(0, munmap(hole, self->part * self->page));
	EXPECT_2M(NR_HUGE - 1);
	self->list[0] = at | TOUCH_ADD;
	self->list[1] = TOUCH_END;
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EFAULT, errno);
	/* memory with small pages is mapped there */
	mmap(hole, self->part * self->page, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	book3s_run_hcall(self->vcpu);
	touch_all(self);
	EXPECT_EQ(0, wrong(self, 0, at, 2));
	EXPECT_EQ(2, hole[0]);
	EXPECT_EQ(0, wrong(self, at + 1, self->part - 1, 1));
	at += self->part;
	EXPECT_EQ(0, wrong(self, at, self->n - at, 2));
}

TEST_F(huge, protect_part)
{
	size_t at = 5 * M2 / self->page, len = self->part * self->page;
	char *p;

	if (self->part == 1)
		at += 9;
	p = self->hva + at * self->page;
	touch_all(self);
	ASSERT_EQ(0, mprotect(p, len, PROT_READ));
	EXPECT_2M(NR_HUGE - 1);
	touch(self, at, self->part, 1, TOUCH_LOAD);
	self->list[0] = at;
	self->list[1] = TOUCH_END;
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, *p);
	ASSERT_EQ(0, mprotect(p, len, PROT_READ | PROT_WRITE));
	book3s_run_hcall(self->vcpu);
	touch(self, at, 1, 1, TOUCH_ADD);
	/* the number of the round, plus one */
	EXPECT_EQ(4, *p);
	*p = 1;
	touch_all(self);
	EXPECT_EQ(0, wrong(self, 0, self->n, 2));
}

/*
 * A child does not see what the guest writes to private memory after the fork,
 * but sees what it writes to shared memory
 */
TEST_F(huge, fork)
{
	bool shared = variant->kind == SHMEM || variant->kind == HUGETLB_SHARED;
	char *last = self->hva + (self->n - 1) * self->page;
	int status = -1, i;
	pid_t pid;

	touch_all(self);
	pid = fork();
	if (!pid) {
		for (i = 0; i < 20; i++, usleep(10000))
			if (!shared && wrong(self, 0, self->n, 1))
				_exit(1);
		while (shared && *(volatile char *)last != 2)
			usleep(10000);
		_exit(wrong(self, 0, self->n, shared ? 2 : 1) > 0);
	}
	touch_all(self);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, wrong(self, 0, self->n, 2));
	touch_all(self);
	EXPECT_EQ(0, wrong(self, 0, self->n, 3));
}

static size_t logged(FIXTURE_DATA(huge) * self, size_t step, size_t first)
{
	uint64_t map[SIZE / 0x1000 / 64] = { 0 };
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = map };
	size_t i, bad = 0;

	if (ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log))
		vmm_die("KVM_GET_DIRTY_LOG");
	for (i = 0; i < self->n; i++) {
		bool want = step && i % step == first;

		if ((map[i / 64] >> i % 64 & 1) != want && bad++ < 5)
			printf("# page %zu %slogged\n", i, want ? "not " : "");
	}
	return bad;
}

/* The dirty log distinguishes pages that a huge page would cover */
TEST_F(huge, dirty_log)
{
	size_t n = self->n / 5;
	int round;

	if (book3s_peer())
		SKIP(return, "TCG does not set C, which it depends on");
	for (round = 0; round < 2; round++) {
		touch_all(self);
		EXPECT_2M(NR_HUGE);
		ASSERT_EQ(0,
			  vmm_set_slot(self->vmm, SLOT, KVM_MEM_LOG_DIRTY_PAGES,
				       MEM_BASE, SIZE, self->hva));
		EXPECT_2M(0);
		touch(self, 0, self->n, 1, TOUCH_LOAD);
		EXPECT_EQ(0, logged(self, 0, 0));
		touch(self, 2, n, 5, 0);
		EXPECT_EQ(0, logged(self, 5, 2));
		EXPECT_EQ(0, logged(self, 0, 0));
		touch(self, 2, n, 5, TOUCH_ADD);
		touch(self, 0, self->n, 1, TOUCH_LOAD);
		EXPECT_EQ(0, logged(self, 5, 2));
		touch(self, 3, n, 5, TOUCH_ADD);
		EXPECT_EQ(0, logged(self, 5, 3));
		EXPECT_2M(0);
		ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, 0, MEM_BASE, SIZE,
					  self->hva));
	}
	touch_all(self);
	EXPECT_2M(NR_HUGE);
	EXPECT_EQ(3, self->hva[0]);
	EXPECT_EQ(5, self->hva[3 * self->page]);
}

/* Only the part of a huge page that is in the slot may be mapped */
TEST_F(huge, slot_bounds)
{
	struct kvm_run *run = self->vcpu->run;
	size_t i, m1 = M2 / 2 / self->page;

	for (i = 0; i < self->n; i++)
		self->hva[i * self->page + 1] = i;
	vmm_set_slot(self->vmm, SLOT, 0, 0, 0, NULL);
	/*
	 * one and a half huge pages, then shifted by a page, then for loads only
	 */
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, 0, MEM_BASE, 3 * M2 / 2,
				  self->hva));
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT + 1, 0, MEM_BASE + 2 * M2,
				  2 * M2, self->hva + 2 * M2 + self->page));
	/* kvm-hv has no read-only slots */
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT + 2,
				  book3s_peer() ? 0 : KVM_MEM_READONLY,
				  MEM_BASE + 4 * M2, M2, self->hva + 5 * M2));
	touch(self, 0, 3 * m1, 1, TOUCH_ADD);
	EXPECT_2M(1);
	touch(self, 4 * m1, 4 * m1, 1, TOUCH_ADD);
	EXPECT_2M(1);
	touch(self, 8 * m1, 2 * m1, 1, TOUCH_LOAD);
	EXPECT_2M(2);
	EXPECT_EQ(0, wrong(self, 0, 3 * m1, 1));
	EXPECT_EQ(0, wrong(self, 3 * m1, m1 + 1, 0));
	EXPECT_EQ(0, wrong(self, 4 * m1 + 1, 4 * m1, 1));
	EXPECT_EQ(0, wrong(self, 8 * m1 + 1, self->n - 8 * m1 - 1, 0));
	for (i = 0; i < self->n; i++)
		if (self->hva[i * self->page + 1] != (char)i)
			break;
	EXPECT_EQ(self->n, i);
	if (book3s_peer())
		SKIP(return, "maps a huge page beyond the slot's end");
	/* after the first, and a store to the last */
	self->list[0] = 3 * m1 | TOUCH_LOAD;
	self->list[1] = 8 * m1;
	self->list[2] = TOUCH_END;
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(MEM_BASE + 3 * M2 / 2, run->mmio.phys_addr);
	EXPECT_FALSE(run->mmio.is_write);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(MEM_BASE + 4 * M2, run->mmio.phys_addr);
	EXPECT_TRUE(run->mmio.is_write);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(0, self->hva[5 * M2]);
}

/* A page of 1G, if the host has a free one */
TEST(gigantic)
{
	size_t page = sysconf(_SC_PAGESIZE), far = 16ul << 20, i;
	uint64_t *map = calloc(1, G1 / 0x1000 / 8);
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = map };
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	uint64_t *list;
	char *hva = reserve(G1, G1);

	if (book3s_peer())
		SKIP(return,
			   "leaves 1G mapped when the log goes on, and warns");
	if (write_number(POOL_1G, 1) != 1)
		SKIP(return, "no gigabyte in one piece");
	ASSERT_EQ((void *)hva, mmap(hva, G1, PROT_READ | PROT_WRITE,
				    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS |
					    MAP_HUGETLB | 30 << 26,
				    -1, 0));
	vmm = vmm_new_small(MEM);
	list = vmm_gpa(vmm, GPA_FREE);
	book3s_load(vmm, PAYLOAD(toucher));
	vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, GPA_FREE, G1, far);
	ASSERT_EQ(0, vmm_set_slot(vmm, SLOT, 0, G1, G1, hva));
	for (i = 0; i < G1 / far; i++)
		list[i] = i | TOUCH_ADD;
	list[i] = TOUCH_END;
	book3s_run_hcall(vcpu);
	EXPECT_EQ(1, mapped_1g(vmm));
	EXPECT_EQ(0, mapped_2m(vmm));

	ASSERT_EQ(0, vmm_set_slot(vmm, SLOT, KVM_MEM_LOG_DIRTY_PAGES, G1, G1,
				  hva));
	EXPECT_EQ(0, mapped_1g(vmm));
	book3s_run_hcall(vcpu);
	EXPECT_EQ(0, mapped_1g(vmm) + mapped_2m(vmm));
	ASSERT_EQ(0, ioctl(vmm->fd, KVM_GET_DIRTY_LOG, &log));
	for (i = 0; i < G1 / page; i++)
		if ((map[i / 64] >> i % 64 & 1) != !(i * page % far))
			break;
	EXPECT_EQ(G1 / page, i);
	ASSERT_EQ(0, vmm_set_slot(vmm, SLOT, 0, G1, G1, hva));
	book3s_run_hcall(vcpu);
	EXPECT_EQ(1, mapped_1g(vmm));

	/* half of it, by smaller pages, of each of which a page is touched */
	vmm_set_slot(vmm, SLOT, 0, 0, 0, NULL);
	EXPECT_EQ(0, mapped_1g(vmm));
	ASSERT_EQ(0, vmm_set_slot(vmm, SLOT, 0, G1, G1 / 2, hva));
	list[G1 / 2 / far] = TOUCH_END;
	book3s_run_hcall(vcpu);
	EXPECT_EQ(0, mapped_1g(vmm));
	EXPECT_EQ(G1 / 2 / far, mapped_2m(vmm));

	/* it is unmapped as a whole */
	ASSERT_EQ(0, munmap(hva, G1));
	EXPECT_EQ(0, mapped_2m(vmm));
	EXPECT_EQ(-1, vmm_run(vcpu));
	EXPECT_EQ(EFAULT, errno);
	vmm_free(vmm);
	free(map);
	write_number(POOL_1G, 0);
}

TEST_HARNESS_MAIN
