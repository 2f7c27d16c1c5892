// SPDX-License-Identifier: GPL-2.0
/*
 * Wrong arguments of known requests: reserved bits, sizes, numbers and states
 * that cannot be; each with the errno it has to give.
 */
#include "bad.h"

#include <sys/eventfd.h>

TEST_F(bad, run)
{
	REFUSED(self->vcpu->fd, KVM_RUN, 1ul, EINVAL);
	REFUSED(self->vcpu->fd, KVM_RUN, -1ul, EINVAL);
}

TEST_F(bad, enable_cap)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_PPC_PAPR };
	int vm = self->vmm->fd, vcpu = self->vcpu->fd;

	/* a vCPU's on the VM, and the other way round */
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	if (vmm_check(self->vmm, KVM_CAP_PPC_PAPR) > 0) {
		EXPECT_EQ(0, ioctl(vcpu, KVM_ENABLE_CAP, &c));
	} else {
		REFUSED(vcpu, KVM_ENABLE_CAP, &c, EINVAL);
	}
	c.flags = 1;
	REFUSED(vcpu, KVM_ENABLE_CAP, &c, EINVAL);
	c = (struct kvm_enable_cap){ .cap = KVM_CAP_PPC_ENABLE_HCALL,
				     .args = { H_PROD, 1 } };
	if (vmm_check(self->vmm, KVM_CAP_PPC_ENABLE_HCALL) > 0) {
		EXPECT_EQ(0, ioctl(vm, KVM_ENABLE_CAP, &c));
	} else {
		REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	}
	REFUSED(vcpu, KVM_ENABLE_CAP, &c, EINVAL);
	c.flags = 0x80000000;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.flags = 0;
	c.args[1] = 2;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.args[1] = 1;
	/* no hypercall's number, and hypercalls the kernel does not have */
	c.args[0] = H_PROD + 1;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.args[0] = 0x10000000000000e8;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.args[0] = UC_SYNC;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.args[0] = H_PUT_TERM_CHAR;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.args[0] = -4ull;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	/* known numbers that cannot be enabled here, and unknown ones */
	c = (struct kvm_enable_cap){ .cap = KVM_CAP_USER_MEMORY };
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	REFUSED(vcpu, KVM_ENABLE_CAP, &c, EINVAL);
	c.cap = 99999;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	REFUSED(vcpu, KVM_ENABLE_CAP, &c, EINVAL);
	c.cap = KVM_CAP_SW_TLB;
	REFUSED(vcpu, KVM_ENABLE_CAP, &c, EINVAL);
	c.cap = KVM_CAP_DIRTY_LOG_RING;
	c.args[0] = 0x10000;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.cap = KVM_CAP_HALT_POLL;
	c.args[0] = 0x100000000;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
	c.args[0] = 0;
	c.flags = 1;
	REFUSED(vm, KVM_ENABLE_CAP, &c, EINVAL);
}

TEST_F(bad, enable_cap_irqchip)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_IRQ_XICS };

	if (vmm_check(self->vmm, KVM_CAP_IRQ_XICS) <= 0) {
		REFUSED(self->vcpu->fd, KVM_ENABLE_CAP, &c, EINVAL);
		return;
	}
	c.args[0] = -1;
	REFUSED(self->vcpu->fd, KVM_ENABLE_CAP, &c, EBADF);
	c.args[0] = self->vmm->fd;
	REFUSED(self->vcpu->fd, KVM_ENABLE_CAP, &c, EPERM);
}

TEST_F(bad, signal_mask)
{
	struct {
		struct kvm_signal_mask m;
		uint8_t set[256];
	} a = { .m.len = 8 };
	struct kvm_signal_mask *m =
		(void *)(self->edge + self->page - sizeof(*m) - 7);
	int fd = self->vcpu->fd;

	EXPECT_EQ(0, ioctl(fd, KVM_SET_SIGNAL_MASK, &a));
	a.m.len = 4;
	REFUSED(fd, KVM_SET_SIGNAL_MASK, &a, EINVAL);
	a.m.len = 0;
	REFUSED(fd, KVM_SET_SIGNAL_MASK, &a, EINVAL);
	a.m.len = 128;
	REFUSED(fd, KVM_SET_SIGNAL_MASK, &a, EINVAL);
	REFUSED(fd, KVM_SET_SIGNAL_MASK, 4ul, EFAULT);
	m->len = 8;
	REFUSED(fd, KVM_SET_SIGNAL_MASK, m, EFAULT);
	EXPECT_EQ(0, ioctl(fd, KVM_SET_SIGNAL_MASK, 0ul));
}

TEST_F(bad, configure_mmu)
{
	struct kvm_ppc_mmuv3_cfg c = { .flags = KVM_PPC_MMUV3_RADIX,
				       .process_table = 1ull << 63 };
	int fd = self->vmm->fd;

	if (vmm_check(self->vmm, KVM_CAP_PPC_PAPR) <= 0) {
		/* A 440 has another kind of MMU */
		REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &c, ENOTTY);
		return;
	}
	if (guest_on_hash(self->vmm)) {
		static const struct kvm_ppc_mmuv3_cfg bad[] = {
			{ KVM_PPC_MMUV3_RADIX, 1ull << 63 },
			{ 0, 1ull << 63 },
			{ KVM_PPC_MMUV3_RADIX, 0 },
			{ KVM_PPC_MMUV3_GTSE, 0 },
			{ 4, 0 },
			{ 1ull << 63, 0 },
			{ 0, 1 },
		};
		unsigned int i;

		/* hash is all there is, and processors before POWER9 lack even this */
		memset(&c, 0, sizeof(c));
		errno = 0;
		if (ioctl(fd, KVM_PPC_CONFIGURE_V3_MMU, &c)) {
			EXPECT_EQ(ENODEV, errno);
			return;
		}
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &bad[i], EINVAL);
		return;
	}
	EXPECT_EQ(0, ioctl(fd, KVM_PPC_CONFIGURE_V3_MMU, &c));
	c.flags |= 4;
	REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &c, EINVAL);
	c.flags = KVM_PPC_MMUV3_RADIX | 1ull << 63;
	REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &c, EINVAL);
	/* radix in the flags but not in the table, or not in the flags */
	c.flags = KVM_PPC_MMUV3_RADIX;
	c.process_table = 0;
	REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &c, EINVAL);
	c.flags = 0;
	c.process_table = 1ull << 63;
	REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &c, EINVAL);
	/* 2^(12 + 25) bytes and more */
	c.flags = KVM_PPC_MMUV3_RADIX;
	c.process_table = 1ull << 63 | 25;
	REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &c, EINVAL);
	c.process_table = 1ull << 63 | 31;
	REFUSED(fd, KVM_PPC_CONFIGURE_V3_MMU, &c, EINVAL);
	c.process_table = 1ull << 63 | 24;
	EXPECT_EQ(0, ioctl(fd, KVM_PPC_CONFIGURE_V3_MMU, &c));
}

TEST_F(bad, devices)
{
	struct kvm_create_device d = { .type = 0xffffffff };
	uint32_t i;

	REFUSED(self->vmm->fd, KVM_CREATE_DEVICE, &d, ENODEV);
	/* other architectures' devices */
	for (i = 0; i < 64; i++) {
		if (i == KVM_DEV_TYPE_XICS || i == KVM_DEV_TYPE_XIVE ||
		    i == KVM_DEV_TYPE_VFIO)
			continue;
		d = (struct kvm_create_device){ .type = i };
		REFUSED(self->vmm->fd, KVM_CREATE_DEVICE, &d, ENODEV);
		d.flags = KVM_CREATE_DEVICE_TEST;
		REFUSED(self->vmm->fd, KVM_CREATE_DEVICE, &d, ENODEV);
	}
	if (vmm_check(self->vmm, KVM_CAP_IRQ_XICS) <= 0) {
		d.type = KVM_DEV_TYPE_XICS;
		REFUSED(self->vmm->fd, KVM_CREATE_DEVICE, &d, ENODEV);
	}
}

TEST_F(bad, interrupts)
{
	struct kvm_irq_level level = { .irq = 16, .level = 1 };
	struct kvm_irqfd irqfd = { .gsi = 16 };
	int fd = self->vmm->fd;

	/* there is no interrupt controller in this VM */
	REFUSED(fd, KVM_IRQ_LINE, &level, ENXIO);
	REFUSED(fd, KVM_IRQ_LINE_STATUS, &level, ENXIO);
	irqfd.fd = eventfd(0, EFD_CLOEXEC);
	REFUSED(fd, KVM_IRQFD, &irqfd, EAGAIN);
	irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
	REFUSED(fd, KVM_IRQFD, &irqfd, EAGAIN);
	irqfd.flags = 4;
	REFUSED(fd, KVM_IRQFD, &irqfd, EINVAL);
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	EXPECT_EQ(0, ioctl(fd, KVM_IRQFD, &irqfd));
	close(irqfd.fd);
	REFUSED(fd, KVM_IRQFD, &irqfd, EBADF);
	REFUSED(fd, KVM_RESET_DIRTY_RINGS, 0ul, EINVAL);
}

TEST_F(bad, ioeventfd)
{
	struct kvm_ioeventfd e = { .addr = 0x40000000, .len = 4 }, f;
	int fd = self->vmm->fd;

	e.fd = eventfd(0, EFD_CLOEXEC);
	f = e;
	f.len = 3;
	REFUSED(fd, KVM_IOEVENTFD, &f, EINVAL);
	f.len = 16;
	REFUSED(fd, KVM_IOEVENTFD, &f, EINVAL);
	f = e;
	f.addr = -2ull;
	REFUSED(fd, KVM_IOEVENTFD, &f, EINVAL);
	f = e;
	f.flags = 0x100;
	REFUSED(fd, KVM_IOEVENTFD, &f, EINVAL);
	f.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
	f.len = 0;
	REFUSED(fd, KVM_IOEVENTFD, &f, EINVAL);
	f = e;
	f.fd = -1;
	REFUSED(fd, KVM_IOEVENTFD, &f, EBADF);
	f.fd = fd;
	REFUSED(fd, KVM_IOEVENTFD, &f, EINVAL);
	f.fd = self->other->fd;
	REFUSED(fd, KVM_IOEVENTFD, &f, EINVAL);
	/* there is no such eventfd to remove */
	f = e;
	f.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	REFUSED(fd, KVM_IOEVENTFD, &f, ENOENT);
	EXPECT_EQ(0, ioctl(fd, KVM_IOEVENTFD, &e));
	REFUSED(fd, KVM_IOEVENTFD, &e, EEXIST);
	/* another VM does not have it */
	REFUSED(self->other->fd, KVM_IOEVENTFD, &f, ENOENT);
	EXPECT_EQ(0, ioctl(fd, KVM_IOEVENTFD, &f));
	REFUSED(fd, KVM_IOEVENTFD, &f, ENOENT);
}

TEST_F(bad, coalesced_mmio)
{
	struct kvm_coalesced_mmio_zone z = { .addr = 0x40000000, .size = 64 };

	z.pio = 2;
	REFUSED(self->vmm->fd, KVM_REGISTER_COALESCED_MMIO, &z, EINVAL);
	REFUSED(self->vmm->fd, KVM_UNREGISTER_COALESCED_MMIO, &z, EINVAL);
	z.pio = 0;
	/* removing a zone that does not exist is no error */
	EXPECT_EQ(0, ioctl(self->vmm->fd, KVM_UNREGISTER_COALESCED_MMIO, &z));
}

TEST_HARNESS_MAIN
