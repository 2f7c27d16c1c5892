// SPDX-License-Identifier: GPL-2.0

//! Where not to look for a reservation (`reserve.rs`).

use kernel::prelude::*;

/// Addresses of emulated instructions at which the guest was found to hold no reservation. Nothing is looked for there
/// the next [`SKIPS`] times.
pub(crate) struct Unreserved(KVec<Place>);

/// As many as a guest's interrupt handlers have such instructions, and some more.
const PLACES: usize = 256;

#[derive(Clone)]
struct Place {
    nip: u32,
    skips: u8,
}

/// Large enough that searches cost little, and small enough that new code at the same address is soon found.
const SKIPS: u8 = 255;

impl Unreserved {
    /// No address is known. Returns `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let none = Place { nip: 0, skips: 0 };
        Ok(Self(KVec::from_elem(none, PLACES, GFP_KERNEL_ACCOUNT)?))
    }

    fn place(&mut self, nip: u32) -> Option<&mut Place> {
        self.0.get_mut((nip / 4) as usize % PLACES)
    }

    /// Is `nip` such an address, and is nothing to be looked for there this time?
    pub(crate) fn skip(&mut self, nip: u32) -> bool {
        match self.place(nip) {
            Some(place) if place.nip == nip && place.skips != 0 => {
                place.skips -= 1;
                true
            }
            _ => false,
        }
    }

    /// The guest holds no reservation at `nip`.
    pub(crate) fn note(&mut self, nip: u32) {
        if let Some(place) = self.place(nip) {
            *place = Place { nip, skips: SKIPS };
        }
    }
}
