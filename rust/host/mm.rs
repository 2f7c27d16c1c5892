// SPDX-License-Identifier: GPL-2.0

//! The pages of the process that owns a VM.

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    mm::{Mm, MmWithUser},
    page::PAGE_SHIFT,
    prelude::*,
    sync::aref::ARef,
};

/// Is `mm` the address space of the current process?
#[inline]
pub(crate) fn is_current(mm: &Mm) -> bool {
    // SAFETY: The field is only changed by the task itself.
    let current = unsafe { (*kernel::task::Task::current_raw()).mm };
    core::ptr::eq(current, mm.as_raw())
}

/// Calls `f` with the address space of the current process. `EFAULT` for a kernel thread.
pub(crate) fn with_current<T>(f: impl FnOnce(&MmWithUser) -> Result<T>) -> Result<T> {
    f(current!().mm().ok_or(EFAULT)?)
}

/// A counted reference to it that does not keep its mappings.
pub(crate) fn grab(mm: &MmWithUser) -> ARef<Mm> {
    let mm: &Mm = mm;
    ARef::from(mm)
}

/// Pages that count against the limit of locked memory of the process that owns a VM (RLIMIT_MEMLOCK).
pub(crate) struct LockedPages {
    mm: ARef<Mm>,
    pages: usize,
}

impl LockedPages {
    /// Counts `pages` pages in. `ENOMEM` if the current process may not have so many. Sleeps.
    pub(crate) fn count(mm: &ARef<Mm>, pages: usize) -> Result<Self> {
        // SAFETY: The reference keeps `mm`; task context, no lock held.
        to_result(unsafe { bindings::account_locked_vm(mm.as_raw().cast(), pages, true) })?;
        Ok(Self {
            mm: mm.clone(),
            pages,
        })
    }
}

impl Drop for LockedPages {
    fn drop(&mut self) {
        // SAFETY: As in `count`, which counted them in.
        unsafe { bindings::account_locked_vm(self.mm.as_raw().cast(), self.pages, false) };
    }
}

/// A guard that keeps invalidations of a process's mappings from beginning, where these lie in a memory slot.
///
/// # Safety
///
/// While a value exists, the lock that the mmu notifier's `invalidate_start` takes for addresses in a slot is held, and
/// no invalidation of such addresses that it has announced is under way.
pub(crate) unsafe trait InvalidationsExcluded {}

/// The page frame at an address of the current process, for as long as it takes to map it.
///
/// If it is ordinary memory, a reference keeps it from being freed; it does not keep it from being
/// unmapped, which only a mmu notifier tells.
pub(crate) struct UserPage {
    page: Option<NonNull<kernel::bindings::page>>,
    pfn: usize,
    hva: usize,
    writable: bool,
    cache_inhibited: bool,
    dirty: bool,
    mapped: bool,
}

impl UserPage {
    /// Finds the page at `hva`, and faults it in if need be. With `write` it is one that may be
    /// written; without, it is told whether it may be. Sleeps, unless it is there and writable.
    ///
    /// `EFAULT` if nothing is mapped there, or not for that access, or if the memory is broken: then the process
    /// gets a SIGBUS, too. `EINTR` if a signal came first.
    ///
    /// `mmu_lock`'s sequence number has to be read before.
    pub(crate) fn get(hva: usize, write: bool) -> Result<Self> {
        if let Some(page) = Self::fast(hva) {
            return Ok(page);
        }
        Self::slow(hva, write)
    }

    // Without sleeping, only if it is writable: a page that is only readable may be about to be
    // replaced by a copy.
    fn fast(hva: usize) -> Option<Self> {
        let mut page = core::ptr::null_mut();
        // SAFETY: `page` is valid for writes.
        let n = unsafe { bindings::kvm_ppc_gup_fast_write(hva, &mut page) };
        if n != 1 {
            return None;
        }
        Self::from_page(page, hva, true)
    }

    fn slow(hva: usize, write: bool) -> Result<Self> {
        let mut page = core::ptr::null_mut();
        // SAFETY: Task context of the process; `page` is valid for writes.
        let n = unsafe { bindings::kvm_ppc_gup_slow(hva, write, true, &mut page) };
        if n == 1 {
            let read = Self::from_page(page, hva, write).ok_or(EFAULT)?;
            // It may be writable though only a read was asked for.
            return Ok(match write {
                false => Self::fast(hva).unwrap_or(read),
                true => read,
            });
        }
        match Error::from_errno(n as i32) {
            e if e == EINTR || e == EAGAIN => Err(EINTR),
            e if e.to_errno() == -(kernel::bindings::EHWPOISON as i32) => {
                send_hwpoison(hva, PAGE_SHIFT as u32);
                Err(EFAULT)
            }
            _ => Self::pfnmap(hva, write),
        }
    }

    // A mapping of a device, or other memory without `struct page`.
    fn pfnmap(hva: usize, write: bool) -> Result<Self> {
        let (mut pfn, mut writable, mut inhibited) = (0, false, false);
        loop {
            // SAFETY: Task context of the process; the pointers are valid for writes.
            let ret = unsafe {
                bindings::kvm_ppc_follow_pfnmap(hva, write, &mut pfn, &mut writable, &mut inhibited)
            };
            match ret {
                0 => break,
                e if e == EAGAIN.to_errno() && current!().signal_pending() => return Err(EINTR),
                e if e == EAGAIN.to_errno() => (),
                e if e == EINTR.to_errno() => return Err(EINTR),
                _ => return Err(EFAULT),
            }
        }
        Ok(Self {
            page: None,
            pfn,
            hva,
            writable,
            cache_inhibited: inhibited,
            dirty: false,
            mapped: false,
        })
    }

    fn from_page(page: *mut kernel::bindings::page, hva: usize, writable: bool) -> Option<Self> {
        let page = NonNull::new(page)?;
        Some(Self {
            // SAFETY: It is a page, which we have a reference to.
            pfn: unsafe { bindings::kvm_ppc_page_to_pfn(page.as_ptr()) },
            page: Some(page),
            hva,
            writable,
            cache_inhibited: false,
            dirty: false,
            mapped: false,
        })
    }

    /// Its physical address.
    pub(crate) fn phys(&self) -> u64 {
        (self.pfn as u64) << PAGE_SHIFT
    }

    /// May it be mapped for writing?
    pub(crate) fn writable(&self) -> bool {
        self.writable
    }

    /// It is memory that the host knows page by page, in its linear map.
    pub(crate) fn has_struct_page(&self) -> bool {
        self.page.is_some()
    }

    /// It is a device's, not memory.
    pub(crate) fn cache_inhibited(&self) -> bool {
        self.cache_inhibited
    }

    /// log2 of the size of the process's own mapping of the page; the page's address and frame
    /// number are the same number of pages from the mapping's beginnings, which are aligned to
    /// that size. The host's page size if it is no larger.
    ///
    /// May be out of date at once; the same test that tells this of the page tells it of the size,
    /// if it is made for all of the mapping.
    pub(crate) fn mapping_shift(&self) -> u32 {
        with_current(|mm| {
            // SAFETY: `mm` is the current one.
            Ok(unsafe { bindings::kvm_ppc_mapping_shift(mm.as_raw().cast(), self.hva, self.pfn) })
        })
        .unwrap_or(PAGE_SHIFT as u32)
    }

    /// The page was mapped, so it counts as used when this is dropped; as written, if it was mapped for writing.
    pub(crate) fn set_mapped(&mut self, writable: bool) {
        self.mapped = true;
        self.dirty = writable;
    }
}

impl Drop for UserPage {
    fn drop(&mut self) {
        if let Some(page) = self.page {
            // SAFETY: We have a reference to the page, which ends here.
            unsafe {
                if self.mapped {
                    bindings::kvm_ppc_page_accessed(page.as_ptr(), self.dirty);
                }
                bindings::kvm_ppc_put_page(page.as_ptr());
            }
        }
    }
}

/// Sends the current task the SIGBUS for an access to broken memory at `hva`, in a mapping of
/// 2^`shift` bytes.
fn send_hwpoison(hva: usize, shift: u32) {
    // SAFETY: Sends a signal to the current task.
    unsafe { bindings::kvm_ppc_send_hwpoison(hva, shift) };
}
