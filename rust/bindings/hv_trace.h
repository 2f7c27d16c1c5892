/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of guests on a 64-bit Book3S host: all of the hv backend's, and
 * those of the pr backend for entries, exits and hypercalls. Their system,
 * their names and the fields that tools use (vcpu_id, trap, req) are those of
 * kvm-hv.ko, so that `perf kvm stat` and scripts made for kvm-hv work.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm_hv
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE hv_trace

#if !defined(KVM_PPC_HV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_PPC_HV_TRACE_H

#include <linux/tracepoint.h>

/* clang-format takes the lists in these macros for expressions. */
/* clang-format off */

/* The interrupts that end a guest's run, by the vector */
#define KVM_PPC_HV_TRAPS                     \
	{ 0x100, "SYSTEM_RESET" },           \
	{ 0x200, "MACHINE_CHECK" },          \
	{ 0x300, "DATA_STORAGE" },           \
	{ 0x380, "DATA_SEGMENT" },           \
	{ 0x400, "INST_STORAGE" },           \
	{ 0x480, "INST_SEGMENT" },           \
	{ 0x500, "EXTERNAL" },               \
	{ 0x600, "ALIGNMENT" },              \
	{ 0x700, "PROGRAM" },                \
	{ 0x800, "FP_UNAVAIL" },             \
	{ 0x900, "DECREMENTER" },            \
	{ 0x980, "HV_DECREMENTER" },         \
	{ 0xc00, "SYSCALL" },                \
	{ 0xd00, "TRACE" },                  \
	{ 0xe00, "H_DATA_STORAGE" },         \
	{ 0xe20, "H_INST_STORAGE" },         \
	{ 0xe40, "H_EMUL_ASSIST" },          \
	{ 0xe60, "H_MAINTENANCE" },          \
	{ 0xe80, "H_DOORBELL" },             \
	{ 0xea0, "H_VIRT" },                 \
	{ 0xf00, "PERFORMANCE_MONITOR" },    \
	{ 0xf20, "ALTIVEC" },                \
	{ 0xf40, "VSX" },                    \
	{ 0xf60, "FAC_UNAVAIL" },            \
	{ 0xf80, "H_FAC_UNAVAIL" },          \
	{ 0x1500, "SOFTPATCH" }

/* Nothing keeps the guest out any more, and it runs next */
TRACE_EVENT(kvm_guest_enter,
	TP_PROTO(u32 vcpu_id, u64 pc, u32 pending),
	TP_ARGS(vcpu_id, pc, pending),
	TP_STRUCT__entry(
		__field(int, vcpu_id)
		__field(unsigned long, pc)
		__field(unsigned long, pending_exceptions)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->pc = pc;
		__entry->pending_exceptions = pending;
	),
	TP_printk("VCPU %d: pc=0x%lx pexcp=0x%lx", __entry->vcpu_id,
		  __entry->pc, __entry->pending_exceptions)
);

/*
 * The guest has exited. If a host interrupt ended its run, that is not served
 * yet
 */
TRACE_EVENT(kvm_guest_exit,
	TP_PROTO(u32 vcpu_id, u32 trap, u64 pc, u64 msr),
	TP_ARGS(vcpu_id, trap, pc, msr),
	TP_STRUCT__entry(
		__field(int, vcpu_id)
		__field(int, trap)
		__field(unsigned long, pc)
		__field(unsigned long, msr)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->trap = trap;
		__entry->pc = pc;
		__entry->msr = msr;
	),
	TP_printk("VCPU %d: trap=%s pc=0x%lx msr=0x%lx", __entry->vcpu_id,
		  __print_symbolic(__entry->trap, KVM_PPC_HV_TRAPS),
		  __entry->pc, __entry->msr)
);

/* A fault in the partition-scoped tree */
TRACE_EVENT(kvm_page_fault_enter,
	TP_PROTO(u32 vcpu_id, u64 ea, u64 gpa, u64 dsisr, bool fetch),
	TP_ARGS(vcpu_id, ea, gpa, dsisr, fetch),
	TP_STRUCT__entry(
		__field(int, vcpu_id)
		__field(unsigned long, ea)
		__field(unsigned long, gpa)
		__field(u32, dsisr)
		__field(bool, fetch)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->ea = ea;
		__entry->gpa = gpa;
		__entry->dsisr = dsisr;
		__entry->fetch = fetch;
	),
	TP_printk("VCPU %d: ea=0x%lx gpa=0x%lx dsisr=0x%x%s",
		  __entry->vcpu_id, __entry->ea, __entry->gpa, __entry->dsisr,
		  __entry->fetch ? " fetch" : "")
);

/* ret: 0 if the guest goes on, 1 if the access is to a device, or -errno */
TRACE_EVENT(kvm_page_fault_exit,
	TP_PROTO(u32 vcpu_id, long ret),
	TP_ARGS(vcpu_id, ret),
	TP_STRUCT__entry(
		__field(int, vcpu_id)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->ret = ret;
	),
	TP_printk("VCPU %d: ret=%ld", __entry->vcpu_id, __entry->ret)
);

TRACE_EVENT(kvm_hcall_enter,
	TP_PROTO(u32 vcpu_id, u64 req, u64 gpr4, u64 gpr5, u64 gpr6, u64 gpr7),
	TP_ARGS(vcpu_id, req, gpr4, gpr5, gpr6, gpr7),
	TP_STRUCT__entry(
		__field(int, vcpu_id)
		__field(unsigned long, req)
		__field(unsigned long, gpr4)
		__field(unsigned long, gpr5)
		__field(unsigned long, gpr6)
		__field(unsigned long, gpr7)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->req = req;
		__entry->gpr4 = gpr4;
		__entry->gpr5 = gpr5;
		__entry->gpr6 = gpr6;
		__entry->gpr7 = gpr7;
	),
	TP_printk("VCPU %d: hcall=0x%lx GPR4-7=0x%lx,0x%lx,0x%lx,0x%lx",
		  __entry->vcpu_id, __entry->req, __entry->gpr4,
		  __entry->gpr5, __entry->gpr6, __entry->gpr7)
);

/* handled: by the module; if not, userspace handles it, and hcall_rc is 0 */
TRACE_EVENT(kvm_hcall_exit,
	TP_PROTO(u32 vcpu_id, bool handled, u64 hcall_rc),
	TP_ARGS(vcpu_id, handled, hcall_rc),
	TP_STRUCT__entry(
		__field(int, vcpu_id)
		__field(bool, handled)
		__field(long, hcall_rc)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->handled = handled;
		__entry->hcall_rc = hcall_rc;
	),
	TP_printk("VCPU %d: %s hcall_rc=%ld", __entry->vcpu_id,
		  __entry->handled ? "handled" : "to userspace",
		  __entry->hcall_rc)
);

/* clang-format on */

#endif

#include <trace/define_trace.h>
