// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that knows what is in each of its pages, while the host does to that
 * memory what a host may do: discards, swaps, merges, collapses, migrates,
 * protects, moves and copies on write, at random. Every so often the guest is
 * stopped, and the dirty log compared with what it wrote since.
 */
#include "kselftest_harness.h"

#include "memory_guest.h"
#include "payloads/toucher.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>

/* How long each test runs; with one CPU there are fewer races */
#define SECONDS (GUEST_VCPUS > 1 ? 5 : 2)

DECLARE_PAYLOAD(memory);
DECLARE_PAYLOAD(toucher);

/* Swap on compressed memory, for as long as the host runs */
static bool swap_on(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *header;
	int fd;

	if (!write_file("/sys/block/zram0/disksize", "67108864\n"))
		return !access("/sys/block/zram0", F_OK); /* has been done */
	fd = open("/dev/zram0", O_RDWR);
	if (fd < 0)
		return false;
	header = calloc(1, page);
	((uint32_t *)(header + 1024))[0] = 1; /* version */
	((uint32_t *)(header + 1024))[1] = 67108864 / page - 1; /* last page */
	memcpy(header + page - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, header, page, 0) != page)
		return false;
	close(fd);
	free(header);
	return !swapon("/dev/zram0", 0);
}

FIXTURE(memory)
{
	struct vmm *vmm;
	struct mem_ctl *ctl;
	size_t page, size;
	char *hva;
	unsigned int seed;
};

FIXTURE_VARIANT(memory)
{
	bool virt;
	bool shared; /* a memfd, else anonymous */
};

FIXTURE_VARIANT_ADD(memory, anonymous_real){
	.virt = false,
	.shared = false,
};

/* A 440 has no real mode, so there is only one variant */
#ifdef __powerpc64__
FIXTURE_VARIANT_ADD(memory, anonymous_radix){
	.virt = true,
	.shared = false,
};
#endif

FIXTURE_VARIANT_ADD(memory, shared_real){
	.virt = false,
	.shared = true,
};

FIXTURE_SETUP(memory)
{
	int fd;

	self->page = sysconf(_SC_PAGESIZE);
	if (self->page < 0x1000)
		self->page = 0x1000;
	self->size = MEM_PAGES * self->page;
	self->seed = vmm_env("MEMORY_SEED", 1);
	self->vmm = the_vmm = vmm_new(MEM);
	if (guest_wants_hash() && !variant->virt)
		SKIP(return, "in real mode there is only slot 0");
	guest_load(self->vmm, PAYLOAD(memory));
	self->ctl = vmm_gpa(self->vmm, MEM_CTL);
	self->ctl->page_size = self->page;
	self->ctl->vcpus = GUEST_VCPUS;
	/* see memslots.c for what TCG does with a module that relies on C */
	self->ctl->load_first = vmm_env("MEMORY_LOAD_FIRST", !guest_peer());
	self->hva = vmm_alloc(self->size);
	if (variant->shared) {
		fd = memfd_create("guest", 0);
		ASSERT_EQ(0, ftruncate(fd, self->size));
		ASSERT_EQ((void *)self->hva,
			  mmap(self->hva, self->size, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, fd, 0));
	}
	madvise(self->hva, self->size, MADV_HUGEPAGE);
	memory = self->hva;
	if (variant->virt) {
		guest_map(self->vmm, 0, MEM);
		guest_map(self->vmm, MEM_BASE,
			  (self->size + (1 << 21) - 1) & -(1ul << 21));
		guest_translate(self->vmm);
	}
	sem_init(&stopped, 0, 0);
	sem_init(&go, 0, 0);
	done = false;
}

FIXTURE_TEARDOWN(memory)
{
	vmm_free(self->vmm);
}

enum op {
	OP_DISCARD,
	OP_PAGEOUT,
	OP_COLD,
	OP_HUGE,
	OP_NOHUGE,
	OP_COLLAPSE,
	OP_MERGE,
	OP_UNMERGE,
	OP_READONLY,
	OP_NONE,
	OP_REMAP,
	OP_FORK,
	OP_COMPACT,
	OP_SLOT_DELETE,
	OP_SLOT_MOVE,
	NR_OPS
};

static const char *const op_name[NR_OPS] = {
	"discard",  "pageout", "cold",	  "huge",	 "nohuge",
	"collapse", "merge",   "unmerge", "readonly",	 "none",
	"remap",    "fork",    "compact", "slot delete", "slot move",
};

static void do_op(struct vmm *vmm, enum op op, char *p, size_t len, size_t size,
		  bool shared)
{
	void *away;

	switch (op) {
	case OP_DISCARD:
		/* discarded memory of a file has the file's content again */
		if (shared)
			madvise(p, len, MADV_DONTNEED);
		break;
	case OP_PAGEOUT:
		madvise(p, len, MADV_PAGEOUT);
		break;
	case OP_COLD:
		madvise(p, len, MADV_COLD);
		break;
	case OP_HUGE:
		madvise(memory, size, MADV_HUGEPAGE);
		break;
	case OP_NOHUGE:
		madvise(p, len, MADV_NOHUGEPAGE);
		break;
	case OP_COLLAPSE:
		madvise(memory, size, MADV_HUGEPAGE);
		madvise(memory, size, MADV_COLLAPSE);
		break;
	case OP_MERGE:
		madvise(p, len, MADV_MERGEABLE);
		break;
	case OP_UNMERGE:
		madvise(p, len, MADV_UNMERGEABLE);
		break;
	case OP_READONLY:
		pthread_mutex_lock(&slot_lock);
		mprotect(p, len, PROT_READ);
		usleep(500);
		mprotect(p, len, PROT_READ | PROT_WRITE);
		pthread_mutex_unlock(&slot_lock);
		break;
	case OP_NONE:
		pthread_mutex_lock(&slot_lock);
		mprotect(p, len, PROT_NONE);
		usleep(500);
		mprotect(p, len, PROT_READ | PROT_WRITE);
		pthread_mutex_unlock(&slot_lock);
		break;
	case OP_REMAP:
		/*
		 * the memory is elsewhere for a while; nothing else may be mapped
		 * at its address
		 */
		pthread_mutex_lock(&slot_lock);
		away = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		if (mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, away) ==
		    away) {
			mmap(p, len, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			usleep(300);
			if (mremap(away, len, len,
				   MREMAP_MAYMOVE | MREMAP_FIXED, p) != p)
				vmm_die("mremap back");
		}
		pthread_mutex_unlock(&slot_lock);
		break;
	case OP_FORK:
		fork_briefly();
		break;
	case OP_COMPACT:
		write_file("/proc/sys/vm/compact_memory", "1\n");
		break;
	case OP_SLOT_DELETE:
		if (logging)
			break;
		if (set_slot(vmm, MEM_BASE, 0, NULL))
			vmm_die("deleting the slot");
		usleep(300);
		if (set_slot(vmm, MEM_BASE, size, memory))
			vmm_die("creating the slot");
		break;
	case OP_SLOT_MOVE:
		if (logging)
			break;
		if (set_slot(vmm, 4ull * MEM_BASE, size, memory) ||
		    (usleep(300), set_slot(vmm, MEM_BASE, size, memory)))
			vmm_die("moving the slot");
		break;
	default:
		break;
	}
}

static bool swap_works;

static void run_ops(struct __test_metadata *_metadata, struct vmm *vmm,
		    struct mem_ctl *ctl, unsigned int *seed, size_t size,
		    size_t page, bool virt, bool shared, bool with_log)
{
	unsigned long count[NR_OPS] = { 0 }, checks = 0, bad = 0;
	time_t end = time(NULL) + vmm_env("MEMORY_SECONDS", SECONDS);
	pthread_t thread[GUEST_VCPUS];
	unsigned int i;

	static const char *const effects[] = {
		"pswpout",	     "pswpin",
		"pgmigrate_success", "thp_collapse_alloc",
		"thp_fault_alloc",   "thp_split_pmd",
		"ksm_swpin_copy",
	};
	unsigned long before[ARRAY_SIZE(effects)];

	for (i = 0; i < ARRAY_SIZE(effects); i++)
		before[i] = vmstat(effects[i]);
	logging = with_log;
	ASSERT_EQ(0, set_slot(vmm, MEM_BASE, size, memory));
	for (i = 0; i < GUEST_VCPUS; i++)
		pthread_create(&thread[i], NULL, vcpu_thread,
			       guest_add_vcpu(vmm, i, virt, i, 0, 0));
	while (time(NULL) < end) {
		enum op op = rand_r(seed) % NR_OPS;
		size_t first = rand_r(seed) % MEM_PAGES;
		size_t n = 1 + rand_r(seed) % (MEM_PAGES - first);

		if (rand_r(seed) & 1 && n > 8)
			n = 8;
		do_op(vmm, op, memory + first * page, n * page, size, shared);
		count[op]++;
		if (!logging || rand_r(seed) % 4)
			continue;
		stop_guest(ctl);
		bad += check_log(vmm, ctl);
		checks++;
		start_guest(ctl);
	}
	stop_guest(ctl);
	if (logging)
		bad += check_log(vmm, ctl);
	done = true;
	start_guest(ctl);
	for (i = 0; i < GUEST_VCPUS; i++)
		pthread_join(thread[i], NULL);
	printf("# %lu and %lu pages checked; dirty log compared %lu times;",
	       ctl->rounds[0], ctl->rounds[1], checks);
	for (i = 0; i < NR_OPS; i++)
		printf(" %s %lu", op_name[i], count[i]);
	printf("\n# the host:");
	for (i = 0; i < ARRAY_SIZE(effects); i++) {
		before[i] = vmstat(effects[i]) - before[i];
		printf(" %s %lu", effects[i], before[i]);
	}
	printf("\n");
	if (swap_works)
		EXPECT_LT(0, before[0]);
	EXPECT_EQ(0, bad);
	for (i = 0; i < GUEST_VCPUS; i++)
		EXPECT_LT(100, ctl->rounds[i]);
}

static void host_settings(void)
{
	write_file("/sys/kernel/mm/ksm/run", "1\n");
	write_file("/sys/kernel/mm/ksm/sleep_millisecs", "10\n");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "1000\n");
	swap_works = swap_on();
	if (!swap_works)
		printf("# no swap on zram\n");
}

TEST_F_TIMEOUT(memory, with_log, 300)
{
	host_settings();
	run_ops(_metadata, self->vmm, self->ctl, &self->seed, self->size,
		self->page, variant->virt, variant->shared, true);
}

TEST_F_TIMEOUT(memory, with_slots, 300)
{
	host_settings();
	run_ops(_metadata, self->vmm, self->ctl, &self->seed, self->size,
		self->page, variant->virt, variant->shared, false);
}

/* Pages that userspace supplies when the guest accesses them */
struct uffd {
	int fd;
	char *hva;
	size_t page;
	unsigned long served;
};

static void *serve(void *arg)
{
	struct uffd *u = arg;
	struct uffd_msg msg;
	char *page = vmm_alloc(u->page);

	while (read(u->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_copy copy = { .len = u->page };
		uint64_t at = msg.arg.pagefault.address & ~(u->page - 1);

		if (msg.event != UFFD_EVENT_PAGEFAULT)
			vmm_die("userfaultfd event %u", msg.event);
		memset(page, 1 + (at - (uintptr_t)u->hva) / u->page % 100,
		       u->page);
		copy.dst = at;
		copy.src = (uintptr_t)page;
		u->served++;
		if (ioctl(u->fd, UFFDIO_COPY, &copy) && errno != EEXIST)
			vmm_die("UFFDIO_COPY");
	}
	return NULL;
}

TEST(userfaultfd)
{
	size_t page = sysconf(_SC_PAGESIZE), n = 64, i;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct vmm *vmm = vmm_new(MEM);
	struct uffd u = { .page = page };
	uint64_t *list = vmm_gpa(vmm, GPA_FREE);
	struct vmm_vcpu *vcpu;
	pthread_t t;
	int round;

	if (guest_wants_hash())
		SKIP(return, "in real mode there is only slot 0");
	u.fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (u.fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, ioctl(u.fd, UFFDIO_API, &api));
	u.hva = vmm_alloc(n * page);
	madvise(u.hva, n * page, MADV_NOHUGEPAGE);
	reg.range.start = (uintptr_t)u.hva;
	reg.range.len = n * page;
	ASSERT_EQ(0, ioctl(u.fd, UFFDIO_REGISTER, &reg));
	pthread_create(&t, NULL, serve, &u);
	ASSERT_EQ(0, vmm_set_slot(vmm, SLOT, 0, MEM_BASE, n * page, u.hva));
	guest_load(vmm, PAYLOAD(toucher));
	vcpu = guest_add_vcpu(vmm, 0, false, GPA_FREE, MEM_BASE, page);
	for (round = 1; round <= 5; round++) {
		/* every page has one more than userspace put there */
		for (i = 0; i < n; i++)
			list[i] = (i * 37 % n) | TOUCH_ADD;
		list[n] = TOUCH_END;
		ASSERT_EQ(UC_SYNC, guest_run_hcall(vcpu));
		EXPECT_EQ(round * n, u.served);
		for (i = 0; i < n; i++) {
			EXPECT_EQ(2 + i % 100, u.hva[i * page]);
			EXPECT_EQ(1 + i % 100, u.hva[i * page + 1]);
		}
		madvise(u.hva, n * page, MADV_DONTNEED);
	}
	vmm_free(vmm);
}

TEST_HARNESS_MAIN
