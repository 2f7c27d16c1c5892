// SPDX-License-Identifier: GPL-2.0
/*
 * What a 440's guest must not lose, or must not keep, on its way out and in:
 * reservations and cached instructions.
 */
#include "exits.h"

#define WORD 0x8000u
#define EQ 0x20000000u
#define ICCCI INSN_X(0, 0, 0, 966)

/* Loads and reserves, @between, adds 1, and stores if the reservation is held; again until it is */
static void run_atomic(struct __test_metadata *_metadata,
		       FIXTURE_DATA(guest) * self, const uint32_t *between,
		       unsigned int n)
{
	struct kvm_run *run = self->vcpu->run;
	uint32_t *word = vmm_gpa(self->vmm, WORD);
	struct kvm_regs regs;

	self->code[0] = LWARX(5, 0, 6);
	memcpy(self->code + 1, between, 4 * n);
	self->code[n + 1] = ADDI(5, 5, 1);
	self->code[n + 2] = STWCX(5, 0, 6);
	self->code[n + 3] = BNE(-4 * (int)(n + 3));
	self->code[n + 4] = STW(5, 4, 8);
	*word = 0x1234;
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1000;
	regs.gpr[6] = WORD;
	regs.gpr[8] = DEVICE;
	vmm_set_regs(self->vcpu, &regs);
	alarm(20);
	do {
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	} while (run->mmio.phys_addr == DEVICE);
	alarm(0);
	ASSERT_EQ(DEVICE + 4, run->mmio.phys_addr);
	EXPECT_EQ(0x1235, stored(run));
	EXPECT_EQ(0x1235, *word);
}

#define ATOMIC(...)                                                    \
	run_atomic(_metadata, self, (const uint32_t[]){ __VA_ARGS__ }, \
		   sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

/* An instruction that is emulated between the two does not let the loop go on for ever */
TEST_F(guest, emulated_between)
{
	ATOMIC(MFMSR(7));
	ATOMIC(MFSPR(7, 0x110));
	ATOMIC(MTSPR(0x110, 7));
	ATOMIC(WRTEEI(0));
	ATOMIC(ICCCI);
}

TEST_F(guest, more_than_one_between)
{
	ATOMIC(MFMSR(7), NOP, MFSPR(7, 0x110), MTSPR(0x110, 7), NOP);
	/* What was loaded is changed before, and after */
	ATOMIC(ADDI(5, 5, 1), MFMSR(7), ADDI(5, 5, -1));
	/* A branch that is not taken */
	ATOMIC(CMPLW(5, 8), 0x41820040 /* beq */, MFMSR(7));
}

/* A device's register between: userspace is asked, and the guest goes on with what it had */
TEST_F(guest, device_between)
{
	ATOMIC(LWZ(7, 0, 8));
	ATOMIC(STW(7, 0, 8), MFMSR(7));
}

/* A value that another thread has stored meanwhile is not overwritten */
TEST_F(guest, stored_meanwhile)
{
	struct kvm_run *run = self->vcpu->run;
	volatile uint32_t *word = vmm_gpa(self->vmm, WORD);
	struct kvm_regs regs;
	unsigned int rounds = 0;

	self->code[0] = LWARX(5, 0, 6);
	self->code[1] = LWZ(7, 0, 8);
	self->code[2] = ADDI(5, 5, 1);
	self->code[3] = STWCX(5, 0, 6);
	self->code[4] = BNE(-16);
	self->code[5] = STW(5, 4, 8);
	*word = 100;
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1000;
	regs.gpr[6] = WORD;
	regs.gpr[8] = DEVICE;
	vmm_set_regs(self->vcpu, &regs);
	alarm(20);
	for (;;) {
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
		if (run->mmio.phys_addr != DEVICE)
			break;
		if (++rounds <= 5)
			*word += 100;
	}
	alarm(0);
	EXPECT_EQ(601, stored(run));
	EXPECT_EQ(601, *word);
	EXPECT_EQ(6, rounds);
}

/* Begun between the two, nothing is reserved, even if the word has what lwarx would have loaded */
TEST_F(guest, nothing_reserved)
{
	struct kvm_run *run = self->vcpu->run;
	uint32_t *word = vmm_gpa(self->vmm, WORD);
	struct kvm_regs regs;

	self->code[0] = LWARX(5, 0, 6);
	self->code[1] = MFMSR(7);
	self->code[2] = STWCX(8, 0, 6);
	self->code[3] = MFCR(3);
	self->code[4] = STW(3, 0, 8);
	*word = 42;
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1004;
	regs.gpr[5] = 42;
	regs.gpr[6] = WORD;
	regs.gpr[8] = DEVICE;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(0, stored(run) & EQ);
	EXPECT_EQ(42, *word);
}

/* An interrupt between the two, which the guest takes, ends the reservation */
TEST_F(guest, interrupt_between)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_interrupt irq = { .irq = KVM_INTERRUPT_SET };
	uint32_t *handler = vmm_gpa(self->vmm, 0x2000);
	uint32_t *word = vmm_gpa(self->vmm, WORD);
	struct kvm_regs regs;

	set_vector(self->vcpu, IVOR_EXTERNAL, 0x2000);
	handler[0] = RFI;
	self->code[0] = LWARX(5, 0, 6);
	self->code[1] = WRTEEI(1);
	self->code[2] = STWCX(8, 0, 6);
	self->code[3] = MFCR(3);
	self->code[4] = STW(3, 0, 8);
	*word = 42;
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1000;
	regs.gpr[6] = WORD;
	regs.gpr[8] = DEVICE;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_INTERRUPT, &irq));
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x1008, regs.srr0);
	EXPECT_EQ(0, stored(run) & EQ);
	EXPECT_EQ(42, *word);
}

/* How often the instruction cache is made invalid while @code runs @rounds times, up to a store to the device */
static uint64_t invalidations(struct __test_metadata *_metadata,
			      FIXTURE_DATA(guest) * self, const uint32_t *code,
			      unsigned int n, unsigned int rounds)
{
	struct kvm_regs regs;
	uint64_t before;

	memcpy(self->code, code, 4 * n);
	self->code[n] = BDNZ(-4 * (int)n);
	self->code[n + 1] = LIS(8, DEVICE >> 16);
	self->code[n + 2] = STW(3, 0, 8);
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1000;
	regs.ctr = rounds;
	vmm_set_regs(self->vcpu, &regs);
	before = vmm_stat(self->vmm, "icache_invalidations");
	alarm(20);
	ASSERT_EQ(0, vmm_run(self->vcpu))
	{
		return 0;
	}
	alarm(0);
	EXPECT_EQ(KVM_EXIT_MMIO, self->vcpu->run->exit_reason);
	return vmm_stat(self->vmm, "icache_invalidations") - before;
}

#define INVALIDATIONS(...)                                                \
	invalidations(_metadata, self, (const uint32_t[]){ __VA_ARGS__ }, \
		      sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4, 1000)

/*
 * Nothing that was fetched may be left when the guest's iccci says so, or when
 * another of its contexts runs; otherwise it may
 */
TEST_F(guest, instruction_cache)
{
	/* A way of userspace's, and pages that are mapped */
	EXPECT_GE(100, INVALIDATIONS(MFMSR(7)));
	EXPECT_LE(1, INVALIDATIONS(MFMSR(7)));
	EXPECT_LE(1000, INVALIDATIONS(ICCCI));
	EXPECT_GE(1100, INVALIDATIONS(ICCCI));
	/* Another PID, and back */
	EXPECT_LE(2000, INVALIDATIONS(LI(3, 5), MTSPR(0x30, 3), LI(3, 6),
				      MTSPR(0x30, 3)));
	/* Another page to execute */
	ASSERT_EQ(0, madvise(self->code, getpagesize(), MADV_DONTNEED));
	EXPECT_LE(2, INVALIDATIONS(NOP));
}

TEST_HARNESS_MAIN
