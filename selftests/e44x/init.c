// SPDX-License-Identifier: GPL-2.0
/*
 * First program of a machine that has no userland but its initramfs: mounts
 * what there is, does in turn what the command line says, and restarts the
 * machine, which ends its emulator. load=FILE and unload=NAME are for modules,
 * run=FILE,ARGUMENT,... is for programs. Says on the way what scripts/tap.awk
 * understands, and says it to the first serial port, wherever the kernel has its
 * console: a message of the kernel in the middle of a line would spoil a result.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 32

static char cmdline[2048];

static void try_mount(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		printf("init: no %s: %s\n", where, strerror(errno));
}

/* One test that is no program of its own */
static void report(const char *program, const char *what, bool ok)
{
	printf("# BEGIN %s\n1..1\n%sok 1 %s\n# END %s 0-or-1\n", program,
	       ok ? "" : "not ", what, program);
}

static void load(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && !syscall(SYS_finit_module, fd, "", 0);

	if (!ok)
		printf("init: %s: %s\n", name, strerror(errno));
	report("load", name, ok);
	if (fd >= 0)
		close(fd);
}

static void unload(const char *name)
{
	bool ok = !syscall(SYS_delete_module, name, O_NONBLOCK);

	if (!ok)
		printf("init: %s: %s\n", name, strerror(errno));
	report("unload", name, ok);
}

/* Input and output are the first serial port, or what they were if there is none */
static void use_terminal(void)
{
	int fd, i;

	fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	if (fd < 0)
		return;
	for (i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* A shell wants a terminal that can be its own, which /dev/console cannot */
static void own_terminal(void)
{
	setsid();
	use_terminal();
	ioctl(STDIN_FILENO, TIOCSCTTY, 1);
}

static void run(char *what)
{
	char *argv[MAX_ARGS + 1] = {};
	int n = 0, status;
	char *next, *name;
	pid_t pid;

	for (next = strtok(what, ","); next && n < MAX_ARGS;
	     next = strtok(NULL, ","))
		argv[n++] = next;
	if (!n)
		return;
	name = strrchr(argv[0], '/');
	name = name ? name + 1 : argv[0];
	printf("# BEGIN %s\n", name);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		own_terminal();
		setenv("PATH", "/bin:/tests", 1);
		execv(argv[0], argv);
		printf("init: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	/* Whoever had the terminal open lost it when its owner ended */
	use_terminal();
	printf("# END %s %d\n", name,
	       WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status));
}

/* A kernel whose lock validator has turned itself off has checked nothing */
static void report_lockdep(void)
{
	FILE *f = fopen("/proc/lockdep_stats", "r");
	char line[256];
	int on;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " debug_locks: %d", &on) == 1)
			printf("init: lockdep is %s\n", on ? "on" : "off");
	if (f)
		fclose(f);
}

int main(void)
{
	char *save, *word;
	int fd;

	try_mount("devtmpfs", "/dev");
	use_terminal();
	setvbuf(stdout, NULL, _IOLBF, 0);
	try_mount("proc", "/proc");
	try_mount("sysfs", "/sys");
	try_mount("tmpfs", "/tmp");
	try_mount("debugfs", "/sys/kernel/debug");
	if (!access("/sys/kernel/tracing", F_OK))
		try_mount("tracefs", "/sys/kernel/tracing");

	fd = open("/proc/cmdline", O_RDONLY);
	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) <= 0)
		printf("init: no command line\n");
	close(fd);
	cmdline[strcspn(cmdline, "\n")] = 0;
	for (word = strtok_r(cmdline, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		if (!strncmp(word, "load=", 5))
			load(word + 5);
		else if (!strncmp(word, "unload=", 7))
			unload(word + 7);
		else if (!strncmp(word, "run=", 4))
			run(word + 4);
	}
	report_lockdep();
	printf("init: done\n");
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
