// SPDX-License-Identifier: GPL-2.0
/*
 * H_REGISTER_VPA: the areas that a vCPU shares with its hypervisor, and what
 * is written there.
 */
#include "hcall_fixture.h"

#define VPA_FLAGS(f) ((uint64_t)(f) << (63 - 18))
enum { REG_VPA = 1, REG_DTL, REG_SLB, DEREG_VPA = 5, DEREG_DTL, DEREG_SLB };

#define VPA AREA
#define SLB (AREA + 0x1000)
#define DTL (AREA + 0x2000)

static void set_length16(struct vmm *vmm, uint64_t gpa, uint16_t len)
{
	*(uint16_t *)vmm_gpa(vmm, gpa + 4) = htobe16(len);
}

static void set_length32(struct vmm *vmm, uint64_t gpa, uint32_t len)
{
	*(uint32_t *)vmm_gpa(vmm, gpa + 4) = htobe32(len);
}

TEST_F(hcall, register_vpa)
{
	uint64_t v[2];

#define REGISTER(f, id, gpa) CALL(H_REGISTER_VPA, VPA_FLAGS(f), id, gpa)
	set_length16(self->vmm, VPA, 640);
	set_length32(self->vmm, SLB, 0x288);
	set_length32(self->vmm, DTL, 0x1000);
	/* which vCPU, and where */
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_VPA, 1, VPA));
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_VPA, 0, 0));
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_VPA, 0, VPA + 8));
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_VPA, 0, MEM));
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_VPA, 0, 1ull << 63));
	/* how long */
	set_length16(self->vmm, VPA, 639);
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_VPA, 0, VPA));
	set_length16(self->vmm, VPA, 640);
	/* the other areas need a VPA */
	EXPECT_EQ(H_RESOURCE, REGISTER(REG_SLB, 0, SLB));
	EXPECT_EQ(H_RESOURCE, REGISTER(REG_DTL, 0, DTL));
	EXPECT_EQ(0, REGISTER(REG_VPA, 0, VPA));
	EXPECT_EQ(VPA, vmm_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR));
	EXPECT_EQ(0, REGISTER(REG_SLB, 0, SLB));
	EXPECT_EQ(0, vmm_get_reg(self->vcpu, KVM_REG_PPC_VPA_SLB, v));
	EXPECT_EQ(SLB, v[0]);
	EXPECT_EQ(0x288, v[1]);
	set_length32(self->vmm, DTL, 47);
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_DTL, 0, DTL));
	set_length32(self->vmm, DTL, 0x1000000); /* beyond the slot */
	EXPECT_EQ(H_PARAMETER, REGISTER(REG_DTL, 0, DTL));
	set_length32(self->vmm, DTL, 100);
	EXPECT_EQ(0, REGISTER(REG_DTL, 0, DTL));
	EXPECT_EQ(0, vmm_get_reg(self->vcpu, KVM_REG_PPC_VPA_DTL, v));
	EXPECT_EQ(DTL, v[0]);
	EXPECT_EQ(96, v[1]);
	/* the VPA goes last */
	EXPECT_EQ(H_RESOURCE, REGISTER(DEREG_VPA, 0, 0));
	EXPECT_EQ(0, REGISTER(DEREG_DTL, 0, 0));
	EXPECT_EQ(H_RESOURCE, REGISTER(DEREG_VPA, 0, 0));
	EXPECT_EQ(0, REGISTER(DEREG_SLB, 0, 0));
	EXPECT_EQ(0, REGISTER(DEREG_VPA, 0, 0));
	EXPECT_EQ(0, vmm_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR));
	/* no such functions */
	EXPECT_EQ(H_PARAMETER, REGISTER(0, 0, VPA));
	EXPECT_EQ(H_PARAMETER, REGISTER(4, 0, VPA));
}

/* What the hypervisor writes there (PAPR+ 14.11.3.3, lppaca.h) */
#define VPA_OLD_STATUS 0x09
#define VPA_YIELD_COUNT 0x100
#define VPA_STOLEN 0x158
#define VPA_DTL_IDX 0x218
#define SHARED_PROC 2

struct dtl_entry {
	uint8_t dispatch_reason, preempt_reason;
	uint16_t processor_id;
	uint32_t enqueue_to_dispatch, ready_to_enqueue, waiting_to_ready;
	uint64_t timebase, fault_addr, srr0, srr1;
};

TEST_F(hcall, vpa_contents)
{
	struct dtl_entry *dtl = vmm_gpa(self->vmm, DTL);
	uint8_t *vpa = vmm_gpa(self->vmm, VPA);
	uint32_t yield, before;
	uint64_t idx, tb;
	int i;

	ASSERT_EQ(48, sizeof(*dtl));
	set_length16(self->vmm, VPA, 640);
	set_length32(self->vmm, DTL, 3 * 48);
	EXPECT_EQ(0, REGISTER(REG_VPA, 0, VPA));
	EXPECT_EQ(0, REGISTER(REG_DTL, 0, DTL));
	EXPECT_EQ(0, CALL(H_PROD, 0));
	EXPECT_EQ(SHARED_PROC, vpa[VPA_OLD_STATUS] & SHARED_PROC);
	/* odd while it does not run, two more for every time it did */
	before = be32toh(*(uint32_t *)(vpa + VPA_YIELD_COUNT));
	EXPECT_EQ(1, before & 1);
	EXPECT_EQ(0, CALL(H_PROD, 0));
	yield = be32toh(*(uint32_t *)(vpa + VPA_YIELD_COUNT));
	EXPECT_EQ(1, yield & 1);
	EXPECT_GE(yield, before + 2);
	/* a log of dispatches, round and round */
	for (i = 0; i < 4; i++) {
		const struct dtl_entry *last;

		tb = mftb();
		EXPECT_EQ(0, CALL(H_PROD, 0));
		idx = be64toh(*(uint64_t *)(vpa + VPA_DTL_IDX));
		EXPECT_LT(0, idx);
		last = &dtl[(idx - 1) % 3];
		EXPECT_EQ(7, last->dispatch_reason);
		EXPECT_GE(be64toh(last->timebase), tb);
		EXPECT_LE(be64toh(last->timebase), mftb());
		EXPECT_GE(be64toh(last->srr0), CODE);
		EXPECT_LT(be64toh(last->srr0), CODE + 20);
		EXPECT_EQ(MSR_REAL, be64toh(last->srr1) & ~SRR1_INFO);
	}
	/* nothing is written after the log's end */
	EXPECT_EQ(0, dtl[3].timebase);
	/* once it is deregistered it is not written any more */
	EXPECT_EQ(0, REGISTER(DEREG_DTL, 0, 0));
	EXPECT_EQ(0, REGISTER(DEREG_VPA, 0, 0));
	EXPECT_EQ(0, CALL(H_PROD, 0));
	memset(vpa, 0, 640);
	EXPECT_EQ(0, CALL(H_PROD, 0));
	for (i = 0; i < 640; i++)
		EXPECT_EQ(0, vpa[i]);
}

/* Sends a thread from CPU to CPU, so that the vCPU is made to wait in KVM_RUN */
struct mover {
	pid_t tid;
	volatile bool stop;
};

static void *mover_thread(void *arg)
{
	struct mover *m = arg;
	cpu_set_t set;
	int i;

	for (i = 0; !m->stop; i++) {
		CPU_ZERO(&set);
		CPU_SET(i % 2, &set);
		if (sched_setaffinity(m->tid, sizeof(set), &set))
			vmm_die("sched_setaffinity");
		usleep(5000);
	}
	return NULL;
}

/* Time that the guest waited for a CPU is told, whichever CPU it then gets */
TEST_F(hcall, vpa_stolen)
{
	uint64_t *stolen = vmm_gpa(self->vmm, VPA + VPA_STOLEN);
	uint64_t begin = mftb(), last = 0, now;
	struct mover mover = { .tid = gettid() };
	pthread_t thread;
	int changes = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	set_length16(self->vmm, VPA, 640);
	EXPECT_EQ(0, REGISTER(REG_VPA, 0, VPA));
	ASSERT_EQ(0, pthread_create(&thread, NULL, mover_thread, &mover));
	while (mftb() - begin < 4 * TB_HZ) {
		EXPECT_EQ(0, CALL(H_PROD, 0));
		now = be64toh(*stolen);
		if (now < last || now > mftb() - begin + TB_HZ) {
			EXPECT_LE(last, now);
			EXPECT_GE(mftb() - begin + TB_HZ, now);
			break;
		}
		changes += now != last;
		last = now;
	}
	EXPECT_LT(0, changes);
	printf("# told %d times, %" PRIu64 " ticks in all\n", changes, last);
	mover.stop = true;
	pthread_join(thread, NULL);
}

/* A VPA whose slot goes away under it is no longer one */
TEST_F(hcall, vpa_slot_deleted)
{
	struct vmm *vmm = self->vmm;
	char *hva = vmm_alloc(1 << 21);

	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, 1 << 30, 1 << 21, hva));
	*(uint16_t *)(hva + 4) = htobe16(640);
	EXPECT_EQ(0, REGISTER(REG_VPA, 0, 1 << 30));
	EXPECT_EQ(0, CALL(H_PROD, 0));
	ASSERT_EQ(0, vmm_set_slot(vmm, 1, 0, 0, 0, NULL));
	EXPECT_EQ(0, CALL(H_PROD, 0));
	EXPECT_EQ(0, munmap(hva, 1 << 21));
	EXPECT_EQ(0, CALL(H_PROD, 0));
	EXPECT_EQ(0, REGISTER(DEREG_VPA, 0, 0));
	EXPECT_EQ(0, CALL(H_PROD, 0));
}

/* H_CONFER names a vCPU and the yield count that the caller has seen */
TEST_F(hcall, confer)
{
	struct vmm_vcpu *other;
	uint64_t all = -1ull;

	EXPECT_EQ(H_PARAMETER, CALL(H_CONFER, 1, 0));
	EXPECT_EQ(H_PARAMETER, CALL(H_CONFER, 1ull << 32, 0));
	EXPECT_EQ(0, CALL(H_CONFER, all, 0));
	EXPECT_EQ(0, CALL(H_CONFER, 0, 0));
	other = book3s_add_vcpu(self->vmm, 1, MSR_REAL, 0, 0, 0);
	ASSERT_NE(NULL, other);
	EXPECT_EQ(0, CALL(H_CONFER, 1, 0));
	EXPECT_EQ(0, CALL(H_CONFER, 1, 7));
	set_length16(self->vmm, VPA, 640);
	EXPECT_EQ(0, REGISTER(REG_VPA, 1, VPA));
	EXPECT_EQ(0, CALL(H_CONFER, 1, 1));
	EXPECT_EQ(VPA, vmm_reg(other, KVM_REG_PPC_VPA_ADDR));
	EXPECT_EQ(0, vmm_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR));
}

TEST_HARNESS_MAIN
