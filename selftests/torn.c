// SPDX-License-Identifier: GPL-2.0
/*
 * A page table entry of the guest's that another processor of it changes while KVM
 * reads it, to fetch the instruction that is to be emulated: it has to be one that
 * was there, not half of each.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"

#include <endian.h>
#include <pthread.h>
#include <signal.h>

DECLARE_PAYLOAD(exits);

#define MEM (48ul << 20)
#define LOADS 20000

#define PAGE 0x10000ul
/* Where the code is in turn; addresses that differ in two bytes of the entry */
#define CODE_A 0x01200000ul
#define CODE_B 0x02100000ul
/* and what two halves of the entries make; a byte is loaded there, not a word */
#define MIXED_A 0x01100000ul
#define MIXED_B 0x02200000ul

#define LBZ(t, d, a) INSN_D(34u, t, a, d)

#define CODE_EA 0x10000000ul
#define DEVICE_EA 0x20000000ul
#define DEVICE 0x40000000ul

static void on_signal(int sig)
{
}

static void *change(void *arg)
{
	struct vmm_vcpu *vcpu = arg;

	while (!vcpu->run->immediate_exit)
		if (!vmm_run(vcpu) || errno != EINTR)
			vmm_die("KVM_RUN: %s", vmm_exit_str(vcpu));
	return NULL;
}

static uint64_t *entry_of(struct vmm *vmm, uint64_t gpa)
{
	uint64_t *e = vmm_gpa(vmm, GPA_TABLES), *end = vmm_gpa(vmm, GPA_STACKS);
	uint64_t leaf = RPTE_VALID | RPTE_LEAF;

	for (; e < end; e++)
		if ((be64toh(*e) & leaf) == leaf &&
		    (be64toh(*e) & 0x01fffffffffff000) == gpa)
			return e;
	vmm_die("no entry for %#lx", gpa);
}

TEST(entry_changes)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *loader, *changer;
	struct kvm_regs r = { .pc = CODE_EA, .msr = MSR_VIRT };
	unsigned int i, bytes = 0, other = 0, seen[2] = {};
	uint64_t *entry, a, b;
	pthread_t thread;

	if (book3s_on_hash(vmm))
		SKIP(return, "not a radix guest");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	sigaction(SIGUSR1, &sa, NULL);
	book3s_load(vmm, PAYLOAD(exits));
	book3s_map(vmm, CODE_EA, CODE_A, PAGE, 16, RPTE_KERNEL);
	book3s_map(vmm, DEVICE_EA, DEVICE, PAGE, 16, RPTE_IO);
	book3s_translate(vmm);
	book3s_put(vmm, CODE_A, true, LWZ(5, 0, 4), B(-4));
	book3s_put(vmm, CODE_B, true, LWZ(5, 0, 4), B(-4));
	book3s_put(vmm, MIXED_A, true, LBZ(5, 0, 4), B(-4));
	book3s_put(vmm, MIXED_B, true, LBZ(5, 0, 4), B(-4));
	loader = book3s_add_vcpu(vmm, 0, MSR_VIRT, 0, 0, 0);
	changer = book3s_add_vcpu(vmm, 1, MSR_REAL, 0, 0, 0);

	entry = entry_of(vmm, CODE_A);
	a = *entry;
	b = htobe64(be64toh(a) - CODE_A + CODE_B);
	r.gpr[4] = DEVICE_EA;
	vmm_set_regs(loader, &r);
	r = (struct kvm_regs){ .pc = GPA_FREE, .msr = MSR_REAL };
	r.gpr[3] = (char *)entry - (char *)vmm->mem;
	r.gpr[5] = a;
	r.gpr[6] = b;
	book3s_put(vmm, GPA_FREE, true, STD(6, 0, 3), STD(5, 0, 3), B(-8));
	vmm_set_regs(changer, &r);
	pthread_create(&thread, NULL, change, changer);

	for (i = 0; i < LOADS; i++) {
		if (vmm_run(loader))
			vmm_die("KVM_RUN: %s", vmm_exit_str(loader));
		if (loader->run->exit_reason != KVM_EXIT_MMIO ||
		    loader->run->mmio.phys_addr != DEVICE)
			other++;
		else if (loader->run->mmio.len != 4)
			bytes++;
		if (other > 5)
			break;
		seen[*(volatile uint64_t *)entry == b]++;
	}
	EXPECT_EQ(0, bytes)
	{
		TH_LOG("of %d", LOADS);
	}
	EXPECT_EQ(0, other)
	{
		TH_LOG("%s", vmm_exit_str(loader));
	}
	/* They ran at the same time */
	EXPECT_LT(LOADS / 100, seen[0]);
	EXPECT_LT(LOADS / 100, seen[1]);
	changer->run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	vmm_free(vmm);
}

TEST_HARNESS_MAIN
