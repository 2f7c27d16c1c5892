// SPDX-License-Identifier: GPL-2.0
/*
 * What the host's scheduler has to do with guests: a vCPU's thread loses its
 * CPU, which its guest is told; gives it away; polls for events only as long
 * as nobody else wants it.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <endian.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define CODE GPA_FREE
#define OTHER_CODE (GPA_FREE + 0x10000)

/* What the hypervisor writes (PAPR+ 14.11.3.3, lppaca.h) */
#define VPA (GPA_FREE + 0x100000)
#define DTL (VPA + 0x2000)
#define DTL_ENTRIES 100u
#define VPA_YIELD_COUNT 0x100
#define VPA_STOLEN 0x158
#define VPA_DTL_IDX 0x218

#define MS 1000000l

FIXTURE(guest)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
};

FIXTURE_SETUP(guest)
{
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
}

FIXTURE_TEARDOWN(guest)
{
	vmm_free(self->vmm);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000l * MS + t.tv_nsec;
}

#define now_ns() clock_ns(CLOCK_MONOTONIC)

static int64_t cpu_ns(pthread_t thread)
{
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock))
		vmm_die("no clock of a thread");
	return clock_ns(clock);
}

static void sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS };

	nanosleep(&t, NULL);
}

/* The last CPU, where fewer interrupts come */
static void pin(pthread_t thread)
{
	cpu_set_t all, one;
	int cpu;

	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = CPU_SETSIZE - 1; !CPU_ISSET(cpu, &all);)
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (pthread_setaffinity_np(thread, sizeof(one), &one))
		vmm_die("affinity");
}

/* A vCPU's thread, which runs it until it is told to stop */
struct runner {
	struct vmm_vcpu *vcpu;
	pthread_t thread;
	atomic_bool stop;
	unsigned long signals; /* that ended KVM_RUN */
	int error;
};

static void on_signal(int sig)
{
}

static void *run(void *arg)
{
	struct runner *r = arg;

	while (!r->stop && !r->error) {
		if (!vmm_run(r->vcpu))
			r->error = -1;
		else if (errno == EINTR)
			r->signals++;
		else
			r->error = errno;
	}
	return NULL;
}

static void start(struct runner *r, struct vmm_vcpu *vcpu)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
	memset(r, 0, sizeof(*r));
	r->vcpu = vcpu;
	if (pthread_create(&r->thread, NULL, run, r))
		vmm_die("no thread");
	pin(r->thread);
}

static void stop(struct runner *r)
{
	r->stop = true;
	/* It may be on its way into KVM_RUN */
	while (pthread_tryjoin_np(r->thread, NULL)) {
		pthread_kill(r->thread, SIGUSR1);
		sleep_ms(10);
	}
}

static void set_pc(struct vmm_vcpu *vcpu, uint64_t pc, uint64_t r5)
{
	struct kvm_regs regs = { .pc = pc, .msr = MSR_REAL };

	regs.gpr[5] = r5;
	regs.sprg0 = BOOK3S_SPRG0;
	book3s_set_regs(vcpu, &regs);
}

/* Takes the CPU of others for 5 ms of every 10 */
struct preemptor {
	const char *vpa;
	unsigned long rounds, dispatched;
	int64_t burnt; /* ns */
};

#define ROUNDS 100

static void *preempt(void *arg)
{
	const struct sched_param param = { .sched_priority = 10 };
	struct preemptor *p = arg;
	int64_t start, t;

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param))
		return NULL;
	for (; p->rounds < ROUNDS; p->rounds++) {
		sleep_ms(5);
		start = now_ns();
		if (!(p->vpa[VPA_YIELD_COUNT + 3] & 1))
			p->dispatched++;
		do
			t = now_ns();
		while (t < start + 5 * MS);
		p->burnt += t - start;
	}
	return NULL;
}

TEST_F(guest, preempted)
{
	char *vpa = vmm_gpa(self->vmm, VPA);
	uint64_t area[2] = { DTL, DTL_ENTRIES * 48 };
	struct preemptor p = { .vpa = vpa };
	int64_t stolen, index;
	struct runner r;
	pthread_t t;
	int i;

	*(uint16_t *)(vpa + 4) = htobe16(640);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_VPA_ADDR, VPA);
	ASSERT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_DTL, area));
	book3s_put(self->vmm, CODE, true, B(0));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ * 1000);
	set_pc(self->vcpu, CODE, 0);
	start(&r, self->vcpu);
	/* It is dispatched, but for what else the host runs on its CPU */
	for (i = 0; i < 200 && vpa[VPA_YIELD_COUNT + 3] & 1; i++)
		sleep_ms(10);
	EXPECT_TRUE(i < 200 || book3s_peer());

	ASSERT_EQ(0, pthread_create(&t, NULL, preempt, &p));
	pin(t);
	pthread_join(t, NULL);
	stop(&r);
	ASSERT_EQ(0, r.error);
	ASSERT_EQ(ROUNDS, p.rounds);

	/* the guest knows that it does not run, whenever another thread does */
	EXPECT_GE(ROUNDS / 20, p.dispatched);
	stolen = be64toh(*(uint64_t *)(vpa + VPA_STOLEN)) * 1000 / (TB_HZ / MS);
	EXPECT_LT(p.burnt * 8 / 10, stolen);
	EXPECT_GT(p.burnt * 2, stolen);
	/* each time it got its CPU back */
	index = be64toh(*(uint64_t *)(vpa + VPA_DTL_IDX));
	EXPECT_LE(ROUNDS * 8 / 10, index);
	TH_LOG("%ld of %ld us stolen, %ld dispatches, %lu times dispatched without a CPU",
	       (long)stolen / 1000, (long)p.burnt / 1000, (long)index,
	       p.dispatched);
}

/* H_CONFER to all: a vCPU that waits for a CPU gets the caller's time */
TEST_F(guest, confer_to_all)
{
	struct vmm_vcpu *other =
		book3s_add_vcpu(self->vmm, 1, MSR_REAL, 0, 0, 0);
	int64_t caller, waiting;
	struct runner r[2];

	if (book3s_peer())
		SKIP(return, "kvm-hv.ko and kvm-pr.ko only return");
	book3s_put(self->vmm, CODE, true, LI(3, H_CONFER), LI(4, -1), LI(5, 0),
		   SC(1), B(-16));
	book3s_put(self->vmm, OTHER_CODE, true, B(0));
	set_pc(self->vcpu, CODE, 0);
	set_pc(other, OTHER_CODE, 0);
	start(&r[1], other);
	start(&r[0], self->vcpu);
	sleep_ms(100);
	caller = cpu_ns(r[0].thread);
	waiting = cpu_ns(r[1].thread);
	sleep_ms(2000);
	caller = cpu_ns(r[0].thread) - caller;
	waiting = cpu_ns(r[1].thread) - waiting;
	stop(&r[0]);
	stop(&r[1]);
	EXPECT_EQ(0, r[0].error);
	EXPECT_EQ(0, r[1].error);
	TH_LOG("%ld us of the caller, %ld us of the other", (long)caller / 1000,
	       (long)waiting / 1000);
	EXPECT_LT(2 * caller, waiting);
}

#define HALT_MS 5

/* The guest has its decrementer wake it every few milliseconds */
static void halt_again_and_again(struct vmm *vmm, struct vmm_vcpu *vcpu)
{
	book3s_put(vmm, 0x900, true, MTSPR(22, 5), RFID);
	book3s_put(vmm, CODE, true, MTSPR(22, 5), LI(3, H_CEDE), SC(1), B(-8));
	set_pc(vcpu, CODE, TB_HZ / 1000 * HALT_MS);
	/* Long enough for any halt */
	if (vmm_enable_cap(vmm->fd, KVM_CAP_HALT_POLL, 1000 * MS, 0))
		vmm_die("KVM_CAP_HALT_POLL");
}

static atomic_bool burn_on;

static void *burn(void *arg)
{
	while (burn_on)
		;
	return NULL;
}

/* Polling for a halted guest ends when another task wants the CPU */
TEST_F(guest, polling_yields)
{
	int64_t alone, shared, other;
	struct runner r;
	pthread_t t;

	if (book3s_peer())
		SKIP(return, "kvm-hv.ko does not poll on these processors");
	halt_again_and_again(self->vmm, self->vcpu);
	start(&r, self->vcpu);
	sleep_ms(500);
	alone = cpu_ns(r.thread);
	sleep_ms(500);
	alone = cpu_ns(r.thread) - alone;
	EXPECT_LT(250 * MS, alone);

	burn_on = true;
	ASSERT_EQ(0, pthread_create(&t, NULL, burn, NULL));
	pin(t);
	sleep_ms(100);
	shared = cpu_ns(r.thread);
	other = cpu_ns(t);
	sleep_ms(1000);
	shared = cpu_ns(r.thread) - shared;
	other = cpu_ns(t) - other;
	burn_on = false;
	pthread_join(t, NULL);
	stop(&r);
	EXPECT_EQ(0, r.error);
	TH_LOG("%ld us of 500000 alone, %ld of 1000000 beside another thread, which had %ld",
	       (long)alone / 1000, (long)shared / 1000, (long)other / 1000);
	EXPECT_GT(200 * MS, shared);
	EXPECT_LT(700 * MS, other);
	EXPECT_LT(0, vmm_stat(self->vmm, "halt_successful_poll"));
}

/* Polls that end for the VMM's sake are counted, and are no reason to poll longer */
TEST_F(guest, polling_is_interrupted)
{
	struct runner r;
	long before;
	int i;

	if (book3s_peer())
		SKIP(return, "kvm-hv.ko does not poll on these processors");
	halt_again_and_again(self->vmm, self->vcpu);
	start(&r, self->vcpu);
	sleep_ms(500);
	before = vmm_stat(self->vmm, "halt_poll_invalid");
	EXPECT_EQ(0, before);
	/* at times that have nothing to do with the guest's, until one met a poll */
	for (i = 0; i < 500 && !vmm_stat(self->vmm, "halt_poll_invalid"); i++) {
		sleep_ms(1 + i % 13);
		pthread_kill(r.thread, SIGUSR1);
	}
	stop(&r);
	EXPECT_EQ(0, r.error);
	EXPECT_LT(0, vmm_stat(self->vmm, "halt_poll_invalid"));
	EXPECT_GE(r.signals, vmm_stat(self->vmm, "halt_poll_invalid"));
}

TEST_HARNESS_MAIN
