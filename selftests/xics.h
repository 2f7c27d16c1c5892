/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of PAPR's interrupt controller in the kernel: its sources, and the
 * presentation controllers of vCPUs.
 */
#ifndef SELFTESTS_XICS_H
#define SELFTESTS_XICS_H

#include "hcall_fixture.h"

#include "device.h"

#define SOURCE 0x1234
#define MASKED 0xff

/* Values of a source */
#define PRIORITY(n) ((uint64_t)(n) << KVM_XICS_PRIORITY_SHIFT)

static inline int set_source(int fd, uint64_t irq, uint64_t value)
{
	return device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_XICS_GRP_SOURCES,
			   irq, &value);
}

static inline uint64_t source(int fd, uint64_t irq)
{
	uint64_t value = 0;
	int err = device_attr(fd, KVM_GET_DEVICE_ATTR, KVM_DEV_XICS_GRP_SOURCES,
			      irq, &value);

	return err ? (uint64_t)err : value;
}

static inline int connect_to(struct vmm_vcpu *vcpu, int fd, uint64_t server)
{
	return vmm_enable_cap(vcpu->fd, KVM_CAP_IRQ_XICS, fd, server) ? -errno :
									0;
}

static inline uint64_t icp(struct vmm_vcpu *vcpu)
{
	uint64_t value = 0;
	struct kvm_one_reg reg = { .id = KVM_REG_PPC_ICP_STATE,
				   .addr = (uintptr_t)&value };

	return ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) ? (uint64_t)-errno :
							value;
}

static inline int set_icp(struct vmm_vcpu *vcpu, uint64_t value)
{
	struct kvm_one_reg reg = { .id = KVM_REG_PPC_ICP_STATE,
				   .addr = (uintptr_t)&value };

	return ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) ? -errno : 0;
}

/* With vCPU 0 as server 0, and its processor open to everything */
static inline int open_device(struct __test_metadata *_metadata,
			      FIXTURE_DATA(hcall) * self)
{
	int fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, connect_to(self->vcpu, fd, 0));
	ASSERT_EQ(0, set_source(fd, SOURCE, PRIORITY(5)));
	ASSERT_EQ(0, CALL(H_CPPR, MASKED));
	return fd;
}

#endif
