// SPDX-License-Identifier: GPL-2.0

//! For hosts whose devices have no TCE tables that a guest's entries could be written to.

use super::memslot::MemSlots;
use crate::isa::tce::{Tce, Window};
use kernel::prelude::*;

/// Can there be such devices?
pub(crate) const POSSIBLE: bool = false;

/// The devices' tables that have the entries of one of the guest's: none.
pub(super) struct Devices;

impl Devices {
    pub(super) fn new() -> impl PinInit<Self> {
        Self
    }

    pub(super) fn put(&self, _: &MemSlots, _: &Window, _: u64, _: Tce) -> bool {
        true
    }

    pub(super) fn clear(&self, _: &Window, _: u64, _: u64) -> bool {
        true
    }

    pub(super) fn end(&self) {}
}
