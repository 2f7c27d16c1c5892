// SPDX-License-Identifier: GPL-2.0
/*
 * A guest waits for a page that userspace has promised and does not supply:
 * signals reach its thread meanwhile.
 */
#include "kselftest_harness.h"

#include "payload.h"
#include "payloads/toucher.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

DECLARE_PAYLOAD(toucher);

#define MEM (8ul << 20)
#define ABSENT (1ul << 30) /* guest physical address of slot 1 */

struct waiting {
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	char *hva;
	size_t page;
	int uffd, ret, err;
};

/*
 * Makes a guest that will load from the page and store to it; false without
 * userfaultfd
 */
static bool prepare(struct waiting *w)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	uint64_t *list;

	w->page = getpagesize();
	w->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (w->uffd < 0)
		return false;
	w->vmm = vmm_new(MEM);
	w->hva = vmm_alloc(w->page);
	reg.range.start = (uintptr_t)w->hva;
	reg.range.len = w->page;
	if (ioctl(w->uffd, UFFDIO_API, &api) ||
	    ioctl(w->uffd, UFFDIO_REGISTER, &reg) ||
	    vmm_set_slot(w->vmm, 1, 0, ABSENT, w->page, w->hva))
		vmm_die("userfaultfd");
	guest_load(w->vmm, PAYLOAD(toucher));
	list = vmm_gpa(w->vmm, GPA_FREE);
	list[0] = 0 | TOUCH_ADD;
	list[1] = TOUCH_END;
	w->vcpu = guest_add_vcpu(w->vmm, 0, false, GPA_FREE, ABSENT, w->page);
	return true;
}

static void *run(void *arg)
{
	struct waiting *w = arg;

	w->ret = vmm_run(w->vcpu);
	w->err = errno;
	return NULL;
}

static bool wanted(const struct waiting *w)
{
	struct pollfd p = { .fd = w->uffd, .events = POLLIN };

	return poll(&p, 1, 10000) == 1;
}

static void on_signal(int sig)
{
}

TEST(interrupted)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct uffdio_zeropage zero = { 0 };
	struct waiting w;
	pthread_t t;

	if (!prepare(&w))
		SKIP(return, "no userfaultfd");
	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, pthread_create(&t, NULL, run, &w));
	ASSERT_TRUE(wanted(&w));
	usleep(100000);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	EXPECT_EQ(-1, w.ret);
	EXPECT_EQ(EINTR, w.err);
	EXPECT_EQ((__u32)KVM_EXIT_INTR, w.vcpu->run->exit_reason);
	/* the guest goes on when the page is supplied */
	zero.range.start = (uintptr_t)w.hva;
	zero.range.len = w.page;
	ASSERT_EQ(0, ioctl(w.uffd, UFFDIO_ZEROPAGE, &zero));
	EXPECT_EQ(UC_SYNC, guest_run_hcall(w.vcpu));
	EXPECT_EQ(1, w.hva[0]);
	vmm_free(w.vmm);
}

TEST(killed)
{
	int ready[2], status, i;
	pid_t pid, gone = 0;
	char c;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		struct waiting w;
		pthread_t t;

		if (!prepare(&w) || pthread_create(&t, NULL, run, &w))
			_exit(1);
		if (wanted(&w))
			(void)!write(ready[1], "", 1);
		pthread_join(t, NULL);
		_exit(2);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		SKIP(return, "no userfaultfd");
	usleep(100000);
	kill(pid, SIGKILL);
	for (i = 0; i < 100 && !gone; i++) {
		usleep(100000);
		gone = waitpid(pid, &status, WNOHANG);
	}
	ASSERT_EQ(pid, gone);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_HARNESS_MAIN
