// SPDX-License-Identifier: GPL-2.0
/*
 * What the host's scheduler has to do with guests: a vCPU's thread polls for
 * events only as long as nobody else wants its CPU.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define CODE GPA_FREE

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

/* A busy loop for a guest that has nothing to do is for CPUs that nobody wants */
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
	for (i = 0; i < 20; i++) {
		sleep_ms(33);
		pthread_kill(r.thread, SIGUSR1);
	}
	stop(&r);
	EXPECT_EQ(0, r.error);
	EXPECT_LT(0, vmm_stat(self->vmm, "halt_poll_invalid"));
	EXPECT_GE(r.signals, vmm_stat(self->vmm, "halt_poll_invalid"));
}

TEST_HARNESS_MAIN
