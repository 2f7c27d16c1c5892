// SPDX-License-Identifier: GPL-2.0
/*
 * Random instruction words and registers, as a kernel and as a program. What a
 * kernel does to itself is its own business: expected is that KVM_RUN gives what
 * it may give, that a signal ends it, that nothing beyond the guest's memory
 * changes, and that a new guest works afterwards; and that the host's log is
 * clean, which whoever starts this looks at. A program may change nothing but its
 * registers and its memory, either.
 *
 * FUZZ_COUNT runs of each, from FUZZ_SEED on; one and the same unless told, for an
 * emulated processor may end at what it does not expect.
 */
#include "kselftest_harness.h"

#include "e44x.h"
#include "random.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define MEM (1u << 20)
#define GUARD (64u << 10)
#define WORDS 64
#define CODE 0x10000u
#define DATA 0x20000u /* what is there is anybody's */
#define VECTORS 0x4000u
#define PREPARATION 0x8000u
/* Where map_for_programs has memory and the device */
#define USER 0x10000000u
#define RUNS_PER_VM 64

DECLARE_CODE(skip);
DECLARE_CODE(skip_critical);
DECLARE_CODE(tell);
DECLARE_CODE(map_for_programs);

static uint64_t rng;
static unsigned long next_run; /* what its words come from */

static uint32_t rnd(void)
{
	rng = random_after(rng);
	return rng >> 16;
}

static uint32_t below(uint32_t n)
{
	return rnd() % n;
}

/* Of a kind that leads somewhere more often than any word does */
static uint32_t insn(void)
{
	/* Opcodes under 31: moves to and from special registers, TLB, caches */
	static const uint16_t xop[] = {
		83,  144, 146, 131, 163, 259, 291, 323, 339, 371,  387,
		419, 451, 454, 467, 914, 946, 978, 966, 998, 54,   86,
		246, 262, 278, 470, 598, 758, 822, 854, 982, 1014,
	};
	/* What a 440 has; the field has its halves swapped */
	static const uint16_t spr[] = {
		0x016, 0x01a, 0x01b, 0x030, 0x036, 0x03a, 0x03b, 0x03d, 0x03e,
		0x03f, 0x100, 0x104, 0x110, 0x113, 0x114, 0x11c, 0x11d, 0x11e,
		0x11f, 0x130, 0x134, 0x135, 0x136, 0x138, 0x13c, 0x13e, 0x150,
		0x154, 0x190, 0x19f, 0x23a, 0x23b, 0x23c, 0x370, 0x373, 0x390,
		0x398, 0x39b, 0x3b2, 0x3b3, 0x3d3, 0x3f3, 0x378, 0x001, 0x008,
	};
	uint32_t n, any = rnd();

	/* VSX, which a 440 does not have: QEMU's ends itself at some */
	if (any >> 26 == 60)
		any ^= 1u << 31;

	switch (below(8)) {
	case 0:
	case 1:
		return any;
	case 2: /* mtspr, mfspr */
	case 3:
		n = spr[below(ARRAY_SIZE(spr))];
		return 31u << 26 | (any & 0x03e00000) | (n & 31) << 16 |
		       (n >> 5) << 11 | (below(2) ? 467 : 339) << 1;
	case 4:
		return 31u << 26 | (any & 0x03fff801) |
		       xop[below(ARRAY_SIZE(xop))] << 1;
	case 5: /* rfi, rfci, isync, branches by LR and CTR, sc, mcrf */
		if (below(3))
			return 19u << 26 | (any & 0x03ffffff);
		return below(2) ? 0x44000002 : 0x48000000 | (any & 0xfd);
	case 6: /* loads and stores of all kinds */
		return (32 + below(24)) << 26 | (any & 0x03ffffff);
	default: /* floating point, and everything under 4 */
		return (below(2) ? 63u : 4u) << 26 | (any & 0x03ffffff);
	}
}

static uint32_t value(void)
{
	switch (below(6)) {
	case 0:
		return below(64);
	case 1:
		return 1u << below(32);
	case 2:
		return CODE + 4 * below(WORDS);
	case 3:
		return DATA + below(0x10000);
	case 4:
		return below(2) ? DEVICE + below(64) : -below(4096);
	default:
		return rnd();
	}
}

static void nothing(int sig)
{
}

FIXTURE(fuzz)
{
	unsigned long n;
	char *area; /* the guest's memory, and what may not change around it */
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	unsigned long exits[64], interrupted, faults;
};

FIXTURE_SETUP(fuzz)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct itimerval timer = { { 0, 4000 }, { 0, 4000 } };

	next_run = vmm_env("FUZZ_SEED", 440);
	self->n = vmm_env("FUZZ_COUNT", 1500);
	printf("# FUZZ_SEED=%lu FUZZ_COUNT=%lu\n", next_run, self->n);
	self->area = mmap(NULL, MEM + 2 * GUARD, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->area);
	memset(self->area, 0x5a, GUARD);
	memset(self->area + GUARD + MEM, 0x5a, GUARD);
	sigaction(SIGALRM, &sa, NULL);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
}

FIXTURE_TEARDOWN(fuzz)
{
}

static bool untouched(const char *p)
{
	unsigned int i;

	for (i = 0; i < GUARD; i++)
		if (p[i] != 0x5a)
			return false;
	return true;
}

static void new_vm(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) * self)
{
	sigset_t alarm;

	/* There is nothing to hurry for but in KVM_RUN */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	if (self->vmm)
		vmm_free(self->vmm);
	self->vmm = vmm_new(0);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 0, 0, 0, MEM, self->area + GUARD));
	self->vcpu = vmm_add_vcpu(self->vmm, 0);
}

static void *memory(FIXTURE_DATA(fuzz) * self, uint32_t at)
{
	return self->area + GUARD + at;
}

static void load(FIXTURE_DATA(fuzz) * self, uint32_t at, const char *from,
		 const char *end)
{
	memcpy(memory(self, at), from, end - from);
}

/* Runs until there is something for userspace; false if it was a signal */
static bool run(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) * self)
{
	struct kvm_run *r = self->vcpu->run;

	if (vmm_run(self->vcpu)) {
		if (errno == EINTR) {
			self->interrupted++;
			return false;
		}
		/* Instructions cannot be at fault for what the VMM has mapped */
		ASSERT_EQ(0, errno);
	}
	ASSERT_LT(r->exit_reason, ARRAY_SIZE(self->exits));
	self->exits[r->exit_reason]++;
	switch (r->exit_reason) {
	case KVM_EXIT_MMIO:
		EXPECT_LE(r->mmio.len, 8);
		/* None of the guest's own memory */
		EXPECT_LE(MEM, r->mmio.phys_addr + r->mmio.len - 1);
		EXPECT_GT(1ull << 36, r->mmio.phys_addr);
		memset(r->mmio.data, rnd(), sizeof(r->mmio.data));
		break;
	case KVM_EXIT_DCR:
		EXPECT_GT(1024, r->dcr.dcrn);
		r->dcr.data = rnd();
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		EXPECT_EQ(KVM_SYSTEM_EVENT_RESET, r->system_event.type);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION, r->internal.suberror);
		break;
	default:
		EXPECT_EQ(KVM_EXIT_WATCHDOG, r->exit_reason);
		break;
	}
	return true;
}

static void fill(FIXTURE_DATA(fuzz) * self, struct kvm_regs *regs,
		 uint32_t base)
{
	uint32_t *code = memory(self, CODE);
	unsigned int i;

	/* Not from where signals left off */
	rng = (++next_run) * 0x9e3779b97f4a7c15ull;
	for (i = 0; i < WORDS; i++)
		code[i] = insn();
	memset(regs, 0, sizeof(*regs));
	for (i = 0; i < 32; i++)
		regs->gpr[i] = value() + (below(2) ? base : 0);
	regs->pc = base + CODE;
	regs->lr = value() + base;
	regs->ctr = below(2) ? below(8) : value();
	regs->cr = rnd();
	regs->xer = rnd();
	for (i = 0; i < 8; i++)
		*(&regs->sprg0 + i) = value();
	regs->srr0 = value();
}

static void report(FIXTURE_DATA(fuzz) * self)
{
	printf("# MMIO %lu, DCR %lu, reset %lu, errors %lu, watchdog %lu, signals %lu\n",
	       self->exits[KVM_EXIT_MMIO], self->exits[KVM_EXIT_DCR],
	       self->exits[KVM_EXIT_SYSTEM_EVENT],
	       self->exits[KVM_EXIT_INTERNAL_ERROR],
	       self->exits[KVM_EXIT_WATCHDOG], self->interrupted);
}

/* A guest of the usual kind: a store to the device */
static void usual(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) * self)
{
	struct itimerval off = { 0 };
	struct kvm_regs regs = { .pc = CODE };

	setitimer(ITIMER_REAL, &off, NULL);
	new_vm(_metadata, self);
	load(self, CODE, tell, tell_end);
	regs.gpr[3] = 4711;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(4711, e44x_hcall(self->vcpu));
	EXPECT_TRUE(untouched(self->area));
	EXPECT_TRUE(untouched(self->area + GUARD + MEM));
	vmm_free(self->vmm);
}

TEST_F_TIMEOUT(fuzz, kernel, 3600)
{
	struct kvm_regs regs;
	unsigned long i, j;

	for (i = 0; i < self->n; i++) {
		if (i % RUNS_PER_VM == 0)
			new_vm(_metadata, self);
		fill(self, &regs, 0);
		regs.msr = below(2) ? 0 : rnd() & ~MSR_PR;
		regs.srr1 = rnd();
		for (j = 0; j < NR_IVORS; j++) {
			/* Critical input, machine check, watchdog, debug */
			bool critical = j < 2 || j == 12 || j == 15;

			set_vector(self->vcpu, j, VECTORS + 0x20 * j);
			if (critical)
				load(self, VECTORS + 0x20 * j, skip_critical,
				     skip_critical_end);
			else
				load(self, VECTORS + 0x20 * j, skip, skip_end);
		}
		vmm_set_regs(self->vcpu, &regs);
		/* A wait state has nothing to wake it but the signal */
		for (j = 0; j < 20; j++)
			if (!run(_metadata, self) ||
			    self->vcpu->run->exit_reason ==
				    KVM_EXIT_INTERNAL_ERROR)
				break;
		if (i % RUNS_PER_VM == RUNS_PER_VM - 1) {
			ASSERT_TRUE(untouched(self->area));
			ASSERT_TRUE(untouched(self->area + GUARD + MEM));
		}
	}
	report(self);
	EXPECT_LT(self->n / 20, self->exits[KVM_EXIT_MMIO]);
	EXPECT_LT(self->n / 100, self->exits[KVM_EXIT_DCR]);
	usual(_metadata, self);
}

/* Of these a program changes nothing; the first interrupt some, as by the book */
static void expect_unchanged(struct __test_metadata *_metadata,
			     const struct kvm_sregs *before,
			     const struct kvm_sregs *after)
{
	unsigned int i;

	/* A fetch from where there is no memory is a machine check */
	if (!(after->u.e.esr & ESR_MCI)) {
		EXPECT_EQ(before->u.e.csrr0, after->u.e.csrr0);
		EXPECT_EQ(before->u.e.csrr1, after->u.e.csrr1);
	}
	EXPECT_EQ(before->u.e.mcsr, after->u.e.mcsr);
	EXPECT_EQ(before->u.e.tcr, after->u.e.tcr);
	EXPECT_EQ(before->u.e.ivpr, after->u.e.ivpr);
	for (i = 0; i < NR_IVORS; i++)
		EXPECT_EQ(before->u.e.ivor_low[i], after->u.e.ivor_low[i]);
}

TEST_F_TIMEOUT(fuzz, program, 3600)
{
	struct kvm_sregs before, after;
	unsigned long i, j, told = 0;
	struct kvm_regs regs, now;

	for (i = 0; i < self->n; i++) {
		if (i % RUNS_PER_VM == 0) {
			new_vm(_metadata, self);
			memset(&regs, 0, sizeof(regs));
			regs.pc = PREPARATION;
			regs.gpr[31] = DEVICE;
			load(self, PREPARATION, map_for_programs,
			     map_for_programs_end);
			vmm_set_regs(self->vcpu, &regs);
			while (!run(_metadata, self))
				;
		}
		for (j = 0; j < NR_IVORS; j++) {
			set_vector(self->vcpu, j, VECTORS + 0x20 * j);
			load(self, VECTORS + 0x20 * j, tell, tell_end);
		}
		fill(self, &regs, USER);
		/* No floating point now and then, and interrupts */
		regs.msr = MSR_PR | (rnd() & 0xb000);
		vmm_set_regs(self->vcpu, &regs);
		ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &before));
		for (j = 0; j < 20; j++) {
			if (!run(_metadata, self))
				break;
			/* A program has no device control registers */
			ASSERT_EQ(0, self->exits[KVM_EXIT_DCR]);
			ASSERT_EQ(0, self->exits[KVM_EXIT_SYSTEM_EVENT]);
			vmm_get_regs(self->vcpu, &now);
			if (!(now.msr & MSR_PR)) {
				told++;
				break;
			}
		}
		vmm_get_regs(self->vcpu, &now);
		ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &after));
		expect_unchanged(_metadata, &before, &after);
		/* SPRG4 to SPRG7 it can read; none can it write */
		for (j = 0; j < 8; j++)
			EXPECT_EQ(*(&regs.sprg0 + j), *(&now.sprg0 + j));
		EXPECT_EQ(regs.pid, now.pid);
	}
	report(self);
	printf("# %lu of %lu ended with an interrupt\n", told, self->n);
	EXPECT_LT(self->n / 4, told);
	usual(_metadata, self);
}

TEST_HARNESS_MAIN
