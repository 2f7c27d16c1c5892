// SPDX-License-Identifier: GPL-2.0

//! What the page tables of the process that owns a VM say, without a reference to the page.

use super::mm::InvalidationsExcluded;
use crate::bindings;
use kernel::mm::Mm;

/// What the process's own tables say of a page.
#[derive(Clone, Copy)]
pub(crate) struct HostPage {
    /// Its physical address.
    pub(crate) phys: u64,
    /// May it be mapped for writing, with nobody else to be told?
    pub(crate) writable: bool,
    /// log2 of the size of the mapping it is in.
    #[cfg_attr(not(CONFIG_KVM_BOOK3S_HV_POSSIBLE), allow(dead_code))]
    pub(crate) shift: u32,
    /// `phys` as it was found.
    found: u64,
}

impl HostPage {
    /// Looks up `hva`; `None` if there is no ordinary memory that permits the access, or if the process's tables do
    /// not say yet that it was made: then [`UserPage::get`] does all that.
    ///
    /// What is found stays true until an invalidation begins, so whoever maps it while that is excluded will hear
    /// of its end.
    #[inline]
    pub(crate) fn find(
        _lock: &impl InvalidationsExcluded,
        mm: &Mm,
        hva: usize,
        write: bool,
    ) -> Option<Self> {
        let (mut phys, mut writable, mut shift) = (0, false, 0);
        // SAFETY: Tables that munmap took out, whose invalidation may be over, are freed when no CPU can be looking at
        // them any more: by RCU, or with an interrupt that all have to take. The function has interrupts off, which both
        // wait for. Where tables are reused, by collapsing huge pages, an invalidation is under way, which the lock
        // excludes. The outputs are valid for writes.
        unsafe {
            bindings::kvm_ppc_host_pte(
                mm.as_raw().cast(),
                hva,
                write,
                &mut phys,
                &mut writable,
                &mut shift,
            )
        }
        .then_some(Self {
            phys,
            writable,
            shift,
            found: phys,
        })
    }

    /// The physical address, which nobody else can have made up.
    #[cfg_attr(
        not(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU)),
        allow(dead_code)
    )]
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// Are the `pages` pages from `hva` on such memory too, at real addresses from `phys` on, and all writable if
    /// `writable`?
    #[cfg(CONFIG_44x)]
    pub(crate) fn contiguous(
        _lock: &impl InvalidationsExcluded,
        mm: &Mm,
        hva: usize,
        pages: usize,
        phys: u64,
        writable: bool,
    ) -> bool {
        // SAFETY: As for `find`.
        unsafe { bindings::kvm_ppc_host_contiguous(mm.as_raw().cast(), hva, pages, phys, writable) }
    }
}

/// What the process's own tables say of pages beside one another.
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
pub(crate) struct Neighbours {
    /// Bit n: page n is there; it may be mapped for writing.
    there: u32,
    writable: u32,
    phys: [u64; Self::COUNT],
}

#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
impl Neighbours {
    /// So many pages: a power of two, and no more than a table of the lowest level has.
    pub(crate) const COUNT: usize = 16;

    /// Looks up those of the pages from `hva` on, a multiple of all their size, that `wanted` has a bit for. They are
    /// found as by [`HostPage::find`] for a load, but only in mappings of the host's page size.
    pub(crate) fn find(
        _lock: &impl InvalidationsExcluded,
        mm: &Mm,
        hva: usize,
        wanted: u32,
    ) -> Self {
        let mut found = Self {
            there: 0,
            writable: 0,
            phys: [0; Self::COUNT],
        };
        let wanted = wanted & ((1 << Self::COUNT) - 1);
        // SAFETY: As for `find`. The outputs are valid for writes, `phys` of as many as there are bits in `wanted`.
        found.there = unsafe {
            bindings::kvm_ppc_host_ptes(
                mm.as_raw().cast(),
                hva,
                wanted,
                found.phys.as_mut_ptr(),
                &mut found.writable,
            )
        };
        found
    }

    /// The number, physical address and writability of each that is there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u64, bool)> + '_ {
        self.phys
            .iter()
            .enumerate()
            .filter(|(n, _)| self.there & (1 << n) != 0)
            .map(|(n, phys)| (n, *phys, self.writable & (1 << n) != 0))
    }
}

/// Has the tables of the current process filled in at `hva`, as an access of its own would, and says whether that
/// was done. Sleeps.
pub(crate) fn fault_in(hva: usize, write: bool) -> bool {
    // SAFETY: Task context of the process, no lock held.
    unsafe { bindings::kvm_ppc_fault_in(hva, write) == 0 }
}
