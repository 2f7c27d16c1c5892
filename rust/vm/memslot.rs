// SPDX-License-Identifier: GPL-2.0

//! Memory slots: where guest physical memory lies in the owner's address space.

use super::{dirty_bitmap::DirtyBitmap, gfn::Gfn, published::Changed};
use crate::{
    bindings,
    host::range_map::{Prepared, RangeMap},
};
use core::ops::Range;
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::{
        atomic::{Acquire, AtomicFlag, Release},
        Arc,
    },
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
    /// The number of pages, which is not 0 and at most [`MAX_SLOT_PAGES`].
    pub(crate) npages: u64,
    /// Where it begins in the address space of [`Vm::mm`](super::Vm::mm), page aligned.
    pub(crate) userspace_addr: usize,
    /// Present while `KVM_MEM_LOG_DIRTY_PAGES` is set.
    pub(super) dirty: Option<Arc<DirtyBitmap>>,
    /// Whether it was deleted or moved, so that faults do not find it any more.
    gone: AtomicFlag,
}

impl MemSlot {
    /// A slot without a dirty log.
    pub(super) fn new(
        id: u16,
        flags: u32,
        base_gfn: Gfn,
        npages: u64,
        userspace_addr: usize,
    ) -> Self {
        Self {
            id,
            flags,
            base_gfn,
            npages,
            userspace_addr,
            dirty: None,
            gone: AtomicFlag::new(false),
        }
    }

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

    /// Is it read-only for the guest, whose writes are MMIO exits then?
    pub(crate) fn readonly(&self) -> bool {
        self.flags & bindings::KVM_MEM_READONLY != 0
    }

    /// Is it logged, so that writes have to be noted and large pages must not be mapped?
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

    /// Hides it from faults. Readers that have found it before may use it until they end.
    pub(super) fn set_gone(&self) {
        self.gone.store(true, Release);
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Acquire)
    }
}

/// All slots of a VM at one time. They do not overlap.
#[derive(Default)]
pub(crate) struct MemSlots {
    // The keys are guest frame numbers.
    slots: RangeMap<Arc<MemSlot>>,
    // The largest slot, which is tried first because most accesses are to it.
    largest: Option<Arc<MemSlot>>,
}

// The key of a frame. On 32-bit hosts, all frames that no guest there can reach share the last key.
fn key(gfn: Gfn) -> usize {
    usize::try_from(gfn).map_or(usize::MAX - 1, |gfn| gfn.min(usize::MAX - 1))
}

// The keys of `gfns`, which must not be empty.
fn keys(gfns: &Range<Gfn>) -> Range<usize> {
    key(gfns.start)..key(gfns.end.wrapping_sub(1)) + 1
}

/// A slot that is about to be inserted.
pub(crate) struct NewSlot(Prepared<Arc<MemSlot>>);

impl NewSlot {
    /// `ENOMEM` without memory.
    pub(super) fn new(slot: &Arc<MemSlot>) -> Result<Self> {
        Ok(Self(Prepared::new(
            &keys(&slot.gfns()),
            &slot.hvas(),
            slot.clone(),
            GFP_KERNEL_ACCOUNT,
        )?))
    }
}

impl MemSlots {
    /// The slot that holds `gfn`.
    #[inline]
    pub(crate) fn find(&self, gfn: Gfn) -> Option<&Arc<MemSlot>> {
        match &self.largest {
            Some(slot) if slot.contains(gfn) && !slot.is_gone() => Some(slot),
            _ => {
                let slot = self
                    .slots
                    .with_keys(&keys(&(gfn..gfn + 1)))
                    .find(|s| s.contains(gfn))?;
                (!slot.is_gone()).then_some(slot)
            }
        }
    }

    /// All slots, by ascending guest frame number; those that are gone too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<MemSlot>> {
        self.slots.with_keys(&(0..usize::MAX))
    }

    /// The slots that have any of `hvas`; those that are gone too.
    pub(super) fn at_hvas(&self, hvas: &Range<usize>) -> impl Iterator<Item = &Arc<MemSlot>> {
        self.slots.at_addresses(hvas)
    }

    /// Does a slot other than `id` overlap `gfns`?
    pub(super) fn overlaps(&self, id: u16, gfns: &Range<Gfn>) -> bool {
        self.slots
            .with_keys(&keys(gfns))
            .any(|s| s.id != id && s.base_gfn < gfns.end && gfns.start < s.gfns().end)
    }

    fn remove(&mut self, base_gfn: Gfn) {
        self.slots.remove(key(base_gfn), |s| s.base_gfn == base_gfn);
        // If this was the largest slot, there is none until another is inserted. It only makes searches faster.
        self.largest.take_if(|s| s.base_gfn == base_gfn);
    }

    fn take_for_largest(&mut self, new: &Arc<MemSlot>) {
        if new.npages > self.largest.as_ref().map_or(0, |s| s.npages) {
            self.largest = Some(new.clone());
        }
    }
}

/// A change of the slots.
pub(crate) enum SlotChange {
    /// Insert a slot that overlaps no other than the one that begins at `old`, which it replaces.
    Insert { old: Option<Gfn>, new: NewSlot },
    /// Replace the slot that has the same guest frame numbers and addresses.
    Replace(Arc<MemSlot>),
    /// Remove the slot that begins here.
    Remove(Gfn),
}

impl Changed for MemSlots {
    type Change = SlotChange;

    fn apply(&mut self, change: SlotChange) {
        match change {
            SlotChange::Remove(gfn) => self.remove(gfn),
            SlotChange::Replace(new) => {
                self.largest.take_if(|s| s.base_gfn == new.base_gfn);
                self.take_for_largest(&new);
                let same = |s: &Arc<MemSlot>| s.base_gfn == new.base_gfn;
                if let Some(slot) = self.slots.get_mut(key(new.base_gfn), same) {
                    *slot = new;
                }
            }
            SlotChange::Insert {
                old,
                new: NewSlot(new),
            } => {
                if let Some(gfn) = old {
                    self.remove(gfn);
                }
                self.take_for_largest(new.value());
                self.slots.insert(new);
            }
        }
    }
}
