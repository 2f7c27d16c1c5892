// SPDX-License-Identifier: GPL-2.0
/*
 * Guests in problem state on a hash host: their page table and SLB, fetching
 * the instruction of a load from code that is taken away meanwhile, and random
 * instructions.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "payloads/hash.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

DECLARE_PAYLOAD(hash);

#define MEM (16ul << 20)
#define CODE (64ul << 20)
#define CODE_SIZE 0x10000ul

/*
 * Handles device loads and stores until the guest exits; true if it did well.
 * Counts the loads.
 */
static bool run(struct vmm_vcpu *vcpu, unsigned long *loads)
{
	struct kvm_run *run = vcpu->run;

	for (;;) {
		if (vmm_run(vcpu))
			vmm_die("KVM_RUN: %s", vmm_exit_str(vcpu));
		if (run->exit_reason == KVM_EXIT_MMIO) {
			uint32_t v = run->mmio.phys_addr * HASH_FACTOR;

			if (!run->mmio.is_write) {
				memcpy(run->mmio.data, &v, 4);
				++*loads;
			} else if (memcmp(run->mmio.data, &v, 4)) {
				printf("# stored %#x, not %#x\n",
				       *(uint32_t *)run->mmio.data, v);
				return false;
			}
			continue;
		}
		if (run->exit_reason == KVM_EXIT_PAPR_HCALL &&
		    run->papr_hcall.nr == UC_EXIT)
			return !run->papr_hcall.args[0];
		printf("# vCPU %u: %s\n", vcpu->id, vmm_exit_str(vcpu));
		return false;
	}
}

FIXTURE(pr)
{
	struct vmm *vmm;
	unsigned long loads;
};

FIXTURE_SETUP(pr)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	book3s_load(self->vmm, PAYLOAD(hash));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, HASH_DEVICE, HASH_DEVICE, 0x10000, 16, RPTE_IO);
	book3s_translate(self->vmm);
}

FIXTURE_TEARDOWN(pr)
{
	vmm_free(self->vmm);
}

static struct vmm_vcpu *guest(struct vmm *vmm, unsigned int id, enum hash_op op,
			      uint64_t n)
{
	return book3s_add_vcpu(vmm, id, MSR_VIRT, op, n, 0);
}

TEST_F(pr, page_table)
{
	EXPECT_TRUE(run(guest(self->vmm, 0, HASH_ENTER, 0), &self->loads));
}

/* So that QEMU needs no cap-fwnmi=off */
TEST_F(pr, fwnmi)
{
	struct vmm_vcpu *vcpu = guest(self->vmm, 0, HASH_ENTER, 0);

	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_FWNMI));
	EXPECT_EQ(0, vmm_enable_cap(vcpu->fd, KVM_CAP_PPC_FWNMI, 0, 0));
	EXPECT_TRUE(run(vcpu, &self->loads));
}

TEST_F(pr, slb)
{
	EXPECT_TRUE(run(guest(self->vmm, 0, HASH_SLB, 0), &self->loads));
}

/* More segments than are shadowed at one time */
TEST_F_TIMEOUT(pr, segments, 300)
{
	EXPECT_TRUE(
		run(guest(self->vmm, 0, HASH_SEGMENTS, 12000), &self->loads));
}

/*
 * Has a guest that begins with @begin do its work again until instructions had
 * to be fetched by walking, or else that was not tried; says how often.
 */
static unsigned int race(FIXTURE_DATA(pr) * self, struct vmm_vcpu *vcpu,
			 struct kvm_regs *begin)
{
	unsigned int turns = 0;

	do {
		book3s_set_regs(vcpu, begin);
		if (!run(vcpu, &self->loads))
			return 0;
		turns++;
	} while (!vmm_stat(self->vmm, "fetch_walks") && turns < 30);
	printf("# %ld fetches by walking, %ld run again, %u turns\n",
	       vmm_stat(self->vmm, "fetch_walks"),
	       vmm_stat(self->vmm, "fetch_retries"), turns);
	return turns;
}

/* LPCR[AIL]: with relocation on, if it was */
TEST_F(pr, relocated_interrupts)
{
	static const uint32_t handler[] = { MFMSR(14), HCALL(UC_SYNC) };
	static const uint32_t trap[] = { TRAP };
	static const struct {
		uint64_t lpcr, msr;
		bool relocated;
	} tries[] = {
		{ 0, MSR_VIRT, false },
		{ LPCR_AIL, MSR_VIRT, true },
		{ LPCR_AIL, MSR_VIRT | MSR_EE, true },
		{ LPCR_AIL, MSR_REAL, false },
		{ LPCR_AIL & LPCR_AIL / 3 * 2, MSR_VIRT, false }, /* 2 */
		{ 0, MSR_VIRT, false },
	};
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	unsigned int i;

	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_AIL_MODE_3));
	book3s_map(self->vmm, 0xc000000000000000, 0x500000, 0x10000, 16,
		   RPTE_KERNEL);
	book3s_code(self->vmm, 0x504700, true, handler, ARRAY_SIZE(handler));
	book3s_code(self->vmm, 0x600000, true, trap, 1);
	vcpu = guest(self->vmm, 0, 0, 0);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		vmm_reg_set(vcpu, KVM_REG_PPC_LPCR_64,
			    LPCR_ILE | tries[i].lpcr);
		vmm_get_regs(vcpu, &r);
		r.pc = 0x600000;
		r.msr = tries[i].msr;
		r.sprg0 = BOOK3S_SPRG0;
		book3s_set_regs(vcpu, &r);
		ASSERT_EQ(0, vmm_run(vcpu));
		ASSERT_EQ(KVM_EXIT_PAPR_HCALL, vcpu->run->exit_reason);
		EXPECT_EQ(tries[i].relocated ? UC_SYNC : UC_TRAP,
			  vcpu->run->papr_hcall.nr)
		{
			TH_LOG("%u", i);
		}
		vmm_get_regs(vcpu, &r);
		if (!tries[i].relocated)
			continue;
		EXPECT_EQ(MSR_IR | MSR_DR | MSR_LE,
			  r.gpr[14] & (MSR_IR | MSR_DR | MSR_LE | MSR_EE));
		EXPECT_EQ(0x600000, r.srr0);
		EXPECT_EQ(0, r.gpr[14] & MSR_PR);
	}
}

/* A debugger's on the VMM's thread, at an address of the VMM's */
TEST_F(pr, watchpoint)
{
	static const uint32_t code[] = { LWZ(14, 0, 4), STW(14, 8, 4),
					 HCALL(UC_SYNC) };
	static volatile uint64_t watched[2];
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_RW,
		.bp_addr = (uintptr_t)watched & ~7ul,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};
	uint64_t ea = (uintptr_t)watched, count = 0;
	struct kvm_regs r = { .msr = MSR_VIRT, .sprg0 = BOOK3S_SPRG0 };
	struct vmm_vcpu *vcpu;
	int fd;

	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		SKIP(return, "the processor has no watchpoints");
	if (book3s_peer())
		SKIP(return, "it leaves them on");
	book3s_map(self->vmm, ea & ~0xfffful, 0x700000, 0x10000, 16,
		   RPTE_KERNEL);
	book3s_code(self->vmm, 0x600000, true, code, ARRAY_SIZE(code));
	vcpu = guest(self->vmm, 0, 0, 0);
	r.pc = 0x600000;
	r.gpr[4] = ea;
	book3s_run_regs(vcpu, r);
	EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
	/* And it is there again */
	(void)watched[0];
	EXPECT_EQ(8, read(fd, &count, 8));
	EXPECT_EQ(1, count);
	close(fd);
}

#define SPR_DEC 22

/*
 * It is negative if and only if there is an interrupt, wherever userspace has
 * set it, and there is none any more when it is positive again.
 */
TEST_F(pr, decrementer)
{
	static const uint32_t read[] = { MFSPR(14, SPR_DEC), HCALL(UC_SYNC) };
	static const uint32_t withdraw[] = {
		LI(5, -1),	MTSPR(SPR_DEC, 5),
		LIS(5, 0x7fff), MTSPR(SPR_DEC, 5),
		MFMSR(6),	ORI(6, 6, MSR_EE),
		MTMSRD(6, 0),	NOP,
		HCALL(UC_SYNC),
	};
	static const int64_t far[] = { 1ll << 33, 3ll << 31, -(1ll << 33),
				       -(3ll << 31), (1ll << 40) - 1 };
	struct vmm_vcpu *vcpu = guest(self->vmm, 0, 0, 0);
	struct kvm_regs r = { .msr = MSR_VIRT, .sprg0 = BOOK3S_SPRG0 }, out;
	unsigned int i;

	book3s_code(self->vmm, 0x600000, true, read, ARRAY_SIZE(read));
	book3s_code(self->vmm, 0x601000, true, withdraw, ARRAY_SIZE(withdraw));
	r.pc = 0x601000;
	book3s_run_regs(vcpu, r);
	EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
	if (book3s_peer())
		SKIP(return, "it has no DEC_EXPIRY");
	r.pc = 0x600000;
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + far[i]);
		r.msr = MSR_VIRT;
		out = book3s_run_regs(vcpu, r);
		EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
		EXPECT_EQ(far[i] < 0 ? 0x80000000 : 0x7fffffff,
			  (uint32_t)out.gpr[14]);
		r.msr = MSR_VIRT | MSR_EE;
		book3s_run_regs(vcpu, r);
		EXPECT_EQ(far[i] < 0 ? UC_TRAP : UC_SYNC,
			  vcpu->run->papr_hcall.nr);
	}
}

#define FSCR_SCV (1ull << 12)

/* To a vector of its own, at either place */
TEST_F(pr, scv)
{
	static const uint32_t handler[] = { MFMSR(14), MFLR(15), MFCTR(16),
					    HCALL(UC_SYNC) };
	static const uint32_t scv[] = { 0x44000021u }; /* scv 1 */
	static const struct {
		uint64_t lpcr, msr, fscr;
		unsigned int nr;
	} tries[] = {
		{ 0, MSR_VIRT | MSR_PR | MSR_EE, FSCR_SCV, 1 },
		{ LPCR_AIL, MSR_VIRT | MSR_PR | MSR_EE, FSCR_SCV, 2 },
		{ LPCR_AIL, MSR_VIRT, FSCR_SCV, 2 },
		{ 0, MSR_VIRT | MSR_PR | MSR_EE, 0, 0 },
	};
	uint64_t ea = 0x30000000, keep = MSR_EE | MSR_RI | MSR_LE;
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	unsigned int i;

	book3s_map(self->vmm, 0xc000000000000000, 0x500000, 0x10000, 16,
		   RPTE_KERNEL);
	book3s_map(self->vmm, ea, 0x600000, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_code(self->vmm, 0x503020, true, handler, ARRAY_SIZE(handler));
	book3s_code(self->vmm, 0x17020, true, handler, ARRAY_SIZE(handler));
	book3s_code(self->vmm, 0x600000, true, scv, 1);
	vcpu = guest(self->vmm, 0, 0, 0);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		uint64_t msr = tries[i].msr;

		vmm_reg_set(vcpu, KVM_REG_PPC_LPCR_64,
			    LPCR_ILE | tries[i].lpcr);
		vmm_reg_set(vcpu, KVM_REG_PPC_FSCR, tries[i].fscr);
		vmm_get_regs(vcpu, &r);
		r.pc = ea;
		r.msr = msr;
		r.sprg0 = BOOK3S_SPRG0;
		book3s_set_regs(vcpu, &r);
		ASSERT_EQ(0, vmm_run(vcpu));
		ASSERT_EQ(KVM_EXIT_PAPR_HCALL, vcpu->run->exit_reason);
		vmm_get_regs(vcpu, &r);
		if (r.srr0 == ea && vcpu->run->papr_hcall.args[0] == 0x700)
			SKIP(return, "the processor has no scv");
		if (!tries[i].nr)
			continue;
		EXPECT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
		EXPECT_EQ((tries[i].nr == 1 ? 0x17020 : 0xc000000000003020) +
				  4 * ARRAY_SIZE(handler),
			  r.pc);
		EXPECT_EQ(ea + 4, r.gpr[15]);
		EXPECT_EQ(msr, r.gpr[16]);
		EXPECT_EQ(msr & keep, r.gpr[14] & keep);
		EXPECT_EQ(tries[i].nr == 1 ? 0 : MSR_IR | MSR_DR,
			  r.gpr[14] & (MSR_IR | MSR_DR | MSR_PR));
	}
	/* it is off */
	EXPECT_EQ(UC_TRAP, vcpu->run->papr_hcall.nr);
	EXPECT_EQ(12, vmm_reg(vcpu, KVM_REG_PPC_FSCR) >> 56);
}

#define FSCR_TAR (1ull << 8)
#define BCTAR 0x4e800460u

/*
 * FSCR is for problem state: a kernel has TAR whatever it says. QEMU's TCG looks at
 * it for mfspr, not for bctar
 */
TEST_F(pr, target_address)
{
	static const uint32_t code[] = { MFSPR(14, 815), BCTAR, ILLEGAL,
					 ILLEGAL, HCALL(UC_SYNC) };
	static const struct {
		uint64_t msr, fscr, nr, trap, at;
	} tries[] = {
		{ MSR_VIRT, 0, UC_SYNC, 0, 0 },
		{ MSR_VIRT | MSR_PR | MSR_EE, 0, UC_TRAP, 0xf60, 0 },
		{ MSR_VIRT | MSR_PR | MSR_EE, FSCR_TAR, UC_TRAP, 0x700, 24 },
		{ MSR_VIRT, 0, UC_SYNC, 0, 0 },
	};
	uint64_t ea = 0x30000000;
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	unsigned int i;

	book3s_map(self->vmm, ea, 0x600000, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_code(self->vmm, 0x600000, true, code, ARRAY_SIZE(code));
	vcpu = guest(self->vmm, 0, 0, 0);
	vmm_reg_set(vcpu, KVM_REG_PPC_TAR, ea + 16);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ * 1000);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		vmm_reg_set(vcpu, KVM_REG_PPC_FSCR, tries[i].fscr);
		r = (struct kvm_regs){
			.pc = ea,
			.msr = tries[i].msr,
			.sprg0 = BOOK3S_SPRG0,
		};
		r = book3s_run_regs(vcpu, r);
		EXPECT_EQ(tries[i].nr, vcpu->run->papr_hcall.nr);
		if (!tries[i].trap) {
			EXPECT_EQ(ea + 16, r.gpr[14]);
			continue;
		}
		EXPECT_EQ(tries[i].trap, vcpu->run->papr_hcall.args[0]);
		EXPECT_EQ(ea + tries[i].at, vcpu->run->papr_hcall.args[1]);
	}
}

struct clocks {
	uint64_t tb, purr, spurr;
};

static struct clocks clocks(struct vmm_vcpu *vcpu)
{
	struct kvm_regs r = {
		.pc = 0x600000,
		.msr = MSR_VIRT,
		.sprg0 = BOOK3S_SPRG0,
	};

	r = book3s_run_regs(vcpu, r);
	return (struct clocks){ r.gpr[14], r.gpr[15], r.gpr[16] };
}

/*
 * PURR and SPURR say what of the time the vCPU had a processor. They are privileged,
 * but QEMU's TCG gives problem state the host's: not where they are emulated along
 * with what comes before
 */
TEST_F(pr, utilization)
{
	static const uint32_t read[] = { MFTB(14), MFMSR(13), MFSPR(15, 309),
					 MFSPR(16, 308), HCALL(UC_SYNC) };
	static const uint32_t cede[] = { HCALL(H_CEDE), HCALL(UC_SYNC) };
	static const uint32_t spin[] = { BDNZ(0), HCALL(UC_SYNC) };
	struct vmm_vcpu *vcpu;
	struct clocks before, after;
	struct kvm_regs r = { .sprg0 = BOOK3S_SPRG0, .msr = MSR_VIRT };

	if (book3s_peer())
		SKIP(return, "kvm-pr counts to the last exit");
	book3s_code(self->vmm, 0x600000, true, read, ARRAY_SIZE(read));
	book3s_code(self->vmm, 0x610000, true, cede, ARRAY_SIZE(cede));
	book3s_code(self->vmm, 0x620000, true, spin, ARRAY_SIZE(spin));
	vcpu = guest(self->vmm, 0, 0, 0);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ * 1000);

	/* Before the code is mapped nothing is emulated along with anything */
	clocks(vcpu);

	/* Userspace does something else */
	before = clocks(vcpu);
	usleep(200000);
	after = clocks(vcpu);
	EXPECT_GE(after.tb - before.tb, TB_HZ / 5);
	EXPECT_GT(after.purr, before.purr);
	EXPECT_GT(after.spurr, before.spurr);
	EXPECT_LT(after.purr - before.purr, TB_HZ / 10);
	EXPECT_LT(after.spurr - before.spurr, TB_HZ / 10);

	/* It works */
	before = clocks(vcpu);
	r.pc = 0x620000;
	r.ctr = 20000000;
	book3s_run_regs(vcpu, r);
	after = clocks(vcpu);
	EXPECT_GT(after.purr - before.purr, (after.tb - before.tb) / 4);
	EXPECT_LE(after.purr - before.purr, after.tb - before.tb);

	/* It waits for its decrementer */
	before = clocks(vcpu);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ / 5);
	r.pc = 0x610000;
	book3s_run_regs(vcpu, r);
	EXPECT_EQ(UC_TRAP, vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x900, vcpu->run->papr_hcall.args[0]);
	vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, mftb() + TB_HZ * 1000);
	after = clocks(vcpu);
	EXPECT_GE(after.tb - before.tb, TB_HZ / 5);
	EXPECT_GT(after.purr, before.purr);
	EXPECT_LT(after.purr - before.purr, TB_HZ / 10);
}

static volatile bool stop;

/*
 * Takes the code's translation away again and again; what is there stays. Now
 * and then for long enough that the guest gets somewhere.
 */
static void *take_away(void *code)
{
	unsigned int i;

	while (!stop) {
		for (i = 0; i < 4; i++)
			madvise(code, CODE_SIZE, MADV_DONTNEED);
		usleep(20);
	}
	return NULL;
}

/*
 * Device loads from code whose page another thread takes away: the instruction
 * cannot always be loaded on the way out of the guest, and yet each load gets
 * its value.
 */
TEST_F_TIMEOUT(pr, fetch_race, 3000)
{
	unsigned long n = vmm_env("FETCH_RACE_COUNT", 10000);
	static const uint32_t code[] = {
		/* 1: */ LWZ(5, 0, 4),
		CMPLW(5, 6),
		BNE(20), /* 2f */
		BDNZ(-12), /* 1b */
		LI(4, 0),
		NOP,
		SC(1),
		/* 2: */ MR(4, 5),
		ADDI(4, 4, 1),
		SC(1),
	};
	int fd = memfd_create("code", 0);
	struct vmm_vcpu *vcpu;
	struct kvm_regs r;
	pthread_t taker;
	unsigned int turns;
	void *page;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, CODE_SIZE));
	page = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, page);
	memcpy(page, code, sizeof(code));
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 1, 0, CODE, CODE_SIZE, page));
	book3s_map(self->vmm, CODE, CODE, CODE_SIZE, 16, RPTE_KERNEL);
	vcpu = guest(self->vmm, 0, 0, 0);
	vmm_get_regs(vcpu, &r);
	r.pc = CODE;
	r.ctr = n;
	r.gpr[3] = UC_EXIT;
	r.gpr[4] = HASH_DEVICE + 0x40;
	r.gpr[6] = (uint32_t)(r.gpr[4] * HASH_FACTOR);

	stop = false;
	pthread_create(&taker, NULL, take_away, page);
	turns = race(self, vcpu, &r);
	stop = true;
	pthread_join(taker, NULL);
	EXPECT_LT(0, turns);
	EXPECT_EQ(n * turns, self->loads);
	EXPECT_LT(0, vmm_stat(self->vmm, "fetch_walks"));
}

static void *run_invalidator(void *vcpu)
{
	unsigned long none = 0;

	return (void *)(long)run(vcpu, &none);
}

/*
 * The same, but another vCPU takes the page out of the guest's own table, and
 * puts it back, without pause: the fetch may find it there or not, on the way
 * out as by walking. Loads and stores, FETCH_RACE_COUNT together.
 */
TEST_F_TIMEOUT(pr, fetch_race_vcpu, 3000)
{
	unsigned long n = vmm_env("FETCH_RACE_COUNT", 10000) / 2;
	struct vmm_vcpu *a = guest(self->vmm, 0, HASH_ACCESS, n);
	struct vmm_vcpu *b = guest(self->vmm, 1, HASH_INVALIDATE, 0);
	pthread_t invalidator;
	struct kvm_regs begin;
	unsigned int turns;
	void *ok;

	vmm_get_regs(a, &begin);
	pthread_create(&invalidator, NULL, run_invalidator, b);
	turns = race(self, a, &begin);
	*(volatile uint64_t *)vmm_gpa(self->vmm, HASH_STOP) = 1;
	pthread_join(invalidator, &ok);
	EXPECT_TRUE(ok != NULL);
	EXPECT_LT(0, turns);
	EXPECT_EQ(n * turns, self->loads);
	EXPECT_LT(0, vmm_stat(self->vmm, "fetch_walks"));
}

static void nothing(int sig)
{
}

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Half of them privileged ones or their neighbours: primary opcodes 19 and 31
 */
static uint32_t random_word(void)
{
	uint32_t w = random64() >> 32;

	switch (random64() >> 62) {
	case 0:
		return w;
	case 1:
		return (w & 0x03ffffff) | 19u << 26;
	case 2:
		/* mtspr, mfspr */
		return (w & 0x03fff800) | 31u << 26 |
		       (w & 1 ? 339u : 467u) << 1;
	default:
		return (w & 0x03ffffff) | 31u << 26;
	}
}

/*
 * Whatever a guest executes, KVM_RUN returns with one of the things that it
 * may, and the guest can be set right again and runs.
 */
static void random_instructions(struct __test_metadata *_metadata,
				struct vmm *vmm, uint64_t msr)
{
	unsigned long n = vmm_env("RANDOM_COUNT", 4000), i;
	struct sigaction sa = { .sa_handler = nothing };
	/* a guest that goes nowhere is stopped; a busy host is to have time for
   * others */
	struct itimerval timer = { { 0, 8000 }, { 0, 8000 } };
	struct vmm_vcpu *vcpu = guest(vmm, 0, 0, 0);
	struct kvm_run *run = vcpu->run;
	unsigned long outcome[64] = { 0 };
	struct kvm_sregs sregs;
	struct kvm_regs r;
	unsigned int j;

	ASSERT_EQ(0, ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (i = 0; i < n; i++) {
		uint32_t code[3] = { random_word(), random_word(), SC(1) };

		if (i % 16 == 0) {
			book3s_load(vmm, PAYLOAD(hash));
			ASSERT_EQ(0, ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
		}
		book3s_code(vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
		memset(&r, 0, sizeof(r));
		for (j = 0; j < 32; j++)
			r.gpr[j] = random64() % 4 ? random64() : GPA_FREE;
		r.gpr[1] = GPA_STACKS + BOOK3S_STACK / 4;
		r.sprg0 = BOOK3S_SPRG0;
		r.gpr[3] = UC_SYNC;
		r.ctr = random64();
		r.lr = random64();
		r.srr0 = random64();
		r.srr1 = random64();
		r.pc = GPA_FREE;
		r.msr = msr;
		book3s_set_regs(vcpu, &r);
		if (vmm_run(vcpu)) {
			ASSERT_TRUE(errno == EINTR || errno == EFAULT)
			{
				TH_LOG("%#x %#x: %s", code[0], code[1],
				       vmm_exit_str(vcpu));
			}
			outcome[63]++;
			continue;
		}
		switch (run->exit_reason) {
		case KVM_EXIT_PAPR_HCALL:
		case KVM_EXIT_MMIO:
		case KVM_EXIT_INTERNAL_ERROR:
			outcome[run->exit_reason]++;
			break;
		default:
			ASSERT_TRUE(false)
			{
				TH_LOG("%#x %#x: %s", code[0], code[1],
				       vmm_exit_str(vcpu));
			}
		}
	}
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("# %lu hypercalls, %lu device accesses, %lu not emulated, %lu stopped\n",
	       outcome[KVM_EXIT_PAPR_HCALL], outcome[KVM_EXIT_MMIO],
	       outcome[KVM_EXIT_INTERNAL_ERROR], outcome[63]);
	EXPECT_LT(n / 4, outcome[KVM_EXIT_PAPR_HCALL]);
}

TEST_F_TIMEOUT(pr, random_privileged, 300)
{
	random_instructions(_metadata, self->vmm, MSR_VIRT);
}

TEST_F_TIMEOUT(pr, random_real, 300)
{
	random_instructions(_metadata, self->vmm, MSR_REAL | MSR_ALL_FP);
}

TEST_HARNESS_MAIN
