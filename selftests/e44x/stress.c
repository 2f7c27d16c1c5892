// SPDX-License-Identifier: GPL-2.0
/*
 * Does what processes do: forks and executes, maps and unmaps, takes signals,
 * computes in floating point, waits for timers. Prints a line with a checksum
 * for each of these, which is the same on every machine, in a guest or on the
 * host. Usage: stress [FACTOR]; "stress echo" prints what is typed instead.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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

/*
 * Children at the same time, which execute this program again: it maps, computes
 * and says what came out in its status
 */
static void storms(const char *self, int n)
{
	char number[16];
	int i, j, status;

	begin();
	for (i = 0; i < n; i++) {
		pid_t pid[4];

		for (j = 0; j < 4; j++) {
			pid[j] = fork();
			if (pid[j] < 0)
				fail("fork");
			if (!pid[j]) {
				snprintf(number, sizeof(number), "%d",
					 i * 4 + j);
				execl(self, self, "worker", number, NULL);
				_exit(127);
			}
		}
		for (j = 0; j < 4; j++) {
			if (waitpid(pid[j], &status, 0) != pid[j])
				fail("wait");
			mix(status);
		}
	}
	end("storms");
}

/* One of those children. 5 bits of the checksum, which is no status of a failure */
static int worker(int seed)
{
	uint32_t *p = mmap(NULL, 1 << 17, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (p == MAP_FAILED)
		return 126;
	begin();
	for (i = 0; i < 1 << 15; i += 509)
		p[i] = seed * 31 + i;
	for (i = 0; i < 1 << 15; i += 509)
		mix(p[i]);
	return sum & 0x1f;
}

/*
 * Makes mappings of one page to many megabytes, of memory and of a file,
 * private and shared. Writes the first, the last and some other words of each,
 * and reads them back, and again after moving and growing the mapping
 */
static void sizes(int rounds)
{
	const size_t page = 16384; /* of no machine more */
	int i, shift,
		fd = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t size, at, step;

	if (fd < 0 || unlink("/tmp/mapped"))
		fail("file");
	begin();
	for (i = 0; i < rounds; i++) {
		for (shift = 14; shift <= 23; shift++) {
			int file = (i + shift) & 1 && shift < 22;
			uint32_t *p;

			size = (size_t)1 << shift;
			step = size / 64 < page ? page / 4 : size / 256;
			if (file && ftruncate(fd, 2 * size))
				fail("ftruncate");
			p = mmap(NULL, size, PROT_READ | PROT_WRITE,
				 file	   ? MAP_SHARED :
				 shift & 2 ? MAP_SHARED | MAP_ANONYMOUS :
					     MAP_PRIVATE | MAP_ANONYMOUS,
				 file ? fd : -1, 0);
			if (p == MAP_FAILED)
				fail("mmap");
			for (at = 0; at < size / 4; at += step)
				p[at] = at ^ shift << 24 ^ i;
			p[size / 4 - 1] = size + i;
			if (!(shift & 2)) {
				p = mremap(p, size, 2 * size, MREMAP_MAYMOVE);
				if (p == MAP_FAILED)
					fail("mremap");
				mix(p[2 * size / 4 - 1]);
				p[2 * size / 4 - 1] = size - i;
			}
			for (at = 0; at < size / 4; at += step)
				mix(p[at]);
			mix(p[size / 4 - 1]);
			if (munmap(p, shift & 2 ? size : 2 * size) ||
			    (file && ftruncate(fd, 0)))
				fail("munmap");
		}
	}
	close(fd);
	end("sizes");
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
	if (argc == 3 && !strcmp(argv[1], "worker"))
		return worker(atoi(argv[2]));
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
	/* Which take their time */
	if (factor > 1) {
		storms(argv[0], factor);
		sizes(factor);
	}
	printf("stress: done\n");
	return 0;
}
