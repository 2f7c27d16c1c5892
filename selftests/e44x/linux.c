// SPDX-License-Identifier: GPL-2.0
/*
 * Linux as a guest, on the board of lib/bamboo.h: what its processes compute is
 * what the same program computes on the host.
 */
#include "bamboo.h"
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNEL "/guest/vmlinux"
#define INITRD "/guest/initrd"
#define STRESS "/tests/stress"
#define BOOTARGS "console=ttyS0 panic=-1 run=/stress"
#define MEM (48ul << 20)
#define SECONDS 240

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

static void nothing(int sig)
{
}

/*
 * Boots a guest whose console is a file, and returns what bamboo_run() does. Says
 * on @ready, if that is not below 0, when it has all its memory.
 */
static enum bamboo_end boot(const char *console, int ready)
{
	struct sigaction sa = { .sa_handler = nothing };
	int fd = open(console, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	enum bamboo_end end;
	struct bamboo *b;

	if (fd < 0)
		vmm_die("%s", console);
	sigaction(SIGALRM, &sa, NULL);
	alarm(SECONDS);
	b = bamboo_new(MEM, fd);
	bamboo_load(b, KERNEL, INITRD, BOOTARGS);
	if (ready >= 0 && write(ready, "", 1) != 1)
		vmm_die("nobody waits");
	end = bamboo_run(b);
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
		execl(STRESS, STRESS, NULL);
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

TEST_F_TIMEOUT(guest, computes_what_the_host_does, 300)
{
	FILE *f;

	ASSERT_EQ(BAMBOO_RESET, boot("/tmp/console", -1));
	f = fopen("/tmp/console", "r");
	lines_of(f, "stress: ", self->got, sizeof(self->got));
	fclose(f);
	EXPECT_STREQ(self->expected, self->got);
}

/* Both want the TLB, and the one CPU */
TEST_F_TIMEOUT(guest, two_at_a_time, 600)
{
	int i, status, ready[2];
	char name[32], c;
	pid_t pid[2];
	FILE *f;

	ASSERT_EQ(0, pipe(ready));
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "/tmp/console%d", i);
		pid[i] = fork();
		ASSERT_GE(pid[i], 0);
		if (!pid[i])
			_exit(boot(name, ready[1]) == BAMBOO_RESET ? 0 : 1);
		/* Else their pages would lie between each other's, none contiguous */
		ASSERT_EQ(1, read(ready[0], &c, 1));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
		snprintf(name, sizeof(name), "/tmp/console%d", i);
		f = fopen(name, "r");
		lines_of(f, "stress: ", self->got, sizeof(self->got));
		fclose(f);
		EXPECT_STREQ(self->expected, self->got);
	}
}

TEST_HARNESS_MAIN
