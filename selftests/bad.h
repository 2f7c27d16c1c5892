/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of wrong requests: descriptors of every kind, and bad addresses. */
#ifndef SELFTESTS_BAD_H
#define SELFTESTS_BAD_H

#include "kselftest_harness.h"

#include "payload.h"

#include <sys/mman.h>

enum { SYSTEM, VM, VCPU, VM_STATS, VCPU_STATS, NR_KINDS };

FIXTURE(bad)
{
	struct vmm *vmm, *other;
	struct vmm_vcpu *vcpu;
	int fd[NR_KINDS];
	char *edge; /* one page, and none after it */
	char *ro; /* a page that is not for writing */
	size_t page;
};

FIXTURE_SETUP(bad)
{
	self->page = getpagesize();
	self->vmm = vmm_new(1 << 21);
	self->other = vmm_new(1 << 21);
	self->vcpu = guest_add_vcpu(self->vmm, 0, false, 0, 0, 0);
	self->fd[SYSTEM] = self->vmm->kvm_fd;
	self->fd[VM] = self->vmm->fd;
	self->fd[VCPU] = self->vcpu->fd;
	self->fd[VM_STATS] = ioctl(self->vmm->fd, KVM_GET_STATS_FD, 0ul);
	self->fd[VCPU_STATS] = ioctl(self->vcpu->fd, KVM_GET_STATS_FD, 0ul);
	ASSERT_GE(self->fd[VM_STATS], 0);
	ASSERT_GE(self->fd[VCPU_STATS], 0);
	self->edge = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->edge);
	mprotect(self->edge + self->page, self->page, PROT_NONE);
	self->ro = mmap(NULL, self->page, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->ro);
}

FIXTURE_TEARDOWN(bad)
{
	vmm_free(self->vmm);
	vmm_free(self->other);
}

#define REFUSED(fd, cmd, arg, err)                               \
	do {                                                     \
		errno = 0;                                       \
		EXPECT_EQ(-1, ioctl(fd, cmd, arg))               \
		{                                                \
			TH_LOG("%s was accepted", #cmd);         \
		}                                                \
		EXPECT_EQ(err, errno)                            \
		{                                                \
			TH_LOG("%s in line %d", #cmd, __LINE__); \
		}                                                \
	} while (0)

#endif
