// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts from everywhere at once, none of which is lost: two vCPUs send each
 * other STORM_IPIS of them, devices signal eventfds and raise and lower lines, a third
 * vCPU redirects these, and the vCPUs' threads move between the host's CPUs.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "device.h"
#include "payloads/storm.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

DECLARE_PAYLOAD(storm);

#define MEM (16ul << 20)
/* That nothing has happened for so long means that it never will */
#define LOST_SECONDS 20

#define LINE(source) ((source) & 1)

static struct vmm *vmm;
static volatile struct storm *shared;
static int device;
static int events[STORM_SOURCES];
static pid_t threads[STORM_VCPUS];
static volatile bool over;

static void line(unsigned int source, int level)
{
	if (irq_line(vmm, STORM_FIRST + source, level))
		vmm_die("KVM_IRQ_LINE");
}

static void *run_vcpu(void *vcpu)
{
	struct vmm_vcpu *v = vcpu;

	threads[v->id] = syscall(SYS_gettid);
	book3s_run_to_exit(v);
	return NULL;
}

/* Until the guest has done what was posted to @source, or has lost it */
static bool handled(unsigned int source)
{
	time_t end = time(NULL) + LOST_SECONDS;

	while (shared->done[source] != shared->posted[source]) {
		if (time(NULL) > end)
			return false;
		usleep(20);
	}
	return true;
}

/*
 * A device with half of the sources. A message is sent while others are on their way, and
 * now and then it waits for them; a line goes off when all is done, and sometimes before
 * that, to come on again.
 */
static void *be_device(void *first)
{
	unsigned int n = 0, source, seed = (uintptr_t)first;
	uint64_t one = 1;

	while (!over) {
		source = (rand_r(&seed) % (STORM_SOURCES / 2)) * 2 +
			 (uintptr_t)first;
		__atomic_fetch_add(&shared->posted[source], 1,
				   __ATOMIC_SEQ_CST);
		if (LINE(source)) {
			line(source, 1);
			if (n % 3 == 0) {
				line(source, 0);
				line(source, 1);
			}
			if (!handled(source))
				break;
			line(source, 0);
		} else {
			if (write(events[source], &one, 8) != 8)
				vmm_die("an eventfd");
			if (n % 8 == 0 && !handled(source))
				break;
		}
		n++;
	}
	return (void *)(uintptr_t)n;
}

static void move(unsigned int n)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(n / STORM_VCPUS % sysconf(_SC_NPROCESSORS_ONLN), &one);
	sched_setaffinity(threads[n % STORM_VCPUS], sizeof(one), &one);
}

static void show(void)
{
	uint64_t value;
	unsigned int i;

	for (i = 0; i < STORM_VCPUS; i++)
		printf("# vCPU %u: %llu IPIs; %llu interrupts without a source\n",
		       i, shared->ipis[i], shared->nothing);
	for (i = 0; i < STORM_SOURCES; i++) {
		value = 0;
		device_attr(device, KVM_GET_DEVICE_ATTR,
			    KVM_DEV_XICS_GRP_SOURCES, STORM_FIRST + i, &value);
		printf("# source %u: posted %llu, done %llu, state %#llx\n", i,
		       shared->posted[i], shared->done[i],
		       (unsigned long long)value);
	}
}

FIXTURE(storm){};

FIXTURE_SETUP(storm)
{
	vmm = vmm_new(MEM);
	book3s_load(vmm, PAYLOAD(storm));
	shared = vmm_gpa(vmm, STORM);
}

FIXTURE_TEARDOWN(storm)
{
	vmm_free(vmm);
}

TEST_F_TIMEOUT(storm, none_is_lost, 1400)
{
	unsigned long rounds = vmm_env("STORM_IPIS", 1000) / 2;
	struct kvm_rtas_token_args token = { .name = "ibm,set-xive",
					     .token = STORM_SET_XIVE };
	pthread_t vcpus[STORM_VCPUS], devices[2];
	unsigned long long before = 0;
	time_t last = time(NULL);
	void *times[2];
	unsigned int i;

	device = device_create(vmm, KVM_DEV_TYPE_XICS, 0);
	ASSERT_LE(0, device);
	ASSERT_EQ(0, ioctl(vmm->fd, KVM_PPC_RTAS_DEFINE_TOKEN, &token));
	for (i = 0; i < STORM_VCPUS; i++) {
		book3s_add_vcpu(vmm, i, MSR_REAL, i, rounds, 0);
		ASSERT_EQ(0, vmm_enable_cap(vmm->vcpu[i].fd, KVM_CAP_IRQ_XICS,
					    device, i));
	}
	for (i = 0; i < STORM_SOURCES; i++) {
		uint64_t value = i % STORM_VCPUS |
				 5ull << KVM_XICS_PRIORITY_SHIFT |
				 (LINE(i) ? KVM_XICS_LEVEL_SENSITIVE : 0);
		struct kvm_irqfd irqfd = { .gsi = STORM_FIRST + i };

		ASSERT_EQ(0, device_attr(device, KVM_SET_DEVICE_ATTR,
					 KVM_DEV_XICS_GRP_SOURCES,
					 STORM_FIRST + i, &value));
		if (LINE(i))
			continue;
		irqfd.fd = events[i] = eventfd(0, EFD_CLOEXEC);
		ASSERT_EQ(0, ioctl(vmm->fd, KVM_IRQFD, &irqfd));
	}
	for (i = 0; i < STORM_VCPUS; i++)
		pthread_create(&vcpus[i], NULL, run_vcpu, &vmm->vcpu[i]);
	for (i = 0; i < 2; i++)
		pthread_create(&devices[i], NULL, be_device,
			       (void *)(uintptr_t)i);

	for (i = 0; shared->ipis[0] < rounds || shared->ipis[1] < rounds; i++) {
		if (shared->ipis[0] + shared->ipis[1] != before) {
			before = shared->ipis[0] + shared->ipis[1];
			last = time(NULL);
		}
		if (time(NULL) > last + LOST_SECONDS) {
			show();
			vmm_die("an interrupt is lost");
		}
		if (threads[i % STORM_VCPUS])
			move(i);
		usleep(300);
	}
	for (i = 0; i < STORM_SOURCES; i++)
		if (!handled(i)) {
			show();
			vmm_die("source %u has lost an interrupt", i);
		}
	over = true;
	for (i = 0; i < 2; i++)
		pthread_join(devices[i], &times[i]);
	shared->stop = 1;
	for (i = 0; i < STORM_VCPUS; i++)
		pthread_join(vcpus[i], NULL);
	EXPECT_EQ(rounds, shared->ipis[0]);
	EXPECT_EQ(rounds, shared->ipis[1]);
	printf("# %lu IPIs, %lu messages, %lu times a line; %llu redirected\n",
	       2 * rounds, (unsigned long)times[0], (unsigned long)times[1],
	       shared->redirects);
	EXPECT_NE(0, (unsigned long)times[0]);
	EXPECT_NE(0, (unsigned long)times[1]);
	EXPECT_NE(0, shared->redirects);
	close(device);
}

TEST_HARNESS_MAIN
