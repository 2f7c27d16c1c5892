// SPDX-License-Identifier: GPL-2.0
/* Guests of a few instructions on a 440: into the guest, and out of it for each reason. */
#include "kselftest_harness.h"
#include "vmm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM (1u << 20)
/* In the page that firmware maps, and in no slot */
#define DEVICE 0x08000000u

#define LI(r, v) (0x38000000u | (r) << 21 | ((v) & 0xffff))
#define LIS(r, v) (0x3c000000u | (r) << 21 | ((v) & 0xffff))
#define STW(s, d, a) (0x90000000u | (s) << 21 | (a) << 16 | ((d) & 0xffff))
#define LWZ(t, d, a) (0x80000000u | (t) << 21 | (a) << 16 | ((d) & 0xffff))
#define SPRFIELD(n) (((n) & 31) << 16 | ((n) >> 5) << 11)
#define MTSPR(n, s) (0x7c0003a6u | (s) << 21 | SPRFIELD(n))
#define MFSPR(t, n) (0x7c0002a6u | (t) << 21 | SPRFIELD(n))
#define MTDCR(n, s) (0x7c000386u | (s) << 21 | SPRFIELD(n))
#define MFDCR(t, n) (0x7c000286u | (t) << 21 | SPRFIELD(n))
#define ORI(a, s, v) (0x60000000u | (s) << 21 | (a) << 16 | ((v) & 0xffff))
#define B_SELF 0x48000000u
#define WRTEEI1 0x7c008146u
#define MTMSR(s) (0x7c000124u | (s) << 21)

#define SPR_DEC 0x16
#define SPR_SRR0 0x1a
#define SPR_TSR 0x150
#define SPR_TCR 0x154
#define TCR_DIE 0x04000000u
#define TSR_DIS 0x08000000u
#define MSR_WE 0x00040000u
#define MSR_EE 0x8000u
#define IVOR_EXTERNAL 4
#define IVOR_DECREMENTER 10
#define IVOR_DATA_TLB 13

FIXTURE(guest)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	uint32_t *code;
	unsigned int n;
};

FIXTURE_SETUP(guest)
{
	self->vmm = vmm_new(MEM);
	self->vcpu = vmm_add_vcpu(self->vmm, 0);
	self->code = vmm_gpa(self->vmm, 0x1000);
	self->n = 0;
}

FIXTURE_TEARDOWN(guest)
{
	vmm_free(self->vmm);
}

static void start(struct vmm_vcpu *vcpu, uint32_t pc)
{
	struct kvm_regs regs;

	vmm_get_regs(vcpu, &regs);
	regs.pc = pc;
	vmm_set_regs(vcpu, &regs);
}

TEST_F(guest, mmio)
{
	struct kvm_run *run = self->vcpu->run;
	uint32_t value = 0x12345678;
	struct kvm_regs regs;

	self->code[0] = LI(3, 42);
	self->code[1] = LIS(4, DEVICE >> 16);
	self->code[2] = STW(3, 8, 4);
	self->code[3] = LWZ(5, 12, 4);
	self->code[4] = STW(5, 16, 4);
	start(self->vcpu, 0x1000);

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE + 8, run->mmio.phys_addr);
	EXPECT_EQ(4, run->mmio.len);
	EXPECT_EQ(1, run->mmio.is_write);
	EXPECT_EQ(0, memcmp(run->mmio.data, (char[]){ 0, 0, 0, 42 }, 4));

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE + 12, run->mmio.phys_addr);
	EXPECT_EQ(0, run->mmio.is_write);
	memcpy(run->mmio.data, &value, 4);

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(0, memcmp(run->mmio.data, &value, 4));
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x12345678, regs.gpr[5]);
}

TEST_F(guest, privileged_registers)
{
	static const unsigned int sprs[] = { 0x110, 0x113, 0x1a,  0x1b, 0x3a,
					     0x3d,  0x3e,  0x134, 0x190 };
	struct kvm_run *run = self->vcpu->run;
	unsigned int i, n = 0;
	struct kvm_regs regs;

	for (i = 0; i < ARRAY_SIZE(sprs); i++) {
		self->code[n++] = LI(3, 0x100 + i);
		self->code[n++] = MTSPR(sprs[i], 3);
	}
	for (i = 0; i < ARRAY_SIZE(sprs); i++)
		self->code[n++] = MFSPR(10 + i, sprs[i]);
	self->code[n++] = LIS(4, DEVICE >> 16);
	self->code[n++] = STW(3, 0, 4);
	start(self->vcpu, 0x1000);

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	vmm_get_regs(self->vcpu, &regs);
	for (i = 0; i < ARRAY_SIZE(sprs); i++)
		EXPECT_EQ(0x100 + i, regs.gpr[10 + i])
	TH_LOG("SPR %#x", sprs[i]);
}

TEST_F(guest, device_control_registers)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	self->code[0] = LI(3, 77);
	self->code[1] = MTDCR(0xc0, 3);
	self->code[2] = MFDCR(5, 0x3ff);
	self->code[3] = LIS(4, DEVICE >> 16);
	self->code[4] = STW(5, 0, 4);
	start(self->vcpu, 0x1000);

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_DCR, run->exit_reason);
	EXPECT_EQ(0xc0, run->dcr.dcrn);
	EXPECT_EQ(77, run->dcr.data);
	EXPECT_EQ(1, run->dcr.is_write);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_DCR, run->exit_reason);
	EXPECT_EQ(0x3ff, run->dcr.dcrn);
	EXPECT_EQ(0, run->dcr.is_write);
	run->dcr.data = 0xabcdef01;
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0xabcdef01, regs.gpr[5]);
}

/* A vector that stores @code's result, GPR 3, to the device */
static void vector(struct vmm_vcpu *vcpu, unsigned int ivor, uint32_t at,
		   uint32_t code)
{
	uint32_t *p = vmm_gpa(vcpu->vmm, at);
	struct kvm_sregs sregs;

	p[0] = code;
	p[1] = LIS(4, DEVICE >> 16);
	p[2] = STW(3, 0, 4);
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	sregs.u.e.ivpr = 0;
	sregs.u.e.ivor_low[ivor] = at;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		vmm_die("KVM_SET_SREGS");
}

static uint32_t stored(struct kvm_run *run)
{
	uint32_t value;

	memcpy(&value, run->mmio.data, 4);
	return value;
}

static int interrupt(struct vmm_vcpu *vcpu, unsigned int how)
{
	struct kvm_interrupt irq = { .irq = how };

	return ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

/* A level interrupts as long as it is there and enabled, and not before */
TEST_F(guest, external_interrupt)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	vector(self->vcpu, IVOR_EXTERNAL, 0x2000, MFSPR(3, SPR_SRR0));
	self->code[0] = LIS(4, DEVICE >> 16);
	self->code[1] = STW(3, 4, 4);
	self->code[2] = WRTEEI1;
	self->code[3] = STW(3, 8, 4);
	start(self->vcpu, 0x1000);
	ASSERT_EQ(0, interrupt(self->vcpu, KVM_INTERRUPT_SET_LEVEL));

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE + 4, run->mmio.phys_addr);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE, run->mmio.phys_addr);
	EXPECT_EQ(0x100c, stored(run));
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(MSR_EE, regs.srr1);
	EXPECT_EQ(0, regs.msr);

	/* Enabled again, it comes again; once it is gone, the program goes on */
	regs.pc = 0x1008;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(DEVICE, run->mmio.phys_addr);
	ASSERT_EQ(0, interrupt(self->vcpu, KVM_INTERRUPT_UNSET));
	regs.pc = 0x1008;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(DEVICE + 8, run->mmio.phys_addr);
	EXPECT_EQ(-1, interrupt(self->vcpu, 5));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(guest, decrementer)
{
	struct kvm_run *run = self->vcpu->run;

	vector(self->vcpu, IVOR_DECREMENTER, 0x3000, MFSPR(3, SPR_TSR));
	self->code[0] = LIS(3, TCR_DIE >> 16);
	self->code[1] = MTSPR(SPR_TCR, 3);
	self->code[2] = LI(3, 30000);
	self->code[3] = MTSPR(SPR_DEC, 3);
	self->code[4] = WRTEEI1;
	self->code[5] = B_SELF;
	start(self->vcpu, 0x1000);

	alarm(10);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(TSR_DIS, stored(run) & TSR_DIS);
	alarm(0);
}

/* The wait state ends with an interrupt, and is not left otherwise */
TEST_F(guest, wait_state)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	vector(self->vcpu, IVOR_DECREMENTER, 0x3000, MFSPR(3, SPR_SRR0));
	self->code[0] = LIS(3, TCR_DIE >> 16);
	self->code[1] = MTSPR(SPR_TCR, 3);
	self->code[2] = LIS(3, 0x10);
	self->code[3] = MTSPR(SPR_DEC, 3);
	self->code[4] = LIS(3, MSR_WE >> 16);
	self->code[5] = ORI(3, 3, MSR_EE);
	self->code[6] = MTMSR(3);
	self->code[7] = LIS(4, DEVICE >> 16);
	self->code[8] = STW(3, 4, 4);
	start(self->vcpu, 0x1000);

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE, run->mmio.phys_addr);
	EXPECT_EQ(0x101c, stored(run));
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(MSR_WE | MSR_EE, regs.srr1);
}

/* What the guest's TLB does not translate, its kernel hears of */
TEST_F(guest, tlb_miss)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_translation tr = { .linear_address = 0x20000000 };
	struct kvm_sregs sregs;

	vector(self->vcpu, IVOR_DATA_TLB, 0x4000, LI(3, 1));
	self->code[0] = LIS(4, 0x2000);
	self->code[1] = STW(3, 0x10, 4);
	start(self->vcpu, 0x1000);

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE, run->mmio.phys_addr);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0x20000010, sregs.u.e.dear);
	EXPECT_EQ(0x00800000, sregs.u.e.esr);

	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(0, tr.valid);
	tr.linear_address = 0x1234;
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x1234, tr.physical_address);
}

/* Pages that userspace takes away are gone for the guest at once */
TEST_F(guest, memory_taken_away)
{
	struct kvm_run *run = self->vcpu->run;
	uint32_t *data = vmm_gpa(self->vmm, 0x8000);
	struct kvm_regs regs;

	self->code[0] = LWZ(5, -0x8000, 6);
	self->code[1] = LIS(4, DEVICE >> 16);
	self->code[2] = STW(5, 0, 4);
	*data = 0x11111111;
	vmm_get_regs(self->vcpu, &regs);
	regs.gpr[6] = 0x10000;
	regs.pc = 0x1000;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(0x11111111, stored(run));
	ASSERT_EQ(0, madvise(data, getpagesize(), MADV_DONTNEED));
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(0, stored(run));
	*data = 0x22222222;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(0x22222222, stored(run));
}

/* What there is not says so */
TEST_F(guest, what_is_not_there)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE };
	struct kvm_mp_state mp;
	uint64_t value;
	struct kvm_one_reg reg = { .id = KVM_REG_PPC_HIOR,
				   .addr = (uintptr_t)&value };
	struct kvm_sregs sregs;

	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_BOOKE_SREGS));
	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_UNSET_IRQ));
	EXPECT_EQ(0, vmm_check(self->vmm, KVM_CAP_PPC_PAPR));
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_MP_STATE, &mp));
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_ONE_REG, &reg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_CREATE_VCPU, 1ul));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.pvr ^= 1;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	EXPECT_EQ(EINVAL, errno);
}

static void nothing(int sig)
{
}

/* A guest that never exits by itself is left for the host's interrupts */
TEST_F(guest, signal_ends_a_loop)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct kvm_regs regs;

	self->code[0] = B_SELF;
	start(self->vcpu, 0x1000);
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	ASSERT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EINTR, errno);
	EXPECT_EQ(KVM_EXIT_INTR, self->vcpu->run->exit_reason);
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x1000, regs.pc);
}

TEST_HARNESS_MAIN
