// SPDX-License-Identifier: GPL-2.0

//! The decrementer as QEMU's emulation of the interface tells it.
//!
//! QEMU (10.0 and 11.0 at least) subtracts from the time of an exit what is left of the decrementer, where it has to
//! add it, and takes the result as the expiry at the next entry. A guest would get a decrementer interrupt at each
//! entry, and would never sleep. So the expiry is mirrored at the time of the exit, and told anew at each entry.

use super::super::emulated::emulated;

/// A vCPU's decrementer.
#[derive(Clone, Copy)]
pub(super) struct Mirrored {
    expiry: u64,
}

/// What the kernel's view of the time of an exit may differ from QEMU's by, in ticks; about 60 microseconds.
const TOLERANCE: u64 = 1 << 15;

impl Mirrored {
    /// `None` for a hypervisor that is not QEMU's emulation.
    pub(super) fn needed() -> Option<Self> {
        emulated().then_some(Self { expiry: 0 })
    }

    /// After an exit at the timebase `now`, for which the expiry `told` was told. The decrementer has 32 bits if it is
    /// not `large`. `None` if what was told is what had been set, so that the hypervisor tells it rightly after all.
    pub(super) fn next(self, told: u64, now: u64, large: bool) -> Option<Self> {
        let ahead = self.expiry.wrapping_sub(now) as i64;
        if ahead > 4 * TOLERANCE as i64 && told.wrapping_sub(self.expiry) < TOLERANCE {
            return None;
        }
        let left = now.wrapping_sub(told);
        let left = if large { left } else { left as i32 as u64 };
        let expiry = now.wrapping_add(left);
        // If the guest has not set its decrementer since, the exact expiry is known already.
        if expiry.wrapping_sub(self.expiry) < TOLERANCE {
            return Some(self);
        }
        Some(Self { expiry })
    }

    /// The expiry, in the partition's timebase.
    pub(super) fn expiry(self) -> u64 {
        self.expiry
    }
}
