/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of TCE tables: making and mapping them, and a guest that uses them. */
#ifndef SELFTESTS_TCE_H
#define SELFTESTS_TCE_H

#include "hcall_fixture.h"

#include <sys/mman.h>

#define BUS 0x80000001ull
#define OTHER_BUS 0x80000002ull
#define READ 1ull
#define WRITE 2ull

#define ENTRY(n) ((n) * sizeof(uint64_t))

static inline int create64(struct vmm *vmm, uint64_t liobn, uint32_t shift,
			   uint64_t offset, uint64_t size)
{
	struct kvm_create_spapr_tce_64 t = {
		.liobn = liobn,
		.page_shift = shift,
		.offset = offset,
		.size = size,
	};

	return ioctl(vmm->fd, KVM_CREATE_SPAPR_TCE_64, &t);
}

static inline int create32(struct vmm *vmm, uint64_t liobn, uint32_t bytes)
{
	struct kvm_create_spapr_tce t = { .liobn = liobn,
					  .window_size = bytes };

	return ioctl(vmm->fd, KVM_CREATE_SPAPR_TCE, &t);
}

static inline volatile uint64_t *map(int fd, size_t entries)
{
	void *p = mmap(NULL, ENTRY(entries), PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);

	if (p == MAP_FAILED)
		vmm_die("mmap of a table");
	return p;
}

static inline void unmap(volatile uint64_t *table, size_t entries)
{
	munmap((void *)table, ENTRY(entries));
}

/* Entries that are not @want */
static inline size_t others(volatile uint64_t *table, size_t n, uint64_t want)
{
	size_t i, count = 0;

	for (i = 0; i < n; i++)
		count += table[i] != want;
	return count;
}

static inline void all_on(struct vmm *vmm)
{
	if (enable(vmm, H_STUFF_TCE, true) ||
	    enable(vmm, H_PUT_TCE_INDIRECT, true))
		vmm_die("KVM_CAP_PPC_ENABLE_HCALL");
}

#define PUT(ioba, tce) CALL(H_PUT_TCE, BUS, ioba, tce)
#define GET(ioba) CALL(H_GET_TCE, BUS, ioba)
#define STUFF(ioba, tce, n) CALL(H_STUFF_TCE, BUS, ioba, tce, n)
#define INDIRECT(ioba, list, n) CALL(H_PUT_TCE_INDIRECT, BUS, ioba, list, n)

#endif
