// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's clocks and interrupts: decrementer, timebase, cede, and external
 * interrupts that userspace sets. On a host whose time counts instructions, so
 * that "late" is a number.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "payloads/timers.h"

#include <pthread.h>

DECLARE_PAYLOAD(timers);

#define MEM (8ul << 20)

/*
 * A quarter of a host tick: what is as late has waited for one. A debugging
 * kernel's own work may last for some.
 */
static uint64_t late(void)
{
	return vmm_debugging_host() ? TB_HZ / 250 * 4 : TB_HZ / 250 / 4;
}

FIXTURE(timers)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(timers)
{
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(timers));
}

FIXTURE_TEARDOWN(timers)
{
	vmm_free(self->vmm);
}

#define START(...)                                                            \
	do {                                                                  \
		self->vcpu =                                                  \
			book3s_add_vcpu(self->vmm, 0, MSR_REAL, __VA_ARGS__); \
		self->run = self->vcpu->run;                                  \
	} while (0)

static void interrupt(struct vmm_vcpu *vcpu, uint32_t irq)
{
	struct kvm_interrupt i = { .irq = irq };

	if (ioctl(vcpu->fd, KVM_INTERRUPT, &i))
		vmm_die("KVM_INTERRUPT");
}

/* The decrementer interrupts neither early nor late */
TEST_F(timers, decrementer)
{
	static const uint64_t ticks[] = { 0, 1, 100, 5000, 100000, 3000000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ticks); i++) {
		if (!i)
			START(T_DEC, ticks[i], 50);
		else
			book3s_set_regs(
				self->vcpu,
				&(struct kvm_regs){
					.msr = MSR_REAL,
					.sprg0 = BOOK3S_SPRG0,
					.gpr = { [1] = GPA_STACKS +
						       BOOK3S_STACK - 0x100,
						 [3] = T_DEC,
						 [4] = ticks[i],
						 [5] = 50 } });
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		printf("# DEC %lu: late by %llu at most\n", ticks[i],
		       self->run->papr_hcall.args[0]);
		EXPECT_GT(late(), self->run->papr_hcall.args[0]);
	}
}

TEST_F(timers, msb)
{
	START(T_MSB, 0, 0);
	while (book3s_run_hcall(self->vcpu) == UC_SYNC)
		;
	EXPECT_EQ(0, self->run->papr_hcall.args[0]);
}

/* Asleep until the decrementer wakes it */
TEST_F(timers, cede)
{
	START(T_CEDE, 300000, 100);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	printf("# late by %llu at most\n", self->run->papr_hcall.args[0]);
	EXPECT_GT(late(), self->run->papr_hcall.args[0]);
	book3s_run_to_exit(self->vcpu);
}

TEST_F(timers, cede_pending)
{
	START(T_CEDE_PENDING, 0, 0);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(1, self->run->papr_hcall.args[0]);
	interrupt(self->vcpu, KVM_INTERRUPT_SET);
	/* this exit comes from the guest's interrupt handler */
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(0x500, self->run->papr_hcall.args[0]);
	book3s_run_to_exit(self->vcpu);
}

TEST_F(timers, reading)
{
	START(T_READ_DEC, 0x7fffffff, 0);
	while (book3s_run_hcall(self->vcpu) == UC_SYNC)
		;
	EXPECT_EQ(0, self->run->papr_hcall.args[0]);
}

/* 56 bits of it, where LPCR says so: no interrupt for hours, and all bits kept */
TEST_F(timers, large)
{
	uint64_t lpcr;

	START(T_READ_DEC, 1ull << 40, 0);
	lpcr = vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64, lpcr | LPCR_LD);
	ASSERT_EQ(lpcr | LPCR_LD, vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64));
	while (book3s_run_hcall(self->vcpu) == UC_SYNC)
		;
	EXPECT_EQ(0, self->run->papr_hcall.args[0]);
}

/* A value that is negative in 32 bits is positive with more bits */
TEST_F(timers, large_msb)
{
	START(T_READ_DEC, 0x90000000, 0);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64,
		    vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64) | LPCR_LD);
	while (book3s_run_hcall(self->vcpu) == UC_SYNC)
		;
	EXPECT_EQ(0, self->run->papr_hcall.args[0]);
}

TEST_F(timers, large_dec)
{
	START(T_DEC, 70000, 50);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64,
		    vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64) | LPCR_LD);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_GT(late(), self->run->papr_hcall.args[0]);
}

/* The host's ticks take the CPU, but not for long, and time goes on */
TEST_F(timers, slices)
{
	START(T_SPIN, TB_HZ, 0);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	printf("# away for %llu ticks at most\n",
	       self->run->papr_hcall.args[0]);
	/* the guest was interrupted, or there was no tick in a second */
	EXPECT_LT(1000, self->run->papr_hcall.args[0]);
	EXPECT_GT(late(), self->run->papr_hcall.args[0]);
	book3s_run_to_exit(self->vcpu);
}

/* DEC_EXPIRY is a time of the guest's: the interrupt comes then */
TEST_F(timers, dec_expiry)
{
	static const uint32_t code[] = { B(0) };
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL | MSR_EE };
	uint64_t offset = 0x123000000, at;
	int i;

	START(0, 0, 0);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TB_OFFSET, offset);
	book3s_code(self->vmm, GPA_FREE, true, code, 1);
	/* straight to userspace: li r3, ori, sc 1 at the vector */
	book3s_code(self->vmm, 0x900, true,
		    (const uint32_t[]){ LI(3, 0), ORI(3, 3, UC_SYNC), MFTB(4),
					SC(1) },
		    4);
	for (i = 0; i < 20; i++) {
		book3s_set_regs(self->vcpu, &r);
		at = mftb() + offset + 1000 + i * 20000;
		vmm_reg_set(self->vcpu, KVM_REG_PPC_DEC_EXPIRY, at);
		EXPECT_EQ(at, vmm_reg(self->vcpu, KVM_REG_PPC_DEC_EXPIRY));
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		EXPECT_LE(at, self->run->papr_hcall.args[0]);
		EXPECT_GT(at + late(), self->run->papr_hcall.args[0]);
	}
}

/*
 * Due since before this host's timebase began, as with a guest that came from an
 * older one: it does not sleep, or not for longer than it takes to see that
 */
TEST_F(timers, cede_overdue)
{
	static const uint32_t code[] = { LI(3, 0xe0), SC(1), B(0) };
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL };

	START(0, 0, 0);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64,
		    vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64) | LPCR_LD);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TB_OFFSET, 1ull << 45);
	book3s_code(self->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	book3s_code(self->vmm, 0x900, true,
		    (const uint32_t[]){ LI(3, 0), ORI(3, 3, UC_SYNC), MFTB(4),
					SC(1) },
		    4);
	book3s_set_regs(self->vcpu, &r);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_DEC_EXPIRY, 1000);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
}

/* Clocks of the guest: TB with its offset, VTB and PURR only forward */
TEST_F(timers, clocks)
{
	uint64_t offset = 0x7000000000ull, before, after, vtb = 0, purr = 0;
	int i;

	START(T_CLOCKS, 0, 0);
	for (i = 0; i < 100; i++) {
		if (i == 50) {
			offset = -0x3000000ull;
			/* as if migrated: a clock of another host */
		}
		vmm_reg_set(self->vcpu, KVM_REG_PPC_TB_OFFSET, offset);
		before = mftb();
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		after = mftb();
		EXPECT_LE(before + offset, self->run->papr_hcall.args[0]);
		EXPECT_GE(after + offset, self->run->papr_hcall.args[0]);
		EXPECT_LE(vtb, self->run->papr_hcall.args[1]);
		EXPECT_LE(purr, self->run->papr_hcall.args[2]);
		vtb = self->run->papr_hcall.args[1];
		purr = self->run->papr_hcall.args[2];
	}
}

/* Run to where the guest has EE off again: external interrupts it had so far */
static uint64_t round_trip(struct vmm_vcpu *vcpu)
{
	while (book3s_run_hcall(vcpu) == UC_SYNC &&
	       vcpu->run->papr_hcall.args[0] == 0x500)
		;
	return vcpu->run->papr_hcall.args[1];
}

TEST_F(timers, external)
{
	uint64_t n;
	int i;

	START(T_EXTERNAL, 0, 0);
	EXPECT_EQ(0, round_trip(self->vcpu));
	/* once */
	interrupt(self->vcpu, KVM_INTERRUPT_SET);
	EXPECT_EQ(1, round_trip(self->vcpu));
	EXPECT_EQ(1, round_trip(self->vcpu));
	/* two before it is taken are one */
	interrupt(self->vcpu, KVM_INTERRUPT_SET);
	interrupt(self->vcpu, KVM_INTERRUPT_SET);
	EXPECT_EQ(2, round_trip(self->vcpu));
	/* a level, until it is taken away */
	interrupt(self->vcpu, KVM_INTERRUPT_SET_LEVEL);
	for (i = 0; i < 50 && self->run->papr_hcall.args[1] < 9; i++)
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(9, self->run->papr_hcall.args[1]);
	interrupt(self->vcpu, KVM_INTERRUPT_UNSET);
	n = round_trip(self->vcpu);
	EXPECT_EQ(9, n);
	EXPECT_EQ(n, round_trip(self->vcpu));
	/* taken away before the guest could have it */
	interrupt(self->vcpu, KVM_INTERRUPT_SET);
	interrupt(self->vcpu, KVM_INTERRUPT_UNSET);
	EXPECT_EQ(n, round_trip(self->vcpu));
	/* which must not make the next level an edge: kvm-hv.ko forgets that */
	if (book3s_peer())
		return;
	interrupt(self->vcpu, KVM_INTERRUPT_SET_LEVEL);
	for (i = 0; i < 50 && self->run->papr_hcall.args[1] < n + 5; i++)
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(n + 5, self->run->papr_hcall.args[1]);
}

struct setter {
	struct vmm_vcpu *vcpu;
	useconds_t after;
};

static void *set_later(void *arg)
{
	struct setter *s = arg;

	usleep(s->after);
	interrupt(s->vcpu, KVM_INTERRUPT_SET);
	return NULL;
}

/* An interrupt that comes while the guest runs, with EE on or off */
TEST_F(timers, external_while_running)
{
	/* a long loop, then EE on, and in a circle */
	static const uint32_t code[] = {
		0x3c800200, /* lis r4,0x200 */
		0x7c8903a6, /* mtctr r4 */
		0x42000000, /* bdnz . */
		0x7ca10164, /* mtmsrd r5,1 */
		0x48000000, /* b . */
	};
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL };
	struct setter s;
	pthread_t t;
	int ee;

	START(0, 0, 0);
	s = (struct setter){ self->vcpu, 5000 };
	book3s_code(self->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	r.sprg0 = BOOK3S_SPRG0;
	r.gpr[5] = MSR_EE | MSR_RI;
	for (ee = 0; ee < 2; ee++) {
		r.msr = MSR_REAL | (ee ? MSR_EE : 0);
		book3s_set_regs(self->vcpu, &r);
		vmm_reg_set(self->vcpu, KVM_REG_PPC_DEC_EXPIRY,
			    mftb() + 0x7f000000);
		pthread_create(&t, NULL, set_later, &s);
		/* the handler of the payload says so */
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		EXPECT_EQ(0x500, self->run->papr_hcall.args[0]);
		EXPECT_EQ(ee + 1, self->run->papr_hcall.args[1]);
		pthread_join(t, NULL);
		/* in the loop, or at the first chance after it */
		if (ee) {
			EXPECT_GE(GPA_FREE + 8, self->run->papr_hcall.args[2]);
		} else {
			EXPECT_EQ(GPA_FREE + 16, self->run->papr_hcall.args[2]);
		}
		memset(&r, 0, sizeof(r));
		r.pc = GPA_FREE;
		r.sprg0 = BOOK3S_SPRG0;
		r.gpr[5] = MSR_EE | MSR_RI;
	}
}

TEST_HARNESS_MAIN
