// SPDX-License-Identifier: GPL-2.0
/*
 * A loop of load and reserve and store conditional with an instruction between
 * them that a host may have to emulate: it ends, and what several vCPUs count
 * that way is right.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <pthread.h>
#include <unistd.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define CODE 0x500000ul
#define PROGRAM 0x600000ul
#define COUNTER 0x610000ul
#define DEVICE 0x40000000ul
#define VCPUS 3

#define EBBHR 804
#define SPRG1 273
/* In the high half of a quadword, which is not counted up */
#define HIGH 0x0123456789abcdefull
#define FSCR_EBB (1ull << 7)

FIXTURE(reserve)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu[VCPUS];
	struct kvm_regs regs;
};

FIXTURE_VARIANT(reserve)
{
	uint32_t load, store, between;
	uint64_t msr;
	unsigned int bytes;
};

/* clang-format off */
#define LOOP(name, ...) FIXTURE_VARIANT_ADD(reserve, name) { __VA_ARGS__ }
/* clang-format on */

LOOP(byte, LBARX(9, 0, 4), STBCX(9, 0, 4), MFSPR(8, SPRG1), MSR_VIRT, 1);
LOOP(halfword, LHARX(9, 0, 4), STHCX(9, 0, 4), MFSPR(8, SPRG1), MSR_VIRT, 2);
LOOP(word, LWARX(9, 0, 4), STWCX(9, 0, 4), MFSPR(8, SPRG1), MSR_VIRT, 4);
LOOP(doubleword, LDARX(9, 0, 4), STDCX(9, 0, 4), MFSPR(8, SPRG1), MSR_VIRT, 8);
LOOP(quadword, LQARX(8, 0, 4), STQCX(8, 0, 4), MFSPR(6, SPRG1), MSR_VIRT, 16);
LOOP(big_endian, LWARX(9, 0, 4), STWCX(9, 0, 4), MFSPR(8, SPRG1),
     MSR_VIRT & ~MSR_LE, 4);
LOOP(quadword_big_endian, LQARX(8, 0, 4), STQCX(8, 0, 4), MFSPR(6, SPRG1),
     MSR_VIRT & ~MSR_LE, 16);
LOOP(real_mode, LWARX(9, 0, 4), STWCX(9, 0, 4), MTMSRD(7, 1), MSR_REAL, 4);
LOOP(slb, LWARX(9, 0, 4), STWCX(9, 0, 4), SLBMFEE(8, 6), MSR_VIRT, 4);
LOOP(program, LWARX(9, 0, 4), STWCX(9, 0, 4), MFSPR(8, EBBHR),
     MSR_VIRT | MSR_PR, 4);

FIXTURE_SETUP(reserve)
{
	bool le = variant->msr & MSR_LE;
	unsigned int i;

	self->vmm = vmm_new(MEM);
	if (variant->between == SLBMFEE(8, 6) && !book3s_on_hash(self->vmm))
		SKIP(return, "a radix guest has no SLB");
	if (book3s_peer())
		SKIP(return, "kvm-pr loses the reservation");
	book3s_load(self->vmm, PAYLOAD(exits));
	book3s_map(self->vmm, 0, 0, PROGRAM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, PROGRAM, PROGRAM, MEM - PROGRAM, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_translate(self->vmm);
	for (i = 0; i < VCPUS; i++) {
		self->vcpu[i] =
			book3s_add_vcpu(self->vmm, i, MSR_VIRT, 0, 0, 0);
		vmm_reg_set(self->vcpu[i], KVM_REG_PPC_FSCR, FSCR_EBB);
		/* A program runs with interrupts enabled */
		vmm_reg_set(self->vcpu[i], KVM_REG_PPC_DEC_EXPIRY,
			    mftb() + TB_HZ * 1000);
	}
	/* between, other registers are changed, as a program would */
	book3s_put(self->vmm, PROGRAM, le, variant->load, variant->between,
		   ADDI(9, 9, 1), ADDI(10, 10, 1), variant->store, BNE(-20),
		   BDNZ(-24), LI(3, 0x42), SC(0));
	self->regs = (struct kvm_regs){
		.pc = PROGRAM,
		.msr = variant->msr,
		.sprg0 = BOOK3S_SPRG0,
		.gpr = { [4] = COUNTER, [7] = MSR_RI },
	};
}

FIXTURE_TEARDOWN(reserve)
{
	vmm_free(self->vmm);
}

/* The counter's byte whose value is 256 to the power of @i */
static unsigned char *byte(FIXTURE_DATA(reserve) * self,
			   const FIXTURE_VARIANT(reserve) * variant,
			   unsigned int i)
{
	unsigned char *at = vmm_gpa(self->vmm, COUNTER);

	return at + (variant->msr & MSR_LE ? i : variant->bytes - 1 - i);
}

static void reset(FIXTURE_DATA(reserve) * self,
		  const FIXTURE_VARIANT(reserve) * variant)
{
	unsigned int i;

	for (i = 0; i < variant->bytes; i++)
		*byte(self, variant, i) = i < 8 ? 0 : HIGH >> 8 * (i - 8);
}

static bool high_is_kept(FIXTURE_DATA(reserve) * self,
			 const FIXTURE_VARIANT(reserve) * variant)
{
	uint64_t high = 0;
	unsigned int i;

	for (i = 8; i < variant->bytes; i++)
		high |= (uint64_t)*byte(self, variant, i) << 8 * (i - 8);
	return high == (variant->bytes > 8 ? HIGH : 0);
}

static uint64_t count(FIXTURE_DATA(reserve) * self,
		      const FIXTURE_VARIANT(reserve) * variant)
{
	uint64_t val = 0;
	unsigned int i;

	for (i = 0; i < variant->bytes && i < 8; i++)
		val |= (uint64_t)*byte(self, variant, i) << 8 * i;
	return val;
}

/* What @n is in so many bytes */
static uint64_t counted(unsigned int n, unsigned int bytes)
{
	return bytes < 4 ? n % (1u << 8 * bytes) : n;
}

/* The same of a device's register */
FIXTURE(reserve_device)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
};

FIXTURE_SETUP(reserve_device)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm) || book3s_peer())
		SKIP(return, "the reservation is lost");
	book3s_load(self->vmm, PAYLOAD(exits));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, DEVICE, DEVICE, 0x10000, 16, RPTE_IO);
	book3s_translate(self->vmm);
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
	book3s_put(self->vmm, PROGRAM, true, LWARX(9, 0, 4), LWZ(8, 0, 5),
		   ADDI(9, 9, 1), ADDI(10, 10, 1), STWCX(9, 0, 4), BNE(-20),
		   BDNZ(-24), HCALL(UC_SYNC));
}

FIXTURE_TEARDOWN(reserve_device)
{
	vmm_free(self->vmm);
}

struct counting {
	struct vmm_vcpu *vcpu;
	struct kvm_regs regs;
};

static void *run(void *arg)
{
	struct counting *c = arg;

	c->regs = book3s_run_regs(c->vcpu, c->regs);
	return NULL;
}

/* Of each vCPU, so many times around */
static void count_on(FIXTURE_DATA(reserve) * self, unsigned int vcpus,
		     unsigned int times, struct counting *c)
{
	pthread_t thread[VCPUS];
	unsigned int i;

	for (i = 0; i < vcpus; i++) {
		c[i].vcpu = self->vcpu[i];
		c[i].regs = self->regs;
		c[i].regs.ctr = times;
		c[i].regs.sprg0 = BOOK3S_SPRG0 + i * BOOK3S_STACK;
		pthread_create(&thread[i], NULL, run, &c[i]);
	}
	for (i = 0; i < vcpus; i++)
		pthread_join(thread[i], NULL);
}

/* System calls come to userspace, and the guest is behind one */
static bool done(const struct counting *c)
{
	const __u64 *args = c->vcpu->run->papr_hcall.args;

	if (c->vcpu->run->papr_hcall.nr == UC_TRAP && args[0] == 0xc00 &&
	    args[1] == PROGRAM + 36)
		return true;
	printf("# %s\n", vmm_exit_str(c->vcpu));
	return false;
}

TEST_F_TIMEOUT(reserve, ends, 120)
{
	struct counting c[1];

	reset(self, variant);
	count_on(self, 1, 1000, c);
	EXPECT_TRUE(done(c));
	EXPECT_EQ(counted(1000, variant->bytes), count(self, variant));
	EXPECT_TRUE(high_is_kept(self, variant));
}

TEST_F_TIMEOUT(reserve, counts, 240)
{
	unsigned int times = vmm_env("RESERVE_COUNT", 3000), i;
	struct counting c[VCPUS];

	reset(self, variant);
	count_on(self, VCPUS, times, c);
	for (i = 0; i < VCPUS; i++)
		EXPECT_TRUE(done(&c[i]));
	EXPECT_EQ(counted(VCPUS * times, variant->bytes), count(self, variant));
	EXPECT_TRUE(high_is_kept(self, variant));
}

/* What is written so is written, to the dirty log */
TEST_F_TIMEOUT(reserve, dirty, 120)
{
	unsigned long page = COUNTER / getpagesize();
	uint64_t bits[MEM / 4096 / 64];
	struct kvm_dirty_log log = { .dirty_bitmap = bits };
	struct counting c[1];
	unsigned int i;

	ASSERT_EQ(0, vmm_set_slot(self->vmm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, MEM,
				  self->vmm->mem));
	for (i = 0; i < 3; i++) {
		count_on(self, 1, 300, c);
		EXPECT_TRUE(done(c));
		ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log));
		EXPECT_EQ(1, bits[page / 64] >> page % 64 & 1);
	}
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(0, bits[page / 64] >> page % 64 & 1);
}

/* Userspace's part of the loop is between them, too */
TEST_F_TIMEOUT(reserve_device, ends, 120)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs = {
		.pc = PROGRAM,
		.msr = MSR_VIRT,
		.sprg0 = BOOK3S_SPRG0,
		.ctr = 50,
		.gpr = { [4] = COUNTER, [5] = DEVICE },
	};
	unsigned int loads, n;
	uint32_t *counter = vmm_gpa(self->vmm, COUNTER);

	*counter = 0;
	book3s_set_regs(self->vcpu, &regs);
	for (loads = 0; loads < 3000; loads++) {
		ASSERT_EQ(0, vmm_run(self->vcpu));
		if (run->exit_reason != KVM_EXIT_MMIO)
			break;
		ASSERT_EQ(DEVICE, run->mmio.phys_addr);
		n = loads + 7;
		memcpy(run->mmio.data, &n, 4);
	}
	ASSERT_EQ(KVM_EXIT_PAPR_HCALL, run->exit_reason);
	EXPECT_EQ(UC_SYNC, run->papr_hcall.nr);
	EXPECT_EQ(50, *counter);
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(loads, regs.gpr[10]);
	EXPECT_EQ(loads + 6, regs.gpr[8]);
}

TEST_HARNESS_MAIN
