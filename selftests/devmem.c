// SPDX-License-Identifier: GPL-2.0
/*
 * Slots over mappings of /dev/mem and of a device, which have no struct page:
 * memory and registers behind them, and real addresses with nothing behind,
 * where an access is a machine check in the guest.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "physical.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define SLOT 1
#define BASE 0x40000000ul
#define AT GPA_FREE /* code */

/* A real address with neither memory nor a device */
#define NOWHERE (1ul << 44)

/* What SRR1 tells of a machine check; of an instruction storage interrupt */
#define SRR1_MC 0x083c0000ul
#define SRR1_MC_LOAD 0x00200000ul
#define SRR1_GUARDED 0x10000000ul
#define DSISR_MC_LOAD 0x40u

FIXTURE(devmem)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	size_t page;
	int fd;
};

FIXTURE_SETUP(devmem)
{
	if (!emulated())
		SKIP(return, "not for real machines");
	self->page = sysconf(_SC_PAGESIZE);
	self->fd = open("/dev/mem", O_RDWR);
	if (self->fd < 0)
		SKIP(return, "no /dev/mem");
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
}

FIXTURE_TEARDOWN(devmem)
{
	if (!self->vmm)
		return;
	vmm_free(self->vmm);
	close(self->fd);
}

/* The next KVM_RUN executes @insn with r4 = BASE, and then a hypercall */
static void code(FIXTURE_DATA(devmem) * self, uint64_t msr,
		 const uint32_t *insn, size_t n)
{
	static const uint32_t end[] = { HCALL(UC_SYNC) };
	struct kvm_regs regs = { .pc = AT, .msr = msr };

	book3s_code(self->vmm, AT, true, insn, n);
	book3s_code(self->vmm, AT + n * 4, true, end, ARRAY_SIZE(end));
	regs.gpr[4] = BASE;
	/* for handlers */
	regs.sprg0 = BOOK3S_SPRG0;
	book3s_set_regs(self->vcpu, &regs);
}

#define CODE(msr, ...)                                     \
	code(self, msr, (const uint32_t[]){ __VA_ARGS__ }, \
	     sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

/* r@n, after the hypercall */
static uint64_t gpr(FIXTURE_DATA(devmem) * self, unsigned int n)
{
	struct kvm_regs regs;

	vmm_get_regs(self->vcpu, &regs);
	return regs.gpr[n];
}

/* The guest took interrupt @vector, and its handler says so; returns SRR1 */
static uint64_t trapped(FIXTURE_DATA(devmem) * self, uint64_t vector,
			uint64_t srr0)
{
	struct kvm_run *run = self->vcpu->run;

	if (vmm_run(self->vcpu) || run->exit_reason != KVM_EXIT_PAPR_HCALL ||
	    run->papr_hcall.nr != UC_TRAP ||
	    run->papr_hcall.args[0] != vector ||
	    run->papr_hcall.args[1] != srr0)
		vmm_die("no interrupt %#lx at %#lx: %s", vector, srr0,
			vmm_exit_str(self->vcpu));
	return run->papr_hcall.args[2];
}

static void set_slot(FIXTURE_DATA(devmem) * self, void *p)
{
	if (vmm_set_slot(self->vmm, SLOT, 0, BASE, self->page, p))
		vmm_die("slot");
}

/*
 * Memory behind such a mapping works like any other: for code, and for atomics
 */
TEST_F(devmem, memory)
{
	uint64_t *mine = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	uint64_t real;
	void *same;

	mine[0] = 0x1122334455667788;
	mine[2] = 41;
	((uint32_t *)mine)[0x100 / 4] = LI(8, 77);
	((uint32_t *)mine)[0x104 / 4] = BLR;
	real = real_address(mine);
	same = map_real(self->fd, real, self->page);
	if (!same)
		SKIP(return, "memory is not in /dev/mem (STRICT_DEVMEM)");
	set_slot(self, same);
	CODE(MSR_REAL, LD(5, 0, 4), STD(5, 8, 4), ADDI(6, 4, 16),
	     LDARX(7, 0, 6), ADDI(7, 7, 1), STDCX(7, 0, 6), ADDI(6, 4, 0x100),
	     MTCTR(6), BCTRL);
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(0x1122334455667788, gpr(self, 5));
	EXPECT_EQ(77, gpr(self, 8));
	EXPECT_EQ(0x1122334455667788, mine[1]);
	EXPECT_EQ(42, mine[2]);
	EXPECT_EQ(real, real_address(mine));
}

/* A disk's registers: read by the guest itself, and no place for code */
TEST_F(devmem, device)
{
	uint64_t real;
	volatile uint32_t *regs = map_nvme(&real);

	if (!regs)
		SKIP(return, "%s",
			   real ? "its driver has the NVMe disk alone (IO_STRICT_DEVMEM)" :
				  "no NVMe disk");
	set_slot(self, (void *)regs);
	/* version and capabilities */
	CODE(MSR_REAL, LWZ(5, 8, 4), LWZ(6, 0, 4), LWZ(7, 4, 4));
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(regs[2], gpr(self, 5));
	EXPECT_EQ(regs[0], gpr(self, 6));
	EXPECT_EQ(regs[1], gpr(self, 7));
	EXPECT_NE(0, gpr(self, 5));
	if (book3s_peer())
		SKIP(return, "does not tell the guest that it cannot fetch");
	CODE(MSR_REAL, MTCTR(4), BCTRL);
	EXPECT_EQ(SRR1_GUARDED, SRR1_GUARDED & trapped(self, 0x400, BASE));
}

/* With and without address translation in the guest; with ME it may not lack */
static const uint64_t msrs[] = { MSR_REAL, MSR_VIRT, MSR_REAL & ~MSR_ME };

/* The host's handler taints the kernel, and that turns lockdep off */
static bool lockdep(void)
{
	return !access("/proc/lockdep_stats", F_OK);
}

static void nothing_there(FIXTURE_DATA(devmem) * self)
{
	book3s_map(self->vmm, 0, 0, MEM, 21, RPTE_KERNEL);
	book3s_map(self->vmm, BASE, BASE, 1 << 21, 21, RPTE_KERNEL);
	book3s_translate(self->vmm);
	set_slot(self, map_real(self->fd, NOWHERE, self->page));
}

TEST_F(devmem, machine_check)
{
	struct kvm_regs regs;
	uint64_t srr1;
	size_t i;

	if (lockdep())
		SKIP(return, "a machine check turns lockdep off");
	nothing_there(self);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		CODE(msrs[i], LD(5, 0, 4));
		srr1 = trapped(self, 0x200, AT);
		EXPECT_EQ(SRR1_MC_LOAD, srr1 & SRR1_MC);
		EXPECT_EQ((msrs[i] | MSR_ME) & 0xffff, srr1 & 0xffff);
		EXPECT_EQ(BASE, self->vcpu->run->papr_hcall.args[3]);
		EXPECT_EQ(DSISR_MC_LOAD,
			  vmm_reg(self->vcpu, KVM_REG_PPC_DSISR));
		CODE(msrs[i], STD(5, 0, 4));
		trapped(self, 0x200, AT);
		/* the guest goes on as if there had been no machine check */
		CODE(msrs[i], LI(5, 1));
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		vmm_get_regs(self->vcpu, &regs);
		EXPECT_EQ(1, regs.gpr[5]);
	}
}

/* Userspace asked to be told */
TEST_F(devmem, machine_check_to_userspace)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;
	size_t i;

	if (lockdep())
		SKIP(return, "a machine check turns lockdep off");
	ASSERT_EQ(0, vmm_enable_cap(self->vcpu->fd, KVM_CAP_PPC_FWNMI, 0, 0));
	nothing_there(self);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		CODE(msrs[i], LI(5, 9), LD(5, 0, 4));
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_NMI, run->exit_reason);
		EXPECT_EQ(KVM_RUN_PPC_NMI_DISP_NOT_RECOV,
			  run->flags & KVM_RUN_PPC_NMI_DISP_MASK);
		vmm_get_regs(self->vcpu, &regs);
		/* at the load, which has not been made */
		EXPECT_EQ(AT + 4, regs.pc);
		EXPECT_EQ(9, regs.gpr[5]);
		EXPECT_EQ(msrs[i] & ~MSR_ME, regs.msr & ~(MSR_ME | SRR1_MC));
		EXPECT_EQ(BASE, vmm_reg(self->vcpu, KVM_REG_PPC_DAR));
		EXPECT_EQ(DSISR_MC_LOAD,
			  vmm_reg(self->vcpu, KVM_REG_PPC_DSISR));
		/* where the guest's handler returns to, and why it was called */
		EXPECT_EQ(AT + 4, regs.srr0);
		EXPECT_EQ(SRR1_MC_LOAD, regs.srr1 & SRR1_MC);
		EXPECT_EQ((msrs[i] | MSR_ME) & 0xffff, regs.srr1 & 0xffff);
		/* as after what userspace makes of it, the guest goes on */
		CODE(msrs[i], LI(5, 1));
		ASSERT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		EXPECT_EQ(1, gpr(self, 5));
	}
}

/* How many machine check events the host can store on each CPU */
#define HOST_EVENTS 10

static void on_sigbus(int sig)
{
	_exit(0);
}

/* Machine checks of guests do not keep the host from handling its own */
TEST_F(devmem, machine_check_of_the_host)
{
	volatile uint64_t *nowhere;
	int i, status = -1;
	cpu_set_t cpus;
	pid_t child;

	if (lockdep())
		SKIP(return, "a machine check turns lockdep off");
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	nothing_there(self);
	for (i = 0; i <= HOST_EVENTS; i++) {
		CODE(MSR_REAL, LD(5, 0, 4));
		trapped(self, 0x200, AT);
	}
	nowhere = map_real(self->fd, NOWHERE, self->page);
	child = fork();
	if (!child) {
		signal(SIGBUS, on_sigbus);
		(void)*nowhere;
		_exit(1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	/* The process must not have been ended by an oops */
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
