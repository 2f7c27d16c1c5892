// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots that are deleted, made again and moved while the guest uses
 * what is in them. It sees memory or none; KVM_RUN does not fail for it.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "payloads/toucher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

DECLARE_PAYLOAD(exits);
DECLARE_PAYLOAD(toucher);

#define MEM (16ul << 20)
#define CODE GPA_FREE
#define HERE 0x40000000ull /* guest physical addresses of slot 1 */
#define THERE (2 * HERE)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

FIXTURE(changes)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	void *hva;
	size_t page;
	bool move;
	atomic_bool stop;
	unsigned long rounds;
	int error;
};

FIXTURE_VARIANT(changes)
{
	bool memory_first, move;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(changes, behind_delete) { .memory_first = false, .move = false };
FIXTURE_VARIANT_ADD(changes, behind_move) { .memory_first = false, .move = true };
FIXTURE_VARIANT_ADD(changes, before_delete) { .memory_first = true, .move = false };
FIXTURE_VARIANT_ADD(changes, before_move) { .memory_first = true, .move = true };
/* clang-format on */

FIXTURE_SETUP(changes)
{
	self->page = getpagesize();
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
	self->hva = vmm_alloc(self->page);
	self->move = variant->move;
}

FIXTURE_TEARDOWN(changes)
{
	vmm_free(self->vmm);
}

static void *change(void *arg)
{
	FIXTURE_DATA(changes) *self = arg;
	uint64_t other = self->move ? THERE : HERE;
	size_t gone = self->move ? self->page : 0;

	for (; !self->stop && !self->error; self->rounds++)
		if (vmm_set_slot(self->vmm, 1, 0, HERE, self->page,
				 self->hva) ||
		    vmm_set_slot(self->vmm, 1, 0, other, gone, self->hva))
			self->error = errno;
	return NULL;
}

/*
 * Doublewords that lie half in a slot that comes and goes, and half where there
 * never is one, so that they are emulated at all times.
 */
TEST_F(changes, half_in_a_slot)
{
	uint64_t edge = variant->memory_first ? HERE + self->page : HERE;
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs = { 0 };
	unsigned long exits = 0;
	pthread_t thread;
	double end;
	int ret;

	book3s_put(self->vmm, CODE, true, LD(5, 0, 4), STD(5, 0, 4), B(-8));
	vmm_get_regs(self->vcpu, &regs);
	regs.gpr[4] = edge - 4;
	regs.pc = CODE;
	book3s_set_regs(self->vcpu, &regs);

	ASSERT_EQ(0, pthread_create(&thread, NULL, change, self));
	end = now() + 3;
	do {
		errno = 0;
		ret = vmm_run(self->vcpu);
		if (ret || run->exit_reason != KVM_EXIT_MMIO)
			break;
		exits++;
		/* A busy host changes slots slowly */
	} while (now() < end || (self->rounds <= 100 && now() < end + 30));
	self->stop = true;
	pthread_join(thread, NULL);

	EXPECT_EQ(0, ret)
	{
		TH_LOG("KVM_RUN: %s, after %lu exits and %lu rounds",
		       strerror(errno), exits, self->rounds);
	}
	EXPECT_EQ((__u32)KVM_EXIT_MMIO, run->exit_reason)
	{
		TH_LOG("%s", vmm_exit_str(self->vcpu));
	}
	EXPECT_EQ(0, self->error);
	EXPECT_LT(100, exits);
	EXPECT_LT(100, self->rounds);
}

/* Translations that are taken away are counted, and attempts to */
TEST(flushes)
{
	struct vmm *vmm = vmm_new(MEM);
	uint64_t *list = vmm_gpa(vmm, GPA_FREE);
	size_t page = getpagesize();
	struct vmm_vcpu *vcpu;
	long asked, flushed;
	char *hva;

	if (book3s_peer())
		SKIP(return, "kvm-hv.ko and kvm-pr.ko count none");
	book3s_load(vmm, PAYLOAD(toucher));
	hva = vmm_alloc(page);
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, HERE, page, hva));
	vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, GPA_FREE, HERE, page);
	list[0] = 0;
	list[1] = TOUCH_END;
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(vcpu));

	asked = vmm_stat(vmm, "remote_tlb_flush_requests");
	flushed = vmm_stat(vmm, "remote_tlb_flush");
	EXPECT_LE(flushed, asked);
	madvise(hva, page, MADV_DONTNEED);
	EXPECT_EQ(asked + 1, vmm_stat(vmm, "remote_tlb_flush_requests"));
	EXPECT_EQ(flushed + 1, vmm_stat(vmm, "remote_tlb_flush"));
	/* now there is none in this slot, which goes */
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, HERE, 0, NULL));
	EXPECT_EQ(asked + 2, vmm_stat(vmm, "remote_tlb_flush_requests"));
	EXPECT_EQ(flushed + 1, vmm_stat(vmm, "remote_tlb_flush"));
	vmm_free(vmm);
}

TEST_HARNESS_MAIN
