// SPDX-License-Identifier: GPL-2.0
/*
 * PAPR's interrupt controller in the kernel: the device and its attributes, what
 * connects a vCPU, its hypercalls and RTAS calls, interrupts by ioctl, and its
 * state saved and set again.
 */
#include "xics.h"

#include <fcntl.h>
#include <sys/wait.h>

TEST_F(hcall, device)
{
	static const uint64_t none[8];
	int fd = self->vmm->fd, xics;

	EXPECT_EQ(1, ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_XICS));
	EXPECT_EQ(1, ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_PPC_RTAS));
	EXPECT_EQ(1, ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQFD));
	EXPECT_EQ(1, ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQFD_RESAMPLE));
	/* Interrupts have no routes */
	EXPECT_EQ(0, ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING));
	EXPECT_EQ(0, ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_SIGNAL_MSI));
	EXPECT_EQ(0, device_create(self->vmm, KVM_DEV_TYPE_XICS,
				   KVM_CREATE_DEVICE_TEST));
	/* without a controller */
	EXPECT_EQ(-ENXIO, irq_line(self->vmm, SOURCE, 1));
	EXPECT_EQ((uint64_t)-ENXIO, icp(self->vcpu));
	EXPECT_EQ(TO_USER, CALL(H_XIRR));
	EXPECT_EQ(-EPERM, connect_to(self->vcpu, fd, 0));

	xics = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	ASSERT_LE(0, xics);
	EXPECT_NE(0, fcntl(xics, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(-EEXIST, device_create(self->vmm, KVM_DEV_TYPE_XICS, 0));
	EXPECT_EQ(-1, ioctl(xics, KVM_RUN, 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, KVM_SET_GSI_ROUTING, &none));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, KVM_SIGNAL_MSI, &none));
	EXPECT_EQ(ENOTTY, errno);
	/* with one to which no vCPU is connected */
	EXPECT_EQ(0, irq_line(self->vmm, SOURCE, 1));
	EXPECT_EQ((uint64_t)-ENXIO, icp(self->vcpu));
	EXPECT_EQ(TO_USER, CALL(H_XIRR));

	close(xics);
	EXPECT_EQ(-ENXIO, irq_line(self->vmm, SOURCE, 1));
	xics = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	ASSERT_LE(0, xics);
	close(xics);
}

TEST_F(hcall, attributes)
{
	static const uint64_t values[] = {
		0,
		PRIORITY(5) | 7,
		PRIORITY(5) | KVM_XICS_LEVEL_SENSITIVE,
		PRIORITY(5) | KVM_XICS_MASKED,
		PRIORITY(5) | KVM_XICS_PRESENTED | KVM_XICS_QUEUED,
		PRIORITY(MASKED) | KVM_XICS_MASKED | 0xfffffff,
		PRIORITY(3) | KVM_XICS_LEVEL_SENSITIVE | KVM_XICS_PENDING |
			KVM_XICS_PRESENTED | KVM_XICS_MASKED,
		PRIORITY(3) | KVM_XICS_PENDING | KVM_XICS_PRESENTED,
	};
	static const uint64_t bad[] = { 0,    2, 15, 1 << 20, 1ull << 32 | 16,
					-1ull };
	int fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	uint32_t n;
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-ENOENT, set_source(fd, bad[i], 0));
		EXPECT_EQ((uint64_t)-ENOENT, source(fd, bad[i]));
		EXPECT_EQ(-ENXIO,
			  device_attr(fd, KVM_HAS_DEVICE_ATTR,
				      KVM_DEV_XICS_GRP_SOURCES, bad[i], NULL));
	}
	EXPECT_EQ(0, device_attr(fd, KVM_HAS_DEVICE_ATTR,
				 KVM_DEV_XICS_GRP_SOURCES, 16, NULL));
	EXPECT_EQ(0, device_attr(fd, KVM_HAS_DEVICE_ATTR,
				 KVM_DEV_XICS_GRP_SOURCES, 0xfffff, NULL));
	EXPECT_EQ(-ENXIO, device_attr(fd, KVM_HAS_DEVICE_ATTR, 3, 1, NULL));
	EXPECT_EQ(-ENXIO, device_attr(fd, KVM_SET_DEVICE_ATTR, 3, 1, &n));
	EXPECT_EQ((uint64_t)-ENOENT, source(fd, SOURCE));
	EXPECT_EQ(-EFAULT,
		  device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_XICS_GRP_SOURCES,
			      16, (void *)8));
	ASSERT_EQ(0, connect_to(self->vcpu, fd, 7));
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		EXPECT_EQ(0, set_source(fd, 16 + i, values[i]));
		EXPECT_EQ(0, set_source(fd, 0xfffff - i, values[i]));
	}
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		EXPECT_EQ(values[i], source(fd, 16 + i));
		EXPECT_EQ(values[i], source(fd, 0xfffff - i));
	}
	EXPECT_EQ((uint64_t)-ENOENT, source(fd, 16 + ARRAY_SIZE(values)));
	n = 8;
	EXPECT_EQ(-EBUSY,
		  device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_XICS_GRP_CTRL,
			      KVM_DEV_XICS_NR_SERVERS, &n));
	close(fd);
}

TEST_F(hcall, connections)
{
	struct vmm_vcpu *other = vmm_add_vcpu(self->vmm, 1);
	struct vmm *vmm2 = vmm_new(MEM);
	int fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	int fd2 = device_create(vmm2, KVM_DEV_TYPE_XICS, 0);
	static const uint32_t bad[] = { 0, 1 << 20, ~0u };
	uint32_t n;
	size_t i;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, fd2);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, device_attr(fd, KVM_SET_DEVICE_ATTR,
					       KVM_DEV_XICS_GRP_CTRL,
					       KVM_DEV_XICS_NR_SERVERS,
					       (void *)&bad[i]));
	n = 8;
	EXPECT_EQ(0, device_attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_XICS_GRP_CTRL,
				 KVM_DEV_XICS_NR_SERVERS, &n));
	EXPECT_EQ(-EBADF, connect_to(self->vcpu, -1, 0));
	EXPECT_EQ(-EPERM, connect_to(self->vcpu, self->vmm->fd, 0));
	EXPECT_EQ(-EPERM, connect_to(self->vcpu, fd2, 0));
	EXPECT_EQ(-EINVAL, connect_to(self->vcpu, fd, 8));
	EXPECT_EQ(-EINVAL, connect_to(self->vcpu, fd, 1ull << 32));
	EXPECT_EQ(0, connect_to(self->vcpu, fd, 3));
	EXPECT_EQ(-EBUSY, connect_to(self->vcpu, fd, 3));
	EXPECT_EQ(-EEXIST, connect_to(other, fd, 3));
	EXPECT_EQ(0, connect_to(other, fd, 0));
	EXPECT_EQ(0x00000000ffff0000ull, icp(self->vcpu));
	/* The numbers are servers', not vCPUs' */
	EXPECT_EQ(0, CALL(H_IPI, 0, 4));
	EXPECT_EQ(0x0000000004ff0000ull, icp(other));
	EXPECT_EQ(H_PARAMETER, CALL(H_IPI, 1, 4));
	EXPECT_EQ(H_PARAMETER, CALL(H_IPI, 1ull << 32, 4));
	/* A device that is closed under its vCPUs, and another in its place */
	close(fd);
	EXPECT_EQ((uint64_t)-ENXIO, icp(other));
	fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, connect_to(other, fd, 3));
	EXPECT_EQ(0x00000000ffff0000ull, icp(other));
	close(fd);
	close(fd2);
	vmm_free(vmm2);
}

TEST_F(hcall, presented)
{
	int fd = open_device(_metadata, self);

	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff000000, self->r[4]);
	EXPECT_EQ(0, irq_line(self->vmm, SOURCE, KVM_INTERRUPT_SET));
	EXPECT_EQ(0xff001234ff050000ull, icp(self->vcpu));
	EXPECT_EQ(PRIORITY(5) | KVM_XICS_PRESENTED, source(fd, SOURCE));
	EXPECT_EQ(0, CALL(H_IPOLL, 0));
	EXPECT_EQ(0xff001234, self->r[4]);
	EXPECT_EQ(0xff, self->r[5]);
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff001234, self->r[4]);
	/* again, before it has ended */
	EXPECT_EQ(0, irq_line(self->vmm, SOURCE, KVM_INTERRUPT_SET));
	EXPECT_EQ(PRIORITY(5) | KVM_XICS_PRESENTED | KVM_XICS_QUEUED,
		  source(fd, SOURCE));
	EXPECT_EQ(0, CALL(H_XIRR_X));
	EXPECT_EQ(0x05000000, self->r[4]);
	EXPECT_NE(0, self->r[5]);
	EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff001234, self->r[4]);
	EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff000000, self->r[4]);
	EXPECT_EQ(H_PARAMETER, CALL(H_EOI, 0xff004321));
	close(fd);
}

/* The guest takes an external interrupt, as long as one is presented */
TEST_F(hcall, external)
{
	static const uint32_t idle[] = { HCALL(UC_SYNC + 1) };
	static const uint32_t call[] = { SC(1), MR(14, 3), HCALL(UC_SYNC) };
	int fd = open_device(_metadata, self);
	struct kvm_regs r = { .pc = CODE,
			      .msr = MSR_REAL | MSR_EE,
			      .sprg0 = BOOK3S_SPRG0 };

	book3s_code(self->vmm, CODE, true, idle, ARRAY_SIZE(idle));
	/* which itself changes SRR0 */
	book3s_put(self->vmm, 0x500, true, MFSPR(15, 26), HCALL(UC_SYNC));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + DEC_FAR);
	EXPECT_EQ(0, irq_line(self->vmm, SOURCE, KVM_INTERRUPT_SET));
	book3s_set_regs(self->vcpu, &r);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(CODE, r.gpr[15]);
	/* It has not accepted it, so it comes again */
	r = (struct kvm_regs){ .pc = CODE, .msr = MSR_REAL | MSR_EE };
	book3s_set_regs(self->vcpu, &r);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	/* Then it does */
	book3s_code(self->vmm, CODE, true, call, ARRAY_SIZE(call));
	EXPECT_EQ(0, CALL(H_XIRR));
	book3s_code(self->vmm, CODE, true, idle, ARRAY_SIZE(idle));
	r = (struct kvm_regs){ .pc = CODE, .msr = MSR_REAL | MSR_EE };
	book3s_set_regs(self->vcpu, &r);
	EXPECT_EQ(UC_SYNC + 1, book3s_run_hcall(self->vcpu));
	close(fd);
	/* And none is left when the device goes */
	fd = device_create(self->vmm, KVM_DEV_TYPE_XICS, 0);
	ASSERT_EQ(0, connect_to(self->vcpu, fd, 0));
	ASSERT_EQ(0, set_icp(self->vcpu, 0xff000002ff050000ull));
	close(fd);
	book3s_set_regs(self->vcpu, &r);
	EXPECT_EQ(UC_SYNC + 1, book3s_run_hcall(self->vcpu));
}

/* The device is its VM's owner's only */
TEST_F(hcall, forked)
{
	int fd = open_device(_metadata, self), status;
	pid_t child = fork();

	if (child == 0)
		_exit((set_source(fd, SOURCE, 0) == -EIO) +
		      (source(fd, SOURCE) == (uint64_t)-EIO) +
		      (irq_line(self->vmm, SOURCE, 1) == -EIO));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(3, WEXITSTATUS(status));
	/* Nor has it gone with the child's descriptor */
	EXPECT_EQ(PRIORITY(5), source(fd, SOURCE));
	close(fd);
}

#define RTAS_SET_XIVE 0x2001
#define RTAS_GET_XIVE 0x2002
#define RTAS_INT_ON 0x2003
#define RTAS_INT_OFF 0x2004

static int define(struct vmm *vmm, const char *name, uint64_t token)
{
	struct kvm_rtas_token_args args = { .token = token };

	memccpy(args.name, name, 0, sizeof(args.name));
	return ioctl(vmm->fd, KVM_PPC_RTAS_DEFINE_TOKEN, &args) ? -errno : 0;
}

/* H_RTAS's own result; the call's results replace what is behind its arguments */
static int64_t rtas(struct __test_metadata *_metadata,
		    FIXTURE_DATA(hcall) * self, uint32_t token, uint32_t nargs,
		    uint32_t nret, uint32_t *words)
{
	uint32_t *args = vmm_gpa(self->vmm, AREA), i;
	int64_t ret;

	args[0] = htobe32(token);
	args[1] = htobe32(nargs);
	args[2] = htobe32(nret);
	for (i = 0; i < 6; i++)
		args[3 + i] = htobe32(words[i]);
	ret = CALL(H_RTAS, AREA);
	for (i = 0; i < 6; i++)
		words[i] = be32toh(args[3 + i]);
	return ret;
}

TEST_F(hcall, rtas)
{
	uint32_t w[6] = { SOURCE, 0, 4, 99, 98, 97 };
	int fd = open_device(_metadata, self);

	EXPECT_EQ(TO_USER, rtas(_metadata, self, RTAS_SET_XIVE, 3, 1, w));
	EXPECT_EQ(-ENOENT, define(self->vmm, "ibm,os-term", 0x2000));
	EXPECT_EQ(0, define(self->vmm, "ibm,set-xive", RTAS_SET_XIVE));
	EXPECT_EQ(-EEXIST, define(self->vmm, "ibm,get-xive", RTAS_SET_XIVE));
	EXPECT_EQ(0, define(self->vmm, "ibm,get-xive", RTAS_GET_XIVE));
	EXPECT_EQ(0, define(self->vmm, "ibm,int-on", RTAS_INT_ON));
	EXPECT_EQ(0, define(self->vmm, "ibm,int-off", RTAS_INT_OFF));
	EXPECT_EQ(TO_USER, rtas(_metadata, self, 0x2005, 3, 1, w));

	EXPECT_EQ(0, rtas(_metadata, self, RTAS_SET_XIVE, 3, 1, w));
	EXPECT_EQ(0, w[3]);
	EXPECT_EQ(98, w[4]);
	EXPECT_EQ(PRIORITY(4), source(fd, SOURCE));
	EXPECT_EQ(0, rtas(_metadata, self, RTAS_GET_XIVE, 1, 3, w));
	EXPECT_EQ(0, w[1]);
	EXPECT_EQ(0, w[2]);
	EXPECT_EQ(4, w[3]);
	EXPECT_EQ(0, rtas(_metadata, self, RTAS_INT_OFF, 1, 1, w));
	EXPECT_EQ(0, w[1]);
	EXPECT_EQ(PRIORITY(4) | KVM_XICS_MASKED, source(fd, SOURCE));
	/* kept back */
	EXPECT_EQ(0, irq_line(self->vmm, SOURCE, KVM_INTERRUPT_SET));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff000000, self->r[4]);
	w[1] = 99;
	EXPECT_EQ(0, rtas(_metadata, self, RTAS_INT_ON, 1, 1, w));
	EXPECT_EQ(0, w[1]);
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff001234, self->r[4]);

	/* what there is not: -3 */
	w[1] = 1;
	w[2] = 4;
	EXPECT_EQ(0, rtas(_metadata, self, RTAS_SET_XIVE, 3, 1, w));
	EXPECT_EQ((uint32_t)-3, w[3]);
	w[0] = SOURCE + 1;
	w[1] = 0;
	EXPECT_EQ(0, rtas(_metadata, self, RTAS_SET_XIVE, 3, 1, w));
	EXPECT_EQ((uint32_t)-3, w[3]);
	EXPECT_EQ(0, rtas(_metadata, self, RTAS_GET_XIVE, 1, 3, w));
	EXPECT_EQ((uint32_t)-3, w[1]);
	/* another number of arguments */
	w[0] = SOURCE;
	EXPECT_EQ(0, rtas(_metadata, self, RTAS_SET_XIVE, 2, 1, w));
	EXPECT_EQ((uint32_t)-3, w[2]);

	EXPECT_EQ(0, define(self->vmm, "ibm,set-xive", 0));
	EXPECT_EQ(0, define(self->vmm, "ibm,set-xive", 0));
	EXPECT_EQ(TO_USER, rtas(_metadata, self, RTAS_SET_XIVE, 3, 1, w));
	close(fd);
}

/* States that there cannot be, and one that is set and goes on */
TEST_F(hcall, state)
{
	static const uint64_t bad[] = {
		0x0000000000000000, /* nothing presented, with a priority */
		0xff001235ff050000, /* of a source that there is not */
		0x05001234ff050000, /* not more favoured than the CPPR */
		0xff00123405050000, /* nor than the MFRR */
		0xff00000204050000,
	};
	int fd = open_device(_metadata, self);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, set_icp(self->vcpu, bad[i]));
		EXPECT_EQ(0xff000000ffff0000ull, icp(self->vcpu));
	}
	ASSERT_EQ(0, set_source(fd, SOURCE, PRIORITY(5) | KVM_XICS_PRESENTED));
	ASSERT_EQ(0, set_icp(self->vcpu, 0xff001234ff050000ull));
	EXPECT_EQ(0xff001234ff050000ull, icp(self->vcpu));
	EXPECT_EQ(0, CALL(H_XIRR));
	EXPECT_EQ(0xff001234, self->r[4]);
	EXPECT_EQ(0, CALL(H_EOI, 0xff001234));
	EXPECT_EQ(PRIORITY(5), source(fd, SOURCE));
	close(fd);
}

TEST_HARNESS_MAIN
