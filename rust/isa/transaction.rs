// SPDX-License-Identifier: GPL-2.0

//! Registers of transactional memory.

register! {
    /// Transaction exception and summary register, ISA Book II.
    Texasr {
        /// The failure is persistent.
        PERSISTENT = 7,
        /// Disallowed.
        DISALLOWED = 8,
        /// Nesting overflow.
        NESTING_OVERFLOW = 9,
        /// Footprint overflow.
        FOOTPRINT_OVERFLOW = 10,
        /// The implementation's own reason.
        IMPLEMENTATION = 15,
        /// Caused by a `tabort.` or `treclaim.`.
        ABORT = 31,
        /// The thread was suspended.
        SUSPENDED = 32,
        /// Hypervisor state at the failure.
        HV = 34,
        /// Problem state at the failure.
        PR = 35,
        /// Failure summary: a failure is recorded.
        FS = 36,
        /// TFIAR is exact.
        EXACT = 37,
        /// The transaction is rollback-only.
        ROT = 38,
    }
    fields {
        /// Failure code.
        code / with_code = 0..7,
        /// Nesting level.
        level / with_level = 52..63,
    }
}
