// SPDX-License-Identifier: GPL-2.0
/*
 * Hashed page tables of guests in hardware: hypercalls on them, entries whose
 * page is a device's, and saving them. What an access by such an entry has to do
 * is what the processor does with the same entry for memory.
 */
#include "hpt.h"

#include <sys/mman.h>

TEST_F(hpt, enter_read_remove)
{
	uint64_t v = avpn(5) | HPT_V, r = RAM | HPT_M | 2, index, i;
	uint64_t end = GROUPS * 8;

	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, 0, PTEG(5) + 3, v, r));
	index = self->r[4];
	EXPECT_EQ(PTEG(5), index);
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, index));
	EXPECT_EQ(v, self->r[4]);
	EXPECT_EQ(r, self->r[5]);
	/* four of them, of which two are used */
	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, H_EXACT, index + 2, v, r | HPT_C));
	EXPECT_EQ(index + 2, self->r[4]);
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, H_READ_4, index + 1));
	EXPECT_EQ(v, self->r[4]);
	EXPECT_EQ(0, self->r[6] | self->r[7]);
	EXPECT_EQ(v, self->r[8]);
	EXPECT_EQ(r | HPT_C, self->r[9]);
	EXPECT_EQ(0, self->r[10] | self->r[11]);
	EXPECT_EQ(H_PTEG_FULL, CALL(H_ENTER, H_EXACT, index + 2, v, r));
	/* the virtual real mode area may have the last one */
	for (i = 0; i < 6; i++)
		if (CALL(H_ENTER, 0, index, v, r))
			break;
	EXPECT_LE(5, i);
	EXPECT_EQ(H_PTEG_FULL, CALL(H_ENTER, 0, index, v, r));

	/* a page size that there is not, and places that there are not */
	EXPECT_EQ(H_PARAMETER, CALL(H_ENTER, 0, index, v | HPT_L, r | 0xf000));
	EXPECT_EQ(H_PARAMETER, CALL(H_ENTER, 0, end, v, r));
	EXPECT_EQ(H_PARAMETER, CALL(H_ENTER, H_EXACT, -1ull, v, r));
	EXPECT_EQ(H_PARAMETER, CALL(H_READ, 0, end));
	EXPECT_EQ(H_PARAMETER, CALL(H_REMOVE, 0, end, 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_PROTECT, 0, end, 0));
	/* a page that is only in part in a slot */
	EXPECT_EQ(H_PARAMETER,
		  CALL(H_ENTER, 0, PTEG(9), v | HPT_L, (MEM - 0x1000000) | 2));

	EXPECT_EQ(H_NOT_FOUND, CALL(H_REMOVE, H_AVPN, index, avpn(0x800)));
	EXPECT_EQ(H_NOT_FOUND, CALL(H_REMOVE, H_ANDCOND, index, VSID << 12));
	EXPECT_EQ(H_SUCCESS, CALL(H_REMOVE, H_AVPN, index, avpn(5)));
	EXPECT_EQ(v, self->r[4]);
	EXPECT_EQ(r, self->r[5]);
	EXPECT_EQ(H_NOT_FOUND, CALL(H_REMOVE, 0, index, 0));
	EXPECT_EQ(H_NOT_FOUND, CALL(H_PROTECT, 0, index, 0));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, index));
	EXPECT_EQ(0, self->r[4]);
	/* kvm-hv leaves the second doubleword */
	if (!book3s_peer())
		EXPECT_EQ(0, self->r[5]);
}

TEST_F(hpt, protect_and_clear)
{
	uint64_t v = avpn(7) | HPT_V, r = RAM | HPT_M | HPT_R | HPT_C | 2;
	uint64_t index;

	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, 0, PTEG(7), v, r));
	index = self->r[4];
	/* all of key and protection, and no execute */
	ASSERT_EQ(H_SUCCESS,
		  CALL(H_PROTECT, 3ull << 12 | 7 << 9 | 1ull << 8 | 7, index));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, index));
	EXPECT_EQ(RAM | HPT_M | HPT_R | HPT_C | HPT_KEY_HIGH | HPT_KEY_LOW |
			  HPT_PP0 | 7,
		  self->r[5]);
	EXPECT_EQ(H_NOT_FOUND, CALL(H_PROTECT, H_AVPN, index, avpn(0x800)));
	ASSERT_EQ(H_SUCCESS, CALL(H_PROTECT, H_AVPN | 2, index, avpn(7)));
	/* these are not handled in the kernel unless it is asked to */
	EXPECT_EQ(TO_USER, CALL(H_CLEAR_REF, 0, index));
	ASSERT_EQ(0, enable(self->vmm, H_CLEAR_REF, true));
	ASSERT_EQ(0, enable(self->vmm, H_CLEAR_MOD, true));
	ASSERT_EQ(H_SUCCESS, CALL(H_CLEAR_REF, 0, index));
	EXPECT_EQ(r, self->r[4]);
	ASSERT_EQ(H_SUCCESS, CALL(H_CLEAR_MOD, 0, index));
	EXPECT_EQ(r & ~HPT_R, self->r[4]);
	/* kvm-hv.ko reads both from what an absent entry had in the beginning */
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, index));
	if (!book3s_peer())
		EXPECT_EQ(r & ~(HPT_R | HPT_C), self->r[5]);
	EXPECT_EQ(H_NOT_FOUND, CALL(H_CLEAR_REF, 0, index + 1));
}

/* Each protection, key and state, for a device as for memory */
TEST_F(hpt, permissions)
{
	static const uint64_t amr[] = { 0, 1, 2, 3 };
	unsigned int pp, keys, key, user, store, made = 0, refused = 0;
	uint64_t v = avpn(0) | HPT_V;

	if (book3s_peer())
		SKIP(return, "with kvm-hv.ko this does not end");
	prepare(self->vmm);
	for (pp = 0; pp < 8; pp++)
		for (keys = 0; keys < 4; keys++)
			for (key = 0; key < ARRAY_SIZE(amr); key++)
				for (user = 0; user < 2; user++)
					for (store = 0; store < 2; store++) {
						uint64_t bits =
							HPT_M |
							(pp & 4 ? HPT_PP0 : 0) |
							(pp & 3) |
							21ull >> 3 << 60 |
							(21ull & 7) << 9;
						struct outcome found[2];
						unsigned int device;

						for (device = 0; device < 2;
						     device++) {
							uint64_t index;

							ASSERT_EQ(
								H_SUCCESS,
								CALL(H_ENTER, 0,
								     PTEG(0), v,
								     bits | (device ?
										     HOLE :
										     RAM)));
							index = self->r[4];
							vmm_reg_set(
								self->vcpu,
								KVM_REG_PPC_AMR,
								amr[key]
									<< (62 -
									    2 * 21));
							set_segment(
								self->vcpu,
								keys * SLB_KP);
							found[device] = access_it(
								self->vcpu,
								store, user,
								device);
							if (self->vcpu->run
								    ->exit_reason ==
							    KVM_EXIT_MMIO)
								(void)vmm_run(
									self->vcpu);
							ASSERT_EQ(H_SUCCESS,
								  CALL(H_REMOVE,
								       0, index,
								       0));
						}
						ASSERT_EQ(found[0].vector,
							  found[1].vector)
						{
							TH_LOG("pp %u keys %u key %u user %u store %u: dsisr %x and %x",
							       pp, keys, key,
							       user, store,
							       found[0].dsisr,
							       found[1].dsisr);
						}
						if (found[0].vector) {
							EXPECT_EQ(
								0x300,
								found[1].vector);
							EXPECT_EQ(EA + 8,
								  found[1].dar);
							EXPECT_EQ(
								found[0].dsisr,
								found[1].dsisr);
							refused++;
						} else {
							made++;
						}
					}
	/* by the tables in Book III, "Storage Protection" */
	EXPECT_EQ(96, made);
	EXPECT_EQ(416, refused);
}

/* The next access to a device is by what the guest has made of the entry since */
TEST_F(hpt, protected_device)
{
	struct vmm_vcpu *vcpu = self->vcpu;
	struct outcome found;
	uint64_t index;

	prepare(self->vmm);
	set_segment(vcpu, SLB_KP | SLB_KS);
	ASSERT_EQ(H_SUCCESS,
		  CALL(H_ENTER, 0, PTEG(0), avpn(0) | HPT_V, HOLE | HPT_M | 2));
	index = self->r[4];
	EXPECT_EQ(0, access_it(vcpu, true, false, true).vector);
	EXPECT_EQ(0, access_it(vcpu, true, false, true).vector);
	ASSERT_EQ(H_SUCCESS, CALL(H_PROTECT, 3, index));
	found = access_it(vcpu, true, false, true);
	EXPECT_EQ(0x300, found.vector);
	EXPECT_EQ(EA + 8, found.dar);
	EXPECT_EQ(0, access_it(vcpu, false, false, true).vector);
	EXPECT_EQ(0, access_it(vcpu, false, false, true).vector);
	/* nor may it be read */
	ASSERT_EQ(H_SUCCESS, CALL(H_PROTECT, 0, index));
	EXPECT_EQ(0x300, access_it(vcpu, false, false, true).vector);
	ASSERT_EQ(H_SUCCESS, CALL(H_PROTECT, 2, index));
	EXPECT_EQ(0, access_it(vcpu, false, false, true).vector);
	/* nor is there one for ever */
	ASSERT_EQ(H_SUCCESS, CALL(H_REMOVE, 0, index, 0));
	EXPECT_EQ(0x300, access_it(vcpu, false, false, true).vector);
}

/* No entry: the guest's own fault */
TEST_F(hpt, no_entry)
{
	struct outcome found;

	prepare(self->vmm);
	set_segment(self->vcpu, SLB_KP);
	found = access_it(self->vcpu, false, false, false);
	EXPECT_EQ(0x300, found.vector);
	EXPECT_EQ(EA + 8, found.dar);
	EXPECT_EQ(DSISR_NOPTE, found.dsisr);
}

/* A page that goes away and comes back with other contents */
TEST_F(hpt, page_goes)
{
	uint64_t *page = vmm_gpa(self->vmm, RAM), size = getpagesize(), i;

	prepare(self->vmm);
	page[1] = 1;
	ASSERT_EQ(H_SUCCESS,
		  CALL(H_ENTER, 0, PTEG(0), avpn(0) | HPT_V, RAM | HPT_M | 2));
	set_segment(self->vcpu, SLB_KP);
	for (i = 1; i < 50; i++) {
		struct kvm_regs r;

		ASSERT_EQ(0, access_it(self->vcpu, false, false, false).vector);
		vmm_get_regs(self->vcpu, &r);
		EXPECT_EQ(i, r.gpr[4]);
		if (i & 1)
			ASSERT_EQ(0, madvise(page, size, MADV_DONTNEED));
		page[1] = i + 1;
	}
}

struct record {
	struct kvm_get_htab_header header;
	uint64_t entry[2];
};

/* Reads all there is, and counts entries */
static unsigned int count_valid(int fd, uint64_t *index, uint64_t *r)
{
	static char buf[1 << 16];
	unsigned int valid = 0;
	bool once = false;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		char *at = buf;

		while (at < buf + n) {
			struct kvm_get_htab_header h;

			memcpy(&h, at, sizeof(h));
			at += sizeof(h);
			if (h.n_valid) {
				uint64_t e[2];

				memcpy(e, at, sizeof(e));
				*index = h.index;
				*r = be64toh(e[1]);
			}
			valid += h.n_valid;
			at += 16 * h.n_valid;
		}
		/* it would begin again with what has changed */
		if (once)
			break;
		once = n < (ssize_t)sizeof(buf) / 2;
	}
	return valid;
}

TEST_F(hpt, saved_and_restored)
{
	struct kvm_get_htab_fd get = { 0 };
	struct kvm_get_htab_header empty = { .n_invalid = 1 };
	uint64_t v = avpn(5) | HPT_V, r = RAM | HPT_M | 2, index = 0, found;
	struct record record;
	unsigned int all;
	int fd, writer;

	/* the virtual real mode area has entries of its own */
	EXPECT_EQ(H_NOT_FOUND, CALL(H_REMOVE, 0, PTEG(5), 0));
	get.flags = 4;
	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_PPC_GET_HTAB_FD, &get));
	EXPECT_EQ(EINVAL, errno);
	get.flags = 0;
	fd = ioctl(self->vmm->fd, KVM_PPC_GET_HTAB_FD, &get);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, &empty, sizeof(empty)));
	all = count_valid(fd, &index, &found);
	EXPECT_EQ(MEM / getpagesize(), all);
	EXPECT_EQ(0, count_valid(fd, &index, &found));
	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, 0, PTEG(5), v, r));
	EXPECT_EQ(1, count_valid(fd, &index, &found));
	EXPECT_EQ(self->r[4], index);
	EXPECT_EQ(r, found);
	EXPECT_EQ(0, count_valid(fd, &index, &found));
	ASSERT_EQ(H_SUCCESS, CALL(H_PROTECT, 3, index));
	EXPECT_EQ(1, count_valid(fd, &index, &found));
	EXPECT_EQ(r | 1, found);
	close(fd);

	get.flags = KVM_GET_HTAB_WRITE;
	writer = ioctl(self->vmm->fd, KVM_PPC_GET_HTAB_FD, &get);
	ASSERT_LE(0, writer);
	EXPECT_EQ(-1, read(writer, &record, sizeof(record)));
	/* an entry that is not valid, and places that there are not */
	record = (struct record){ .header = { .index = index, .n_valid = 1 } };
	EXPECT_EQ(-1, write(writer, &record, sizeof(record)));
	EXPECT_EQ(EINVAL, errno);
	record.entry[0] = htobe64(v);
	record.entry[1] = htobe64(r | HPT_C);
	record.header.index = GROUPS * 8;
	EXPECT_EQ(-1, write(writer, &record, sizeof(record)));
	EXPECT_EQ(EINVAL, errno);
	record.header.index = index;
	EXPECT_EQ(sizeof(record), write(writer, &record, sizeof(record)));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, index));
	EXPECT_EQ(v, self->r[4]);
	EXPECT_EQ(r | HPT_C, self->r[5]);
	empty.index = index;
	EXPECT_EQ(sizeof(empty), write(writer, &empty, sizeof(empty)));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, index));
	EXPECT_EQ(0, self->r[4]);
	close(writer);
}

/* From hash to radix and back */
TEST_F(hpt, modes)
{
	struct kvm_ppc_mmuv3_cfg cfg = {
		.flags = KVM_PPC_MMUV3_RADIX | KVM_PPC_MMUV3_GTSE,
		.process_table = 1ull << 63 | RAM,
	};
	uint64_t v = avpn(5) | HPT_V, r = RAM | HPT_M | 2;
	uint32_t order = 17;

	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order));
	EXPECT_EQ(EINVAL, errno);
	order = 47;
	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order));
	EXPECT_EQ(EINVAL, errno);
	order = 46;
	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order));
	EXPECT_EQ(ENOMEM, errno);
	/* the one before is still there */
	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, 0, PTEG(5), v, r));

	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_PPC_CONFIGURE_V3_MMU, &cfg));
	EXPECT_EQ(H_FUNCTION, CALL(H_ENTER, 0, 0, v, r));
	EXPECT_EQ(H_FUNCTION, CALL(H_BULK_REMOVE, 0));
	cfg = (struct kvm_ppc_mmuv3_cfg){ .flags = KVM_PPC_MMUV3_RADIX };
	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_PPC_CONFIGURE_V3_MMU, &cfg));
	EXPECT_EQ(EINVAL, errno);
	cfg.flags = 0;
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_PPC_CONFIGURE_V3_MMU, &cfg));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, PTEG(5)));
	EXPECT_EQ(0, self->r[4] | self->r[5]);
	/* smaller, and emptied */
	order = 18;
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order));
	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, H_EXACT, 8, v, r));
	EXPECT_EQ(H_PARAMETER, CALL(H_ENTER, 0, 1 << 14, v, r));
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, 8));
	EXPECT_EQ(0, self->r[4] | self->r[5]);
}

static void *run_thread(void *arg)
{
	return (void *)(intptr_t)vmm_run(arg);
}

static void on_signal(int sig)
{
}

/* No other table while a guest runs */
TEST_F(hpt, busy)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint32_t order = 18;
	pthread_t t;

	sigaction(SIGUSR1, &sa, NULL);
	book3s_put(self->vmm, USER_CODE, true, B(0));
	book3s_set_regs(self->vcpu,
			&(struct kvm_regs){ .pc = USER_CODE, .msr = MSR_REAL });
	ASSERT_EQ(0, pthread_create(&t, NULL, run_thread, self->vcpu));
	usleep(100000);
	EXPECT_EQ(-1, ioctl(self->vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order));
	EXPECT_EQ(EBUSY, errno);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	EXPECT_EQ(0, ioctl(self->vmm->fd, KVM_PPC_ALLOCATE_HTAB, &order));
}

TEST_HARNESS_MAIN
