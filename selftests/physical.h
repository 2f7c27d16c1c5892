/* SPDX-License-Identifier: GPL-2.0 */
/* The host's real addresses: what is there, and whose they are */
#ifndef SELFTESTS_PHYSICAL_H
#define SELFTESTS_PHYSICAL_H

#include "vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Is this a machine that only QEMU harms if something goes wrong? */
static inline bool emulated(void)
{
	FILE *f = fopen("/proc/device-tree/compatible", "r");
	char name[16] = "";

	if (f && !fgets(name, sizeof(name), f))
		name[0] = 0;
	if (f)
		fclose(f);
	return !strncmp(name, "qemu,", 5);
}

/*
 * @size bytes of real addresses by /dev/mem, whose descriptor is @fd; NULL if it
 * is memory, which CONFIG_STRICT_DEVMEM gives nobody
 */
static inline void *map_real(int fd, uint64_t real, size_t size)
{
	void *p =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, real);

	if (p != MAP_FAILED)
		return p;
	if (errno != EPERM)
		vmm_die("/dev/mem at %#lx", real);
	return NULL;
}

/* The real address of this process's memory at @p, which is there */
static inline uint64_t real_address(void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t page = sysconf(_SC_PAGESIZE);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (uintptr_t)p / page * 8) != 8 ||
	    !(entry >> 63))
		vmm_die("pagemap");
	close(fd);
	return (entry & ((1ul << 55) - 1)) * page;
}

/* The real address behind the last memory */
static inline uint64_t memory_end(void)
{
	FILE *f = fopen("/proc/iomem", "r");
	uint64_t from, to, end = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, ": System RAM") &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			end = to + 1;
	if (f)
		fclose(f);
	return end;
}

/*
 * A page of the registers of the first NVMe disk, and with @real their real
 * address, or 0 if there is no disk; NULL also if CONFIG_IO_STRICT_DEVMEM gives
 * them to its driver only
 */
static inline void *map_nvme(uint64_t *real)
{
	glob_t g = { 0 };
	void *regs = NULL;
	size_t i;

	*real = 0;
	glob("/sys/bus/pci/devices/*/class", 0, NULL, &g);
	for (i = 0; i < g.gl_pathc && !*real; i++) {
		char *path = g.gl_pathv[i], *name = strrchr(path, '/') + 1;
		char class[16], file[256];
		FILE *f = fopen(path, "r");
		int fd;

		if (!f || !fgets(class, sizeof(class), f))
			vmm_die("%s", path);
		fclose(f);
		if (strncmp(class, "0x010802", 8))
			continue;
		*name = 0;
		snprintf(file, sizeof(file), "%sresource", path);
		f = fopen(file, "r");
		if (!f || fscanf(f, "%lx", real) != 1)
			vmm_die("%s", file);
		fclose(f);
		snprintf(file, sizeof(file), "%sresource0", path);
		fd = open(file, O_RDWR);
		regs = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
		if (regs == MAP_FAILED) {
			if (errno != EINVAL)
				vmm_die("%s", file);
			regs = NULL;
		}
		close(fd);
	}
	globfree(&g);
	return regs;
}

#endif
