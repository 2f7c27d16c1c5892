// SPDX-License-Identifier: GPL-2.0

//! What was translated last, so that it need not be searched for again: a driver loads from one register of its device
//! again and again, by the same instruction. kvm-hv keeps a few entries of devices for that, too (`mmio_cache`), and counts
//! changes of the table; here the entry itself is compared with what it was.

use super::table::Hpt;
use crate::isa::slb::Slbe;

/// All that a translation depends on, but for the table.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Key {
    /// The effective address, without its low 12 bits.
    pub(super) page: u64,
    /// The segment.
    pub(super) slbe: Slbe,
    /// Those bits of MSR that it depends on.
    pub(super) msr: u64,
    /// AMR, or IAMR for a fetch.
    pub(super) keys: u64,
    /// HDSISR of a fault, else 0.
    pub(super) dsisr: u64,
}

/// A translation.
pub(super) struct Seen {
    pub(super) key: Key,
    /// The place of the segment in the SLB.
    pub(super) segment: usize,
    index: u64,
    entry: [u64; 3],
    real: u64,
}

impl Seen {
    /// By the entry at `index`, to the real address `real`: the guest's, or of the memory of a present entry.
    pub(super) fn new(hpt: &Hpt, key: Key, segment: usize, index: u64, real: u64) -> Self {
        Self {
            key,
            segment,
            index,
            entry: hpt.translates(index),
            real: real & !0xfff,
        }
    }

    /// The real address of `ea`, which is in the same page, if the table still has the entry.
    #[inline(always)]
    pub(super) fn real(&self, hpt: &Hpt, ea: u64) -> Option<u64> {
        (hpt.translates(self.index) == self.entry).then_some(self.real | ea & 0xfff)
    }
}

/// A vCPU's last translations.
#[derive(Default)]
pub(crate) struct Recent {
    /// Of a load or store, to a device.
    pub(super) data: Option<Seen>,
    /// Of a fetch, from memory.
    pub(super) fetch: Option<Seen>,
}
