// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_DEV_TYPE_VFIO, and hypercalls that map a guest's memory for a device of the
 * host's. That the device reaches it is seen by a guest that works with one; here it
 * is that VFIO counts it as mapped exactly as long as it is.
 */
#include "device.h"
#include "tce.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>

static int set(int device, uint64_t attr, void *arg)
{
	return device_attr(device, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_FILE, attr,
			   arg);
}

static int add(int device, int fd)
{
	return set(device, KVM_DEV_VFIO_FILE_ADD, &fd);
}

static int del(int device, int fd)
{
	return set(device, KVM_DEV_VFIO_FILE_DEL, &fd);
}

static int set_table(int device, int group, int table)
{
	struct kvm_vfio_spapr_tce param = { .groupfd = group,
					    .tablefd = table };

	return set(device, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, &param);
}

static int new_device(struct vmm *vmm)
{
	return device_create(vmm, KVM_DEV_TYPE_VFIO, 0);
}

/* What needs no device of the host's */
TEST_F(hcall, arguments)
{
	int device, other = eventfd(0, EFD_CLOEXEC), i;

	if (device_create(self->vmm, KVM_DEV_TYPE_VFIO,
			  KVM_CREATE_DEVICE_TEST) == -ENODEV)
		SKIP(return, "the host's kernel has no VFIO");
	device = new_device(self->vmm);
	ASSERT_LE(0, device);
	/* one of a VM */
	EXPECT_EQ(-EBUSY, new_device(self->vmm));
	for (i = 0; i < 5; i++) {
		if (i == KVM_DEV_VFIO_FILE_ADD || i == KVM_DEV_VFIO_FILE_DEL ||
		    i == KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE) {
			EXPECT_EQ(0, device_attr(device, KVM_HAS_DEVICE_ATTR,
						 KVM_DEV_VFIO_FILE, i, NULL));
			EXPECT_EQ(-EFAULT, set(device, i, NULL));
		} else {
			EXPECT_EQ(-ENXIO,
				  device_attr(device, KVM_HAS_DEVICE_ATTR,
					      KVM_DEV_VFIO_FILE, i, NULL));
			EXPECT_EQ(-ENXIO, set(device, i, NULL));
		}
		EXPECT_EQ(-EPERM, device_attr(device, KVM_GET_DEVICE_ATTR,
					      KVM_DEV_VFIO_FILE, i, NULL));
	}
	EXPECT_EQ(-ENXIO, device_attr(device, KVM_SET_DEVICE_ATTR, 2, 4, NULL));
	EXPECT_EQ(-EBADF, add(device, -1));
	EXPECT_EQ(-EBADF, del(device, -1));
	EXPECT_EQ(-EBADF, set_table(device, -1, other));
	EXPECT_EQ(-EINVAL, add(device, other));
	EXPECT_EQ(-EINVAL, add(device, self->vmm->fd));
	EXPECT_EQ(-ENOENT, del(device, other));
	EXPECT_EQ(-ENOENT, set_table(device, other, other));
	/* when it is gone there can be another */
	close(device);
	device = new_device(self->vmm);
	EXPECT_LE(0, device);
	close(device);
}

/* A group of VFIO's, with a table for the first addresses of its bus */
struct group {
	int container, fd;
	uint64_t start, size; /* of the addresses */
};

/* NULL, or why a guest cannot have one */
static const char *open_group(struct vmm *vmm, struct group *g)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };
	struct vfio_iommu_spapr_tce_remove old = { .argsz = sizeof(old) };
	struct vfio_iommu_spapr_tce_create table = {
		.argsz = sizeof(table),
		.page_shift = 12,
		.window_size = 256ul << 20,
		.levels = 1,
	};
	struct vfio_group_status status = { .argsz = sizeof(status) };
	const char *address = getenv("PASSTHROUGH"), *number;
	char path[128], link[256];
	ssize_t n;

	if (!address)
		return "the host has no device for a guest";
	if (vmm_check(vmm, KVM_CAP_SPAPR_TCE_VFIO) <= 0)
		return "no tables of devices here";
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group",
		 address);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		vmm_die("%s", path);
	link[n] = 0;
	number = strrchr(link, '/') + 1;
	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	g->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	g->fd = open(path, O_RDWR | O_CLOEXEC);
	if (g->container < 0 || g->fd < 0 ||
	    ioctl(g->fd, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE) ||
	    ioctl(g->fd, VFIO_GROUP_SET_CONTAINER, &g->container) ||
	    ioctl(g->container, VFIO_SET_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU) ||
	    ioctl(g->container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info))
		vmm_die("VFIO of %s", path);
	old.start_addr = info.dma32_window_start;
	if (ioctl(g->container, VFIO_IOMMU_SPAPR_TCE_REMOVE, &old) ||
	    ioctl(g->container, VFIO_IOMMU_SPAPR_TCE_CREATE, &table))
		vmm_die("the device's table");
	g->start = table.start_addr;
	g->size = table.window_size;
	return NULL;
}

/* A device of the VM's with the group */
static int device_with(struct vmm *vmm, struct group *g)
{
	int device = new_device(vmm);

	if (device < 0 || add(device, g->fd))
		vmm_die("a device with a group");
	return device;
}

/* A table of the guest's, of pages of 64 KB, whose entries the group's has */
static int table_with(struct vmm *vmm, struct group *g, int device)
{
	int table = create64(vmm, BUS, 16, g->start >> 16, g->size >> 16);

	if (table < 0 || set_table(device, g->fd, table))
		vmm_die("a table for a group");
	return table;
}

static void close_group(struct group *g)
{
	close(g->fd);
	close(g->container);
}

static int registered(struct group *g, unsigned long cmd, void *at, size_t size)
{
	struct vfio_iommu_spapr_register_memory memory = {
		.argsz = sizeof(memory),
		.vaddr = (uintptr_t)at,
		.size = size,
	};

	return ioctl(g->container, cmd, &memory);
}

#define REGISTER(at, size) \
	registered(&g, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, at, size)

/*
 * Nothing of it is mapped any more. If something is, VFIO says that all is well, but
 * keeps it, so that memory of which it is a part cannot be registered.
 */
static int unregistered(struct group *g, void *at, size_t size)
{
	size_t more = size + getpagesize();

	if (registered(g, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, at, size))
		return -1;
	if (registered(g, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, at, more))
		return -2;
	return registered(g, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, at, more);
}

#define UNREGISTER(at, size) unregistered(&g, at, size)

/* Guest memory of which a device may reach some */
#define AT PAGES
#define SIZE 0x100000ul

/* The entries of tables of these page sizes, by each of the hypercalls */
TEST_F(hcall, mapped)
{
	static const unsigned int shifts[] = { 12, 16 };
	uint64_t *list = vmm_gpa(self->vmm, AREA), i, base, page;
	void *at = vmm_gpa(self->vmm, AT);
	unsigned int n;
	const char *why;
	struct group g;
	int device;

	why = open_group(self->vmm, &g);
	if (why)
		SKIP(return, "%s", why);
	all_on(self->vmm);
	device = device_with(self->vmm, &g);
	EXPECT_EQ(-EEXIST, add(device, g.fd));
	base = g.start;
	for (n = 0; n < ARRAY_SIZE(shifts); n++) {
		unsigned int shift = shifts[n];
		int table = create64(self->vmm, BUS, shift, g.start >> shift,
				     g.size >> shift);
		int other = create64(self->vmm, OTHER_BUS, shift,
				     (g.start + g.size) >> shift, 16);

		page = 1ul << shift;
		ASSERT_LE(0, table);
		ASSERT_LE(0, other);
		EXPECT_EQ(-EBADF, set_table(device, g.fd, -1));
		EXPECT_EQ(-EINVAL, set_table(device, g.fd, g.fd));
		/* the device has no such addresses */
		EXPECT_EQ(-EINVAL, set_table(device, g.fd, other));
		close(other);
		/* not yet the device's */
		ASSERT_EQ(0, REGISTER(at, SIZE));
		EXPECT_EQ(0, PUT(base, AT | READ));
		EXPECT_EQ(0, PUT(base, 0));
		EXPECT_EQ(0, UNREGISTER(at, SIZE));

		ASSERT_EQ(0, set_table(device, g.fd, table));
		ASSERT_EQ(0, set_table(device, g.fd, table));
		/* memory that is not registered is up to userspace */
		EXPECT_EQ(TO_USER, PUT(base, AT | READ | WRITE));
		EXPECT_EQ(0, GET(base));
		EXPECT_EQ(0, self->r[4]);
		ASSERT_EQ(0, REGISTER(at, SIZE));
		EXPECT_EQ(TO_USER, PUT(base, (AT + SIZE) | READ));
		EXPECT_EQ(TO_USER, PUT(base, (AT - page) | READ));

		EXPECT_EQ(0, PUT(base + 5 * page, AT | READ | WRITE));
		/* in its place another, twice the same, and none */
		EXPECT_EQ(0, PUT(base + 5 * page, (AT + page) | WRITE));
		EXPECT_EQ(0, PUT(base + 5 * page, (AT + page) | READ));
		EXPECT_EQ(0, GET(base + 5 * page));
		EXPECT_EQ((AT + page) | READ, self->r[4]);
		EXPECT_EQ(0, PUT(base + 5 * page, 0));
		EXPECT_EQ(0, UNREGISTER(at, SIZE));

		ASSERT_EQ(0, REGISTER(at, SIZE));
		for (i = 0; i < 16; i++)
			list[i] = htobe64((AT + i * page) | READ | WRITE);
		EXPECT_EQ(0, INDIRECT(base, AREA, 16));
		EXPECT_EQ(0, INDIRECT(base + 8 * page, AREA, 16));
		/* some of which nobody has mapped */
		EXPECT_EQ(0, STUFF(base, 0, 23));
		EXPECT_EQ(0, STUFF(base, 0, g.size >> shift));
		EXPECT_EQ(0, UNREGISTER(at, SIZE));
		/* the last one is not registered: the others may be mapped */
		ASSERT_EQ(0, REGISTER(at, 16 * page));
		list[3] = htobe64((AT + 16 * page) | READ);
		EXPECT_EQ(TO_USER, INDIRECT(base, AREA, 16));
		EXPECT_EQ(0, STUFF(base, 0, 16));
		EXPECT_EQ(0, UNREGISTER(at, 16 * page));

		/* without the table or the group there is no device */
		ASSERT_EQ(0, REGISTER(at, SIZE));
		if (n) {
			ASSERT_EQ(0, del(device, g.fd));
			EXPECT_EQ(0, PUT(base, AT | READ));
			EXPECT_EQ(-ENOENT, set_table(device, g.fd, table));
		}
		close(table);
		EXPECT_EQ(TO_USER, PUT(base, AT | READ));
		EXPECT_EQ(0, UNREGISTER(at, SIZE));
	}
	EXPECT_EQ(-ENOENT, del(device, g.fd));
	close(device);
	close_group(&g);
}

/* What is mapped when everything goes at once is not for ever */
TEST_F(hcall, ended)
{
	void *at = vmm_gpa(self->vmm, AT);
	unsigned int round;
	const char *why;
	struct group g;

	for (round = 0; round < 3; round++) {
		int device, table;

		why = open_group(self->vmm, &g);
		if (why)
			SKIP(return, "%s", why);
		device = device_with(self->vmm, &g);
		table = table_with(self->vmm, &g, device);
		ASSERT_EQ(0, REGISTER(at, SIZE));
		EXPECT_EQ(0, PUT(g.start, AT | READ | WRITE));
		switch (round) {
		case 0:
			close(device);
			close(table);
			break;
		case 1:
			close(table);
			close(device);
			break;
		default:
			/* the device's table goes first */
			close(table);
			close_group(&g);
			close(device);
			continue;
		}
		close_group(&g);
	}
}

struct racing {
	struct vmm_vcpu *vcpu;
	uint64_t base;
	unsigned int puts, seed;
	bool failed;
};

/* Maps and unmaps the same few entries as others do */
static void *race(void *arg)
{
	struct racing *r = arg;
	unsigned int i;

	for (i = 0; i < r->puts; i++) {
		uint64_t out[32], n = rand_r(&r->seed) % 4,
				  to = rand_r(&r->seed) % 8;
		uint64_t tce = AT + (to << 16);

		if (to)
			tce |= READ | WRITE;
		else
			tce = 0;
		if (call_args(r->vcpu, out, H_PUT_TCE,
			      (const uint64_t[6]){ BUS, r->base + (n << 16),
						   tce }))
			r->failed = true;
	}
	return NULL;
}

TEST_F(hcall, vcpus)
{
	void *at = vmm_gpa(self->vmm, AT);
	struct racing racing[3] = { 0 };
	int device, table;
	pthread_t t[3];
	unsigned int i;
	const char *why;
	struct group g;

	why = open_group(self->vmm, &g);
	if (why)
		SKIP(return, "%s", why);
	all_on(self->vmm);
	device = device_with(self->vmm, &g);
	table = table_with(self->vmm, &g, device);
	ASSERT_EQ(0, REGISTER(at, SIZE));
	for (i = 0; i < 3; i++) {
		racing[i] = (struct racing){
			.vcpu = i ? book3s_add_vcpu(self->vmm, i, MSR_REAL, 0,
						    0, 0) :
				    self->vcpu,
			.base = g.start,
			.puts = 2000,
			.seed = i,
		};
		ASSERT_EQ(0, pthread_create(&t[i], NULL, race, &racing[i]));
	}
	for (i = 0; i < 3; i++) {
		pthread_join(t[i], NULL);
		EXPECT_FALSE(racing[i].failed);
	}
	/* no more is mapped than there is */
	EXPECT_EQ(0, STUFF(g.start, 0, 3));
	EXPECT_EQ(0, PUT(g.start + 0x30000, AT | READ));
	EXPECT_EQ(0, PUT(g.start + 0x30000, 0));
	EXPECT_EQ(0, UNREGISTER(at, SIZE));
	close(device);
	close(table);
	close_group(&g);
}

TEST_HARNESS_MAIN
