/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests that change memory under payloads/memory.c: its vCPUs' threads,
 * stopping and starting them, and comparing the dirty log with what it wrote.
 */
#ifndef SELFTESTS_MEMORY_GUEST_H
#define SELFTESTS_MEMORY_GUEST_H

#include "memory_host.h"
#include "payloads/memory.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

static struct vmm *the_vmm;
static volatile bool done, logging;
static sem_t stopped, go;
/* held while the VMM accesses the memory itself */
static pthread_mutex_t slot_lock = PTHREAD_MUTEX_INITIALIZER;
static char *memory;

/* Makes an access for a guest that has none of the slots there at the moment */
static void access_for_guest(struct kvm_run *run)
{
	uint64_t at = run->mmio.phys_addr - MEM_BASE;
	struct mem_ctl *ctl = vmm_gpa(the_vmm, MEM_CTL);

	if (at >= MEM_PAGES * ctl->page_size)
		vmm_die("MMIO at %#llx", run->mmio.phys_addr);
	pthread_mutex_lock(&slot_lock);
	if (run->mmio.is_write)
		memcpy(memory + at, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, memory + at, run->mmio.len);
	pthread_mutex_unlock(&slot_lock);
}

static void *vcpu_thread(void *arg)
{
	struct vmm_vcpu *vcpu = arg;
	struct kvm_run *run = vcpu->run;

	while (!done) {
		if (vmm_run(vcpu)) {
			/* the memory is not mapped at the moment */
			if (errno == EFAULT || errno == EINTR)
				continue;
			vmm_die("KVM_RUN: %s", vmm_exit_str(vcpu));
		}
		if (guest_hcall(vcpu) == UC_SYNC) {
			sem_post(&stopped);
			sem_wait(&go);
			continue;
		}
		if (!guest_hcall(vcpu) && run->exit_reason == KVM_EXIT_MMIO) {
			access_for_guest(run);
			continue;
		}
		vmm_die("%s", vmm_exit_str(vcpu));
	}
	return NULL;
}

/* Stop all vCPUs at a place where none has half written a page */
static void stop_guest(struct mem_ctl *ctl)
{
	unsigned int i;

	__atomic_store_n(&ctl->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < ctl->vcpus; i++)
		sem_wait(&stopped);
	__atomic_store_n(&ctl->stop, 0, __ATOMIC_SEQ_CST);
}

static void start_guest(struct mem_ctl *ctl)
{
	unsigned int i;

	for (i = 0; i < ctl->vcpus; i++)
		sem_post(&go);
}

/* Bits are in little-endian order on any host */
static bool in_log(const void *map, unsigned int page)
{
	return ((const uint8_t *)map)[page / 8] >> page % 8 & 1;
}

static int set_slot(struct vmm *vmm, uint64_t gpa, size_t size, void *hva)
{
	return vmm_set_slot(vmm, SLOT, logging ? KVM_MEM_LOG_DIRTY_PAGES : 0,
			    gpa, size, hva);
}

/*
 * Compares the dirty log with what the guest wrote. The guest's pages may be
 * larger than the host's; then all host pages in them count. Returns how many
 * are wrong.
 */
static unsigned int check_log(struct vmm *vmm, struct mem_ctl *ctl)
{
	unsigned int per = ctl->page_size / sysconf(_SC_PAGESIZE);
	uint64_t map[MEM_PAGES * MEM_WORDS / 64] = { 0 };
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = map };
	unsigned int i, bad = 0;

	if (ioctl(vmm->fd, KVM_GET_DIRTY_LOG, &log))
		vmm_die("KVM_GET_DIRTY_LOG");
	for (i = 0; i < MEM_PAGES * per; i++) {
		unsigned int page = i / per;
		bool is = in_log(map, i);
		bool want = ctl->dirty[page / MEM_BITS] >> page % MEM_BITS & 1;

		if (is != want && bad++ < 10)
			printf("# page %u: %s, but %s\n", i,
			       is ? "logged" : "not logged",
			       want ? "written" : "not written");
	}
	memset(ctl->dirty, 0, sizeof(ctl->dirty));
	return bad;
}

#endif
