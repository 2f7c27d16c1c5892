// SPDX-License-Identifier: GPL-2.0

//! Look-ups in the page tables of the process that owns a VM, without taking a reference to the page.

use super::mm::InvalidationsExcluded;
use crate::bindings;
use kernel::mm::Mm;

/// A page as the process's own page tables have it.
#[derive(Clone, Copy)]
pub(crate) struct HostPage {
    /// Its physical address.
    pub(crate) phys: u64,
    /// Whether it may be mapped for writing without telling the memory management, because it is dirty already.
    pub(crate) writable: bool,
    /// log2 of the size of the mapping that it is in.
    #[cfg_attr(not(CONFIG_KVM_BOOK3S_HV_POSSIBLE), allow(dead_code))]
    pub(crate) shift: u32,
    /// The physical address as it was found.
    found: u64,
}

impl HostPage {
    /// Looks up `hva`. `None` if there is no ordinary memory that permits the access, or if the table entry's accessed
    /// and dirty bits do not include the access yet; then [`UserPage::get`] has to be used.
    ///
    /// The result is valid until an invalidation begins. Whoever maps the page while invalidations are excluded will be
    /// told of the next one.
    #[inline]
    pub(crate) fn find(
        _lock: &impl InvalidationsExcluded,
        mm: &Mm,
        hva: usize,
        write: bool,
    ) -> Option<Self> {
        let (mut phys, mut writable, mut shift) = (0, false, 0);
        // SAFETY: Tables that munmap has taken out, after whose invalidation the lock may be free, are freed only when
        // no CPU can be looking at them any more: after an RCU grace period, or after an interrupt that every CPU has
        // to take. The function disables interrupts, and both wait for that. Tables are reused (when huge pages are
        // collapsed) only during an invalidation, which the lock excludes. The outputs are valid for writes.
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

    /// The physical address that the tables had. Unlike `phys`, no other code can change it.
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

/// Adjacent pages as the process's own page tables have them.
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
pub(crate) struct Neighbours {
    /// Bit n: page n is present (`there`), and may be mapped for writing (`writable`).
    there: u32,
    writable: u32,
    phys: [u64; Self::COUNT],
}

#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
impl Neighbours {
    /// How many pages are looked up at once: a power of two, and no more than a table of the lowest level has.
    pub(crate) const COUNT: usize = 16;

    /// Looks up those of the pages from `hva` on that `wanted` has a bit for. `hva` is a multiple of the size of all
    /// [`COUNT`](Self::COUNT) pages. A page is found if [`HostPage::find`] would find it for a load, and if it is
    /// mapped by the host's page size.
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

    /// The number, physical address and writability of each page that is present.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u64, bool)> + '_ {
        self.phys
            .iter()
            .enumerate()
            .filter(|(n, _)| self.there & (1 << n) != 0)
            .map(|(n, phys)| (n, *phys, self.writable & (1 << n) != 0))
    }
}

/// Makes the kernel fill in the page tables of the current process at `hva`, as an access by the process would. Returns
/// whether that was done. Sleeps.
pub(crate) fn fault_in(hva: usize, write: bool) -> bool {
    // SAFETY: Task context of the process, no lock held.
    unsafe { bindings::kvm_ppc_fault_in(hva, write) == 0 }
}
