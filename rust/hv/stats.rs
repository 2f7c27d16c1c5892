// SPDX-License-Identifier: GPL-2.0

//! The statistics of VMs and vCPUs. Names are those of kvm-hv where the meaning is the same.

use crate::vm::stats::stats;

stats! {
    /// Statistics of a VM.
    pub(crate) struct HvVmStats {
        /// 2 MB pages that the guest has mapped.
        num_2M_pages: Counter = INSTANT,
        /// 1 GB pages that the guest has mapped.
        num_1G_pages: Counter = INSTANT,
        /// Invalidations of partition-scoped translations, each of one page or of all.
        tlb_flushes: Counter = COUNT,
    }
}

stats! {
    /// Statistics of a vCPU.
    pub(crate) struct HvVcpuStats {
        /// Exits of all kinds.
        sum_exits: Counter = COUNT,
        /// Loads and stores emulated.
        mmio_exits: Counter = COUNT,
        /// Returns to userspace for a signal.
        signal_exits: Counter = COUNT,
        /// Instructions that could not be fetched for emulation, so that the guest executed them again.
        fetch_retries: Counter = COUNT,
        /// Hypercalls.
        syscall_exits: Counter = COUNT,
        /// Exits for the host's next timer (HDEC).
        dec_exits: Counter = COUNT,
        /// Exits for the host's interrupts.
        ext_intr_exits: Counter = COUNT,
        /// Faults in the partition-scoped tree.
        pf_storage: Counter = COUNT,
        /// Instructions emulated after a facility unavailable interrupt.
        emulated_inst_exits: Counter = COUNT,
        /// Moves to another CPU for which the guest's invalidations were finished on the CPU that it left.
        finished_tlbies: Counter = COUNT,
        /// Machine checks.
        machine_checks: Counter = COUNT,
    }
}
