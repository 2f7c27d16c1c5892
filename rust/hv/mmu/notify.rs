// SPDX-License-Identifier: GPL-2.0

//! What the VM core asks of the tree when userspace's mappings or the slots change.

use super::{count_large, tree::GEOMETRY, HvMmu};
use crate::{
    hv::Hv,
    isa::rpte::Rpte,
    vm::{gfn::Gfn, memslot::MemSlot, Vm},
};
use core::ops::Range;
use kernel::page::PAGE_SHIFT;

fn addresses(gfns: &Range<Gfn>) -> Range<u64> {
    gfns.start << PAGE_SHIFT..gfns.end << PAGE_SHIFT
}

/// Marks the pages of a leaf that has C set as dirty in the log.
fn note_dirty(slot: &MemSlot, gpa: u64, shift: u32, leaf: Rpte) {
    if leaf.contains(Rpte::C) && slot.log_dirty() {
        let first = gpa >> PAGE_SHIFT;
        let end = first + (1 << (shift - PAGE_SHIFT as u32));
        slot.mark_dirty_range(first..end);
    }
}

/// Accounts for a leaf that was taken out of the tree.
pub(crate) fn removed(vm: &Vm<Hv>, slot: &MemSlot, gpa: u64, shift: u32, leaf: Rpte) {
    note_dirty(slot, gpa, shift, leaf);
    count_large(vm, GEOMETRY.level_of_page(shift), -1);
}

/// `Backend::unmap_range`.
pub(crate) fn unmap(vm: &Vm<Hv>, mmu: &mut HvMmu, slot: &MemSlot, gfns: Range<Gfn>) -> bool {
    let flushes = mmu.tree.unmap(addresses(&gfns), |gpa, shift, old| {
        removed(vm, slot, gpa, shift, old)
    });
    vm.arch_stats.tlb_flushes.add(flushes);
    flushes != 0
}

/// `Backend::age_range`. R is cleared without a flush, so a processor that has the translation cached may use the page
/// without setting R again. The page then looks unused for a while, which the host tolerates.
pub(crate) fn age(mmu: &mut HvMmu, gfns: Range<Gfn>, clear: bool) -> bool {
    let mut young = false;
    if clear {
        mmu.tree
            .clear(addresses(&gfns), Rpte::R, Rpte::R, false, |_, _, _| {
                young = true
            });
    } else {
        mmu.tree.for_each(addresses(&gfns), &mut |_, _, leaf| {
            young |= leaf.pte.contains(Rpte::R)
        });
    }
    young
}

/// `Backend::sync_dirty`. Together with C, the permission to write is taken away, so that the next store faults. Until
/// [`flush_dirty`] a processor may still store by a cached translation, without setting C.
pub(crate) fn sync_dirty(mmu: &mut HvMmu, slot: &MemSlot, gfns: Range<Gfn>) {
    mmu.tree.clear(
        addresses(&gfns),
        Rpte::C,
        Rpte::C | Rpte::WRITE,
        true,
        |gpa, shift, old| note_dirty(slot, gpa, shift, old),
    );
}

/// `Backend::flush_dirty`.
pub(crate) fn flush_dirty(vm: &Vm<Hv>, mmu: &mut HvMmu) {
    vm.arch_stats.tlb_flushes.add(mmu.tree.flush());
}
