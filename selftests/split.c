// SPDX-License-Identifier: GPL-2.0
/*
 * Instruction relocation on and data relocation off, and the other way round,
 * with code and data at the same effective addresses: each access goes where
 * its own relocation says. On a hash host; nothing there translates so by
 * itself.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "payloads/split.h"

DECLARE_PAYLOAD(split);

#define MEM (16ul << 20)
/* Memory that real addresses reach, and what is mapped at these addresses */
#define REAL (32ul << 20)
#define MAPPED 0x600000ul
#define PAGE_64K 0x10000ul

FIXTURE(split)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	char *real, *mapped;
};

FIXTURE_VARIANT(split)
{
	uint64_t msr;
};

FIXTURE_VARIANT_ADD(split, ir){
	.msr = MSR_REAL | MSR_IR,
};

FIXTURE_VARIANT_ADD(split, dr){
	.msr = MSR_REAL | MSR_DR,
};

static uint64_t pattern(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

static uint64_t word(const char *page, unsigned int offset)
{
	uint64_t v;

	memcpy(&v, page + offset, sizeof(v));
	return v;
}

FIXTURE_SETUP(split)
{
	uint64_t i, v;

	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	book3s_load(self->vmm, PAYLOAD(split));
	self->real = vmm_alloc(2 * PAGE_64K);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, 0, REAL, 2 * PAGE_64K,
				  self->real));
	self->mapped = vmm_gpa(self->vmm, MAPPED);
	for (i = 0; i < 2 * PAGE_64K / 8; i++) {
		v = pattern(i);
		memcpy(self->real + 8 * i, &v, 8);
		v = pattern(~i);
		memcpy(self->mapped + 8 * i, &v, 8);
	}
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, REAL, MAPPED, PAGE_64K, 16, RPTE_KERNEL);
	/* one that makes no difference */
	book3s_map(self->vmm, REAL + PAGE_64K, REAL + PAGE_64K, PAGE_64K, 16,
		   RPTE_KERNEL);
	book3s_translate(self->vmm);
}

FIXTURE_TEARDOWN(split)
{
	vmm_free(self->vmm);
}

/* Runs the code that is at @gpa when it is fetched, from effective address @ea
 */
static void start(FIXTURE_DATA(split) * self, uint64_t msr, uint64_t gpa,
		  uint64_t ea)
{
	self->vcpu = book3s_add_vcpu(self->vmm, self->vmm->nr_vcpus, MSR_REAL,
				     gpa, ea, msr);
}

TEST_F(split, different)
{
	bool fetch = variant->msr & MSR_IR;
	const char *data = fetch ? self->real : self->mapped;
	const char *code = fetch ? self->mapped : self->real;
	const __u64 *args;
	uint64_t sum = 0, second = word(code, SPLIT_CODE), first;
	uint16_t reversed;
	unsigned int i;

	for (i = 0; i < 512; i++)
		sum += word(data, 8 * i);
	start(self, variant->msr, fetch ? MAPPED : REAL, REAL);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	args = self->vcpu->run->papr_hcall.args;
	EXPECT_EQ(sum, args[0]);
	reversed = __builtin_bswap32(sum);
	EXPECT_EQ((sum >> 32) + (sum >> 24 & 0xff) + reversed, args[1]);
	EXPECT_EQ(word(data, 0xffc), args[2]);
	EXPECT_EQ(word(data, SPLIT_OTHER), args[3]);
	EXPECT_EQ(REAL + SPLIT_SECOND + 8 + word(data, SPLIT_SECOND + 0x200),
		  args[4]);
	EXPECT_EQ(variant->msr, args[5]);
	/* stored there and nowhere else */
	EXPECT_EQ(sum, word(data, 0x800));
	EXPECT_EQ(second, word(code, SPLIT_CODE));
	EXPECT_EQ(0, word(code, 0x800));

	/* a loop whose reservation is lost at each step */
	first = word(data, 0);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ((uint32_t)first + 1, args[0]);
	EXPECT_EQ(first + 1, word(data, 0));

	/* the same with a pair of quadword accesses */
	second = word(data, 8);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(second, args[0]);
	EXPECT_EQ(first + 2, args[1]);
	EXPECT_EQ(first + 2, word(data, 0));
	EXPECT_EQ(second, word(data, 8));

	/* no load of a quadword that is atomic in the page of the code itself */
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_PAPR_HCALL, self->vcpu->run->exit_reason);
	ASSERT_EQ(UC_TRAP, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x300, args[0]);
	EXPECT_EQ(REAL, args[1] & -0x1000ull);
	EXPECT_EQ(variant->msr, args[2]);
	EXPECT_EQ(REAL, args[3]);
}

/* Pages that are the same for both are not slow */
TEST_F(split, same)
{
	uint64_t at = REAL + PAGE_64K;
	uint64_t v = 0x0123456789abcdef, exits, after;

	start(self, variant->msr, at, at);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	self->vcpu->run->papr_hcall.ret = 0;
	start(self, variant->msr, at, at + SPLIT_LOOP);
	exits = vmm_stat(self->vmm, "sum_exits");
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	after = vmm_stat(self->vmm, "sum_exits");
	EXPECT_EQ(v * SPLIT_TURNS, self->vcpu->run->papr_hcall.args[0]);
	printf("# %lu exits\n", after - exits);
	EXPECT_LT(after - exits, SPLIT_TURNS / 4);
	EXPECT_EQ(0, vmm_stat(self->vmm, "split_pages"));
}

/* Pages that differ work correctly */
TEST_F(split, loop)
{
	bool fetch = variant->msr & MSR_IR;
	const char *data = fetch ? self->real : self->mapped;
	uint64_t v = word(data, SPLIT_LOOP + SPLIT_WORD);

	start(self, variant->msr, fetch ? MAPPED : REAL, REAL + SPLIT_LOOP);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(v * SPLIT_TURNS, self->vcpu->run->papr_hcall.args[0]);
	EXPECT_LT(0, vmm_stat(self->vmm, "split_pages"));
}

TEST_HARNESS_MAIN
