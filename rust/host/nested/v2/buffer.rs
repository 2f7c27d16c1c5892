// SPDX-License-Identifier: GPL-2.0

//! Memory for guest state buffers.

use crate::host::zeroed::Zeroes;
use core::slice;
use kernel::prelude::*;

/// A buffer in the linear map, which the hypervisor accesses during calls.
pub(super) struct Buffer(Zeroes);

impl Buffer {
    /// Enough for all registers, and the largest that can be given.
    pub(super) const BYTES: usize = 1 << 12;

    /// Zeroes. Returns `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Zeroes::new(Self::BYTES)?))
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: The memory is owned. The hypervisor writes to it in calls only, during which nothing here is
        // borrowed.
        unsafe { slice::from_raw_parts(self.0.as_ptr().as_ptr(), Self::BYTES) }
    }

    /// Its bytes, to change.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: As above.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr().as_ptr(), Self::BYTES) }
    }

    /// The real address.
    pub(super) fn real(&self) -> u64 {
        self.0.real_address()
    }
}
