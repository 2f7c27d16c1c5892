// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls, called one at a time with the registers of our choice: those the
 * kernel handles, and that all others come to userspace unchanged.
 */
#include "hcall_fixture.h"

#include <sched.h>

/* Other hypercalls reach userspace, and its answer reaches the guest */
TEST_F(hcall, userspace)
{
	static const uint64_t nr[] = {
		0,	0x4 + 1,	H_PUT_TERM_CHAR, 0x4000,
		0xf000, UC_SYNC + 0x40, 1ull << 32,	 0x10000000000000e0,
		-1ull,	-4ull,		H_SET_SPRG0,	 H_REGISTER_PROC_TBL,
	};
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs r;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		memset(&r, 0, sizeof(r));
		for (j = 0; j < 32; j++)
			r.gpr[j] = 0x1000 * j + i;
		r.gpr[3] = nr[i];
		r.pc = CODE;
		r.msr = MSR_REAL;
		book3s_set_regs(self->vcpu, &r);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ((__u32)KVM_EXIT_PAPR_HCALL, run->exit_reason);
		EXPECT_EQ(nr[i], run->papr_hcall.nr);
		for (j = 0; j < 9; j++)
			EXPECT_EQ(0x1000 * (4 + j) + i,
				  run->papr_hcall.args[j]);
		/* the answer: r3, and r4 to r12 as userspace leaves them */
		run->papr_hcall.ret = 0x123456789abcdef;
		for (j = 0; j < 9; j++)
			run->papr_hcall.args[j] ^= 0xff0000;
		EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		vmm_get_regs(self->vcpu, &r);
		EXPECT_EQ(0x123456789abcdef, r.gpr[14]);
		for (j = 0; j < 32; j++) {
			uint64_t want = 0x1000 * j + i;

			if (j == 3 || j == 14)
				continue;
			if (j >= 4 && j <= 12)
				want ^= 0xff0000;
			EXPECT_EQ(want, r.gpr[j])
			{
				TH_LOG("r%u of hypercall %#" PRIx64, j, nr[i]);
			}
		}
	}
}

/*
 * A hypercall handled in the kernel changes r3 and what it returns. PAPR lets
 * it have CTR, XER and the volatile fields of CR.
 */
TEST_F(hcall, registers_kept)
{
	struct kvm_regs in = { .pc = CODE, .msr = MSR_REAL }, out;
	unsigned int j;

	for (j = 0; j < 32; j++)
		in.gpr[j] = 0x0101010101010101 * j;
	in.gpr[3] = H_PROD;
	in.gpr[4] = 0;
	in.lr = 1;
	in.cr = 0x12345678;
	book3s_set_regs(self->vcpu, &in);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	vmm_get_regs(self->vcpu, &out);
	EXPECT_EQ(0, out.gpr[14]);
	for (j = 0; j < 32; j++) {
		if (j == 3 || j == 14)
			continue;
		EXPECT_EQ(in.gpr[j], out.gpr[j]);
	}
	EXPECT_EQ(in.lr, out.lr);
	EXPECT_EQ(in.cr & 0x00fff000, out.cr & 0x00fff000);
	EXPECT_EQ(in.msr, out.msr & ~SRR1_INFO);
}

TEST_F(hcall, enable)
{
	EXPECT_EQ(0, CALL(H_PROD, 0));
	EXPECT_EQ(0, enable(self->vmm, H_PROD, false));
	EXPECT_EQ(TO_USER, CALL(H_PROD, 0));
	EXPECT_EQ(0, enable(self->vmm, H_PROD, true));
	EXPECT_EQ(0, CALL(H_PROD, 0));
	/* what old VMMs do not know of is off until they turn it on */
	if (!self->pr)
		EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 0, 1, 0, 0));
	EXPECT_EQ(TO_USER, CALL(H_RPT_INVALIDATE, 0, 1, 2, 1, 0, -1ull));
	EXPECT_EQ(TO_USER, CALL(H_RANDOM));
	EXPECT_EQ(TO_USER, CALL(H_PAGE_INIT, 0, PAGES, 0));
	EXPECT_EQ(TO_USER, CALL(H_LOGICAL_CI_LOAD, 4, 0x40000000));
	EXPECT_EQ(0, enable(self->vmm, H_LOGICAL_CI_LOAD, true));
	EXPECT_EQ(0, enable(self->vmm, H_LOGICAL_CI_STORE, true));
	/* no device in the kernel there */
	EXPECT_EQ(TO_USER, CALL(H_LOGICAL_CI_LOAD, 4, 0x40000000));
	EXPECT_EQ(TO_USER, CALL(H_LOGICAL_CI_STORE, 4, 0x40000000, 1));
}

TEST_F(hcall, prod)
{
	vmm_add_vcpu(self->vmm, 5);
	EXPECT_EQ(0, CALL(H_PROD, 0));
	EXPECT_EQ(0, CALL(H_PROD, 5));
	EXPECT_EQ(H_PARAMETER, CALL(H_PROD, 1));
	EXPECT_EQ(H_PARAMETER, CALL(H_PROD, -1ull));
}

/* Checks that all of these go to userspace */
static void are_userspaces(struct __test_metadata *_metadata, struct vmm *vmm,
			   struct vmm_vcpu *vcpu, const uint64_t *nr, size_t n)
{
	static const uint64_t args[][6] = {
		{ 0 },
		{ -1ull, 0 },
		{ 0, 1 },
		{ 1, 1, 2, 1, 0x1000, 0x2000 },
	};
	uint64_t r[32];
	size_t i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < ARRAY_SIZE(args); j++)
			EXPECT_EQ(TO_USER, call_args(vcpu, r, nr[i], args[j]))
			{
				TH_LOG("%#" PRIx64, nr[i]);
			}
		/* the kernel does not claim to have these hcalls */
		EXPECT_EQ(-1, enable(vmm, nr[i], true));
		EXPECT_EQ(EINVAL, errno);
	}
}

/* With PR, userspace has what HV has in the kernel */
TEST_F(hcall, userspaces_with_pr)
{
	static const uint64_t nr[] = { H_SET_DABR, H_SET_XDABR,
				       H_RPT_INVALIDATE };
	/* of nested guests, and of secure ones */
	static const uint64_t beyond[] = { 0xf800, 0xf804, 0xf808, 0xf80c,
					   0xef00, 0xef04, 0xef08, 0xef0c };

	if (!self->pr)
		SKIP(return, "HV");
	are_userspaces(_metadata, self->vmm, self->vcpu, nr, ARRAY_SIZE(nr));
	are_userspaces(_metadata, self->vmm, self->vcpu, beyond,
		       ARRAY_SIZE(beyond));
}

TEST_F(hcall, confer)
{
	/* it goes with the VPA, which userspace may have */
	if (self->pr && CALL(H_CONFER, -1ull, 0) == TO_USER) {
		const uint64_t nr = H_CONFER;

		are_userspaces(_metadata, self->vmm, self->vcpu, &nr, 1);
		return;
	}
	EXPECT_EQ(0, CALL(H_CONFER, -1ull, 0));
	EXPECT_EQ(0, CALL(H_CONFER, 0, 1));
	EXPECT_EQ(0, CALL(H_CONFER, 0, 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_CONFER, 7, 0));
}

static void nothing(int sig)
{
}

/*
 * An earlier prod makes the next cede return at once; the cede after that waits
 */
TEST_F(hcall, cede_prodded)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct kvm_regs r;

	sigaction(SIGALRM, &sa, NULL);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + DEC_FAR);
	EXPECT_EQ(0, CALL(H_PROD, 0));
	EXPECT_EQ(0, CALL(H_CEDE));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(MSR_EE, r.msr & MSR_EE);
	/* EINTR, with the hypercall done */
	set_up(self->vcpu, H_CEDE, (uint64_t[6]){ 0 });
	ualarm(100000, 0);
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EINTR, errno);
	EXPECT_EQ((__u32)KVM_EXIT_INTR, self->vcpu->run->exit_reason);
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(CODE + 4, r.pc);
	EXPECT_EQ(0, r.gpr[3]);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
}

static void *run_once(void *vcpu)
{
	return (void *)(long)vmm_run(vcpu);
}

static void *run_to_hcall(void *vcpu)
{
	return (void *)book3s_run_hcall(vcpu);
}

/* Another vCPU's prod wakes one that waits */
TEST_F(hcall, cede_woken_by_prod)
{
	struct vmm_vcpu *b = book3s_add_vcpu(self->vmm, 1, MSR_REAL, 0, 0, 0);
	pthread_t t;
	void *nr;
	int i;

	for (i = 0; i < 50; i++) {
		vmm_reg_set(b, KVM_REG_PPC_DEC_EXPIRY, mftb() + DEC_FAR);
		set_up(b, H_CEDE, (uint64_t[6]){ 0 });
		pthread_create(&t, NULL, run_to_hcall, b);
		/* before it is there, while it goes to sleep, and after */
		usleep(i * 20);
		EXPECT_EQ(0, CALL(H_PROD, 1));
		pthread_join(t, &nr);
		EXPECT_EQ(UC_SYNC, (uint64_t)nr);
	}
	/* Some of them slept. kvm-hv.ko counts that before POWER9 only */
	if (!book3s_peer())
		EXPECT_LT(0, vmm_stat(self->vmm, "halt_successful_wait"));
}

/* Of threads that have the first CPU for themselves, one that is more urgent runs */
static void be_urgent(int priority)
{
	struct sched_param prio = { .sched_priority = priority };
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first) ||
	    sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &prio))
		vmm_die("priority %d: %m", priority);
}

struct urgent {
	struct vmm_vcpu *vcpu;
	pthread_t other;
	uint64_t nr;
	bool ready;
};

static void *stop_other_when_woken(void *arg)
{
	struct urgent *u = arg;

	be_urgent(50);
	__atomic_store_n(&u->ready, true, __ATOMIC_RELEASE);
	u->nr = book3s_run_hcall(u->vcpu);
	pthread_kill(u->other, SIGALRM);
	return NULL;
}

/*
 * A prod that wakes a vCPU of a thread that is more urgent, on the same CPU: the
 * one that prods loses that at once, though no interrupt says so, and makes no
 * further hypercalls.
 */
TEST_F(hcall, prod_of_one_more_urgent)
{
	const uint32_t prods[] = { ADDI(5, 5, 1), ADDI(3, 6, 0), SC(1),
				   B(-3 * 4) };
	struct vmm_vcpu *b = book3s_add_vcpu(self->vmm, 1, MSR_REAL, 0, 0, 0);
	struct urgent u = { .vcpu = b, .other = pthread_self() };
	struct sigaction sa = { .sa_handler = nothing };
	struct kvm_regs r = { .pc = CODE + 0x100, .msr = MSR_REAL }, after;
	pthread_t t;
	int i;

	if (self->pr)
		SKIP(return, "hypercalls of pr are the host's to interrupt");
	sigaction(SIGALRM, &sa, NULL);
	book3s_code(self->vmm, CODE + 0x100, true, prods, ARRAY_SIZE(prods));
	r.gpr[4] = 1;
	r.gpr[6] = H_PROD;
	for (i = 0; i < 20; i++) {
		vmm_reg_set(b, KVM_REG_PPC_DEC_EXPIRY, mftb() + DEC_FAR);
		set_up(b, H_CEDE, (uint64_t[6]){ 0 });
		u.ready = false;
		pthread_create(&t, NULL, stop_other_when_woken, &u);
		do
			usleep(20000);
		while (!__atomic_load_n(&u.ready, __ATOMIC_ACQUIRE));
		book3s_set_regs(self->vcpu, &r);
		be_urgent(10);
		EXPECT_EQ(-1, vmm_run(self->vcpu));
		EXPECT_EQ(EINTR, errno);
		be_urgent(0);
		pthread_join(t, NULL);
		EXPECT_EQ(UC_SYNC, u.nr);
		vmm_get_regs(self->vcpu, &after);
		EXPECT_EQ(1, after.gpr[5]);
	}
}

/* An external interrupt wakes it, too, and is taken */
TEST_F(hcall, cede_woken_by_interrupt)
{
	struct kvm_interrupt irq = { .irq = KVM_INTERRUPT_SET };
	struct vmm_vcpu *b = book3s_add_vcpu(self->vmm, 1, MSR_REAL, 0, 0, 0);
	struct kvm_run *run = b->run;
	pthread_t t;

	vmm_reg_set(b, KVM_REG_PPC_DEC_EXPIRY, mftb() + DEC_FAR);
	set_up(b, H_CEDE, (uint64_t[6]){ 0 });
	pthread_create(&t, NULL, run_once, b);
	usleep(50000);
	EXPECT_EQ(0, ioctl(b->fd, KVM_INTERRUPT, &irq));
	pthread_join(t, NULL);
	EXPECT_EQ((__u32)KVM_EXIT_PAPR_HCALL, run->exit_reason);
	EXPECT_EQ(UC_TRAP, run->papr_hcall.nr);
	EXPECT_EQ(0x500, run->papr_hcall.args[0]);
	EXPECT_EQ(CODE + 4, run->papr_hcall.args[1]);
}

/* Levels of the architecture, as a partition is told of them */
#define PVR_206 0x0f000003
#define PVR_207 0x0f000004

TEST_F(hcall, set_mode)
{
	uint32_t level = PVR_206;

	EXPECT_EQ(0, enable(self->vmm, H_SET_MODE, true));
	if (self->pr) {
		EXPECT_EQ(0, CALL(H_SET_MODE, 0, 3, 0, 0));
		EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 0, 1, 0x1001, 0));
		EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 0, 2, 0x1000, 1));
		EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 1, 4, 0, 0));
		EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 0, 9, 0, 0));
		return;
	}
	/* CIABR */
	EXPECT_EQ(0, CALL(H_SET_MODE, 0, 1, 0x123456789abcdef1, 0));
	EXPECT_EQ(0x123456789abcdef1, vmm_reg(self->vcpu, KVM_REG_PPC_CIABR));
	EXPECT_EQ(H_P3, CALL(H_SET_MODE, 0, 1, 0x1003, 0));
	EXPECT_EQ(H_P4, CALL(H_SET_MODE, 0, 1, 0x1001, 1));
	EXPECT_EQ(H_UNSUPPORTED_FLAG_START, CALL(H_SET_MODE, 1, 1, 0x1001, 0));
	EXPECT_EQ(0x123456789abcdef1, vmm_reg(self->vcpu, KVM_REG_PPC_CIABR));
	EXPECT_EQ(0, CALL(H_SET_MODE, 0, 1, 0, 0));
	/* DAWR0: POWER9 has none that works */
	if (self->p10) {
		EXPECT_EQ(0, CALL(H_SET_MODE, 0, 2, 0x7fff0000, 0x1));
		EXPECT_EQ(0x7fff0000, vmm_reg(self->vcpu, KVM_REG_PPC_DAWR));
		EXPECT_EQ(1, vmm_reg(self->vcpu, KVM_REG_PPC_DAWRX));
		EXPECT_EQ(H_P4, CALL(H_SET_MODE, 0, 2, 0x1000, 4));
		EXPECT_EQ(H_UNSUPPORTED_FLAG_START,
			  CALL(H_SET_MODE, 2, 2, 0x1000, 0));
		EXPECT_EQ(0, CALL(H_SET_MODE, 0, 2, 0, 0));
		/* DAWR1 is the VM's to enable, where there is one */
		if (vmm_check(self->vmm, KVM_CAP_PPC_DAWR1) <= 0) {
			EXPECT_EQ(H_P2, CALL(H_SET_MODE, 0, 5, 0x1000, 1));
		} else {
			EXPECT_EQ(H_FUNCTION,
				  CALL(H_SET_MODE, 0, 5, 0x1000, 1));
			EXPECT_EQ(0, vmm_enable_cap(self->vmm->fd,
						    KVM_CAP_PPC_DAWR1, 0, 0));
			EXPECT_EQ(0, CALL(H_SET_MODE, 0, 5, 0x7fff0000, 1));
			EXPECT_EQ(0x7fff0000,
				  vmm_reg(self->vcpu, KVM_REG_PPC_DAWR1));
			EXPECT_EQ(H_P4, CALL(H_SET_MODE, 0, 5, 0x1000, 4));
		}
	} else {
		EXPECT_EQ(H_P2, CALL(H_SET_MODE, 0, 2, 0x1000, 1));
		EXPECT_EQ(H_P2, CALL(H_SET_MODE, 0, 5, 0x1000, 1));
	}
	/* AIL, LE and the rest are userspace's */
	EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 0, 3, 0, 0));
	EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 1, 4, 0, 0));
	EXPECT_EQ(TO_USER, CALL(H_SET_MODE, 0, 9, 0, 0));
	/* Not for a guest whose compatibility level has neither register */
	if (vmm_set_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &level)) {
		/* A hypervisor below need not offer that level */
		EXPECT_TRUE(book3s_in_partition());
		return;
	}
	EXPECT_EQ(H_P2, CALL(H_SET_MODE, 0, 1, 0x1001, 0));
	EXPECT_EQ(H_P2, CALL(H_SET_MODE, 0, 2, 0x1000, 1));
	EXPECT_EQ(H_P2, CALL(H_SET_MODE, 0, 5, 0x1000, 1));
	EXPECT_EQ(0, vmm_reg(self->vcpu, KVM_REG_PPC_CIABR));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, PVR_207);
	EXPECT_EQ(0, CALL(H_SET_MODE, 0, 1, 0x1001, 0));
}

TEST_F(hcall, set_dabr)
{
	int64_t ok = self->p10 ? 0 : H_HARDWARE;

	if (self->pr)
		SKIP(return, "userspace's with PR");
	EXPECT_EQ(ok, CALL(H_SET_DABR, 0));
	EXPECT_EQ(ok, CALL(H_SET_XDABR, 0x1000, 3));
	/* neither kernel nor user, and the hypervisor */
	EXPECT_EQ(H_PARAMETER, CALL(H_SET_XDABR, 0x1000, 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_SET_XDABR, 0x1000, 7));
	EXPECT_EQ(ok, CALL(H_SET_XDABR, 0, 3));
}

TEST_F(hcall, random)
{
	uint64_t a, b;

	EXPECT_EQ(0, enable(self->vmm, H_RANDOM, true));
	if (CALL(H_RANDOM) == H_HARDWARE)
		SKIP(return, "the host has no random number generator");
	a = self->r[4];
	EXPECT_EQ(0, CALL(H_RANDOM));
	b = self->r[4];
	EXPECT_NE(a, b);
}

#define H_ZERO_PAGE (1ull << (63 - 48))
#define H_COPY_PAGE (1ull << (63 - 49))
#define H_ICACHE_INVALIDATE (1ull << (63 - 40))

TEST_F(hcall, page_init)
{
	uint8_t *p = vmm_gpa(self->vmm, PAGES);
	unsigned int i;

	EXPECT_EQ(0, enable(self->vmm, H_PAGE_INIT, true));
	for (i = 0; i < 0x4000; i++)
		p[i] = i * 7 + i / 256;
	/* nothing asked for, nothing done */
	EXPECT_EQ(0, CALL(H_PAGE_INIT, 0, PAGES, 0));
	EXPECT_EQ(7, p[1]);
	EXPECT_EQ(0, CALL(H_PAGE_INIT, H_ZERO_PAGE, PAGES + 0x1000, 0));
	for (i = 0; i < 0x3000; i++) {
		uint8_t want = i * 7 + i / 256;

		EXPECT_EQ(i / 0x1000 == 1 ? 0 : want, p[i]);
	}
	EXPECT_EQ(0, CALL(H_PAGE_INIT, H_COPY_PAGE | H_ICACHE_INVALIDATE,
			  PAGES + 0x5000, PAGES + 0x2000));
	EXPECT_EQ(0, memcmp(p + 0x5000, p + 0x2000, 0x1000));
	EXPECT_EQ(0, p[0x4fff]);
	EXPECT_EQ(0, p[0x6000]);
	/* copying goes before zeroing */
	EXPECT_EQ(0, CALL(H_PAGE_INIT, H_COPY_PAGE | H_ZERO_PAGE,
			  PAGES + 0x7000, PAGES + 0x2000));
	EXPECT_EQ(0, memcmp(p + 0x7000, p + 0x2000, 0x1000));
	EXPECT_EQ(H_PARAMETER, CALL(H_PAGE_INIT, 1, PAGES, 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_PAGE_INIT, 1ull << 63, PAGES, 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_PAGE_INIT, H_ZERO_PAGE, PAGES + 8, 0));
	EXPECT_EQ(H_PARAMETER,
		  CALL(H_PAGE_INIT, H_COPY_PAGE, PAGES, PAGES + 8));
	EXPECT_EQ(H_PARAMETER, CALL(H_PAGE_INIT, H_ZERO_PAGE, MEM, 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_PAGE_INIT, H_COPY_PAGE, PAGES, MEM));
	EXPECT_EQ(H_PARAMETER, CALL(H_PAGE_INIT, H_COPY_PAGE, MEM, PAGES));
	EXPECT_EQ(H_PARAMETER, CALL(H_PAGE_INIT, H_ZERO_PAGE, 1ull << 60, 0));
	/* the last page of a slot is a page too, says all but kvm-hv.ko */
	memset(vmm_gpa(self->vmm, MEM - 0x1000), 1, 0x1000);
	EXPECT_EQ(0, CALL(H_PAGE_INIT, H_ZERO_PAGE, MEM - 0x1000, 0));
	EXPECT_EQ(0, *(uint8_t *)vmm_gpa(self->vmm, MEM - 1));
	if (!book3s_peer())
		EXPECT_EQ(0,
			  CALL(H_PAGE_INIT, H_COPY_PAGE, MEM - 0x1000, PAGES));
}

TEST_F(hcall, page_init_is_logged)
{
	struct kvm_dirty_log log = { .slot = 1 };
	size_t page = getpagesize();
	uint64_t map = 0;
	char *hva;

	hva = vmm_alloc(16 * page);
	EXPECT_EQ(0, enable(self->vmm, H_PAGE_INIT, true));
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, KVM_MEM_LOG_DIRTY_PAGES,
				  1 << 30, 16 * page, hva));
	log.dirty_bitmap = &map;
	EXPECT_EQ(0, CALL(H_PAGE_INIT, H_ZERO_PAGE, (1 << 30) + 3 * page, 0));
	EXPECT_EQ(0,
		  CALL(H_PAGE_INIT, H_COPY_PAGE, (1 << 30) + 5 * page, PAGES));
	EXPECT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1 << 3 | 1 << 5, map);
}

TEST_F(hcall, rpt_invalidate)
{
	uint64_t types, sizes;

	if (self->pr)
		SKIP(return, "userspace's with PR");
	EXPECT_EQ(0, enable(self->vmm, H_RPT_INVALIDATE, true));
	if (book3s_in_partition()) {
		EXPECT_EQ(H_FUNCTION,
			  CALL(H_RPT_INVALIDATE, 1, 1, 2, 1, 0x10000, 0x40000));
		return;
	}
	/* pid, target, type, page sizes, start, end */
	for (types = 0; types < 16; types += 2)
		for (sizes = 0; sizes < 16; sizes++) {
			EXPECT_EQ(0, CALL(H_RPT_INVALIDATE, 1, 1, types, sizes,
					  0x10000, 0x40000));
			EXPECT_EQ(0, CALL(H_RPT_INVALIDATE, 1, 2, types, sizes,
					  0, 0x40000000));
			EXPECT_EQ(0, CALL(H_RPT_INVALIDATE, 0, 1, types, sizes,
					  0, -1ull));
		}
	EXPECT_EQ(H_P5, CALL(H_RPT_INVALIDATE, 1, 1, 2, 1, 0x2000, 0x1000));
	/* of nested guests, which there are none of */
	EXPECT_EQ(H_FUNCTION,
		  CALL(H_RPT_INVALIDATE, 1, 1, 3, 1, 0x1000, 0x2000));
}

/* Nested guests and secure ones, which this VM was not made for */
TEST_F(hcall, not_enabled)
{
	static const uint64_t nested[] = { 0xf800, 0xf804, 0xf808, 0xf80c };
	static const uint64_t svm[] = { 0xef00, 0xef04, 0xef08, 0xef0c };
	unsigned int i;

	if (self->pr)
		SKIP(return, "userspace's with PR");
	for (i = 0; i < ARRAY_SIZE(nested); i++)
		EXPECT_EQ(H_FUNCTION, CALL(nested[i]));
	for (i = 0; i < ARRAY_SIZE(svm); i++)
		EXPECT_EQ(-67, CALL(svm[i])); /* H_UNSUPPORTED */
}

/* TCE tables and interrupt controllers that userspace has */
TEST_F(hcall, without_devices)
{
	static const uint64_t nr[] = { H_GET_TCE, H_PUT_TCE, H_EOI,  H_CPPR,
				       H_IPI,	  H_IPOLL,   H_XIRR, H_XIRR_X };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nr); i++)
		EXPECT_EQ(TO_USER, CALL(nr[i], 0x80000000, 0, 0))
		{
			TH_LOG("%#" PRIx64, nr[i]);
		}
}

/* From problem state there are none: a privileged instruction interrupt */
TEST_F(hcall, problem_state)
{
	static const uint32_t code[] = { SC(1), B(0) };
	static const uint64_t nr[] = { H_PROD, UC_SYNC, H_CEDE };
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs r;
	unsigned int i;

	book3s_code(self->vmm, USER_CODE, true, code, ARRAY_SIZE(code));
	book3s_map(self->vmm, 0, 0, MEM, 21, RPTE_KERNEL);
	book3s_map(self->vmm, USER_EA, USER_CODE & -0x10000ull, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_translate(self->vmm);
	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		memset(&r, 0, sizeof(r));
		r.pc = USER_EA + (USER_CODE & 0xffff);
		r.msr = MSR_VIRT | MSR_PR | MSR_EE;
		r.gpr[3] = nr[i];
		r.sprg0 = BOOK3S_SPRG0;
		book3s_set_regs(self->vcpu, &r);
		vmm_reg_set(self->vcpu, KVM_REG_PPC_DEC_EXPIRY,
			    mftb() + DEC_FAR);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ((__u32)KVM_EXIT_PAPR_HCALL, run->exit_reason);
		EXPECT_EQ(UC_TRAP, run->papr_hcall.nr);
		/* a guest in hardware with the hash MMU may have such guests */
		if (book3s_wants_hash()) {
			EXPECT_EQ(0xc00, run->papr_hcall.args[0]);
			EXPECT_EQ(r.pc + 4, run->papr_hcall.args[1]);
			EXPECT_EQ(0, run->papr_hcall.args[2] & SRR1_INFO);
			continue;
		}
		EXPECT_EQ(0x700, run->papr_hcall.args[0]);
		EXPECT_EQ(0x40000, run->papr_hcall.args[2] & 0x1f0000);
	}
}

TEST_HARNESS_MAIN
