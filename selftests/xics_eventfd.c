// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of PAPR's controller in the kernel by eventfd, with and without a
 * second one that tells of their end; and the controller, or its VM, that goes
 * while they come.
 */
#include "xics.h"

#include <sched.h>
#include <sys/eventfd.h>

TEST_F(hcall, eventfd)
{
	struct kvm_irqfd args = { .gsi = SOURCE };
	int fd = open_device(_metadata, self);
	int vm = self->vmm->fd, event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t one = 1;

	args.fd = event;
	/* one that has been signalled before counts */
	ASSERT_EQ(8, write(event, &one, 8));
	ASSERT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff001234, self->r[4]);
	EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
	EXPECT_EQ(-1, ioctl(vm, KVM_IRQFD, &args));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(8, write(event, &one, 8));
	/* nothing is left to be read */
	EXPECT_EQ(-1, read(event, &one, 8));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff001234, self->r[4]);
	EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
	args.flags = KVM_IRQFD_FLAG_DEASSIGN;
	args.gsi = SOURCE + 1;
	EXPECT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	args.gsi = SOURCE;
	EXPECT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	EXPECT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	one = 1;
	ASSERT_EQ(8, write(event, &one, 8));
	EXPECT_EQ(8, read(event, &one, 8));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff000000, self->r[4]);
	/* an interrupt that there is not */
	args.flags = 0;
	args.gsi = 0x54321;
	EXPECT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	ASSERT_EQ(8, write(event, &one, 8));
	args.flags = KVM_IRQFD_FLAG_DEASSIGN;
	EXPECT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	args.gsi = SOURCE;
	/* closed while it is an interrupt; and one that outlives the device */
	args.flags = 0;
	ASSERT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	close(event);
	event = eventfd(0, EFD_CLOEXEC);
	args.fd = event;
	ASSERT_EQ(0, ioctl(vm, KVM_IRQFD, &args));
	close(fd);
	one = 1;
	ASSERT_EQ(8, write(event, &one, 8));
	args.fd = eventfd(0, EFD_CLOEXEC);
	EXPECT_EQ(-1, ioctl(vm, KVM_IRQFD, &args));
	EXPECT_EQ(EAGAIN, errno);
	args.fd = self->vmm->fd;
	fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	EXPECT_EQ(-1, ioctl(vm, KVM_IRQFD, &args));
	EXPECT_EQ(EINVAL, errno);
	args.fd = -1;
	EXPECT_EQ(-1, ioctl(vm, KVM_IRQFD, &args));
	EXPECT_EQ(EBADF, errno);
}

static bool signalled(int event)
{
	uint64_t n;

	return read(event, &n, 8) == 8;
}

static int irqfd(struct vmm *vmm, int event, uint32_t flags, int resample)
{
	struct kvm_irqfd args = { .fd = event,
				  .gsi = SOURCE,
				  .flags = flags,
				  .resamplefd = resample };

	return ioctl(vmm->fd, KVM_IRQFD, &args) ? -errno : 0;
}

/* A line that an eventfd turns on, and the end of the interrupt off, which is told */
TEST_F(hcall, resample)
{
	const uint32_t resample = KVM_IRQFD_FLAG_RESAMPLE;
	const uint64_t on = KVM_XICS_PENDING | KVM_XICS_PRESENTED,
		       off = PRIORITY(5) | KVM_XICS_LEVEL_SENSITIVE;
	struct vmm *vmm = self->vmm;
	int fd = open_device(_metadata, self), i;
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ends[2] = { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
			eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	const uint64_t one = 1;

	ASSERT_EQ(0, set_source(fd, SOURCE, off));
	EXPECT_EQ(-EBADF, irqfd(vmm, event, resample, -1));
	EXPECT_EQ(-EINVAL, irqfd(vmm, event, resample, fd));
	EXPECT_EQ(-EBADF, irqfd(vmm, -1, resample, fd));
	EXPECT_EQ(-EINVAL, irqfd(vmm, fd, resample, -1));
	ASSERT_EQ(0, irqfd(vmm, event, resample, ends[0]));
	EXPECT_EQ(-EBUSY, irqfd(vmm, event, resample, ends[1]));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(8, write(event, &one, 8));
		ASSERT_EQ(8, write(event, &one, 8));
		EXPECT_EQ(off | on, source(fd, SOURCE));
		EXPECT_EQ(0, CALL(H_XIRR));
		EXPECT_EQ(0xff001234, self->r[4]);
		EXPECT_FALSE(signalled(ends[0]));
		EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
		EXPECT_TRUE(signalled(ends[0]));
		/* The one that failed has left nothing behind */
		EXPECT_FALSE(signalled(ends[1]));
		EXPECT_EQ(off, source(fd, SOURCE));
		EXPECT_EQ(0, CALL(H_XIRR));
		EXPECT_EQ(0xff000000, self->r[4]);
	}
	/* Two share it, and another device's line is none of theirs */
	ASSERT_EQ(0, irqfd(vmm, other, resample, ends[1]));
	ASSERT_EQ(0, set_source(fd, SOURCE + 1, off));
	ASSERT_EQ(0, irq_line(vmm, SOURCE + 1, 1));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff001235, self->r[4]);
	EXPECT_EQ(0, CALL(H_EOI, 0xff001235));
	EXPECT_FALSE(signalled(ends[0]) || signalled(ends[1]));
	/* as long as it is on, it comes again */
	EXPECT_EQ(0xff001235ff050000ull, icp(self->vcpu));
	ASSERT_EQ(0, irq_line(vmm, SOURCE + 1, 0));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0, CALL(H_EOI, 0xff001235));
	EXPECT_EQ(0xff000000ffff0000ull, icp(self->vcpu));
	ASSERT_EQ(8, write(other, &one, 8));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
	EXPECT_TRUE(signalled(ends[0]));
	EXPECT_TRUE(signalled(ends[1]));
	/* Without the last one, the line is off */
	ASSERT_EQ(8, write(event, &one, 8));
	EXPECT_EQ(0, irqfd(vmm, event, KVM_IRQFD_FLAG_DEASSIGN, 0));
	EXPECT_EQ(off | on, source(fd, SOURCE));
	EXPECT_EQ(0, irqfd(vmm, other, KVM_IRQFD_FLAG_DEASSIGN, 0));
	EXPECT_EQ(off, source(fd, SOURCE));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
	EXPECT_FALSE(signalled(ends[0]) || signalled(ends[1]));
	/* Else an eventfd's signal is a pulse of a line */
	ASSERT_EQ(0, irqfd(vmm, event, 0, 0));
	ASSERT_EQ(8, write(event, &one, 8));
	EXPECT_EQ(off, source(fd, SOURCE));
	EXPECT_EQ(0xff001234ff050000ull, icp(self->vcpu));
	close(fd);
}

struct others {
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	volatile int event;
	volatile bool over;
	unsigned long n;
};

static void *signal_events(void *others)
{
	const uint64_t one = 1;
	struct others *o = others;

	for (; !o->over; o->n++)
		/* It may be closed, or be another one */
		if (write(o->event, &one, 8) != 8)
			sched_yield();
	return NULL;
}

static void *call_always(void *others)
{
	static const uint64_t nrs[] = { H_IPI, H_XIRR, H_EOI, H_CPPR };
	struct others *o = others;
	uint64_t out[32];

	for (; !o->over; o->n++)
		call_args(o->vcpu, out, nrs[o->n % 4],
			  (const uint64_t[6]){ o->n % 4 == 0 ? 0 : 0xff000002,
					       4 });
	return NULL;
}

/* A device that goes while its vCPU calls it and its lines change */
TEST_F(hcall, closed)
{
	struct others calls = { .vmm = self->vmm, .vcpu = self->vcpu },
		      signals = { .event = eventfd(0, EFD_CLOEXEC |
							      EFD_NONBLOCK) };
	pthread_t t[2];
	int fd, i;

	fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, irqfd(self->vmm, signals.event, 0, 0));
	pthread_create(&t[0], NULL, call_always, &calls);
	pthread_create(&t[1], NULL, signal_events, &signals);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, connect_to(self->vcpu, fd, 0));
		EXPECT_EQ(0, set_source(fd, SOURCE, PRIORITY(5)));
		irq_line(self->vmm, SOURCE, 1);
		usleep(1000);
		close(fd);
		EXPECT_EQ(-ENXIO, irq_line(self->vmm, SOURCE, 1));
		fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
		ASSERT_LE(0, fd);
	}
	calls.over = signals.over = true;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	EXPECT_NE(0, calls.n);
	EXPECT_NE(0, signals.n);
	close(fd);
}

/* A VM that goes while an eventfd that is its interrupt is signalled */
TEST_F(hcall, ends)
{
	struct others signals = { .event = -1 };
	struct vmm *vmm;
	pthread_t t;
	int fd, i;

	pthread_create(&t, NULL, signal_events, &signals);
	for (i = 0; i < 50; i++) {
		vmm = vmm_new(MEM);
		fd = device_create(vmm, KVM_DEV_TYPE_XICS, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, connect_to(vmm_add_vcpu(vmm, 0), fd, 0));
		ASSERT_EQ(0, set_source(fd, SOURCE, PRIORITY(5)));
		signals.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_EQ(0, irqfd(vmm, signals.event,
				   i & 1 ? KVM_IRQFD_FLAG_RESAMPLE : 0,
				   signals.event));
		usleep(1000);
		/* in one order or the other */
		if (i & 2)
			close(signals.event);
		if (i & 4)
			close(fd);
		vmm_free(vmm);
		if (!(i & 4))
			close(fd);
		if (!(i & 2))
			close(signals.event);
	}
	signals.over = true;
	pthread_join(t, NULL);
	EXPECT_NE(0, signals.n);
}

TEST_HARNESS_MAIN
