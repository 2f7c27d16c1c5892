// SPDX-License-Identifier: GPL-2.0

//! What a partition registers with H_REGISTER_VPA: where fields are, in bytes from the area's start. All fields are
//! big-endian.
//!
//! Source: PAPR, "Virtual Processor Areas", "SLB Shadow Buffer" and "Dispatch Trace Log".

/// Virtual processor area.
pub mod area {
    /// Size of the area as the partition gives it, 2 bytes; in all three areas while they are being registered.
    pub const SIZE: u64 = 4;
    /// Least size: the area that PAPR defines.
    pub const MIN_BYTES: u64 = 640;
    /// Alignment.
    pub const ALIGN: u64 = 128;
    /// The area may not cross a multiple of this.
    pub const BOUNDARY: u64 = 4096;
    /// Status, 1 byte: [`SHARED_PROCESSOR`].
    pub const STATUS: u64 = 9;
    /// Status bit: the partition's processors are shared.
    pub const SHARED_PROCESSOR: u8 = 2;
    /// Hardware node, 4 bytes.
    pub const HW_NODE: u64 = 24;
    /// Hardware processor, 4 bytes.
    pub const HW_PROC: u64 = 28;
    /// Counters of changes of the home node's associativity, 8 bytes.
    pub const VPHN_COUNTS: u64 = 88;
    /// Cede latency hint, 1 byte.
    pub const CEDE_LATENCY_HINT: u64 = 176;
    /// Whether event-based branch registers are in use, 1 byte.
    pub const EBB_IN_USE: u64 = 177;
    /// Dispatch trace log enable mask, 1 byte: `trace::CEDE` and so on.
    pub const DTL_ENABLE_MASK: u64 = 184;
    /// Whether a dedicated processor's idle cycles are donated, 1 byte.
    pub const DONATE_DEDICATED: u64 = 185;
    /// Whether floating-point registers are in use, 1 byte.
    pub const FP_IN_USE: u64 = 186;
    /// Whether performance monitor counters are in use, 1 byte.
    pub const PMC_IN_USE: u64 = 187;
    /// Wait state cycles, 8 bytes.
    pub const WAIT_STATE_CYCLES: u64 = 216;
    /// How many SLB entries to keep, 2 bytes.
    pub const SLB_COUNT: u64 = 252;
    /// Whether the partition's kernel idles here, 1 byte.
    pub const IDLE: u64 = 254;
    /// Whether vector registers are in use, 1 byte.
    pub const VMX_IN_USE: u64 = 255;
    /// Yield count, 4 bytes: odd while the processor is not dispatched.
    pub const YIELD_COUNT: u64 = 256;
    /// Dispersion count, 4 bytes.
    pub const DISPERSION_COUNT: u64 = 260;
    /// Time base ticks from enqueued to dispatched, 8 bytes.
    pub const ENQUEUE_DISPATCH_TB: u64 = 344;
    /// Time base ticks from ready to enqueued, 8 bytes.
    pub const READY_ENQUEUE_TB: u64 = 352;
    /// Time base ticks from waiting to ready, 8 bytes.
    pub const WAIT_READY_TB: u64 = 360;
    /// Index of the next dispatch trace log entry, counting without wrapping, 8 bytes.
    pub const DTL_IDX: u64 = 536;
}

/// SLB shadow buffer.
pub mod slb_shadow {
    /// How many entries the hypervisor has to restore, 4 bytes.
    pub const PERSISTENT: u64 = 0;
    /// Size of the buffer, 4 bytes (while it is being registered, as a whole word).
    pub const SIZE: u64 = 4;
    /// The first entry: ESID doubleword and VSID doubleword, as `slbmte` takes them.
    pub const ENTRIES: u64 = 16;
    /// Bytes of an entry.
    pub const ENTRY_BYTES: u64 = 16;
}

/// Dispatch trace log.
pub mod trace {
    /// Size of the buffer, 4 bytes, while it is being registered.
    pub const SIZE: u64 = 4;
    /// Bytes of an entry.
    pub const ENTRY_BYTES: u64 = 48;
    /// Why the processor was dispatched, 1 byte.
    pub const DISPATCH_REASON: u64 = 0;
    /// Why it was preempted before, 1 byte.
    pub const PREEMPT_REASON: u64 = 1;
    /// The physical processor, 2 bytes.
    pub const PROCESSOR: u64 = 2;
    /// Time base ticks from enqueued to dispatched, 4 bytes.
    pub const ENQUEUE_TO_DISPATCH: u64 = 4;
    /// Time base ticks from ready to enqueued, 4 bytes.
    pub const READY_TO_ENQUEUE: u64 = 8;
    /// Time base ticks from waiting to ready, 4 bytes.
    pub const WAITING_TO_READY: u64 = 12;
    /// Time base at the dispatch, 8 bytes.
    pub const TIMEBASE: u64 = 16;
    /// Fault address, 8 bytes.
    pub const FAULT_ADDRESS: u64 = 24;
    /// SRR0 at the dispatch, 8 bytes.
    pub const SRR0: u64 = 32;
    /// SRR1 at the dispatch, 8 bytes.
    pub const SRR1: u64 = 40;

    /// Enable mask: voluntary waits.
    pub const CEDE: u8 = 1;
    /// Enable mask: time slices that ended.
    pub const PREEMPT: u8 = 2;
    /// Enable mask: faults on the partition's memory.
    pub const FAULT: u8 = 4;

    /// Dispatch reason: the processor's virtual timer; what KVM always logs.
    pub const DISPATCH_TIMER: u8 = 7;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_area_follow_each_other() {
        // Cache lines of 128 bytes: read-only, local, shared with other processors, and two more.
        assert_eq!(area::YIELD_COUNT, 256);
        assert_eq!(area::VMX_IN_USE + 1, area::YIELD_COUNT);
        assert_eq!(area::WAIT_READY_TB + 8 + 16, 384);
        assert_eq!(area::DTL_IDX + 8 + 96, area::MIN_BYTES);
        assert_eq!(area::VPHN_COUNTS + 8 + 32, 128);
    }

    #[test]
    fn a_trace_entry_is_full() {
        assert_eq!(trace::SRR1 + 8, trace::ENTRY_BYTES);
        assert_eq!(trace::WAITING_TO_READY + 4, trace::TIMEBASE);
    }
}
