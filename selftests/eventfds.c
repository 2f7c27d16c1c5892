// SPDX-License-Identifier: GPL-2.0
/*
 * What the VM does with a guest's stores without asking the VMM: ioeventfds and
 * coalesced MMIO; and statistics, immediate_exit and the signal mask.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <endian.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

DECLARE_PAYLOAD(exits);
DECLARE_PAYLOAD(spin);

#define MEM (8ul << 20)
#define CODE GPA_FREE
#define HOLE 0x40000000ull

#define STB_R5_R4 STB(5, 0, 4)
#define STH_R5_R4 STH(5, 0, 4)
#define STW_R5_R4 STW(5, 0, 4)
#define STD_R5_R4 STD(5, 0, 4)
#define LWZ_R5_R4 LWZ(5, 0, 4)

FIXTURE(events)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_run *run;
	int efd;
};

FIXTURE_SETUP(events)
{
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
	self->run = self->vcpu->run;
	self->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

FIXTURE_TEARDOWN(events)
{
	vmm_free(self->vmm);
}

static uint64_t count(int efd)
{
	uint64_t v = 0;

	if (read(efd, &v, 8) != 8)
		return 0;
	return v;
}

/* One instruction with r4 = @gpa, r5 = @val: true if the VMM was not asked */
static bool access_is_quiet(struct vmm *vmm, struct vmm_vcpu *vcpu,
			    uint32_t insn, uint64_t gpa, uint64_t val)
{
	const uint32_t code[] = { insn, HCALL(UC_SYNC) };
	struct kvm_regs r = { .pc = CODE, .msr = MSR_REAL };
	bool quiet = true;

	book3s_code(vmm, CODE, true, code, ARRAY_SIZE(code));
	r.gpr[4] = gpa;
	r.gpr[5] = val;
	book3s_set_regs(vcpu, &r);
	for (;;) {
		if (vmm_run(vcpu))
			vmm_die("KVM_RUN");
		if (vcpu->run->exit_reason != KVM_EXIT_MMIO)
			break;
		quiet = false;
	}
	if (vcpu->run->exit_reason != KVM_EXIT_PAPR_HCALL ||
	    vcpu->run->papr_hcall.nr != UC_SYNC)
		vmm_die("%s", vmm_exit_str(vcpu));
	return quiet;
}

#define QUIET(insn, gpa, val) \
	access_is_quiet(self->vmm, self->vcpu, insn, gpa, val)

static int ioeventfd(struct vmm *vmm, int fd, uint64_t addr, uint32_t len,
		     uint32_t flags, uint64_t match)
{
	struct kvm_ioeventfd e = {
		.addr = addr,
		.len = len,
		.fd = fd,
		.flags = flags,
		.datamatch = match,
	};

	return ioctl(vmm->fd, KVM_IOEVENTFD, &e);
}

TEST_F(events, lengths)
{
	static const uint32_t insn[] = { STB_R5_R4, STH_R5_R4, STW_R5_R4,
					 STD_R5_R4 };
	unsigned int i, j;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0,
			  ioeventfd(self->vmm, self->efd, HOLE, 1 << i, 0, 0));
		for (j = 0; j < 4; j++) {
			EXPECT_EQ(i == j, QUIET(insn[j], HOLE, 0x1234));
			EXPECT_EQ(i == j, count(self->efd));
		}
		/* stores to other addresses, and loads, exit to the VMM */
		EXPECT_FALSE(QUIET(insn[i], HOLE + 8, 0));
		EXPECT_FALSE(QUIET(insn[i], HOLE - 8, 0));
		EXPECT_FALSE(QUIET(LWZ_R5_R4, HOLE, 0));
		EXPECT_EQ(0, count(self->efd));
		ASSERT_EQ(0, ioeventfd(self->vmm, self->efd, HOLE, 1 << i,
				       KVM_IOEVENTFD_FLAG_DEASSIGN, 0));
		EXPECT_FALSE(QUIET(insn[i], HOLE, 0));
	}
	/* an eventfd for stores of any length */
	ASSERT_EQ(0, ioeventfd(self->vmm, self->efd, HOLE, 0, 0, 0));
	for (j = 0; j < 4; j++)
		EXPECT_TRUE(QUIET(insn[j], HOLE, 0x1234));
	EXPECT_EQ(4, count(self->efd));
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE + 4, 0));
	ASSERT_EQ(0, ioeventfd(self->vmm, self->efd, HOLE, 0,
			       KVM_IOEVENTFD_FLAG_DEASSIGN, 0));
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE, 0));
}

/*
 * The value is matched as it lies in memory: a little-endian guest's for a
 * little-endian host
 */
TEST_F(events, datamatch)
{
	int other = eventfd(0, EFD_NONBLOCK);

	ASSERT_EQ(0, ioeventfd(self->vmm, self->efd, HOLE, 4,
			       KVM_IOEVENTFD_FLAG_DATAMATCH, 0x11223344));
	ASSERT_EQ(0, ioeventfd(self->vmm, other, HOLE, 4,
			       KVM_IOEVENTFD_FLAG_DATAMATCH, 0x55667788));
	/* twice the same is refused, and a wildcard next to them */
	EXPECT_EQ(-1, ioeventfd(self->vmm, other, HOLE, 4,
				KVM_IOEVENTFD_FLAG_DATAMATCH, 0x11223344));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, ioeventfd(self->vmm, other, HOLE, 4, 0, 0));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE, 0x11223344));
	EXPECT_EQ(1, count(self->efd));
	EXPECT_EQ(0, count(other));
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE, 0x55667788));
	EXPECT_EQ(0, count(self->efd));
	EXPECT_EQ(1, count(other));
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE, 0x44332211));
	EXPECT_FALSE(QUIET(STH_R5_R4, HOLE, 0x3344));
	/* the upper half of the register is not stored */
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE, 0xdeadbeef11223344));
	EXPECT_EQ(1, count(self->efd));
	/* it can be removed only with the same value */
	EXPECT_EQ(-1, ioeventfd(self->vmm, self->efd, HOLE, 4,
				KVM_IOEVENTFD_FLAG_DEASSIGN |
					KVM_IOEVENTFD_FLAG_DATAMATCH,
				0x55667788));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(0, ioeventfd(self->vmm, self->efd, HOLE, 4,
			       KVM_IOEVENTFD_FLAG_DEASSIGN |
				       KVM_IOEVENTFD_FLAG_DATAMATCH,
			       0x11223344));
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE, 0x11223344));
}

/* There is port space in the API, and no guest that reaches it */
TEST_F(events, ports)
{
	EXPECT_EQ(0, ioeventfd(self->vmm, self->efd, 0x1f0, 1,
			       KVM_IOEVENTFD_FLAG_PIO, 0));
	EXPECT_FALSE(QUIET(STB_R5_R4, HOLE + 0x1f0, 0));
	EXPECT_EQ(0, count(self->efd));
	EXPECT_EQ(0, ioeventfd(self->vmm, self->efd, 0x1f0, 1,
			       KVM_IOEVENTFD_FLAG_PIO |
				       KVM_IOEVENTFD_FLAG_DEASSIGN,
			       0));
}

/* H_LOGICAL_CI_STORE signals eventfds, too */
TEST_F(events, hypercall_store)
{
	const uint32_t code[] = { SC(1), MR(14, 3), HCALL(UC_SYNC) };
	struct kvm_regs r = { .pc = CODE, .msr = MSR_REAL };

	ASSERT_EQ(0, vmm_enable_cap(self->vmm->fd, KVM_CAP_PPC_ENABLE_HCALL,
				    H_LOGICAL_CI_STORE, 1));
	ASSERT_EQ(0, ioeventfd(self->vmm, self->efd, HOLE, 4, 0, 0));
	book3s_code(self->vmm, CODE, true, code, ARRAY_SIZE(code));
	r.gpr[3] = H_LOGICAL_CI_STORE;
	r.gpr[4] = 4;
	r.gpr[5] = HOLE;
	r.gpr[6] = 1;
	book3s_set_regs(self->vcpu, &r);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(0, r.gpr[14]);
	EXPECT_EQ(1, count(self->efd));
}

/* Many eventfds, which the end of the VM removes */
TEST_F(events, many)
{
	uint64_t i, n = 500;

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, ioeventfd(self->vmm, self->efd, HOLE + 8 * i, 4, 0,
				       0));
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE, 0));
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE + 8 * (n - 1), 0));
	EXPECT_EQ(2, count(self->efd));
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE + 8 * n, 0));
	/* a VM keeps an eventfd whose descriptor is closed */
	close(self->efd);
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE, 0));
}

FIXTURE(ring)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_coalesced_mmio_ring *ring;
	unsigned int size;
};

FIXTURE_SETUP(ring)
{
	long page = sysconf(_SC_PAGESIZE);
	int at;

	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
	at = vmm_check(self->vmm, KVM_CAP_COALESCED_MMIO);
	ASSERT_LT(0, at);
	ASSERT_LE((at + 1) * page, self->vcpu->run_size);
	self->ring = (void *)((char *)self->vcpu->run + at * page);
	self->size = (page - sizeof(*self->ring)) /
		     sizeof(self->ring->coalesced_mmio[0]);
}

FIXTURE_TEARDOWN(ring)
{
	vmm_free(self->vmm);
}

static int zone(struct vmm *vmm, bool on, uint64_t addr, uint32_t size)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr, .size = size };

	return ioctl(vmm->fd,
		     on ? KVM_REGISTER_COALESCED_MMIO :
			  KVM_UNREGISTER_COALESCED_MMIO,
		     &z);
}

TEST_F(ring, stores)
{
	struct kvm_coalesced_mmio *e;

	ASSERT_EQ(0, zone(self->vmm, true, HOLE, 16));
	EXPECT_EQ(0, self->ring->first);
	EXPECT_EQ(0, self->ring->last);
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE + 4, 0x11223344));
	EXPECT_TRUE(QUIET(STD_R5_R4, HOLE + 8, 0x0102030405060708));
	EXPECT_TRUE(QUIET(STB_R5_R4, HOLE + 15, 0x77));
	ASSERT_EQ(3, self->ring->last);
	EXPECT_EQ(0, self->ring->first);
	e = &self->ring->coalesced_mmio[0];
	EXPECT_EQ(HOLE + 4, e->phys_addr);
	EXPECT_EQ(4, e->len);
	EXPECT_EQ(0, memcmp(e->data, "\x44\x33\x22\x11", 4));
	e++;
	EXPECT_EQ(HOLE + 8, e->phys_addr);
	EXPECT_EQ(8, e->len);
	EXPECT_EQ(0, memcmp(e->data, "\x08\x07\x06\x05\x04\x03\x02\x01", 8));
	e++;
	EXPECT_EQ(HOLE + 15, e->phys_addr);
	EXPECT_EQ(1, e->len);
	/* outside, half outside, and loads */
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE + 16, 0));
	EXPECT_FALSE(QUIET(STD_R5_R4, HOLE + 12, 0));
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE - 4, 0));
	EXPECT_FALSE(QUIET(LWZ_R5_R4, HOLE, 0));
	EXPECT_EQ(3, self->ring->last);
	ASSERT_EQ(0, zone(self->vmm, false, HOLE, 16));
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE + 4, 0));
}

/*
 * A store exits to the VMM if the ring is full, and not when there is room
 * again
 */
TEST_F(ring, full)
{
	unsigned int i;

	ASSERT_EQ(0, zone(self->vmm, true, HOLE, 64));
	for (i = 0; i < self->size - 1; i++)
		ASSERT_TRUE(QUIET(STW_R5_R4, HOLE, i));
	EXPECT_EQ(self->size - 1, self->ring->last);
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE, 1));
	EXPECT_EQ(self->size - 1, self->ring->last);
	self->ring->first = 1;
	EXPECT_TRUE(QUIET(STW_R5_R4, HOLE, 2));
	EXPECT_EQ(0, self->ring->last);
	EXPECT_FALSE(QUIET(STW_R5_R4, HOLE, 3));
}

/* The ring is the VMM's to write, and it may write anything */
TEST_F(ring, garbage)
{
	static const uint32_t bad[] = { 0xffffffff, 0x80000000, 100000, 0x7ff };
	unsigned int i;

	ASSERT_EQ(0, zone(self->vmm, true, HOLE, 64));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->ring->first = 0;
		self->ring->last = bad[i];
		QUIET(STW_R5_R4, HOLE, 0);
		self->ring->first = bad[i];
		self->ring->last = 0;
		QUIET(STW_R5_R4, HOLE, 0);
		self->ring->last = bad[i];
		QUIET(STW_R5_R4, HOLE, 0);
	}
}

/* What a binary statistics descriptor describes */
struct stats {
	struct kvm_stats_header h;
	char id[64];
	struct kvm_stats_desc *desc;
	uint64_t *data;
	size_t desc_size;
};

static void read_stats(struct __test_metadata *_metadata, int fd,
		       struct stats *s)
{
	size_t data = 0, i;

	ASSERT_EQ(sizeof(s->h), pread(fd, &s->h, sizeof(s->h), 0));
	EXPECT_EQ(0, s->h.flags);
	ASSERT_LT(0, s->h.num_desc);
	ASSERT_LE(16, s->h.name_size);
	ASSERT_LT(0, pread(fd, s->id, sizeof(s->id), s->h.id_offset));
	s->desc_size = sizeof(struct kvm_stats_desc) + s->h.name_size;
	s->desc = calloc(s->h.num_desc, s->desc_size);
	ASSERT_EQ(s->h.num_desc * s->desc_size,
		  pread(fd, s->desc, s->h.num_desc * s->desc_size,
			s->h.desc_offset));
	for (i = 0; i < s->h.num_desc; i++) {
		struct kvm_stats_desc *d =
			(void *)((char *)s->desc + i * s->desc_size);

		EXPECT_LT(0, strnlen(d->name, s->h.name_size));
		EXPECT_GT(s->h.name_size, strnlen(d->name, s->h.name_size));
		EXPECT_LT(0, d->size);
		EXPECT_EQ(0, d->offset % 8);
		if (d->offset + d->size * 8 > data)
			data = d->offset + d->size * 8;
	}
	s->data = calloc(1, data);
	ASSERT_EQ(data, pread(fd, s->data, data, s->h.data_offset));
}

static int64_t stat_value(const struct stats *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->h.num_desc; i++) {
		struct kvm_stats_desc *d =
			(void *)((char *)s->desc + i * s->desc_size);

		if (!strcmp(d->name, name))
			return s->data[d->offset / 8];
	}
	return -1;
}

/* Exits that were not caused by the host */
static int64_t guests_exits(const struct stats *s)
{
	return stat_value(s, "sum_exits") - stat_value(s, "dec_exits") -
	       stat_value(s, "ext_intr_exits");
}

static void *open_stats(void *fd)
{
	return (void *)(intptr_t)ioctl(*(int *)fd, KVM_GET_STATS_FD, 0ul);
}

TEST_F(events, statistics)
{
	int fd = ioctl(self->vcpu->fd, KVM_GET_STATS_FD, 0ul);
	struct stats a, b;
	char c, id[32];
	void *opened;
	pthread_t t;
	int i, vm;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	read_stats(_metadata, fd, &a);
	snprintf(id, sizeof(id), "kvm-%d/vcpu-0", getpid());
	EXPECT_STREQ(id, a.id);
	for (i = 0; i < 10; i++)
		QUIET(STW_R5_R4, HOLE, 0);
	read_stats(_metadata, fd, &b);
	ASSERT_LE(0, stat_value(&a, "sum_exits"));
	/* an MMIO exit and a hypercall each, and page faults the first time */
	EXPECT_LE(guests_exits(&a) + 20, guests_exits(&b));
	EXPECT_GT(guests_exits(&a) + 500, guests_exits(&b));
	EXPECT_LE(0, stat_value(&b, "halt_wait_ns"));
	EXPECT_LE(0, stat_value(&b, "dec_exits"));
	EXPECT_LE(0, stat_value(&b, "ext_intr_exits"));
	EXPECT_LE(0, stat_value(&b, "signal_exits"));
	/* past the end there is nothing */
	EXPECT_EQ(0, pread(fd, &c, 1, 1 << 20));
	/* its name has the creator's thread, not the opener's */
	ASSERT_EQ(0, pthread_create(&t, NULL, open_stats, &self->vmm->fd));
	pthread_join(t, &opened);
	vm = (intptr_t)opened;
	ASSERT_GE(vm, 0);
	read_stats(_metadata, vm, &a);
	snprintf(id, sizeof(id), "kvm-%d", getpid());
	EXPECT_STREQ(id, a.id);
	EXPECT_LE(0, stat_value(&a, "remote_tlb_flush"));
	/* statistics descriptors keep what they are about */
	close(self->vcpu->fd);
	close(self->vmm->fd);
	read_stats(_metadata, fd, &b);
	read_stats(_metadata, vm, &a);
	self->vcpu->fd = self->vmm->fd = -1;
}

static volatile int signals;

static void on_signal(int sig)
{
	signals++;
}

TEST_F(events, immediate_exit)
{
	struct kvm_regs r;
	int i;

	book3s_load(self->vmm, PAYLOAD(spin));
	self->run->immediate_exit = 1;
	for (i = 0; i < 1000; i++) {
		EXPECT_EQ(-1, vmm_run(self->vcpu));
		EXPECT_EQ(EINTR, errno);
	}
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(0, r.gpr[3]);
	EXPECT_EQ(0, r.pc);
}

struct killer {
	pthread_t who;
	int sig;
	useconds_t after;
};

static void *kill_later(void *arg)
{
	struct killer *k = arg;

	usleep(k->after);
	pthread_kill(k->who, k->sig);
	return NULL;
}

/* Which signals end KVM_RUN is what KVM_SET_SIGNAL_MASK says, and no other */
TEST_F(events, signal_mask)
{
	struct {
		struct kvm_signal_mask m;
		uint64_t set;
	} __attribute__((packed)) mask = { .m.len = 8 };
	struct killer k = { pthread_self(), SIGUSR1, 100000 };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set, old;
	pthread_t t;

	book3s_load(self->vmm, PAYLOAD(spin));
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	/* blocked outside and not inside: ends the run, and stays pending */
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, &mask));
	pthread_create(&t, NULL, kill_later, &k);
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EINTR, errno);
	EXPECT_EQ((__u32)KVM_EXIT_INTR, self->run->exit_reason);
	pthread_join(t, NULL);
	EXPECT_EQ(0, signals);
	sigpending(&set);
	EXPECT_EQ(1, sigismember(&set, SIGUSR1));
	/* still pending: no entry */
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EINTR, errno);
	/* the thread's own mask is as it was */
	sigprocmask(SIG_BLOCK, NULL, &set);
	EXPECT_EQ(1, sigismember(&set, SIGUSR1));
	EXPECT_EQ(0, sigismember(&set, SIGUSR2));
	sigprocmask(SIG_SETMASK, &old, NULL);
	EXPECT_EQ(1, signals);
	/* open outside and blocked inside: waits until the run is over */
	signals = 0;
	mask.set = 1ull << (SIGUSR1 - 1);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, &mask));
	pthread_create(&t, NULL, kill_later, &k);
	{
		struct killer k2 = { pthread_self(), SIGUSR2, 300000 };
		pthread_t t2;

		pthread_create(&t2, NULL, kill_later, &k2);
		EXPECT_EQ(-1, vmm_run(self->vcpu));
		EXPECT_EQ(EINTR, errno);
		pthread_join(t2, NULL);
	}
	pthread_join(t, NULL);
	EXPECT_EQ(2, signals);
	/* KILL and STOP cannot be blocked, with a mask of ones either */
	mask.set = -1ull;
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, &mask));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, 0ul));
}

TEST_HARNESS_MAIN
