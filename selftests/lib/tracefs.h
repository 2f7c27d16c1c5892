/* SPDX-License-Identifier: GPL-2.0 */
/* Turning the tracepoints of one system on and off, and counting their records */
#ifndef SELFTESTS_TRACEFS_H
#define SELFTESTS_TRACEFS_H

#include "vmm.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing/"

static inline bool tracefs_write(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_TRUNC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

static inline const char *tracefs_enable(const char *system)
{
	static char name[128];

	snprintf(name, sizeof(name), TRACEFS "events/%s/enable", system);
	return name;
}

/* Does the kernel have tracepoints of this system? */
static inline bool tracefs_has(const char *system)
{
	return !access(tracefs_enable(system), W_OK);
}

/* Empties the trace and turns the system's tracepoints on */
static inline bool tracefs_start(const char *system)
{
	return tracefs_write(TRACEFS "trace", "") &&
	       tracefs_write(tracefs_enable(system), "1");
}

static inline bool tracefs_stop(const char *system)
{
	return tracefs_write(tracefs_enable(system), "0");
}

/* How many lines of the trace have both texts in them */
static inline unsigned int records(const char *event, const char *text)
{
	FILE *f = fopen(TRACEFS "trace", "r");
	unsigned int n = 0;
	char line[1024];

	if (!f)
		vmm_die("no trace");
	while (fgets(line, sizeof(line), f))
		n += line[0] != '#' && strstr(line, event) &&
		     strstr(line, text);
	fclose(f);
	return n;
}

#endif
