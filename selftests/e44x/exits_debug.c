// SPDX-License-Identifier: GPL-2.0
/* Debug events of a 440 guest's own, and of userspace's. */
#include "exits.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#define SPR_DBSR 0x130
#define DBCR0_IDM 0x40000000u
#define DBSR_IDE 0x80000000u
/* In DBCR0 they enable an event, which is then in DBSR */
#define EVENT_IC 0x08000000u
#define EVENT_BRT 0x04000000u
#define EVENT_IRPT 0x02000000u
#define EVENT_TRAP 0x01000000u
#define EVENT_IAC1 0x00800000u
#define EVENT_DAC1R 0x00080000u
#define EVENT_DAC1W 0x00040000u
#define EVENT_RET 0x00008000u

#define SW_BREAKPOINT 0x00dddd00u

#define HANDLER 0x6000u
#define DATA 0x9000u
/* Where the handler tells what it saw, and the program that it is done */
#define WHERE (DEVICE + 0x800)
#define WHY (DEVICE + 0x804)
#define DONE (DEVICE + 0x808)

/*
 * A handler of debug interrupts that tells where and why, and goes back: to the
 * next instruction, if r26 is 4, and with events as before.
 */
static void handler(struct vmm_vcpu *vcpu)
{
	uint32_t *p;

	vector(vcpu, IVOR_DEBUG, HANDLER, NOP);
	p = vmm_gpa(vcpu->vmm, HANDLER);
	*p++ = MFSPR(27, SPR_CSRR0);
	*p++ = STW(27, 0x800, 31);
	*p++ = MFSPR(28, SPR_DBSR);
	*p++ = STW(28, 0x804, 31);
	*p++ = MTSPR(SPR_DBSR, 28);
	*p++ = 0x7f7bd214; /* add r27,r27,r26 */
	*p++ = MTSPR(SPR_CSRR0, 27);
	*p++ = RFCI;
}

/* Starts the program with these events, and where addresses are looked for */
static void debugged(struct vmm_vcpu *vcpu, uint32_t events, uint32_t iac,
		     uint32_t dac, uint32_t skip)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	sregs.u.e.dbcr[0] = DBCR0_IDM | events;
	sregs.u.e.iac[0] = iac;
	sregs.u.e.dac[0] = dac;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		vmm_die("KVM_SET_SREGS");
	vmm_get_regs(vcpu, &regs);
	regs.pc = 0x1000;
	regs.msr = MSR_DE;
	regs.gpr[26] = skip;
	regs.gpr[30] = DATA;
	regs.gpr[31] = DEVICE;
	vmm_set_regs(vcpu, &regs);
}

/* Runs up to the next debug interrupt; returns where it was, or 0 at the end */
static uint32_t next_event(struct vmm_vcpu *vcpu, uint32_t *why)
{
	uint32_t where = 0;

	*why = 0;
	for (;;) {
		if (vmm_run(vcpu))
			vmm_die("KVM_RUN");
		if (vcpu->run->exit_reason != KVM_EXIT_MMIO)
			vmm_die("exit %u", vcpu->run->exit_reason);
		switch (vcpu->run->mmio.phys_addr) {
		case WHERE:
			where = stored(vcpu->run);
			break;
		case WHY:
			*why = stored(vcpu->run);
			return where;
		case DONE:
			return 0;
		}
	}
}

#define EXPECT_EVENT(at, events)                                    \
	do {                                                        \
		uint32_t why, where = next_event(self->vcpu, &why); \
		EXPECT_EQ(at, where);                               \
		EXPECT_EQ(events, why);                             \
	} while (0)

/* Instructions of all kinds, as one after the other is complete */
TEST_F(guest, instruction_complete)
{
	static const uint32_t after[] = { 0x1004, 0x1008, 0x100c, 0x1010,
					  0x1014, 0x101c, 0x1020 };
	unsigned int i;

	handler(self->vcpu);
	self->code[0] = NOP;
	self->code[1] = ADDI(10, 10, 1);
	self->code[2] = MTSPR(0x110, 10); /* SPRG0 */
	self->code[3] = LWZ(5, 0, 30);
	self->code[4] = STW(5, 0x100, 31);
	self->code[5] = B(8);
	self->code[7] = NOP;
	self->code[8] = STW(5, 0x808, 31);
	debugged(self->vcpu, EVENT_IC, 0, 0, 0);
	for (i = 0; i < ARRAY_SIZE(after); i++)
		EXPECT_EVENT(after[i], EVENT_IC);
	EXPECT_EVENT(0, 0);
}

/* Taken branches, before they are; the handler goes past them */
TEST_F(guest, branch_taken)
{
	handler(self->vcpu);
	self->code[0] = 0x2c0a0000; /* cmpwi r10,0 */
	self->code[1] = BNE(8); /* not taken */
	self->code[2] = B(8);
	self->code[3] = NOP;
	self->code[4] = STW(5, 0x808, 31);
	debugged(self->vcpu, EVENT_BRT, 0, 0, 4);
	EXPECT_EVENT(0x1008, EVENT_BRT);
	EXPECT_EVENT(0, 0);
}

/* An address is reached: before the instruction there, and at no other one */
TEST_F(guest, instruction_address)
{
	struct kvm_regs regs;
	unsigned int i;

	handler(self->vcpu);
	self->code[0] = LI(10, 1);
	self->code[1] = LI(10, 2);
	self->code[2] = LI(10, 3);
	self->code[3] = ADDI(11, 10, 0);
	/* Out of the page and back */
	self->code[4] = BL(0x1000);
	self->code[5] = STW(5, 0x808, 31);
	self->code[0x1010 / 4] = BLR;
	for (i = 0; i < 3; i++) {
		debugged(self->vcpu, EVENT_IAC1, 0x1008, 0, 4);
		EXPECT_EVENT(0x1008, EVENT_IAC1);
		EXPECT_EVENT(0, 0);
		vmm_get_regs(self->vcpu, &regs);
		EXPECT_EQ(2, regs.gpr[11]);
	}
	/* Without */
	debugged(self->vcpu, 0, 0x1008, 0, 4);
	EXPECT_EVENT(0, 0);
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EQ(3, regs.gpr[11]);
}

/* What comes while MSR[DE] is 0 is noted, and interrupts later */
TEST_F(guest, imprecise_event)
{
	struct kvm_regs regs;

	handler(self->vcpu);
	self->code[0] = NOP;
	self->code[1] = LI(10, 1);
	self->code[2] = MTMSR(12);
	self->code[3] = STW(5, 0x808, 31);
	debugged(self->vcpu, EVENT_IAC1, 0x1004, 0, 0);
	vmm_get_regs(self->vcpu, &regs);
	regs.msr = 0;
	regs.gpr[12] = MSR_DE;
	vmm_set_regs(self->vcpu, &regs);
	EXPECT_EVENT(0x100c, EVENT_IAC1 | DBSR_IDE);
	EXPECT_EVENT(0, 0);
}

/*
 * A word is stored to, by whatever instruction, before it is; what is beside it
 * and loads do not matter, and reservations work on its page
 */
TEST_F(guest, data_address)
{
	uint32_t *data = vmm_gpa(self->vmm, DATA);
	struct kvm_regs regs;
	unsigned int i;

	handler(self->vcpu);
	self->code[0] = LI(10, 7);
	self->code[1] = STW(10, 0, 30);
	self->code[2] = LWZ(11, 8, 30);
	self->code[3] = STW(10, 8, 30);
	self->code[4] = 0xbf5e0000 | 4; /* stmw r26,4(r30) */
	self->code[5] = ADDI(6, 30, 16);
	self->code[6] = LWARX(7, 0, 6);
	self->code[7] = ADDI(7, 7, 1);
	self->code[8] = STWCX(7, 0, 6);
	self->code[9] = BNE(-12);
	self->code[10] = ADDI(6, 30, 8);
	self->code[11] = LWARX(7, 0, 6);
	self->code[12] = STWCX(10, 0, 6);
	self->code[13] = STW(5, 0x808, 31);
	for (i = 0; i < 3; i++) {
		memset(data, 0x5a, 64);
		debugged(self->vcpu, EVENT_DAC1W, 0, DATA + 8, 4);
		alarm(20);
		EXPECT_EVENT(0x100c, EVENT_DAC1W);
		EXPECT_EVENT(0x1010, EVENT_DAC1W);
		EXPECT_EVENT(0x1030, EVENT_DAC1W);
		EXPECT_EVENT(0, 0);
		alarm(0);
		EXPECT_EQ(7, data[0]);
		EXPECT_EQ(0x5a5a5a5a, data[1]);
		EXPECT_EQ(0x5a5a5a5a, data[2]);
		EXPECT_EQ(0x5a5a5a5b, data[4]);
		vmm_get_regs(self->vcpu, &regs);
		EXPECT_EQ(0x5a5a5a5a, regs.gpr[11]);
	}
	/* Loads; and without, all is stored */
	debugged(self->vcpu, EVENT_DAC1R, 0, DATA + 8, 4);
	EXPECT_EVENT(0x1008, EVENT_DAC1R);
	EXPECT_EVENT(0x102c, EVENT_DAC1R);
	EXPECT_EVENT(0, 0);
	debugged(self->vcpu, 0, 0, DATA + 8, 4);
	EXPECT_EVENT(0, 0);
	EXPECT_EQ(7, data[2]);
}

/* Traps, interrupts and returns from them */
TEST_F(guest, other_events)
{
	struct kvm_regs regs;

	vector(self->vcpu, 8, 0x5000, RFI); /* system call */
	handler(self->vcpu);
	self->code[0] = TRAP;
	self->code[1] = NOP;
	self->code[2] = STW(5, 0x808, 31);
	debugged(self->vcpu, EVENT_TRAP, 0, 0, 4);
	EXPECT_EVENT(0x1000, EVENT_TRAP);
	EXPECT_EVENT(0, 0);

	self->code[0] = SC(0);
	debugged(self->vcpu, EVENT_IRPT, 0, 0, 0);
	EXPECT_EVENT(0x5000, EVENT_IRPT);
	EXPECT_EVENT(0, 0);

	debugged(self->vcpu, EVENT_RET, 0, 0, 0);
	vmm_get_regs(self->vcpu, &regs);
	EXPECT_EVENT(0x5000, EVENT_RET);
	EXPECT_EVENT(0x5000, EVENT_RET);
}

static void set_debug(struct vmm_vcpu *vcpu, uint32_t control, uint64_t addr,
		      uint32_t type)
{
	struct kvm_guest_debug debug = { .control = control };

	debug.arch.bp[3].addr = addr;
	debug.arch.bp[3].type = type;
	if (ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug))
		vmm_die("KVM_SET_GUEST_DEBUG");
}

#define EXPECT_DEBUG(at, what)                                           \
	do {                                                             \
		ASSERT_EQ(0, vmm_run(self->vcpu));                       \
		ASSERT_EQ(KVM_EXIT_DEBUG, self->vcpu->run->exit_reason); \
		EXPECT_EQ(at, self->vcpu->run->debug.arch.address);      \
		EXPECT_EQ(what, self->vcpu->run->debug.arch.status);     \
	} while (0)

/* Userspace sees every instruction, and its breakpoints and watchpoints */
TEST_F(guest, userspace_debugs)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_guest_debug bad = { .control = KVM_GUESTDBG_ENABLE | 4 };
	struct kvm_one_reg reg = { .id = KVM_REG_PPC_DEBUG_INST };
	uint32_t *data = vmm_gpa(self->vmm, DATA), word = 0;
	const uint32_t enable = KVM_GUESTDBG_ENABLE;
	struct kvm_regs regs;
	unsigned int i;

	self->code[0] = LI(10, 7);
	self->code[1] = MTSPR(0x110, 10);
	self->code[2] = STW(10, 8, 30);
	self->code[3] = STW(10, 0x100, 31);
	self->code[4] = LWZ(11, 8, 30);
	self->code[5] = SW_BREAKPOINT;
	self->code[6] = STW(10, 0x808, 31);
	EXPECT_EQ(1, vmm_check(self->vmm, KVM_CAP_PPC_GUEST_DEBUG_SSTEP));
	reg.addr = (uintptr_t)&word;
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_ONE_REG, &reg));
	EXPECT_EQ(SW_BREAKPOINT, word);

	debugged(self->vcpu, 0, 0, 0, 0);
	set_debug(self->vcpu, enable | KVM_GUESTDBG_SINGLESTEP, 0, 0);
	EXPECT_DEBUG(0x1004, 0);
	EXPECT_DEBUG(0x1008, 0);
	EXPECT_DEBUG(0x100c, 0);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_DEBUG(0x1010, 0);
	EXPECT_DEBUG(0x1014, 0);

	/* From here on, to breakpoints only */
	set_debug(self->vcpu, enable | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	EXPECT_DEBUG(0x1014, 0);
	for (i = 0; i < 3; i++) {
		vmm_get_regs(self->vcpu, &regs);
		regs.pc = 0x1000;
		vmm_set_regs(self->vcpu, &regs);
		set_debug(self->vcpu, enable | KVM_GUESTDBG_USE_HW_BP, 0x1008,
			  KVMPPC_DEBUG_BREAKPOINT);
		data[2] = 0;
		EXPECT_DEBUG(0x1008, KVMPPC_DEBUG_BREAKPOINT);
		EXPECT_DEBUG(0x1008, KVMPPC_DEBUG_BREAKPOINT);
		set_debug(self->vcpu, enable | KVM_GUESTDBG_USE_HW_BP, DATA + 8,
			  KVMPPC_DEBUG_WATCH_WRITE);
		EXPECT_DEBUG(DATA + 8, KVMPPC_DEBUG_WATCH_WRITE);
		EXPECT_EQ(0, data[2]);
		set_debug(self->vcpu, enable | KVM_GUESTDBG_USE_HW_BP, DATA + 8,
			  KVMPPC_DEBUG_WATCH_READ);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
		EXPECT_EQ(7, data[2]);
		EXPECT_DEBUG(DATA + 8, KVMPPC_DEBUG_WATCH_READ);
		vmm_get_regs(self->vcpu, &regs);
		EXPECT_EQ(0x1010, regs.pc);
	}
	/* And not at all */
	set_debug(self->vcpu, 0, 0, 0);
	self->code[5] = NOP;
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	EXPECT_EQ(DONE, run->mmio.phys_addr);

	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &bad));
	EXPECT_EQ(EINVAL, errno);
	bad.control = enable | KVM_GUESTDBG_USE_HW_BP;
	bad.arch.bp[0].type = 1;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &bad));
	EXPECT_EQ(EINVAL, errno);
}

#define ROUNDS 50

/*
 * The host's debugger steps through the VMM, whose guest is stepped through, and
 * neither loses a step of its own
 */
TEST_F(guest, the_hosts_debugger)
{
	unsigned int steps = 0;
	int status;
	pid_t pid;

	self->code[0] = ADDI(10, 10, 1);
	self->code[1] = B(-4);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct vmm *vmm;
		struct vmm_vcpu *vcpu;
		struct kvm_regs regs;
		volatile unsigned int i;

		/* A VM belongs to the process that made it */
		vmm = vmm_new(MEM);
		vcpu = vmm_add_vcpu(vmm, 0);
		memcpy(vmm_gpa(vmm, 0x1000), self->code, 8);
		debugged(vcpu, 0, 0, 0, 0);
		set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
			  0, 0);
		vmm_get_regs(vcpu, &regs);
		regs.gpr[10] = 0;
		vmm_set_regs(vcpu, &regs);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(2);
		raise(SIGSTOP);
		for (i = 0; i < ROUNDS; i++)
			if (ioctl(vcpu->fd, KVM_RUN, 0) ||
			    vcpu->run->exit_reason != KVM_EXIT_DEBUG)
				_exit(3);
		vmm_get_regs(vcpu, &regs);
		_exit(regs.gpr[10] == ROUNDS / 2 ? 0 : 4);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	while (WIFSTOPPED(status)) {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, pid, 0, 0));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		ASSERT_EQ(SIGTRAP, WSTOPSIG(status));
		steps++;
	}
	EXPECT_EQ(0, WEXITSTATUS(status));
	/* The loop alone has that many instructions and more */
	EXPECT_LE(10 * ROUNDS, steps);
}

TEST_HARNESS_MAIN
