// SPDX-License-Identifier: GPL-2.0
/* A 440 guest's timers and its timebase: what happens while nobody looks. */
#include "exits.h"

#include <time.h>

#define SPR_DECAR 0x36
#define SPR_TBL 0x11c
#define SPR_TBU 0x11d
#define TCR_ARE 0x00400000u
#define TCR_FP(n) ((uint32_t)(n) << 24)
#define TSR_FIS 0x04000000u
#define SUBF(t, a, b) INSN_X(t, a, b, 40)
#define BLT(d) (0x41800000u | ((d) & 0xfffc))

/* Spins for r9 ticks, with no instruction that ends the guest */
static unsigned int put_wait(uint32_t *code)
{
	code[0] = MFTB(6);
	code[1] = MFTB(7);
	code[2] = SUBF(7, 6, 7);
	code[3] = CMPLW(7, 9);
	code[4] = BLT(-12);
	return 5;
}

#define TICKS 200000u

/*
 * Often, since a tick of the host's that comes while the guest spins is a look
 * at its timers. @r3 and @r5 are what the guest begins with; @wrong says so of
 * what it stores
 */
static void run_with(struct __test_metadata *_metadata,
		     FIXTURE_DATA(guest) * self, uint32_t r3, uint32_t r5,
		     bool (*wrong)(uint32_t))
{
	struct kvm_regs regs;
	unsigned int i;

	self->code[self->n++] = STW(3, 0, 8);
	alarm(20);
	for (i = 0; i < 20; i++) {
		vmm_get_regs(self->vcpu, &regs);
		regs.pc = 0x1000;
		regs.gpr[3] = r3;
		regs.gpr[5] = r5;
		regs.gpr[8] = DEVICE;
		regs.gpr[9] = TICKS;
		regs.gpr[10] = ~0u;
		vmm_set_regs(self->vcpu, &regs);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_MMIO, self->vcpu->run->exit_reason);
		ASSERT_EQ(DEVICE, self->vcpu->run->mmio.phys_addr);
		ASSERT_FALSE(wrong(stored(self->vcpu->run)))
		{
			TH_LOG("round %u: %#x", i, stored(self->vcpu->run));
		}
	}
	alarm(0);
}

static bool no_dis(uint32_t tsr)
{
	return !(tsr & TSR_DIS);
}

static bool dis(uint32_t tsr)
{
	return tsr & TSR_DIS;
}

static bool no_fis(uint32_t tsr)
{
	return !(tsr & TSR_FIS);
}

/* Up to four seconds of 400 MHz after it was 0x7fffffff */
static bool not_reloaded(uint32_t dec)
{
	return dec < 0x20000000 || dec > 0x7fffffff - TICKS / 2;
}

static bool never(uint32_t value)
{
	return false;
}

/* A decrementer that has run out says so, as soon as it is asked */
TEST_F(guest, status_after_spinning)
{
	self->code[self->n++] = MTSPR(SPR_TSR, 10);
	self->code[self->n++] = MTSPR(SPR_DEC, 3);
	self->n += put_wait(self->code + self->n);
	self->code[self->n++] = MFSPR(3, SPR_TSR);
	run_with(_metadata, self, TICKS / 2, 0, no_dis);
}

/* It does so though it has been written again since */
TEST_F(guest, decrementer_written_again)
{
	self->code[self->n++] = MTSPR(SPR_TSR, 10);
	self->code[self->n++] = MTSPR(SPR_DEC, 3);
	self->n += put_wait(self->code + self->n);
	self->code[self->n++] = MTSPR(SPR_DEC, 5);
	self->code[self->n++] = MFSPR(3, SPR_TSR);
	run_with(_metadata, self, TICKS / 2, 0x7fffffff, no_dis);
}

/* And has been reloaded, without an interrupt */
TEST_F(guest, decrementer_reloaded)
{
	self->code[self->n++] = LIS(3, TCR_ARE >> 16);
	self->code[self->n++] = MTSPR(SPR_TCR, 3);
	self->code[self->n++] = MTSPR(SPR_DECAR, 5);
	self->code[self->n++] = LI(3, 1000);
	self->code[self->n++] = MTSPR(SPR_DEC, 3);
	self->n += put_wait(self->code + self->n);
	self->code[self->n++] = MFSPR(3, SPR_DEC);
	run_with(_metadata, self, 0, 0x7fffffff, not_reloaded);
}

/* The timebase's bit 19 has become 1 several times; that another one counts from now on does not change it */
TEST_F(guest, edge_before_another_period)
{
	self->code[self->n++] = LI(3, 0);
	self->code[self->n++] = MTSPR(SPR_TCR, 3);
	self->code[self->n++] = MTSPR(SPR_TSR, 10);
	self->n += put_wait(self->code + self->n);
	self->code[self->n++] = MTSPR(SPR_TCR, 5);
	self->code[self->n++] = MFSPR(3, SPR_TSR);
	run_with(_metadata, self, 0, TCR_FP(3), no_fis);
}

/* What has been cleared after it came does not come again */
TEST_F(guest, cleared_after_it_came)
{
	self->code[self->n++] = MTSPR(SPR_DEC, 3);
	self->n += put_wait(self->code + self->n);
	self->code[self->n++] = MTSPR(SPR_TSR, 10);
	self->code[self->n++] = MFSPR(3, SPR_TSR);
	run_with(_metadata, self, TICKS / 2, 0, dis);
}

/*
 * A processor that has just been made has no timer's status. 2^13 ticks pass soon;
 * the watchdog's 2^21 do, too, where this is interrupted or as they are nearly over,
 * but not each time.
 */
TEST_F(guest, nothing_before_the_beginning)
{
	struct kvm_sregs sregs = { .u.e.tsr = ~0u };
	unsigned int i;

	for (i = 0; i < 20 && sregs.u.e.tsr & ~TSR_FIS; i++) {
		struct vmm *vmm = vmm_new(MEM);
		struct vmm_vcpu *vcpu = vmm_add_vcpu(vmm, 0);

		ASSERT_EQ(0, ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
		EXPECT_EQ(0, sregs.u.e.tsr & TSR_DIS);
		vmm_free(vmm);
	}
	EXPECT_EQ(0, sregs.u.e.tsr & ~TSR_FIS);
}

/* Userspace, which resets, clears TCR[WRC], and the guest does not */
TEST_F(guest, watchdog_reset_control)
{
	const uint32_t wrc = 0x20000000;
	struct kvm_sregs sregs;

	self->code[self->n++] = LIS(3, wrc >> 16);
	self->code[self->n++] = MTSPR(SPR_TCR, 3);
	self->code[self->n++] = LI(3, 0);
	self->code[self->n++] = MTSPR(SPR_TCR, 3);
	self->code[self->n++] = MFSPR(3, SPR_TCR);
	run_with(_metadata, self, 0, 0, never);
	EXPECT_EQ(wrc, stored(self->vcpu->run));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(wrc, sregs.u.e.tcr);
	sregs.u.e.tcr = 0;
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0, sregs.u.e.tcr);
	/* Another processor's are not this one's */
	sregs.u.e.pir++;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	EXPECT_EQ(EINVAL, errno);
}

static uint64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/*
 * What the guest writes to the timebase moves nobody's clock: it reads the
 * host's, which goes on as the host's clock does
 */
TEST_F(guest, timebase)
{
	struct kvm_run *run = self->vcpu->run;
	uint64_t value = 0x123456789abcull, before, after, guest, ns, ticks;
	struct kvm_one_reg reg = { .id = KVM_REG_PPC_TB_OFFSET,
				   .addr = (uintptr_t)&value };
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	unsigned int i;

	self->code[0] = MTSPR(SPR_TBL, 3);
	self->code[1] = MTSPR(SPR_TBU, 10);
	self->code[2] = MTSPR(SPR_TBL, 10);
	self->code[3] = 0x7cad42a6; /* mftbu r5 */
	self->code[4] = MFTB(6);
	self->code[5] = STW(3, 0, 8);
	self->code[6] = B(-24);
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1000;
	regs.gpr[3] = 0;
	regs.gpr[8] = DEVICE;
	regs.gpr[10] = 0x7654;
	vmm_set_regs(self->vcpu, &regs);
	ns = monotonic();
	ticks = mftb();
	for (i = 0; i < 1000; i++) {
		before = mftb();
		ASSERT_EQ(0, vmm_run(self->vcpu));
		after = mftb();
		ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
		vmm_get_regs(self->vcpu, &regs);
		guest = regs.gpr[5] << 32 | (uint32_t)regs.gpr[6];
		ASSERT_LE(before, guest);
		ASSERT_GE(after, guest);
	}
	ns = monotonic() - ns;
	ticks = (mftb() - ticks) * 1000000000ull / tb_hz();
	/* To a part in a hundred, since the two are not read at once */
	EXPECT_GE(ticks + ticks / 100, ns);
	EXPECT_LE(ticks - ticks / 100, ns);

	before = mftb();
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_LE(before, sregs.u.e.tb);
	EXPECT_GE(mftb(), sregs.u.e.tb);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_ONE_REG, &reg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_ONE_REG, &reg));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
