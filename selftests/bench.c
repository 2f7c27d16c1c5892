// SPDX-License-Identifier: GPL-2.0
/*
 * Path lengths: timebase ticks from a guest's instruction to its next one,
 * through each kind of exit. Prints "bench NAME TICKS" with the median, or for
 * pages that are touched in a row the mean, less what the measuring itself takes.
 * Under -icount the numbers repeat.
 */
#include "book3s.h"
#include "ticks.h"

#include "payloads/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

DECLARE_PAYLOAD(bench);

#define MEM (128ul << 20)
#define VCPU 0

static uint64_t overhead;
static bool on_hash, has_hash;

static void report(const char *name, uint64_t *t, size_t n)
{
	uint64_t middle = median(t, n), sum = 0;
	size_t i;

	/* the cost of a page is spread unevenly if some are mapped with others */
	if (strstr(name, "page_fault")) {
		for (i = 0; i < n; i++)
			sum += t[i];
		middle = sum / n;
	}
	if (!strcmp(name, "nothing"))
		overhead = middle;
	else
		printf("bench %s %llu\n", name,
		       (unsigned long long)(middle - overhead));
	printf("# %s: min %llu median %llu p90 %llu max %llu of %zu\n", name,
	       (unsigned long long)t[0], (unsigned long long)t[n / 2],
	       (unsigned long long)t[n * 9 / 10], (unsigned long long)t[n - 1],
	       n);
}

/* As QEMU has it for virtio: a store of whatever length signals an eventfd */
static void any_store_kicks(struct vmm *vmm, uint64_t gpa)
{
	struct kvm_ioeventfd kick = { .addr = gpa, .fd = eventfd(0, 0) };

	if (ioctl(vmm->fd, KVM_IOEVENTFD, &kick))
		vmm_die("KVM_IOEVENTFD: %m");
	close(kick.fd);
}

static void guest(const char *name, enum bench_op op, size_t reps, uint64_t arg,
		  bool virt)
{
	struct kvm_interrupt irq = { .irq = KVM_INTERRUPT_SET };
	const char *only = getenv("BENCH_ONLY");
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;

	if (only && strcmp(only, name))
		return;
	/* see book3s_load() */
	setenv("TEST_OPTIONS", strncmp(name, "hash_", 5) ? "" : "hash-mmu", 1);
	vmm = vmm_new(MEM);
	if (op == BENCH_PROD && on_hash)
		op = BENCH_SET_MODE;
	/* host pages present and small, so that a touch maps one page */
	madvise(vmm->mem, MEM, MADV_NOHUGEPAGE);
	memset(vmm->mem, 0, BENCH_PAGES);
	if (strcmp(name, "page_fault_cold"))
		memset(vmm_gpa(vmm, BENCH_PAGES), 0, MEM - BENCH_PAGES);
	book3s_load(vmm, PAYLOAD(bench));
	if (virt) {
		book3s_map(vmm, 0, 0, MEM, 21,
			   op == BENCH_SYSCALL ? RPTE_KERNEL & ~RPTE_PRIV :
						 RPTE_KERNEL);
		book3s_map(vmm, BENCH_MMIO, BENCH_MMIO, 1 << 21, 21, RPTE_IO);
		book3s_translate(vmm);
	}
	if (!strcmp(name, "mmio_kick"))
		any_store_kicks(vmm, BENCH_MMIO);
	vcpu = book3s_add_vcpu(vmm, VCPU, virt ? MSR_VIRT : MSR_REAL, op, reps,
			       arg);
	/* nothing between two entries but the ioctl */
	while (!vmm_run(vcpu) &&
	       (vcpu->run->exit_reason == KVM_EXIT_MMIO ||
		(vcpu->run->exit_reason == KVM_EXIT_PAPR_HCALL &&
		 vcpu->run->papr_hcall.nr == UC_SYNC)))
		if (op == BENCH_IRQ && ioctl(vcpu->fd, KVM_INTERRUPT, &irq))
			vmm_die("KVM_INTERRUPT");
	if (vcpu->run->exit_reason != KVM_EXIT_PAPR_HCALL ||
	    vcpu->run->papr_hcall.nr != UC_EXIT)
		vmm_die("%s: %s", name, vmm_exit_str(vcpu));
	report(name, vmm_gpa(vmm, BENCH_OUT), reps);
	vmm_free(vmm);
}

/* KVM_RUN that may not enter: the system call and the way to the entry */
static void immediate_exit(size_t reps)
{
	struct vmm *vmm = vmm_new(1 << 23);
	struct vmm_vcpu *vcpu = book3s_add_vcpu(vmm, VCPU, MSR_REAL, 0, 0, 0);
	uint64_t *t = calloc(reps, sizeof(*t)), t0;
	size_t i;

	vcpu->run->immediate_exit = 1;
	for (i = 0; i < reps; i++) {
		t0 = mftb();
		if (vmm_run(vcpu) != -1 || errno != EINTR)
			vmm_die("immediate_exit");
		t[i] = mftb() - t0;
	}
	report("immediate_exit", t, reps);
	free(t);
	vmm_free(vmm);
}

/* One ONE_REG access */
static void one_reg(size_t reps)
{
	struct vmm *vmm = vmm_new(1 << 23);
	struct vmm_vcpu *vcpu = book3s_add_vcpu(vmm, VCPU, MSR_REAL, 0, 0, 0);
	uint64_t *t = calloc(reps, sizeof(*t)), t0;
	size_t i;

	for (i = 0; i < reps; i++) {
		t0 = mftb();
		vmm_reg(vcpu, KVM_REG_PPC_LPCR_64);
		t[i] = mftb() - t0;
	}
	report("get_one_reg", t, reps);
	free(t);
	vmm_free(vmm);
}

/* One file after another, in memory already, of the words in @files */
static void load(const char *files)
{
	char *all = strdup(files), *rest = all, *file;
	int fd;

	while ((file = strsep(&rest, " "))) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			vmm_die("insmod %s", file);
		close(fd);
	}
	free(all);
}

/* The last one first */
static void unload(const char *names)
{
	char *all = strdup(names), *name;

	while ((name = strrchr(all, ' '))) {
		if (syscall(SYS_delete_module, name + 1, O_NONBLOCK))
			vmm_die("rmmod %s", name + 1);
		*name = '\0';
	}
	if (syscall(SYS_delete_module, all, O_NONBLOCK))
		vmm_die("rmmod %s", all);
	free(all);
}

/* All that it takes to have /dev/kvm */
static void insmod(const char *names, const char *files)
{
	uint64_t t[9], t0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		unload(names);
		t0 = mftb();
		load(files);
		t[i] = mftb() - t0;
	}
	report("insmod", t, ARRAY_SIZE(t));
}

int main(void)
{
	const char *names = getenv("KVM_MODULES");
	const char *files = getenv("KVM_MODULE_FILES");
	size_t reps = vmm_env("BENCH_REPS", 2000);
	struct vmm *vmm = vmm_new(1 << 23);

	setlinebuf(stdout);
	on_hash = book3s_on_hash(vmm);
	has_hash = !on_hash && vmm_check(vmm, KVM_CAP_PPC_MMU_HASH_V3) > 0;
	vmm_free(vmm);
	guest("nothing", BENCH_NOTHING, reps, 0, false);
	guest("hcall_kernel", BENCH_PROD, reps, VCPU, false);
	guest("spr", BENCH_SPR, reps, 0, false);
	guest("hcall_user", BENCH_USER, reps, 0, false);
	guest("mmio_load", BENCH_LOAD, reps, BENCH_MMIO, false);
	guest("page_fault", BENCH_TOUCH, (MEM - BENCH_PAGES) / BENCH_PAGE,
	      BENCH_PAGES, false);
	guest("mmio_store", BENCH_STORE, reps, BENCH_MMIO, false);
	guest("mmio_kick", BENCH_STORE, reps, BENCH_MMIO, false);
	guest("mmio_load_virt", BENCH_LOAD, reps, BENCH_MMIO, true);
	/* What is the hardware's alone where guests have more than problem state */
	if (on_hash) {
		guest("syscall", BENCH_SYSCALL, reps, 0, true);
		guest("context_switch", BENCH_SWITCH, reps, 0, true);
	}
	/* kvm-pr.ko leaves the prod to the VMM */
	if (access("/sys/module/kvm_pr", F_OK))
		guest("cede_prodded", BENCH_CEDE, reps, VCPU, false);
	guest("cede_dec_late", BENCH_CEDE_DEC, reps, 0, false);
	guest("hcall_user_irq", BENCH_IRQ, reps, 0, false);
	guest("page_fault_cold", BENCH_TOUCH, (MEM - BENCH_PAGES) / BENCH_PAGE,
	      BENCH_PAGES, false);
	/* Guests in hardware with the hash MMU */
	if (has_hash) {
		guest("hash_enter_remove", BENCH_HPTE, reps, BENCH_PAGES,
		      false);
		guest("hash_page_fault", BENCH_TOUCH,
		      (MEM - BENCH_PAGES) / BENCH_PAGE, BENCH_PAGES, false);
		guest("hash_mmio_load", BENCH_LOAD, reps, BENCH_MMIO, true);
	}
	immediate_exit(reps);
	one_reg(reps);
	if (names && files)
		insmod(names, files);
	return 0;
}
