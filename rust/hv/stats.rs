// SPDX-License-Identifier: GPL-2.0

//! What is counted; names as kvm-hv has them where the meaning is the same.

use crate::vm::stats::stats;

stats! {
    /// Of a VM.
    pub(crate) struct HvVmStats {
        /// 2 MB pages that the guest has mapped.
        num_2M_pages: Counter = INSTANT,
        /// 1 GB pages that the guest has mapped.
        num_1G_pages: Counter = INSTANT,
        /// Invalidations of translations of the partition, of a page or of all.
        tlb_flushes: Counter = COUNT,
    }
}

stats! {
    /// Of a vCPU.
    pub(crate) struct HvVcpuStats {
        /// Exits of all kinds.
        sum_exits: Counter = COUNT,
        /// Loads and stores emulated.
        mmio_exits: Counter = COUNT,
        /// Returns to userspace for a signal.
        signal_exits: Counter = COUNT,
        /// Instructions that could not be fetched and ran again.
        fetch_retries: Counter = COUNT,
        /// Hypercalls.
        syscall_exits: Counter = COUNT,
        /// Exits because the host's timer was due.
        dec_exits: Counter = COUNT,
        /// Exits for the host's interrupts.
        ext_intr_exits: Counter = COUNT,
        /// Faults in the partition-scoped tree.
        pf_storage: Counter = COUNT,
        /// Instructions emulated after a facility unavailable interrupt.
        emulated_inst_exits: Counter = COUNT,
        /// Changes of the CPU, with the guest's invalidations finished on the one it left.
        finished_tlbies: Counter = COUNT,
        /// Machine checks.
        machine_checks: Counter = COUNT,
    }
}
