// SPDX-License-Identifier: GPL-2.0
/* Guests of a few instructions on a 440: into the guest, and out of it for each reason. */
#include "exits.h"
#include "tracefs.h"

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

/* The tracepoint kvm_booke:kvm_exit tells of each exit its IVOR, address and MSR */
TEST_F(guest, traced)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;
	char where[80];

	if (!tracefs_has("kvm_booke"))
		SKIP(return, "this kernel has no tracepoints");
	self->code[0] = LIS(4, DEVICE >> 16);
	self->code[1] = MFSPR(3, 0x110);
	self->code[2] = MFSPR(3, 0x111);
	self->code[3] = STW(3, 8, 4);
	self->code[4] = STW(3, 12, 4);
	start(self->vcpu, 0x1000);

	ASSERT_TRUE(tracefs_start("kvm_booke"));
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_TRUE(tracefs_stop("kvm_booke"));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	/* This store is not traced */
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	vmm_get_regs(self->vcpu, &regs);

	EXPECT_LE(1, records("kvm_exit: exit=ITLB_MISS ", "pc=0x1000 "));
	EXPECT_EQ(2, records("kvm_exit: exit=PROGRAM ", "pc="));
	snprintf(where, sizeof(where), "pc=0x1004 | msr=0x%llx ", regs.msr);
	EXPECT_EQ(1, records("kvm_exit: exit=PROGRAM ", where));
	snprintf(where, sizeof(where), "pc=0x1008 | msr=0x%llx ", regs.msr);
	EXPECT_EQ(1, records("kvm_exit: exit=PROGRAM ", where));
	EXPECT_EQ(1, records("kvm_exit: exit=DTLB_MISS ", "dar="));
	snprintf(where, sizeof(where), "pc=0x100c | msr=0x%llx | dar=0x%x\n",
		 regs.msr, DEVICE + 8);
	EXPECT_EQ(1, records("kvm_exit: exit=DTLB_MISS ", where));
}

TEST_F(guest, privileged_registers)
{
	static const unsigned int sprs[] = { 0x110, 0x113, 0x1a, 0x1b, 0x3a,
					     0x3b,  0x3d,  0x3f, 0x13c };
	struct kvm_run *run = self->vcpu->run;
	unsigned int i, n = 0;
	struct kvm_regs regs;

	for (i = 0; i < ARRAY_SIZE(sprs); i++) {
		self->code[n++] = LIS(3, 1 + i);
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
		EXPECT_EQ(0x10000 * (i + 1), regs.gpr[10 + i])
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

static int interrupt(struct vmm_vcpu *vcpu, unsigned int how)
{
	struct kvm_interrupt irq = { .irq = how };

	return ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

/* A level interrupts as long as it is asserted and enabled */
TEST_F(guest, external_interrupt)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	vector(self->vcpu, IVOR_EXTERNAL, 0x2000, MFSPR(3, SPR_SRR0));
	self->code[0] = LIS(4, DEVICE >> 16);
	self->code[1] = STW(3, 4, 4);
	self->code[2] = WRTEEI(1);
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
	self->code[4] = WRTEEI(1);
	self->code[5] = B(0);
	start(self->vcpu, 0x1000);

	alarm(10);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(TSR_DIS, stored(run) & TSR_DIS);
	alarm(0);
}

/* Only an interrupt ends the wait state */
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

/* The guest's kernel gets a TLB error for what its TLB does not translate */
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

#define MSR_FP 0x2000u
#define ESR_FP 0x01000000u
#define ESR_ST 0x00800000u

/*
 * The same of an access of which half is to a device, by ESR: was it a store, was it
 * of a floating-point register?
 */
TEST_F(guest, tlb_miss_behind_a_device)
{
	const uint32_t last = 0x0fffffff; /* that firmware maps */
	static const struct {
		uint32_t insn, esr;
	} tries[] = {
		{ LWZ(3, 0, 5), 0 },
		{ STW(3, 0, 5), ESR_ST },
		{ LFD(1, 0, 5), ESR_FP },
		{ INSN_D(54u, 1, 5, 0), ESR_FP | ESR_ST }, /* stfd */
		{ INSN_D(48u, 1, 5, 0), ESR_FP }, /* lfs */
		{ INSN_D(52u, 1, 5, 0), ESR_FP | ESR_ST }, /* stfs */
		{ INSN_X(1, 0, 5, 535), ESR_FP }, /* lfsx */
		{ INSN_X(1, 0, 5, 983), ESR_FP | ESR_ST }, /* stfiwx */
		{ INSN_X(3, 0, 5, 534), 0 }, /* lwbrx */
	};
	struct kvm_run *run = self->vcpu->run;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	unsigned int i, n;

	vector(self->vcpu, IVOR_DATA_TLB, 0x4000, LI(3, 1));
	vector(self->vcpu, IVOR_FP, 0x5000, LI(3, 2));
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		self->code[0] = tries[i].insn;
		vmm_get_regs(self->vcpu, &regs);
		regs.pc = 0x1000;
		regs.msr = MSR_FP;
		regs.gpr[5] = last - 1;
		vmm_set_regs(self->vcpu, &regs);
		for (n = 0; n < 8; n++) {
			ASSERT_EQ(0, vmm_run(self->vcpu));
			ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
			if (run->mmio.phys_addr == DEVICE)
				break;
			EXPECT_EQ(tries[i].esr & ESR_ST ? 1 : 0,
				  run->mmio.is_write);
		}
		EXPECT_LE(1, n);
		if (stored(run) == 2)
			SKIP(return, "the host has no floating point");
		EXPECT_EQ(1, stored(run));
		ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
		EXPECT_EQ(last + 1, sregs.u.e.dear);
		EXPECT_EQ(tries[i].esr, sregs.u.e.esr)
		TH_LOG("try %u", i);
	}
}

/* Pages that userspace unmaps are unmapped for the guest at once */
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

/* Which pages the guest wrote, each time that is asked */
TEST_F(guest, dirty_log)
{
	struct kvm_run *run = self->vcpu->run;
	uint32_t bitmap[MEM / 4096 / 32];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };
	long page = getpagesize();
	struct kvm_regs regs;
	unsigned int i, n;

	ASSERT_EQ(0, vmm_set_slot(self->vmm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, MEM,
				  self->vmm->mem));
	self->code[0] = STW(3, 0, 5);
	self->code[1] = LWZ(6, 0, 7);
	self->code[2] = LIS(4, DEVICE >> 16);
	self->code[3] = STW(6, 0, 4);
	for (i = 0; i < 4; i++) {
		/* The same page twice, then others; a load is no store */
		unsigned int nr = 16 + i / 2;

		vmm_get_regs(self->vcpu, &regs);
		regs.pc = 0x1000;
		regs.gpr[5] = nr * page;
		regs.gpr[7] = 20 * page;
		vmm_set_regs(self->vcpu, &regs);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
		ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &log));
		for (n = 0; n < MEM / page; n++) {
			/* Bits in little-endian order */
			uint8_t byte = ((uint8_t *)bitmap)[n / 8];

			EXPECT_EQ(n == nr, (byte >> n % 8) & 1)
			TH_LOG("round %u, page %u", i, n);
		}
	}
}

/*
 * All registers are what they were, after many exits. Those write no TLB entries;
 * the host's own misses take some now and then, which come again.
 */
TEST_F(guest, registers_survive_exits)
{
	struct kvm_run *run = self->vcpu->run;
	unsigned long writes, exits, n = vmm_env("EXITS", 20000);
	struct kvm_regs regs, after;
	unsigned int i;

	self->code[0] = MTSPR(0x110, 9); /* SPRG0 */
	self->code[1] = MFSPR(10, 0x110);
	self->code[2] = 0x7f895000; /* cmpw cr7,r9,r10 */
	self->code[3] = 0x409e0010; /* bne cr7,+16 */
	self->code[4] = ADDI(9, 9, 3);
	self->code[5] = BDNZ(-20);
	self->code[6] = STW(9, 0, 8);
	self->code[7] = STW(10, 4, 8);
	vmm_get_regs(self->vcpu, &regs);
	for (i = 0; i < 32; i++)
		regs.gpr[i] = 0x01010101u * i;
	regs.gpr[8] = DEVICE;
	regs.gpr[9] = 7;
	regs.ctr = n;
	regs.lr = 0x12345678;
	regs.cr = 0x12345670;
	regs.xer = 0xa0000000;
	for (i = 4; i < 8; i++)
		*(&regs.sprg0 + i) = 0x1000 + i;
	regs.pc = 0x1000;
	vmm_set_regs(self->vcpu, &regs);
	writes = vmm_stat(self->vmm, "tlb_writes");
	exits = vmm_stat(self->vmm, "sum_exits");

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE, run->mmio.phys_addr);
	EXPECT_LE(2 * n, vmm_stat(self->vmm, "sum_exits") - exits);
	writes = vmm_stat(self->vmm, "tlb_writes") - writes;
	EXPECT_LE(writes, n / 50);
	printf("# %lu TLB entries written in %lu exits\n", writes, 2 * n);
	vmm_get_regs(self->vcpu, &after);
	EXPECT_EQ(7 + 3 * n, after.gpr[9]);
	EXPECT_EQ(after.gpr[9] - 3, after.gpr[10]);
	for (i = 0; i < 32; i++)
		if (i != 9 && i != 10)
			EXPECT_EQ(regs.gpr[i], after.gpr[i])
	TH_LOG("r%u", i);
	EXPECT_EQ(0, after.ctr);
	EXPECT_EQ(regs.lr, after.lr);
	EXPECT_EQ(regs.xer, after.xer);
	/* CR7 says "equal", and has XER's SO */
	EXPECT_EQ((regs.cr & ~0xfu) | 3, after.cr);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(*(&after.sprg0 + i),
			  i ? *(&regs.sprg0 + i) : after.gpr[10]);
}

/* Registers and instructions that do not exist cause program interrupts */
TEST_F(guest, what_is_not_there)
{
	struct kvm_mp_state mp;
	uint64_t value;
	struct kvm_one_reg reg = { .id = KVM_REG_PPC_HIOR,
				   .addr = (uintptr_t)&value };
	struct kvm_sregs sregs;

	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_BOOKE_SREGS));
	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_UNSET_IRQ));
	EXPECT_EQ(0, vmm_check(self->vmm, KVM_CAP_PPC_PAPR));
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

/* The host's interrupts end a guest that never exits by itself */
TEST_F(guest, signal_ends_a_loop)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct kvm_regs regs;

	self->code[0] = B(0);
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
