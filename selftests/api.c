// SPDX-License-Identifier: GPL-2.0
/*
 * The system file descriptor, capabilities, and lifetimes: descriptors and
 * mappings closed in any order, inherited, duplicated, used by others.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include "api_caps.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

DECLARE_PAYLOAD(exits);
DECLARE_PAYLOAD(spin);

#define MEM (8ul << 20)

TEST(version)
{
	int fd = vmm_open();

	EXPECT_EQ(12, ioctl(fd, KVM_GET_API_VERSION, 0ul));
	EXPECT_EQ(-1, ioctl(fd, KVM_GET_API_VERSION, 1ul));
	EXPECT_EQ(EINVAL, errno);
}

TEST(mmap_size)
{
	int fd = vmm_open();
	int size = ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0ul);

	EXPECT_GE(size, (int)sizeof(struct kvm_run));
	EXPECT_EQ(0, size % getpagesize());
	EXPECT_EQ(-1, ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 1ul));
	EXPECT_EQ(EINVAL, errno);
}

TEST(vm_types)
{
	/*
	 * the default type is HV or PR; the other one does not exist on this
	 * host
	 */
	bool pr = book3s_on_hash(vmm_new(0));
	const long types[] = { 0, pr ? 2 : 1 };
	int fd = vmm_open(), vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		vm = ioctl(fd, KVM_CREATE_VM, types[i]);
		EXPECT_GE(vm, 0)
		{
			TH_LOG("type %ld", types[i]);
		}
		EXPECT_EQ(FD_CLOEXEC, fcntl(vm, F_GETFD) & FD_CLOEXEC);
		close(vm);
	}
	EXPECT_EQ(-1, ioctl(fd, KVM_CREATE_VM, 3ul));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(fd, KVM_CREATE_VM, -1ul));
	EXPECT_EQ(EINVAL, errno);
	/* a host may have both, but gives no other errno */
	vm = ioctl(fd, KVM_CREATE_VM, pr ? 1ul : 2ul);
	if (vm < 0)
		EXPECT_EQ(EINVAL, errno);
}

TEST(capabilities)
{
	struct vmm *vmm = vmm_new(0);
	bool pr = book3s_on_hash(vmm);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		bool differs = pr && caps[i].differs;
		int system = differs ? caps[i].pr : caps[i].system;
		int vm = differs ? caps[i].pr : caps[i].vm;
		int s = ioctl(vmm->kvm_fd, KVM_CHECK_EXTENSION, caps[i].cap);
		int v = ioctl(vmm->fd, KVM_CHECK_EXTENSION, caps[i].cap);

		/* Processes' translations are flushed in hypervisor state only */
		if (caps[i].cap == KVM_CAP_PPC_RPT_INVALIDATE &&
		    book3s_in_partition())
			system = vm = 0;
		EXPECT_TRUE(s == system ||
			    (s > 0 && may_be_more(caps[i].cap, pr)))
		{
			TH_LOG("%s: system %d, not %d", caps[i].name, s,
			       system);
		}
		EXPECT_TRUE(v == vm || (v > 0 && may_be_more(caps[i].cap, pr)))
		{
			TH_LOG("%s: VM %d, not %d", caps[i].name, v, vm);
		}
	}
}

/* lis r0, ori r0, sc, nop: in the order of bytes that guests fetch big-endian */
TEST(pvinfo)
{
	static const uint8_t hcall[16] = { 0x3c, 0,    0x4b, 0x56, 0x60, 0,
					   0x4d, 0x21, 0x44, 0,	   0,	 2,
					   0x60, 0,    0,    0 };
	struct kvm_ppc_pvinfo info;
	struct vmm *vmm = vmm_new(0);

	memset(&info, 0x5a, sizeof(info));
	ASSERT_EQ(0, ioctl(vmm->fd, KVM_PPC_GET_PVINFO, &info));
	EXPECT_EQ(KVM_PPC_PVINFO_FLAGS_EV_IDLE, info.flags);
	EXPECT_EQ(0, memcmp(hcall, info.hcall, sizeof(hcall)));
	vmm_free(vmm);
}

TEST(limits)
{
	struct vmm *vmm = vmm_new(0);
	int nr = vmm_check(vmm, KVM_CAP_NR_VCPUS);
	int max = vmm_check(vmm, KVM_CAP_MAX_VCPUS);
	int ids = vmm_check(vmm, KVM_CAP_MAX_VCPU_ID);
	int slots = vmm_check(vmm, KVM_CAP_NR_MEMSLOTS);

	/* guests may run on threads that are offline in the host */
	EXPECT_EQ(sysconf(book3s_on_hash(vmm) ? _SC_NPROCESSORS_ONLN :
						_SC_NPROCESSORS_CONF),
		  nr);
	EXPECT_GE(max, nr);
	EXPECT_GE(ids, max);
	EXPECT_GE(slots, 512);
	EXPECT_EQ(-1, ioctl(vmm->fd, KVM_CREATE_VCPU, (unsigned long)ids));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(vmm->fd, KVM_CREATE_VCPU, -1ul));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(vmm->fd, KVM_CREATE_VCPU, 0x100000000ul));
	EXPECT_EQ(EINVAL, errno);
}

TEST(vcpu_ids)
{
	struct vmm *vmm = vmm_new(0);
	int max = vmm_check(vmm, KVM_CAP_MAX_VCPUS);
	int fd;

	vmm_add_vcpu(vmm, 0);
	EXPECT_EQ(-1, ioctl(vmm->fd, KVM_CREATE_VCPU, 0ul));
	EXPECT_EQ(EEXIST, errno);
	vmm_add_vcpu(vmm, 3);
	EXPECT_EQ(-1, ioctl(vmm->fd, KVM_CREATE_VCPU, 3ul));
	EXPECT_EQ(EEXIST, errno);
	fd = ioctl(vmm->fd, KVM_CREATE_VCPU, (unsigned long)max - 1);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* one thread a core, so with SMT 1 there is no id max */
	EXPECT_EQ(-1, ioctl(vmm->fd, KVM_CREATE_VCPU, (unsigned long)max));
	EXPECT_EQ(EINVAL, errno);
}

TEST(smt_modes)
{
	struct vmm *vmm = vmm_new(0);

	EXPECT_EQ(-1, vmm_enable_cap(vmm->fd, KVM_CAP_PPC_SMT, 3, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, vmm_enable_cap(vmm->fd, KVM_CAP_PPC_SMT, 16, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, vmm_enable_cap(vmm->fd, KVM_CAP_PPC_SMT, 2, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, vmm_enable_cap(vmm->fd, KVM_CAP_PPC_SMT, 4, 0));
	EXPECT_EQ(4, vmm_check(vmm, KVM_CAP_PPC_SMT));
	vmm_add_vcpu(vmm, 0);
	/* the first thread of the last core that there can be */
	vmm_add_vcpu(vmm, 4 * (vmm_check(vmm, KVM_CAP_MAX_VCPUS) - 1));
	/* too late */
	EXPECT_EQ(-1, vmm_enable_cap(vmm->fd, KVM_CAP_PPC_SMT, 2, 0));
	EXPECT_EQ(EBUSY, errno);
}

/* As many vCPUs as there may be, and one more */
TEST(many_vcpus)
{
	struct vmm *vmm = vmm_new(0);
	int max = vmm_check(vmm, KVM_CAP_MAX_VCPUS);
	int i, fd, n = 0;

	/* descriptors are the tighter limit on some hosts: close as we go */
	for (i = 0; i < max; i++) {
		fd = ioctl(vmm->fd, KVM_CREATE_VCPU, (unsigned long)i);
		if (fd < 0)
			break;
		close(fd);
		n++;
	}
	EXPECT_EQ(max, n);
	/* a vCPU whose descriptor is closed still exists */
	EXPECT_EQ(-1, ioctl(vmm->fd, KVM_CREATE_VCPU, 0ul));
	EXPECT_TRUE(errno == EEXIST || errno == EINVAL);
}

/* Every order of closing the three descriptors and unmapping the run page */
TEST(close_order)
{
	int perm, i;

	for (perm = 0; perm < 24; perm++) {
		struct vmm *vmm = vmm_new(MEM);
		struct vmm_vcpu *vcpu;
		int order[4] = { 0, 1, 2, 3 }, p = perm;

		book3s_load(vmm, PAYLOAD(exits));
		vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
		EXPECT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
		for (i = 4; i > 1; i--) {
			int j = p % i, t = order[i - 1];

			p /= i;
			order[i - 1] = order[j];
			order[j] = t;
		}
		for (i = 0; i < 4; i++) {
			switch (order[i]) {
			case 0:
				close(vmm->kvm_fd);
				break;
			case 1:
				close(vmm->fd);
				break;
			case 2:
				close(vcpu->fd);
				break;
			case 3:
				/* the vCPU still runs, whatever was closed */
				EXPECT_EQ((__u32)KVM_EXIT_PAPR_HCALL,
					  vcpu->run->exit_reason);
				munmap(vcpu->run, vcpu->run_size);
				break;
			}
		}
		munmap(vmm->mem, MEM);
	}
}

static void nothing(int sig)
{
}

/* A vCPU without KVM_CAP_PPC_PAPR does not run on HV, and runs on PR */
TEST(not_papr)
{
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *vcpu = vmm_add_vcpu(vmm, 0);
	struct sigaction sa = { .sa_handler = nothing };
	struct kvm_regs r = { .pc = 0x100, .msr = MSR_REAL };

	if (book3s_on_hash(vmm)) {
		const uint32_t code[] = { ADDI(3, 3, 1), SC(1), B(0) };
		const uint32_t self[] = { ADDI(4, 4, 1), B(0) };

		/* "sc 1" is no hypercall there */
		book3s_code(vmm, 0x100, true, code, ARRAY_SIZE(code));
		book3s_code(vmm, 0xc00, false, self, ARRAY_SIZE(self));
		vmm_set_regs(vcpu, &r);
		sigaction(SIGALRM, &sa, NULL);
		ualarm(200000, 0);
		EXPECT_EQ(-1, vmm_run(vcpu));
		EXPECT_EQ(EINTR, errno);
		vmm_get_regs(vcpu, &r);
		EXPECT_EQ(0xc04, r.pc);
		EXPECT_EQ(0x108, r.srr0);
		EXPECT_EQ(1, r.gpr[3]);
		EXPECT_EQ(1, r.gpr[4]);
		return;
	}

	EXPECT_EQ(-1, vmm_run(vcpu));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ((__u32)KVM_EXIT_INTERNAL_ERROR, vcpu->run->exit_reason);
}

/* A vCPU runs with neither system nor VM descriptor open */
TEST(vcpu_alone)
{
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *vcpu;

	book3s_load(vmm, PAYLOAD(exits));
	vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
	close(vmm->kvm_fd);
	close(vmm->fd);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
	vcpu->run->papr_hcall.ret = 1;
	book3s_run_to_exit(vcpu);
}

TEST(dup_fds)
{
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *vcpu;
	int fd;

	book3s_load(vmm, PAYLOAD(exits));
	vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
	fd = dup(vcpu->fd);
	close(vcpu->fd);
	vcpu->fd = fd;
	fd = dup(vmm->fd);
	close(vmm->fd);
	vmm->fd = fd;
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
	EXPECT_LT(0, vmm_check(vmm, KVM_CAP_USER_MEMORY));
}

/* Another process has the descriptors, but not the memory: EIO for all */
TEST(other_process)
{
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *vcpu;
	int status;
	pid_t pid;

	book3s_load(vmm, PAYLOAD(exits));
	vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
	pid = fork();
	if (!pid) {
		struct kvm_regs regs;
		int bad = 0;

		bad |= (ioctl(vcpu->fd, KVM_RUN, 0ul) != -1 || errno != EIO)
		       << 0;
		bad |= (ioctl(vcpu->fd, KVM_GET_REGS, &regs) != -1 ||
			errno != EIO)
		       << 1;
		bad |= (ioctl(vmm->fd, KVM_CREATE_VCPU, 1ul) != -1 ||
			errno != EIO)
		       << 2;
		bad |= (ioctl(vmm->fd, KVM_CHECK_EXTENSION, 3ul) != -1 ||
			errno != EIO)
		       << 3;
		bad |= (ioctl(vcpu->fd, 0, 0ul) != -1 || errno != EIO) << 4;
		/* every process may use the system descriptor */
		bad |= (ioctl(vmm->kvm_fd, KVM_GET_API_VERSION, 0ul) != 12)
		       << 5;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
}

/* The creator goes away while a child still holds everything */
TEST(orphaned)
{
	int go[2], i;
	pid_t parent, pid;
	int status;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, pipe(go));
		parent = fork();
		if (!parent) {
			struct vmm *vmm = vmm_new(MEM);
			struct vmm_vcpu *vcpu;

			book3s_load(vmm, PAYLOAD(exits));
			vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
			book3s_run_hcall(vcpu);
			pid = fork();
			if (!pid) {
				char c;

				close(go[1]);
				/* until the grandparent has seen our parent die */
				if (read(go[0], &c, 1) != 1)
					_exit(1);
				_exit(ioctl(vcpu->fd, KVM_RUN, 0ul) != -1 ||
				      errno != EIO ||
				      vcpu->run->exit_reason !=
					      KVM_EXIT_PAPR_HCALL);
			}
			_exit(pid < 0);
		}
		waitpid(parent, &status, 0);
		EXPECT_EQ(0, status);
		EXPECT_EQ(1, write(go[1], "x", 1));
		close(go[0]);
		close(go[1]);
	}
}

/*
 * A vCPU descriptor that survives exec gives EIO, because the address space
 * that it belongs to is gone. The new program is this one, which looks for
 * API_FD before anything else.
 */
static void __attribute__((constructor)) after_exec(void)
{
	const char *fd = getenv("API_FD");

	if (fd)
		_exit(ioctl(atoi(fd), KVM_RUN, 0ul) != -1 || errno != EIO);
}

TEST(exec)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct vmm *vmm = vmm_new(MEM);
		struct vmm_vcpu *vcpu;
		char fd[16];

		book3s_load(vmm, PAYLOAD(exits));
		vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
		book3s_run_hcall(vcpu);
		fcntl(vcpu->fd, F_SETFD, 0);
		snprintf(fd, sizeof(fd), "%d", vcpu->fd);
		setenv("API_FD", fd, 1);
		execl("/proc/self/exe", "api", NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

struct spinner {
	struct vmm_vcpu *vcpu;
	int ret, err;
};

static void *spin(void *arg)
{
	struct spinner *s = arg;

	s->ret = vmm_run(s->vcpu);
	s->err = errno;
	return NULL;
}

static void start_spinner(struct vmm *vmm, struct spinner *s, pthread_t *t)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGUSR1, &sa, NULL);
	book3s_load(vmm, PAYLOAD(spin));
	s->vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 0, 0, 0);
	pthread_create(t, NULL, spin, s);
	usleep(100000);
}

/* Descriptors closed and the page unmapped under a running vCPU */
TEST(close_running)
{
	struct vmm *vmm = vmm_new(MEM);
	struct spinner s;
	pthread_t t;

	start_spinner(vmm, &s, &t);
	close(vmm->kvm_fd);
	close(vmm->fd);
	close(s.vcpu->fd);
	munmap(s.vcpu->run, s.vcpu->run_size);
	usleep(50000);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	EXPECT_EQ(-1, s.ret);
	EXPECT_EQ(EINTR, s.err);
}

/* A process is killed while its guest runs, or while it waits in one */
TEST(killed)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			struct vmm *vmm = vmm_new(MEM);

			book3s_load(vmm, PAYLOAD(spin));
			vmm_run(book3s_add_vcpu(vmm, 0, MSR_REAL, 0, 0, 0));
			_exit(1);
		}
		usleep(20000 + 7000 * i);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

/* A second thread that wants a running vCPU waits for it, and can be killed */
TEST(vcpu_is_busy)
{
	struct vmm *vmm = vmm_new(MEM);
	struct kvm_regs regs;
	struct spinner s;
	pthread_t t;

	start_spinner(vmm, &s, &t);
	pthread_kill(t, SIGUSR1);
	/* the ioctl waits until KVM_RUN is over, then succeeds */
	EXPECT_EQ(0, ioctl(s.vcpu->fd, KVM_GET_REGS, &regs));
	pthread_join(t, NULL);
	EXPECT_EQ(EINTR, s.err);
	EXPECT_LT(0ull, regs.gpr[3]);
}

/* VMs come and go: descriptors, memory and LPIDs are given back */
TEST(many_vms)
{
	int i, n = vmm_env("API_VMS", 300);

	for (i = 0; i < n; i++) {
		struct vmm *vmm = vmm_new(MEM);
		struct vmm_vcpu *vcpu;

		book3s_load(vmm, PAYLOAD(exits));
		vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 1, 0, 0);
		if (book3s_run_hcall(vcpu) != UC_SYNC)
			break;
		vmm_free(vmm);
	}
	EXPECT_EQ(n, i);
}

/* The run page beyond its size, and with other protections */
TEST(run_page)
{
	struct vmm *vmm = vmm_new(0);
	struct vmm_vcpu *vcpu = vmm_add_vcpu(vmm, 0);
	size_t page = getpagesize();
	struct kvm_run *ro;
	int status;
	pid_t pid;
	char *p;

	ro = mmap(NULL, page, PROT_READ, MAP_SHARED, vcpu->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)ro);
	vcpu->run->request_interrupt_window = 1;
	EXPECT_EQ(1, ro->request_interrupt_window);
	/* run page, coalesced MMIO ring, then nothing: SIGBUS there */
	p = mmap(NULL, 64 * page, PROT_READ, MAP_SHARED, vcpu->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)p);
	EXPECT_EQ(0, *(volatile char *)(p + page));
	/* KVM_INTERRUPT may be used at any time; kvm.ko says so at an exit only */
	if (!book3s_peer())
		EXPECT_EQ(1, ro->ready_for_interrupt_injection);
	pid = fork();
	if (!pid) {
		*(volatile char *)(p + 63 * page);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

TEST_HARNESS_MAIN
