// SPDX-License-Identifier: GPL-2.0

//! The virtual processor area that the hypervisor has of a guest's vCPU.
//!
//! It is not the one that the guest registers, which the kernel itself keeps up to date, so that no page of the guest
//! has to be pinned. The hypervisor reads in it whether the guest uses the performance monitor.

use crate::{bindings, host::zeroed::Zeroes};
use kernel::prelude::*;

/// An area of its own size and alignment, which crosses no page.
pub(super) struct Vpa(Zeroes);

impl Vpa {
    const BYTES: usize = 1 << 10;

    /// An area with nothing in it but its size. Returns `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let area = Zeroes::new(Self::BYTES)?;
        let vpa = area.as_ptr().cast::<bindings::lppaca>().as_ptr();
        // SAFETY: The memory is as large and aligned as the structure is, owned, and not yet known to the hypervisor.
        unsafe { (*vpa).size = (Self::BYTES as u16).to_be() };
        Ok(Self(area))
    }

    /// The real address.
    pub(super) fn real(&self) -> u64 {
        self.0.real_address()
    }

    /// Sets whether the guest uses the performance monitor.
    #[inline(always)]
    pub(super) fn set_pmu_in_use(&mut self, in_use: bool) {
        let vpa = self.0.as_ptr().cast::<bindings::lppaca>().as_ptr();
        // SAFETY: As above; the hypervisor only reads this byte.
        unsafe { core::ptr::addr_of_mut!((*vpa).pmcregs_in_use).write_volatile(in_use.into()) };
    }
}
