// SPDX-License-Identifier: GPL-2.0
/*
 * An instruction that a host has to emulate is fetched after it has trapped.
 * Another vCPU stores other instructions there meanwhile: either the
 * instruction that trapped is emulated, with the privilege that it was executed
 * with, or none is.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <endian.h>
#include <pthread.h>
#include <signal.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define KERNEL 0x500000ul /* code of the guest's kernel, and its data */
#define SWAPPER 0x580000ul
#define STOP 0x590000ul
#define PROGRAM 0x600000ul /* of its program */
#define DEVICE 0x40000000ul

#define DAR 19
#define SRR0 26
#define FSCR 153
#define SPRG1 273
#define EBBHR 804
#define EBBRR 805
#define DEC 22

#define FSCR_EBB (1ull << 7)

/* No register of the kernel's has it, and FSCR would have what it needs */
#define MAGIC (0x5a5a0000ull | FSCR_EBB)
#define SECRET 0x7e570001ull

FIXTURE(fetch_race)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu, *other;
	struct kvm_regs regs;
	pthread_t thread;
	uint64_t at; /* what is swapped */
	uint32_t word[2];
	unsigned long turns;
};

FIXTURE_SETUP(fetch_race)
{
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	book3s_map(self->vmm, 0, 0, PROGRAM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, PROGRAM, PROGRAM, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_map(self->vmm, DEVICE, DEVICE, 0x10000, 16, RPTE_IO);
	book3s_translate(self->vmm);
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
	self->other = book3s_add_vcpu(self->vmm, 1, MSR_VIRT, 0, 0, 0);
	self->regs.sprg0 = BOOK3S_SPRG0;
}

FIXTURE_TEARDOWN(fetch_race)
{
	vmm_free(self->vmm);
}

/* The other vCPU stores one word and the other, until it is told to stop */
static void *swap(void *arg)
{
	FIXTURE_DATA(fetch_race) *self = arg;
	struct kvm_regs regs = {
		.pc = SWAPPER,
		.msr = MSR_VIRT,
		.gpr = { [4] = self->at,
			 [5] = self->word[0],
			 [6] = self->word[1],
			 [7] = STOP },
	};

	regs = book3s_run_regs(self->other, regs);
	self->turns = regs.gpr[10];
	return NULL;
}

static void start(FIXTURE_DATA(fetch_race) * self, uint64_t at, uint32_t first,
		  uint32_t second)
{
	sigset_t alarm;

	self->at = at;
	self->word[0] = first;
	self->word[1] = second;
	*(uint32_t *)vmm_gpa(self->vmm, STOP) = 0;
	book3s_put(self->vmm, SWAPPER, true, STW(5, 0, 4), ADDI(10, 10, 1),
		   LI(9, 200), MTCTR(9), BDNZ(0), STW(6, 0, 4), MTCTR(9),
		   BDNZ(0), LWZ(8, 0, 7), CMPLW(8, 11), BEQ(-40),
		   HCALL(UC_SYNC));
	/* alarms are for the thread that runs the program */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	pthread_create(&self->thread, NULL, swap, self);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	while (*(volatile uint32_t *)vmm_gpa(self->vmm, at) != htole32(first))
		;
}

static void stop(FIXTURE_DATA(fetch_race) * self)
{
	*(volatile uint32_t *)vmm_gpa(self->vmm, STOP) = 1;
	pthread_join(self->thread, NULL);
	printf("# %lu turns, %ld not executed as fetched\n", self->turns,
	       vmm_stat(self->vmm, "fetch_retries"));
}

static void on_alarm(int sig)
{
}

/* Runs until a signal, many times; false if something else ended the guest */
static bool until_alarm(FIXTURE_DATA(fetch_race) * self)
{
	if (vmm_run(self->vcpu) != -1 || errno != EINTR) {
		printf("# %s\n", vmm_exit_str(self->vcpu));
		return false;
	}
	vmm_get_regs(self->vcpu, &self->regs);
	return true;
}

static void alarms(unsigned int us)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	ualarm(us, us);
}

/*
 * A program uses a facility that it has, and that is emulated. The word becomes
 * an access to a register of the kernel's, which is a program interrupt; the
 * kernel tries again.
 */
TEST_F_TIMEOUT(fetch_race, program, 300)
{
	static const struct {
		uint32_t permitted, privileged;
	} t[] = {
		{ MTSPR(EBBHR, 5), MTSPR(SPRG1, 5) },
		{ MTSPR(EBBHR, 5), MTSPR(SRR0, 5) },
		{ MTSPR(EBBHR, 5), MTSPR(FSCR, 5) },
		{ MTSPR(EBBRR, 5), MTSPR(DAR, 5) },
		{ MFSPR(9, EBBRR), MFSPR(9, SPRG1) },
	};
	unsigned long n = vmm_env("FETCH_RACE_COUNT", 300);
	unsigned int i, j;

	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the processor executes these itself");
	if (book3s_peer())
		SKIP(return, "kvm-pr takes what it fetches for what trapped");
	book3s_put(self->vmm, 0x700, true, RFID);
	/* the return to a program enables interrupts */
	book3s_put(self->vmm, 0x900, true, LIS(31, 0x7fff), MTSPR(DEC, 31),
		   RFID);
	book3s_put(self->vmm, PROGRAM, true, 0, OR(10, 10, 9), B(-8));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		self->regs.pc = PROGRAM;
		self->regs.msr = MSR_VIRT | MSR_PR;
		self->regs.sprg1 = SECRET;
		self->regs.gpr[5] = MAGIC;
		self->regs.gpr[9] = self->regs.gpr[10] = 0;
		vmm_reg_set(self->vcpu, KVM_REG_PPC_FSCR, FSCR_EBB);
		vmm_reg_set(self->vcpu, KVM_REG_PPC_EBBRR, 0);
		vmm_reg_set(self->vcpu, KVM_REG_PPC_DAR, 0);
		book3s_set_regs(self->vcpu, &self->regs);
		start(self, PROGRAM, t[i].permitted, t[i].privileged);
		alarms(3000);
		for (j = 0; j < n; j++) {
			ASSERT_TRUE(until_alarm(self));
			EXPECT_EQ(SECRET, self->regs.sprg1);
			EXPECT_NE(MAGIC, self->regs.srr0);
			EXPECT_EQ(FSCR_EBB,
				  vmm_reg(self->vcpu, KVM_REG_PPC_FSCR) &
					  0xffffffff);
			EXPECT_EQ(0, vmm_reg(self->vcpu, KVM_REG_PPC_DAR));
			EXPECT_EQ(0, self->regs.gpr[10] & SECRET);
			if (_metadata->exit_code)
				break;
		}
		ualarm(0, 0);
		stop(self);
		EXPECT_LT(100, self->turns);
		ASSERT_EQ(0, _metadata->exit_code);
	}
}

/*
 * The guest's kernel replaces an instruction that is emulated by one that does
 * nothing, and the other way round: nothing happens. There is no icbi, and so the
 * processor may hold on to the load where storage has the other. The guest is told
 * of that by an interrupt, and tries again.
 */
TEST_F_TIMEOUT(fetch_race, kernel, 120)
{
	static const uint32_t t[] = {
		MFSPR(9, SPRG1),
		LWZ(9, 0, 4),
		MTMSRD(5, 1),
	};
	unsigned long n = vmm_env("FETCH_RACE_COUNT", 300);
	unsigned long i, j, devices = 0;

	if (book3s_peer())
		SKIP(return, "kvm.ko takes what it fetches for what trapped");
	book3s_put(self->vmm, 0x300, true, RFID);
	book3s_put(self->vmm, 0x700, true, RFID);
	self->regs.gpr[4] = DEVICE;
	self->regs.gpr[5] = MSR_RI;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct kvm_regs regs = self->regs;

		regs.pc = KERNEL;
		regs.msr = MSR_VIRT;
		book3s_put(self->vmm, KERNEL, true, LI(6, 2000), MTCTR(6), NOP,
			   BDNZ(-4), HCALL(UC_SYNC));
		start(self, KERNEL + 8, t[i], NOP);
		for (j = 0; j < n; j++) {
			book3s_set_regs(self->vcpu, &regs);
			do {
				ASSERT_EQ(0, vmm_run(self->vcpu));
				devices += self->vcpu->run->exit_reason ==
					   KVM_EXIT_MMIO;
			} while (self->vcpu->run->exit_reason == KVM_EXIT_MMIO);
			EXPECT_EQ(KVM_EXIT_PAPR_HCALL,
				  self->vcpu->run->exit_reason);
			EXPECT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
			if (_metadata->exit_code) {
				printf("# %s\n", vmm_exit_str(self->vcpu));
				break;
			}
		}
		stop(self);
		EXPECT_LT(100, self->turns);
		ASSERT_EQ(0, _metadata->exit_code);
	}
	EXPECT_LT(0, devices);
}

TEST_HARNESS_MAIN
