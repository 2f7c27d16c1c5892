// SPDX-License-Identifier: GPL-2.0
/*
 * The module and its users: it cannot go while there is a VM, a vCPU or a
 * statistics descriptor, and can when there is none; /dev/kvm comes and goes
 * with it. KVM_MODULE is its name, KVM_MODULE_FILE where it is, for loading it
 * again; without that only what leaves it in place is tried. KVM_OTHER_FILE is
 * where kvm.ko is, beside which it cannot be loaded.
 */
#include "kselftest_harness.h"

#include "book3s.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

DECLARE_PAYLOAD(spin);
DECLARE_PAYLOAD(exits);

static const char *name(void)
{
	const char *s = getenv("KVM_MODULE");

	if (s && *s)
		return s;
	return book3s_peer() ? "kvm_hv" : "kvm_ppc";
}

static int unload(void)
{
	return syscall(SYS_delete_module, name(), O_NONBLOCK);
}

static int load_file(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), r, e;

	if (fd < 0)
		return -1;
	r = syscall(SYS_finit_module, fd, "", 0);
	e = errno;
	close(fd);
	errno = e;
	return r;
}

static int load(void)
{
	return load_file(getenv("KVM_MODULE_FILE"));
}

static int refs(void)
{
	char path[128];
	int n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name());
	f = fopen(path, "r");
	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* with O_NONBLOCK, EAGAIN means that it is in use */
#define EXPECT_IN_USE()                   \
	do {                              \
		EXPECT_LT(0, refs());     \
		errno = 0;                \
		EXPECT_EQ(-1, unload());  \
		EXPECT_EQ(EAGAIN, errno); \
	} while (0)

TEST(vm_holds_it)
{
	struct kvm_create_spapr_tce window = { .window_size = 0x1000 };
	int before = refs(), kvm, vm, vcpu, stats, table;
	size_t page = getpagesize();
	void *p;

	ASSERT_LE(0, before);
	kvm = vmm_open();
	vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
	ASSERT_GE(vm, 0);
	close(kvm);
	EXPECT_IN_USE();
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0ul);
	stats = ioctl(vcpu, KVM_GET_STATS_FD, 0ul);
	ASSERT_GE(stats, 0);
	table = ioctl(vm, KVM_CREATE_SPAPR_TCE, &window);
	ASSERT_GE(table, 0);
	close(vm);
	EXPECT_IN_USE();
	close(vcpu);
	EXPECT_IN_USE();
	close(stats);
	EXPECT_IN_USE();
	p = mmap(NULL, page, PROT_READ, MAP_SHARED, table, 0);
	ASSERT_NE(MAP_FAILED, p);
	close(table);
	EXPECT_IN_USE();
	munmap(p, page);
	EXPECT_EQ(before, refs());
}

/* The same if the module's user is killed while its guest runs */
TEST(killed_user)
{
	int before = refs(), status, i;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct vmm *vmm = vmm_new(8 << 20);

		book3s_load(vmm, PAYLOAD(spin));
		vmm_run(book3s_add_vcpu(vmm, 0, MSR_REAL, 0, 0, 0));
		_exit(1);
	}
	usleep(300000);
	EXPECT_IN_USE();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* descriptors are closed by the dying task, but not before it is dead */
	for (i = 0; i < 100 && refs() != before; i++)
		usleep(10000);
	EXPECT_EQ(before, refs());
}

/* there is a fixture only because a time limit needs one */
FIXTURE(module)
{
	int none;
};

FIXTURE_SETUP(module)
{
}

FIXTURE_TEARDOWN(module)
{
}

TEST_F_TIMEOUT(module, reload, 300)
{
	struct vmm_vcpu *vcpu;
	struct vmm *vmm;
	int i, n;

	if (!getenv("KVM_MODULE_FILE"))
		SKIP(return, "no KVM_MODULE_FILE");
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, unload())
		{
			TH_LOG("errno %d, round %d", errno, i);
		}
		/* without it there are no VMs; kvm.ko may leave the device */
		n = open("/dev/kvm", O_RDWR);
		if (n >= 0) {
			EXPECT_EQ(-1, ioctl(n, KVM_CREATE_VM, 0ul));
			close(n);
		}
		ASSERT_EQ(0, load());
		EXPECT_EQ(-1, load());
		EXPECT_EQ(EEXIST, errno);
		vmm = vmm_new(8 << 20);
		book3s_load(vmm, PAYLOAD(exits));
		vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
		EXPECT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
		vmm_free(vmm);
	}
}

/*
 * The kernel's errors and warnings about kvm from where `log` is; the last of
 * them to `text`
 */
static int messages(int log, char *text, size_t size)
{
	char line[1024];
	ssize_t len;
	int n = 0;

	while ((len = read(log, line, sizeof(line) - 1)) > 0) {
		line[len] = '\0';
		if (!strstr(line, "kvm") || (strtoul(line, NULL, 10) & 7) > 4)
			continue;
		printf("# %s", line);
		snprintf(text, size, "%s", line);
		n++;
	}
	return n;
}

/*
 * Beside kvm.ko, loading fails with one error and one log line that says what
 * to do
 */
TEST_F_TIMEOUT(module, beside_kvm, 120)
{
	const char *other = getenv("KVM_OTHER_FILE");
	char said[1024] = "";
	int log, i;

	if (!getenv("KVM_MODULE_FILE") || !other)
		SKIP(return, "no KVM_MODULE_FILE or KVM_OTHER_FILE");
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, log);
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load_file(other));
	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, lseek(log, 0, SEEK_END));
		errno = 0;
		EXPECT_EQ(-1, load());
		EXPECT_EQ(EBUSY, errno);
		EXPECT_EQ(1, messages(log, said, sizeof(said)));
		EXPECT_NE(NULL,
			  strstr(said,
				 "kvm.ko and its modules have to be unloaded"));
	}
	/* kvm.ko's own folder is still there */
	EXPECT_EQ(0, access("/sys/kernel/debug/kvm", F_OK));
	EXPECT_EQ(0, syscall(SYS_delete_module, "kvm", O_NONBLOCK));
	ASSERT_EQ(0, load());
	EXPECT_EQ(0, access("/sys/kernel/debug/kvm", F_OK));
	close(log);
}

/*
 * The file, with the Rust support that Debian's kernels lack: it is larger if
 * tables are linked in that nobody uses
 */
#define MOST_BYTES 710000

TEST(size)
{
	const char *flavour = getenv("TEST_FLAVOUR");
	const char *file = getenv("KVM_MODULE_FILE");
	struct stat st;

	if (book3s_peer() || !file || !flavour || strncmp(flavour, "stock-", 6))
		SKIP(return, "the module has no Rust support of its own");
	ASSERT_EQ(0, stat(file, &st));
	EXPECT_GE(MOST_BYTES, st.st_size);
}

TEST_HARNESS_MAIN
