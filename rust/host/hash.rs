// SPDX-License-Identifier: GPL-2.0

//! The host's hashed page table, and segments of it for guests.

use super::{
    code_page::CodePage,
    host_page::HostPage,
    mm::{InvalidationsExcluded, UserPage},
    page::SharedPage,
};
use crate::bindings;
use kernel::{page::PAGE_SIZE, prelude::*};

/// Segments of 256 MB that are used of a context; it has more.
const SEGMENTS: u32 = 1 << 18;

/// A context of the host's, as a process has one: VSIDs that nobody else uses.
pub(crate) struct HashContext {
    id: i32,
    next: u32,
}

/// A segment of the host's virtual address space.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostVsid(u64);

impl HostVsid {
    /// The number.
    pub(crate) fn raw(self) -> u64 {
        self.0
    }
}

impl HashContext {
    /// Takes one. `ENOSPC` or the like if there is none left. Sleeps.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: The host's MMU is hashed, which the backend has made sure of.
        let id = unsafe { bindings::hash__alloc_context_id() };
        if id < 0 {
            return Err(Error::from_errno(id));
        }
        Ok(Self { id, next: 0 })
    }

    /// The next of its segments, round and round.
    pub(crate) fn segment(&mut self) -> HostVsid {
        let segment = self.next;
        self.next = (segment + 1) % SEGMENTS;
        // SAFETY: Arithmetic.
        HostVsid(unsafe { bindings::kvm_ppc_pr_vsid(self.id as u64, segment.into()) })
    }
}

impl Drop for HashContext {
    fn drop(&mut self) {
        // SAFETY: It was allocated, and who had mappings in it has taken them out.
        unsafe { bindings::__destroy_context(self.id) };
    }
}

/// What an entry of the host's table permits, and how it caches.
#[derive(Clone, Copy)]
pub(crate) struct Permission {
    /// Stores.
    pub(crate) write: bool,
    /// Fetches.
    pub(crate) execute: bool,
    /// A device, not memory.
    pub(crate) cache_inhibited: bool,
}

/// Memory that a guest may have: only what was found in the process's address space or was made for guests becomes one, so
/// that no other page can be mapped. Its owner has [`HostHpte::invalidate`] called before the memory is somebody else's.
#[derive(Clone, Copy)]
pub(crate) struct Frame(u64);

impl Frame {
    /// What the process's tables have, as long as no invalidation can begin.
    pub(crate) fn of_host_page(page: &HostPage, _: &impl InvalidationsExcluded) -> Self {
        Self(page.found())
    }

    /// A page of the process's; who maps it makes sure that no invalidation has begun since it was looked up.
    pub(crate) fn of_user_page(page: &UserPage) -> Self {
        Self(page.phys())
    }

    /// A page of the module's that lives as long as anything is mapped.
    pub(crate) fn of_shared_page(page: &SharedPage) -> Self {
        Self(page.phys())
    }

    /// A page of code; who maps it keeps it.
    pub(crate) fn of_code_page(page: &CodePage) -> Self {
        Self(page.phys())
    }

    /// The 4 KB of it, or the 64 KB, that `within` is in.
    pub(crate) fn part(self, within: u64) -> Self {
        Self(self.0 | within & (PAGE_SIZE as u64 - 1) & !0xfff)
    }
}

/// An entry of the host's table: a page of 64 KB if `large`, else of 4 KB.
#[derive(Clone, Copy)]
pub(crate) struct HostHpte {
    /// Which of its group, and which of its two groups. Where these are changes with the table's size.
    index: u32,
    vsid: HostVsid,
    ea: u64,
    phys: u64,
    large: bool,
}

impl HostHpte {
    /// Maps the page `frame` at `ea` in the segment. `None` if the table has no room. What is
    /// there already has to be removed before. Never sleeps.
    pub(crate) fn insert(
        vsid: HostVsid,
        ea: u64,
        frame: Frame,
        permission: Permission,
        large: bool,
    ) -> Option<Self> {
        let phys = frame.0;
        let flag = |on, bit: u32| if on { bit } else { 0 };
        let flags = flag(permission.write, bindings::KVM_PPC_PR_WRITE)
            | flag(permission.execute, bindings::KVM_PPC_PR_EXECUTE)
            | flag(permission.cache_inhibited, bindings::KVM_PPC_PR_INHIBITED);
        // SAFETY: The segment is ours, so no mapping of the host's changes, and by `Frame`'s making the memory is one that a
        // guest may have.
        let ret = unsafe { bindings::kvm_ppc_pr_hpte_insert(vsid.0, ea, phys, flags, large) };
        Some(Self {
            index: u32::try_from(ret).ok()?,
            vsid,
            ea,
            phys,
            large,
        })
    }

    /// `N` words from `ea` on in the page of memory that this entry, which has not been taken out, maps; as numbers in
    /// the host's byte order. `None` if there are not so many in the page.
    #[inline]
    pub(crate) fn words<const N: usize>(
        &self,
        ea: u64,
        _: &impl InvalidationsExcluded,
    ) -> Option<[u32; N]> {
        let page = if self.large { 1 << 16 } else { 1 << 12 };
        let at = ea & (page - 1) & !3;
        if at + 4 * N as u64 > page {
            return None;
        }
        let mut words = [0; N];
        let pa = (self.phys & !(page - 1) | at) as usize;
        // SAFETY: Who takes the page away takes the entry out first, and cannot do so now; the words are in the page,
        // if it has a `struct page`, which the function looks for.
        let read = unsafe { bindings::kvm_ppc_pr_read_words(pa, words.as_mut_ptr(), N as u32) };
        read.then_some(words)
    }

    /// Takes it out; on return no CPU uses it any more. The host may have done so before. Never sleeps.
    pub(crate) fn invalidate(&self) {
        // SAFETY: The segment is ours, so this changes no mapping of the host's.
        unsafe {
            bindings::kvm_ppc_pr_hpte_invalidate(self.vsid.0, self.ea, self.large, self.index)
        };
    }
}

/// What the host's MMU offers.
#[derive(Clone, Copy)]
pub(crate) struct Capabilities {
    /// Pages of 64 KB can be mapped, and the host's own are as large.
    pub(crate) large: bool,
    /// L and LP of an SLB entry for a segment of such pages.
    pub(crate) large_bits: u64,
    /// Entries of the SLB.
    pub(crate) slb: usize,
}

impl Capabilities {
    /// Asks the kernel.
    pub(crate) fn read() -> Self {
        // SAFETY: These only read what is fixed since boot.
        unsafe {
            Self {
                large: bindings::kvm_ppc_pr_large_ok(),
                large_bits: bindings::kvm_ppc_pr_slb_64k(),
                slb: bindings::kvm_ppc_pr_slb_size() as usize,
            }
        }
    }
}

/// Has this processor all that the switch takes for granted?
pub(crate) fn supported() -> bool {
    // SAFETY: Reads what is fixed since boot.
    unsafe { bindings::kvm_ppc_pr_host_ok() }
}

/// While one of these lives, interrupts turn relocation off: in a partition that is the same for all CPUs, and
/// firmware's to change; in hypervisor mode the switch sees to it.
pub(crate) struct RelocationOff(());

impl RelocationOff {
    /// Sleeps, the first for longer.
    pub(crate) fn new() -> Self {
        // SAFETY: Task context; the host's handlers work either way.
        unsafe { bindings::kvm_ppc_pr_relocation_off() };
        Self(())
    }
}

impl Drop for RelocationOff {
    fn drop(&mut self) {
        // SAFETY: Task context, and once for each call of the other.
        unsafe { bindings::kvm_ppc_pr_relocation_on() };
    }
}
