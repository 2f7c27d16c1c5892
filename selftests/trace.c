// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints: one record for each entry, exit, fault and hypercall, with what
 * `perf kvm stat` takes from them.
 */
#include "hcall_fixture.h"

#include "tracefs.h"

#define HOLE 0x40000000ull

#define START()                                                      \
	do {                                                         \
		if (!tracefs_has("kvm_hv"))                          \
			SKIP(return, "no kvm_hv events in tracefs"); \
		ASSERT_TRUE(tracefs_start("kvm_hv"));                \
	} while (0)

#define STOP() ASSERT_TRUE(tracefs_stop("kvm_hv"))

TEST_F(hcall, traced_hypercalls)
{
	char prod[80];
	unsigned int i;

	snprintf(prod, sizeof(prod), "kvm_hcall_enter: VCPU 0: hcall=%#x ",
		 H_PROD);
	START();
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, CALL(H_PROD, 0, 0x1234));
	EXPECT_EQ(H_PARAMETER, CALL(H_PROD, 77));
	EXPECT_EQ(TO_USER, CALL(H_PUT_TERM_CHAR, 1, 2, 3, 4));
	STOP();
	/* nothing is recorded after that */
	EXPECT_EQ(0, CALL(H_PROD, 0));
	EXPECT_EQ(10, records(prod, "GPR4-7=0x0,0x1234,0x0,0x0\n"));
	EXPECT_EQ(1, records(prod, "GPR4-7=0x4d,0x0,0x0,0x0\n"));
	EXPECT_EQ(1, records("kvm_hcall_enter: VCPU 0: hcall=0x58 ",
			     "GPR4-7=0x1,0x2,0x3,0x4"));
	EXPECT_EQ(10, records("kvm_hcall_exit: ", "handled hcall_rc=0\n"));
	EXPECT_EQ(1, records("kvm_hcall_exit: ", "handled hcall_rc=-4\n"));
	/*
	 * that hypercall, and the last one of each call but one, by which the
	 * guest says that it is done
	 */
	EXPECT_EQ(12, records("kvm_hcall_exit: ", "to userspace"));
	EXPECT_EQ(23, records("kvm_guest_exit: VCPU 0: ", "trap=SYSCALL"));
	/* an interrupt may come at the last moment, and it does not run */
	EXPECT_GE(records("kvm_guest_enter: VCPU 0: ", "pc="),
		  records("kvm_guest_exit: VCPU 0: ", "pc="));
}

TEST_F(hcall, traced_faults)
{
	struct kvm_regs r = { .pc = PAGES, .msr = MSR_REAL };
	char where[80];

	START();
	/* its own code at first, which nobody has touched */
	book3s_code(self->vmm, PAGES, true, (const uint32_t[]){ LD(5, 0, 4) },
		    1);
	r.gpr[4] = HOLE + 0x128;
	book3s_set_regs(self->vcpu, &r);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	STOP();
	ASSERT_EQ((__u32)KVM_EXIT_MMIO, self->vcpu->run->exit_reason);
	snprintf(where, sizeof(where), "ea=%#llx gpa=%#llx ", HOLE + 0x128,
		 HOLE + 0x128);
	EXPECT_LE(1, records("kvm_page_fault_enter: VCPU 0: ", where));
	EXPECT_EQ(1, records("kvm_page_fault_exit: VCPU 0: ", "ret=1\n"));
	snprintf(where, sizeof(where), "ea=%#llx gpa=%#llx ", PAGES, PAGES);
	EXPECT_LE(1, records("kvm_page_fault_enter: VCPU 0: ", where));
	EXPECT_LE(1, records("kvm_page_fault_exit: VCPU 0: ", "ret=0\n"));
	EXPECT_EQ(records("kvm_guest_exit: ", "trap=H_DATA_STORAGE") +
			  records("kvm_guest_exit: ", "trap=H_INST_STORAGE"),
		  records("kvm_page_fault_enter: ", "ea="));
}

TEST_HARNESS_MAIN
