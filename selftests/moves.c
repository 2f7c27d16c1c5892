// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU whose thread changes its CPU. Invalidations that the guest began on
 * the old CPU have to be finished there; and CPUs that do not run the guest
 * must not be interrupted.
 */
#include "kselftest_harness.h"

#include "book3s.h"

#include <sched.h>
#include <unistd.h>

DECLARE_PAYLOAD(exits);

#define MEM (8ul << 20)
#define MOVES 200

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		vmm_die("sched_setaffinity to CPU %d", cpu);
}

/* Run to the next hypercall on the CPUs in turn, MOVES times */
static void move_between(struct vmm_vcpu *vcpu, const int cpu[2])
{
	unsigned int i;

	for (i = 0; i < MOVES; i++) {
		pin(cpu[i & 1]);
		if (book3s_run_hcall(vcpu) != UC_SYNC)
			vmm_die("%s", vmm_exit_str(vcpu));
		vcpu->run->papr_hcall.ret = vcpu->run->papr_hcall.args[0] + 1;
	}
}

static struct vmm_vcpu *guest(void)
{
	struct vmm *vmm = vmm_new(MEM);

	book3s_load(vmm, PAYLOAD(exits));
	return book3s_add_vcpu(vmm, 0, MSR_REAL, 1 << 20, 0, 0);
}

/*
 * Each change of the CPU after the first entry finishes the guest's tlbie on
 * the old CPU, also if the new one is a thread of the same core
 */
TEST(tlbie_is_finished)
{
	static const int cpus[2] = { 0, 1 };
	struct vmm_vcpu *vcpu = guest();
	long before;

	if (book3s_peer())
		SKIP(return, "kvm-hv does not count this");
	if (book3s_on_hash(vcpu->vmm))
		SKIP(return, "no guest executes tlbie");
	if (book3s_in_partition())
		SKIP(return, "a hypervisor's");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	pin(cpus[1]);
	book3s_run_hcall(vcpu);
	vcpu->run->papr_hcall.ret = 1;
	before = vmm_stat(vcpu->vmm, "finished_tlbies");
	move_between(vcpu, cpus);
	EXPECT_EQ(MOVES, vmm_stat(vcpu->vmm, "finished_tlbies") - before);
	/* Staying on a CPU needs nothing */
	move_between(vcpu, (int[]){ cpus[1], cpus[1] });
	EXPECT_EQ(MOVES, vmm_stat(vcpu->vmm, "finished_tlbies") - before);
	vmm_free(vcpu->vmm);
}

/* Interrupts by other CPUs that @cpu has taken */
static unsigned long ipis(int cpu)
{
	char line[1024], *p, *end;
	unsigned long count, sum = 0;
	FILE *f = fopen("/proc/interrupts", "r");
	int i;

	if (!f)
		vmm_die("/proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "IPI") && !strstr(line, "Doorbell"))
			continue;
		p = strchr(line, ':');
		for (i = 0, count = 0; p && i <= cpu; i++) {
			count = strtoul(p + 1, &end, 10);
			p = end - 1;
		}
		sum += count;
	}
	fclose(f);
	return sum;
}

/*
 * The core that is left flushes the guest's translations at the next entry there,
 * but its other threads, which are idle, need no interrupt
 */
TEST(idle_threads_sleep)
{
	static const int cpus[2] = { 0, 2 };
	struct vmm_vcpu *vcpu;
	unsigned long before;
	char line[64] = "";
	FILE *f;

	f = fopen("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list",
		  "r");
	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "2-3", 3))
		SKIP(return, "not two cores of two threads");
	fclose(f);
	vcpu = guest();
	move_between(vcpu, cpus);
	before = ipis(1) + ipis(3);
	move_between(vcpu, cpus);
	EXPECT_GT(MOVES / 2, ipis(1) + ipis(3) - before);
	TH_LOG("%lu interrupts of idle threads for %d moves, of busy ones %lu in all",
	       ipis(1) + ipis(3) - before, MOVES, ipis(0) + ipis(2));
	vmm_free(vcpu->vmm);
}

TEST_HARNESS_MAIN
