// SPDX-License-Identifier: GPL-2.0
/*
 * Threads of a guest's core: their numbers, and privileged doorbells between them, which
 * stay in the core. Not in partitions: below these, QEMU does not look at the HFSCR that a
 * guest is to have, and sends the doorbells itself, to threads of another core.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "payloads/doorbell.h"

#include <pthread.h>

DECLARE_PAYLOAD(doorbell);

#define MEM (16ul << 20)

FIXTURE(core)
{
	struct vmm *vmm;
	struct doorbells *shared;
};

FIXTURE_VARIANT(core)
{
	unsigned int threads; /* that a core can have */
	unsigned int present; /* that it has */
	unsigned int cores;
	unsigned int first; /* core */
};

FIXTURE_VARIANT_ADD(core,
		    two_threads){ .threads = 2, .present = 2, .cores = 2 };
FIXTURE_VARIANT_ADD(core, four_threads){ .threads = 4,
					 .present = 4,
					 .cores = 1,
					 .first = 1 };
FIXTURE_VARIANT_ADD(core,
		    eight_threads){ .threads = 8, .present = 3, .cores = 2 };

FIXTURE_SETUP(core)
{
	self->vmm = vmm_new(MEM);
	book3s_load(self->vmm, PAYLOAD(doorbell));
	self->shared = vmm_gpa(self->vmm, DOORBELLS);
	self->shared->threads = variant->threads;
	self->shared->present = variant->present;
	self->shared->rounds = vmm_env("DOORBELL_ROUNDS", 100);
	ASSERT_EQ(0, vmm_enable_cap(self->vmm->fd, KVM_CAP_PPC_SMT,
				    variant->threads, 0));
	ASSERT_EQ(variant->threads, vmm_check(self->vmm, KVM_CAP_PPC_SMT));
}

FIXTURE_TEARDOWN(core)
{
	vmm_free(self->vmm);
}

static void *run(void *vcpu)
{
	book3s_run_to_exit(vcpu);
	return NULL;
}

/*
 * Adds all threads with this role. hv guests do not look at TIR: that should cause a
 * hypervisor facility unavailable interrupt, but in QEMU it reads the host's.
 */
static unsigned int add(struct vmm *vmm, const FIXTURE_VARIANT(core) * v,
			enum doorbell_role role)
{
	unsigned int n = 0, core, thread, id;

	for (core = v->first; core < v->first + v->cores; core++) {
		for (thread = 0; thread < v->present; thread++, n++) {
			id = core * v->threads + thread;
			book3s_add_vcpu(vmm, id, MSR_REAL, id, role,
					book3s_on_hash(vmm));
		}
	}
	return n;
}

TEST_F(core, numbers_and_messages)
{
	unsigned int core, n = add(self->vmm, variant, DOORBELL_ALONE);
	unsigned int i, per = variant->present;
	pthread_t other;

	for (core = 0; core < variant->cores; core++) {
		unsigned int id = self->vmm->vcpu[core * per].id;
		struct kvm_regs r;
		uint64_t value;

		book3s_run_to_exit(&self->vmm->vcpu[core * per]);
		EXPECT_EQ(1, self->shared->taken[id]);
		/* What it sent to the core's second thread waits there */
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0,
				  vmm_get_reg(&self->vmm->vcpu[core * per + i],
					      KVM_REG_PPC_DPDES, &value));
			EXPECT_EQ(i, value);
		}
		vmm_get_regs(&self->vmm->vcpu[core * per + 1], &r);
		r.gpr[4] = DOORBELL_WAIT;
		book3s_set_regs(&self->vmm->vcpu[core * per + 1], &r);
		pthread_create(&other, NULL, run,
			       &self->vmm->vcpu[core * per + 1]);
		pthread_join(other, NULL);
		EXPECT_EQ(1, self->shared->taken[id + 1]);
	}
	for (i = 0; i < n; i++)
		if (i % per > 1)
			EXPECT_EQ(0,
				  self->shared->taken[self->vmm->vcpu[i].id]);
}

TEST_F_TIMEOUT(core, ring, 120)
{
	unsigned int i, n = add(self->vmm, variant, DOORBELL_RING);
	pthread_t threads[DOORBELL_VCPUS];

	for (i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, run, &self->vmm->vcpu[i]);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < n; i++)
		EXPECT_EQ(self->shared->rounds,
			  self->shared->taken[self->vmm->vcpu[i].id]);
}

TEST_HARNESS_MAIN
