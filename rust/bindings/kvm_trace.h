/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints that all backends have. Their system, names and fields are those
 * of kvm.ko, so that programs that read these work.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kvm_trace

#if !defined(KVM_PPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_PPC_TRACE_H

#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/tracepoint.h>

/* clang-format takes the lists in these macros for expressions. */
/* clang-format off */

/* The reasons for an exit to userspace */
#define KVM_PPC_EXIT_REASONS                                \
	{ KVM_EXIT_UNKNOWN, "KVM_EXIT_UNKNOWN" },           \
	{ KVM_EXIT_EXCEPTION, "KVM_EXIT_EXCEPTION" },       \
	{ KVM_EXIT_HYPERCALL, "KVM_EXIT_HYPERCALL" },       \
	{ KVM_EXIT_DEBUG, "KVM_EXIT_DEBUG" },               \
	{ KVM_EXIT_HLT, "KVM_EXIT_HLT" },                   \
	{ KVM_EXIT_MMIO, "KVM_EXIT_MMIO" },                 \
	{ KVM_EXIT_FAIL_ENTRY, "KVM_EXIT_FAIL_ENTRY" },     \
	{ KVM_EXIT_INTR, "KVM_EXIT_INTR" },                 \
	{ KVM_EXIT_DCR, "KVM_EXIT_DCR" },                   \
	{ KVM_EXIT_NMI, "KVM_EXIT_NMI" },                   \
	{ KVM_EXIT_INTERNAL_ERROR, "KVM_EXIT_INTERNAL_ERROR" }, \
	{ KVM_EXIT_PAPR_HCALL, "KVM_EXIT_PAPR_HCALL" },     \
	{ KVM_EXIT_WATCHDOG, "KVM_EXIT_WATCHDOG" },         \
	{ KVM_EXIT_SYSTEM_EVENT, "KVM_EXIT_SYSTEM_EVENT" }

/* KVM_RUN returns, with an exit reason or an errno */
TRACE_EVENT(kvm_userspace_exit,
	TP_PROTO(u32 reason, int errno),
	TP_ARGS(reason, errno),
	TP_STRUCT__entry(
		__field(u32, reason)
		__field(int, errno)
	),
	TP_fast_assign(
		__entry->reason = reason;
		__entry->errno = errno;
	),
	TP_printk("reason %s (%d)",
		  __entry->errno >= 0 ?
			  __print_symbolic(__entry->reason, KVM_PPC_EXIT_REASONS) :
		  __entry->errno == -EINTR ? "restart" : "error",
		  __entry->errno >= 0 ? (int)__entry->reason : -__entry->errno)
);

/* A halted vCPU continues, after having slept or only polled for ns */
TRACE_EVENT(kvm_vcpu_wakeup,
	TP_PROTO(u64 ns, bool waited, bool valid),
	TP_ARGS(ns, waited, valid),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(bool, waited)
		__field(bool, valid)
	),
	TP_fast_assign(
		__entry->ns = ns;
		__entry->waited = waited;
		__entry->valid = valid;
	),
	TP_printk("%s time %lld ns, polling %s",
		  __entry->waited ? "wait" : "poll", __entry->ns,
		  __entry->valid ? "valid" : "invalid")
);

/* The time for which a vCPU polls changes */
TRACE_EVENT(kvm_halt_poll_ns,
	TP_PROTO(bool grow, u32 vcpu_id, u32 new, u32 old),
	TP_ARGS(grow, vcpu_id, new, old),
	TP_STRUCT__entry(
		__field(bool, grow)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, new)
		__field(unsigned int, old)
	),
	TP_fast_assign(
		__entry->grow = grow;
		__entry->vcpu_id = vcpu_id;
		__entry->new = new;
		__entry->old = old;
	),
	TP_printk("vcpu %u: halt_poll_ns %u (%s %u)", __entry->vcpu_id,
		  __entry->new, __entry->grow ? "grow" : "shrink",
		  __entry->old)
);

/* The host takes pages back, or asks whether they were accessed */
DECLARE_EVENT_CLASS(kvm_hva_range,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("mmu notifier: %#016lx -- %#016lx", __entry->start,
		  __entry->end)
);

DEFINE_EVENT(kvm_hva_range, kvm_unmap_hva_range,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end)
);

DEFINE_EVENT(kvm_hva_range, kvm_age_hva,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end)
);

TRACE_EVENT(kvm_test_age_hva,
	TP_PROTO(unsigned long hva),
	TP_ARGS(hva),
	TP_STRUCT__entry(
		__field(unsigned long, hva)
	),
	TP_fast_assign(
		__entry->hva = hva;
	),
	TP_printk("mmu notifier test age hva: %#016lx", __entry->hva)
);

/* clang-format on */

#endif

#include <trace/define_trace.h>
