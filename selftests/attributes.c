// SPDX-License-Identifier: GPL-2.0
/*
 * How the host's hashed page table maps what a guest has: by the attributes
 * that the host has for it, whatever the guest's own table says. Memory that is
 * mapped cache-inhibited and cached at once can stop a machine.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "physical.h"

#include <endian.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define BASE 0x40000000ul
#define PAGE 0x10000ul

/* Second doubleword of an entry */
#define HPTE_W 0x40u
#define HPTE_I 0x20u
#define HPTE_M 0x10u
#define HPTE_G 0x08u
#define HPTE_WIMG (HPTE_W | HPTE_I | HPTE_M | HPTE_G)
#define HPTE_RPN 0x00fffffffffff000ul
#define HPTE_V 1u

/* How many of our own pages are used to find the host's table */
#define WITNESSES 8

FIXTURE(attributes)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	volatile uint64_t *table;
	size_t size;
	int fd;
};

/*
 * Entries for the 64 KB at real address @real, in pages of 4 or 64 KB; of
 * those, how many have @attributes
 */
static unsigned int entries(volatile uint64_t *table, size_t size,
			    uint64_t real, uint64_t attributes,
			    unsigned int *alike)
{
	unsigned int found = 0;
	size_t i;

	*alike = 0;
	for (i = 0; i < size / 8; i += 2) {
		uint64_t r = be64toh(table[i + 1]);

		if (((r & HPTE_RPN) ^ real) & ~(PAGE - 1))
			continue;
		if (!(be64toh(table[i]) & HPTE_V))
			continue;
		found++;
		*alike += (r & HPTE_WIMG) == attributes;
	}
	return found;
}

/*
 * The host's table: a group of 128 bytes for two pages, rounded up to a power
 * of 2, aligned to its size, and as far up as memory goes. It is the one that
 * has what this process uses.
 */
static void find_table(FIXTURE_DATA(attributes) * self)
{
	uint64_t end = memory_end(), at;
	size_t groups = end / sysconf(_SC_PAGESIZE) / 2, i;
	char *witness[WITNESSES];

	for (self->size = 1ul << 18; self->size < groups * 128;)
		self->size <<= 1;
	for (i = 0; i < WITNESSES; i++) {
		witness[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1,
				  0);
		memset(witness[i], 1, PAGE);
	}
	for (at = end & -self->size; at; at -= self->size) {
		unsigned int known = 0, alike;

		self->table = map_real(self->fd, at - self->size, self->size);
		if (!self->table)
			vmm_die("/dev/mem has no memory");
		for (i = 0; i < WITNESSES; i++)
			known += entries(self->table, self->size,
					 real_address(witness[i]), HPTE_M,
					 &alike) > 0;
		if (known >= WITNESSES / 2)
			return;
		munmap((void *)self->table, self->size);
	}
	vmm_die("the host's page table is nowhere");
}

FIXTURE_SETUP(attributes)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	if (!emulated() || access("/proc/device-tree/ibm,opal", F_OK))
		SKIP(return, "its page table is not to be had");
	self->fd = open("/dev/mem", O_RDWR);
	ASSERT_LE(0, self->fd);
	find_table(self);
	book3s_load(self->vmm, PAYLOAD(exits));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
}

FIXTURE_TEARDOWN(attributes)
{
	vmm_free(self->vmm);
}

/* The guest has a slot with @p at BASE, mapped with @bits, and executes @code
 */
static void run(FIXTURE_DATA(attributes) * self, void *p, uint64_t bits,
		const uint32_t *code, size_t n)
{
	static const uint32_t end[] = { HCALL(UC_SYNC) };
	struct kvm_regs regs = { .pc = GPA_FREE, .msr = MSR_VIRT };

	if (vmm_set_slot(self->vmm, 1, 0, BASE, PAGE, p))
		vmm_die("slot");
	book3s_map(self->vmm, BASE, BASE, PAGE, 16, bits);
	book3s_translate(self->vmm);
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
	book3s_code(self->vmm, GPA_FREE, true, code, n);
	book3s_code(self->vmm, GPA_FREE + n * 4, true, end, ARRAY_SIZE(end));
	regs.gpr[4] = BASE;
	regs.gpr[5] = 0x1122334455667788;
	regs.sprg0 = BOOK3S_SPRG0;
	book3s_set_regs(self->vcpu, &regs);
	if (book3s_run_hcall(self->vcpu) != UC_SYNC)
		vmm_die("%s", vmm_exit_str(self->vcpu));
}

/*
 * A guest's frame buffer, which the guest maps as a device and the host as
 * memory
 */
TEST_F_TIMEOUT(attributes, memory, 300)
{
	static const uint32_t code[] = { STD(5, 8, 4), LD(6, 8, 4) };
	uint64_t *mine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	unsigned int before, after, alike;
	struct kvm_regs regs;
	uint64_t real;

	mine[0] = 1;
	real = real_address(mine);
	before = entries(self->table, self->size, real, HPTE_M, &alike);
	EXPECT_EQ(before, alike);
	run(self, mine, RPTE_IO, code, ARRAY_SIZE(code));
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(regs.gpr[5], regs.gpr[6]);
	EXPECT_EQ(regs.gpr[5], mine[1]);
	after = entries(self->table, self->size, real, HPTE_M, &alike);
	EXPECT_LT(before, after);
	EXPECT_EQ(after, alike);
}

/* A device's registers that the guest maps as memory */
TEST_F_TIMEOUT(attributes, device, 300)
{
	static const uint32_t code[] = { LWZ(6, 8, 4) };
	volatile uint32_t *disk;
	unsigned int before, after, alike;
	struct kvm_regs regs;
	uint32_t version;
	uint64_t real;

	disk = map_nvme(&real);
	if (!disk)
		SKIP(return, "no NVMe disk");
	version = disk[2];
	before =
		entries(self->table, self->size, real, HPTE_I | HPTE_G, &alike);
	EXPECT_EQ(before, alike);
	run(self, (void *)disk, RPTE_KERNEL, code, ARRAY_SIZE(code));
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(version, regs.gpr[6]);
	after = entries(self->table, self->size, real, HPTE_I | HPTE_G, &alike);
	EXPECT_LT(before, after);
	EXPECT_EQ(after, alike);
}

TEST_HARNESS_MAIN
