// SPDX-License-Identifier: GPL-2.0

//! The statistics of this backend. A name is the one that KVM for the 440 had in Linux if the meaning is the same.

use crate::vm::stats::stats;

stats! {
    /// Statistics of a VM.
    pub(crate) struct E44xVmStats {
        /// Times that the TLB was taken over from another VM, and cleared.
        tlb_takeovers: Counter = COUNT,
        /// Entries of the TLB that were written, or made invalid, one by one.
        tlb_writes: Counter = COUNT,
        /// Guest entries before which all of the instruction cache was made invalid.
        icache_invalidations: Counter = COUNT,
    }
}

stats! {
    /// Statistics of a vCPU.
    pub(crate) struct E44xVcpuStats {
        /// Exits of all kinds.
        sum_exits: Counter = COUNT,
        /// Loads and stores emulated.
        mmio_exits: Counter = COUNT,
        /// Loads and stores to memory that had to be emulated.
        emulated_access_exits: Counter = COUNT,
        /// Accesses to device control registers that userspace emulates.
        dcr_exits: Counter = COUNT,
        /// Returns to userspace for a signal.
        signal_exits: Counter = COUNT,
        /// Data TLB misses that the guest's own TLB resolved.
        dtlb_virt_miss_exits: Counter = COUNT,
        /// Data TLB misses that the guest got.
        dtlb_real_miss_exits: Counter = COUNT,
        /// Instruction TLB misses that the guest's own TLB resolved.
        itlb_virt_miss_exits: Counter = COUNT,
        /// Instruction TLB misses that the guest got.
        itlb_real_miss_exits: Counter = COUNT,
        /// Data storage interrupts.
        dsi_exits: Counter = COUNT,
        /// Instruction storage interrupts.
        isi_exits: Counter = COUNT,
        /// System calls.
        syscall_exits: Counter = COUNT,
        /// Instructions emulated after a program interrupt.
        emulated_inst_exits: Counter = COUNT,
        /// Instructions that could not be fetched for emulation and were executed again.
        fetch_retries: Counter = COUNT,
        /// Decrementer interrupts, the host's and the guest's.
        dec_exits: Counter = COUNT,
        /// Exits for the host's other interrupts.
        ext_intr_exits: Counter = COUNT,
        /// Floating-point unavailable interrupts.
        fp_unavail: Counter = COUNT,
        /// Machine checks.
        machine_checks: Counter = COUNT,
    }
}
