// SPDX-License-Identifier: GPL-2.0

//! A load or store that is emulated.

use crate::emulate::{e44x::state::Reservation, mmio::Plan};

/// An access that the hardware did not make.
pub(crate) struct Fault {
    /// The effective address.
    pub(crate) ea: u32,
    /// The guest physical address it has.
    pub(crate) gpa: u64,
    /// Was it a store?
    pub(crate) store: bool,
    /// TLB entry's E.
    pub(crate) little_endian: bool,
    /// There is memory.
    pub(crate) memory: bool,
}

/// An instruction in the middle of its accesses; kept where it is, because it is large.
pub(crate) struct Pending {
    pub(crate) plan: Plan,
    /// The effective address that faulted, and the guest physical address it has.
    pub(crate) known: (u32, u64),
    pub(crate) little_endian: bool,
    /// ESR of its data interrupts.
    pub(crate) syndrome: u32,
    /// There is memory at that address too.
    pub(crate) memory: bool,
    /// The reservation that the guest has, and will have.
    pub(crate) reserved: Option<Reservation>,
    /// Where the instruction is; userspace sees the next one meanwhile.
    pub(crate) nip: u32,
}

impl Pending {
    /// None.
    pub(crate) const NONE: Self = Self {
        plan: Plan::IDLE,
        known: (0, 0),
        little_endian: false,
        syndrome: 0,
        memory: false,
        reserved: None,
        nip: 0,
    };
}
