// SPDX-License-Identifier: GPL-2.0

//! Making an entry present: which page of the host's it maps, and how.

use super::{notify::note_dirty, table::Hpt, walk::still};
use crate::{
    emulate::hpt::table::{Entry, Mapping},
    host::{
        host_page::{fault_in, HostPage},
        mm::UserPage,
    },
    hv::Hv,
    isa::{hcall::HReturn, hpte::HpteR},
    vm::{
        fault::{map_present_locked, writable, Referenced},
        gfn::Gfn,
        memslot::MemSlot,
        mmu_lock::MmuGuard,
        Vm,
    },
};
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
};

/// Where an entry is, and what is to be mapped by it.
pub(super) struct Wanted<'a> {
    slot: &'a MemSlot,
    index: u64,
    entry: Entry,
    /// The first guest real address of the entry's page.
    gpa: u64,
    /// log2 of the page's size.
    shift: u32,
    /// Whether it is for a store.
    store: bool,
}

impl<'a> Wanted<'a> {
    /// For the entry at `index`, which maps a page in `slot`. `None` if not all of the page is in the slot.
    pub(super) fn new(slot: &'a MemSlot, index: u64, entry: Entry, store: bool) -> Option<Self> {
        let (gpa, shift) = page(&entry)?;
        fits(slot, gpa, shift).then_some(Self {
            slot,
            index,
            entry,
            gpa,
            shift,
            store,
        })
    }

    fn gfn(&self) -> Gfn {
        self.gpa >> PAGE_SHIFT
    }

    fn hva(&self) -> usize {
        self.slot.hva(self.gfn())
    }

    /// R, and C for a store: with those the hardware need not set them at once.
    fn access(&self) -> HpteR {
        HpteR::R.set(HpteR::C, self.store)
    }

    /// How the entry maps memory that is at `phys` in the host, in a mapping of 2^`host_shift` bytes. `None` if the
    /// entry's page is larger than that.
    fn mapping(&self, phys: u64, host_shift: u32, owner: bool, inhibited: bool) -> Option<Mapping> {
        real_page(self.gpa, self.shift, phys, host_shift, self.hva()).map(|real| Mapping {
            real,
            writable: writable(self.slot, true, owner, self.store),
            inhibited,
            access: self.access(),
        })
    }

    /// Makes the entry present, if it is still there. Returns whether the guest can write to the page from now on.
    ///
    /// # Safety
    ///
    /// As [`Hpt::present`].
    unsafe fn install(&self, hpt: &mut Hpt, mapping: Mapping) -> bool {
        let Some(now) = still(hpt, self.index, &self.entry) else {
            return false;
        };
        if now.present {
            if let Some(bits) = hpt.absent(self.index) {
                note_dirty(self.slot, now.hpte, bits);
            }
        }
        // SAFETY: The caller's promise.
        unsafe { hpt.present(self.index, mapping) };
        mapping.writable
    }

    /// Gets the page and makes the entry present, unless that has changed meanwhile: then the guest faults again. Returns
    /// `EFAULT` (or what looking the page up gave) if userspace has nothing usable there, if the entry's page is larger
    /// than userspace's, or if it would cache a device's.
    pub(super) fn map(&self, vm: &Vm<Hv>) -> Result {
        let present = || self.map_present(vm, &mut vm.mmu.lock());
        if present() || fault_in(self.hva(), self.store) && present() {
            return Ok(());
        }
        let page = Referenced::get(vm, self.hva(), self.store)?;
        let mut done = Ok(());
        page.map(vm, self.slot, self.gfn(), |mmu, page| {
            let hpt = mmu.hash.as_deref_mut()?;
            let Some(mapping) = self.referenced(page) else {
                done = Err(EFAULT);
                return None;
            };
            // SAFETY: `Referenced::map` has tested that no invalidation has begun since the look-up, and the lock has
            // been held since.
            Some(unsafe { self.install(hpt, mapping) })
        });
        done
    }

    /// How a page is mapped that userspace's page tables alone do not say enough about. `None` if the entry does not fit
    /// it.
    fn referenced(&self, page: &UserPage) -> Option<Mapping> {
        let inhibited = page.cache_inhibited();
        if inhibited && !self.entry.hpte.r.contains(HpteR::I) {
            return None;
        }
        self.mapping(
            page.phys(),
            page.mapping_shift(),
            page.writable(),
            inhibited,
        )
    }

    /// Maps what is present in userspace's page tables, with the lock held. Returns false if that is not enough.
    pub(super) fn map_present(&self, vm: &Vm<Hv>, mmu: &mut MmuGuard<'_, Hv>) -> bool {
        map_present_locked(
            vm,
            mmu,
            self.slot,
            self.gfn(),
            self.store,
            |_, page| self.mapping(page.phys, page.shift, page.writable, false),
            |mmu, mapping| {
                mmu.hash.as_deref_mut().is_some_and(|hpt| {
                    // SAFETY: The page was found while the lock excluded invalidations, and the lock is held still.
                    unsafe { self.install(hpt, mapping) }
                })
            },
        )
    }
}

/// The first guest real address and the log2 of the size of an entry's page.
pub(super) fn page(entry: &Entry) -> Option<(u64, u32)> {
    Some((entry.hpte.real(0)?, entry.hpte.sizes()?.actual))
}

/// Whether a page of 2^`shift` bytes is in the slot as a whole.
pub(super) fn fits(slot: &MemSlot, gpa: u64, shift: u32) -> bool {
    let gfns = slot.gfns();
    let end = gpa.saturating_add(1 << shift.min(62));
    gfns.start << PAGE_SHIFT <= gpa && end <= gfns.end << PAGE_SHIFT
}

/// The real address of the page of 2^`shift` bytes at guest real address `gpa`, of which the host has `phys` at `hva`,
/// in a mapping of 2^`host_shift` bytes. `None` if that is too small, or aligned differently.
fn real_page(gpa: u64, shift: u32, phys: u64, host_shift: u32, hva: usize) -> Option<u64> {
    let host_page = PAGE_SIZE as u64 - 1;
    if shift <= PAGE_SHIFT as u32 {
        return Some(phys & !host_page | gpa & host_page);
    }
    let within = (1u64 << shift.min(62)) - 1;
    (host_shift >= shift && hva as u64 & within == 0).then_some(phys & !within)
}

/// Puts an entry that the guest makes, for the page of 2^`shift` bytes at `gpa`, which is in `slot` if it is memory, into
/// the table: present, if userspace's page tables have the page. `place` inserts it and gives its index. Returns
/// `H_PARAMETER` if userspace's page is smaller than the entry's, and what `place` returns.
pub(super) fn insert(
    vm: &Vm<Hv>,
    mmu: &mut MmuGuard<'_, Hv>,
    slot: Option<&MemSlot>,
    gpa: u64,
    shift: u32,
    place: impl FnOnce(&mut Hpt) -> Result<u64, HReturn>,
) -> Result<u64, HReturn> {
    let found = slot.zip(mmu.quiet()).and_then(|(slot, quiet)| {
        let hva = slot.hva(gpa >> PAGE_SHIFT);
        Some((slot, hva, HostPage::find(&quiet, &vm.mm, hva, false)?))
    });
    let mapping = match found {
        Some((slot, hva, page)) => {
            let real = real_page(gpa, shift, page.phys, page.shift, hva);
            Some(Mapping {
                real: real.ok_or(HReturn::H_PARAMETER)?,
                writable: writable(slot, true, page.writable, false),
                inhibited: false,
                access: HpteR::EMPTY,
            })
        }
        None => None,
    };
    let hpt = mmu.hash.as_deref_mut().ok_or(HReturn::H_FUNCTION)?;
    let index = place(hpt)?;
    if let Some(mapping) = mapping {
        // SAFETY: The page was found while the lock excluded invalidations, and the lock is held still.
        unsafe { hpt.present(index, mapping) };
    }
    Ok(index)
}
