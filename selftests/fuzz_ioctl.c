// SPDX-License-Identifier: GPL-2.0
/*
 * Random requests from several threads to descriptors they share: known
 * requests with arguments that are nearly right, and anything else. Nothing is
 * expected but that errors are errors, that the process lives, that a new VM
 * still works afterwards; and that the host's log is clean, which whoever
 * starts this looks at.
 *
 * FUZZ_COUNT calls (1,000,000 for a thorough run), from FUZZ_SEED on.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "random.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

DECLARE_PAYLOAD(exits);

#define THREADS 3
#define NR_FDS 24
#define ARENA (4ul << 20)

static char *arena;
static volatile int fds[NR_FDS];
static struct kvm_run *runs[4];
static unsigned long per_thread, seed0;
static unsigned long errors[THREADS], successes[THREADS];
static volatile bool strange;

static __thread uint64_t rng;

static uint64_t rnd(void)
{
	return rng = random_after(rng);
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

/* A number of a kind that is likely to reveal mistakes */
static uint64_t value(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return below(64);
	case 2:
		return 1ull << below(64);
	case 3:
		return (1ull << below(64)) - 1;
	case 4:
		return -below(70000);
	case 5:
		return below(1 << 20) << 12;
	default:
		return rnd();
	}
}

/* Where a structure may lie: mostly in the arena, now and then at its edges */
static char *place(void)
{
	switch (below(16)) {
	case 0:
		return NULL;
	case 1:
		return arena + ARENA - below(64);
	case 2:
		return arena + ARENA;
	case 3:
		return (char *)(1ull << 62);
	default:
		return arena + below(ARENA / 2);
	}
}

static uint64_t page_address(void)
{
	return below(4) ? (uintptr_t)arena + (below(32) << 16) : value();
}

/* Sizes either small or refused: the host's memory is not what is tested */
static uint64_t region_size(void)
{
	switch (below(6)) {
	case 0:
		return 0;
	case 1:
		return value() | 1ull << 55;
	case 2:
		return below(1 << 20);
	default:
		return below(32) << 16;
	}
}

static const uint32_t caps[] = {
	KVM_CAP_PPC_PAPR,
	KVM_CAP_PPC_ENABLE_HCALL,
	KVM_CAP_PPC_SMT,
	KVM_CAP_PPC_FWNMI,
	KVM_CAP_HALT_POLL,
	KVM_CAP_IRQ_XICS,
	KVM_CAP_PPC_NESTED_HV,
	KVM_CAP_PPC_DAWR1,
	KVM_CAP_PPC_OSI,
	KVM_CAP_SW_TLB,
	KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	KVM_CAP_DIRTY_LOG_RING,
	KVM_CAP_PPC_EPR,
	KVM_CAP_PPC_IRQ_XIVE,
};

static unsigned long vm_request(char *p)
{
	uint64_t *q = (uint64_t *)p;
	uint32_t *w = (uint32_t *)p;

	switch (below(22)) {
	case 0:
	case 1:
	case 2: {
		struct kvm_userspace_memory_region r = {
			.slot = below(8) ? below(8) : value(),
			.flags = below(4) ? below(2) : value(),
			.guest_phys_addr = below(4) ? below(64) << 16 : value(),
			.memory_size = region_size(),
			.userspace_addr = page_address(),
		};
		memcpy(p, &r, sizeof(r));
		return KVM_SET_USER_MEMORY_REGION;
	}
	case 3: {
		struct kvm_userspace_memory_region2 r = {
			.slot = below(8),
			.flags = below(2) ? below(8) : value(),
			.guest_phys_addr = below(64) << 16,
			.memory_size = region_size(),
			.userspace_addr = page_address(),
		};
		memcpy(p, &r, sizeof(r));
		return KVM_SET_USER_MEMORY_REGION2;
	}
	case 4: {
		struct kvm_dirty_log l = { .slot = below(4) ? below(8) :
							      value() };
		l.dirty_bitmap = (void *)page_address();
		memcpy(p, &l, sizeof(l));
		return KVM_GET_DIRTY_LOG;
	}
	case 5: {
		struct kvm_clear_dirty_log l = {
			.slot = below(8),
			.num_pages = value(),
			.first_page = value(),
		};
		l.dirty_bitmap = (void *)page_address();
		memcpy(p, &l, sizeof(l));
		return KVM_CLEAR_DIRTY_LOG;
	}
	case 6: {
		struct kvm_enable_cap c = {
			.cap = below(4) ? caps[below(ARRAY_SIZE(caps))] :
					  value(),
			.flags = below(8) ? 0 : value(),
			.args = { below(2) ? below(0x500) : value(),
				  below(2) ? below(3) : value(), value() },
		};
		memcpy(p, &c, sizeof(c));
		return KVM_ENABLE_CAP;
	}
	case 7:
	case 8: {
		struct kvm_ioeventfd e = {
			.addr = below(2) ? 0x40000000 + below(64) : value(),
			.len = below(4) ? 1 << below(4) : value(),
			.fd = below(4) ? fds[below(NR_FDS)] : (int)value(),
			.flags = below(4) ? below(8) : value(),
			.datamatch = below(4),
		};
		memcpy(p, &e, sizeof(e));
		return KVM_IOEVENTFD;
	}
	case 9: {
		struct kvm_irqfd e = {
			.fd = fds[below(NR_FDS)],
			.gsi = value(),
			.flags = below(4),
		};
		memcpy(p, &e, sizeof(e));
		return KVM_IRQFD;
	}
	case 10: {
		struct kvm_coalesced_mmio_zone z = {
			.addr = below(2) ? 0x40000000 + below(64) : value(),
			.size = below(2) ? below(64) : value(),
			.pio = below(3),
		};
		memcpy(p, &z, sizeof(z));
		return below(2) ? KVM_REGISTER_COALESCED_MMIO :
				  KVM_UNREGISTER_COALESCED_MMIO;
	}
	case 11: {
		/* radix, or refused */
		struct kvm_ppc_mmuv3_cfg c = {
			.flags = below(4) ? 1 | below(4) : value() | 4,
			.process_table = below(2) ? 1ull << 63 | below(32) :
						    value() | 1ull << 63,
		};
		memcpy(p, &c, sizeof(c));
		return KVM_PPC_CONFIGURE_V3_MMU;
	}
	case 12: {
		/* types without a device: nothing to fill memory with */
		struct kvm_create_device d = {
			.type = 64 + value() % 1000,
			.flags = below(4),
		};
		memcpy(p, &d, sizeof(d));
		return KVM_CREATE_DEVICE;
	}
	case 13:
		w[0] = value();
		w[1] = value();
		return below(2) ? KVM_IRQ_LINE : KVM_IRQ_LINE_STATUS;
	case 14:
		return KVM_PPC_GET_SMMU_INFO;
	case 15:
		return KVM_PPC_GET_RMMU_INFO;
	case 16:
		return KVM_PPC_GET_PVINFO;
	case 17:
		return KVM_PPC_GET_CPU_CHAR;
	case 18:
		q[0] = value();
		return KVM_PPC_GET_COMPAT_CAPS;
	case 19: {
		/* a few buses, so that some are taken; tables small or refused */
		struct kvm_create_spapr_tce t = {
			.liobn = below(4) ? below(8) : value(),
			.window_size = below(2) ? below(64) << 16 : value(),
		};
		memcpy(p, &t, sizeof(t));
		return KVM_CREATE_SPAPR_TCE;
	}
	case 20: {
		struct kvm_create_spapr_tce_64 t = {
			.liobn = below(4) ? below(8) : value(),
			.page_shift = below(4) ? 10 + below(26) : value(),
			.flags = below(8) ? 0 : value(),
			.offset = below(2) ? below(64) : value(),
			.size = below(2) ? below(1 << 14) :
					   value() | 1ull << 52,
		};
		memcpy(p, &t, sizeof(t));
		return KVM_CREATE_SPAPR_TCE_64;
	}
	default:
		return KVM_CHECK_EXTENSION;
	}
}

static uint64_t reg_id(void)
{
	uint64_t id = KVM_REG_PPC | below(4) << 20 | below(0xd0);

	switch (below(6)) {
	case 0:
		return value();
	case 1:
		return id | KVM_REG_SIZE_U32;
	case 2:
		return id | KVM_REG_SIZE_U128;
	case 3:
		return KVM_REG_PPC_TM | below(0x70) | below(16) << 52;
	default:
		return KVM_REG_PPC | KVM_REG_SIZE_U64 | below(0xd0);
	}
}

static unsigned long vcpu_request(char *p)
{
	unsigned int i;

	switch (below(12)) {
	case 0:
	case 1:
	case 2: {
		struct kvm_one_reg r = {
			.id = reg_id(),
			.addr = below(16) ? (uintptr_t)arena + below(ARENA) :
					    value() & ~(1ull << 63),
		};
		memcpy(p, &r, sizeof(r));
		return below(2) ? KVM_GET_ONE_REG : KVM_SET_ONE_REG;
	}
	case 3:
		return KVM_GET_REGS;
	case 4: {
		struct kvm_regs *r = (void *)p;

		for (i = 0; i < sizeof(*r) / 8; i++)
			((uint64_t *)p)[i] = value();
		r->pc = below(2) ? below(32) << 14 : value();
		/* mostly with EE: TCG keeps IPIs from a guest without */
		r->msr = MSR_REAL | MSR_EE;
		if (below(2))
			r->msr ^= 1ull << below(64);
		else if (!below(4))
			r->msr = value() | MSR_EE;
		if (below(2))
			r->gpr[3] = below(0x120) * 4;
		return KVM_SET_REGS;
	}
	case 5:
		return KVM_GET_SREGS;
	case 6:
		return KVM_SET_SREGS;
	case 7: {
		struct kvm_interrupt *irq = (void *)p;

		irq->irq = below(2) ? -1u - below(3) : value();
		return KVM_INTERRUPT;
	}
	case 8: {
		struct kvm_enable_cap c = {
			.cap = below(4) ? caps[below(ARRAY_SIZE(caps))] :
					  value(),
			.args = { fds[below(NR_FDS)], value() },
		};
		memcpy(p, &c, sizeof(c));
		return KVM_ENABLE_CAP;
	}
	case 9:
		return KVM_TRANSLATE;
	case 10:
		return KVM_SET_GUEST_DEBUG;
	default:
		return below(2) ? KVM_GET_MP_STATE : KVM_SET_MP_STATE;
	}
}

static int create_vm(int kvm)
{
	return ioctl(kvm, KVM_CREATE_VM, below(4) ? 0ul : below(4));
}

/* Put a new descriptor in a random place, closing what was there */
static void keep(int fd)
{
	int i = 12 + below(NR_FDS - 12), old;

	old = __atomic_exchange_n(&fds[i], fd, __ATOMIC_SEQ_CST);
	if (old >= 0)
		close(old);
}

static int one(void)
{
	char *local = place();
	char staged[1024] __attribute__((aligned(8)));
	unsigned long cmd;
	int fd, ret;

	memcpy(staged, arena + below(ARENA - sizeof(staged)), sizeof(staged));
	switch (below(16)) {
	case 0: /* anything to anybody */
		fd = fds[below(NR_FDS)];
		cmd = _IOC(below(8), below(4) ? KVMIO : below(256), below(256),
			   below(128));
		if (cmd == KVM_RUN || cmd == KVM_SET_SIGNAL_MASK ||
		    cmd == KVM_PPC_ALLOCATE_HTAB || cmd == KVM_CREATE_VM)
			return 0;
		return ioctl(fd, cmd,
			     below(2) ? (uintptr_t)local : value() >> 1);
	case 1:
		/* rarely: a VM that goes sends IPIs to all CPUs, and waits */
		if (below(16))
			return ioctl(fds[0], KVM_CHECK_EXTENSION, value());
		ret = create_vm(fds[0]);
		if (ret >= 0)
			keep(ret);
		return ret;
	case 2:
		ret = ioctl(fds[1 + below(3)], KVM_CREATE_VCPU,
			    below(2) ? below(64) : value());
		if (ret >= 0)
			keep(ret);
		return ret;
	case 3:
		ret = ioctl(fds[1 + below(11)], KVM_GET_STATS_FD, 0ul);
		if (ret >= 0)
			keep(ret);
		return ret;
	case 4:
		return pread(fds[12 + below(NR_FDS - 12)], arena + below(1000),
			     below(4096), value() >> 1);
	case 5:
	case 6: /* with a timer that ends it */
		runs[below(4)]->immediate_exit = below(8) != 0;
		return ioctl(fds[4 + below(4)], KVM_RUN,
			     below(16) ? 0 : value());
	case 7: /* a signal mask, without the timer's signal */
	{
		struct {
			struct kvm_signal_mask m;
			uint64_t set;
		} __attribute__((packed)) m = {
			.m.len = below(8) ? 8 : value(),
			.set = rnd() & ~(1ull << (SIGALRM - 1)),
		};
		return ioctl(fds[4 + below(4)], KVM_SET_SIGNAL_MASK, &m);
	}
	case 8: /* an interrupt controller, and a vCPU connected to it */
	{
		struct kvm_create_device d = { .type = KVM_DEV_TYPE_XICS };
		struct kvm_enable_cap c = { .cap = KVM_CAP_IRQ_XICS };

		if (below(2)) {
			d.type = KVM_DEV_TYPE_XIVE;
			c.cap = KVM_CAP_PPC_IRQ_XIVE;
		}
		ret = ioctl(fds[1 + below(3)], KVM_CREATE_DEVICE, &d);
		if (!ret)
			keep(d.fd);
		c.args[0] = ret ? (__u64)fds[12 + below(NR_FDS - 12)] : d.fd;
		c.args[1] = below(4) ? below(4) : value();
		return ioctl(fds[4 + below(4)], KVM_ENABLE_CAP, &c);
	}
	case 9: /* its attributes; most descriptors have none */
	{
		/* a source's state or route, a number, or a queue */
		uint64_t val[] = {
			below(8) ? rnd() & 0x1fff0000003f : value(),
			below(4) ? below(64) << 16 : value(),
			rnd() & 0x3fff00000001,
			0,
			0,
			0,
			0,
			0,
		};
		struct kvm_device_attr a = {
			.group = below(8) ? 1 + below(5) : value(),
			.attr = below(4) ? below(32) : value(),
			.addr = below(8) ? (uintptr_t)val : page_address(),
		};

		if (a.group == KVM_DEV_XIVE_GRP_EQ_CONFIG && below(8))
			val[0] = 16ull << 32 | KVM_XIVE_EQ_ALWAYS_NOTIFY;

		return ioctl(fds[below(NR_FDS)],
			     KVM_SET_DEVICE_ATTR + (below(3) << _IOC_NRSHIFT),
			     &a);
	}
	case 10:
	case 11:
		cmd = vcpu_request(staged);
		fd = fds[below(32) ? 4 + below(4) : below(NR_FDS)];
		break;
	default:
		cmd = vm_request(staged);
		fd = fds[below(32) ? 1 + below(3) : below(NR_FDS)];
		break;
	}
	if (local >= arena && local + sizeof(staged) <= arena + ARENA)
		memcpy(local, staged, sizeof(staged));
	ret = ioctl(fd, cmd, local);
	if (ret >= 0 &&
	    (cmd == KVM_CREATE_SPAPR_TCE || cmd == KVM_CREATE_SPAPR_TCE_64))
		keep(ret);
	return ret;
}

static void nothing(int sig)
{
}

static void *fuzz_thread(void *arg)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
			       .sigev_signo = SIGALRM };
	struct itimerspec at = {
		.it_value.tv_nsec = 1000000,
		.it_interval.tv_nsec = 1000000,
	};
	unsigned long me = (unsigned long)arg, i;
	timer_t timer;

	rng = (seed0 + me) * 0x9e3779b97f4a7c15 | 1;
	ev._sigev_un._tid = syscall(__NR_gettid);
	timer_create(CLOCK_MONOTONIC, &ev, &timer);
	timer_settime(timer, 0, &at, NULL);
	for (i = 0; i < per_thread; i++) {
		errno = 0;
		if (one() >= 0) {
			successes[me]++;
			continue;
		}
		errors[me]++;
		if (errno <= 0 || errno > 133) {
			printf("# errno %d\n", errno);
			strange = true;
		}
	}
	timer_delete(timer);
	return NULL;
}

/* a fixture for its time limit */
FIXTURE(fuzz)
{
	int none;
};

FIXTURE_SETUP(fuzz)
{
}

FIXTURE_TEARDOWN(fuzz)
{
}

TEST_F_TIMEOUT(fuzz, ioctls, 1200)
{
	unsigned long total = vmm_env("FUZZ_COUNT", 50000), i;
	struct sigaction sa = { .sa_handler = nothing };
	unsigned long ok = 0, bad = 0;
	pthread_t thread[THREADS];
	struct vmm_vcpu *vcpu;
	struct vmm *vmm;
	uint32_t *code;

	seed0 = vmm_env("FUZZ_SEED", 2026);
	printf("# FUZZ_SEED=%lu FUZZ_COUNT=%lu\n", seed0, total);
	fflush(stdout);
	sigaction(SIGALRM, &sa, NULL);
	arena = mmap(NULL, ARENA + (1 << 16), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)arena);
	mprotect(arena + ARENA, 1 << 16, PROT_NONE);
	rng = seed0 | 1;
	for (i = 0; i < ARENA / 8; i++)
		((uint64_t *)arena)[i] = value();
	/* a good deal of hypercalls and memory accesses for the guests */
	code = (void *)arena;
	for (i = 0; i < ARENA / 4; i += 1 + below(4))
		code[i] = below(2) ? SC(1) : 0x80000000 | below(0x10000000);
	/* 0: system; 1 to 3: VMs; 4 to 7: vCPUs; 8 to 11: other files */
	for (i = 0; i < NR_FDS; i++)
		fds[i] = -1;
	fds[0] = vmm_open();
	for (i = 1; i <= 3; i++)
		fds[i] = ioctl(fds[0], KVM_CREATE_VM, 0ul);
	for (i = 0; i < 4; i++) {
		struct kvm_regs regs = { .msr = MSR_REAL | MSR_EE };

		fds[4 + i] = ioctl(fds[1 + i / 2], KVM_CREATE_VCPU, i % 2);
		ASSERT_GE(fds[4 + i], 0);
		vmm_enable_cap(fds[4 + i], KVM_CAP_PPC_PAPR, 0, 0);
		ioctl(fds[4 + i], KVM_SET_REGS, &regs);
		runs[i] = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			       MAP_SHARED, fds[4 + i], 0);
		ASSERT_NE(MAP_FAILED, (void *)runs[i]);
	}
	fds[8] = eventfd(0, EFD_NONBLOCK);
	fds[9] = eventfd(0, EFD_NONBLOCK);
	fds[10] = open("/dev/null", 2);
	fds[11] = 1000;
	per_thread = total / THREADS;
	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, fuzz_thread, (void *)i);
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		ok += successes[i];
		bad += errors[i];
	}
	printf("# %lu succeeded, %lu failed\n", ok, bad);
	EXPECT_FALSE(strange);
	/* enough requests have succeeded, and enough have failed */
	EXPECT_LT(total / 20, ok);
	EXPECT_LT(total / 20, bad);
	for (i = 0; i < NR_FDS; i++)
		if (i != 11 && fds[i] >= 0)
			close(fds[i]);
	/* a guest of the usual kind */
	vmm = vmm_new(8 << 20);
	book3s_load(vmm, PAYLOAD(exits));
	vcpu = book3s_add_vcpu(vmm, 0, MSR_REAL, 10, 0, 0);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
		vcpu->run->papr_hcall.ret = i + 1;
	}
	book3s_run_to_exit(vcpu);
	vmm_free(vmm);
}

TEST_HARNESS_MAIN
