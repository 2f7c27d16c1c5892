// SPDX-License-Identifier: GPL-2.0
/*
 * Signals at every moment of the way into a guest that never leaves by itself.
 * Each has to end KVM_RUN with EINTR, and at once: a module that looks for
 * signals before it disables interrupts misses one that comes in between, and
 * goes on until the host's next tick.
 *
 * A timer that expires on this CPU is armed right before KVM_RUN. Its delay is
 * swept from none to well inside the guest; where the entry lies is found out
 * first. Time under -icount is a count of instructions, so the sweep can be
 * finer than an instruction, and lateness means what it says.
 */
#include "kselftest_harness.h"

#include "payload.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

DECLARE_PAYLOAD(spin);

/*
 * A tick of 250 Hz is some 2,000,000 timebase ticks. What is late by half of that
 * has waited for something; getting out and back takes 30,000, and once in 100,000
 * times what Debian's kernel does beside it takes 600,000.
 */
#define LATE ((int64_t)tb_hz() / 250 / 2)
#define SIG SIGUSR1

static struct vmm_vcpu *vcpu;

static void on_signal(int sig)
{
	vcpu->run->immediate_exit = 1;
}

FIXTURE(race)
{
	struct vmm *vmm;
	timer_t timer;
	sigset_t set;
};

FIXTURE_VARIANT(race)
{
	bool handler; /* as QEMU does it; else KVM_SET_SIGNAL_MASK */
};

FIXTURE_VARIANT_ADD(race, signal_mask){
	.handler = false,
};

FIXTURE_VARIANT_ADD(race, handler){
	.handler = true,
};

FIXTURE_SETUP(race)
{
	struct {
		struct kvm_signal_mask m;
		uint64_t set;
	} __attribute__((packed)) mask = { .m.len = 8, .set = 0 };
	struct sigaction sa = { .sa_handler = on_signal };
	struct sched_param prio = { .sched_priority = 50 };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIG };
	cpu_set_t one;

	/* no other thread may run on this CPU and delay the signal */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &prio));
	sigaction(SIG, &sa, NULL);
	sigemptyset(&self->set);
	sigaddset(&self->set, SIG);
	self->vmm = vmm_new(8 << 20);
	guest_load(self->vmm, PAYLOAD(spin));
	vcpu = guest_add_vcpu(self->vmm, 0, false, 0, 0, 0);
	if (!variant->handler) {
		/* the signal is only open during KVM_RUN */
		sigprocmask(SIG_BLOCK, &self->set, NULL);
		ASSERT_EQ(0, ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &mask));
	}
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &ev, &self->timer));
}

FIXTURE_TEARDOWN(race)
{
	timer_delete(self->timer);
	vmm_free(self->vmm);
}

/*
 * One signal @ns after the timer is armed: the timebase ticks by which KVM_RUN
 * was late, and whether the guest ran.
 */
static int64_t one(timer_t timer, bool handler, const sigset_t *set,
		   uint64_t ns, bool *ran)
{
	struct itimerspec at = {
		.it_value = { .tv_sec = ns / 1000000000,
			      .tv_nsec = ns % 1000000000 },
	};
	struct timespec zero = { 0 };
	struct kvm_regs regs;
	uint64_t t0, t1;
	int ret, err;

	t0 = mftb();
	timer_settime(timer, 0, &at, NULL);
	ret = vmm_run(vcpu);
	err = errno;
	t1 = mftb();
	if (ret != -1 || err != EINTR)
		vmm_die("KVM_RUN gave %d: %s", ret, vmm_exit_str(vcpu));
	if (handler) {
		vcpu->run->immediate_exit = 0;
	} else {
		/* it is still pending */
		if (sigtimedwait(set, NULL, &zero) != SIG)
			vmm_die("EINTR, and no signal");
	}
	vmm_get_regs(vcpu, &regs);
	*ran = regs.gpr[3] != 0;
	regs.gpr[3] = 0;
	regs.pc = 0;
	regs.gpr[1] = GUEST_STACK;
	vmm_set_regs(vcpu, &regs);
	return t1 - t0 - ns * (tb_hz() / 1000000) / 1000;
}

TEST_F_TIMEOUT(race, sweep, 600)
{
	unsigned long n = vmm_env("SIGNAL_RACE_COUNT", 20000);
	unsigned long lo, hi, ns, ran_n = 0, late_n = 0;
	int64_t late, worst = 0, tick = LATE;
	uint64_t i;
	bool ran;

	/* the entry: from here on the guest runs before the signal */
	for (i = 0; i < 20; i++)
		one(self->timer, variant->handler, &self->set, 1000000, &ran);
	ASSERT_TRUE(ran);
	lo = 1;
	hi = 1000000;
	while (hi - lo > 100) {
		ns = (lo + hi) / 2;
		one(self->timer, variant->handler, &self->set, ns, &ran);
		if (ran)
			hi = ns;
		else
			lo = ns;
	}
	printf("# the guest is entered %lu ns after the timer is armed\n", hi);
	for (i = 0; i < n; i++) {
		/*
		 * From none at all to half as far again; in an order that is
		 * not in step with anything.
		 */
		ns = 1 + i * 7919 % n * (hi + hi / 2) / n;
		late = one(self->timer, variant->handler, &self->set, ns, &ran);
		ran_n += ran;
		if (late > worst)
			worst = late;
		if (late > tick && ++late_n <= 10)
			printf("# %lu ns: late by %lld ticks, guest %s\n", ns,
			       (long long)late, ran ? "ran" : "did not run");
	}
	printf("# %lu signals, %lu with the guest running, the latest by %lld ticks\n",
	       n, ran_n, (long long)worst);
	/* A debugging kernel's own work lasts for a while, now and then */
	EXPECT_GE(vmm_debugging_host() ? n / 1000 : 0, late_n);
	/* the times have covered the entry */
	EXPECT_LT(n / 10, ran_n);
	EXPECT_LT(n / 10, n - ran_n);
}

TEST_HARNESS_MAIN
