// SPDX-License-Identifier: GPL-2.0

//! Handles the kernel's notifications about the owner's mappings.

use super::{backend::Backend, memory, memslot::MemSlot, mmu_lock::MmuGuard, vm::Vm};
use crate::host::{notifier::NotifierOps, trace};
use core::ops::Range;

impl<B: Backend> Vm<B> {
    // Calls `f` for all parts of slots at `hvas`, with the lock held for each.
    fn for_slots_at(
        &self,
        hvas: &Range<usize>,
        mut f: impl FnMut(&mut MmuGuard<'_, B>, &MemSlot, &mut Range<u64>),
    ) {
        let slots = self.slots.read();
        for slot in slots.at_hvas(hvas) {
            let Some(gfns) = slot.gfns_of(hvas) else {
                continue;
            };
            self.mmu.in_chunks(gfns, |mmu, part| f(mmu, slot, part));
        }
    }
}

impl<B: Backend> NotifierOps for Vm<B> {
    fn invalidate_start(&self, hvas: Range<usize>, _may_block: bool) {
        trace::unmap_hva_range(hvas.start, hvas.end);
        // Nothing here sleeps, so it makes no difference whether it may.
        self.invalidations.begin();
        let (mut asked, mut any) = (false, false);
        self.for_slots_at(&hvas, |mmu, slot, gfns| {
            if !asked {
                mmu.invalidate_begin(&hvas);
            }
            asked = true;
            any |= B::unmap_range(self, mmu, slot, gfns);
        });
        self.stats.count_flush(asked, any);
    }

    fn invalidate_end(&self, hvas: Range<usize>) {
        self.invalidations.end(|active| {
            // The announced invalidations are those changes under way that concern a slot. If the two numbers are
            // equal, this change is announced. If only some are announced, search the slots: they have not changed
            // since this change began.
            let announced = self.mmu.in_progress();
            let ours = || self.slots.read().at_hvas(&hvas).next().is_some();
            if announced != 0 && (announced == active || ours()) {
                self.mmu.lock().invalidate_end();
            }
        });
    }

    fn clear_young(&self, hvas: Range<usize>) -> bool {
        trace::age_hva(hvas.start, hvas.end);
        let mut young = false;
        self.for_slots_at(&hvas, |mmu, slot, gfns| {
            young |= B::age_range(self, mmu, slot, gfns, true);
        });
        young
    }

    fn test_young(&self, hva: usize) -> bool {
        trace::test_age_hva(hva);
        let mut young = false;
        self.for_slots_at(&(hva..hva + 1), |mmu, slot, gfns| {
            young |= B::age_range(self, mmu, slot, gfns, false);
        });
        young
    }

    fn release(&self) {
        for slot in self.slots.read().iter() {
            memory::unmap(self, slot);
        }
    }
}
