// SPDX-License-Identifier: GPL-2.0
/*
 * No exit of any kind may change a register of the guest that it is not meant
 * to, nor one of the VMM. Two vCPUs share a host CPU, so that each finds the
 * other's values where its own were not restored.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "payloads/integrity.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

DECLARE_PAYLOAD(integrity);
DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)

static const char *const kind_name[NR_KINDS] = {
	"hypercall",  "hypercall to userspace", "MMIO load", "MMIO store",
	"page fault", "illegal instruction",	"waiting",   "decrementer",
	"cede",
};

/* the name of the place that fail()'s first argument stands for */
static const char *where(uint64_t what)
{
	static char buf[64];
	unsigned int n = what & 0xff, file = what >> 8 & 0xff;
	static const char *const name[] = { "r", "SPR number ", "vs",
					    "special " };

	snprintf(buf, sizeof(buf), "%s%u", name[file & 3], n);
	return buf;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		vmm_die("sched_setaffinity");
}

struct runner {
	struct vmm_vcpu *vcpu;
	unsigned long exits[NR_KINDS];
	bool ok;
	pthread_t thread;
};

static void *run(void *arg)
{
	struct runner *r = arg;
	struct kvm_run *run = r->vcpu->run;
	uint32_t v;

	pin(0);
	for (;;) {
		if (vmm_run(r->vcpu))
			vmm_die("KVM_RUN: %s", vmm_exit_str(r->vcpu));
		if (run->exit_reason == KVM_EXIT_MMIO) {
			v = run->mmio.phys_addr * DEVICE_FACTOR;
			if (!run->mmio.is_write)
				memcpy(run->mmio.data, &v, 4);
			else if (memcmp(run->mmio.data, &v, 4))
				vmm_die("stored %#x, not %#x",
					*(uint32_t *)run->mmio.data, v);
			r->exits[run->mmio.is_write ? KIND_STORE : KIND_LOAD]++;
			continue;
		}
		if (run->exit_reason != KVM_EXIT_PAPR_HCALL)
			break;
		if (run->papr_hcall.nr == UC_SYNC) {
			run->papr_hcall.ret = run->papr_hcall.args[0];
			r->exits[KIND_USER]++;
			continue;
		}
		if (run->papr_hcall.nr == UC_EXIT && !run->papr_hcall.args[0]) {
			r->ok = true;
			return NULL;
		}
		if (run->papr_hcall.nr == UC_FAIL) {
			uint64_t what = run->papr_hcall.args[0];

			printf("# vCPU %u, %s: %s is %#llx, not %#llx (%#llx)\n",
			       r->vcpu->id, kind_name[(what >> 16) % NR_KINDS],
			       where(what), run->papr_hcall.args[2],
			       run->papr_hcall.args[1],
			       run->papr_hcall.args[3]);
			return NULL;
		}
		break;
	}
	printf("# vCPU %u: %s\n", r->vcpu->id, vmm_exit_str(r->vcpu));
	return NULL;
}

FIXTURE(integrity)
{
	struct vmm *vmm;
};

FIXTURE_VARIANT(integrity)
{
	uint64_t msr;
	uint32_t kinds;
};

#define EVERY ((1u << NR_KINDS) - 1)

FIXTURE_VARIANT_ADD(integrity, real){
	.msr = MSR_REAL | MSR_ALL_FP,
	.kinds = EVERY,
};

FIXTURE_VARIANT_ADD(integrity, radix){
	.msr = MSR_VIRT | MSR_ALL_FP,
	.kinds = EVERY,
};

/* only exits that are handled in the kernel */
FIXTURE_VARIANT_ADD(integrity, in_kernel){
	.msr = MSR_REAL | MSR_ALL_FP,
	.kinds = 1u << KIND_HCALL | 1u << KIND_WAIT | 1u << KIND_DEC |
		 1u << KIND_CEDE | 1u << KIND_ILLEGAL,
};

FIXTURE_SETUP(integrity)
{
	self->vmm = vmm_new(MEM);
	if (book3s_wants_hash() && !(variant->msr & MSR_DR))
		SKIP(return, "in real mode there is only slot 0");
	madvise(self->vmm->mem, MEM, MADV_NOHUGEPAGE);
	book3s_load(self->vmm, PAYLOAD(integrity));
	if (variant->msr & MSR_DR) {
		book3s_map(self->vmm, 0, 0, MEM, 21, RPTE_KERNEL);
		book3s_map(self->vmm, DEVICE, DEVICE, 1 << 21, 21, RPTE_IO);
		book3s_translate(self->vmm);
	}
}

FIXTURE_TEARDOWN(integrity)
{
	vmm_free(self->vmm);
}

static volatile bool stop;

/* Discards pages while the guest uses them */
static void *discard(void *arg)
{
	struct vmm *vmm = arg;

	while (!stop) {
		madvise(vmm_gpa(vmm, PAGES), 1 << 20, MADV_DONTNEED);
		usleep(2000);
	}
	return NULL;
}

TEST_F_TIMEOUT(integrity, exits, 600)
{
	unsigned long count = vmm_env("REG_INTEGRITY_COUNT",
				      book3s_on_hash(self->vmm) ? 2000 : 30000);
	struct runner r[2] = { 0 };
	pthread_t discarder;
	unsigned int i;

	for (i = 0; i < 2; i++)
		r[i].vcpu = book3s_add_vcpu(self->vmm, i, variant->msr,
					    count / 2,
					    variant->kinds | (uint64_t)i << 32,
					    variant->msr);
	stop = false;
	pthread_create(&discarder, NULL, discard, self->vmm);
	for (i = 0; i < 2; i++)
		pthread_create(&r[i].thread, NULL, run, &r[i]);
	for (i = 0; i < 2; i++)
		pthread_join(r[i].thread, NULL);
	stop = true;
	pthread_join(discarder, NULL);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(r[i].ok);
		if (variant->kinds == EVERY) {
			EXPECT_LE(count / 2 / NR_KINDS, r[i].exits[KIND_LOAD]);
			EXPECT_LE(count / 2 / NR_KINDS, r[i].exits[KIND_STORE]);
			EXPECT_LE(count / 2 / NR_KINDS, r[i].exits[KIND_USER]);
		}
	}
}

/* Timers of the host's at 10 kHz, on this CPU; nobody waits for them */
static int timers(void)
{
	struct itimerspec every = { { 0, 100000 }, { 0, 100000 } };
	int fd;

	pin(0);
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL))
		vmm_die("timerfd");
	return fd;
}

/* Makes the other CPU interrupt the one that runs this process's guest */
static void *interrupt(void *count)
{
	unsigned long *n = count;

	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		pin(1);
	while (!stop) {
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0,
			    0))
			vmm_die("membarrier");
		++*n;
	}
	return NULL;
}

/*
 * The same while interrupts of the host storm the CPU, again and again until
 * STORM_COUNT of them have found the guest
 */
TEST_F_TIMEOUT(integrity, storm, 3000)
{
	long enough = vmm_env("STORM_COUNT", 100), exits = 0, dec = 0;
	/* where others want the machine too, few interrupts a second get here */
	time_t end = time(NULL) + 200 + enough / 10;
	unsigned long each = book3s_on_hash(self->vmm) ? 4 : 20;
	unsigned long ipis = 0, rounds = 0;
	struct runner r = { 0 };
	pthread_t interrupter;
	uint64_t expired = 0;
	struct kvm_regs regs;
	int fd;

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
		    0, 0))
		SKIP(return, "no membarrier");
	/* in problem state a guest is interrupted thousands of times in each */
	r.vcpu = book3s_add_vcpu(self->vmm, 0, variant->msr, each * NR_KINDS,
				 variant->kinds, variant->msr);
	vmm_get_regs(r.vcpu, &regs);
	stop = false;
	fd = timers();
	pthread_create(&interrupter, NULL, interrupt, &ipis);
	do {
		book3s_set_regs(r.vcpu, &regs);
		r.ok = false;
		pthread_create(&r.thread, NULL, run, &r);
		pthread_join(r.thread, NULL);
		exits = vmm_stat(self->vmm, "ext_intr_exits");
		dec = vmm_stat(self->vmm, "dec_exits");
		rounds++;
	} while (r.ok && time(NULL) < end && (exits < enough || dec < enough));
	stop = true;
	pthread_join(interrupter, NULL);
	EXPECT_TRUE(r.ok);
	/* fewer would not test anything */
	EXPECT_LE(enough, exits);
	EXPECT_LE(enough, dec);
	EXPECT_EQ(8, read(fd, &expired, 8));
	close(fd);
	printf("# %lu rounds, %lu timers, %lu interrupts sent, %ld exits by those, %ld by the decrementer\n",
	       rounds, expired, ipis, exits, dec);
}

/*
 * Four of the VMM's vector registers around the system call: two that are
 * floating-point registers and two that are VMX ones, all not volatile.
 */
static int run_with_vectors(int fd, const uint64_t in[8], uint64_t out[8])
{
	register uint64_t r0 asm("r0") = SYS_ioctl;
	register uint64_t r3 asm("r3") = fd;
	register uint64_t r4 asm("r4") = KVM_RUN;
	register uint64_t r5 asm("r5") = 0;
	uint32_t cr;

	asm volatile(".machine push\n"
		     ".machine power8\n"
		     "addi	9,%6,16\n"
		     "addi	10,%6,32\n"
		     "addi	11,%6,48\n"
		     "lxvd2x	14,0,%6\n"
		     "lxvd2x	31,0,9\n"
		     "lxvd2x	52,0,10\n"
		     "lxvd2x	63,0,11\n"
		     "sc\n"
		     "mfcr	%4\n"
		     "addi	9,%5,16\n"
		     "addi	10,%5,32\n"
		     "addi	11,%5,48\n"
		     "stxvd2x	14,0,%5\n"
		     "stxvd2x	31,0,9\n"
		     "stxvd2x	52,0,10\n"
		     "stxvd2x	63,0,11\n"
		     ".machine pop\n"
		     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "=&r"(cr)
		     : "b"(out), "b"(in)
		     : "r6", "r7", "r8", "r9", "r10", "r11", "r12", "ctr",
		       "xer", "cr0", "cr1", "cr5", "cr6", "cr7", "memory",
		       "fr14", "fr31");
	return cr & 0x10000000 ? -(int)r3 : 0;
}

static void *busy(void *arg)
{
	pin(0);
	while (!stop)
		;
	return NULL;
}

/* They are the VMM's when KVM_RUN is back, although others want the CPU */
TEST_F_TIMEOUT(integrity, vmm_vectors, 300)
{
	unsigned long n = 20000, i, j, lost = 0;
	uint64_t in[8], out[8];
	struct vmm_vcpu *vcpu;
	pthread_t t;

	book3s_load(self->vmm, PAYLOAD(exits));
	vcpu = book3s_add_vcpu(self->vmm, 0, variant->msr, n + 1, 0, 0);
	stop = false;
	pthread_create(&t, NULL, busy, NULL);
	pin(0);
	for (i = 0; i < n; i++) {
		for (j = 0; j < 8; j++)
			in[j] = (i * 8 + j + 1) * 0x9e3779b97f4a7c15;
		ASSERT_EQ(0, run_with_vectors(vcpu->fd, in, out));
		ASSERT_EQ(UC_SYNC, vcpu->run->papr_hcall.nr);
		lost += !!memcmp(in, out, sizeof(in));
		vcpu->run->papr_hcall.ret = i + 1;
	}
	stop = true;
	pthread_join(t, NULL);
	if (lost)
		printf("# the VMM's registers were lost %lu times in %lu\n",
		       lost, n);
	/*
	 * kvm-hv.ko saves them once a KVM_RUN; a switch to the other thread
	 * and back after that loads them, for the guest's to overwrite.
	 */
	if (lost && book3s_peer())
		SKIP(return, "kvm-hv.ko loses them");
	EXPECT_EQ(0, lost);
}

TEST_HARNESS_MAIN
