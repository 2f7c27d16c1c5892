// SPDX-License-Identifier: GPL-2.0

//! How a fault of the guest's gets a page of the owner's address space mapped.
//!
//! 1. [`map_present`] looks into the owner's page table and maps what is there, with [`Vm::mmu`](super::Vm) locked, so
//!    that it cannot change in between.
//! 2. If the page is not there, or not writable, [`fault_in`](crate::host::host_page::fault_in) has the kernel fault it
//!    in, and `map_present` is tried again.
//! 3. If that does not help, the page table alone may not say enough about the page, or the access is an error:
//!    [`Referenced::get`] gets a reference to it, or the error. [`Referenced::map`] maps it, unless the owner's mapping
//!    has changed meanwhile.
//!
//! In both, what is mapped for writing is noted in the dirty log before the lock is dropped.

use super::{
    backend::Backend,
    gfn::Gfn,
    memslot::MemSlot,
    mmu_lock::{FaultSeq, MmuGuard, Quiet},
    vm::Vm,
};
use crate::host::{host_page::HostPage, mm::UserPage};
use kernel::{page::PAGE_SIZE, prelude::*};

/// May the guest write to a page, given whether its own tables permit that (`guest`) and whether the owner's mapping
/// does (`owner`)? While dirty pages are logged, a page is mapped for writing by a store only, so that the first store
/// after a load is noticed.
#[inline]
pub(crate) fn writable(slot: &MemSlot, guest: bool, owner: bool, store: bool) -> bool {
    guest && owner && !slot.readonly() && (store || !slot.log_dirty())
}

/// Maps the page that the owner's page table has for `gfn`, a frame of `slot`. `look` takes from it what is needed, and
/// `map` maps it, and says whether the guest can write to it from now on. Returns false if it is not there, or does not
/// permit a store.
#[inline(always)]
pub(crate) fn map_present<B: Backend, T>(
    vm: &Vm<B>,
    slot: &MemSlot,
    gfn: Gfn,
    store: bool,
    look: impl FnOnce(&Quiet<'_>, HostPage) -> T,
    map: impl FnOnce(&mut MmuGuard<'_, B>, T) -> bool,
) -> bool {
    let look = |quiet: &Quiet<'_>, page| Some(look(quiet, page));
    map_present_locked(vm, &mut vm.mmu.lock(), slot, gfn, store, look, map)
}

/// [`map_present`] for who has the lock. Returns false, too, if `look` finds that the page is not what is needed.
#[inline(always)]
pub(crate) fn map_present_locked<B: Backend, T>(
    vm: &Vm<B>,
    mmu: &mut MmuGuard<'_, B>,
    slot: &MemSlot,
    gfn: Gfn,
    store: bool,
    look: impl FnOnce(&Quiet<'_>, HostPage) -> Option<T>,
    map: impl FnOnce(&mut MmuGuard<'_, B>, T) -> bool,
) -> bool {
    let found = mmu.quiet().and_then(|quiet| {
        let page = HostPage::find(&quiet, &vm.mm, slot.hva(gfn), store)?;
        look(&quiet, page)
    });
    let Some(found) = found else {
        return false;
    };
    if map(mmu, found) {
        slot.mark_dirty(gfn);
    }
    true
}

/// A referenced page of the owner's, and the state of invalidations from before the page was looked up.
pub(crate) struct Referenced {
    hva: usize,
    seq: FaultSeq,
    page: UserPage,
}

impl Referenced {
    /// Gets a reference to the page at `hva`. Fails as [`UserPage::get`] does, in most cases with `EFAULT`. May sleep.
    pub(crate) fn get<B: Backend>(vm: &Vm<B>, hva: usize, store: bool) -> Result<Self> {
        let seq = vm.mmu.fault_begin();
        let page = UserPage::get(hva, store)?;
        Ok(Self { hva, seq, page })
    }

    /// The address in the owner's address space.
    pub(crate) fn hva(&self) -> usize {
        self.hva
    }

    /// Maps the page for `gfn`, a frame of `slot`. `map` says whether the guest can write to it from now on, or `None`
    /// if it was not mapped. Nothing is done if the owner's mapping has changed since [`get`](Self::get): the guest
    /// faults again.
    pub(crate) fn map<B: Backend>(
        mut self,
        vm: &Vm<B>,
        slot: &MemSlot,
        gfn: Gfn,
        map: impl FnOnce(&mut MmuGuard<'_, B>, &UserPage) -> Option<bool>,
    ) {
        let mut mmu = vm.mmu.lock();
        if mmu.retry(&self.seq, &(self.hva..self.hva.saturating_add(PAGE_SIZE))) {
            return;
        }
        if let Some(writable) = map(&mut mmu, &self.page) {
            // This is done before the lock is dropped, because afterwards the page may be reclaimed and written back.
            self.page.set_mapped(writable);
            if writable {
                slot.mark_dirty(gfn);
            }
        }
        // The reference is dropped with the lock held.
        drop(self);
    }
}
