/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of guest memory: functions to control the host's memory management,
 * and to read its counters and KVM's.
 */
#ifndef SELFTESTS_MEMORY_HOST_H
#define SELFTESTS_MEMORY_HOST_H

#include "payload.h"
#include "payloads/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEM (16ul << 20)
#define SLOT 1

#define M2 (2ul << 20)
#define G1 (1ul << 30)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static inline bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 &&
		  write(fd, text, strlen(text)) == (long)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A counter of /proc/vmstat */
static inline unsigned long vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "r");
	unsigned long v = 0, n;
	char line[80];

	while (f && fscanf(f, "%79s %lu", line, &n) == 2)
		if (!strcmp(line, name))
			v = n;
	if (f)
		fclose(f);
	return v;
}

#define POOL "/sys/kernel/mm/hugepages/hugepages-"
#define POOL_2M POOL "2048kB/nr_hugepages"
#define POOL_1G POOL "1048576kB/nr_hugepages"

static inline long read_number(const char *path)
{
	FILE *f = fopen(path, "r");
	long v = -1;

	if (f && fscanf(f, "%ld", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static inline long write_number(const char *path, long v)
{
	char text[24];

	sprintf(text, "%ld\n", v);
	write_file(path, text);
	return read_number(path);
}

/*
 * A VM whose first slot is in small pages, even on a host that uses huge ones
 * by default, so that only the test's huge pages are counted
 */
static inline struct vmm *vmm_new_small(size_t mem)
{
	struct vmm *vmm = vmm_new(mem);

	madvise(vmm_gpa(vmm, 0), mem, MADV_NOHUGEPAGE);
	return vmm;
}

#define mapped_2m(vmm) vmm_stat(vmm, "num_2M_pages")
#define mapped_1g(vmm) vmm_stat(vmm, "num_1G_pages")

/* All pages write-protected, for a child that is gone at once */
static inline void fork_briefly(void)
{
	pid_t pid = fork();

	if (!pid) {
		usleep(500);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* Address space for @size bytes, aligned to @align */
static inline char *reserve(size_t size, size_t align)
{
	char *p = mmap(NULL, size + align, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		vmm_die("address space");
	return p + (-(uintptr_t)p & (align - 1));
}

#endif
