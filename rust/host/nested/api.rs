// SPDX-License-Identifier: GPL-2.0

//! Which interface to the hypervisor is in use.

use crate::isa::{hcall_args::GuestCapabilities, pvr::LogicalPvr};
use kernel::sync::atomic::{ordering::Acquire, ordering::Release, Atomic};

/// An interface to the hypervisor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// `H_ENTER_NESTED` and its kin.
    V1 = 1,
    /// `H_GUEST_RUN_VCPU` and its kin.
    V2 = 2,
}

/// 0 for none, else the interface in use.
static IN_USE: Atomic<u32> = Atomic::new(0);

/// Architecture levels that guests may have, as [`GuestCapabilities`].
static LEVELS: Atomic<u64> = Atomic::new(0);

impl Api {
    /// May a guest have this level?
    pub(crate) fn permits(self, level: LogicalPvr) -> bool {
        let capability = match level {
            _ if self == Self::V1 => return true,
            LogicalPvr::V300 => GuestCapabilities::POWER9,
            LogicalPvr::V31 => GuestCapabilities::POWER10,
            LogicalPvr::V31_P11 => GuestCapabilities::POWER11,
            _ => return false,
        };
        self.levels().contains(capability)
    }

    /// The levels that guests may have, from that of POWER9 on. By the second interface there are no others.
    pub(crate) fn levels(self) -> GuestCapabilities {
        GuestCapabilities::from_raw(LEVELS.load(Acquire))
    }

    /// Sets them.
    pub(super) fn set_levels(levels: GuestCapabilities) {
        LEVELS.store(levels.raw(), Release);
    }

    /// The interface in use; `None` without a session, as on bare metal.
    pub(crate) fn in_use() -> Option<Self> {
        match IN_USE.load(Acquire) {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }

    /// Sets it.
    pub(super) fn set_in_use(api: Option<Self>) {
        IN_USE.store(api.map_or(0, |api| api as u32), Release);
    }

    /// Does the hypervisor switch all that a guest can change?
    pub(crate) fn switches_all(self) -> bool {
        self == Self::V2
    }
}

/// Guests that a hypervisor knows by the kernel's own numbers have numbers of this many bits.
pub(crate) const LPID_BITS: u32 = 12;
