// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in a Linux guest: what interrupts between its processors and from its
 * disk cost, in ticks of its timebase: "bench NAME TICKS" lines.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096ul
#define BLOCKS 1024ul

static uint64_t mftb(void)
{
	uint64_t tb;

	asm volatile("mfspr %0, 268" : "=r"(tb) : : "memory");
	return tb;
}

static void die(const char *what)
{
	printf("guest: FAILED: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static int there[2], back[2];

static void pass(int to, int from)
{
	char c = 0;

	if (write(to, &c, 1) != 1 || read(from, &c, 1) != 1)
		die("pipe");
}

/* A byte to the other CPU and back, both asleep meanwhile */
static void pipe_round(void)
{
	pass(there[1], back[0]);
}

static pid_t other;

static void pipe_begin(void)
{
	char c;

	if (pipe(there) || pipe(back))
		die("pipe");
	other = fork();
	if (other)
		return;
	pin(1);
	close(there[1]);
	while (read(there[0], &c, 1) == 1)
		if (write(back[1], &c, 1) != 1)
			break;
	_exit(0);
}

static void pipe_end(void)
{
	close(there[1]);
	waitpid(other, NULL, 0);
}

static void timer(void)
{
	struct timespec t = { .tv_nsec = 50000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static int disk;
static char *buffer;
static unsigned long at;

static void disk_begin(void)
{
	disk = open("/dev/vda", O_RDONLY | O_DIRECT);
	if (disk < 0)
		die("/dev/vda");
	buffer = aligned_alloc(BLOCK, BLOCK);
}

static void disk_read(void)
{
	if (pread(disk, buffer, BLOCK, at++ % BLOCKS * BLOCK) != BLOCK)
		die("read");
}

static void membarrier(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0))
		die("membarrier");
}

static pid_t spinner;

/* Somebody who has to be interrupted for it */
static void membarrier_begin(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	spinner = fork();
	if (spinner)
		return;
	pin(1);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	for (;;)
		asm volatile("");
}

static void membarrier_end(void)
{
	kill(spinner, SIGKILL);
	waitpid(spinner, NULL, 0);
}

/* On whichever CPU */
static void fork_and_exit(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void nothing(void)
{
}

static const struct {
	const char *name;
	void (*begin)(void), (*round)(void), (*end)(void);
	unsigned int rounds;
} measures[] = {
	{ "byte_to_other_cpu", pipe_begin, pipe_round, pipe_end, 500 },
	{ "timer", nothing, timer, nothing, 300 },
	{ "disk_read_4k", disk_begin, disk_read, nothing, 500 },
	{ "membarrier", membarrier_begin, membarrier, membarrier_end, 200 },
	{ "fork_and_exit", nothing, fork_and_exit, nothing, 200 },
};

int main(void)
{
	unsigned int m, i, pass;
	uint64_t ticks = 0;

	setlinebuf(stdout);
	for (m = 0; m < sizeof(measures) / sizeof(measures[0]); m++) {
		if (strcmp(measures[m].name, "fork_and_exit"))
			pin(0);
		measures[m].begin();
		/* the first time is for whatever is slow then */
		for (pass = 0; pass < 2; pass++) {
			uint64_t start = mftb();

			for (i = 0; i < measures[m].rounds; i++)
				measures[m].round();
			ticks = (mftb() - start) / measures[m].rounds;
		}
		measures[m].end();
		printf("bench %s %lu\n", measures[m].name,
		       (unsigned long)ticks);
	}
	return 0;
}
