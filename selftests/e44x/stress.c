// SPDX-License-Identifier: GPL-2.0
/*
 * What a process does to its processor: forks and executes, maps and unmaps,
 * takes signals, computes in floating point, waits for timers. Prints a line
 * with a checksum for each, the same on any machine: in a guest and next to it.
 * stress [FACTOR]; stress echo says what is typed instead.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static uint32_t sum;

static void mix(uint32_t v)
{
	sum = (sum ^ v) * 16777619u;
}

static void begin(void)
{
	sum = 2166136261u;
}

static void end(const char *name)
{
	printf("stress: %s %08x\n", name, sum);
	fflush(stdout);
}

static void fail(const char *what)
{
	printf("stress: FAILED %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Children that change their copy of a page and execute this program again */
static void forks(const char *self, int n)
{
	static volatile uint32_t page[1024];
	char number[16];
	int i, status;

	begin();
	for (i = 0; i < n; i++) {
		pid_t pid;

		page[i % 1024] = i;
		pid = fork();
		if (pid < 0)
			fail("fork");
		if (!pid) {
			page[i % 1024] += 1;
			snprintf(number, sizeof(number), "%u",
				 (unsigned int)page[i % 1024]);
			execl(self, self, "child", number, NULL);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) != pid)
			fail("wait");
		if (page[i % 1024] != i)
			fail("a child's store");
		mix(status);
	}
	end("forks");
}

/* Pages that come and go, read-only and writable */
static void maps(int rounds)
{
	long page = sysconf(_SC_PAGESIZE);
	int i, j, n = 300;

	begin();
	for (i = 0; i < rounds; i++) {
		uint32_t *p = mmap(NULL, n * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			fail("mmap");
		for (j = 0; j < n; j++)
			p[j * page / 4] = i * 1000 + j;
		if (mprotect(p, n * page, PROT_READ))
			fail("mprotect");
		for (j = n - 1; j >= 0; j--)
			mix(p[j * page / 4]);
		if (munmap((char *)p + n / 2 * page, n / 2 * page) ||
		    munmap(p, n / 2 * page))
			fail("munmap");
	}
	end("maps");
}

static volatile sig_atomic_t handled;
static volatile uint32_t *faulting;

static void count(int sig)
{
	handled++;
}

static void segv(int sig)
{
	handled++;
	mprotect((void *)faulting, sysconf(_SC_PAGESIZE),
		 PROT_READ | PROT_WRITE);
}

static void signals(int n)
{
	struct sigaction sa = { .sa_handler = count };
	long page = sysconf(_SC_PAGESIZE);
	int i;

	begin();
	handled = 0;
	sigaction(SIGUSR1, &sa, NULL);
	for (i = 0; i < n; i++)
		raise(SIGUSR1);
	mix(handled);
	sa.sa_handler = segv;
	sigaction(SIGSEGV, &sa, NULL);
	faulting =
		mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < n; i++) {
		mprotect((void *)faulting, page, PROT_NONE);
		*faulting += i;
	}
	mix(handled);
	mix(*faulting);
	end("signals");
}

/* Two processes, so that their registers are switched */
static void floats(int n)
{
	int status, i;
	pid_t pid = fork();
	volatile double x = pid ? 1.0 : 2.0;
	uint64_t bits;

	begin();
	for (i = 1; i <= n; i++)
		x = x * 1.0000001 + 1.0 / i;
	memcpy(&bits, (double *)&x, sizeof(bits));
	mix(bits);
	mix(bits >> 32);
	if (!pid)
		_exit(sum & 0x7f);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("wait");
	mix(status);
	end("floats");
}

/* A timer each millisecond: none may be lost for good, nor the time stand still */
static void timers(void)
{
	struct sigaction sa = { .sa_handler = count };
	struct itimerspec its = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGALRM };
	struct timespec from, now;
	timer_t timer;
	int64_t ms;

	begin();
	handled = 0;
	sigaction(SIGALRM, &sa, NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer) ||
	    timer_settime(timer, 0, &its, NULL))
		fail("timer");
	while (handled < 200)
		pause();
	clock_gettime(CLOCK_MONOTONIC, &now);
	timer_delete(timer);
	ms = (now.tv_sec - from.tv_sec) * 1000 +
	     (now.tv_nsec - from.tv_nsec) / 1000000;
	/* Not early; late is the machine's business */
	mix(ms >= 199);
	end("timers");
}

/* A child is stepped through so many instructions: each once, and in order */
static void steps(int n)
{
	static volatile uint32_t counter;
	int i, status;
	pid_t pid;

	begin();
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(126);
		raise(SIGSTOP);
		for (i = 0; i < n; i++)
			counter += i & 3;
		_exit(counter & 0x7f);
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("wait");
	for (i = 0; i < n && WIFSTOPPED(status); i++) {
		/* 32 is PT_NIP */
		mix(ptrace(PTRACE_PEEKUSER, pid, 32 * sizeof(long), 0));
		mix(WSTOPSIG(status));
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
		    waitpid(pid, &status, 0) != pid)
			fail("step");
	}
	if (ptrace(PTRACE_CONT, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
		fail("continue");
	mix(status);
	end("steps");
}

/* What is typed, with a checksum of all so far, up to "end" */
static void echo(void)
{
	struct termios t;
	char line[512];
	size_t i;

	begin();
	if (!tcgetattr(STDIN_FILENO, &t)) {
		t.c_lflag &= ~ECHO;
		tcsetattr(STDIN_FILENO, TCSANOW, &t);
	}
	printf("stress: ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\r\n")] = 0;
		if (!strcmp(line, "end"))
			break;
		for (i = 0; line[i]; i++)
			mix(line[i]);
		printf("stress: %u %08x\n", (unsigned int)i, sum);
	}
}

int main(int argc, char **argv)
{
	int factor;

	if (argc == 3 && !strcmp(argv[1], "child"))
		return atoi(argv[2]) & 0x7f;
	if (argc == 2 && !strcmp(argv[1], "echo")) {
		echo();
		printf("stress: done\n");
		return 0;
	}
	factor = argc > 1 ? atoi(argv[1]) : 1;
	forks(argv[0], 10 * factor);
	maps(4 * factor);
	signals(100 * factor);
	floats(20000 * factor);
	steps(40 * factor);
	timers();
	printf("stress: done\n");
	return 0;
}
