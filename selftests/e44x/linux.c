// SPDX-License-Identifier: GPL-2.0
/*
 * Linux as a guest, on the board of lib/bamboo.h: what its processes compute is
 * what the same program computes on the host.
 */
#include "bamboo.h"
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KERNEL "/guest/vmlinux"
/* Of another version, with other pages; if OTHER_KERNEL says that it is there */
#define OTHER "/guest/other"
#define INITRD "/guest/initrd"
#define STRESS "/tests/stress"
#define MEM (48ul << 20)
/*
 * For a guest that does all of stress once, a good deal more than it takes, be it
 * one of two on a busy machine
 */
#define SECONDS 900
/* The longest that a test may be told to go on */
#define LIMIT 100000

/*
 * Guests do STRESS_FACTOR times as much as usual, and are booted again until
 * LINUX_SECONDS are over, half of them for each test
 */
static unsigned long factor(void)
{
	return vmm_env("STRESS_FACTOR", 1);
}

/* Only the lines that begin so, one after another */
static void lines_of(FILE *f, const char *begin, char *to, size_t size)
{
	char line[512];

	*to = 0;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = 0;
		if (!strncmp(line, begin, strlen(begin)) &&
		    strlen(to) + strlen(line) + 2 <= size)
			strcat(strcat(to, line), "\n");
	}
}

/* The @n-th guest's: the other one's each second time */
static const char *kernel(unsigned int n)
{
	return n & 1 && vmm_env("OTHER_KERNEL", 0) ? OTHER : KERNEL;
}

static void nothing(int sig)
{
}

/* What a guest said last that came to no end, and where it is */
static void post_mortem(const struct bamboo *b, int console)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	char said[2000];
	char *line, *rest;
	off_t size;
	ssize_t n;

	size = lseek(console, 0, SEEK_END);
	n = pread(console, said, sizeof(said) - 1,
		  size < (off_t)sizeof(said) ? 0 : size - sizeof(said) + 1);
	said[n < 0 ? 0 : n] = 0;
	for (line = strtok_r(said, "\r\n", &rest); line;
	     line = strtok_r(NULL, "\r\n", &rest))
		printf("# guest: %s\n", line);
	if (ioctl(b->vcpu->fd, KVM_GET_REGS, &regs) ||
	    ioctl(b->vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("registers");
	printf("# pc %llx lr %llx msr %llx srr0 %llx srr1 %llx\n", regs.pc,
	       regs.lr, regs.msr, regs.srr0, regs.srr1);
	printf("# tsr %x tcr %x dec %x esr %x dear %llx\n", sregs.u.e.tsr,
	       sregs.u.e.tcr, sregs.u.e.dec, sregs.u.e.esr, sregs.u.e.dear);
	printf("# uic: latched %x level %x er %x, external %d\n",
	       b->uic.latched, b->uic.level, b->uic.er, b->external);
}

/*
 * Boots a guest of this kernel, whose console is a file, and returns what bamboo_run() does. Says
 * on @ready, if that is not below 0, when it has all its memory.
 */
static enum bamboo_end boot(const char *kernel, const char *console, int ready)
{
	struct sigaction sa = { .sa_handler = nothing };
	int fd = open(console, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	enum bamboo_end end;
	char bootargs[128];
	struct bamboo *b;

	if (fd < 0)
		vmm_die("%s", console);
	sigaction(SIGALRM, &sa, NULL);
	alarm(SECONDS * factor());
	snprintf(bootargs, sizeof(bootargs),
		 "console=ttyS0 panic=-1 run=/stress,%lu", factor());
	b = bamboo_new(MEM, fd);
	bamboo_load(b, kernel, INITRD, bootargs);
	if (ready >= 0 && write(ready, "", 1) != 1)
		vmm_die("nobody waits");
	end = bamboo_run(b);
	if (end == BAMBOO_SIGNAL)
		post_mortem(b, fd);
	bamboo_free(b);
	close(fd);
	return end;
}

FIXTURE(guest)
{
	char expected[4096];
	char got[4096];
};

FIXTURE_SETUP(guest)
{
	int ends[2], status;
	char number[16];
	pid_t pid;
	FILE *f;

	/* There is no shell for popen() */
	ASSERT_EQ(0, pipe(ends));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		snprintf(number, sizeof(number), "%lu", factor());
		execl(STRESS, STRESS, number, NULL);
		_exit(127);
	}
	close(ends[1]);
	f = fdopen(ends[0], "r");
	ASSERT_TRUE(f != NULL);
	lines_of(f, "stress: ", self->expected, sizeof(self->expected));
	fclose(f);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_TRUE(strstr(self->expected, "stress: done\n") != NULL);
}

FIXTURE_TEARDOWN(guest)
{
}

/* Compares what a guest has said with what the host has */
static void judge(struct __test_metadata *_metadata, FIXTURE_DATA(guest) * self,
		  const char *console)
{
	FILE *f = fopen(console, "r");

	ASSERT_NE(0, f != NULL);
	lines_of(f, "stress: ", self->got, sizeof(self->got));
	fclose(f);
	ASSERT_STREQ(self->expected, self->got);
}

static bool again(time_t from)
{
	return time(NULL) - from < vmm_env("LINUX_SECONDS", 0) / 2;
}

TEST_F_TIMEOUT(guest, computes_what_the_host_does, LIMIT)
{
	time_t from = time(NULL);
	unsigned int n = 0;

	do {
		ASSERT_EQ(BAMBOO_RESET, boot(kernel(n), "/tmp/console", -1));
		judge(_metadata, self, "/tmp/console");
		n++;
	} while (again(from));
	printf("# %u guests\n", n);
}

/* Both want the TLB, and the one CPU */
TEST_F_TIMEOUT(guest, two_at_a_time, LIMIT)
{
	struct sched_param turns = { .sched_priority = 1 };
	time_t from = time(NULL);
	int i, status, ready[2];
	unsigned int n = 0;
	char name[32], c;
	pid_t pid[2];

	ASSERT_EQ(0, pipe(ready));
	do {
		for (i = 0; i < 2; i++) {
			snprintf(name, sizeof(name), "/tmp/console%d", i);
			pid[i] = fork();
			ASSERT_GE(pid[i], 0);
			if (!pid[i]) {
				/* Else an emulated host does little but switch */
				if (sched_setscheduler(0, SCHED_RR, &turns))
					vmm_die("SCHED_RR");
				_exit(boot(KERNEL, name, ready[1]) !=
				      BAMBOO_RESET);
			}
			/* Else their pages would lie between each other's, none contiguous */
			ASSERT_EQ(1, read(ready[0], &c, 1));
		}
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
			ASSERT_EQ(0, status);
			snprintf(name, sizeof(name), "/tmp/console%d", i);
			judge(_metadata, self, name);
		}
		n += 2;
	} while (again(from));
	printf("# %u guests\n", n);
}

static struct bamboo *typed_to;

static void on_key(int sig)
{
	bamboo_key(typed_to);
}

/*
 * A guest reads lines from its console that fill the serial port's FIFO and the
 * pipe behind it; no line is lost
 */
TEST_F_TIMEOUT(guest, console_input, 600)
{
	struct sigaction sa = { .sa_handler = on_key };
	int i, j, out, in[2], status, lines = 40;
	char line[201], want[64], *at;
	uint32_t sum = 2166136261u;
	struct bamboo *b;
	pid_t pid;
	FILE *f;

	out = open("/tmp/console", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		   0600);
	ASSERT_GE(out, 0);
	ASSERT_EQ(0, pipe(in));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(in[0]);
		/* The terminal of a guest that boots would throw it away */
		do {
			usleep(100000);
			f = fopen("/tmp/console", "r");
			lines_of(f, "stress: ready", self->got,
				 sizeof(self->got));
			fclose(f);
		} while (!self->got[0]);
		for (i = 0; i < lines; i++) {
			memset(line, 'a' + i % 26, sizeof(line));
			line[sizeof(line) - 1 - i] = '\n';
			if (write(in[1], line, sizeof(line) - i) < 0)
				_exit(1);
		}
		_exit(write(in[1], "end\n", 4) != 4);
	}
	close(in[1]);
	sigaction(SIGIO, &sa, NULL);
	b = typed_to = bamboo_new(MEM, out);
	bamboo_load(b, KERNEL, INITRD,
		    "console=ttyS0 panic=-1 run=/stress,echo");
	bamboo_input(b, in[0]);
	EXPECT_EQ(BAMBOO_RESET, bamboo_run(b));
	bamboo_free(b);
	close(out);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	f = fopen("/tmp/console", "r");
	lines_of(f, "stress: ", self->got, sizeof(self->got));
	fclose(f);
	for (at = self->got, i = 0; i < lines; i++) {
		for (j = 0; j < sizeof(line) - 1 - i; j++)
			sum = (sum ^ (uint32_t)('a' + i % 26)) * 16777619u;
		snprintf(want, sizeof(want), "stress: %d %08x\n", j, sum);
		ASSERT_NE(0, strstr(at, want) != NULL)
		{
			TH_LOG("not there: %s in %s", want, self->got);
		}
	}
}

/* One of another version, with other pages */
TEST_F_TIMEOUT(guest, another_kernel, LIMIT)
{
	if (!vmm_env("OTHER_KERNEL", 0))
		SKIP(return, "make soak HOST=bamboo builds one");
	ASSERT_EQ(BAMBOO_RESET, boot(OTHER, "/tmp/console", -1));
	judge(_metadata, self, "/tmp/console");
}

TEST_HARNESS_MAIN
