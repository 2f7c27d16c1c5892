// SPDX-License-Identifier: GPL-2.0
/* What a 440 guest's kernel sees beside the usual: address spaces, machine checks, sizes of pages. */
#include "exits.h"

/* A TLB entry of the guest's, written by its own tlbwe: r20 to r23 */
static unsigned int put_tlbwe(uint32_t *code)
{
	code[0] = TLBWE(21, 20, 0);
	code[1] = TLBWE(22, 20, 1);
	code[2] = TLBWE(23, 20, 2);
	return 3;
}

#define TLB_VALID 0x200u
#define TLB_TS 0x100u
#define TLB_4K 0x10u
#define TLB_SXWR 7u

/*
 * An instruction loads from its own page, where data are translated by another
 * address space than instructions
 */
TEST_F(guest, data_in_another_space)
{
	struct kvm_run *run = self->vcpu->run;
	uint32_t *data = vmm_gpa(self->vmm, 0x9000);
	uint32_t msr = MSR_DS;
	struct kvm_regs regs;
	unsigned int i, n = 0;

	for (i = 0; i < 1024; i++)
		data[i] = 0x5a000000 + i;
	for (i = 64; i < 1024; i++)
		self->code[i] = 0xdead0000 + i;
	n = put_tlbwe(self->code);
	self->code[n++] = LI(20, 2);
	self->code[n++] = LIS(21, DEVICE >> 16);
	self->code[n++] = ORI(21, 21, TLB_VALID | TLB_TS | TLB_4K);
	self->code[n++] = LIS(22, DEVICE >> 16);
	n += put_tlbwe(self->code + n);
	self->code[n++] = MTMSR(7);
	self->code[n++] = LWZ(5, 0x100, 6);
	self->code[n++] = STW(7, 0x104, 6);
	self->code[n++] = LWARX(8, 0, 6);
	self->code[n++] = STWCX(7, 0, 6);
	self->code[n++] = MFCR(9);
	self->code[n++] = STWCX(7, 0, 6); /* nothing reserved */
	self->code[n++] = MFCR(10);
	self->code[n++] = DCBZ(0, 3);
	self->code[n++] = ICBI(0, 6);
	self->code[n++] = 0xbba60200; /* lmw r29,0x200(r6) */
	self->code[n++] = LWZ(12, 0x300, 6);
	self->code[n++] = LIS(4, DEVICE >> 16);
	self->code[n++] = STW(5, 0, 4);

	vmm_get_regs(self->vcpu, &regs);
	regs.gpr[3] = 0x1140;
	regs.gpr[6] = 0x1000;
	regs.gpr[7] = msr;
	regs.gpr[20] = 1;
	regs.gpr[21] = 0x1000 | TLB_VALID | TLB_TS | TLB_4K;
	regs.gpr[22] = 0x9000;
	regs.gpr[23] = TLB_SXWR;
	regs.pc = 0x1000;
	vmm_set_regs(self->vcpu, &regs);
	alarm(20);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	alarm(0);
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	ASSERT_EQ(DEVICE, run->mmio.phys_addr);
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0x5a000040, regs.gpr[5]);
	EXPECT_EQ(msr, data[0x104 / 4]);
	EXPECT_EQ(0x5a000000, regs.gpr[8]);
	EXPECT_EQ(msr, data[0]);
	EXPECT_EQ(0x20000000, regs.gpr[9] & 0xf0000000);
	EXPECT_EQ(0, regs.gpr[10] & 0xf0000000);
	for (i = 0x140; i < 0x160; i += 4)
		EXPECT_EQ(0, data[i / 4]);
	EXPECT_EQ(0x5a000058, data[0x160 / 4]);
	EXPECT_EQ(0x5a000080, regs.gpr[29]);
	EXPECT_EQ(0x5a000082, regs.gpr[31]);
	EXPECT_EQ(0x5a0000c0, regs.gpr[12]);
	EXPECT_LT(0, vmm_stat(self->vmm, "emulated_access_exits"));
}

/*
 * Entries of each size, one after another in the same place of the TLB: the first
 * and the last word are where the entry says, and behind it there is nothing, nor
 * what the larger one before had
 */
TEST_F(guest, page_sizes)
{
	static const unsigned int shifts[] = { 28, 24, 20, 18, 16, 14, 12, 10 };
	const uint32_t ea = 0x40000000;
	struct kvm_run *run = self->vcpu->run;
	unsigned int i, n = 0, round;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vector(self->vcpu, IVOR_DATA_TLB, 0x4000, LI(3, 1));
	n = put_tlbwe(self->code);
	self->code[n++] = ISYNC;
	self->code[n++] = LWZ(10, 0, 8);
	self->code[n++] = LWZ(11, -4, 9);
	self->code[n++] = STW(7, -8, 9);
	self->code[n++] = LWZ(12, 0, 9);
	self->code[n++] = STW(12, 4, 13);
	/* All again with what is smaller, and again with what is larger */
	for (round = 0; round < 2 * ARRAY_SIZE(shifts); round++) {
		uint32_t size, real, last, *memory = vmm_gpa(self->vmm, 0);

		i = round < ARRAY_SIZE(shifts) ?
			    round :
			    2 * ARRAY_SIZE(shifts) - 1 - round;
		size = 1u << shifts[i];
		real = size < MEM / 2 ? MEM / 2 : 0;
		last = real + size - 4;
		if (last < MEM) {
			memory[real / 4] = 0x1000 + round;
			memory[last / 4] = 0x2000 + round;
		}
		vmm_get_regs(self->vcpu, &regs);
		regs.pc = 0x1000;
		regs.gpr[7] = 0x3000 + round;
		regs.gpr[8] = ea;
		regs.gpr[9] = ea + size;
		regs.gpr[13] = DEVICE;
		regs.gpr[20] = 40;
		/* The size's field is a quarter of the size's logarithm to base 2, from 1 KB on */
		regs.gpr[21] = ea | TLB_VALID | (shifts[i] - 10) / 2 << 4;
		regs.gpr[22] = real;
		regs.gpr[23] = TLB_SXWR;
		vmm_set_regs(self->vcpu, &regs);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
		if (last >= MEM) {
			/* There is no memory there, but a device */
			const uint32_t value = htobe32(0x2000 + round);

			EXPECT_EQ(last, run->mmio.phys_addr);
			EXPECT_EQ(0, run->mmio.is_write);
			memcpy(run->mmio.data, &value, 4);
			ASSERT_EQ(0, vmm_run(self->vcpu));
			ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
			EXPECT_EQ(last - 4, run->mmio.phys_addr);
			EXPECT_EQ(0x3000 + round, stored(run));
			ASSERT_EQ(0, vmm_run(self->vcpu));
			ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
		} else {
			EXPECT_EQ(0x3000 + round, memory[last / 4 - 1]);
		}
		/* The handler's, for what is behind. QEMU's own pages are 4 KB at the least */
		if (shifts[i] >= 12 || run->mmio.phys_addr == DEVICE) {
			EXPECT_EQ(DEVICE, run->mmio.phys_addr);
			ASSERT_EQ(0,
				  ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
			EXPECT_EQ(ea + size, sregs.u.e.dear);
		}
		vmm_get_regs(self->vcpu, &regs);
		EXPECT_EQ(last < MEM || real ? 0x1000 + round : memory[0],
			  regs.gpr[10])
		TH_LOG("page of 2^%u bytes", shifts[i]);
		EXPECT_EQ(0x2000 + round, regs.gpr[11]);
	}
}

/* Fetched where there is no memory: a machine check, if they are enabled */
TEST_F(guest, instructions_from_nowhere)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vector(self->vcpu, IVOR_MACHINE_CHECK, 0x4000, MFSPR(3, SPR_CSRR0));
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = DEVICE + 0x40;
	regs.msr = MSR_ME | MSR_EE;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE, run->mmio.phys_addr);
	EXPECT_EQ(DEVICE + 0x40, stored(run));
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.msr);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(MSR_ME | MSR_EE, sregs.u.e.csrr1);
	EXPECT_EQ(ESR_MCI, sregs.u.e.esr);

	/* Disabled: no instruction is known to go on with */
	regs.pc = DEVICE + 0x40;
	regs.msr = 0;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(KVM_EXIT_INTERNAL_ERROR, run->exit_reason);
}

/* One that userspace reports waits until the guest enables them */
TEST_F(guest, machine_check_of_userspace)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vector(self->vcpu, IVOR_MACHINE_CHECK, 0x4000, MFSPR(3, SPR_CSRR0));
	self->code[0] = STW(3, 4, 8);
	self->code[1] = MTMSR(7);
	self->code[2] = STW(3, 8, 8);
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1000;
	regs.gpr[7] = MSR_ME;
	regs.gpr[8] = DEVICE;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.u.e.mcsr = MCSR_MCS;
	sregs.u.e.update_special = KVM_SREGS_E_UPDATE_MCSR;
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs));

	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE + 4, run->mmio.phys_addr);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DEVICE, run->mmio.phys_addr);
	EXPECT_EQ(0x1008, stored(run));
	/* Once */
	regs.pc = 0x1004;
	vmm_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	EXPECT_EQ(DEVICE + 8, run->mmio.phys_addr);
}

TEST_HARNESS_MAIN
