// SPDX-License-Identifier: GPL-2.0
/*
 * Another size for a guest's hashed page table: KVM_PPC_RESIZE_HPT_PREPARE and
 * KVM_PPC_RESIZE_HPT_COMMIT.
 */
#include "hpt.h"

#include <time.h>

/* log2 of the table's size that book3s_hash_mmu() makes */
#define SHIFT 22

/* What the ioctl returns, or -errno */
static int resize(struct vmm *vmm, unsigned long cmd, uint64_t flags,
		  uint32_t shift)
{
	struct kvm_ppc_resize_hpt request = { .flags = flags, .shift = shift };
	int ret = ioctl(vmm->fd, cmd, &request);

	return ret < 0 ? -errno : ret;
}

/* kvm-hv says how many milliseconds it may take until there is a table */
static int prepare_table(struct vmm *vmm, uint32_t shift)
{
	int ret;

	while ((ret = resize(vmm, KVM_PPC_RESIZE_HPT_PREPARE, 0, shift)) > 0)
		usleep(1000 * ret);
	return ret;
}

static int commit(struct vmm *vmm, uint32_t shift)
{
	return resize(vmm, KVM_PPC_RESIZE_HPT_COMMIT, 0, shift);
}

TEST_F(hpt, arguments)
{
	struct vmm *vmm = self->vmm, *radix = vmm_new(MEM);
	static const unsigned long cmds[] = { KVM_PPC_RESIZE_HPT_PREPARE,
					      KVM_PPC_RESIZE_HPT_COMMIT };
	unsigned int i;

	EXPECT_EQ(1, vmm_check(vmm, KVM_CAP_SPAPR_RESIZE_HPT));
	/* the peer warns of a guest that has not run */
	if (!book3s_peer())
		EXPECT_EQ(-EIO, commit(vmm, SHIFT));
	EXPECT_EQ(H_NOT_FOUND, CALL(H_REMOVE, 0, PTEG(5), 0));
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(-EINVAL, resize(vmm, cmds[i], 1, SHIFT));
		EXPECT_EQ(-EINVAL, resize(vmm, cmds[i], 0, 17));
		EXPECT_EQ(-EINVAL, resize(vmm, cmds[i], 0, 47));
		EXPECT_EQ(-EINVAL, resize(vmm, cmds[i], 1ull << 63, 0));
		EXPECT_EQ(-EINVAL, resize(radix, cmds[i], 0, SHIFT));
	}
	vmm_free(radix);
	EXPECT_EQ(-ENXIO, commit(vmm, SHIFT + 1));
	EXPECT_EQ(-ENXIO, commit(vmm, 0));
	EXPECT_EQ(-ENOMEM, prepare_table(vmm, 46));
	EXPECT_EQ(-ENXIO, commit(vmm, 46));
	/* one that was given up, one of another size, and one that was used up */
	ASSERT_EQ(0, prepare_table(vmm, SHIFT + 1));
	ASSERT_EQ(0, prepare_table(vmm, SHIFT + 1));
	ASSERT_EQ(0, resize(vmm, KVM_PPC_RESIZE_HPT_PREPARE, 0, 0));
	EXPECT_EQ(-ENXIO, commit(vmm, SHIFT + 1));
	ASSERT_EQ(0, prepare_table(vmm, SHIFT + 1));
	EXPECT_EQ(-ENXIO, commit(vmm, SHIFT));
	EXPECT_EQ(-ENXIO, commit(vmm, SHIFT + 1));
	ASSERT_EQ(0, prepare_table(vmm, SHIFT + 1));
	ASSERT_EQ(0, prepare_table(vmm, SHIFT - 1));
	EXPECT_EQ(-ENXIO, commit(vmm, SHIFT + 1));
	/* a guest with another table is not given it, either */
	EXPECT_EQ(H_NOT_FOUND, CALL(H_REMOVE, 0, PTEG(5), 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_REMOVE, 0, GROUPS * 8, 0));
}

/* The same place in the group that the hash gives in a table of another size */
static uint64_t place(uint64_t page, bool secondary, uint32_t shift)
{
	uint64_t group = VSID ^ page;

	if (secondary)
		group = ~group;
	return (group & ((1ull << (shift - 7)) - 1)) * 8 + (secondary ? 6 : 1);
}

/* Entries that the guest has bolted go along, whatever the size; others do not */
TEST_F(hpt, sizes)
{
	static const uint32_t shifts[] = { 25, 19, 20, 22, 22 };
	/* of which some differ in what the smallest table does not hash */
	static const uint64_t pages[] = { 0, 5, 0x7ff, 0x1000, 0x1234, 0xfedc };
	uint64_t r = RAM | HPT_M | 2, end, index;
	uint32_t last = SHIFT;
	unsigned int i, j;

	for (j = 0; j < ARRAY_SIZE(pages); j++) {
		for (i = 0; i < 2; i++) {
			uint64_t v = avpn(pages[j]) | HPT_V | HPT_BOLTED |
				     i << 1;

			index = place(pages[j], i, last);
			if (pages[j] == 0x1000)
				index -= 1;
			ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, H_EXACT, index, v,
						  r + (j << 16) + i));
		}
	}
	index = place(9, false, last);
	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, H_EXACT, index, avpn(9) | HPT_V, r));
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		ASSERT_EQ(0, prepare_table(self->vmm, shifts[i]));
		ASSERT_EQ(0, commit(self->vmm, shifts[i]));
		last = shifts[i];
		end = 1ull << (last - 4);
		EXPECT_EQ(H_PARAMETER, CALL(H_READ, 0, end));
		ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, end - 1));
		ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, place(9, false, last)));
		EXPECT_EQ(0, self->r[4]);
		for (j = 0; j < 2 * ARRAY_SIZE(pages); j++) {
			uint64_t page = pages[j / 2];

			index = place(page, j & 1, last);
			if (page == 0x1000)
				index -= 1;
			ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, index));
			EXPECT_EQ(avpn(page) | HPT_V | HPT_BOLTED |
					  (j & 1) << 1,
				  self->r[4]);
			EXPECT_EQ(r + (j / 2 << 16) + (j & 1), self->r[5]);
		}
	}
}

/*
 * Two entries with one place in a smaller table: the guest keeps its own. With 4K
 * pages the virtual real mode area fills as many groups as this one has.
 */
TEST_F(hpt, no_room)
{
	uint64_t v = HPT_V | HPT_BOLTED, r = RAM | HPT_M | 2;

	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, H_EXACT, place(5, false, SHIFT),
				  avpn(5) | v, r));
	ASSERT_EQ(H_SUCCESS, CALL(H_ENTER, H_EXACT, place(0x1005, false, SHIFT),
				  avpn(0x1005) | v, r));
	ASSERT_EQ(0, prepare_table(self->vmm, 19));
	EXPECT_EQ(-ENOSPC, commit(self->vmm, 19));
	EXPECT_EQ(-ENXIO, commit(self->vmm, 19));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, place(5, false, SHIFT)));
	EXPECT_EQ(avpn(5) | v, self->r[4]);
	EXPECT_EQ(H_SUCCESS, CALL(H_REMOVE, 0, place(0x1005, false, SHIFT), 0));
	ASSERT_EQ(0, prepare_table(self->vmm, 19));
	EXPECT_EQ(0, commit(self->vmm, 19));
	ASSERT_EQ(H_SUCCESS, CALL(H_READ, 0, place(5, false, 19)));
	EXPECT_EQ(avpn(5) | v, self->r[4]);
}

/* What the guest has written by an entry that is not kept is in the dirty log */
TEST_F(hpt, written)
{
	size_t size = getpagesize(), words = MEM / size / 64 + 1;
	uint64_t *log = calloc(words, sizeof(*log)), n = RAM / size;
	struct kvm_dirty_log get = { .slot = 0, .dirty_bitmap = log };
	struct vmm_vcpu *vcpu = self->vcpu;

	ASSERT_NE(NULL, log);
	prepare(self->vmm);
	ASSERT_EQ(H_SUCCESS,
		  CALL(H_ENTER, 0, PTEG(0), avpn(0) | HPT_V, RAM | HPT_M | 2));
	set_segment(vcpu, SLB_KP);
	ASSERT_EQ(0, access_it(vcpu, false, false, false).vector);
	ASSERT_EQ(0, vmm_set_slot(self->vmm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, MEM,
				  vmm_gpa(self->vmm, 0)));
	ASSERT_EQ(0, access_it(vcpu, true, false, false).vector);
	ASSERT_EQ(0, prepare_table(self->vmm, SHIFT + 1));
	ASSERT_EQ(0, commit(self->vmm, SHIFT + 1));
	ASSERT_EQ(0, ioctl(self->vmm->fd, KVM_GET_DIRTY_LOG, &get));
	EXPECT_EQ(1, log[n / 64] >> n % 64 & 1);
	/* and the entry is gone */
	EXPECT_EQ(0x300, access_it(vcpu, true, false, false).vector);
	free(log);
}

struct counting {
	struct vmm_vcpu *vcpu;
	bool stop;
	int error;
};

static void *count(void *arg)
{
	struct counting *c = arg;

	do {
		c->error = vmm_run(c->vcpu) ? errno : 0;
	} while (c->error == EINTR &&
		 !__atomic_load_n(&c->stop, __ATOMIC_SEQ_CST));
	return NULL;
}

static void on_signal(int sig)
{
}

/* Guests that run on, some in real mode, while the table changes beneath them */
TEST_F(hpt, running)
{
	volatile uint64_t *counter = vmm_gpa(self->vmm, PAGES + 0x10000);
	struct sigaction sa = { .sa_handler = on_signal };
	struct counting counting[3] = { 0 };
	unsigned int round, i, commits = 0;
	pthread_t t[3];

	sigaction(SIGUSR1, &sa, NULL);
	prepare(self->vmm);
	book3s_put(self->vmm, USER_CODE + 0x200, true, LD(4, 0, 3),
		   ADDI(4, 4, 1), STD(4, 0, 3), B(-12));
	for (i = 0; i < 3; i++) {
		/* the last one is in real mode */
		bool real = i == 2;
		struct kvm_regs r = {
			.pc = (real ? USER_CODE : USER_EA) + 0x200,
			.msr = real ? MSR_REAL : MSR_VIRT,
			.sprg0 = BOOK3S_SPRG0,
		};
		struct vmm_vcpu *vcpu = self->vcpu;

		if (i)
			vcpu = book3s_add_vcpu(self->vmm, i, MSR_REAL, 0, 0, 0);
		counting[i].vcpu = vcpu;
		r.gpr[3] = PAGES + 0x10000 + 8 * i;
		book3s_translate(self->vmm);
		book3s_set_regs(vcpu, &r);
		vmm_reg_set(vcpu, KVM_REG_PPC_DEC_EXPIRY,
			    mftb() + (1ull << 40));
	}
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, count, &counting[i]));
	for (round = 0; round < 40; round++) {
		uint32_t shift = 18 + round % 7;
		uint64_t was[3];
		time_t end = time(NULL) + 60;
		int ret;

		for (i = 0; i < 3; i++)
			was[i] = counter[i];
		ASSERT_EQ(0, prepare_table(self->vmm, shift));
		ret = commit(self->vmm, shift);
		if (ret) {
			EXPECT_EQ(-ENOSPC, ret);
		} else {
			commits++;
		}
		for (i = 0; i < 3; i++) {
			while (counter[i] < was[i] + 1000 && time(NULL) < end)
				usleep(100);
			ASSERT_LE(was[i] + 1000, counter[i])
			TH_LOG("vCPU %u stands still in round %u", i, round);
		}
	}
	EXPECT_LE(20, commits);
	for (i = 0; i < 3; i++) {
		__atomic_store_n(&counting[i].stop, true, __ATOMIC_SEQ_CST);
		pthread_kill(t[i], SIGUSR1);
		pthread_join(t[i], NULL);
		EXPECT_EQ(EINTR, counting[i].error);
	}
}

TEST_HARNESS_MAIN
