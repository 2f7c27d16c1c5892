// SPDX-License-Identifier: GPL-2.0

//! Memory slots: which of the guest's physical memory lies where in the owner's address space.

use super::{backend::Gfn, dirty_log::DirtyBitmap};
use crate::{bindings, host::once};
use core::ops::Range;
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::{atomic::Atomic, Arc},
};

/// Number of slots, `KVM_CAP_NR_MEMSLOTS`; also one more than the largest id.
pub(crate) const NR_MEMSLOTS: u16 = i16::MAX as u16;
/// Largest slot in pages, so that a page's number in it fits the dirty log's interface.
pub(crate) const MAX_SLOT_PAGES: u64 = (1 << 31) - 1;

/// One slot, which does not change; only its dirty log does.
pub(crate) struct MemSlot {
    pub(crate) id: u16,
    /// `KVM_MEM_…`
    pub(crate) flags: u32,
    pub(crate) base_gfn: Gfn,
    /// Not 0, and at most [`MAX_SLOT_PAGES`].
    pub(crate) npages: u64,
    /// Where it begins in the address space of [`Vm::mm`](super::Vm::mm), page aligned.
    pub(crate) userspace_addr: usize,
    /// Present while `KVM_MEM_LOG_DIRTY_PAGES` is set.
    pub(super) dirty: Option<Arc<DirtyBitmap>>,
    /// About to be deleted or moved: guests do not find it, mmu notifiers do.
    pub(super) invalid: bool,
}

impl MemSlot {
    /// Its guest frame numbers.
    pub(crate) fn gfns(&self) -> Range<Gfn> {
        // The sum was checked when the slot was made.
        self.base_gfn..self.base_gfn.wrapping_add(self.npages)
    }

    pub(crate) fn contains(&self, gfn: Gfn) -> bool {
        self.gfns().contains(&gfn)
    }

    /// Its addresses in the owner's address space.
    pub(crate) fn hvas(&self) -> Range<usize> {
        let len = (self.npages as usize) << PAGE_SHIFT;
        self.userspace_addr..self.userspace_addr.wrapping_add(len)
    }

    /// Where `gfn`, which has to be in the slot, begins in the owner's address space.
    pub(crate) fn hva(&self, gfn: Gfn) -> usize {
        let page = gfn.wrapping_sub(self.base_gfn) as usize;
        self.userspace_addr.wrapping_add(page << PAGE_SHIFT)
    }

    /// The part of `hvas` that lies in the slot, as guest frame numbers; a page that is touched
    /// counts. `None` if there is none.
    pub(crate) fn gfns_of(&self, hvas: &Range<usize>) -> Option<Range<Gfn>> {
        let own = self.hvas();
        let start = hvas.start.max(own.start);
        let end = hvas.end.min(own.end);
        if start >= end {
            return None;
        }
        let first = (start - own.start) >> PAGE_SHIFT;
        let last = (end - own.start).div_ceil(PAGE_SIZE);
        Some(self.base_gfn + first as u64..self.base_gfn + last as u64)
    }

    /// Guest writes are MMIO exits.
    pub(crate) fn readonly(&self) -> bool {
        self.flags & bindings::KVM_MEM_READONLY != 0
    }

    /// Writes have to be noted, so huge pages are not to be mapped.
    pub(crate) fn log_dirty(&self) -> bool {
        self.dirty.is_some()
    }

    /// Notes in the dirty log, if there is one, that `gfn` was written. From any context.
    pub(crate) fn mark_dirty(&self, gfn: Gfn) {
        if let Some(dirty) = &self.dirty {
            dirty.mark(gfn.wrapping_sub(self.base_gfn));
        }
    }

    /// Notes that `gfns` were written.
    pub(crate) fn mark_dirty_range(&self, gfns: Range<Gfn>) {
        if self.dirty.is_some() {
            gfns.for_each(|gfn| self.mark_dirty(gfn));
        }
    }

    // The same slot with another view, for a new snapshot.
    pub(super) fn invalidated(&self) -> Self {
        Self {
            dirty: self.dirty.clone(),
            invalid: true,
            ..*self
        }
    }
}

/// All slots of a VM at one moment, sorted by guest frame number and not overlapping.
pub(crate) struct MemSlots {
    slots: KVVec<Arc<MemSlot>>,
    // Index of the slot that was found last: most accesses are in the one that holds the RAM.
    hint: Atomic<usize>,
}

impl MemSlots {
    pub(super) fn empty() -> Self {
        Self {
            slots: KVVec::new(),
            hint: Atomic::new(0),
        }
    }

    /// The slot that holds `gfn`.
    pub(crate) fn find(&self, gfn: Gfn) -> Option<&Arc<MemSlot>> {
        let hint = once::read_usize(&self.hint);
        match self.slots.get(hint) {
            Some(slot) if slot.contains(gfn) && !slot.invalid => return Some(slot),
            _ => (),
        }
        let after = self.slots.partition_point(|s| s.base_gfn <= gfn);
        let at = after.checked_sub(1)?;
        let slot = self.slots.get(at)?;
        if !slot.contains(gfn) || slot.invalid {
            return None;
        }
        once::write_usize(&self.hint, at);
        Some(slot)
    }

    /// The slot with this id.
    pub(crate) fn by_id(&self, id: u16) -> Option<&Arc<MemSlot>> {
        self.slots.iter().find(|s| s.id == id)
    }

    /// All slots, by ascending guest frame number; those that are about to go too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<MemSlot>> {
        self.slots.iter()
    }

    // Does a slot other than `id` overlap `gfns`?
    pub(super) fn overlaps(&self, id: u16, gfns: &Range<Gfn>) -> bool {
        self.slots
            .iter()
            .any(|s| s.id != id && s.base_gfn < gfns.end && gfns.start < s.gfns().end)
    }

    // The same slots, but `slot` instead of the one with that id; without it if `slot` is `None`.
    pub(super) fn with(&self, id: u16, slot: Option<Arc<MemSlot>>) -> Result<KBox<Self>> {
        let mut slots = KVVec::with_capacity(self.slots.len() + 1, GFP_KERNEL_ACCOUNT)?;
        let mut slot = slot;
        for old in self.slots.iter().filter(|s| s.id != id) {
            if let Some(new) = slot.take_if(|new| new.base_gfn < old.base_gfn) {
                slots.push(new, GFP_KERNEL_ACCOUNT)?;
            }
            slots.push(old.clone(), GFP_KERNEL_ACCOUNT)?;
        }
        if let Some(new) = slot {
            slots.push(new, GFP_KERNEL_ACCOUNT)?;
        }
        let all = Self {
            slots,
            hint: Atomic::new(0),
        };
        Ok(KBox::new(all, GFP_KERNEL_ACCOUNT)?)
    }
}
