// SPDX-License-Identifier: GPL-2.0

//! What the VM core asks of the table when userspace's mappings or the slots change.

use super::table::Hpt;
use crate::{
    emulate::hpt::{stale::Stale, table::Entry},
    hv::Hv,
    isa::hpte::{Hpte, HpteR},
    vm::{
        gfn::Gfn,
        memslot::{MemSlot, MemSlots},
        Vm,
    },
};
use core::ops::Range;
use kernel::page::PAGE_SHIFT;

/// Notes in the slot's dirty log that the pages of an entry were written, if `bits` have C.
pub(super) fn note_dirty(slot: &MemSlot, hpte: Hpte, bits: HpteR) {
    if !bits.contains(HpteR::C) || !slot.log_dirty() {
        return;
    }
    if let (Some(gpa), Some(sizes)) = (hpte.real(0), hpte.sizes()) {
        let first = gpa >> PAGE_SHIFT;
        let pages = 1u64 << sizes.actual.saturating_sub(PAGE_SHIFT as u32);
        let slot_gfns = slot.gfns();
        let end = first.saturating_add(pages).min(slot_gfns.end);
        slot.mark_dirty_range(first.max(slot_gfns.start)..end);
    }
}

/// The same, for whichever slot has the pages; `bits` are `None` of an entry that was not present.
pub(super) fn note_written(slots: &MemSlots, entry: &Entry, bits: Option<HpteR>) {
    let (Some(bits), Some(gpa)) = (bits, entry.hpte.real(0)) else {
        return;
    };
    if let Some(slot) = slots.find(gpa >> PAGE_SHIFT) {
        note_dirty(slot, entry.hpte, bits);
    }
}

/// How many entries are made absent at once: the lock is dropped after that.
const MANY: usize = 1024;

/// `Backend::unmap_range`: makes the entries that map `gfns` absent, and removes from `gfns` what was done.
pub(crate) fn unmap(vm: &Vm<Hv>, hpt: &mut Hpt, slot: &MemSlot, gfns: &mut Range<Gfn>) -> bool {
    let mut stale = Stale::default();
    let mut count = 0;
    let mut end = gfns.start;
    for gfn in gfns.clone() {
        if count >= MANY {
            break;
        }
        let mut next = hpt.first_of(gfn);
        while let Some(index) = next {
            hpt.retire(index, &mut stale);
            count += 1;
            next = hpt.next_of(index, gfn);
        }
        end = gfn + 1;
    }
    let done = gfns.start..end;
    gfns.start = end;
    if stale.is_empty() {
        return false;
    }
    hpt.flush(&stale);
    vm.arch_stats.tlb_flushes.add(1);
    for gfn in done {
        while let Some(index) = hpt.first_of(gfn) {
            let bits = hpt.settle(index);
            if let Some(entry) = hpt.get(index) {
                note_dirty(slot, entry.hpte, bits);
            }
        }
    }
    true
}

/// `Backend::age_range`. R is cleared without a flush, as for radix.
pub(crate) fn age(hpt: &mut Hpt, gfns: Range<Gfn>, clear: bool) -> bool {
    let mut young = false;
    for gfn in gfns {
        let mut next = hpt.first_of(gfn);
        while let Some(index) = next {
            young |= if clear {
                hpt.clear_reference(index)
            } else {
                hpt.hardware_bits(index).contains(HpteR::R)
            };
            next = hpt.next_of(index, gfn);
        }
    }
    young
}

/// `Backend::sync_dirty`. An entry that has C loses it, and the permission to write with it, so that the next store
/// faults.
pub(crate) fn sync_dirty(hpt: &mut Hpt, slot: &MemSlot, gfns: Range<Gfn>) {
    for gfn in gfns {
        // A rewritten entry goes to the front of its chain, so the next one is asked for before.
        let mut next = hpt.first_of(gfn);
        while let Some(index) = next {
            next = hpt.next_of(index, gfn);
            if !hpt.hardware_bits(index).contains(HpteR::C) {
                continue;
            }
            let bits = hpt.rewrite(index, true, |r| r);
            if let (Some(bits), Some(entry)) = (bits, hpt.get(index)) {
                note_dirty(slot, entry.hpte, bits);
            }
        }
    }
}
