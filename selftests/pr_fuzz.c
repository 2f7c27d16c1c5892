// SPDX-License-Identifier: GPL-2.0
/*
 * Random instruction words, executed by a guest in problem state on a hash
 * host: in its kernel's state and in its processes'. Whatever they are, KVM_RUN
 * comes back with what it may, the registers of the VMM are as they were, and
 * another process's too.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "random.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define MEM (8ul << 20)
#define WORDS_GPA 0x500000ul
#define WORDS_EA 0x10500000ul
#define NR_WORDS 0x4000ul /* instruction words at a time: 64 KB */
#define DATA_GPA 0x600000ul
#define DATA_EA 0x20600000ul

static uint64_t seed;

static uint64_t random64(void)
{
	return seed = random_after(seed);
}

/* Half of them anything, half of primary opcodes with privileged instructions */
static uint32_t random_word(void)
{
	uint64_t r = random64();
	uint32_t w = r >> 32;

	switch (r & 7) {
	case 0:
		return (w & 0x03ffffff) | 19u << 26;
	case 1:
		/* mtspr, mfspr */
		return (w & 0x03fff800) | 31u << 26 |
		       (w & 1 ? 339u : 467u) << 1;
	case 2:
	case 3:
		return (w & 0x03ffffff) | 31u << 26;
	default:
		return w;
	}
}

/* b, bc, and bclr and its like */
static bool is_branch(uint32_t word)
{
	return word >> 26 == 18 || word >> 26 == 16 || word >> 26 == 19;
}

/* Registers of this thread that a system call is to leave alone */
struct host_regs {
	uint64_t gpr[18]; /* 14 to 31 */
	uint64_t vsr[64][2];
	uint64_t dscr, tar, amr, vrsave, fpscr;
};

/*
 * KVM_RUN with @in's registers; @out's are those after it. Returns what the
 * ioctl does, with errno.
 */
int run_with(int fd, const struct host_regs *in, struct host_regs *out);
asm(".text\n"
    ".machine push\n"
    ".machine power8\n"
    ".globl run_with\n"
    ".type run_with,@function\n"
    "run_with:\n"
    "	mflr	0\n"
    "	std	0,16(1)\n"
    "	mfcr	0\n"
    "	stw	0,8(1)\n"
    "	stdu	1,-1024(1)\n"
    "	std	4,32(1)\n"
    "	std	5,40(1)\n"
    "	mffs	0\n"
    "	stfd	0,48(1)\n"
    "	mfvscr	0\n"
    "	li	0,64\n"
    "	stvx	0,1,0\n"
    ".irp n,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "	std	\\n,(80+(\\n-14)*8)(1)\n"
    "	stfd	\\n,(240+(\\n-14)*8)(1)\n"
    ".endr\n"
    ".irp n,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "	li	0,(400+(\\n-20)*16)\n"
    "	stvx	\\n,1,0\n"
    ".endr\n"
    "	addi	6,4,144\n"
    ".set i,0\n"
    ".rept 64\n"
    "	lxvd2x	i,0,6\n"
    "	addi	6,6,16\n"
    ".set i,i+1\n"
    ".endr\n"
    "	ld	7,0(6)\n"
    "	mtspr	3,7\n"
    "	ld	7,8(6)\n"
    "	mtspr	815,7\n"
    "	ld	7,24(6)\n"
    "	mtspr	256,7\n"
    ".irp n,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "	ld	\\n,((\\n-14)*8)(4)\n"
    ".endr\n"
    "	li	0,54\n" /* ioctl */
    "	lis	4,0x2000\n"
    "	ori	4,4,0xae80\n" /* KVM_RUN */
    "	li	5,0\n"
    "	sc\n"
    "	bns	1f\n"
    "	neg	3,3\n"
    "1:	ld	5,40(1)\n"
    ".irp n,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "	std	\\n,((\\n-14)*8)(5)\n"
    ".endr\n"
    "	addi	6,5,144\n"
    ".set i,0\n"
    ".rept 64\n"
    "	stxvd2x	i,0,6\n"
    "	addi	6,6,16\n"
    ".set i,i+1\n"
    ".endr\n"
    "	mfspr	7,3\n"
    "	std	7,0(6)\n"
    "	mfspr	7,815\n"
    "	std	7,8(6)\n"
    "	mfspr	7,13\n"
    "	std	7,16(6)\n"
    "	mfspr	7,256\n"
    "	std	7,24(6)\n"
    "	mffs	0\n"
    "	stfd	0,32(6)\n"
    "	lfd	0,48(1)\n"
    "	mtfsf	0xff,0\n"
    "	li	7,0\n"
    "	mtspr	3,7\n"
    ".irp n,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "	li	0,(400+(\\n-20)*16)\n"
    "	lvx	\\n,1,0\n"
    ".endr\n"
    "	li	0,64\n"
    "	lvx	0,1,0\n"
    "	mtvscr	0\n"
    ".irp n,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "	ld	\\n,(80+(\\n-14)*8)(1)\n"
    "	lfd	\\n,(240+(\\n-14)*8)(1)\n"
    ".endr\n"
    "	addi	1,1,1024\n"
    "	ld	0,16(1)\n"
    "	mtlr	0\n"
    "	lwz	0,8(1)\n"
    "	mtcrf	0xff,0\n"
    "	blr\n"
    ".size run_with,.-run_with\n"
    ".machine pop\n");

_Static_assert(KVM_RUN == 0x2000ae80 && SYS_ioctl == 54,
	       "run_with() has these");

static void random_host(struct host_regs *h)
{
	uint64_t *p = (uint64_t *)h;
	unsigned int i;

	for (i = 0; i < (sizeof(h->gpr) + sizeof(h->vsr)) / 8; i++)
		p[i] = random64();
	h->dscr = random64() & 0x1ffffff;
	h->tar = random64();
	h->vrsave = (uint32_t)random64();
}

/* Which one is not as it was? NULL if all are */
static const char *differs(const struct host_regs *in,
			   const struct host_regs *out)
{
	if (memcmp(in->gpr, out->gpr, sizeof(in->gpr)))
		return "a GPR";
	if (memcmp(in->vsr, out->vsr, sizeof(in->vsr)))
		return "a vector register";
	if (in->dscr != out->dscr)
		return "DSCR";
	if (in->tar != out->tar)
		return "TAR";
	if (in->amr != out->amr)
		return "AMR";
	if (in->vrsave != out->vrsave)
		return "VRSAVE";
	if (in->fpscr != out->fpscr)
		return "FPSCR";
	return NULL;
}

static void nothing(int sig)
{
}

/* Another process on the same CPUs, all of whose registers stay as they are */
static pid_t bystander(void)
{
	struct host_regs in = { 0 }, out = { 0 };
	pid_t pid = fork();

	if (pid)
		return pid;
	/* a file descriptor that is none: the system call is all */
	run_with(-1, &in, &in);
	for (;;) {
		const char *what;

		random_host(&in);
		run_with(-1, &in, &out);
		what = differs(&in, &out);
		if (what) {
			printf("# a bystander's %s is not as it was\n", what);
			_exit(1);
		}
		sched_yield();
		if (getppid() == 1)
			_exit(0);
	}
}

FIXTURE(fuzz)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_sregs sregs;
};

FIXTURE_SETUP(fuzz)
{
	self->vmm = vmm_new(MEM);
	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
}

FIXTURE_TEARDOWN(fuzz)
{
	vmm_free(self->vmm);
}

FIXTURE_VARIANT(fuzz)
{
	uint64_t msr;
};

FIXTURE_VARIANT_ADD(fuzz, problem){
	.msr = MSR_VIRT | MSR_PR | MSR_EE | MSR_ALL_FP,
};

FIXTURE_VARIANT_ADD(fuzz, supervisor){
	.msr = MSR_VIRT | MSR_ALL_FP,
};

FIXTURE_VARIANT_ADD(fuzz, real){
	.msr = MSR_REAL,
};

/* Every interrupt vector calls, with what the registers hold */
static void load_vectors(struct vmm *vmm)
{
	static const uint32_t call[] = { SC(1), B(-4) };
	uint64_t at;

	memset(vmm->mem, 0, 0x3000);
	for (at = 0x100; at < 0x2000; at += 0x20)
		book3s_code(vmm, at, true, call, ARRAY_SIZE(call));
}

static void load_words(struct vmm *vmm)
{
	uint32_t *words = vmm_gpa(vmm, WORDS_GPA);
	unsigned int i;

	for (i = 0; i < NR_WORDS; i++)
		words[i] = random_word();
	__builtin___clear_cache((char *)words, (char *)(words + NR_WORDS));
}

TEST_F_TIMEOUT(fuzz, words, 20000)
{
	unsigned long n = vmm_env("FUZZ_WORDS", 15000), done = 0;
	unsigned long outcome[64] = { 0 }, stuck = 0, again = 0;
	bool real = !(variant->msr & MSR_IR);
	uint64_t base = real ? WORDS_GPA : WORDS_EA;
	struct sigaction sa = { .sa_handler = nothing };
	struct itimerval timer = { { 0, 4000 }, { 0, 4000 } };
	struct host_regs in = { 0 }, out = { 0 };
	struct vmm *vmm = self->vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_run *run;
	struct kvm_regs r;
	const uint32_t *words = vmm_gpa(vmm, WORDS_GPA);
	uint64_t slot = 0;
	pid_t pid;
	int j;

	seed = vmm_env("FUZZ_SEED", 2026) | 1;
	printf("# FUZZ_SEED=%lu\n", (unsigned long)seed);
	book3s_map(vmm, 0, 0, 0x300000, 16, RPTE_KERNEL);
	book3s_map(vmm, WORDS_EA, WORDS_GPA, NR_WORDS * 4, 16,
		   RPTE_KERNEL & ~RPTE_PRIV);
	book3s_map(vmm, DATA_EA, DATA_GPA, 0x10000, 16,
		   RPTE_KERNEL & ~RPTE_PRIV & ~RPTE_EXEC);
	book3s_translate(vmm);
	vcpu = book3s_add_vcpu(vmm, 0, variant->msr, 0, 0, 0);
	ASSERT_EQ(0, ioctl(vcpu->fd, KVM_GET_SREGS, &self->sregs));
	run = vcpu->run;
	pid = bystander();
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	/* what userspace may not set is what it was */
	random_host(&in);
	run_with(-1, &in, &out);
	in.amr = out.amr;
	in.fpscr = out.fpscr;

	while (done < n) {
		uint64_t pc, next;
		const char *what;
		int err;

		if (slot % NR_WORDS == 0 || slot >= NR_WORDS) {
			load_vectors(vmm);
			load_words(vmm);
			ASSERT_EQ(0,
				  ioctl(vcpu->fd, KVM_SET_SREGS, &self->sregs));
			/* never */
			vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY, 1ull << 62);
			slot = 0;
		}
		memset(&r, 0, sizeof(r));
		for (j = 0; j < 32; j++) {
			uint64_t v = random64();

			r.gpr[j] = v % 4 ? v :
				   real	 ? DATA_GPA + (v >> 8 & 0xffff) :
					   DATA_EA + (v >> 8 & 0xffff);
		}
		r.ctr = random64();
		r.lr = random64();
		r.srr0 = random64();
		r.srr1 = random64();
		r.cr = (uint32_t)random64();
		r.pc = base + slot * 4;
		r.msr = variant->msr;
		book3s_set_regs(vcpu, &r);
		pc = r.pc;
		random_host(&in);
		for (again = 0;; again++) {
			err = run_with(vcpu->fd, &in, &out);
			what = differs(&in, &out);
			ASSERT_EQ(NULL, what)
			{
				TH_LOG("%s at word %lu", what, done);
			}
			if (err != -EINTR || again)
				break;
		}
		if (err) {
			ASSERT_TRUE(err == -EINTR || err == -EFAULT)
			{
				TH_LOG("%d: %s", err, vmm_exit_str(vcpu));
			}
			stuck++;
		} else {
			switch (run->exit_reason) {
			case KVM_EXIT_PAPR_HCALL:
			case KVM_EXIT_MMIO:
			case KVM_EXIT_INTERNAL_ERROR:
				outcome[run->exit_reason]++;
				break;
			default:
				ASSERT_TRUE(false)
				{
					TH_LOG("after %#lx: %s", pc,
					       vmm_exit_str(vcpu));
				}
			}
		}
		/* how far it came: an interrupt says where it was */
		vmm_get_regs(vcpu, &r);
		next = r.pc < 0x3000 ? r.srr0 & ~3ull : r.pc;
		if (next < pc || next >= base + NR_WORDS * 4)
			next = pc;
		next = (next - base) / 4 + 1;
		/* up to the first branch: what is behind it may have been jumped over */
		while (slot < next) {
			done++;
			if (is_branch(words[slot++]))
				break;
		}
		slot = next;
	}
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("# %lu words; %lu interrupts or hypercalls, %lu device accesses, %lu not emulated, %lu stopped\n",
	       done, outcome[KVM_EXIT_PAPR_HCALL], outcome[KVM_EXIT_MMIO],
	       outcome[KVM_EXIT_INTERNAL_ERROR], stuck);
	EXPECT_LT(n / 8, outcome[KVM_EXIT_PAPR_HCALL]);
	/* still there, and well */
	EXPECT_EQ(0, waitpid(pid, &j, WNOHANG));
	kill(pid, SIGKILL);
	waitpid(pid, &j, 0);
}

TEST_HARNESS_MAIN
