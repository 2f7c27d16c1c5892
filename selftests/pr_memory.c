// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of guests in problem state: their page table, which userspace has,
 * while it is migrated; pages that are not there while other vCPUs go on; and
 * one page at more addresses than are shadowed.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "payloads/toucher.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

DECLARE_PAYLOAD(exits);
DECLARE_PAYLOAD(toucher);

#define MEM (64ul << 20)
#define CODE 0x500000ul
#define DATA 0x600000ul /* mapped at EA */
#define EA 0x70000000ul
#define PAGE 0x10000ul
#define SLOT 1
#define BASE 0x40000000ul

/* A bit of an entry's first doubleword: QEMU's HPTE64_V_HPTE_DIRTY */
#define CHANGED 0x40ull
#define HPTE_V 1ull
#define HPTE_L 4ull
#define HPTE_R 0x100ull
#define HPTE_C 0x80ull
#define HPTE_M 0x10ull
#define H_EXACT (1ull << (63 - 24))
#define H_AVPN (1ull << (63 - 32))
#define SEGMENT_64K 0x110ull

FIXTURE(pr_memory)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	uint64_t *table, groups, vsid;
};

FIXTURE_SETUP(pr_memory)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
}

FIXTURE_TEARDOWN(pr_memory)
{
	vmm_free(self->vmm);
}

static void find_table(FIXTURE_DATA(pr_memory) * self, struct vmm_vcpu *vcpu,
		       uint64_t ea)
{
	struct kvm_sregs sregs;
	unsigned int i;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	self->table = (void *)(sregs.u.s.sdr1 & ~0x3ffffull);
	self->groups = 1ull << ((sregs.u.s.sdr1 & 0x1f) + 11);
	for (i = 0; i < ARRAY_SIZE(sregs.u.s.ppc64.slb); i++)
		if ((sregs.u.s.ppc64.slb[i].slbe ^ ea) >> 28 == 0)
			self->vsid = sregs.u.s.ppc64.slb[i].slbv >> 12;
}

/* r4 and r5 are those of the instruction, r14 is r3 after it */
static void run(FIXTURE_DATA(pr_memory) * self, uint64_t pc, uint64_t msr,
		struct kvm_regs *regs)
{
	regs->pc = pc;
	regs->msr = msr;
	regs->sprg0 = BOOK3S_SPRG0;
	*regs = book3s_run_regs(self->vcpu, *regs);
}

static long call(FIXTURE_DATA(pr_memory) * self, uint64_t nr, uint64_t a0,
		 uint64_t a1, uint64_t a2, uint64_t a3, struct kvm_regs *out)
{
	struct kvm_regs regs = { 0 };

	regs.gpr[3] = nr;
	regs.gpr[4] = a0;
	regs.gpr[5] = a1;
	regs.gpr[6] = a2;
	regs.gpr[7] = a3;
	run(self, CODE, MSR_VIRT, &regs);
	if (out)
		*out = regs;
	return regs.gpr[14];
}

static void access_ea(FIXTURE_DATA(pr_memory) * self, bool store)
{
	struct kvm_regs regs = { 0 };

	regs.gpr[4] = EA;
	run(self, store ? CODE + 0x200 : CODE + 0x100, MSR_VIRT, &regs);
}

static uint64_t first(FIXTURE_DATA(pr_memory) * self, uint64_t index)
{
	return be64toh(((volatile uint64_t *)self->table)[2 * index]);
}

static uint64_t second(FIXTURE_DATA(pr_memory) * self, uint64_t index)
{
	return be64toh(((volatile uint64_t *)self->table)[2 * index + 1]);
}

/* Clears the bit, as a VMM does that has sent the entry */
static void clean(FIXTURE_DATA(pr_memory) * self, uint64_t index)
{
	self->table[2 * index] &= htobe64(~CHANGED);
}

/* A VMM that migrates sends the entries that say so, those that are gone too */
TEST_F(pr_memory, changed_entries)
{
	uint64_t group, index, v, r, n;
	struct kvm_regs out;
	unsigned int i;

	if (book3s_peer())
		SKIP(return, "its guests cannot be migrated while they run");
	book3s_load(self->vmm, PAYLOAD(exits));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	/* This makes the segment */
	book3s_map(self->vmm, EA + PAGE, 0, PAGE, 16, RPTE_KERNEL);
	book3s_translate(self->vmm);
	book3s_put(self->vmm, CODE, true, SC(1), MR(14, 3), HCALL(UC_SYNC));
	book3s_put(self->vmm, CODE + 0x100, true, LWZ(5, 0, 4), HCALL(UC_SYNC));
	book3s_put(self->vmm, CODE + 0x200, true, STW(5, 0, 4), HCALL(UC_SYNC));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
	find_table(self, self->vcpu, EA);
	group = (self->vsid ^ (EA & 0xfffffff) >> 16) & (self->groups - 1);
	v = (self->vsid << 5 | (EA & 0xfffffff) >> 23) << 7 | HPTE_L | HPTE_V;
	r = DATA | 0x1000 | HPTE_M | 2;

	for (i = 0; i < 3; i++) {
		/* The software bits of the hypervisor are not the guest's */
		ASSERT_EQ(0, call(self, H_ENTER, i ? 0 : H_EXACT, group * 8 + 7,
				  v | (i ? 0x78 : 0), r, &out));
		index = out.gpr[4];
		EXPECT_EQ(group, index / 8);
		EXPECT_EQ(v | CHANGED | (i ? 0x18 : 0), first(self, index));
		EXPECT_EQ(r, second(self, index));

		clean(self, index);
		access_ea(self, false);
		EXPECT_EQ(CHANGED, first(self, index) & CHANGED);
		EXPECT_EQ(r | HPTE_R, second(self, index));
		clean(self, index);
		access_ea(self, true);
		EXPECT_EQ(CHANGED, first(self, index) & CHANGED);
		EXPECT_EQ(r | HPTE_R | HPTE_C, second(self, index));

		clean(self, index);
		EXPECT_EQ(0, call(self, H_PROTECT, 3, index, 0, 0, NULL));
		EXPECT_EQ(CHANGED | HPTE_V,
			  first(self, index) & (CHANGED | HPTE_V));
		EXPECT_EQ((r | HPTE_R | HPTE_C) + 1, second(self, index));

		/* An entry that did not change is not marked */
		clean(self, index);
		EXPECT_EQ(H_NOT_FOUND, call(self, H_REMOVE, H_AVPN, index,
					    1ull << 40, 0, NULL));
		EXPECT_EQ(0, first(self, index) & CHANGED);

		if (i & 1) {
			n = 1ull << 62 | index;
			EXPECT_EQ(0, call(self, H_BULK_REMOVE, n, 0, 3ull << 62,
					  0, NULL));
		} else {
			self->table[2 * index] |= htobe64(CHANGED);
			EXPECT_EQ(0, call(self, H_REMOVE, H_AVPN, index,
					  v & ~0x7full, 0, &out));
			EXPECT_EQ(0, out.gpr[4] & 0x60);
		}
		EXPECT_EQ(CHANGED, first(self, index) & (CHANGED | HPTE_V));
		clean(self, index);
	}
	/* The page was mapped anew each time, and the code at least once */
	EXPECT_LE(i, vmm_stat(self->vmm, "sp_storage"));
	EXPECT_LE(1, vmm_stat(self->vmm, "sp_instruc"));
}

struct uffd {
	int fd;
	char *page;
	volatile bool asked;
};

/* Makes the memory absent until the test supplies its pages */
static bool make_absent(struct uffd *u, void *at, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	u->page = at;
	u->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (u->fd < 0)
		return false;
	reg.range.start = (uintptr_t)at;
	reg.range.len = size;
	return !ioctl(u->fd, UFFDIO_API, &api) &&
	       !ioctl(u->fd, UFFDIO_REGISTER, &reg) &&
	       !madvise(at, size, MADV_DONTNEED);
}

static void supply(struct uffd *u, void *from, size_t size)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)u->page,
				    .src = (uintptr_t)from,
				    .len = size };

	if (ioctl(u->fd, UFFDIO_COPY, &copy))
		vmm_die("UFFDIO_COPY");
}

/* Waits until a thread has faulted on the page */
static void wait_for_fault(struct uffd *u)
{
	struct uffd_msg msg;

	if (read(u->fd, &msg, sizeof(msg)) != sizeof(msg))
		vmm_die("userfaultfd");
}

static volatile bool came;

static void *run_once(void *vcpu)
{
	uint64_t nr = book3s_run_hcall(vcpu);

	came = true;
	return (void *)nr;
}

#define OTHERS 32ul

/*
 * vCPU 0 goes to a page of its own by list 0, vCPU 1 to others by list 1. What
 * vCPU 1 finds is taken away after each round, so that it faults each time.
 */
static char *two_vcpus(FIXTURE_DATA(pr_memory) * self, struct vmm_vcpu *vcpu[2])
{
	uint64_t *list = vmm_gpa(self->vmm, GPA_FREE);
	char *hva = vmm_alloc((OTHERS + 1) * PAGE);
	unsigned int i;

	madvise(hva, (OTHERS + 1) * PAGE, MADV_NOHUGEPAGE);
	memset(hva, 1, (OTHERS + 1) * PAGE);
	if (vmm_set_slot(self->vmm, SLOT, 0, BASE, (OTHERS + 1) * PAGE, hva))
		vmm_die("slot");
	book3s_load(self->vmm, PAYLOAD(toucher));
	list[0] = 0;
	list[1] = TOUCH_END;
	for (i = 0; i < OTHERS; i++)
		list[16 + i] = (i + 1) | TOUCH_ADD;
	list[16 + i] = TOUCH_END;
	for (i = 0; i < 2; i++)
		vcpu[i] = book3s_add_vcpu(self->vmm, i, MSR_VIRT,
					  GPA_FREE + i * 128, BASE, PAGE);
	return hva;
}

static void rounds(struct __test_metadata *_metadata, struct vmm_vcpu *vcpu,
		   char *hva)
{
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		madvise(hva + PAGE, OTHERS * PAGE, MADV_DONTNEED);
		for (i = 1; i <= OTHERS; i++)
			hva[i * PAGE] = round;
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
		for (i = 1; i <= OTHERS; i++)
			ASSERT_EQ(round + 1, hva[i * PAGE]);
	}
}

static void identity(FIXTURE_DATA(pr_memory) * self)
{
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, BASE, BASE, (OTHERS + 1) * PAGE, 16, RPTE_KERNEL);
	book3s_translate(self->vmm);
}

/* While one vCPU waits for a page, the other's faults are served */
TEST_F_TIMEOUT(pr_memory, absent_page, 40)
{
	struct vmm_vcpu *vcpu[2];
	struct uffd u = { 0 };
	pthread_t t;
	char *hva;
	void *nr;

	if (book3s_peer())
		SKIP(return, "it has no mutex for that");
	identity(self);
	hva = two_vcpus(self, vcpu);
	if (!make_absent(&u, hva, PAGE))
		SKIP(return, "no userfaultfd");
	came = false;
	pthread_create(&t, NULL, run_once, vcpu[0]);
	wait_for_fault(&u);
	rounds(_metadata, vcpu[1], hva);
	EXPECT_FALSE(came);
	supply(&u, vmm_alloc(PAGE), PAGE);
	pthread_join(t, &nr);
	EXPECT_EQ(UC_SYNC, (unsigned long)nr);
	EXPECT_EQ(1, hva[0]);
	close(u.fd);
}

/* The same if what is absent is the page table of the guest itself */
TEST_F_TIMEOUT(pr_memory, absent_table, 40)
{
	char *part, *copy = vmm_alloc(PAGE);
	struct vmm_vcpu *vcpu[2];
	struct uffd u = { 0 };
	uint64_t group, index;
	pthread_t t;
	char *hva;
	void *nr;

	if (book3s_peer())
		SKIP(return, "it has one mutex for that");
	identity(self);
	hva = two_vcpus(self, vcpu);
	book3s_put(self->vmm, CODE, true, SC(1), MR(14, 3), HCALL(UC_SYNC));
	find_table(self, vcpu[0], BASE);
	group = (self->vsid ^ (BASE & 0xfffffff) >> 16) & (self->groups - 1);
	part = (char *)((uintptr_t)(self->table + group * 16) & -PAGE);
	/* vCPU 1 is to find all that it needs shadowed */
	self->vcpu = vcpu[1];
	call(self, H_REMOVE, H_AVPN, 0, 1ull << 40, 0, NULL);
	madvise(part, PAGE, MADV_NOHUGEPAGE);
	memcpy(copy, part, PAGE);
	if (!make_absent(&u, part, PAGE))
		SKIP(return, "no userfaultfd");
	came = false;
	pthread_create(&t, NULL, run_once, vcpu[0]);
	wait_for_fault(&u);
	/* An entry that is elsewhere in the table can be changed meanwhile */
	self->vcpu = vcpu[1];
	index = ((uintptr_t)(part - (char *)self->table) / 16 + 0x4000) %
		(self->groups * 8);
	call(self, H_REMOVE, 0, index, 0, 0, NULL);
	EXPECT_FALSE(came);
	supply(&u, copy, PAGE);
	pthread_join(t, &nr);
	EXPECT_EQ(UC_SYNC, (unsigned long)nr);
	EXPECT_EQ(1, hva[0]);
	close(u.fd);
}

static void *run_for_ever(void *vcpu)
{
	for (;;)
		book3s_run_hcall(vcpu);
	return NULL;
}

/* A process whose vCPU waits for a page that nobody supplies can be ended */
TEST_F_TIMEOUT(pr_memory, killed, 40)
{
	int ready[2], status, i;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		struct vmm_vcpu *vcpu[2];
		struct uffd u = { 0 };
		pthread_t t[2];
		char *hva;

		self->vmm = vmm_new(MEM);
		identity(self);
		hva = two_vcpus(self, vcpu);
		if (!make_absent(&u, hva, (OTHERS + 1) * PAGE))
			_exit(4);
		for (i = 0; i < 2; i++)
			pthread_create(&t[i], NULL, run_for_ever, vcpu[i]);
		wait_for_fault(&u);
		wait_for_fault(&u);
		write(ready[1], "", 1);
		pause();
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	kill(pid, SIGKILL);
	for (i = 0; i < 100 && !waitpid(pid, &status, WNOHANG); i++)
		usleep(100000);
	EXPECT_LT(i, 100);
	EXPECT_TRUE(WIFSIGNALED(status));
}

#define ADDRESSES 33000ul
#define SOME 512ul
#define TRIES 40 /* of what waits for other CPUs, too */

/* Returns the ticks for faults on the @n pages from number @from on */
static uint64_t touch(FIXTURE_DATA(pr_memory) * self, uint64_t from, uint64_t n)
{
	uint64_t *list = vmm_gpa(self->vmm, GPA_FREE), i, begin;

	for (i = 0; i < n; i++)
		list[i] = from + i;
	list[i] = TOUCH_END;
	begin = mftb();
	if (book3s_run_hcall(self->vcpu) != UC_SYNC)
		vmm_die("%s", vmm_exit_str(self->vcpu));
	return mftb() - begin;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * One page at as many addresses as there may be shadow pages: a fault does not
 * take longer then, and neither does taking it away, or all.
 */
TEST_F_TIMEOUT(pr_memory, many_addresses, 300)
{
	size_t size = sysconf(_SC_PAGESIZE);
	uint64_t before = -1ull, after = -1ull, again = -1ull, at, i;
	char *hva = vmm_alloc(PAGE);

	memset(hva, 0, PAGE);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, SLOT, 0, BASE, PAGE, hva));
	book3s_load(self->vmm, PAYLOAD(toucher));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	for (i = 0; i < ADDRESSES + (TRIES + 1) * SOME; i++)
		book3s_map(self->vmm, EA + i * PAGE, BASE, PAGE, 16,
			   RPTE_KERNEL);
	book3s_translate(self->vmm);
	self->vcpu =
		book3s_add_vcpu(self->vmm, 0, MSR_VIRT, GPA_FREE, EA, PAGE);
	touch(self, 0, SOME);
	/* The machine may be busy, so the smallest time counts */
	for (at = SOME; at < 5 * SOME; at += SOME)
		before = least(before, touch(self, at, SOME));
	for (; at < ADDRESSES; at += SOME)
		touch(self, at, SOME);
	for (i = 0; i < TRIES; i++, at += SOME)
		after = least(after, touch(self, at, SOME));
	printf("# %llu ticks each at first, %llu in the end\n",
	       (unsigned long long)before / SOME,
	       (unsigned long long)after / SOME);
	/*
	 * In the end each fault takes the oldest page away as well, which on a
	 * debugging kernel is twice what mapping one is. A chain of all of
	 * them takes far longer to walk.
	 */
	EXPECT_LT(after, (vmm_debugging_host() ? 5 : 3) * before);
	/* No old mapping is left after the page has changed */
	madvise(hva, size, MADV_DONTNEED);
	hva[0] = 0;
	touch(self, 0, 1);
	EXPECT_NE(0, hva[0]);
	for (i = 1; i < 5; i++)
		again = least(again, touch(self, i * SOME, SOME));
	EXPECT_LT(again, 3 * before);
}

TEST_HARNESS_MAIN
