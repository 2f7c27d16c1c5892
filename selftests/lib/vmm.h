/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VMM just large enough for the self tests: system, VM and vCPU file
 * descriptors, memory slots, ONE_REG, the run loop. Nothing here knows which
 * PowerPC the guest is; book3s.h adds that.
 *
 * A function whose failure a test may want to see returns -1 with errno set,
 * like the ioctl it wraps. Those named vmm_* that return void or a pointer end
 * the test process with a message instead.
 */
#ifndef SELFTESTS_VMM_H
#define SELFTESTS_VMM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* Replaces the harness's time limit, because an emulated host may be slow */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120
#endif

#define VMM_MAX_VCPUS 16

/* A freestanding program built from payloads/NAME.c or .S, linked at 0 */
struct payload {
	const char *start, *end;
};
#define DECLARE_PAYLOAD(name) \
	extern const char payload_##name[], payload_##name##_end[]
#define PAYLOAD(name) ((struct payload){ payload_##name, payload_##name##_end })

struct vmm_vcpu {
	struct vmm *vmm;
	struct kvm_run *run;
	size_t run_size; /* bytes mapped at run */
	int fd;
	unsigned int id;
};

struct vmm {
	int kvm_fd; /* /dev/kvm */
	int fd; /* the VM */
	void *mem; /* slot 0, guest physical address 0 */
	size_t mem_size; /* bytes */
	struct vmm_vcpu vcpu[VMM_MAX_VCPUS];
	unsigned int nr_vcpus;
	struct book3s_hash *hash; /* a hashed page table, if there is one */
	void (*at_free)(struct vmm *vmm); /* frees other libraries' memory */
};

/* End the test process as failed, saying why and errno */
void vmm_die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

int vmm_open(void); /* /dev/kvm */

/* A VM of the default type with @mem_size bytes in slot 0, if not 0 */
struct vmm *vmm_new(size_t mem_size);
struct vmm_vcpu *vmm_add_vcpu(struct vmm *vmm, unsigned int id);
void vmm_free(struct vmm *vmm);

/* Anonymous memory for a slot, aligned to 2 MiB */
void *vmm_alloc(size_t size);

static inline void *vmm_gpa(struct vmm *vmm, uint64_t gpa)
{
	return (char *)vmm->mem + gpa;
}

int vmm_set_slot(struct vmm *vmm, uint32_t slot, uint32_t flags, uint64_t gpa,
		 uint64_t size, void *hva);
int vmm_check(struct vmm *vmm, long cap);
int vmm_enable_cap(int fd, uint32_t cap, uint64_t arg0, uint64_t arg1);

/* KVM_RUN once */
int vmm_run(struct vmm_vcpu *vcpu);

/* Raw access: @val has as many bytes as the id says */
int vmm_get_reg(struct vmm_vcpu *vcpu, uint64_t id, void *val);
int vmm_set_reg(struct vmm_vcpu *vcpu, uint64_t id, const void *val);

/* 32-bit and 64-bit registers by value; end the process on an error */
uint64_t vmm_reg(struct vmm_vcpu *vcpu, uint64_t id);
void vmm_reg_set(struct vmm_vcpu *vcpu, uint64_t id, uint64_t val);

static inline size_t vmm_reg_size(uint64_t id)
{
	return 1ul << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

void vmm_get_regs(struct vmm_vcpu *vcpu, struct kvm_regs *regs);
void vmm_set_regs(struct vmm_vcpu *vcpu, struct kvm_regs *regs);

/* A statistic of the VM in debugfs, in which its vCPUs' are added up */
long vmm_stat(struct vmm *vmm, const char *name);

/* Describes a vCPU's exit, for messages; the buffer is static */
const char *vmm_exit_str(struct vmm_vcpu *vcpu);

/* An unsigned number from the environment, or @dflt */
unsigned long vmm_env(const char *name, unsigned long dflt);

/* Is the host's kernel Debian's, which has no transactional memory? */
bool vmm_stock_host(void);
/* Is the host's kernel one with debugging options, which take much time? */
bool vmm_debugging_host(void);

#endif
