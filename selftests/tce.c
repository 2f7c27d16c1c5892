// SPDX-License-Identifier: GPL-2.0
/*
 * TCE tables: making, mapping and closing them.
 */
#include "tce.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define REFUSED(err, call)                      \
	do {                                    \
		errno = 0;                      \
		EXPECT_EQ(-1, call)             \
		{                               \
			TH_LOG("%s", #call);    \
		}                               \
		EXPECT_EQ(err, errno)           \
		{                               \
			TH_LOG("of %s", #call); \
		}                               \
	} while (0)

TEST_F(hcall, create)
{
	struct vmm *vmm = self->vmm, *second = vmm_new(0);
	int fd = create64(vmm, BUS, 12, 0, 16), fd2;

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	/* a bus can only have one table, however that was made */
	REFUSED(EBUSY, create64(vmm, BUS, 12, 0, 16));
	REFUSED(EBUSY, create64(vmm, BUS, 16, 5, 1));
	REFUSED(EBUSY, create32(vmm, BUS, 0x1000));
	/* other buses, and other VMs' buses, are independent */
	fd2 = create32(vmm, OTHER_BUS, 0x1000);
	ASSERT_LE(0, fd2);
	close(fd2);
	fd2 = create64(second, BUS, 12, 0, 16);
	ASSERT_LE(0, fd2);
	close(fd2);
	/* numbers are of 64 bits */
	fd2 = create64(vmm, BUS | 1ull << 32, 12, 0, 16);
	ASSERT_LE(0, fd2);
	EXPECT_EQ(0, PUT(0, READ));
	EXPECT_EQ(0, CALL(H_GET_TCE, BUS | 1ull << 32, 0));
	EXPECT_EQ(0, self->r[4]);
	EXPECT_EQ(TO_USER, CALL(H_GET_TCE, BUS | 1ull << 33, 0));
	close(fd2);
	close(fd);
	fd = create32(vmm, BUS, 0x1000);
	ASSERT_LE(0, fd);
	close(fd);
	vmm_free(second);
}

TEST_F(hcall, create_refused)
{
	static const struct {
		uint32_t shift;
		uint64_t offset, size;
		int err; /* 0: it is accepted */
	} t[] = {
		{ 12, 0, 1 },
		{ 34, 0, 1 },
		{ 0, 0, 1, EINVAL },
		{ 11, 0, 1, EINVAL },
		{ 35, 0, 1, EINVAL },
		{ 64, 0, 1, EINVAL },
		{ 0x8000000c, 0, 1, EINVAL },
		{ 12, 0, 0, EINVAL },
		{ 12, 5, 0, EINVAL },
		/* the end of the bus */
		{ 12, (1ull << 52) - 2, 1 },
		{ 12, (1ull << 52) - 1, 1, EINVAL },
		{ 12, 1ull << 52, 1, EINVAL },
		{ 34, (1ull << 30) - 17, 16 },
		{ 34, (1ull << 30) - 16, 16, EINVAL },
		{ 16, 0, 1ull << 48, EINVAL },
		{ 12, 0, -1ull, EINVAL },
		/* larger than any memory */
		{ 12, 0, (1ull << 52) - 1, ENOMEM },
		{ 12, 0, 1ull << 40, ENOMEM },
	};
	struct kvm_create_spapr_tce_64 f = { .liobn = BUS,
					     .page_shift = 12,
					     .size = 1 };
	struct vmm *vmm = self->vmm;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		errno = 0;
		fd = create64(vmm, BUS, t[i].shift, t[i].offset, t[i].size);
		EXPECT_EQ(t[i].err, errno)
		{
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(t[i].err == 0, fd >= 0);
		if (fd >= 0)
			close(fd);
	}
	/* sums that overflow; kvm-hv.ko makes a table that nothing can reach */
	if (!book3s_peer()) {
		REFUSED(EINVAL, create64(vmm, BUS, 12, -1ull, 2));
		REFUSED(EINVAL, create64(vmm, BUS, 12, -1ull, 1));
	}
	REFUSED(EINVAL, create32(vmm, BUS, 0));
	REFUSED(EINVAL, create32(vmm, BUS, 0xfff));
	for (i = 0; i < 32; i++) {
		f.flags = 1u << i;
		REFUSED(EINVAL, ioctl(vmm->fd, KVM_CREATE_SPAPR_TCE_64, &f));
	}
	/* failed calls have not left a table */
	fd = create64(vmm, BUS, 12, 0, 1);
	ASSERT_LE(0, fd);
	close(fd);
}

/* The process has no free descriptor */
TEST_F(hcall, create_without_descriptors)
{
	struct rlimit old, none;
	int fd;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	REFUSED(EMFILE, create64(self->vmm, BUS, 12, 0, 16));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(TO_USER, GET(0));
	fd = create64(self->vmm, BUS, 12, 0, 16);
	ASSERT_LE(0, fd);
	close(fd);
}

static int touch(volatile uint64_t *p)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		(void)*p;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST_F(hcall, mapping)
{
	size_t page = getpagesize(), per_page = page / ENTRY(1);
	size_t entries = 2 * per_page + 1;
	volatile uint64_t *t, *second, *private;
	char buf[8];
	int fd = create64(self->vmm, BUS, 12, 0, entries);

	ASSERT_LE(0, fd);
	/* four pages asked for, three there; the last is there wholly */
	t = map(fd, 4 * per_page);
	EXPECT_EQ(0, others(t, 3 * per_page, 0));
	EXPECT_EQ(0, touch(t + 3 * per_page - 1));
	EXPECT_EQ(SIGBUS, touch(t + 3 * per_page));
	/* a second mapping, which begins with the second page */
	second = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, page);
	ASSERT_NE(MAP_FAILED, (void *)second);
	/* the guest's entries are in both, and userspace's are the guest's */
	EXPECT_EQ(0, PUT(per_page << 12, 0x5000 | READ));
	EXPECT_EQ(0x5000 | READ, t[per_page]);
	EXPECT_EQ(0x5000 | READ, second[0]);
	t[per_page + 1] = 0xdeadbeef12345678;
	EXPECT_EQ(0, GET((per_page + 1) << 12));
	EXPECT_EQ(0xdeadbeef12345678, self->r[4]);
	EXPECT_EQ(0xdeadbeef12345678, second[1]);
	/* a private one is a copy once it is written */
	private =
		mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, page);
	ASSERT_NE(MAP_FAILED, (void *)private);
	EXPECT_EQ(0x5000 | READ, private[0]);
	private[0] = 1;
	EXPECT_EQ(0x5000 | READ, t[per_page]);
	/*
	 * the guest cannot read entries in the last page that are beyond the
	 * window
	 */
	EXPECT_EQ(0, GET(2 * per_page << 12));
	EXPECT_EQ(H_PARAMETER, GET((2 * per_page + 1) << 12));
	/* other file operations fail */
	REFUSED(EINVAL, read(fd, buf, sizeof(buf)));
	REFUSED(EINVAL, write(fd, buf, sizeof(buf)));
	REFUSED(ENOTTY, ioctl(fd, KVM_CHECK_EXTENSION, 0ul));
	REFUSED(ENOTTY, ioctl(fd, KVM_RUN, 0ul));
	munmap((void *)private, page);
	munmap((void *)second, page);
	unmap(t, 4 * per_page);
	close(fd);
}

/* A table exists as long as its descriptor or a mapping does */
TEST_F(hcall, closed)
{
	size_t entries = getpagesize() / ENTRY(1);
	int fd = create64(self->vmm, BUS, 12, 0, entries), fd2;
	volatile uint64_t *t = map(fd, entries);

	fd2 = dup(fd);
	close(fd);
	EXPECT_EQ(0, PUT(0, READ));
	close(fd2);
	EXPECT_EQ(0, PUT(0x1000, READ));
	EXPECT_EQ(READ, t[1]);
	REFUSED(EBUSY, create64(self->vmm, BUS, 12, 0, entries));
	unmap(t, entries);
	EXPECT_EQ(TO_USER, PUT(0, READ));
	/* the next one is new, and without the old one's entries */
	fd = create64(self->vmm, BUS, 16, 0, entries);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, GET(0));
	EXPECT_EQ(0, self->r[4]);
	EXPECT_EQ(H_PARAMETER, PUT(0x1000, READ));
	t = map(fd, entries);
	EXPECT_EQ(0, others(t, entries, 0));
	unmap(t, entries);
	close(fd);
}

/* The VM's end leaves a table to whoever has it open */
TEST_F(hcall, vm_gone)
{
	size_t entries = 2 * getpagesize() / ENTRY(1);
	struct vmm *vmm = vmm_new(1 << 21);
	int fd = create64(vmm, BUS, 12, 0, entries), fd2;
	volatile uint64_t *t = map(fd, entries);

	ASSERT_LE(0, fd);
	t[0] = 5;
	vmm_free(vmm);
	EXPECT_EQ(5, t[0]);
	/* a page that was not there yet */
	t[entries - 1] = 6;
	EXPECT_EQ(6, t[entries - 1]);
	vmm = vmm_new(1 << 21);
	fd2 = create64(vmm, BUS, 12, 0, entries);
	ASSERT_LE(0, fd2);
	close(fd);
	EXPECT_EQ(5, t[0]);
	unmap(t, entries);
	close(fd2);
	vmm_free(vmm);
}

struct closer {
	struct vmm *vmm;
	volatile bool stop;
	unsigned int rounds;
};

static void *open_and_close(void *arg)
{
	size_t page = getpagesize();
	struct closer *c = arg;

	while (!c->stop) {
		int fd = create64(c->vmm, BUS, 12, 0, 3 * page / ENTRY(1));
		volatile uint64_t *t;

		if (fd < 0)
			vmm_die("no table");
		t = map(fd, page / ENTRY(1));
		t[c->rounds % 512] = 1;
		unmap(t, page / ENTRY(1));
		close(fd);
		c->rounds++;
	}
	return NULL;
}

/* Tables come and go under a guest that uses them */
TEST_F(hcall, race_with_close)
{
	struct closer c = { .vmm = self->vmm };
	uint64_t page = getpagesize(), entries = 3 * page / ENTRY(1);
	unsigned int i, handled = 0, to_user = 0;
	uint64_t *list = vmm_gpa(self->vmm, PAGES);
	pthread_t thread;
	int64_t ret;

	all_on(self->vmm);
	for (i = 0; i < 512; i++)
		list[i] = htobe64(READ);
	pthread_create(&thread, NULL, open_and_close, &c);
	for (i = 0; i < 4000; i++) {
		switch (i % 4) {
		case 0:
			ret = STUFF(0, 0x10, entries);
			break;
		case 1:
			ret = INDIRECT((entries - 512) << 12, PAGES, 512);
			break;
		case 2:
			ret = PUT(0, READ);
			break;
		default:
			ret = GET(0);
		}
		handled += ret == 0;
		to_user += ret == TO_USER;
	}
	c.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(4000, handled + to_user);
	printf("# %u handled, %u to userspace, %u tables\n", handled, to_user,
	       c.rounds);
	/* the kernel and userspace have each handled some */
	EXPECT_LT(0, handled);
	EXPECT_LT(0, to_user);
	EXPECT_EQ(TO_USER, GET(0));
}

static unsigned long locked_kb(void)
{
	unsigned long kb = -1ul;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %lu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* In a process without CAP_IPC_LOCK: what fails, as a number */
static int as_user(void)
{
	size_t page = getpagesize(), per_page = page / ENTRY(1);
	unsigned long kb = page / 1024, before, with;
	struct rlimit limit = { .rlim_cur = 24 * page, .rlim_max = 24 * page };
	struct vmm *vmm = vmm_new(0);
	int fd, fd2;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(65534, 65534, 65534))
		return 1;
	before = locked_kb();
	/* a table counts with all its pages, and one or two for itself */
	fd = create64(vmm, BUS, 12, 0, 16 * per_page);
	if (fd < 0)
		return 2;
	with = locked_kb();
	if (with < before + 17 * kb || with > before + 18 * kb)
		return 3;
	/* what is refused does not count */
	if (create64(vmm, OTHER_BUS, 12, 0, 16 * per_page) != -1 ||
	    errno != ENOMEM)
		return 4;
	if (create64(vmm, BUS, 12, 0, per_page) != -1 || errno != EBUSY)
		return 5;
	if (locked_kb() != with)
		return 6;
	fd2 = create64(vmm, OTHER_BUS, 12, 0, per_page);
	if (fd2 < 0)
		return 7;
	if (create64(vmm, BUS + 5, 12, 0, 40 * per_page) != -1 ||
	    errno != ENOMEM)
		return 8;
	close(fd);
	close(fd2);
	if (locked_kb() != before)
		return 9;
	/* nor does what is gone, if only after its VM */
	fd = create64(vmm, OTHER_BUS, 12, 0, 16 * per_page);
	if (fd < 0)
		return 10;
	vmm_free(vmm);
	if (locked_kb() != with)
		return 11;
	close(fd);
	return locked_kb() == before ? 0 : 12;
}

TEST(locked_memory)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(as_user());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
