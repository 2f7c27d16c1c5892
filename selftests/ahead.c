// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's kernel reads and writes registers in a row. On a host that emulates
 * these, all of a row may be done at one exit, by code that no processor has
 * fetched; the guest sees nothing of that.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <pthread.h>
#include <sys/mman.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define PAGE 0x10000ul
#define CODE 0x500000ul
#define OTHER 0x600000ul
#define EA 0x10000000ul /* of one of them */

#define DAR 19
#define SRR0 26
#define SPRG0 272
#define SPRG1 273
#define SPRG2 274
#define DEC 22

FIXTURE(ahead)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_regs regs;
};

FIXTURE_SETUP(ahead)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	book3s_load(self->vmm, PAYLOAD(exits));
	book3s_map(self->vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(self->vmm, EA, CODE, PAGE, 16, RPTE_KERNEL);
	book3s_translate(self->vmm);
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_VIRT, 0, 0, 0);
	self->regs.sprg0 = BOOK3S_SPRG0;
	self->regs.sprg1 = 0x2222;
	self->regs.sprg2 = 0x3333;
	self->regs.srr1 = MSR_VIRT;
}

FIXTURE_TEARDOWN(ahead)
{
	vmm_free(self->vmm);
}

/* Runs from @pc to a hypercall that reaches userspace; returns the registers */
static struct kvm_regs run(FIXTURE_DATA(ahead) * self, uint64_t msr,
			   uint64_t pc)
{
	struct kvm_regs regs = self->regs;

	regs.pc = pc;
	regs.msr = msr;
	return book3s_run_regs(self->vcpu, regs);
}

/* Each instruction has its own effect, and the next one sees it */
TEST_F(ahead, in_a_row)
{
	unsigned long ahead;
	struct kvm_regs regs;

	book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG0), MFSPR(11, SPRG1),
		   MTSPR(SPRG0, 11), MTSPR(SPRG1, 10), MFSPR(12, SPRG0),
		   MTSPR(SRR0, 12), MFSPR(13, SRR0), HCALL(UC_SYNC));
	regs = run(self, MSR_VIRT, EA);
	EXPECT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(BOOK3S_SPRG0, regs.gpr[10]);
	EXPECT_EQ(0x2222, regs.gpr[11]);
	EXPECT_EQ(0x2222, regs.sprg0);
	EXPECT_EQ(BOOK3S_SPRG0, regs.sprg1);
	EXPECT_EQ(0x2222, regs.gpr[12]);
	EXPECT_EQ(0x2222, regs.gpr[13]);
	if (book3s_peer())
		return;
	ahead = vmm_stat(self->vmm, "emulated_ahead");
	EXPECT_LE(4, ahead);
}

/* A row that ends at a page's last word, and one that crosses the page's end */
TEST_F(ahead, end_of_page)
{
	uint64_t at = CODE + PAGE - 8;
	struct kvm_regs regs;

	book3s_put(self->vmm, at, true, MFSPR(10, SPRG0), MFSPR(11, SPRG1),
		   MFSPR(12, SPRG2), HCALL(UC_SYNC));
	regs = run(self, MSR_VIRT, at);
	EXPECT_EQ(BOOK3S_SPRG0, regs.gpr[10]);
	EXPECT_EQ(0x2222, regs.gpr[11]);
	EXPECT_EQ(0x3333, regs.gpr[12]);
	/* what is behind EA's page is not mapped */
	regs = run(self, MSR_VIRT, EA + PAGE - 8);
	EXPECT_EQ(UC_TRAP, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x400, self->vcpu->run->papr_hcall.args[0]);
	EXPECT_EQ(EA + PAGE, self->vcpu->run->papr_hcall.args[1]);
}

TEST_F(ahead, big_endian)
{
	struct kvm_regs regs;

	book3s_put(self->vmm, CODE, false, MFSPR(10, SPRG0), MFSPR(11, SPRG1),
		   HCALL(UC_SYNC));
	regs = run(self, MSR_VIRT & ~MSR_LE, EA);
	EXPECT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(BOOK3S_SPRG0, regs.gpr[10]);
	EXPECT_EQ(0x2222, regs.gpr[11]);
}

TEST_F(ahead, real_mode)
{
	struct kvm_regs regs;

	book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG0), MFSPR(11, SPRG1),
		   HCALL(UC_SYNC));
	regs = run(self, MSR_REAL, CODE);
	EXPECT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(BOOK3S_SPRG0, regs.gpr[10]);
	EXPECT_EQ(0x2222, regs.gpr[11]);
}

/* A return in the middle goes elsewhere, and into another state */
TEST_F(ahead, rfid)
{
	book3s_put(self->vmm, OTHER, true, LI(3, 0), TRAP);
	book3s_put(self->vmm, CODE, true, MTSPR(SRR0, 4), RFID, MTSPR(DAR, 4));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_DAR, 0x4444);
	self->regs.gpr[4] = OTHER;
	self->regs.srr1 = MSR_REAL;
	run(self, MSR_VIRT, EA);
	EXPECT_EQ(UC_TRAP, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x700, self->vcpu->run->papr_hcall.args[0]);
	EXPECT_EQ(OTHER + 4, self->vcpu->run->papr_hcall.args[1]);
	EXPECT_EQ(0, self->vcpu->run->papr_hcall.args[2] & (MSR_IR | MSR_DR));
	EXPECT_EQ(0x4444, vmm_reg(self->vcpu, KVM_REG_PPC_DAR));
}

/* An interrupt comes at once where it is allowed, not at the end of the row */
TEST_F(ahead, interrupt)
{
	struct kvm_regs regs;

	book3s_put(self->vmm, CODE, true, MTSPR(DEC, 4), MTMSRD(5, 1),
		   MFSPR(10, SPRG0), HCALL(UC_SYNC));
	self->regs.gpr[4] = -1;
	self->regs.gpr[5] = MSR_EE | MSR_RI;
	regs = run(self, MSR_VIRT, EA);
	EXPECT_EQ(UC_TRAP, self->vcpu->run->papr_hcall.nr);
	EXPECT_EQ(0x900, self->vcpu->run->papr_hcall.args[0]);
	EXPECT_EQ(EA + 8, self->vcpu->run->papr_hcall.args[1]);
	EXPECT_EQ(0, regs.gpr[10]);
}

/* In a guest that is single-stepped each instruction is a step */
TEST_F(ahead, single_step)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	struct kvm_regs regs = self->regs;
	unsigned int i;

	book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG0), MFSPR(11, SPRG1),
		   MFSPR(12, SPRG2), HCALL(UC_SYNC));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	regs.pc = EA;
	regs.msr = MSR_VIRT;
	book3s_set_regs(self->vcpu, &regs);
	for (i = 1; i < 4; i++) {
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ(KVM_EXIT_DEBUG, self->vcpu->run->exit_reason);
		vmm_get_regs(self->vcpu, &regs);
		EXPECT_EQ(EA + 4 * i, regs.pc);
	}
}

/* The guest has put other code there */
TEST_F(ahead, stored)
{
	struct kvm_regs regs;
	unsigned int i;

	book3s_put(self->vmm, OTHER, true, STW(5, 4, 4), DCBST(0, 6), SYNC,
		   ICBI(0, 6), ISYNC, MTCTR(4), BCTR);
	for (i = 0; i < 8; i++) {
		book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG0),
			   MFSPR(11, SPRG1), HCALL(UC_SYNC));
		run(self, MSR_VIRT, EA);
		self->regs.gpr[4] = EA;
		self->regs.gpr[5] = MFSPR(11, SPRG2);
		self->regs.gpr[6] = EA + 4;
		regs = run(self, MSR_VIRT, OTHER);
		EXPECT_EQ(BOOK3S_SPRG0, regs.gpr[10]);
		EXPECT_EQ(0x3333, regs.gpr[11]);
	}
}

/* Userspace has put another page there, and one with other code */
TEST_F(ahead, other_page)
{
	void *at = vmm_gpa(self->vmm, CODE);
	struct kvm_regs regs;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG0),
			   MFSPR(11, SPRG1), HCALL(UC_SYNC));
		regs = run(self, MSR_VIRT, EA);
		EXPECT_EQ(0x2222, regs.gpr[11]);
		ASSERT_EQ(at,
			  mmap(at, PAGE, PROT_READ | PROT_WRITE,
			       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG1),
			   MFSPR(11, SPRG2), HCALL(UC_SYNC));
		regs = run(self, MSR_VIRT, EA);
		EXPECT_EQ(0x2222, regs.gpr[10]);
		EXPECT_EQ(0x3333, regs.gpr[11]);
	}
}

struct swap {
	char *at;
	int fd; /* a page for each kind of code */
	volatile bool stop;
	unsigned long turns;
};

/* Private pages, which are freed when the next one takes their place */
static void *swap_pages(void *arg)
{
	struct swap *s = arg;

	for (; !s->stop; s->turns++) {
		if (mmap(s->at, PAGE, PROT_READ | PROT_WRITE,
			 MAP_FIXED | MAP_PRIVATE, s->fd,
			 s->turns % 2 * PAGE) != s->at)
			vmm_die("mmap");
		s->at[PAGE / 2] = 1;
	}
	return NULL;
}

/* The same by another CPU while the guest runs */
TEST_F_TIMEOUT(ahead, race, 300)
{
	struct swap swap = { .at = vmm_gpa(self->vmm, CODE) };
	unsigned int i, other = 0;
	struct kvm_regs regs;
	pthread_t thread;

	swap.fd = memfd_create("code", 0);
	ASSERT_EQ(0, ftruncate(swap.fd, 2 * PAGE));
	book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG1), MFSPR(11, SPRG1),
		   HCALL(UC_SYNC));
	ASSERT_EQ(PAGE, pwrite(swap.fd, swap.at, PAGE, 0));
	book3s_put(self->vmm, CODE, true, MFSPR(10, SPRG2), MFSPR(11, SPRG2),
		   HCALL(UC_SYNC));
	ASSERT_EQ(PAGE, pwrite(swap.fd, swap.at, PAGE, PAGE));
	pthread_create(&thread, NULL, swap_pages, &swap);
	/* the other CPU may be slow */
	for (i = 0; i < 10000 || (swap.turns < 200 && i < 1000000); i++) {
		regs = run(self, MSR_VIRT, EA);
		ASSERT_EQ(UC_SYNC, self->vcpu->run->papr_hcall.nr);
		ASSERT_TRUE(regs.gpr[10] == 0x2222 || regs.gpr[10] == 0x3333);
		ASSERT_TRUE(regs.gpr[11] == 0x2222 || regs.gpr[11] == 0x3333);
		other += regs.gpr[10] != regs.gpr[11];
	}
	swap.stop = true;
	pthread_join(thread, NULL);
	close(swap.fd);
	printf("# %lu pages, %u in the middle\n", swap.turns, other);
	EXPECT_LT(100, swap.turns);
}

TEST_HARNESS_MAIN
