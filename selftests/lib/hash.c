// SPDX-License-Identifier: GPL-2.0
#include "book3s.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The table is in the VMM's memory, and SDR1 has its address, as for kvm-pr. A
 * guest in hardware has another one, which the kernel keeps; its entries are the
 * same.
 */
#define HPT_SHIFT 22
#define GROUPS (1ull << (HPT_SHIFT - 7))

#define SLB_V (1ull << 27)
#define SLB_1T (1ull << 62)
#define SLB_KP (1ull << 10)
#define SLB_64K 0x110ull

#define HPTE_1T (1ull << 62)
#define HPTE_L (1ull << 2)
#define HPTE_H (1ull << 1)
#define HPTE_V 1ull
/* by it Linux marks what stays in a table that gets another size */
#define HPTE_BOLTED (1ull << 4)
#define HPTE_PP0 (1ull << 63)
#define HPTE_N (1ull << 2)
#define HPTE_M (1ull << 4)
#define HPTE_I_G ((1ull << 5) | (1ull << 3))
#define HPTE_C (1ull << 7)
#define HPTE_R (1ull << 8)

struct book3s_hash {
	uint64_t *table;
	int fd; /* writes the kernel's table, if there is one; else -1 */
	unsigned int segments;
	struct {
		uint64_t esid, vsid;
	} slb[32];
};

bool book3s_on_hash(struct vmm *vmm)
{
	return vmm_check(vmm, KVM_CAP_PPC_GET_PVINFO) > 0;
}

/* Segments of 1 TB above the first terabyte, so that both sizes are used */
static unsigned int segment_shift(uint64_t ea)
{
	return ea >> 40 ? 40 : 28;
}

static uint64_t segment(struct book3s_hash *hash, uint64_t ea, bool large)
{
	unsigned int shift = segment_shift(ea), i;
	uint64_t base = ea >> shift << shift;
	uint64_t bits = SLB_KP | (shift == 40 ? SLB_1T : 0) |
			(large ? SLB_64K : 0);

	for (i = 0; i < hash->segments; i++) {
		if ((hash->slb[i].esid & -(1ull << 28)) != base)
			continue;
		if ((hash->slb[i].vsid ^ bits) & SLB_64K)
			vmm_die("a segment with two page sizes");
		return hash->slb[i].vsid >> (shift == 40 ? 24 : 12) & 0xffffff;
	}
	if (i == ARRAY_SIZE(hash->slb))
		vmm_die("too many segments");
	hash->segments++;
	hash->slb[i].esid = base | SLB_V | i;
	hash->slb[i].vsid = bits | (uint64_t)(0x1234 + 0x101 * i)
					   << (shift == 40 ? 24 : 12);
	return 0x1234 + 0x101 * i;
}

/* Puts an entry into the kernel's table */
static void put_in_kernel(int fd, uint32_t index, const uint64_t *entry)
{
	struct {
		struct kvm_get_htab_header header;
		uint64_t entry[2];
	} record = {
		.header = { .index = index, .n_valid = 1 },
		.entry = { entry[0], entry[1] },
	};

	if (write(fd, &record, sizeof(record)) != sizeof(record))
		vmm_die("writing the hashed page table");
}

static void put(struct book3s_hash *h, uint64_t hash, uint64_t v, uint64_t r)
{
	int second, i;

	for (second = 0; second < 2; second++) {
		uint64_t *group = h->table + (hash & (GROUPS - 1)) * 16;

		for (i = 0; i < 8; i++) {
			if (group[2 * i])
				continue;
			group[2 * i + 1] = htobe64(r);
			group[2 * i] = htobe64(v | (second ? HPTE_H : 0));
			if (h->fd >= 0)
				put_in_kernel(h->fd,
					      (hash & (GROUPS - 1)) * 8 + i,
					      group + 2 * i);
			return;
		}
		hash = ~hash;
	}
	vmm_die("the hashed page table is full");
}

/* One page of 4 or 64 KB; @rpte are the bits that a radix tree would have */
static void map_one(struct book3s_hash *hash, uint64_t ea, uint64_t gpa,
		    bool large, uint64_t rpte)
{
	unsigned int seg = segment_shift(ea), page = large ? 16 : 12;
	uint64_t vsid = segment(hash, ea, large);
	uint64_t offset = ea & ((1ull << seg) - 1);
	uint64_t folded = seg == 40 ? vsid ^ vsid << 25 : vsid;
	uint64_t v = (vsid << (seg - 23) | offset >> 23) << 7 | HPTE_V |
		     HPTE_BOLTED;
	uint64_t r = gpa | HPTE_R;

	v |= (seg == 40 ? HPTE_1T : 0) | (large ? HPTE_L : 0);
	r |= large ? 0x1000 : 0;
	r |= rpte & RPTE_C ? HPTE_C : 0;
	r |= rpte & RPTE_NON_IDEMPOTENT ? HPTE_I_G : HPTE_M;
	r |= rpte & RPTE_EXEC ? 0 : HPTE_N;
	if (rpte & RPTE_PRIV)
		r |= rpte & RPTE_WRITE ? 0 : HPTE_PP0 | 2;
	else
		r |= rpte & RPTE_WRITE ? 2 : 3;
	put(hash, folded ^ offset >> page, v, r);
}

static void free_hash(struct vmm *vmm)
{
	if (vmm->hash->fd >= 0)
		close(vmm->hash->fd);
	free(vmm->hash->table);
	free(vmm->hash);
}

static void new_hash(struct vmm *vmm)
{
	vmm->hash = calloc(1, sizeof(*vmm->hash));
	if (!vmm->hash)
		vmm_die("calloc");
	vmm->hash->fd = -1;
	vmm->hash->table = aligned_alloc(1ull << HPT_SHIFT, 1ull << HPT_SHIFT);
	if (!vmm->hash->table)
		vmm_die("aligned_alloc");
	memset(vmm->hash->table, 0, 1ull << HPT_SHIFT);
	vmm->at_free = free_hash;
}

bool book3s_wants_hash(void)
{
	const char *options = getenv("TEST_OPTIONS");

	return options && strstr(options, "hash-mmu");
}

void book3s_hash_mmu(struct vmm *vmm)
{
	struct kvm_get_htab_fd writer = { .flags = KVM_GET_HTAB_WRITE };
	uint32_t order = HPT_SHIFT;

	new_hash(vmm);
	if (ioctl(vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order))
		vmm_die("KVM_PPC_ALLOCATE_HTAB");
	vmm->hash->fd = ioctl(vmm->fd, KVM_PPC_GET_HTAB_FD, &writer);
	if (vmm->hash->fd < 0)
		vmm_die("KVM_PPC_GET_HTAB_FD");
}

void book3s_hash_map(struct vmm *vmm, uint64_t ea, uint64_t gpa, uint64_t size,
		     unsigned int shift, uint64_t bits)
{
	uint64_t page = shift >= 16 ? 0x10000 : 0x1000, off;

	if (!vmm->hash)
		new_hash(vmm);
	for (off = 0; off < size; off += page)
		map_one(vmm->hash, ea + off, gpa + off, page == 0x10000, bits);
}

void book3s_hash_set(struct vmm_vcpu *vcpu)
{
	struct book3s_hash *hash = vcpu->vmm->hash;
	struct kvm_sregs sregs;
	unsigned int i;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	sregs.u.s.sdr1 = (uintptr_t)hash->table | (HPT_SHIFT - 18);
	for (i = 0; i < ARRAY_SIZE(sregs.u.s.ppc64.slb); i++) {
		bool used = i < hash->segments;

		sregs.u.s.ppc64.slb[i].slbe = used ? hash->slb[i].esid : 0;
		sregs.u.s.ppc64.slb[i].slbv = used ? hash->slb[i].vsid : 0;
	}
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		vmm_die("KVM_SET_SREGS");
}
