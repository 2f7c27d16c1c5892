// SPDX-License-Identifier: GPL-2.0

//! Why an instruction is not emulated.

use crate::isa::{dsisr::Dsisr, trap::Trap};

/// Why an instruction has no plan, and what the thread must get instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It is no load, store, or cache instruction known here.
    NotStorageAccess,
    /// The ISA calls the instruction's form invalid (update with RA=0 or RA=RT, an odd pair, a relative address with
    /// RA): as an illegal instruction.
    InvalidForm,
    /// An alignment interrupt: multiple and string accesses in little-endian mode.
    Alignment,
    /// A data storage interrupt with these bits of DSISR: `lq`, `stq`, load and reserve, store conditional and atomic
    /// memory operations may not address caching inhibited storage.
    Storage(Dsisr),
    /// The unavailable interrupt of the facility that the instruction uses and MSR has off.
    Unavailable(Trap),
}
