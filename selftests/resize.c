// SPDX-License-Identifier: GPL-2.0
/*
 * The hashed page table of a host that is a partition changes its size while a
 * guest's pages are in it: they are found and taken away all the same.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "payloads/toucher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

DECLARE_PAYLOAD(toucher);

#define MEM (16ul << 20)
#define BASE 0x40000000ul
#define PAGE 0x10000ul
#define PAGES 2048ul
#define ORDER "/sys/kernel/debug/powerpc/hpt_order"

static long order(void)
{
	FILE *f = fopen(ORDER, "r");
	long v = -1;

	if (f && fscanf(f, "%li", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static bool resize(long to)
{
	char text[24];
	int fd = open(ORDER, O_WRONLY), n = sprintf(text, "%ld\n", to);
	bool ok = fd >= 0 && write(fd, text, n) == n;

	if (!ok)
		printf("# to order %ld: %s\n", to, strerror(errno));
	close(fd);
	return ok && order() == to;
}

/* The guest adds one to a byte of each page, of which the host has just made another page */
static void rounds(struct __test_metadata *_metadata, struct vmm_vcpu *vcpu,
		   char *hva, unsigned int round)
{
	unsigned int i;

	madvise(hva, PAGES * PAGE, MADV_DONTNEED);
	for (i = 0; i < PAGES; i++)
		hva[i * PAGE] = round;
	ASSERT_EQ(UC_SYNC, book3s_run_hcall(vcpu));
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(round + 1, hva[i * PAGE])
		{
			TH_LOG("page %u", i);
		}
}

TEST(hash_table)
{
	struct vmm *vmm = vmm_new(MEM);
	long first = order(), steps[] = { 1, 0, -1, 1, -1, 0 };
	char *hva = vmm_alloc(PAGES * PAGE);
	uint64_t *list = vmm_gpa(vmm, GPA_FREE);
	struct vmm_vcpu *vcpu;
	unsigned int i, done = 0;

	if (!book3s_on_hash(vmm))
		SKIP(return, "the host is not on the hash MMU");
	if (access("/proc/device-tree/vdevice", F_OK) || first < 0)
		SKIP(return, "the host's table cannot be resized");
	madvise(hva, PAGES * PAGE, MADV_NOHUGEPAGE);
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, BASE, PAGES * PAGE, hva));
	book3s_load(vmm, PAYLOAD(toucher));
	book3s_map(vmm, 0, 0, MEM, 16, RPTE_KERNEL);
	book3s_map(vmm, BASE, BASE, PAGES * PAGE, 16, RPTE_KERNEL);
	book3s_translate(vmm);
	for (i = 0; i < PAGES; i++)
		list[i] = i | TOUCH_ADD;
	list[i] = TOUCH_END;
	vcpu = book3s_add_vcpu(vmm, 0, MSR_VIRT, GPA_FREE, BASE, PAGE);
	rounds(_metadata, vcpu, hva, 1);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		done += resize(first + steps[i]);
		rounds(_metadata, vcpu, hva, 2 + 2 * i);
		rounds(_metadata, vcpu, hva, 3 + 2 * i);
	}
	printf("# resized %u times\n", done);
	EXPECT_LT(1, done);
	resize(first);
	vmm_free(vmm);
}

TEST_HARNESS_MAIN
