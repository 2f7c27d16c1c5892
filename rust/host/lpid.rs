// SPDX-License-Identifier: GPL-2.0

//! Logical partition ids and what the hardware keeps by them.

use super::table::Table;
use crate::{
    bindings,
    isa::rpte::{Geometry, Patb0, Patb1},
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering::Relaxed, Atomic},
        Arc,
    },
};

const WORDS: usize = 64;

/// The ids in use, a bit each; 0 is the host's. Ids above these 4096 are never handed out.
static USED: [Atomic<u64>; WORDS] = {
    let mut used = [const { Atomic::new(0) }; WORDS];
    used[0] = Atomic::new(1);
    used
};

/// A partition of ours: its id, its entry in the partition table, and its cached translations.
pub(crate) struct Lpid {
    id: u32,
}

impl Lpid {
    /// Takes a free id. Returns `ENOMEM` if there is none, as kvm-hv does.
    pub(crate) fn alloc() -> Result<Self> {
        // SAFETY: Set at boot, constant since.
        let ids = 1u64 << unsafe { bindings::mmu_lpid_bits }.min(12);
        for (word, base) in USED.iter().zip((0u64..ids).step_by(64)) {
            let mut used = word.load(Relaxed);
            while used != u64::MAX {
                let bit = u64::from(used.trailing_ones());
                match word.cmpxchg(used, used | 1 << bit, Relaxed) {
                    Ok(_) if base + bit < ids => {
                        return Ok(Self {
                            id: (base + bit) as u32,
                        })
                    }
                    // The hardware has no such id, so it stays marked as taken.
                    Ok(_) => break,
                    Err(now) => used = now,
                }
            }
        }
        Err(ENOMEM)
    }

    /// The id.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Writes the partition table entry, and flushes every translation cached under the id.
    ///
    /// # Safety
    ///
    /// `patb0` must name a tree that stays valid, and maps nothing that the guest may not touch, until the
    /// entry is written again.
    unsafe fn set_partition(&self, patb0: Patb0, patb1: Patb1) {
        // SAFETY: The id is ours; the caller answers for the tree.
        unsafe {
            bindings::mmu_partition_table_set_entry(
                self.id,
                patb0.raw() as usize,
                patb1.raw() as usize,
                true,
            )
        };
    }

    /// Flushes the partition-scoped translations of the page of 2^`shift` bytes at guest real address
    /// `gpa`, on all CPUs, and waits until none is in use.
    #[inline]
    pub(crate) fn flush_page(&self, gpa: u64, shift: u32) {
        // SAFETY: Invalidating is always safe.
        unsafe {
            bindings::radix__flush_tlb_lpid_page(
                self.id,
                (gpa & !((1 << shift) - 1)) as usize,
                1 << shift,
            )
        };
    }

    /// Flushes cached directory entries, after a table was taken out of the tree.
    pub(crate) fn flush_directories(&self) {
        // SAFETY: Invalidating is always safe.
        unsafe { bindings::radix__flush_pwc_lpid(self.id) };
    }

    /// Flushes every partition-scoped translation.
    pub(crate) fn flush_all(&self) {
        // SAFETY: Invalidating is always safe.
        unsafe { bindings::radix__flush_all_lpid(self.id) };
    }

    /// Flushes process-scoped translations for `H_RPT_INVALIDATE`; the arguments are the hcall's.
    pub(crate) fn invalidate_process(
        &self,
        pid: u64,
        kind: u64,
        page_sizes: u64,
        start: u64,
        end: u64,
    ) {
        // The kernel goes through the range in steps of up to 1 GB and must not step over the end of the address
        // space: it would go on for ever. What ends there is the whole process's, which is (0, !0).
        const LAST_END: u64 = u64::MAX - (1 << 30);
        let (start, end) = if end > LAST_END {
            (0, u64::MAX)
        } else {
            (start, end)
        };
        // SAFETY: Invalidating is always safe.
        unsafe {
            bindings::do_h_rpt_invalidate_prt(
                pid as usize,
                self.id as usize,
                kind as usize,
                page_sizes as usize,
                start as usize,
                end as usize,
            )
        };
    }
}

/// A tree that the hardware walks for a partition.
pub(crate) struct Attachment {
    lpid: Arc<Lpid>,
    patb0: Patb0,
}

impl Attachment {
    /// Lets the hardware walk the tree of this geometry with `root`; `patb1` says where the guest's process
    /// table is.
    ///
    /// # Safety
    ///
    /// Until the attachment is dropped, `root` and the tables it leads to must stay, and map nothing that the
    /// guest may not touch.
    pub(crate) unsafe fn new(
        lpid: Arc<Lpid>,
        root: &Table,
        geometry: Geometry,
        patb1: Patb1,
    ) -> Self {
        let patb0 = Patb0::radix(root.real_address(), geometry);
        // SAFETY: The caller answers for the tree.
        unsafe { lpid.set_partition(patb0, patb1) };
        Self { lpid, patb0 }
    }

    /// The guest's process table is elsewhere.
    pub(crate) fn set_process_table(&self, patb1: Patb1) {
        // SAFETY: The tree is the same as before. Where the process table is says the guest, and
        // addresses in there are the guest's.
        unsafe { self.lpid.set_partition(self.patb0, patb1) };
    }

    /// The partition.
    pub(crate) fn lpid(&self) -> &Lpid {
        &self.lpid
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // SAFETY: An empty entry maps nothing.
        unsafe { self.lpid.set_partition(Patb0::EMPTY, Patb1::EMPTY) };
    }
}

impl Drop for Lpid {
    fn drop(&mut self) {
        if let Some(word) = USED.get(self.id as usize / 64) {
            let bit = 1u64 << (self.id % 64);
            let mut used = word.load(Relaxed);
            while let Err(now) = word.cmpxchg(used, used & !bit, Relaxed) {
                used = now;
            }
        }
    }
}
