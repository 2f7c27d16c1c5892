// SPDX-License-Identifier: GPL-2.0

//! The statistics of VMs and vCPUs. Names are those of kvm-pr where the meaning is the same.

use crate::vm::stats::stats;

stats! {
    /// Statistics of a VM.
    pub(crate) struct PrVmStats {
        /// Times that shadow segments ran out and all were taken away.
        segment_flushes: Counter = COUNT,
    }
}

stats! {
    /// Statistics of a vCPU.
    pub(crate) struct PrVcpuStats {
        /// Exits of all kinds.
        sum_exits: Counter = COUNT,
        /// Loads and stores emulated.
        mmio_exits: Counter = COUNT,
        /// Returns to userspace for a signal.
        signal_exits: Counter = COUNT,
        /// Instructions that could not be fetched for emulation, so that the guest executed them again.
        fetch_retries: Counter = COUNT,
        /// Instructions that vmlinux could not load, and that were fetched by walking the guest's tables.
        fetch_walks: Counter = COUNT,
        /// System calls and hypercalls.
        syscall_exits: Counter = COUNT,
        /// Exits because a timer was due.
        dec_exits: Counter = COUNT,
        /// Exits for the host's interrupts.
        ext_intr_exits: Counter = COUNT,
        /// Data storage interrupts.
        pf_storage: Counter = COUNT,
        /// Instruction storage interrupts.
        pf_instruc: Counter = COUNT,
        /// Pages mapped for loads and stores.
        sp_storage: Counter = COUNT,
        /// Pages mapped for instruction fetches.
        sp_instruc: Counter = COUNT,
        /// Segments that were missing.
        segment_misses: Counter = COUNT,
        /// Pages of code that were begun to be run instruction by instruction.
        split_pages: Counter = COUNT,
        /// Emulated instructions found between a load and reserve and a store conditional, which are then emulated,
        /// too.
        reserving_loops: Counter = COUNT,
        /// `sc 1` replaced by what traps in a partition.
        rewritten_calls: Counter = COUNT,
        /// Instructions emulated.
        emulated_inst_exits: Counter = COUNT,
        /// More instructions emulated at the same exit.
        emulated_ahead: Counter = COUNT,
        /// Machine checks.
        machine_checks: Counter = COUNT,
    }
}
