// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: what may be created, changed and deleted, what a guest sees of
 * it, and the dirty log.
 */
#include "kselftest_harness.h"

#include "payload.h"
#include "payloads/toucher.h"

#include <endian.h>
#include <inttypes.h>
#include <sys/mman.h>

DECLARE_PAYLOAD(toucher);

#define MEM (8ul << 20)
#define GB (1ul << 30)

FIXTURE(slots)
{
	struct vmm *vmm;
	size_t page;
	char *hva; /* 16 pages and more */
};

FIXTURE_SETUP(slots)
{
	self->vmm = vmm_new(0);
	self->page = getpagesize();
	self->hva = vmm_alloc(64ul << 20);
}

FIXTURE_TEARDOWN(slots)
{
	vmm_free(self->vmm);
}

#define SET(slot, flags, gpa, size, hva) \
	vmm_set_slot(self->vmm, slot, flags, gpa, size, hva)
#define OK(...) EXPECT_EQ(0, SET(__VA_ARGS__))
#define REFUSED(err, ...)                        \
	do {                                     \
		errno = 0;                       \
		EXPECT_EQ(-1, SET(__VA_ARGS__)); \
		EXPECT_EQ(err, errno);           \
	} while (0)

TEST_F(slots, create_delete)
{
	uint64_t p = self->page;

	REFUSED(EINVAL, 0, 0, 0, 0, self->hva); /* nothing to delete */
	OK(0, 0, 0, 4 * p, self->hva);
	OK(0, 0, 0, 4 * p, self->hva); /* no change */
	OK(0, 0, 0, 0, 0);
	REFUSED(EINVAL, 0, 0, 0, 0, 0);
	/* deleting looks at the slot's number alone, but the rest is checked */
	OK(7, 0, 16 * p, 4 * p, self->hva);
	REFUSED(EINVAL, 7, 0, 1, 0, NULL);
	REFUSED(EINVAL, 7, 0, 0, 0, (void *)1);
	OK(7, 0, 99 * p, 0, self->hva);
}

TEST_F(slots, alignment)
{
	uint64_t p = self->page;

	REFUSED(EINVAL, 0, 0, p / 2, p, self->hva);
	REFUSED(EINVAL, 0, 0, 0, p / 2, self->hva);
	REFUSED(EINVAL, 0, 0, 0, p, self->hva + p / 2);
	REFUSED(EINVAL, 0, 0, 1, p, self->hva);
	REFUSED(EINVAL, 0, 0, 0, p + 1, self->hva);
	if (p > 4096) {
		REFUSED(EINVAL, 0, 0, 4096, p, self->hva);
		REFUSED(EINVAL, 0, 0, 0, 4096, self->hva);
	}
}

TEST_F(slots, wraps)
{
	uint64_t p = self->page;

	REFUSED(EINVAL, 0, 0, -p, 2 * p, self->hva);
	REFUSED(EINVAL, 0, 0, 0, -p, self->hva);
	/* addresses beyond userspace's end, and the kernel's */
	REFUSED(EINVAL, 0, 0, 0, 2 * p, (void *)-self->page);
	REFUSED(EINVAL, 0, 0, 0, p, (void *)(3ul << (__WORDSIZE - 2)));
	/* on a 440 this may be a valid user address */
	if (__WORDSIZE == 64)
		REFUSED(EINVAL, 0, 0, 0, p, (void *)(1ul << (__WORDSIZE - 1)));
	REFUSED(EINVAL, 0, 0, 0, 1ull << 62, self->hva);
	/* more pages than a slot may have */
	REFUSED(EINVAL, 0, 0, 0, p << 31, (void *)0);
	/* the last pages that a slot can have */
	OK(0, 0, -2 * p, p, self->hva);
	OK(0, 0, 0, 0, 0);
}

TEST_F(slots, flags)
{
	struct kvm_userspace_memory_region2 r2 = { .memory_size = self->page };
	uint64_t p = self->page;
	int bit;

	r2.userspace_addr = (uintptr_t)self->hva;
	for (bit = 0; bit < 32; bit++) {
		uint32_t f = 1u << bit;

		if (f == KVM_MEM_LOG_DIRTY_PAGES)
			continue;
		if (f == KVM_MEM_READONLY &&
		    vmm_check(self->vmm, KVM_CAP_READONLY_MEM) > 0)
			continue;
		REFUSED(EINVAL, 0, f, 0, p, self->hva);
		r2.flags = f;
		errno = 0;
		EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_SET_USER_MEMORY_REGION2,
				    &r2));
		EXPECT_EQ(EINVAL, errno)
		{
			TH_LOG("flag bit %d", bit);
		}
	}
	r2.flags = KVM_MEM_LOG_DIRTY_PAGES;
	EXPECT_EQ(0, ioctl(self->vmm->fd, KVM_SET_USER_MEMORY_REGION2, &r2));
	/* each kind of call can change a slot that the other made */
	OK(0, 0, 0, p, self->hva);
	OK(0, 0, 0, 0, 0);
}

TEST_F(slots, numbers)
{
	uint32_t n = vmm_check(self->vmm, KVM_CAP_NR_MEMSLOTS), i;
	/* Fewer slots on a debugging kernel, which is slow with them */
	uint32_t some = vmm_debugging_host() ? 1024 : 4096;
	uint64_t p = self->page;

	OK(n - 1, 0, 0, p, self->hva);
	REFUSED(EINVAL, n, 0, p, p, self->hva);
	REFUSED(EINVAL, 0xffff, 0, p, p, self->hva);
	/* another address space */
	REFUSED(EINVAL, 0x10000, 0, p, p, self->hva);
	REFUSED(EINVAL, 0xffff0000, 0, p, p, self->hva);
	/*
	 * as many slots as possible, with the same memory in each; the last one
	 * exists already
	 */
	n = n > some ? some : n - 1;
	for (i = 0; i < n; i++)
		OK(i, 0, (i + 1) * p, p, self->hva);
	for (i = 0; i < n; i++)
		OK(i, 0, 0, 0, 0);
}

TEST_F(slots, overlap)
{
	uint64_t p = self->page;

	OK(1, 0, 16 * p, 4 * p, self->hva);
	REFUSED(EEXIST, 2, 0, 16 * p, 4 * p, self->hva);
	REFUSED(EEXIST, 2, 0, 17 * p, p, self->hva);
	REFUSED(EEXIST, 2, 0, 15 * p, 2 * p, self->hva);
	REFUSED(EEXIST, 2, 0, 19 * p, 2 * p, self->hva);
	REFUSED(EEXIST, 2, 0, 0, 64 * p, self->hva);
	OK(2, 0, 15 * p, p, self->hva);
	OK(3, 0, 20 * p, p, self->hva);
	/* host addresses may overlap as they like */
	OK(4, 0, 0, 4 * p, self->hva);
	/* a move is refused over others, but not over itself */
	REFUSED(EEXIST, 1, 0, 17 * p, 4 * p, self->hva);
	OK(3, 0, 0, 0, 0);
	OK(1, 0, 17 * p, 4 * p, self->hva);
	REFUSED(EEXIST, 1, 0, 2 * p, 4 * p, self->hva);
	OK(1, 0, 100 * p, 4 * p, self->hva);
	OK(3, 0, 17 * p, 4 * p, self->hva);
}

TEST_F(slots, resize)
{
	uint64_t p = self->page;

	OK(0, 0, 0, 4 * p, self->hva);
	REFUSED(EINVAL, 0, 0, 0, 5 * p, self->hva);
	REFUSED(EINVAL, 0, 0, 0, 3 * p, self->hva);
	REFUSED(EINVAL, 0, 0, 0, 4 * p, self->hva + p);
	REFUSED(EINVAL, 0, 0, 8 * p, 4 * p, self->hva + p);
	/* a slot can be moved and logged by one call */
	OK(0, KVM_MEM_LOG_DIRTY_PAGES, 8 * p, 4 * p, self->hva);
	OK(0, 0, 8 * p, 4 * p, self->hva);
}

static int get_log(struct vmm *vmm, uint32_t slot, void *bitmap)
{
	struct kvm_dirty_log l = { .slot = slot, .dirty_bitmap = bitmap };

	return ioctl(vmm->fd, KVM_GET_DIRTY_LOG, &l);
}

static int clear_log(struct vmm *vmm, uint32_t slot, uint64_t first, uint32_t n,
		     void *bitmap)
{
	struct kvm_clear_dirty_log l = {
		.slot = slot,
		.first_page = first,
		.num_pages = n,
		.dirty_bitmap = bitmap,
	};

	return ioctl(vmm->fd, KVM_CLEAR_DIRTY_LOG, &l);
}

TEST_F(slots, dirty_log_errors)
{
	uint32_t n = vmm_check(self->vmm, KVM_CAP_NR_MEMSLOTS);
	uint64_t map[4] = { 0 };
	uint64_t p = self->page;

	OK(0, 0, 0, 100 * p, self->hva);
	EXPECT_EQ(-1, get_log(self->vmm, 0, map)); /* not logged */
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, get_log(self->vmm, 1, map)); /* no such slot */
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, get_log(self->vmm, n, map));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, get_log(self->vmm, 0x10000, map));
	EXPECT_EQ(EINVAL, errno);
	OK(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 100 * p, self->hva);
	EXPECT_EQ(-1, get_log(self->vmm, 0, NULL));
	EXPECT_EQ(EFAULT, errno);
	/* whole words are written, and nothing after them */
	memset(map, 0x5a, sizeof(map));
	EXPECT_EQ(0, get_log(self->vmm, 0, map));
	EXPECT_EQ(0, map[0]);
	EXPECT_EQ(0, map[1]);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, map[2]);
}

/*
 * The guest writes to a list of pages and makes a hypercall, again and again;
 * see payloads/toucher.c
 */
FIXTURE(log)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	uint64_t *list; /* page numbers for the guest to write */
	size_t page;
};

#define LIST GPA_FREE
#define LOGGED (1ul << 30) /* guest physical address of slot 1 */
#define LOGGED_PAGES 200
/* The size of the bitmap that the kernel writes, in whole longs */
#define LOG_BYTES \
	((LOGGED_PAGES + __WORDSIZE - 1) / __WORDSIZE * (__WORDSIZE / 8))

FIXTURE_VARIANT(log)
{
	bool virt;
};

FIXTURE_VARIANT_ADD(log, real){
	.virt = false,
};

/* A 440 has no real mode, so there is only one variant */
#ifdef __powerpc64__
FIXTURE_VARIANT_ADD(log, virt){
	.virt = true,
};
#endif

FIXTURE_SETUP(log)
{
	void *hva;

	self->page = getpagesize();
	self->vmm = vmm_new(MEM);
	guest_load(self->vmm, PAYLOAD(toucher));
	if (variant->virt) {
		guest_map(self->vmm, 0, MEM);
		guest_map(self->vmm, LOGGED, 16 << 20);
		guest_map(self->vmm, 2 * LOGGED, 16 << 20);
		guest_translate(self->vmm);
	}
	hva = vmm_alloc(LOGGED_PAGES * self->page);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, KVM_MEM_LOG_DIRTY_PAGES, LOGGED,
				  LOGGED_PAGES * self->page, hva));
	self->list = vmm_gpa(self->vmm, LIST);
	self->vcpu = guest_add_vcpu(self->vmm, 0, variant->virt, LIST, LOGGED,
				    self->page);
}

FIXTURE_TEARDOWN(log)
{
	vmm_free(self->vmm);
}

/* Let the guest write these @n pages of slot 1 */
static void touch(struct vmm_vcpu *vcpu, uint64_t *list, const uint64_t *pages,
		  size_t n)
{
	memcpy(list, pages, n * sizeof(*list));
	list[n] = TOUCH_END;
	if (guest_run_hcall(vcpu) != UC_SYNC)
		vmm_die("%s", vmm_exit_str(vcpu));
}

static bool only(const uint64_t *map, const uint64_t *pages, size_t n)
{
	uint64_t want[(LOGGED_PAGES + 63) / 64] = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		want[(pages[i] & ~TOUCH_ADD) / 64] |= 1ull << (pages[i] % 64);
	/* In little-endian order on any host */
	for (i = 0; i < ARRAY_SIZE(want); i++)
		want[i] = htole64(want[i]);
	if (!memcmp(want, map, LOG_BYTES))
		return true;
	for (i = 0; i < ARRAY_SIZE(want); i++)
		printf("# pages %zu..: %016" PRIx64 ", not %016" PRIx64 "\n",
		       64 * i, le64toh(map[i]), le64toh(want[i]));
	return false;
}

TEST_F(log, guest_writes)
{
	static const uint64_t a[] = { 0, 1, 63, 64, 65, 127, 150, 199 };
	static const uint64_t b[] = { 1, 2, 198 };
	uint64_t map[(LOGGED_PAGES + 63) / 64];

	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	EXPECT_TRUE(only(map, a, 0));
	touch(self->vcpu, self->list, a, ARRAY_SIZE(a));
	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	EXPECT_TRUE(only(map, a, ARRAY_SIZE(a)));
	/* what was reported is clean again */
	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	EXPECT_TRUE(only(map, a, 0));
	/* pages that the guest has mapped already, and new ones */
	touch(self->vcpu, self->list, b, ARRAY_SIZE(b));
	touch(self->vcpu, self->list, b, ARRAY_SIZE(b));
	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	EXPECT_TRUE(only(map, b, ARRAY_SIZE(b)));
}

/*
 * A clean page becomes dirty when it is written, even if it was read first. TCG
 * takes the store from the translation that the load made without looking at C,
 * so that a module which depends on C alone misses the page there.
 */
TEST_F(log, load_then_store)
{
	static const uint64_t a[] = { 0, 77 };
	static const uint64_t b[] = { 0 | TOUCH_ADD, 77 | TOUCH_ADD,
				      78 | TOUCH_ADD };
	uint64_t map[(LOGGED_PAGES + 63) / 64];

	touch(self->vcpu, self->list, a, ARRAY_SIZE(a));
	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	EXPECT_TRUE(only(map, a, ARRAY_SIZE(a)));
	touch(self->vcpu, self->list, b, ARRAY_SIZE(b));
	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	if (guest_peer())
		SKIP(return, "kvm-hv.ko depends on C");
	EXPECT_TRUE(only(map, b, ARRAY_SIZE(b)));
}

/* Writes by the host, reads and a discard are not in the log */
TEST_F(log, host_writes)
{
	static const uint64_t a[] = { 5, 70 };
	uint64_t map[(LOGGED_PAGES + 63) / 64];
	struct kvm_userspace_memory_region r = {
		.slot = 1,
		.flags = KVM_MEM_LOG_DIRTY_PAGES,
		.guest_phys_addr = LOGGED,
		.memory_size = LOGGED_PAGES * self->page,
	};
	char *hva = vmm_alloc(r.memory_size);

	/* makes a slot whose host address is known */
	r.userspace_addr = (uintptr_t)hva;
	r.memory_size = 0;
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_SET_USER_MEMORY_REGION, &r));
	r.memory_size = LOGGED_PAGES * self->page;
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_SET_USER_MEMORY_REGION, &r));
	hva[9 * self->page] = 1;
	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	EXPECT_TRUE(only(map, a, 0));
	/* dirty pages that the host discards stay in the log */
	touch(self->vcpu, self->list, a, ARRAY_SIZE(a));
	madvise(hva, r.memory_size, MADV_DONTNEED);
	EXPECT_EQ(0, get_log(self->vmm, 1, map));
	EXPECT_TRUE(only(map, a, ARRAY_SIZE(a)));
}

/* Only writes after the log was turned on again count */
TEST_F(log, toggle)
{
	static const uint64_t a[] = { 3, 100 }, b[] = { 100, 101 };
	uint64_t map[(LOGGED_PAGES + 63) / 64];
	size_t size = LOGGED_PAGES * self->page;
	char *hva = vmm_alloc(size);
	struct vmm *vmm = self->vmm;

	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, 0, NULL));
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, size, hva));
	touch(self->vcpu, self->list, a, ARRAY_SIZE(a));
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, KVM_MEM_LOG_DIRTY_PAGES, LOGGED, size,
				  hva));
	EXPECT_EQ(0, get_log(vmm, 1, map));
	EXPECT_TRUE(only(map, a, 0));
	touch(self->vcpu, self->list, b, ARRAY_SIZE(b));
	EXPECT_EQ(0, get_log(vmm, 1, map));
	EXPECT_TRUE(only(map, b, ARRAY_SIZE(b)));
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, size, hva));
	EXPECT_EQ(-1, get_log(vmm, 1, map));
	EXPECT_EQ(ENOENT, errno);
	/* the memory has what the guest wrote */
	EXPECT_NE(0, hva[3 * self->page]);
	EXPECT_NE(0, hva[101 * self->page]);
	EXPECT_EQ(0, hva[102 * self->page]);
}

/* A GET_DIRTY_LOG that fails must not lose dirty pages */
TEST_F(log, manual_protect)
{
	static const uint64_t a[] = { 0, 64, 65, 199 }, b[] = { 0, 199 };
	uint64_t map[(LOGGED_PAGES + 63) / 64], some[4] = { 0 };
	struct vmm *vmm = self->vmm;

	if (vmm_check(vmm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) <= 0) {
		EXPECT_EQ(-1, clear_log(vmm, 1, 0, LOGGED_PAGES, map));
		EXPECT_EQ(ENOTTY, errno);
		SKIP(return, "no KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
	}
	ASSERT_EQ(0, vmm_enable_cap(vmm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				    KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, 0));
	touch(self->vcpu, self->list, a, ARRAY_SIZE(a));
	EXPECT_EQ(0, get_log(vmm, 1, map));
	EXPECT_TRUE(only(map, a, ARRAY_SIZE(a)));
	/* reading clears nothing */
	EXPECT_EQ(0, get_log(vmm, 1, map));
	EXPECT_TRUE(only(map, a, ARRAY_SIZE(a)));
	EXPECT_EQ(-1, clear_log(vmm, 1, 1, 64, some));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, clear_log(vmm, 1, 0, 63, some));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, clear_log(vmm, 1, 64, 192, some));
	EXPECT_EQ(EINVAL, errno);
	some[0] = htole64(3); /* pages 64 and 65 */
	EXPECT_EQ(0, clear_log(vmm, 1, 64, 64, some));
	EXPECT_EQ(0, get_log(vmm, 1, map));
	EXPECT_TRUE(only(map, b, ARRAY_SIZE(b)));
	/* written again after clearing */
	touch(self->vcpu, self->list, a + 1, 1);
	memset(some, 0xff, sizeof(some));
	EXPECT_EQ(0, clear_log(vmm, 1, 128, LOGGED_PAGES - 128, some));
	EXPECT_EQ(0, get_log(vmm, 1, map));
	EXPECT_TRUE(only(map, a, 2));
}

/*
 * Accesses to a deleted slot are MMIO, a moved slot is found at its new place,
 * and memory keeps its content
 */
TEST_F(log, move_and_delete)
{
	static const uint64_t a[] = { 3 };
	size_t size = LOGGED_PAGES * self->page;
	struct kvm_run *run = self->vcpu->run;
	struct vmm *vmm = self->vmm;
	char *hva = vmm_alloc(size);

	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, 0, NULL));
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, size, hva));
	touch(self->vcpu, self->list, a, 1);
	EXPECT_EQ(1, hva[3 * self->page]);
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, 2 * LOGGED, size, hva));
	/* the guest adds one to the byte it finds: a load, and then a store */
	self->list[0] = 3 | TOUCH_ADD;
	self->list[1] = TOUCH_END;
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ((__u32)KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(LOGGED + 3 * self->page, run->mmio.phys_addr);
	EXPECT_EQ(1, run->mmio.len);
	EXPECT_EQ(0, run->mmio.is_write);
	run->mmio.data[0] = 41;
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ((__u32)KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(1, run->mmio.is_write);
	EXPECT_EQ(42, run->mmio.data[0]);
	EXPECT_EQ(UC_SYNC, guest_run_hcall(self->vcpu));
	EXPECT_EQ(1, hva[3 * self->page]);
	/* page number of the other place */
	self->list[0] = (LOGGED / self->page + 3) | TOUCH_ADD;
	EXPECT_EQ(UC_SYNC, guest_run_hcall(self->vcpu));
	EXPECT_EQ(2, hva[3 * self->page]);
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, 0, 0, NULL));
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ((__u32)KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(2 * LOGGED + 3 * self->page, run->mmio.phys_addr);
	EXPECT_EQ(2, hva[3 * self->page]);
}

TEST_F(log, readonly)
{
	size_t size = LOGGED_PAGES * self->page;
	struct kvm_run *run = self->vcpu->run;
	struct vmm *vmm = self->vmm;
	char *hva = vmm_alloc(size);

	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, 0, NULL));
	if (vmm_check(vmm, KVM_CAP_READONLY_MEM) <= 0)
		SKIP(return, "no KVM_CAP_READONLY_MEM");
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, KVM_MEM_READONLY, LOGGED, size, hva));
	hva[0] = 41;
	self->list[0] = TOUCH_ADD;
	self->list[1] = TOUCH_END;
	/* loads read the memory, stores are MMIO */
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ((__u32)KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(1, run->mmio.is_write);
	EXPECT_EQ(42, run->mmio.data[0]);
	EXPECT_EQ(UC_SYNC, guest_run_hcall(self->vcpu));
	EXPECT_EQ(41, hva[0]);
	/* a read-only slot cannot become writable */
	EXPECT_EQ(-1, vmm_set_slot(vmm, 1, 0, LOGGED, size, hva));
	EXPECT_EQ(EINVAL, errno);
}

/* Host memory that is not there, or not for writing: -EFAULT from KVM_RUN */
TEST_F(log, no_memory_behind)
{
	size_t size = LOGGED_PAGES * self->page;
	struct vmm *vmm = self->vmm;
	char *hva = vmm_alloc(size);

	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, 0, NULL));
	mprotect(hva, size, PROT_NONE);
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, LOGGED, size, hva));
	self->list[0] = 3 | TOUCH_ADD;
	self->list[1] = TOUCH_END;
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EFAULT, errno);
	/* the guest goes on when the memory is accessible again */
	mprotect(hva, size, PROT_READ);
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EFAULT, errno);
	mprotect(hva, size, PROT_READ | PROT_WRITE);
	EXPECT_EQ(UC_SYNC, guest_run_hcall(self->vcpu));
	EXPECT_EQ(1, hva[3 * self->page]);
}

/* Slots of one VM do not affect another VM */
TEST(two_vms)
{
	struct vmm *vmm[2] = { vmm_new(MEM), vmm_new(MEM) };
	static const uint64_t page[] = { GPA_FREE / 4096 + 1 };
	struct vmm_vcpu *vcpu[2];
	int i;

	for (i = 0; i < 2; i++) {
		guest_load(vmm[i], PAYLOAD(toucher));
		vcpu[i] = guest_add_vcpu(vmm[i], 0, false, LIST, 0, 4096);
		touch(vcpu[i], vmm_gpa(vmm[i], LIST), page, 1);
	}
	ASSERT_EQ(0, vmm_set_slot(vmm[0], 0, 0, 0, 0, NULL));
	touch(vcpu[1], vmm_gpa(vmm[1], LIST), page, 1);
	vmm_free(vmm[0]);
	touch(vcpu[1], vmm_gpa(vmm[1], LIST), page, 1);
	EXPECT_EQ(3, *(char *)vmm_gpa(vmm[1], GPA_FREE + 4096));
	vmm_free(vmm[1]);
}

TEST_HARNESS_MAIN
