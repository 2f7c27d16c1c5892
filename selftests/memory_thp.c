// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that runs while its memory is collapsed into huge pages, split, moved,
 * protected, swapped, and copied on write, and while the dirty log comes and
 * goes. The guest checks what it reads, and the log is compared with what it
 * wrote.
 */
#include "kselftest_harness.h"

#include "memory_guest.h"

DECLARE_PAYLOAD(memory);

#define SIZE (32ul << 20)

enum op { COLLAPSE, SMALL, PROTECT, PAGEOUT, FORK, MIGRATE, LOG, NR_OPS };

static const char *const op_name[NR_OPS] = {
	"collapse", "small pages", "protect", "page out",
	"fork",	    "migrate",	   "log",
};

FIXTURE(thp){};

FIXTURE_SETUP(thp)
{
}

FIXTURE_TEARDOWN(thp)
{
}

static void do_op(struct vmm *vmm, enum op op, char *p, size_t page)
{
	switch (op) {
	case COLLAPSE:
		madvise(memory, SIZE, MADV_HUGEPAGE);
		madvise(memory, SIZE, MADV_COLLAPSE);
		break;
	case SMALL:
		/* splits the page; it must not be collapsed again at once */
		madvise(p, page, MADV_NOHUGEPAGE);
		madvise(p, page, MADV_PAGEOUT);
		madvise(p, page, MADV_HUGEPAGE);
		break;
	case PROTECT:
		mprotect(p, page, PROT_READ);
		usleep(500);
		mprotect(p, page, PROT_READ | PROT_WRITE);
		break;
	case PAGEOUT:
		madvise((char *)((uintptr_t)p & -M2), M2, MADV_PAGEOUT);
		break;
	case FORK:
		fork_briefly();
		break;
	case MIGRATE:
		/*
		 * asking for a free page of 1G makes the host move other pages
		 */
		write_number(POOL_1G, 1);
		write_number(POOL_1G, 0);
		break;
	case LOG:
		/* starts logging while the guest runs */
		logging = true;
		if (set_slot(vmm, MEM_BASE, SIZE, memory))
			vmm_die("log on");
		usleep(2000);
		logging = false;
		if (set_slot(vmm, MEM_BASE, SIZE, memory))
			vmm_die("log off");
		break;
	default:
		break;
	}
}

/*
 * Two vCPUs that check and write their pages while that is done; now and then
 * they are stopped, and what they write for a while afterwards is logged.
 */
TEST_F_TIMEOUT(thp, under_guest, 300)
{
	unsigned long count[NR_OPS] = { 0 }, checks = 0, bad = 0, huge = 0;
	time_t end = time(NULL) + vmm_env("MEMORY_SECONDS", 8);
	/* to clear the way for a gigabyte takes some hosts a quarter of a minute */
	time_t patience = end + 70;
	unsigned int seed = vmm_env("MEMORY_SEED", 1), i;
	static const char *const effects[] = { "thp_collapse_alloc",
					       "thp_split_pmd",
					       "thp_migration_success" };
	unsigned long before[ARRAY_SIZE(effects)];
	size_t page = sysconf(_SC_PAGESIZE);
	struct vmm *vmm = the_vmm = vmm_new_small(MEM);
	struct mem_ctl *ctl = vmm_gpa(vmm, MEM_CTL);
	pthread_t thread[2];

	for (i = 0; i < ARRAY_SIZE(effects); i++)
		before[i] = vmstat(effects[i]);
	memory = reserve(SIZE, M2);
	ASSERT_EQ((void *)memory,
		  mmap(memory, SIZE, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	madvise(memory, SIZE, MADV_HUGEPAGE);
	book3s_load(vmm, PAYLOAD(memory));
	ctl->page_size = SIZE / MEM_PAGES;
	ctl->vcpus = 2;
	ctl->load_first = vmm_env("MEMORY_LOAD_FIRST", !book3s_peer());
	sem_init(&stopped, 0, 0);
	sem_init(&go, 0, 0);
	ASSERT_EQ(0, set_slot(vmm, MEM_BASE, SIZE, memory));
	for (i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, vcpu_thread,
			       book3s_add_vcpu(vmm, i, MSR_REAL, i, 0, 0));
	while (time(NULL) < end ||
	       ((!huge || !checks || vmstat(effects[0]) == before[0] ||
		 vmstat(effects[1]) == before[1]) &&
		time(NULL) < patience)) {
		enum op op = rand_r(&seed) % NR_OPS;
		size_t at = rand_r(&seed) % (SIZE / page);

		do_op(vmm, op, memory + at * page, page);
		count[op]++;
		usleep(2000);
		huge += mapped_2m(vmm) > 0;
		if (rand_r(&seed) % 4)
			continue;
		stop_guest(ctl);
		memset(ctl->dirty, 0, sizeof(ctl->dirty));
		logging = true;
		ASSERT_EQ(0, set_slot(vmm, MEM_BASE, SIZE, memory));
		start_guest(ctl);
		usleep(3000);
		do_op(vmm, rand_r(&seed) % LOG, memory + at * page, page);
		stop_guest(ctl);
		/* kvm-hv counts a page again when its entry changes */
		if (!book3s_peer())
			EXPECT_EQ(0, mapped_2m(vmm));
		bad += check_log(vmm, ctl);
		checks++;
		logging = false;
		ASSERT_EQ(0, set_slot(vmm, MEM_BASE, SIZE, memory));
		start_guest(ctl);
	}
	stop_guest(ctl);
	done = true;
	start_guest(ctl);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	printf("# %lu and %lu pages checked; dirty log compared %lu times;",
	       ctl->rounds[0], ctl->rounds[1], checks);
	for (i = 0; i < NR_OPS; i++)
		printf(" %s %lu", op_name[i], count[i]);
	printf(" huge %lu\n# the host:", huge);
	for (i = 0; i < ARRAY_SIZE(effects); i++) {
		before[i] = vmstat(effects[i]) - before[i];
		printf(" %s %lu", effects[i], before[i]);
	}
	printf("\n");
	EXPECT_EQ(0, bad);
	EXPECT_LT(0, checks);
	EXPECT_LT(0, huge);
	EXPECT_LT(0, before[0]);
	EXPECT_LT(0, before[1]);
	EXPECT_LT(100, ctl->rounds[0]);
	EXPECT_LT(100, ctl->rounds[1]);
	vmm_free(vmm);
}

TEST_HARNESS_MAIN
