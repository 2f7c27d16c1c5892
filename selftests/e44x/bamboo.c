// SPDX-License-Identifier: GPL-2.0
/*
 * bamboo [-v] [-m MB] [-t SECONDS] KERNEL INITRD [BOOTARGS...]: boots a kernel on
 * the board of lib/bamboo.h
 */
#include "bamboo.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void nothing(int sig)
{
}

/* The statistics of this VM, which is the only one of this process */
static void print_statistics(void)
{
	static const char root[] = "/sys/kernel/debug/kvm";
	char path[600], mine[16], value[32];
	struct dirent *vm, *stat;
	DIR *vms = opendir(root), *stats;

	snprintf(mine, sizeof(mine), "%d-", getpid());
	while (vms && (vm = readdir(vms))) {
		if (strncmp(vm->d_name, mine, strlen(mine)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", root, vm->d_name);
		stats = opendir(path);
		while (stats && (stat = readdir(stats))) {
			FILE *f;

			snprintf(path, sizeof(path), "%s/%s/%s", root,
				 vm->d_name, stat->d_name);
			f = stat->d_type == DT_REG ? fopen(path, "r") : NULL;
			if (f && fgets(value, sizeof(value), f) && atol(value))
				printf("bamboo: %s %s", stat->d_name, value);
			if (f)
				fclose(f);
		}
		if (stats)
			closedir(stats);
	}
	if (vms)
		closedir(vms);
}

int main(int argc, char **argv)
{
	char bootargs[1024] = "";
	struct sigaction sa = { .sa_handler = nothing };
	unsigned int mb = 64, seconds = 0, i;
	enum bamboo_end end;
	struct bamboo *b;
	bool verbose = false;
	int c;

	while ((c = getopt(argc, argv, "+vm:t:")) != -1) {
		switch (c) {
		case 'v':
			verbose = true;
			break;
		case 'm':
			mb = atoi(optarg);
			break;
		case 't':
			seconds = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind < 2) {
		fprintf(stderr,
			"usage: bamboo [-v] [-m MB] [-t SECONDS] KERNEL INITRD [BOOTARGS...]\n");
		return 2;
	}
	for (i = optind + 2; i < argc; i++) {
		if (strlen(bootargs) + strlen(argv[i]) + 2 > sizeof(bootargs))
			return 2;
		strcat(strcat(bootargs, i > optind + 2 ? " " : ""), argv[i]);
	}
	b = bamboo_new((size_t)mb << 20, STDOUT_FILENO);
	b->verbose = verbose;
	bamboo_load(b, argv[optind], argv[optind + 1], bootargs);
	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds);
	end = bamboo_run(b);
	printf("bamboo: %s after %lu MMIO and %lu DCR exits\n",
	       end == BAMBOO_RESET  ? "the guest has ended" :
	       end == BAMBOO_SIGNAL ? "the time is over" :
				      "failed",
	       b->exits[KVM_EXIT_MMIO], b->exits[KVM_EXIT_DCR]);
	if (verbose)
		print_statistics();
	bamboo_free(b);
	return end == BAMBOO_RESET ? 0 : 1;
}
