// SPDX-License-Identifier: GPL-2.0
/*
 * bamboo [-iv] [-m MB] [-t SECONDS] KERNEL INITRD [BOOTARGS...]: boots a kernel on
 * the board of lib/bamboo.h
 *
 * -i	its console takes what is typed; ^] ends it
 */
#include "bamboo.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct bamboo *board;

static void on_signal(int sig)
{
	if (sig == SIGIO) {
		bamboo_key(board);
		return;
	}
	/* Nothing that comes in may hide that it is over */
	board->in = -1;
	board->key = false;
	board->vcpu->run->immediate_exit = 1;
}

/* Keys go to the guest as they are; but ^], which SIGQUIT stands for */
static void type_through(struct bamboo *b, struct termios *before)
{
	struct termios raw;

	if (!tcgetattr(STDIN_FILENO, before)) {
		raw = *before;
		cfmakeraw(&raw);
		/* The guest ends lines by itself */
		raw.c_lflag |= ISIG;
		memset(raw.c_cc, _POSIX_VDISABLE, sizeof(raw.c_cc));
		raw.c_cc[VQUIT] = 035;
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	bamboo_input(b, STDIN_FILENO);
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
	struct sigaction sa = { .sa_handler = on_signal };
	struct termios before;
	unsigned int mb = 64, seconds = 0, i;
	enum bamboo_end end;
	struct bamboo *b;
	bool verbose = false, input = false;
	int c;

	while ((c = getopt(argc, argv, "+ivm:t:")) != -1) {
		switch (c) {
		case 'i':
			input = true;
			break;
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
			"usage: bamboo [-iv] [-m MB] [-t SECONDS] KERNEL INITRD [BOOTARGS...]\n");
		return 2;
	}
	for (i = optind + 2; i < argc; i++) {
		if (strlen(bootargs) + strlen(argv[i]) + 2 > sizeof(bootargs))
			return 2;
		strcat(strcat(bootargs, i > optind + 2 ? " " : ""), argv[i]);
	}
	b = board = bamboo_new((size_t)mb << 20, STDOUT_FILENO);
	b->verbose = verbose;
	bamboo_load(b, argv[optind], argv[optind + 1], bootargs);
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGQUIT, &sa, NULL);
	sigaction(SIGIO, &sa, NULL);
	if (input)
		type_through(b, &before);
	alarm(seconds);
	end = bamboo_run(b);
	if (input && isatty(STDIN_FILENO)) {
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
		fcntl(STDIN_FILENO, F_SETFL, 0);
	}
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
