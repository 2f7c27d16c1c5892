// SPDX-License-Identifier: GPL-2.0

//! Memory of hashed page tables that the MMU searches for a partition.

use super::{lpid::Lpid, once, wait::cond_resched};
use crate::{
    bindings,
    emulate::hpt::table::{Reverse, Storage},
    isa::{
        hpte::ENTRY_BYTES,
        rpte::{Patb0, Patb1},
    },
};
use core::ptr::NonNull;
use kernel::{
    alloc::flags::__GFP_NOWARN,
    prelude::*,
    sync::{atomic::Atomic, Arc},
};

/// How many entries are cleared before another task may run.
const MANY: u64 = 1 << 16;

/// A table's memory: doublewords in big-endian order, that the hardware may read, and set R and C in, at any time.
///
/// # Invariants
///
/// `doublewords` points to 2^`order` bytes that this owns.
pub(crate) struct HptMemory {
    doublewords: NonNull<Atomic<u64>>,
    order: u32,
    cma: bool,
    lpid: Arc<Lpid>,
    reverse: KVVec<Reverse>,
    heads: KVVec<u32>,
}

// SAFETY: The memory is owned, and only accessed atomically.
unsafe impl Send for HptMemory {}
// SAFETY: As above.
unsafe impl Sync for HptMemory {}

impl HptMemory {
    /// Memory for an empty table of 2^`order` bytes, 18 to 35, for the partition. Returns `ENOMEM`, for larger ones
    /// too. May sleep.
    pub(crate) fn new(lpid: Arc<Lpid>, order: u32) -> Result<Self> {
        // Entries are counted by 31 bits.
        if !(18..=35).contains(&order) {
            return Err(ENOMEM);
        }
        let entries = 1usize << order >> ENTRY_BYTES.trailing_zeros();
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let reverse = KVVec::from_elem(Reverse::default(), entries, flags)?;
        let heads = KVVec::from_elem(0, entries / 2, flags)?;
        let mut cma = false;
        // SAFETY: It only makes memory; `cma` is valid for writes.
        let at = unsafe { bindings::kvm_ppc_hpt_alloc(order, &mut cma) };
        // INVARIANT: It was made with this size; zero is an atomic's value, too.
        Ok(Self {
            doublewords: NonNull::new(at.cast()).ok_or(ENOMEM)?,
            order,
            cma,
            lpid,
            reverse,
            heads,
        })
    }

    /// log2 of the table's size in bytes.
    pub(crate) fn order(&self) -> u32 {
        self.order
    }

    /// Makes the hardware search the table for the partition; `ps` is the base page size of the virtual real mode area,
    /// as L and LP. Returns `EIO` if that cannot be done.
    ///
    /// # Safety
    ///
    /// As long as the partition has this table, it must have no entries but such that the guest may use.
    pub(crate) unsafe fn attach(&self, ps: u64) -> Result {
        // SAFETY: The memory is in the linear map.
        let table = unsafe { bindings::kvm_ppc_pa(self.doublewords.as_ptr().cast()) } as u64;
        // SAFETY: The caller answers for the entries; when the table goes, the partition loses it first.
        unsafe {
            self.lpid
                .set_partition(Patb0::hash(table, self.order, ps), Patb1::EMPTY)
        }
    }

    /// The two doublewords of an entry.
    #[inline(always)]
    fn entry(&self, index: u64) -> Option<[&Atomic<u64>; 2]> {
        if index >= self.entries() {
            return None;
        }
        // SAFETY: In bounds, by the type's invariants.
        unsafe {
            let first = self.doublewords.add(index as usize * 2);
            Some([first.as_ref(), first.add(1).as_ref()])
        }
    }

    /// The address of an entry.
    fn address(&self, index: u64) -> Option<*mut u64> {
        let [first, _] = self.entry(index)?;
        Some((&raw const *first).cast_mut().cast())
    }
}

impl Storage for HptMemory {
    #[inline(always)]
    fn entries(&self) -> u64 {
        (1 << self.order) / ENTRY_BYTES
    }

    #[inline(always)]
    fn read(&self, index: u64) -> (u64, u64) {
        self.entry(index).map_or((0, 0), |[first, second]| {
            let load = |at| u64::from_be(once::read_u64(at));
            (load(first), load(second))
        })
    }

    fn make_valid(&mut self, index: u64, (first, second): (u64, u64)) {
        if let Some(at) = self.address(index) {
            // SAFETY: An entry of the table's, that this owns.
            unsafe { bindings::kvm_ppc_hpte_make_valid(at, first, second) };
        }
    }

    fn make_absent(&mut self, index: u64, (first, second): (u64, u64)) {
        // The hardware does not look at it, so neither store has to be seen first.
        if let Some([at, behind]) = self.entry(index) {
            once::write_u64(behind, second.to_be());
            once::write_u64(at, first.to_be());
        }
    }

    fn make_invalid(&mut self, index: u64, first: u64) {
        if let Some([at, _]) = self.entry(index) {
            once::write_u64(at, first.to_be());
        }
    }

    fn clear_reference(&mut self, index: u64) {
        if let Some(at) = self.address(index) {
            // SAFETY: An entry of the table's, that this owns.
            unsafe { bindings::kvm_ppc_hpte_clear_reference(at) };
        }
    }

    fn invalidate(&mut self, pages: &[u64]) {
        // SAFETY: Invalidating is always safe; the slice is valid for reads.
        unsafe { bindings::kvm_ppc_hpt_invalidate(pages.as_ptr(), pages.len(), self.lpid.lpidr()) };
    }

    fn reverse(&self) -> &[Reverse] {
        &self.reverse
    }

    fn reverse_mut(&mut self) -> &mut [Reverse] {
        &mut self.reverse
    }

    fn heads(&self) -> &[u32] {
        &self.heads
    }

    fn heads_mut(&mut self) -> &mut [u32] {
        &mut self.heads
    }

    fn clear(&mut self) {
        for index in 0..self.entries() {
            if let Some(entry) = self.entry(index) {
                entry.iter().for_each(|at| once::write_u64(at, 0));
            }
            if index % MANY == 0 {
                cond_resched();
            }
        }
        self.reverse.fill(Reverse::default());
        self.heads.fill(0);
        self.invalidate(&[crate::isa::hpt_tlbie::HashRb::PARTITION.raw()]);
    }
}

impl Drop for HptMemory {
    fn drop(&mut self) {
        // SAFETY: By the invariants. Whoever made the partition have the table has given it another one, or none.
        unsafe {
            bindings::kvm_ppc_hpt_free(self.doublewords.as_ptr().cast(), self.order, self.cma)
        };
    }
}
