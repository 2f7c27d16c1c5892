// SPDX-License-Identifier: GPL-2.0
/*
 * The host's interrupts while a guest has the CPU: each ends the guest and has
 * to be served then, not at the next tick, and without a return to userspace.
 * One CPU runs a vCPU (or, for comparison, a thread that spins), and the same
 * work is done on and with that CPU: timers, IPIs to it, wakeups, a disk's
 * interrupts.
 *
 * With two CPUs this finds interrupts that are lost: work that waits for one
 * stands still. On an emulated host with more threads than the machine has
 * CPUs everything is late now and then, so lateness is judged on a host with
 * one CPU and -icount (replay_late is this program there).
 */
#include "kselftest_harness.h"

#include "book3s.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

DECLARE_PAYLOAD(spin);
DECLARE_PAYLOAD(prod);

#define SECONDS 2
/*
 * One that is lost is found when the CPU goes idle, and that is not before
 * PATIENCE; one that takes less was late, be it for a machine that is busy.
 */
#define PATIENCE 20 /* s */
#define LOST_NS 15000000000ull
#define LATE_NS 500000ull /* an eighth of a tick of 250 Hz */

static int cpu, other; /* the vCPU's CPU, and where IPIs come from */

static void pin(int to)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(to, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		vmm_die("sched_setaffinity to CPU %d", to);
}

static void real_time(void)
{
	struct sched_param p = { .sched_priority = 50 };

	if (sched_setscheduler(0, SCHED_FIFO, &p))
		vmm_die("SCHED_FIFO");
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/*
 * What a CPU is busy with until the work is done and a signal says so that a timer
 * of its own sends, each second
 */
struct load {
	struct vmm_vcpu *vcpu; /* NULL: userspace */
	volatile bool running, stop;
	volatile bool worked; /* what is measured has ended */
	int patience; /* signals that it waits for that */
	unsigned int exits; /* of KVM_RUN, before the signal */
	unsigned int late; /* decrementer interrupts of the guest's */
	pthread_t thread;
};

static __thread struct load *my_load;

static void on_stop(int sig)
{
	if (!my_load->worked && my_load->patience--)
		return;
	my_load->stop = true;
	if (my_load->vcpu)
		my_load->vcpu->run->immediate_exit = 1;
}

/*
 * The guest's decrementer is never due, but an emulated one can be late: it
 * interrupts for what the host had in it just before the entry, if the emulator's
 * timer thread is behind.
 */
static bool late_decrementer(struct load *load)
{
	struct kvm_run *run = load->vcpu->run;

	return run->exit_reason == KVM_EXIT_PAPR_HCALL &&
	       run->papr_hcall.nr == UC_TRAP &&
	       run->papr_hcall.args[0] == 0x900 && load->late++ < 3;
}

static void *load_thread(void *arg)
{
	struct kvm_regs begin = {};
	struct sigaction sa = { .sa_handler = on_stop };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
			       .sigev_signo = SIGUSR1 };
	struct itimerspec at = { .it_value.tv_sec = 1,
				 .it_interval.tv_sec = 1 };
	struct load *load = arg;
	timer_t timer;

	my_load = load;
	pin(cpu);
	sigaction(SIGUSR1, &sa, NULL);
	ev._sigev_un._tid = syscall(SYS_gettid);
	/*
	 * Also what ends it all if an IPI is lost: this needs none. A lost one
	 * is found when the CPU goes idle.
	 */
	timer_create(CLOCK_MONOTONIC, &ev, &timer);
	timer_settime(timer, 0, &at, NULL);
	if (load->vcpu)
		vmm_get_regs(load->vcpu, &begin);
	load->running = true;
	while (!load->stop) {
		if (!load->vcpu)
			continue;
		/* no interrupt of the guest's own: 32 bits are 4 s */
		vmm_reg_set(load->vcpu, KVM_REG_PPC_DEC_EXPIRY,
			    mftb() + 0x7f000000);
		if (vmm_run(load->vcpu) && errno == EINTR)
			continue;
		printf("# %s\n", vmm_exit_str(load->vcpu));
		if (late_decrementer(load))
			book3s_set_regs(load->vcpu, &begin);
		else
			load->exits++;
	}
	timer_delete(timer);
	return NULL;
}

static void start(struct load *load, struct vmm_vcpu *vcpu)
{
	memset(load, 0, sizeof(*load));
	load->vcpu = vcpu;
	load->patience = PATIENCE;
	if (vcpu)
		vcpu->run->immediate_exit = 0;
	pthread_create(&load->thread, NULL, load_thread, load);
	while (!load->running)
		usleep(1000);
	usleep(100000);
}

struct result {
	unsigned long done; /* in SECONDS */
	uint64_t worst; /* ns for one */
};

/* A sleeper on the vCPU's CPU, each millisecond: hrtimer interrupts there */
static void timers(struct result *r)
{
	uint64_t end = now_ns() + SECONDS * 1000000000ull, t = now_ns(), n;
	struct timespec ts;

	pin(cpu);
	real_time();
	for (; now_ns() < end; r->done++) {
		t += 1000000;
		ts.tv_sec = t / 1000000000;
		ts.tv_nsec = t % 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		n = now_ns();
		if (n - t > r->worst)
			r->worst = n - t;
		if (n > t + 1000000)
			t = n;
	}
}

/* Function-call IPIs from the other CPU to where threads of this process run */
static void ipis(struct result *r)
{
	uint64_t end = now_ns() + SECONDS * 1000000000ull, t, n;

	pin(other);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
		    0, 0))
		vmm_die("membarrier");
	for (n = now_ns(); n < end; r->done++) {
		t = n;
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		n = now_ns();
		if (n - t > r->worst)
			r->worst = n - t;
	}
}

/* Reschedule IPIs: a thread there is woken by one here, and wakes it back */
struct ping {
	int there, back;
};

static void *pong(void *arg)
{
	struct ping *p = arg;
	uint64_t v;

	pin(cpu);
	real_time();
	while (read(p->there, &v, 8) == 8 && v < 1000)
		if (write(p->back, &v, 8) != 8)
			break;
	return NULL;
}

static void wakeups(struct result *r)
{
	struct ping p = { eventfd(0, 0), eventfd(0, 0) };
	uint64_t end, t, n, v = 1, last = 1000;
	pthread_t thread;

	pthread_create(&thread, NULL, pong, &p);
	pin(other);
	usleep(10000);
	end = now_ns() + SECONDS * 1000000000ull;
	for (n = now_ns(); n < end; r->done++) {
		t = n;
		if (write(p.there, &v, 8) != 8 || read(p.back, &v, 8) != 8)
			vmm_die("eventfd");
		n = now_ns();
		if (n - t > r->worst)
			r->worst = n - t;
	}
	if (write(p.there, &last, 8) != 8)
		vmm_die("eventfd");
	pthread_join(thread, NULL);
	close(p.there);
	close(p.back);
}

/* A disk that interrupts the CPU which asked */
static const char disk[] = "/dev/nvme0n1";

static void reads(struct result *r)
{
	uint64_t end = now_ns() + SECONDS * 1000000000ull, t, n;
	int fd = open(disk, O_RDONLY | O_DIRECT);
	char *buf = vmm_alloc(0x10000);

	if (fd < 0)
		vmm_die("%s", disk);
	pin(cpu);
	real_time();
	for (n = now_ns(); n < end; r->done++) {
		t = n;
		if (pread(fd, buf, 0x1000, (r->done % 1024) * 0x1000) != 0x1000)
			vmm_die("%s", disk);
		n = now_ns();
		if (n - t > r->worst)
			r->worst = n - t;
	}
	close(fd);
}

static const struct {
	const char *name;
	void (*work)(struct result *r);
	bool two_cpus;
	bool exact; /* nothing outside the host takes part */
} kinds[] = {
	{ "timers", timers, false, true },
	{ "IPIs", ipis, true, false },
	{ "wakeups", wakeups, true, false },
	{ "device", reads, false, false },
};

struct job {
	void (*work)(struct result *r);
	struct result r;
	struct load load;
};

static void *worker(void *arg)
{
	struct job *job = arg;

	job->work(&job->r);
	job->load.worked = true;
	return NULL;
}

/* @work next to @vcpu, or to a spinning thread; returns exits to userspace */
static unsigned int measure(struct vmm_vcpu *vcpu,
			    void (*work)(struct result *), struct result *r)
{
	struct job job = { .work = work };
	pthread_t thread;

	start(&job.load, vcpu);
	pthread_create(&thread, NULL, worker, &job);
	pthread_join(thread, NULL);
	pthread_join(job.load.thread, NULL);
	*r = job.r;
	return job.load.exits;
}

FIXTURE(replay)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
};

FIXTURE_VARIANT(replay)
{
	bool hcalls; /* a guest that exits all the time, to the kernel */
};

FIXTURE_VARIANT_ADD(replay, spinning){
	.hcalls = false,
};

FIXTURE_VARIANT_ADD(replay, hypercalls){
	.hcalls = true,
};

FIXTURE_SETUP(replay)
{
	cpu = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	self->vmm = vmm_new(8 << 20);
	book3s_load(self->vmm, variant->hcalls ? PAYLOAD(prod) : PAYLOAD(spin));
	/* TCG gives no hypervisor doorbell to a guest with EE off */
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL | MSR_EE, 0, 0, 0);
}

FIXTURE_TEARDOWN(replay)
{
	vmm_free(self->vmm);
}

TEST_F_TIMEOUT(replay, rates, 300)
{
	/* a debugging kernel's own work may take some ticks */
	bool debugging = vmm_debugging_host();
	unsigned int i, exits;
	struct result base, r;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].work == reads && access(disk, R_OK)) {
			printf("# no %s\n", disk);
			continue;
		}
		if (cpu == other && kinds[i].two_cpus)
			continue;
		measure(NULL, kinds[i].work, &base);
		exits = measure(self->vcpu, kinds[i].work, &r);
		printf("# %s: %lu (worst %" PRIu64
		       " us), %lu next to a thread (%" PRIu64 " us)\n",
		       kinds[i].name, r.done, r.worst / 1000, base.done,
		       base.worst / 1000);
		EXPECT_EQ(0, exits);
		EXPECT_LT(r.worst, LOST_NS);
		if (cpu != other || !kinds[i].exact)
			continue;
		EXPECT_LE(base.done * (debugging ? 7 : 9) / 10, r.done);
		EXPECT_LT(r.worst, base.worst + LATE_NS * (debugging ? 32 : 1));
	}
}

TEST_HARNESS_MAIN
