// SPDX-License-Identifier: GPL-2.0
/*
 * The host's interrupt controller in the guest's hands: the device with its
 * attributes and mappings, and what connects a vCPU.
 */
#include "xive_device.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

TEST_F(xive, device)
{
	struct vp_state vp;
	uint64_t icp;
	int fd, xics;

	if (!self->there) {
		EXPECT_EQ(-ENODEV, device_create(self->vmm, KVM_DEV_TYPE_XIVE,
						 KVM_CREATE_DEVICE_TEST));
		EXPECT_EQ(-ENODEV,
			  device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0));
		return;
	}
	vmm_add_vcpu(self->vmm, 0);
	EXPECT_EQ(0, device_create(self->vmm, KVM_DEV_TYPE_XIVE,
				   KVM_CREATE_DEVICE_TEST));
	EXPECT_EQ(-ENXIO, get_vp(self->vmm->vcpu, &vp));
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	EXPECT_NE(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* one of all kinds */
	EXPECT_EQ(-EEXIST, device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0));
	EXPECT_EQ(-EEXIST, device_create(self->vmm, KVM_DEV_TYPE_XICS, 0));
	EXPECT_EQ(0, device_create(self->vmm, KVM_DEV_TYPE_XICS,
				   KVM_CREATE_DEVICE_TEST));
	EXPECT_EQ(-1, ioctl(fd, KVM_RUN, 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-ENXIO, get_vp(self->vmm->vcpu, &vp));
	EXPECT_EQ(0, connect_to(self->vmm->vcpu, fd, 0));
	EXPECT_EQ(0, vmm_get_reg(self->vmm->vcpu, KVM_REG_PPC_ICP_STATE, &icp));
	EXPECT_EQ(0, icp);
	close(fd);
	EXPECT_EQ(-ENXIO, get_vp(self->vmm->vcpu, &vp));

	xics = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	ASSERT_LE(0, xics);
	EXPECT_EQ(-EEXIST, device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0));
	EXPECT_EQ(-EPERM, connect_to(self->vmm->vcpu, xics, 0));
	EXPECT_EQ(0, vmm_enable_cap(self->vmm->vcpu->fd, KVM_CAP_IRQ_XICS, xics,
				    0));
	EXPECT_EQ(-EPERM, get_vp(self->vmm->vcpu, &vp));
	close(xics);
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1,
		  vmm_enable_cap(self->vmm->vcpu->fd, KVM_CAP_IRQ_XICS, fd, 0));
	EXPECT_EQ(EPERM, errno);
	close(fd);
}

TEST_F(xive, attributes)
{
	static const uint32_t groups[] = { KVM_DEV_XIVE_GRP_SOURCE,
					   KVM_DEV_XIVE_GRP_SOURCE_CONFIG,
					   KVM_DEV_XIVE_GRP_SOURCE_SYNC };
	int fd;
	size_t i;

	NEEDS_DEVICE();
	vmm_add_vcpu(self->vmm, 0);
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		EXPECT_EQ(0, has(fd, groups[i], 0));
		EXPECT_EQ(0, has(fd, groups[i], IRQS - 1));
		EXPECT_EQ(-ENXIO, has(fd, groups[i], IRQS));
		EXPECT_EQ(-ENXIO, has(fd, groups[i], -1ull));
	}
	for (i = 0; i < 6; i++)
		EXPECT_EQ(i >= 1 && i <= 3 ? 0 : -ENXIO,
			  has(fd, KVM_DEV_XIVE_GRP_CTRL, i));
	EXPECT_EQ(0, has(fd, KVM_DEV_XIVE_GRP_EQ_CONFIG, 1ull << 40));
	EXPECT_EQ(-ENXIO, has(fd, 0, 1));
	EXPECT_EQ(-ENXIO, has(fd, 6, 1));
	EXPECT_EQ(-ENXIO, set(fd, 6, 1, 0));
	EXPECT_EQ(0, control(fd, KVM_DEV_XIVE_RESET));
	EXPECT_EQ(0, control(fd, KVM_DEV_XIVE_EQ_SYNC));
	EXPECT_EQ(-ENXIO, control(fd, 4));

	EXPECT_EQ(-EINVAL, nr_servers(fd, 0));
	EXPECT_EQ(-EINVAL, nr_servers(fd, 1 << 20));
	EXPECT_EQ(0, nr_servers(fd, 1));
	EXPECT_EQ(0, nr_servers(fd, 8));
	EXPECT_EQ(-EFAULT, control(fd, KVM_DEV_XIVE_NR_SERVERS));
	EXPECT_EQ(-ENXIO,
		  device_attr(fd, KVM_GET_DEVICE_ATTR, KVM_DEV_XIVE_GRP_CTRL,
			      KVM_DEV_XIVE_NR_SERVERS, &i));
	ASSERT_EQ(0, connect_to(self->vmm->vcpu, fd, 7));
	EXPECT_EQ(-EBUSY, nr_servers(fd, 8));

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, set(fd, KVM_DEV_XIVE_GRP_SOURCE, i, i));
		EXPECT_EQ(0, set(fd, KVM_DEV_XIVE_GRP_SOURCE, IRQS - 1 - i, i));
	}
	EXPECT_EQ(-E2BIG, set(fd, KVM_DEV_XIVE_GRP_SOURCE, IRQS, 0));
	EXPECT_EQ(-E2BIG, set(fd, KVM_DEV_XIVE_GRP_SOURCE, -1ull, 0));
	EXPECT_EQ(-EFAULT, device_attr(fd, KVM_SET_DEVICE_ATTR,
				       KVM_DEV_XIVE_GRP_SOURCE, 9, NULL));
	EXPECT_EQ(-EINVAL, route(fd, 9, 7, 0));
	EXPECT_EQ(-ENOENT, route(fd, 4096, 7, 0));
	EXPECT_EQ(-ENOENT, route(fd, IRQS, 7, 0));
	EXPECT_EQ(-ENOENT, set(fd, KVM_DEV_XIVE_GRP_SOURCE_SYNC, 4096, 0));
	EXPECT_EQ(0, set(fd, KVM_DEV_XIVE_GRP_SOURCE_SYNC, 1, 0));
	EXPECT_EQ(-ENXIO, device_attr(fd, KVM_GET_DEVICE_ATTR,
				      KVM_DEV_XIVE_GRP_SOURCE_CONFIG, 1, &i));
	/* no such server, no such priority, no queue */
	EXPECT_EQ(-EINVAL, route(fd, 1, 6, 0));
	EXPECT_EQ(-EINVAL, route(fd, 1, 7, 7));
	EXPECT_EQ(-EBUSY, route(fd, 1, 7, 0));
	EXPECT_EQ(0, set(fd, KVM_DEV_XIVE_GRP_SOURCE_CONFIG, 1,
			 KVM_XIVE_SOURCE_MASKED_MASK));
	EXPECT_EQ(0, set_queue(fd, queue_id(7, 0), QUEUE()));
	EXPECT_EQ(0, route(fd, 1, 7, 0));
	EXPECT_EQ(0, set(fd, KVM_DEV_XIVE_GRP_SOURCE_CONFIG, 1,
			 7 << 3 | 0x7fffffffull << 33));
	EXPECT_EQ(0, control(fd, KVM_DEV_XIVE_RESET));
	EXPECT_EQ(-EBUSY, route(fd, 1, 7, 0));
	close(fd);
}

TEST_F(xive, queues)
{
	struct kvm_ppc_xive_eq eq = { .pad = { 0x5a } };
	static const uint32_t shifts[] = { 1, 8, 12, 17, 21, 24, 64, ~0u };
	void *readonly;
	int fd;
	size_t i;

	NEEDS_DEVICE();
	vmm_add_vcpu(self->vmm, 0);
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOENT, get_queue(fd, queue_id(1, 0), &eq));
	EXPECT_EQ(-ENOENT, set_queue(fd, queue_id(1, 0), QUEUE()));
	ASSERT_EQ(0, connect_to(self->vmm->vcpu, fd, 1));
	EXPECT_EQ(-EINVAL, get_queue(fd, queue_id(1, 7), &eq));
	EXPECT_EQ(-EINVAL, set_queue(fd, queue_id(1, 7), QUEUE()));
	EXPECT_EQ(0, get_queue(fd, queue_id(1, 0), &eq));
	EXPECT_EQ(0x5a, eq.pad[0]);
	EXPECT_EQ(0, eq.qshift);
	for (i = 0; i < ARRAY_SIZE(shifts); i++)
		EXPECT_EQ(-EINVAL, set_queue(fd, queue_id(1, 0),
					     QUEUE(.qshift = shifts[i])));
	EXPECT_EQ(-EINVAL, set_queue(fd, queue_id(1, 0), QUEUE(.flags = 0)));
	EXPECT_EQ(-EINVAL, set_queue(fd, queue_id(1, 0), QUEUE(.flags = 3)));
	EXPECT_EQ(-EINVAL, set_queue(fd, queue_id(1, 0),
				     QUEUE(.qaddr = QUEUES + 0x1000)));
	EXPECT_EQ(-EINVAL, set_queue(fd, queue_id(1, 0), QUEUE(.qaddr = MEM)));
	EXPECT_EQ(-EINVAL,
		  set_queue(fd, queue_id(1, 0), QUEUE(.qaddr = -PAGE)));
	EXPECT_EQ(-EINVAL,
		  set_queue(fd, queue_id(1, 0), QUEUE(.qindex = PAGE / 4)));
	EXPECT_EQ(-EINVAL, set_queue(fd, queue_id(1, 0), QUEUE(.qtoggle = 2)));
	/* memory that the guest may not write */
	readonly = vmm_alloc(PAGE);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, KVM_MEM_READONLY, 2 * MEM, PAGE,
				  readonly));
	EXPECT_EQ(-EINVAL,
		  set_queue(fd, queue_id(1, 0), QUEUE(.qaddr = 2 * MEM)));

	for (i = 0; i < 7; i++)
		EXPECT_EQ(0, set_queue(fd, queue_id(1, i),
				       QUEUE(.qaddr = QUEUES + i * PAGE,
					     .qtoggle = i & 1,
					     .qindex = 1000 * i)));
	for (i = 0; i < 7; i++) {
		EXPECT_EQ(0, get_queue(fd, queue_id(1, i), &eq));
		EXPECT_EQ(QUEUES + i * PAGE, eq.qaddr);
		EXPECT_EQ(16, eq.qshift);
		EXPECT_EQ(KVM_XIVE_EQ_ALWAYS_NOTIFY, eq.flags);
		EXPECT_EQ(i & 1, eq.qtoggle);
		EXPECT_EQ(1000 * i, eq.qindex);
		EXPECT_EQ(0, eq.pad[0]);
	}
	/* elsewhere, and taken away, whatever else is said */
	EXPECT_EQ(0,
		  set_queue(fd, queue_id(1, 0), QUEUE(.qaddr = QUEUES + PAGE)));
	EXPECT_EQ(0, get_queue(fd, queue_id(1, 0), &eq));
	EXPECT_EQ(QUEUES + PAGE, eq.qaddr);
	EXPECT_EQ(0, set_queue(fd, queue_id(1, 0),
			       QUEUE(.qshift = 0, .flags = 7, .qaddr = 1)));
	memset(&eq, 0x77, sizeof(eq));
	EXPECT_EQ(0, get_queue(fd, queue_id(1, 0), &eq));
	EXPECT_EQ(0x7777, eq.qindex & 0xffff);
	EXPECT_EQ(-EFAULT, get_queue(fd, queue_id(1, 1), (void *)8));
	close(fd);
}

TEST_F(xive, connections)
{
	struct vmm_vcpu *vcpu, *other;
	struct vp_state vp;
	struct vmm *vmm2;
	int fd, fd2;

	NEEDS_DEVICE();
	vcpu = vmm_add_vcpu(self->vmm, 0);
	other = vmm_add_vcpu(self->vmm, 1);
	vmm2 = vmm_new(MEM);
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	fd2 = device_create(vmm2, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, fd2);
	ASSERT_EQ(0, nr_servers(fd, 8));
	EXPECT_EQ(-EBADF, connect_to(vcpu, -1, 0));
	EXPECT_EQ(-EPERM, connect_to(vcpu, self->vmm->fd, 0));
	EXPECT_EQ(-EPERM, connect_to(vcpu, fd2, 0));
	EXPECT_EQ(-EINVAL, connect_to(vcpu, fd, 8));
	EXPECT_EQ(-EINVAL, connect_to(vcpu, fd, 1ull << 32));
	EXPECT_EQ(0, connect_to(vcpu, fd, 3));
	EXPECT_EQ(-EBUSY, connect_to(vcpu, fd, 3));
	EXPECT_EQ(-EBUSY, connect_to(vcpu, fd, 4));
	EXPECT_EQ(-EEXIST, connect_to(other, fd, 3));
	EXPECT_EQ(0, connect_to(other, fd, 0));
	EXPECT_EQ(0, get_vp(vcpu, &vp));
	EXPECT_EQ(0, vp.nsr | vp.cppr | vp.ipb | vp.pipr);
	EXPECT_EQ(0xff, vp.ack);
	EXPECT_EQ(0, vp.reserved);
	vp.cppr = 0xff;
	EXPECT_EQ(0, set_vp(vcpu, &vp));
	vp.cppr = 0;
	EXPECT_EQ(0, get_vp(vcpu, &vp));
	EXPECT_EQ(0xff, vp.cppr);
	/* A device that is closed under its vCPUs, and another in its place */
	close(fd);
	EXPECT_EQ(-ENXIO, get_vp(vcpu, &vp));
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, connect_to(other, fd, 3));
	EXPECT_EQ(0, get_vp(other, &vp));
	EXPECT_EQ(0, vp.cppr);
	close(fd2);
	vmm_free(vmm2);
	close(fd);
}

/* Does a load from there end in SIGBUS? */
static bool sigbus(const void *at)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		*(volatile const uint64_t *)at;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

TEST_F(xive, mappings)
{
	char *tima, *esb;
	int fd;
	size_t i;

	NEEDS_DEVICE();
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	ASSERT_LE(0, fd);
	for (i = 1; i < 9; i++)
		if (i != KVM_XIVE_ESB_PAGE_OFFSET)
			EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ,
						   MAP_SHARED, fd, i * PAGE));
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, 5 * PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, (IRQS * 2 + 1) * PAGE, PROT_READ, MAP_SHARED, fd,
		       KVM_XIVE_ESB_PAGE_OFFSET * PAGE));
	/* registers that are copied when they are written */
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	tima = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, tima);
	esb = mmap(NULL, 64 * PAGE, PROT_READ, MAP_SHARED, fd,
		   KVM_XIVE_ESB_PAGE_OFFSET * PAGE);
	ASSERT_NE(MAP_FAILED, esb);
	/* the OS's page only */
	for (i = 0; i < 4; i++)
		EXPECT_EQ(i != 2, sigbus(tima + i * PAGE));
	ASSERT_EQ(0, set(fd, KVM_DEV_XIVE_GRP_SOURCE, 5, 0));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(i / 2 != 5, sigbus(esb + i * PAGE));
	/* off: Q alone */
	EXPECT_EQ(1ull << 56, *(volatile uint64_t *)(esb + 11 * PAGE + 0x800));
	/* what is left of a mapping is what it was */
	ASSERT_EQ(0, munmap(esb, 2 * PAGE));
	EXPECT_TRUE(sigbus(esb + 2 * PAGE));
	EXPECT_FALSE(sigbus(esb + 11 * PAGE));
	/* and keeps the device */
	close(fd);
	EXPECT_FALSE(sigbus(esb + 11 * PAGE));
	EXPECT_EQ(-EEXIST, device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0));
	munmap(esb + 2 * PAGE, 62 * PAGE);
	munmap(tima, 4 * PAGE);
	fd = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	EXPECT_LE(0, fd);
	close(fd);
}

/* VMs until there are no virtual processors, and back */
TEST_F(xive, used_up)
{
	struct vmm *vmm[64];
	int fd[64], n, m = 0, err = 0;

	NEEDS_DEVICE();
	for (n = 0; n < 64 && !err; n++) {
		vmm[n] = vmm_new(0);
		vmm_add_vcpu(vmm[n], 0);
		fd[n] = device_create(vmm[n], KVM_DEV_TYPE_XIVE, 0);
		ASSERT_LE(0, fd[n]);
		err = connect_to(vmm[n]->vcpu, fd[n], 0);
		m += !err;
	}
	printf("# %d VMs, then %d\n", m, err);
	if (err)
		EXPECT_EQ(-ENOSPC, err);
	while (n--) {
		close(fd[n]);
		vmm_free(vmm[n]);
	}
	fd[0] = device_create(self->vmm, KVM_DEV_TYPE_XIVE, 0);
	EXPECT_EQ(0, connect_to(vmm_add_vcpu(self->vmm, 0), fd[0], 0));
	close(fd[0]);
}

TEST_HARNESS_MAIN
