// SPDX-License-Identifier: GPL-2.0
/*
 * How costs grow with how much there is: timebase ticks of single calls, with
 * 1 to 30000 memory slots, ioeventfds, vCPUs, and sizes of slots. Prints
 * "bench NAME@SIZE TICKS" with the median. Under -icount the numbers repeat.
 */
#include "book3s.h"
#include "ticks.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define REPS 15
#define IO (1ull << 44)

static void report(const char *name, unsigned long size, uint64_t *t, size_t n)
{
	printf("bench %s@%lu %llu\n", name, size,
	       (unsigned long long)median(t, n));
	fflush(stdout);
}

/* Ticks that a call takes, which has to succeed */
#define TICKS(call)                               \
	({                                        \
		uint64_t t0 = mftb();             \
		if (call)                         \
			vmm_die("%s: %m", #call); \
		mftb() - t0;                      \
	})

static void slots(unsigned long n)
{
	struct vmm *vmm = vmm_new(0);
	size_t page = getpagesize();
	char *hva = vmm_alloc((n + 1) * page);
	char *other = vmm_alloc(page);
	uint64_t add[REPS], del[REPS], inside[REPS], outside[REPS];
	unsigned long i;
	int r;

	for (i = 0; i < n; i++)
		if (vmm_set_slot(vmm, i, 0, 2 * i * page, page, hva + i * page))
			vmm_die("slot %lu of %lu: %m", i, n);
	for (r = 0; r < REPS; r++) {
		/*
		 * the new slot lies between two others, or after the last one
		 */
		uint64_t gpa = (r & 1 ? 2 * n : n | 1) * page;

		add[r] = TICKS(
			vmm_set_slot(vmm, n, 0, gpa, page, hva + n * page));
		del[r] = TICKS(vmm_set_slot(vmm, n, 0, gpa, 0, NULL));
		memset(other, r, page);
		outside[r] = TICKS(madvise(other, page, MADV_DONTNEED));
		memset(hva, r, page);
		inside[r] = TICKS(madvise(hva, page, MADV_DONTNEED));
	}
	report("slot_add", n, add, REPS);
	report("slot_delete", n, del, REPS);
	report("discard_outside", n, outside, REPS);
	report("discard_inside", n, inside, REPS);
	munmap(other, page);
	munmap(hva, (n + 1) * page);
	vmm_free(vmm);
}

static void ioeventfds(unsigned long n)
{
	struct vmm *vmm = vmm_new(0);
	int fd = eventfd(0, 0);
	struct kvm_ioeventfd ev = { .len = 0, .fd = fd };
	uint64_t add[REPS], del[REPS];
	unsigned long i;
	int r;

	for (i = 0; i < n; i++) {
		ev.addr = IO + 8 * i;
		if (ioctl(vmm->fd, KVM_IOEVENTFD, &ev))
			vmm_die("ioeventfd %lu: %m", i);
	}
	for (r = 0; r < REPS; r++) {
		ev.addr = IO + 8 * (r & 1 ? n : n / 2) + 4;
		ev.flags = 0;
		add[r] = TICKS(ioctl(vmm->fd, KVM_IOEVENTFD, &ev));
		ev.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
		del[r] = TICKS(ioctl(vmm->fd, KVM_IOEVENTFD, &ev));
	}
	report("ioeventfd_add", n, add, REPS);
	report("ioeventfd_delete", n, del, REPS);
	close(fd);
	vmm_free(vmm);
}

static void vcpus(unsigned long n)
{
	uint64_t vm[REPS], vcpu[REPS], end[REPS];
	int r;

	for (r = 0; r < REPS; r++) {
		uint64_t t0 = mftb(), t1;
		struct vmm *vmm = vmm_new(0);
		unsigned long i;

		vm[r] = mftb() - t0;
		for (i = 0; i < n; i++) {
			t1 = mftb();
			vmm_add_vcpu(vmm, i);
			vcpu[r] = mftb() - t1;
		}
		t0 = mftb();
		vmm_free(vmm);
		end[r] = mftb() - t0;
	}
	report("vm_create", n, vm, REPS);
	report("vcpu_create", n, vcpu, REPS);
	report("vm_end", n, end, REPS);
}

static void dirty_log(unsigned long mb)
{
	struct vmm *vmm = vmm_new(0);
	uint64_t size = (uint64_t)mb << 20, begin[REPS], get[REPS], stop[REPS];
	size_t bytes = size / getpagesize() / 8;
	struct kvm_dirty_log log = { .dirty_bitmap = calloc(1, bytes) };
	char *hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int r;

	if (hva == MAP_FAILED || vmm_set_slot(vmm, 0, 0, 0, size, hva))
		vmm_die("%lu MiB: %m", mb);
	memset(log.dirty_bitmap, 0, bytes);
	for (r = 0; r < REPS; r++) {
		begin[r] = TICKS(vmm_set_slot(vmm, 0, KVM_MEM_LOG_DIRTY_PAGES,
					      0, size, hva));
		get[r] = TICKS(ioctl(vmm->fd, KVM_GET_DIRTY_LOG, &log));
		stop[r] = TICKS(vmm_set_slot(vmm, 0, 0, 0, size, hva));
	}
	report("log_begin_mb", mb, begin, REPS);
	report("log_get_mb", mb, get, REPS);
	report("log_stop_mb", mb, stop, REPS);
	munmap(hva, size);
	free(log.dirty_bitmap);
	vmm_free(vmm);
}

int main(void)
{
	static const unsigned long n_slots[] = { 1, 100, 4000, 30000 };
	static const unsigned long n_events[] = { 1, 50, 900 };
	static const unsigned long n_vcpus[] = { 1, 4, 16 };
	static const unsigned long mbs[] = { 512, 2048, 8192 };
	unsigned int i;

	for (i = 0; i < sizeof(n_slots) / sizeof(*n_slots); i++)
		slots(n_slots[i]);
	for (i = 0; i < sizeof(n_events) / sizeof(*n_events); i++)
		ioeventfds(n_events[i]);
	for (i = 0; i < sizeof(n_vcpus) / sizeof(*n_vcpus); i++)
		vcpus(n_vcpus[i]);
	for (i = 0; i < sizeof(mbs) / sizeof(*mbs); i++)
		dirty_log(mbs[i]);
	return 0;
}
