/* SPDX-License-Identifier: GPL-2.0 */
/* Devices of a VM, and interrupts by ioctl. All return 0 or -errno. */
#ifndef SELFTESTS_DEVICE_H
#define SELFTESTS_DEVICE_H

#include "vmm.h"

#include <errno.h>

/* A KVM_DEV_TYPE_...: its descriptor, unless it is only asked whether there is one */
static inline int device_create(struct vmm *vmm, uint32_t type, uint32_t flags)
{
	struct kvm_create_device d = { .type = type,
				       .flags = flags,
				       .fd = ~0u };

	if (ioctl(vmm->fd, KVM_CREATE_DEVICE, &d))
		return -errno;
	return flags & KVM_CREATE_DEVICE_TEST ? 0 : (int)d.fd;
}

/* KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR or KVM_HAS_DEVICE_ATTR */
static inline int device_attr(int fd, unsigned long cmd, uint32_t group,
			      uint64_t nr, void *value)
{
	struct kvm_device_attr a = { .group = group,
				     .attr = nr,
				     .addr = (uintptr_t)value };

	return ioctl(fd, cmd, &a) ? -errno : 0;
}

static inline int irq_line(struct vmm *vmm, uint32_t irq, uint32_t level)
{
	struct kvm_irq_level l = { .irq = irq, .level = level };

	return ioctl(vmm->fd, KVM_IRQ_LINE, &l) ? -errno : 0;
}

#endif
