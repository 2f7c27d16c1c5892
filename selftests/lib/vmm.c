// SPDX-License-Identifier: GPL-2.0
#include "vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT_ALIGN (2ul << 20)

void vmm_die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (errno %d: %s)\n", err, strerror(err));
	fflush(stdout);
	_exit(1);
}

int vmm_open(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		vmm_die("cannot open /dev/kvm");
	return fd;
}

void *vmm_alloc(size_t size)
{
	char *p = mmap(NULL, size + SLOT_ALIGN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t head;

	if (p == MAP_FAILED)
		vmm_die("mmap of %zu bytes", size);
	head = -(uintptr_t)p & (SLOT_ALIGN - 1);
	if (head)
		munmap(p, head);
	munmap(p + head + size, SLOT_ALIGN - head);
	return p + head;
}

int vmm_set_slot(struct vmm *vmm, uint32_t slot, uint32_t flags, uint64_t gpa,
		 uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vmm->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

struct vmm *vmm_new(size_t mem_size)
{
	struct vmm *vmm = calloc(1, sizeof(*vmm));

	if (!vmm)
		vmm_die("no memory");
	vmm->kvm_fd = vmm_open();
	vmm->fd = ioctl(vmm->kvm_fd, KVM_CREATE_VM, 0ul);
	if (vmm->fd < 0)
		vmm_die("KVM_CREATE_VM");
	vmm->mem_size = mem_size;
	if (mem_size) {
		vmm->mem = vmm_alloc(mem_size);
		if (vmm_set_slot(vmm, 0, 0, 0, mem_size, vmm->mem))
			vmm_die("slot 0");
	}
	return vmm;
}

struct vmm_vcpu *vmm_add_vcpu(struct vmm *vmm, unsigned int id)
{
	struct vmm_vcpu *vcpu = &vmm->vcpu[vmm->nr_vcpus];
	int size;

	if (vmm->nr_vcpus >= VMM_MAX_VCPUS)
		vmm_die("too many vCPUs for this library");
	vcpu->vmm = vmm;
	vcpu->id = id;
	vcpu->fd = ioctl(vmm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (vcpu->fd < 0)
		vmm_die("KVM_CREATE_VCPU %u", id);
	size = ioctl(vmm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0ul);
	if (size < (int)sizeof(*vcpu->run))
		vmm_die("KVM_GET_VCPU_MMAP_SIZE %d", size);
	vcpu->run_size = size;
	vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		vmm_die("mmap of the run page");
	vmm->nr_vcpus++;
	return vcpu;
}

void vmm_free(struct vmm *vmm)
{
	unsigned int i;

	for (i = 0; i < vmm->nr_vcpus; i++) {
		munmap(vmm->vcpu[i].run, vmm->vcpu[i].run_size);
		close(vmm->vcpu[i].fd);
	}
	close(vmm->fd);
	close(vmm->kvm_fd);
	if (vmm->mem)
		munmap(vmm->mem, vmm->mem_size);
	if (vmm->at_free)
		vmm->at_free(vmm);
	free(vmm);
}

int vmm_check(struct vmm *vmm, long cap)
{
	return ioctl(vmm->fd, KVM_CHECK_EXTENSION, cap);
}

int vmm_enable_cap(int fd, uint32_t cap, uint64_t arg0, uint64_t arg1)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg0, arg1 } };

	return ioctl(fd, KVM_ENABLE_CAP, &c);
}

int vmm_run(struct vmm_vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_RUN, 0ul);
}

int vmm_get_reg(struct vmm_vcpu *vcpu, uint64_t id, void *val)
{
	struct kvm_one_reg r = { .id = id, .addr = (uintptr_t)val };

	return ioctl(vcpu->fd, KVM_GET_ONE_REG, &r);
}

int vmm_set_reg(struct vmm_vcpu *vcpu, uint64_t id, const void *val)
{
	struct kvm_one_reg r = { .id = id, .addr = (uintptr_t)val };

	return ioctl(vcpu->fd, KVM_SET_ONE_REG, &r);
}

uint64_t vmm_reg(struct vmm_vcpu *vcpu, uint64_t id)
{
	uint64_t v64 = 0;
	uint32_t v32 = 0;

	if (vmm_reg_size(id) == 4) {
		if (vmm_get_reg(vcpu, id, &v32))
			vmm_die("KVM_GET_ONE_REG %#" PRIx64, id);
		return v32;
	}
	if (vmm_get_reg(vcpu, id, &v64))
		vmm_die("KVM_GET_ONE_REG %#" PRIx64, id);
	return v64;
}

void vmm_reg_set(struct vmm_vcpu *vcpu, uint64_t id, uint64_t val)
{
	uint32_t v32 = val;
	const void *p = vmm_reg_size(id) == 4 ? (void *)&v32 : (void *)&val;

	if (vmm_set_reg(vcpu, id, p))
		vmm_die("KVM_SET_ONE_REG %#" PRIx64, id);
}

void vmm_get_regs(struct vmm_vcpu *vcpu, struct kvm_regs *regs)
{
	if (ioctl(vcpu->fd, KVM_GET_REGS, regs))
		vmm_die("KVM_GET_REGS");
}

void vmm_set_regs(struct vmm_vcpu *vcpu, struct kvm_regs *regs)
{
	if (ioctl(vcpu->fd, KVM_SET_REGS, regs))
		vmm_die("KVM_SET_REGS");
}

long vmm_stat(struct vmm *vmm, const char *name)
{
	char path[128];
	long v;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/%s", getpid(),
		 vmm->fd, name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%ld", &v) != 1)
		vmm_die("%s", path);
	fclose(f);
	return v;
}

const char *vmm_exit_str(struct vmm_vcpu *vcpu)
{
	static char buf[256];
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;
	int n;

	vmm_get_regs(vcpu, &regs);
	n = snprintf(buf, sizeof(buf), "exit %u pc %#llx msr %#llx",
		     run->exit_reason, regs.pc, regs.msr);
	if (run->exit_reason == KVM_EXIT_PAPR_HCALL)
		snprintf(buf + n, sizeof(buf) - n,
			 " hcall %#llx(%#llx, %#llx, %#llx, %#llx)",
			 run->papr_hcall.nr, run->papr_hcall.args[0],
			 run->papr_hcall.args[1], run->papr_hcall.args[2],
			 run->papr_hcall.args[3]);
	else if (run->exit_reason == KVM_EXIT_MMIO)
		snprintf(buf + n, sizeof(buf) - n, " mmio %s %#llx len %u",
			 run->mmio.is_write ? "store" : "load",
			 run->mmio.phys_addr, run->mmio.len);
	return buf;
}

unsigned long vmm_env(const char *name, unsigned long dflt)
{
	const char *s = getenv(name);

	return s && *s ? strtoul(s, NULL, 0) : dflt;
}

bool vmm_stock_host(void)
{
	const char *flavour = getenv("TEST_FLAVOUR");

	return flavour && !strncmp(flavour, "stock-", 6);
}

bool vmm_debugging_host(void)
{
	const char *flavour = getenv("TEST_FLAVOUR");

	return flavour && strstr(flavour, "debug");
}
