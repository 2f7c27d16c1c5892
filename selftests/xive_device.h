/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of the host's interrupt controller in the guest's hands: the device */
#ifndef SELFTESTS_XIVE_DEVICE_H
#define SELFTESTS_XIVE_DEVICE_H

#include "kselftest_harness.h"

#include "book3s.h"
#include "device.h"
#include "payloads/xive.h"

#include <sys/mman.h>

#define MEM (16ul << 20)
#define IRQS (1ul << 20)
#define PRIORITY 6

FIXTURE(xive)
{
	struct vmm *vmm;
	bool there;
	void *tima, *esb;
};

FIXTURE_SETUP(xive)
{
	self->vmm = vmm_new(MEM);
	self->there = vmm_check(self->vmm, KVM_CAP_PPC_IRQ_XIVE) == 1;
}

static inline void unmap(FIXTURE_DATA(xive) * self)
{
	if (self->tima)
		munmap(self->tima, 4 * PAGE);
	if (self->esb)
		munmap(self->esb, IRQS * 2 * PAGE);
	self->tima = self->esb = NULL;
}

FIXTURE_TEARDOWN(xive)
{
	unmap(self);
	vmm_free(self->vmm);
}

/* Hosts of 4K pages have no pages that are the controller's alone */
#define NEEDS_DEVICE()                                               \
	do {                                                         \
		if (!self->there)                                    \
			SKIP(return, "no XIVE device on this host"); \
	} while (0)

static inline int has(int fd, uint32_t group, uint64_t nr)
{
	return device_attr(fd, KVM_HAS_DEVICE_ATTR, group, nr, NULL);
}

static inline int set(int fd, uint32_t group, uint64_t nr, uint64_t value)
{
	return device_attr(fd, KVM_SET_DEVICE_ATTR, group, nr, &value);
}

static inline int control(int fd, uint64_t nr)
{
	return device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_XIVE_GRP_CTRL, nr,
			   NULL);
}

static inline int nr_servers(int fd, uint32_t n)
{
	return device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_XIVE_GRP_CTRL,
			   KVM_DEV_XIVE_NR_SERVERS, &n);
}

static inline int route(int fd, uint64_t source, uint64_t server,
			uint64_t priority)
{
	return set(fd, KVM_DEV_XIVE_GRP_SOURCE_CONFIG, source,
		   priority | server << KVM_XIVE_SOURCE_SERVER_SHIFT |
			   source << KVM_XIVE_SOURCE_EISN_SHIFT);
}

static inline uint64_t queue_id(uint64_t server, uint64_t priority)
{
	return priority | server << KVM_XIVE_EQ_SERVER_SHIFT;
}

static inline int set_queue(int fd, uint64_t id, struct kvm_ppc_xive_eq eq)
{
	return device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_XIVE_GRP_EQ_CONFIG,
			   id, &eq);
}

static inline int get_queue(int fd, uint64_t id, struct kvm_ppc_xive_eq *eq)
{
	return device_attr(fd, KVM_GET_DEVICE_ATTR, KVM_DEV_XIVE_GRP_EQ_CONFIG,
			   id, eq);
}

#define QUEUE(...)                                                     \
	((struct kvm_ppc_xive_eq){ .flags = KVM_XIVE_EQ_ALWAYS_NOTIFY, \
				   .qshift = 16,                       \
				   .qaddr = QUEUES,                    \
				   .qtoggle = 1,                       \
				   __VA_ARGS__ })

static inline int connect_to(struct vmm_vcpu *vcpu, int fd, uint64_t server)
{
	return vmm_enable_cap(vcpu->fd, KVM_CAP_PPC_IRQ_XIVE, fd, server) ?
		       -errno :
		       0;
}

struct vp_state {
	uint8_t nsr, cppr, ipb, lsmfb, ack, inc, age, pipr;
	uint64_t reserved;
};

static inline int get_vp(struct vmm_vcpu *vcpu, struct vp_state *state)
{
	return vmm_get_reg(vcpu, KVM_REG_PPC_VP_STATE, state) ? -errno : 0;
}

static inline int set_vp(struct vmm_vcpu *vcpu, struct vp_state *state)
{
	return vmm_set_reg(vcpu, KVM_REG_PPC_VP_STATE, state) ? -errno : 0;
}

#endif
