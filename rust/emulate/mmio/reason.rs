// SPDX-License-Identifier: GPL-2.0

//! Why an instruction is not emulated.

use crate::isa::{dsisr::Dsisr, trap::Trap};

/// Why an instruction has no plan, and what the thread must get instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It is not a load, store or cache instruction that is known here.
    NotStorageAccess,
    /// The ISA calls the instruction's form invalid (update with RA=0 or RA=RT, an odd pair, a relative address with
    /// RA). It is treated as an illegal instruction.
    InvalidForm,
    /// It causes an alignment interrupt, as multiple and string accesses do in little-endian mode.
    Alignment,
    /// It causes a data storage interrupt with these bits of DSISR: `lq`, `stq`, load and reserve, store conditional
    /// and atomic memory operations may not access caching inhibited storage.
    Storage(Dsisr),
    /// It causes this unavailable interrupt, because MSR has the facility that it uses off.
    Unavailable(Trap),
}
