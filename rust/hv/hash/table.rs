// SPDX-License-Identifier: GPL-2.0

//! A guest's hashed page table, and the rights that changing it takes.

use crate::{
    emulate::hpt::{
        stale::Stale,
        table::{Entry, Mapping, Table},
    },
    host::{hpt::HptMemory, lpid::Lpid},
    isa::{
        hpte::{hash, Hpte, HpteR, HpteV, PageSizes, GROUP_ENTRIES},
        slb::{base_page_bits, SegmentSize, SlbEsid, SlbVsid, Slbe, VirtualAddress},
    },
};
use kernel::{page::PAGE_SHIFT, prelude::*, sync::Arc};

/// The virtual real mode area's VSID, in a segment of 1 TB (ISA Book III, "Virtual Real Mode Addressing Mechanism").
const VRMA_VSID: u64 = 0x1ff_ffff;

/// A table, under the VM's lock.
pub(crate) struct Hpt {
    table: Table<HptMemory>,
}

impl Hpt {
    /// An empty table of 2^`order` bytes for the partition. Returns `ENOMEM`. May sleep.
    pub(crate) fn new(lpid: Arc<Lpid>, order: u32) -> Result<KBox<Self>> {
        let table = Table::new(HptMemory::new(lpid, order)?, PAGE_SHIFT as u32);
        Ok(KBox::new(Self { table }, GFP_KERNEL_ACCOUNT)?)
    }

    /// log2 of its size in bytes.
    pub(crate) fn order(&self) -> u32 {
        self.table.storage().order()
    }

    /// Makes it empty. The guest must not be running. May sleep.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }

    /// Makes the hardware search it for the partition. Returns `EIO` if that cannot be done.
    pub(crate) fn attach(&self) -> Result {
        // SAFETY: All its entries were made present by `present`, whose callers answer for the pages.
        unsafe { self.table.storage().attach(vrma_pages().llp()) }
    }

    /// Number of entries.
    pub(crate) fn entries(&self) -> u64 {
        self.table.entries()
    }

    /// Whether the guest's entry has changed since [`saved`](Self::saved).
    pub(crate) fn changed(&self, index: u64) -> bool {
        self.table.changed(index)
    }

    /// Notes that the guest's entry has been saved as it is now.
    pub(crate) fn saved(&mut self, index: u64) {
        self.table.saved(index);
    }

    /// The entry at `index`; `None` if there is no such place.
    #[inline]
    pub(crate) fn get(&self, index: u64) -> Option<Entry> {
        self.table.get(index)
    }

    /// Finds the entry that translates an effective address in a segment, and its index.
    #[inline]
    pub(crate) fn find(&self, slbe: Slbe, ea: u64) -> Option<(u64, Entry)> {
        self.table.find(slbe, ea)
    }

    /// What has to be the same for an entry to translate in the same way, as [`Table::translates`].
    #[inline(always)]
    pub(super) fn translates(&self, index: u64) -> [u64; 3] {
        self.table.translates(index)
    }

    /// The real address of what a present entry has at `address`, if that is ordinary memory. It is the guest's as long
    /// as the lock is held.
    pub(crate) fn memory(&self, index: u64, address: u64) -> Option<u64> {
        self.table.memory(index, address)
    }

    /// Copies an entry into a table of another size, as [`Table::copy`].
    pub(super) fn copy(&self, index: u64, to: &mut Self) -> bool {
        self.table.copy(index, &mut to.table)
    }

    /// Puts the guest's entry into an unused place, absent.
    pub(crate) fn insert(&mut self, index: u64, hpte: Hpte) {
        self.table.insert(index, hpte);
    }

    /// Makes an absent entry present.
    ///
    /// # Safety
    ///
    /// The guest may access all of the entry's page, as `mapping` permits, until the entry is made absent: userspace's
    /// own mapping leads there and permits that, and whoever ends that mapping makes the entry absent first. So either
    /// the page was looked up while invalidations were excluded, or it was tested that none has begun since the look-up;
    /// and the table's lock, from which `&mut self` comes, has been held since.
    pub(crate) unsafe fn present(&mut self, index: u64, mapping: Mapping) {
        self.table.present(index, mapping);
    }

    /// Makes an entry absent, and returns R and C as the hardware has set them. `None` if it was not present.
    pub(crate) fn absent(&mut self, index: u64) -> Option<HpteR> {
        self.table.absent(index)
    }

    /// Removes an absent entry.
    pub(crate) fn remove(&mut self, index: u64) {
        self.table.remove(index);
    }

    /// Changes the guest's second doubleword, as [`Table::rewrite`]. The page, and what userspace permits, stay.
    pub(crate) fn rewrite(
        &mut self,
        index: u64,
        read_only: bool,
        f: impl FnOnce(HpteR) -> HpteR,
    ) -> Option<HpteR> {
        self.table.rewrite(index, read_only, f)
    }

    /// The present entries that map the guest's page. Each of them is left as it is, or rewritten in place, before
    /// the next is asked for.
    pub(crate) fn first_of(&self, page: u64) -> Option<u64> {
        self.table.first_of(page)
    }

    /// The next one behind the entry `index`.
    pub(crate) fn next_of(&self, index: u64, page: u64) -> Option<u64> {
        self.table.next_of(index, page)
    }

    /// First step of making entries absent, see [`Table`].
    pub(crate) fn retire(&mut self, index: u64, stale: &mut Stale) -> bool {
        self.table.retire(index, stale)
    }

    /// No processor uses anything of the table that it has found before.
    pub(super) fn flush_all(&mut self) {
        self.table.flush_all();
    }

    /// Second step.
    pub(crate) fn flush(&mut self, stale: &Stale) {
        self.table.flush(stale);
    }

    /// Third step.
    pub(crate) fn settle(&mut self, index: u64) -> HpteR {
        self.table.settle(index)
    }

    /// Clears R of a present entry without telling the processors. Whether it was set.
    pub(crate) fn clear_reference(&mut self, index: u64) -> bool {
        self.table.clear_reference(index)
    }

    /// R and C as the hardware has them.
    pub(crate) fn hardware_bits(&self, index: u64) -> HpteR {
        self.table.hardware_bits(index)
    }

    /// How many pages the virtual real mode area has of `size` bytes: one in each group at most.
    pub(crate) fn vrma_pages(&self, size: u64) -> u64 {
        (size >> vrma_pages_shift()).min(self.table.group_mask().wrapping_add(1))
    }

    /// The entry of the virtual real mode area for its page number `page`, and its place, if that is unused.
    pub(crate) fn vrma(&self, page: u64) -> Option<(u64, Hpte)> {
        let base = vrma_pages_shift();
        let va = VirtualAddress {
            vsid: VRMA_VSID,
            offset: page << base,
            segment: SegmentSize::Tb1,
        };
        let sizes = PageSizes { base, actual: base };
        let bits = HpteR::R | HpteR::C | HpteR::M.with_pp_low(2);
        let mut hpte = Hpte::new(va, page << base, sizes, bits)?;
        // They stay if the table gets another size.
        hpte.v = hpte.v.with(HpteV::BOLTED);
        // The guest's own entries, which it makes later, go to the other places first.
        let index = (hash(va, base) & self.table.group_mask()) * GROUP_ENTRIES + GROUP_ENTRIES - 1;
        let unused = !self.table.get(index)?.hpte.v.is_used();
        unused.then_some((index, hpte))
    }
}

/// Shift of the base page size of the virtual real mode area.
pub(super) const fn vrma_pages_shift() -> u32 {
    PAGE_SHIFT as u32
}

/// The same as L and LP.
fn vrma_pages() -> SlbVsid {
    base_page_bits(vrma_pages_shift()).unwrap_or(SlbVsid::EMPTY)
}

/// The segment of the virtual real mode area, in which `ea` is.
pub(crate) fn vrma_segment(ea: u64) -> Slbe {
    Slbe {
        esid: SlbEsid::from_raw(ea & !0xff_ffff_ffff).with(SlbEsid::V),
        vsid: vrma_pages()
            .with_b(SegmentSize::Tb1 as u64)
            .with_vsid_field(VRMA_VSID << 12),
    }
}
