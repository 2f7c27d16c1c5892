/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoint of the e44x backend. Its system, its name and its fields are
 * those of KVM's tracepoint for BookE, without the fields that are not known
 * yet when it is called.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm_booke
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE e44x_trace

#if !defined(KVM_PPC_E44X_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_PPC_E44X_TRACE_H

#include <linux/tracepoint.h>

/* clang-format takes the lists in these macros for expressions. */
/* clang-format off */

/* Numbers of IVORs */
#define KVM_PPC_IVORS                \
	{ 0, "CRITICAL" },           \
	{ 1, "MACHINE_CHECK" },      \
	{ 2, "DATA_STORAGE" },       \
	{ 3, "INST_STORAGE" },       \
	{ 4, "EXTERNAL" },           \
	{ 5, "ALIGNMENT" },          \
	{ 6, "PROGRAM" },            \
	{ 7, "FP_UNAVAIL" },         \
	{ 8, "SYSCALL" },            \
	{ 9, "AP_UNAVAIL" },         \
	{ 10, "DECREMENTER" },       \
	{ 11, "FIT" },               \
	{ 12, "WATCHDOG" },          \
	{ 13, "DTLB_MISS" },         \
	{ 14, "ITLB_MISS" },         \
	{ 15, "DEBUG" }

/* The guest has exited by an interrupt */
TRACE_EVENT(kvm_exit,
	TP_PROTO(u32 exit_nr, u32 pc, u32 msr, u32 dar),
	TP_ARGS(exit_nr, pc, msr, dar),
	TP_STRUCT__entry(
		__field(unsigned int, exit_nr)
		__field(unsigned long, pc)
		__field(unsigned long, msr)
		__field(unsigned long, dar)
	),
	TP_fast_assign(
		__entry->exit_nr = exit_nr;
		__entry->pc = pc;
		__entry->msr = msr;
		__entry->dar = dar;
	),
	TP_printk("exit=%s | pc=0x%lx | msr=0x%lx | dar=0x%lx",
		  __print_symbolic(__entry->exit_nr, KVM_PPC_IVORS),
		  __entry->pc, __entry->msr, __entry->dar)
);

/* clang-format on */

#endif

#include <trace/define_trace.h>
