// SPDX-License-Identifier: GPL-2.0
/*
 * The host's interrupt controller in the guest's hands: guests that interrupt
 * themselves and each other, whose devices interrupt them, and whose state goes
 * to another controller.
 */
#include "xive_device.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>

DECLARE_PAYLOAD(xive);

static struct shared *shared(FIXTURE_DATA(xive) * self)
{
	return vmm_gpa(self->vmm, SHARED);
}

/*
 * The guest's memory and vCPUs, as servers of a controller with queues, sources
 * among all of them, and what the guest needs of it mapped
 */
static int machine(struct __test_metadata *_metadata, FIXTURE_DATA(xive) * self,
		   unsigned int servers)
{
	int fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	unsigned int i, j;

	ASSERT_LE(0, fd);
	if (!self->vmm->nr_vcpus)
		book3s_load(self->vmm, PAYLOAD(xive));
	memset(shared(self), 0, sizeof(struct shared));
	for (i = 0; i < servers; i++) {
		if (self->vmm->nr_vcpus == i)
			vmm_add_vcpu(self->vmm, i);
		/* kvm-hv connects other vCPUs and says EINVAL all the same */
		vmm_enable_cap(self->vmm->vcpu[i].fd, KVM_CAP_PPC_PAPR, 0, 0);
		ASSERT_EQ(0, connect_to(&self->vmm->vcpu[i], fd, i));
		memset(vmm_gpa(self->vmm, QUEUES + i * PAGE), 0, PAGE);
		ASSERT_EQ(0, set_queue(fd, queue_id(i, PRIORITY),
				       QUEUE(.qaddr = QUEUES + i * PAGE)));
	}
	for (i = 0; i < servers; i++)
		for (j = 0; j < servers; j++) {
			ASSERT_EQ(0, set(fd, KVM_DEV_XIVE_GRP_SOURCE,
					 SOURCE(i, j), 0));
			ASSERT_EQ(0, route(fd, SOURCE(i, j), j, PRIORITY));
		}
	self->tima = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, KVM_XIVE_TIMA_PAGE_OFFSET * PAGE);
	ASSERT_NE(MAP_FAILED, self->tima);
	self->esb = mmap(NULL, IRQS * 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, KVM_XIVE_ESB_PAGE_OFFSET * PAGE);
	ASSERT_NE(MAP_FAILED, self->esb);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, 0, TIMA, 4 * PAGE, self->tima));
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 2, 0, ESB, IRQS * 2 * PAGE,
				  self->esb));
	for (i = 0; i < servers; i++)
		for (j = 0; j < servers; j++)
			/* P and Q 0: it may fire */
			*(volatile uint64_t *)((char *)self->esb +
					       (SOURCE(i, j) * 2 + 1) * PAGE +
					       0xc00);
	return fd;
}

/* Back to where a payload begins */
static void start(FIXTURE_DATA(xive) * self, unsigned int server, uint64_t what,
		  uint64_t other, uint64_t n)
{
	uint64_t stack = GPA_STACKS + BOOK3S_STACK * server;
	struct kvm_regs r = {
		.msr = MSR_REAL,
		.sprg0 = stack + BOOK3S_STACK / 2,
		.gpr = { [1] = stack + BOOK3S_STACK - 0x100,
			 [3] = what,
			 [4] = other << 8 | server,
			 [5] = n },
	};
	struct vmm_vcpu *vcpu = &self->vmm->vcpu[server];

	book3s_set_regs(vcpu, &r);
	vmm_reg_set(vcpu, KVM_REG_PPC_LPCR_64, LPCR_ILE);
}

static void *run_to_exit(void *vcpu)
{
	book3s_run_to_exit(vcpu);
	return NULL;
}

/* No exit for any of them */
TEST_F(xive, own_interrupts)
{
	unsigned long n = vmm_env("XIVE_SELF", 5000);
	long before, exits;
	int fd;

	NEEDS_DEVICE();
	fd = machine(_metadata, self, 1);
	start(self, 0, X_SELF, 0, 10);
	book3s_run_to_exit(self->vmm->vcpu);
	start(self, 0, X_SELF, 0, n);
	before = vmm_stat(self->vmm, "sum_exits");
	book3s_run_to_exit(self->vmm->vcpu);
	exits = vmm_stat(self->vmm, "sum_exits") - before;
	printf("# %lu interrupts, %ld exits\n", n, exits);
	EXPECT_GT(n / 4, exits);
	EXPECT_EQ(n + 10, shared(self)->got[0][0]);
	unmap(self);
	close(fd);
}

/* Each waits for the other's interrupt, asleep */
TEST_F(xive, call_and_answer)
{
	unsigned long n = vmm_env("XIVE_CALLS", 1000);
	pthread_t thread;
	int fd;

	NEEDS_DEVICE();
	fd = machine(_metadata, self, 2);
	start(self, 0, X_CALL, 1, n);
	start(self, 1, X_ANSWER, 0, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_exit,
				    &self->vmm->vcpu[1]));
	book3s_run_to_exit(self->vmm->vcpu);
	pthread_join(thread, NULL);
	EXPECT_EQ(n, shared(self)->got[1][0]);
	printf("# %lu answers, the slowest after %lu ticks\n", n,
	       shared(self)->slowest[0]);
	unmap(self);
	close(fd);
}

static volatile bool over;

static void *move(void *data)
{
	pthread_t *threads = data;
	unsigned int i;
	cpu_set_t cpus;

	for (i = 0; !over; i++) {
		CPU_ZERO(&cpus);
		CPU_SET(i / SERVERS % 2, &cpus);
		pthread_setaffinity_np(threads[i % SERVERS], sizeof(cpus),
				       &cpus);
		usleep(500 + i * 37 % 1000);
	}
	return NULL;
}

/* All interrupt all, on threads that move: each is counted */
TEST_F(xive, storm)
{
	unsigned long n = vmm_env("XIVE_STORM", 2000), got = 0;
	pthread_t thread[SERVERS], mover;
	struct shared *s = shared(self);
	unsigned int i, j;
	int fd;

	NEEDS_DEVICE();
	fd = machine(_metadata, self, SERVERS);
	over = false;
	for (i = 0; i < SERVERS; i++) {
		start(self, i, X_STORM, SERVERS, n);
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, run_to_exit,
					    &self->vmm->vcpu[i]));
	}
	ASSERT_EQ(0, pthread_create(&mover, NULL, move, thread));
	for (i = 0; i < SERVERS; i++)
		pthread_join(thread[i], NULL);
	over = true;
	pthread_join(mover, NULL);
	for (i = 0; i < SERVERS; i++)
		for (j = 0; j < SERVERS; j++) {
			EXPECT_EQ(s->sent[i][j], s->got[i][j]);
			got += s->got[i][j];
		}
	EXPECT_EQ(n * SERVERS, got);
	unmap(self);
	close(fd);
}

/* From userspace: by ioctl and by eventfd, while the guest sleeps */
TEST_F(xive, from_devices)
{
	struct kvm_irqfd args = { .gsi = SOURCE(0, 0) };
	uint64_t one = 1;
	int fd, event;

	NEEDS_DEVICE();
	event = eventfd(0, EFD_CLOEXEC);
	args.fd = event;
	EXPECT_EQ(-ENXIO, irq_line(self->vmm, SOURCE(0, 0), 1));
	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_IRQFD, &args));
	EXPECT_EQ(EAGAIN, errno);
	fd = machine(_metadata, self, 1);
	EXPECT_EQ(0, ioctl(self->vmm->fd, KVM_IRQFD, &args));
	EXPECT_EQ(0, irq_line(self->vmm, 99, 1));
	EXPECT_EQ(0, irq_line(self->vmm, IRQS + 1, 1));
	start(self, 0, X_WAIT, 0, 0);
	EXPECT_EQ(0, irq_line(self->vmm, SOURCE(0, 0), 0));
	EXPECT_EQ(0, irq_line(self->vmm, SOURCE(0, 0), 1));
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vmm->vcpu));
	EXPECT_EQ(1, self->vmm->vcpu->run->papr_hcall.args[0]);
	EXPECT_EQ(8, write(event, &one, 8));
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vmm->vcpu));
	EXPECT_EQ(2, self->vmm->vcpu->run->papr_hcall.args[0]);
	unmap(self);
	close(fd);
	/* one that outlives the device */
	EXPECT_EQ(8, write(event, &one, 8));
	close(event);
}

/* What is pending and where the queue is goes to another device */
TEST_F(xive, saved)
{
	struct vp_state vp = {};
	struct kvm_ppc_xive_eq eq;
	int fd;

	NEEDS_DEVICE();
	fd = machine(_metadata, self, 1);
	/* One that is handled, so that the queue is somewhere */
	start(self, 0, X_SELF, 0, 1);
	book3s_run_to_exit(self->vmm->vcpu);
	start(self, 0, X_PEND, 0, 0);
	book3s_run_to_exit(self->vmm->vcpu);
	ASSERT_EQ(0, control(fd, KVM_DEV_XIVE_EQ_SYNC));
	ASSERT_EQ(0, get_queue(fd, queue_id(0, PRIORITY), &eq));
	EXPECT_EQ(2, eq.qindex);
	EXPECT_EQ(1, eq.qtoggle);
	ASSERT_EQ(0, get_vp(self->vmm->vcpu, &vp));
	EXPECT_EQ(0, vp.cppr);
	EXPECT_EQ(0x80 >> PRIORITY, vp.ipb);
	unmap(self);
	vmm_set_slot(self->vmm, 1, 0, TIMA, 0, NULL);
	vmm_set_slot(self->vmm, 2, 0, ESB, 0, NULL);
	close(fd);

	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	close(fd);
	{
		/* The queue is the guest's memory, and stays as it is */
		char *queue = malloc(PAGE);
		unsigned int taken;

		memcpy(queue, vmm_gpa(self->vmm, QUEUES), PAGE);
		fd = machine(_metadata, self, 1);
		memcpy(vmm_gpa(self->vmm, QUEUES), queue, PAGE);
		free(queue);
		ASSERT_EQ(0, set_queue(fd, queue_id(0, PRIORITY), eq));
		ASSERT_EQ(0, set_vp(self->vmm->vcpu, &vp));
		start(self, 0, X_TAKE, 0, 0);
		EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vmm->vcpu));
		taken = self->vmm->vcpu->run->papr_hcall.args[0];
		/* the one before is in the guest's own count */
		EXPECT_EQ(2, taken);
	}
	unmap(self);
	close(fd);
}

static void *open_and_close(void *data)
{
	FIXTURE_DATA(xive) *self = data;
	struct vmm_vcpu *vcpu = self->vmm->vcpu;
	int fd;

	while (!over) {
		fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
		if (fd < 0)
			vmm_die("XIVE: %d", fd);
		close(fd);
		usleep(1000);
	}
	return vcpu;
}

static void *spin(void *data)
{
	struct vmm_vcpu *vcpu = data;

	book3s_run_hcall(vcpu);
	while (!vcpu->run->immediate_exit)
		vmm_run(vcpu);
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

/* The device goes while its vCPU runs, and others come and go */
TEST_F(xive, closed_under_a_guest)
{
	struct sigaction act = { .sa_handler = nothing };
	pthread_t runner, closer;
	int fd, i;

	NEEDS_DEVICE();
	sigaction(SIGUSR1, &act, NULL);
	fd = machine(_metadata, self, 1);
	start(self, 0, X_OPEN, 0, 0);
	ASSERT_EQ(0, pthread_create(&runner, NULL, spin, self->vmm->vcpu));
	usleep(50000);
	/* what is mapped keeps the device */
	unmap(self);
	close(fd);
	over = false;
	ASSERT_EQ(0, pthread_create(&closer, NULL, open_and_close, self));
	usleep(300000);
	over = true;
	pthread_join(closer, NULL);
	self->vmm->vcpu->run->immediate_exit = 1;
	for (i = 0; i < 100 && pthread_tryjoin_np(runner, NULL); i++) {
		pthread_kill(runner, SIGUSR1);
		usleep(10000);
	}
	EXPECT_GT(100, i);
}

TEST_HARNESS_MAIN
