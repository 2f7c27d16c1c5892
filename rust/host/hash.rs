// SPDX-License-Identifier: GPL-2.0

//! The host's hashed page table, and its segments that guests use.

use super::{
    code_page::CodePage,
    host_page::HostPage,
    mm::{InvalidationsExcluded, UserPage},
    page::SharedPage,
};
use crate::bindings;
use kernel::{page::PAGE_SIZE, prelude::*};

/// How many of a context's segments of 256 MB are used; a context has more.
const SEGMENTS: u32 = 1 << 18;

/// An MMU context of the host, like a process has one: a range of VSIDs that nothing else uses.
pub(crate) struct HashContext {
    id: i32,
    next: u32,
}

/// A segment of the host's virtual address space.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostVsid(u64);

impl HostVsid {
    /// The VSID.
    pub(crate) fn raw(self) -> u64 {
        self.0
    }
}

impl HashContext {
    /// Allocates a context. Returns `ENOSPC` or a similar error if there is none left. Sleeps.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: The host's MMU is hashed, which the backend has made sure of.
        let id = unsafe { bindings::hash__alloc_context_id() };
        if id < 0 {
            return Err(Error::from_errno(id));
        }
        Ok(Self { id, next: 0 })
    }

    /// The next of its segments; after the last one comes the first again.
    pub(crate) fn segment(&mut self) -> HostVsid {
        let segment = self.next;
        self.next = (segment + 1) % SEGMENTS;
        // SAFETY: Arithmetic.
        HostVsid(unsafe { bindings::kvm_ppc_pr_vsid(self.id as u64, segment.into()) })
    }
}

impl Drop for HashContext {
    fn drop(&mut self) {
        // SAFETY: It was allocated by `new`, and all mappings in it have been removed.
        unsafe { bindings::__destroy_context(self.id) };
    }
}

/// What an entry of the host's table permits, and its storage attributes.
#[derive(Clone, Copy)]
pub(crate) struct Permission {
    /// Stores.
    pub(crate) write: bool,
    /// Fetches.
    pub(crate) execute: bool,
    /// A device, not memory.
    pub(crate) cache_inhibited: bool,
}

/// Memory that a guest may access. A value can be made only for memory that was found in the process's address space or
/// that was made for guests, so that no other page can be mapped. The owner of the memory must have
/// [`HostHpte::invalidate`] called before anything else uses it.
#[derive(Clone, Copy)]
pub(crate) struct Frame(u64);

impl Frame {
    /// A page from the process's page tables, looked up while no invalidation can begin.
    pub(crate) fn of_host_page(page: &HostPage, _: &impl InvalidationsExcluded) -> Self {
        Self(page.found())
    }

    /// A page of the process's. Whoever maps it has to make sure that no invalidation has begun since it was looked up.
    pub(crate) fn of_user_page(page: &UserPage) -> Self {
        Self(page.phys())
    }

    /// A page of the module's, which must live as long as it is mapped.
    pub(crate) fn of_shared_page(page: &SharedPage) -> Self {
        Self(page.phys())
    }

    /// A page of code, which must live as long as it is mapped.
    pub(crate) fn of_code_page(page: &CodePage) -> Self {
        Self(page.phys())
    }

    /// The part of it, a page of the size that is mapped, that contains the offset `within`.
    pub(crate) fn part(self, within: u64) -> Self {
        Self(self.0 | within & (PAGE_SIZE as u64 - 1) & !0xfff)
    }
}

/// An entry of the host's table: a page of 64 KB if `large`, else of 4 KB.
#[derive(Clone, Copy)]
pub(crate) struct HostHpte {
    /// The entry's index in its group, and which of the two possible groups that is. The address of a group depends on
    /// the table's size, so it is not kept.
    index: u32,
    vsid: HostVsid,
    ea: u64,
    phys: u64,
    large: bool,
}

impl HostHpte {
    /// Maps the page `frame` at `ea` in the segment. `None` if the table has no room. A mapping that is already there
    /// has to be removed first. Never sleeps.
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
        // SAFETY: The segment is ours, so no mapping of the host's changes, and by `Frame`'s making the memory is one
        // that a guest may have.
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
    /// Whether pages of 64 KB can be mapped, and the host's own pages are as large.
    pub(crate) large: bool,
    /// L and LP of an SLB entry for a segment of 64 KB pages.
    pub(crate) large_bits: u64,
    /// How many entries the SLB has.
    pub(crate) slb: usize,
}

impl Capabilities {
    /// Reads the capabilities from the kernel.
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

/// Does this processor have all that the world switch needs?
pub(crate) fn supported() -> bool {
    // SAFETY: Reads what is fixed since boot.
    unsafe { bindings::kvm_ppc_pr_host_ok() }
}

/// While a value of this type lives, interrupts turn relocation off. In a partition this is a setting of all CPUs
/// together that only the firmware can change. In hypervisor mode nothing has to be done here, because the world switch
/// does it.
pub(crate) struct RelocationOff(());

impl RelocationOff {
    /// Sleeps. The first one may take long, because the firmware changes the setting.
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
