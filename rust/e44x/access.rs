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

/// An instruction of which some accesses have been made. It is large, so it is kept in the vCPU and not passed on.
pub(crate) struct Pending {
    pub(crate) plan: Plan,
    /// The effective address that faulted, and the guest physical address it has.
    pub(crate) known: (u32, u64),
    pub(crate) little_endian: bool,
    /// ESR of its data interrupts.
    pub(crate) syndrome: u32,
    /// There is memory at that address too.
    pub(crate) memory: bool,
    /// The reservation that the guest holds and that the instruction does not lose.
    pub(crate) reserved: Option<Reservation>,
    /// The address of the instruction. During the exit, userspace sees that of the next one.
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
