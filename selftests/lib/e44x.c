// SPDX-License-Identifier: GPL-2.0
#include "e44x.h"

#include <errno.h>
#include <stdio.h>

/* Of payloads/head_440.S */
#define VECTORS 0x100u

void e44x_load(struct vmm *vmm, struct payload p)
{
	size_t size = p.end - p.start;

	if (size > E44X_STACK / 2)
		vmm_die("payload of %zu bytes is too large", size);
	memcpy(vmm->mem, p.start, size);
}

struct vmm_vcpu *e44x_add_vcpu(struct vmm *vmm, unsigned int id, uint32_t a0,
			       uint32_t a1, uint32_t a2)
{
	struct vmm_vcpu *vcpu = vmm_add_vcpu(vmm, id);
	struct kvm_regs regs = { 0 };
	unsigned int i;

	regs.gpr[1] = E44X_STACK;
	regs.gpr[3] = a0;
	regs.gpr[4] = a1;
	regs.gpr[5] = a2;
	vmm_set_regs(vcpu, &regs);
	for (i = 0; i < NR_IVORS; i++)
		set_vector(vcpu, i, VECTORS + 16 * i);
	return vcpu;
}

uint32_t e44x_hcall(struct vmm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint32_t nr;

	if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write ||
	    run->mmio.phys_addr != UC_DEVICE || run->mmio.len != 4)
		return 0;
	memcpy(&nr, run->mmio.data, sizeof(nr));
	return nr;
}

uint32_t e44x_run_hcall(struct vmm_vcpu *vcpu)
{
	struct kvm_regs regs;
	uint32_t nr;

	if (vmm_run(vcpu))
		vmm_die("KVM_RUN: %s", vmm_exit_str(vcpu));
	nr = e44x_hcall(vcpu);
	if (!nr || nr == UC_FAIL || nr == UC_TRAP) {
		errno = 0;
		vmm_get_regs(vcpu, &regs);
		vmm_die("guest: %s; hypercall %#x(%#llx, %#llx, %#llx, %#llx)",
			vmm_exit_str(vcpu), nr, regs.gpr[4], regs.gpr[5],
			regs.gpr[6], regs.gpr[7]);
	}
	return nr;
}

void set_vector(struct vmm_vcpu *vcpu, unsigned int ivor, uint32_t at)
{
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	sregs.u.e.ivpr = 0;
	sregs.u.e.ivor_low[ivor] = at;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		vmm_die("KVM_SET_SREGS");
}

uint32_t tb_hz(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	unsigned int hz = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "timebase : %u", &hz) == 1)
			break;
	if (f)
		fclose(f);
	if (!hz)
		vmm_die("/proc/cpuinfo does not tell the timebase");
	return hz;
}
