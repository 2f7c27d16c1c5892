// SPDX-License-Identifier: GPL-2.0

//! The zones and the ring of coalesced MMIO (`coalesced.rs`).

use crate::{
    bindings::{kvm_coalesced_mmio, kvm_coalesced_mmio_ring, kvm_coalesced_mmio_zone},
    host::{
        compat,
        page::{Field, SharedPage},
    },
};
use core::mem::offset_of;
use kernel::{new_spinlock, page::PAGE_SIZE, prelude::*, sync::SpinLock};

const FIRST: Field<u32> = Field::new(offset_of!(kvm_coalesced_mmio_ring, first));
const LAST: Field<u32> = Field::new(offset_of!(kvm_coalesced_mmio_ring, last));
// The offset of the flexible array at the end of the ring's structure.
const ENTRIES: usize = size_of::<kvm_coalesced_mmio_ring>();
const ENTRY_SIZE: usize = size_of::<kvm_coalesced_mmio>();
/// Entries in the ring.
const MAX: u32 = ((PAGE_SIZE - ENTRIES) / ENTRY_SIZE) as u32;

/// A range of addresses where stores are coalesced.
#[derive(Clone, Copy)]
pub(super) struct Zone {
    pub(super) addr: u64,
    pub(super) size: u32,
    pub(super) pio: bool,
}

impl Zone {
    /// Makes a zone from userspace's structure. `EINVAL` unless `pio` is 0 or 1.
    pub(super) fn new(zone: &kvm_coalesced_mmio_zone) -> Result<Self> {
        // `pio` shares its place with an old name.
        let pio = match crate::host::uapi::zone_pio(zone) {
            0 => false,
            1 => true,
            _ => return Err(EINVAL),
        };
        Ok(Self {
            addr: zone.addr,
            size: zone.size,
            pio,
        })
    }

    /// Are these addresses all in the zone?
    pub(super) fn contains(&self, addr: u64, len: u64) -> bool {
        let (Some(end), Some(own_end)) = (
            addr.checked_add(len),
            self.addr.checked_add(self.size.into()),
        ) else {
            return false;
        };
        self.addr <= addr && end <= own_end
    }

    /// Does an MMIO store of `len` bytes at `gpa` lie in the zone?
    pub(super) fn holds(&self, gpa: u64, len: usize) -> bool {
        !self.pio && self.contains(gpa, len as u64)
    }
}

/// The ring. Userspace may take entries from it, or write anything to it, at any time.
#[pin_data]
pub(super) struct Ring {
    page: SharedPage,
    // Held by the vCPU that appends.
    #[pin]
    lock: SpinLock<()>,
}

impl Ring {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            page: SharedPage::new()?,
            lock <- new_spinlock!((), "kvm_ppc_coalesced_ring"),
        })
    }

    /// The page, for mmap.
    pub(super) fn page(&self) -> &SharedPage {
        &self.page
    }

    /// Appends a store of 1 to 8 bytes. Returns false if the ring is full or broken.
    pub(super) fn push(&self, gpa: u64, data: &[u8]) -> bool {
        let _lock = self.lock.lock();
        let last = self.page.read(LAST);
        let next = last.wrapping_add(1) % MAX;
        // One entry stays free, so that a full ring is not an empty one.
        if last >= MAX || next == self.page.read(FIRST) || data.len() > 8 {
            return false;
        }
        let at = ENTRIES + last as usize * ENTRY_SIZE;
        let (Some(addr), Some(len), Some(pio), Some(bytes)) = (
            Field::<u64>::checked(at + offset_of!(kvm_coalesced_mmio, phys_addr)),
            Field::<u32>::checked(at + offset_of!(kvm_coalesced_mmio, len)),
            Field::<u32>::checked(at + offset_of!(kvm_coalesced_mmio, __bindgen_anon_1)),
            Field::<[u8; 8]>::checked(at + offset_of!(kvm_coalesced_mmio, data)),
        ) else {
            return false;
        };
        let mut eight = [0; 8];
        for (to, from) in eight.iter_mut().zip(data) {
            *to = *from;
        }
        self.page.write(addr, gpa);
        self.page.write(len, data.len() as u32);
        self.page.write(pio, 0);
        self.page.write_array(bytes, &eight);
        // Userspace must see the entry before it sees the new index.
        compat::smp_wmb();
        self.page.write(LAST, next);
        true
    }
}
