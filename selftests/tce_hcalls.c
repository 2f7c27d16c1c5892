// SPDX-License-Identifier: GPL-2.0
/*
 * TCE tables: the hypercalls by which a guest reads and writes them, looked at
 * through the mapping too.
 */
#include "tce.h"

/* Entries in any window, and the ends of the window */
TEST_F(hcall, put_and_get)
{
	static const struct {
		uint32_t shift;
		uint64_t offset, size;
	} w[] = {
		{ 12, 0, 16 },
		{ 12, 0, 1 },
		{ 12, 0x80000, 0x10001 },
		{ 16, 1ull << 43, 3 },
		{ 24, 7, 100 },
		{ 34, (1ull << 30) - 6, 5 },
	};
	uint64_t bits, first, last, page, i;
	volatile uint64_t *t;
	unsigned int n;
	int fd;

	for (n = 0; n < ARRAY_SIZE(w); n++) {
		fd = create64(self->vmm, BUS, w[n].shift, w[n].offset,
			      w[n].size);
		ASSERT_LE(0, fd);
		t = map(fd, w[n].size);
		page = 1ull << w[n].shift;
		first = w[n].offset << w[n].shift;
		last = (w[n].offset + w[n].size - 1) << w[n].shift;
		EXPECT_EQ(0, GET(last));
		EXPECT_EQ(0, self->r[4]);
		for (bits = 0; bits < 4; bits++) {
			EXPECT_EQ(0, PUT(first, bits));
			EXPECT_EQ(0, PUT(last, bits ^ 3));
			EXPECT_EQ(w[n].size == 1 ? bits ^ 3 : bits, t[0]);
			EXPECT_EQ(bits ^ 3, t[w[n].size - 1]);
			EXPECT_EQ(0, GET(last));
			EXPECT_EQ(bits ^ 3, self->r[4]);
		}
		for (i = 1; i + 1 < w[n].size; i++)
			if (t[i])
				break;
		EXPECT_LE(w[n].size, i + 1);
		/* outside, and between pages */
		EXPECT_EQ(H_PARAMETER, PUT(last + page, READ));
		EXPECT_EQ(H_PARAMETER, GET(last + page));
		EXPECT_EQ(H_PARAMETER, PUT(first + 1, READ));
		EXPECT_EQ(H_PARAMETER, GET(first + page / 2));
		EXPECT_EQ(H_PARAMETER, GET(-page));
		EXPECT_EQ(H_PARAMETER, PUT(-1ull, READ));
		EXPECT_EQ(H_PARAMETER, PUT(first ^ 1ull << 63, READ));
		if (first) {
			EXPECT_EQ(H_PARAMETER, PUT(first - page, READ));
			EXPECT_EQ(H_PARAMETER, GET(0));
		}
		/* the first thing that is wrong is what counts */
		EXPECT_EQ(H_PARAMETER, PUT(last + page, MEM | READ));
		unmap(t, w[n].size);
		close(fd);
	}
}

/* An entry that permits something names memory, or is userspace's to judge */
TEST_F(hcall, addresses)
{
	size_t page = getpagesize();
	struct vmm *vmm = self->vmm;
	int fd = create64(vmm, BUS, 12, 0, 16);
	volatile uint64_t *t = map(fd, 16);
	char *hva = vmm_alloc(2 * page);
	/* userspace says which accesses a device gets in the end */
	uint32_t flags =
		vmm_check(vmm, KVM_CAP_READONLY_MEM) > 0 ? KVM_MEM_READONLY : 0;
	uint64_t bits;

	ASSERT_EQ(0, vmm_set_slot(vmm, 1, flags, 1 << 30, page, hva));
	ASSERT_EQ(0, vmm_set_slot(vmm, 2, 0, 1ull << 40, page, hva + page));
	for (bits = 1; bits < 4; bits++) {
		EXPECT_EQ(0, PUT(0, bits));
		EXPECT_EQ(0, PUT(0, (MEM - 0x1000) | bits));
		EXPECT_EQ(0, PUT(0, 1 << 30 | bits));
		EXPECT_EQ(0, PUT(0, ((1ull << 40) + page - 0x1000) | bits));
		EXPECT_EQ(((1ull << 40) + page - 0x1000) | bits, t[0]);
		EXPECT_EQ(TO_USER, PUT(0, MEM | bits));
		EXPECT_EQ(TO_USER, PUT(0, ((1 << 30) + page) | bits));
		EXPECT_EQ(TO_USER, PUT(0, ((1ull << 40) - 0x1000) | bits));
		EXPECT_EQ(TO_USER, PUT(0, -0x1000ull | bits));
		EXPECT_EQ(TO_USER, PUT(0, 1ull << 63 | bits));
		EXPECT_EQ(TO_USER, PUT(0, 0x1800 | bits));
		EXPECT_EQ(TO_USER, PUT(0, 0x1004 | bits));
		EXPECT_EQ(((1ull << 40) + page - 0x1000) | bits, t[0]);
	}
	/* addresses in a deleted slot are not memory */
	ASSERT_EQ(0, vmm_set_slot(vmm, 2, 0, 1ull << 40, 0, hva + page));
	EXPECT_EQ(TO_USER, PUT(0, 1ull << 40 | READ));
	/* an entry without permissions may have any address */
	EXPECT_EQ(0, PUT(0, MEM));
	EXPECT_EQ(MEM, t[0]);
	EXPECT_EQ(0, PUT(0, -4ull));
	EXPECT_EQ(-4ull, t[0]);
	EXPECT_EQ(0, PUT(0, 0x1234));
	EXPECT_EQ(0x1234, t[0]);
	unmap(t, 16);
	close(fd);
	/* the window's pages have to begin where memory does; no more is asked */
	fd = create64(vmm, BUS, 24, 0, 16);
	EXPECT_EQ(0, PUT(0, READ));
	EXPECT_EQ(TO_USER, PUT(0, 0x10000 | READ));
	EXPECT_EQ(TO_USER, PUT(0, MEM | READ));
	close(fd);
}

TEST_F(hcall, stuff)
{
	size_t per_page = getpagesize() / ENTRY(1);
	size_t entries = 3 * per_page, i, n;
	int fd = create64(self->vmm, BUS, 12, 0, entries);
	volatile uint64_t *t = map(fd, entries);
	const size_t from[] = { 0, 1, per_page - 1, per_page, entries - 1 };
	const size_t count[] = { 0,
				 1,
				 2,
				 512,
				 513,
				 per_page - 1,
				 per_page,
				 per_page + 1,
				 2 * per_page,
				 entries };
	size_t f, c;

	all_on(self->vmm);
	for (f = 0; f < ARRAY_SIZE(from); f++) {
		for (c = 0; c < ARRAY_SIZE(count); c++) {
			bool fits = from[f] + count[c] <= entries;

			for (i = 0; i < entries; i++)
				t[i] = i;
			EXPECT_EQ(fits ? 0 : H_PARAMETER,
				  STUFF(from[f] << 12, 0xabcd0, count[c]));
			for (i = n = 0; i < entries; i++) {
				bool in = fits && i >= from[f] &&
					  i < from[f] + count[c];

				n += t[i] != (in ? 0xabcd0 : i);
			}
			EXPECT_EQ(0, n)
			{
				TH_LOG("%zu entries from %zu on", count[c],
				       from[f]);
			}
		}
	}
	/* counts that no table has, and sums that overflow */
	for (i = 0; i < entries; i++)
		t[i] = 7;
	for (i = 63; i > 16; i--) {
		EXPECT_EQ(H_PARAMETER, STUFF(0, 0, 1ull << i));
		EXPECT_EQ(H_PARAMETER, STUFF(0x1000, 0, (1ull << i) - 1));
		EXPECT_EQ(H_PARAMETER, STUFF(0x1000, 0, -(1ull << i)));
	}
	EXPECT_EQ(H_PARAMETER, STUFF(0x1000, 0, -1ull));
	EXPECT_EQ(H_PARAMETER, STUFF(entries << 12, 0, 1));
	EXPECT_EQ(0, STUFF(entries << 12, 0, 0));
	EXPECT_EQ(H_PARAMETER, STUFF(0x800, 0, 1));
	/* permissions would have to be for one page each */
	EXPECT_EQ(H_PARAMETER, STUFF(0, READ, 1));
	EXPECT_EQ(H_PARAMETER, STUFF(0, WRITE, entries));
	EXPECT_EQ(H_PARAMETER, STUFF(0, 0x1000 | READ | WRITE, 0));
	EXPECT_EQ(0, others(t, entries, 7));
	unmap(t, entries);
	close(fd);
}

/* More entries than the host has memory for, and all of them cleared */
TEST_F(hcall, sparse)
{
	/* clearing what is not there is slow with kvm-hv.ko: it looks at each */
	uint64_t entries = book3s_peer() ? 1ull << 20 : 1ull << 29;
	uint64_t middle = entries / 2 << 12;
	int fd = create64(self->vmm, BUS, 12, 0, entries);
	volatile uint64_t *t;
	size_t page = getpagesize();

	ASSERT_LE(0, fd);
	all_on(self->vmm);
	EXPECT_EQ(0, PUT(middle, 0x3000 | WRITE));
	EXPECT_EQ(0, GET(middle));
	EXPECT_EQ(0x3000 | WRITE, self->r[4]);
	EXPECT_EQ(0, GET(middle - 0x1000));
	EXPECT_EQ(0, self->r[4]);
	EXPECT_EQ(0, GET((entries - 1) << 12));
	EXPECT_EQ(0, self->r[4]);
	EXPECT_EQ(0, STUFF(0, 0, entries));
	EXPECT_EQ(0, GET(middle));
	EXPECT_EQ(0, self->r[4]);
	EXPECT_EQ(0, PUT(middle, 0x4000 | WRITE));
	t = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, ENTRY(entries / 2));
	ASSERT_NE(MAP_FAILED, (void *)t);
	EXPECT_EQ(0x4000 | WRITE, t[0]);
	EXPECT_EQ(0, others(t + 1, page / ENTRY(1) - 1, 0));
	munmap((void *)t, page);
	close(fd);
}

TEST_F(hcall, indirect)
{
	static const unsigned int counts[] = { 1, 2, 63, 64, 65, 511, 512 };
	int fd = create64(self->vmm, BUS, 12, 0x80000, 1024);
	volatile uint64_t *t = map(fd, 1024);
	uint64_t *list = vmm_gpa(self->vmm, PAGES);
	uint64_t base = 0x80000ull << 12;
	unsigned int i, n, c;

	all_on(self->vmm);
	for (i = 0; i < 512; i++)
		list[i] = htobe64(((uint64_t)i << 12) | (i & 3));
	for (n = 0; n < ARRAY_SIZE(counts); n++) {
		c = counts[n];
		for (i = 0; i < 1024; i++)
			t[i] = -1ull;
		EXPECT_EQ(0, INDIRECT(base + (3 << 12), PAGES, c));
		for (i = 0; i < c; i++)
			EXPECT_EQ(((uint64_t)i << 12) | (i & 3), t[3 + i]);
		EXPECT_EQ(0, others(t, 3, -1ull));
		EXPECT_EQ(0, others(t + 3 + c, 1024 - 3 - c, -1ull));
	}
	for (i = 0; i < 1024; i++)
		t[i] = -1ull;
	/* no entry at all */
	EXPECT_EQ(0, INDIRECT(base, PAGES, 0));
	EXPECT_EQ(0, INDIRECT(base + (1024 << 12), PAGES, 0));
	/* too many, not a list's address, not in the window */
	EXPECT_EQ(H_PARAMETER, INDIRECT(base, PAGES, 513));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base, PAGES, -1ull));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base, PAGES, 1ull << 63));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base, PAGES + 8, 1));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base, PAGES + 0x800, 1));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base, PAGES + 1, 1));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base + (1023 << 12), PAGES, 2));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base + (513 << 12), PAGES, 512));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base - 0x1000, PAGES, 1));
	EXPECT_EQ(H_PARAMETER, INDIRECT(base + 0x10, PAGES, 1));
	EXPECT_EQ(H_PARAMETER, INDIRECT(0, PAGES, 1));
	EXPECT_EQ(0, others(t, 1024, -1ull));
	unmap(t, 1024);
	close(fd);
}

/*
 * A list with one entry that userspace has to check goes to userspace as a
 * whole
 */
TEST_F(hcall, indirect_all_or_none)
{
	static const uint64_t odd[] = { MEM | READ, 0x1800 | READ,
					1ull << 63 | WRITE, -1ull };
	static const unsigned int at[] = { 0, 63, 64, 100, 511 };
	int fd = create64(self->vmm, BUS, 12, 0, 512);
	volatile uint64_t *t = map(fd, 512);
	uint64_t *list = vmm_gpa(self->vmm, PAGES);
	unsigned int i, o, a;

	all_on(self->vmm);
	for (i = 0; i < 512; i++)
		list[i] = htobe64(READ);
	for (o = 0; o < ARRAY_SIZE(odd); o++) {
		for (a = 0; a < ARRAY_SIZE(at); a++) {
			list[at[a]] = htobe64(odd[o]);
			EXPECT_EQ(TO_USER, INDIRECT(0, PAGES, 512));
			EXPECT_EQ(0, others(t, 512, 0));
			/* an entry after the list's end does not matter */
			EXPECT_EQ(0, INDIRECT(0, PAGES, at[a]));
			EXPECT_EQ(0, STUFF(0, 0, 512));
			list[at[a]] = htobe64(READ);
		}
	}
	/* no permission, no matter which address; kvm-hv.ko says H_PARAMETER */
	if (!book3s_peer()) {
		list[1] = htobe64(1ull << 63);
		EXPECT_EQ(0, INDIRECT(0, PAGES, 2));
		EXPECT_EQ(READ, t[0]);
		EXPECT_EQ(1ull << 63, t[1]);
	}
	unmap(t, 512);
	close(fd);
}

/* Where a list can be, and cannot */
TEST_F(hcall, indirect_list)
{
	size_t page = getpagesize();
	struct vmm *vmm = self->vmm;
	int fd = create64(vmm, BUS, 12, 0, 512);
	volatile uint64_t *t = map(fd, 512);
	char *hva = vmm_alloc(4 * page);
	uint64_t *list = vmm_gpa(vmm, MEM - 0x1000);
	unsigned int i;

	all_on(vmm);
	/* the last bytes of a slot */
	for (i = 0; i < 512; i++)
		list[i] = htobe64(READ | WRITE);
	EXPECT_EQ(0, INDIRECT(0, MEM - 0x1000, 512));
	EXPECT_EQ(0, others(t, 512, READ | WRITE));
	/* behind them, and anywhere else where there is nothing */
	EXPECT_EQ(TO_USER, INDIRECT(0, MEM, 1));
	EXPECT_EQ(TO_USER, INDIRECT(0, MEM, 512));
	EXPECT_EQ(TO_USER, INDIRECT(0, 1ull << 52, 1));
	EXPECT_EQ(TO_USER, INDIRECT(0, 1ull << 63, 1));
	EXPECT_EQ(TO_USER, INDIRECT(0, -0x1000ull, 512));
	/* in a slot, but not there: never touched, no access, unmapped */
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, 1 << 30, 4 * page, hva));
	EXPECT_EQ(0, INDIRECT(0, 1 << 30, 512));
	EXPECT_EQ(0, others(t, 512, 0));
	mprotect(hva + page, page, PROT_NONE);
	EXPECT_EQ(TO_USER, INDIRECT(0, (1 << 30) + page, 512));
	munmap(hva + 2 * page, page);
	EXPECT_EQ(TO_USER, INDIRECT(0, (1 << 30) + 2 * page, 1));
	/* one that may only be read is good enough */
	mprotect(hva + 3 * page, page, PROT_READ);
	EXPECT_EQ(0, INDIRECT(0, (1 << 30) + 3 * page, 512));
	EXPECT_EQ(0, others(t, 512, 0));
	unmap(t, 512);
	close(fd);
}

/* What is not the kernel's: other buses, and what nobody turned on */
TEST_F(hcall, to_userspace)
{
	int fd;

	EXPECT_EQ(TO_USER, GET(0));
	EXPECT_EQ(TO_USER, PUT(0, 0));
	fd = create64(self->vmm, BUS, 12, 0, 16);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, GET(0));
	EXPECT_EQ(0, PUT(0, 0));
	/* known later than KVM_CAP_PPC_ENABLE_HCALL */
	EXPECT_EQ(TO_USER, STUFF(0, 0, 1));
	EXPECT_EQ(TO_USER, INDIRECT(0, PAGES, 1));
	all_on(self->vmm);
	EXPECT_EQ(0, STUFF(0, 0, 1));
	EXPECT_EQ(0, INDIRECT(0, PAGES, 1));
	/* a bus without a table, though all else is wrong too */
	EXPECT_EQ(TO_USER, CALL(H_GET_TCE, OTHER_BUS, 1));
	EXPECT_EQ(TO_USER, CALL(H_PUT_TCE, OTHER_BUS, 1, 0));
	EXPECT_EQ(TO_USER, CALL(H_STUFF_TCE, OTHER_BUS, 1, READ, -1ull));
	EXPECT_EQ(TO_USER,
		  CALL(H_PUT_TCE_INDIRECT, OTHER_BUS, 1, PAGES + 1, 1000));
	EXPECT_EQ(TO_USER, CALL(H_GET_TCE, -1ull, 0));
	/* turned off */
	EXPECT_EQ(0, enable(self->vmm, H_GET_TCE, false));
	EXPECT_EQ(0, enable(self->vmm, H_PUT_TCE, false));
	EXPECT_EQ(0, enable(self->vmm, H_STUFF_TCE, false));
	EXPECT_EQ(0, enable(self->vmm, H_PUT_TCE_INDIRECT, false));
	EXPECT_EQ(TO_USER, GET(0));
	EXPECT_EQ(TO_USER, PUT(0, 0));
	EXPECT_EQ(TO_USER, STUFF(0, 0, 1));
	EXPECT_EQ(TO_USER, INDIRECT(0, PAGES, 1));
	close(fd);
}

TEST_HARNESS_MAIN
