// SPDX-License-Identifier: GPL-2.0
/*
 * Guests in problem state on a hash host: their page table and SLB, fetching
 * the instruction of a load from code that is taken away meanwhile, and random
 * instructions.
 */
#define _GNU_SOURCE
#include "pr_guest.h"

#include "insn.h"
#include "random.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define CODE (64ul << 20)
#define CODE_SIZE 0x10000ul

/*
 * Handles device loads and stores until the guest exits; true if it did well.
 * Counts the loads.
 */
static bool run(struct vmm_vcpu *vcpu, unsigned long *loads)
{
	struct kvm_run *run = vcpu->run;

	for (;;) {
		if (vmm_run(vcpu))
			vmm_die("KVM_RUN: %s", vmm_exit_str(vcpu));
		if (run->exit_reason == KVM_EXIT_MMIO) {
			uint32_t v = run->mmio.phys_addr * HASH_FACTOR;

			if (!run->mmio.is_write) {
				memcpy(run->mmio.data, &v, 4);
				++*loads;
			} else if (memcmp(run->mmio.data, &v, 4)) {
				printf("# stored %#x, not %#x\n",
				       *(uint32_t *)run->mmio.data, v);
				return false;
			}
			continue;
		}
		if (run->exit_reason == KVM_EXIT_PAPR_HCALL &&
		    run->papr_hcall.nr == UC_EXIT)
			return !run->papr_hcall.args[0];
		printf("# vCPU %u: %s\n", vcpu->id, vmm_exit_str(vcpu));
		return false;
	}
}

/*
 * How often an instruction was fetched by the guest's page table, since the quicker
 * way had failed; of a guest in hardware it always is
 */
static long walks(struct vmm *vmm)
{
	return book3s_on_hash(vmm) ? vmm_stat(vmm, "fetch_walks") :
				     vmm_stat(vmm, "mmio_exits");
}

TEST_F(pr, page_table)
{
	EXPECT_TRUE(run(guest(self->vmm, 0, HASH_ENTER, 0), &self->loads));
}

/* KVM_CAP_PPC_FWNMI works, so that QEMU needs no cap-fwnmi=off */
TEST_F(pr, fwnmi)
{
	struct vmm_vcpu *vcpu = guest(self->vmm, 0, HASH_ENTER, 0);

	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_FWNMI));
	EXPECT_EQ(0, vmm_enable_cap(vcpu->fd, KVM_CAP_PPC_FWNMI, 0, 0));
	EXPECT_TRUE(run(vcpu, &self->loads));
}

TEST_F(pr, slb)
{
	EXPECT_TRUE(run(guest(self->vmm, 0, HASH_SLB, 0), &self->loads));
}

/* More segments than are shadowed at one time */
TEST_F_TIMEOUT(pr, segments, 300)
{
	EXPECT_TRUE(
		run(guest(self->vmm, 0, HASH_SEGMENTS, 12000), &self->loads));
}

/*
 * Has a guest that begins with @begin do its work again until instructions had
 * to be fetched by walking, or else that was not tried; says how often.
 */
static unsigned int race(FIXTURE_DATA(pr) * self, struct vmm_vcpu *vcpu,
			 struct kvm_regs *begin)
{
	unsigned int turns = 0;

	do {
		book3s_set_regs(vcpu, begin);
		if (!run(vcpu, &self->loads))
			return 0;
		turns++;
	} while (!walks(self->vmm) && turns < 30);
	printf("# %ld fetches by walking, %ld run again, %u turns\n",
	       walks(self->vmm), vmm_stat(self->vmm, "fetch_retries"), turns);
	return turns;
}

static volatile bool stop;

/*
 * Takes the code's translation away again and again; what is there stays. Now
 * and then for long enough that the guest gets somewhere.
 */
static void *take_away(void *code)
{
	unsigned int i;

	while (!stop) {
		for (i = 0; i < 4; i++)
			madvise(code, CODE_SIZE, MADV_DONTNEED);
		usleep(20);
	}
	return NULL;
}

/*
 * Device loads from code whose page another thread takes away: the instruction
 * cannot always be loaded on the way out of the guest, and yet each load gets
 * its value.
 */
TEST_F_TIMEOUT(pr, fetch_race, 3000)
{
	unsigned long n = vmm_env("FETCH_RACE_COUNT", 10000);
	static const uint32_t code[] = {
		/* 1: */ LWZ(5, 0, 4),
		CMPLW(5, 6),
		BNE(20), /* 2f */
		BDNZ(-12), /* 1b */
		LI(4, 0),
		NOP,
		SC(1),
		/* 2: */ MR(4, 5),
		ADDI(4, 4, 1),
		SC(1),
	};
	int fd = memfd_create("code", 0);
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	pthread_t taker;
	unsigned int turns;
	void *page;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, CODE_SIZE));
	page = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, page);
	memcpy(page, code, sizeof(code));
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, 0, CODE, CODE_SIZE, page));
	book3s_map(self->vmm, CODE, CODE, CODE_SIZE, 16, RPTE_KERNEL);
	vcpu = guest(self->vmm, 0, 0, 0);
	vmm_get_regs(vcpu, &r);
	r.pc = CODE;
	r.ctr = n;
	r.gpr[3] = UC_EXIT;
	r.gpr[4] = HASH_DEVICE + 0x40;
	r.gpr[6] = (uint32_t)(r.gpr[4] * HASH_FACTOR);

	stop = false;
	pthread_create(&taker, NULL, take_away, page);
	turns = race(self, vcpu, &r);
	stop = true;
	pthread_join(taker, NULL);
	EXPECT_LT(0, turns);
	EXPECT_EQ(n * turns, self->loads);
	EXPECT_LT(0, walks(self->vmm));
}

static void *run_invalidator(void *vcpu)
{
	unsigned long none = 0;

	return (void *)(long)run(vcpu, &none);
}

/*
 * The same, but another vCPU takes the page out of the guest's own table, and
 * puts it back, without pause: the fetch may find it there or not, on the way
 * out as by walking. Loads and stores, FETCH_RACE_COUNT together.
 */
TEST_F_TIMEOUT(pr, fetch_race_vcpu, 3000)
{
	unsigned long n = vmm_env("FETCH_RACE_COUNT", 10000) / 2;
	struct vmm_vcpu *a = guest(self->vmm, 0, HASH_ACCESS, n);
	struct vmm_vcpu *b = guest(self->vmm, 1, HASH_INVALIDATE, 0);
	pthread_t invalidator;
	struct kvm_regs begin;
	unsigned int turns;
	void *ok;

	vmm_get_regs(a, &begin);
	pthread_create(&invalidator, NULL, run_invalidator, b);
	turns = race(self, a, &begin);
	*(volatile uint64_t *)vmm_gpa(self->vmm, HASH_STOP) = 1;
	pthread_join(invalidator, &ok);
	EXPECT_TRUE(ok != NULL);
	EXPECT_LT(0, turns);
	EXPECT_EQ(n * turns, self->loads);
	EXPECT_LT(0, walks(self->vmm));
}

static void nothing(int sig)
{
}

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t random64(void)
{
	return seed = random_after(seed);
}

/* Half of them privileged ones or their neighbours: primary opcodes 19 and 31
 */
static uint32_t random_word(void)
{
	uint32_t w = random64() >> 32;

	switch (random64() >> 62) {
	case 0:
		return w;
	case 1:
		return (w & 0x03ffffff) | 19u << 26;
	case 2:
		/* mtspr, mfspr */
		return (w & 0x03fff800) | 31u << 26 |
		       (w & 1 ? 339u : 467u) << 1;
	default:
		return (w & 0x03ffffff) | 31u << 26;
	}
}

/*
 * Whatever a guest executes, KVM_RUN returns with one of the things that it
 * may, and the guest can be set right again and runs.
 */
static void random_instructions(struct __test_metadata *_metadata,
				struct vmm *vmm, uint64_t msr)
{
	unsigned long n = vmm_env("RANDOM_COUNT", 4000), i;
	struct sigaction sa = { .sa_handler = nothing };
	/* a guest that goes nowhere is stopped; a busy host is to have time for
   * others */
	struct itimerval timer = { { 0, 8000 }, { 0, 8000 } };
	struct vmm_vcpu *vcpu = guest(vmm, 0, 0, 0);
	struct kvm_run *run = vcpu->run;
	unsigned long outcome[64] = { 0 };
	struct kvm_sregs sregs;
	struct kvm_regs r;
	unsigned int j;

	ASSERT_EQ(0, ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (i = 0; i < n; i++) {
		uint32_t code[3] = { random_word(), random_word(), SC(1) };

		if (i % 16 == 0) {
			book3s_load(vmm, PAYLOAD(hash));
			ASSERT_EQ(0, ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
		}
		book3s_code(vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
		memset(&r, 0, sizeof(r));
		for (j = 0; j < 32; j++)
			r.gpr[j] = random64() % 4 ? random64() : GPA_FREE;
		r.gpr[1] = GPA_STACKS + BOOK3S_STACK / 4;
		r.sprg0 = BOOK3S_SPRG0;
		r.gpr[3] = UC_SYNC;
		r.ctr = random64();
		r.lr = random64();
		r.srr0 = random64();
		r.srr1 = random64();
		r.pc = GPA_FREE;
		r.msr = msr;
		book3s_set_regs(vcpu, &r);
		if (vmm_run(vcpu)) {
			ASSERT_TRUE(errno == EINTR || errno == EFAULT)
			{
				TH_LOG("%#x %#x: %s", code[0], code[1],
				       vmm_exit_str(vcpu));
			}
			outcome[63]++;
			continue;
		}
		switch (run->exit_reason) {
		case KVM_EXIT_PAPR_HCALL:
		case KVM_EXIT_MMIO:
		case KVM_EXIT_INTERNAL_ERROR:
			outcome[run->exit_reason]++;
			break;
		default:
			ASSERT_TRUE(false)
			{
				TH_LOG("%#x %#x: %s", code[0], code[1],
				       vmm_exit_str(vcpu));
			}
		}
	}
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("# %lu hypercalls, %lu device accesses, %lu not emulated, %lu stopped\n",
	       outcome[KVM_EXIT_PAPR_HCALL], outcome[KVM_EXIT_MMIO],
	       outcome[KVM_EXIT_INTERNAL_ERROR], outcome[63]);
	EXPECT_LT(n / 4, outcome[KVM_EXIT_PAPR_HCALL]);
}

TEST_F_TIMEOUT(pr, random_privileged, 300)
{
	random_instructions(_metadata, self->vmm, MSR_VIRT);
}

TEST_F_TIMEOUT(pr, random_real, 300)
{
	random_instructions(_metadata, self->vmm, MSR_REAL | MSR_ALL_FP);
}

TEST_HARNESS_MAIN
