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

/// Calls `f` with the address space of the current process. Returns `EFAULT` in a kernel thread.
pub(crate) fn with_current<T>(f: impl FnOnce(&MmWithUser) -> Result<T>) -> Result<T> {
    f(current!().mm().ok_or(EFAULT)?)
}

/// A counted reference to the address space, which does not keep its mappings.
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
    /// Adds `pages` pages to the count. Returns `ENOMEM` if that exceeds the current process's limit. Sleeps.
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

/// A guard during whose life no invalidation of mappings that lie in a memory slot begins.
///
/// # Safety
///
/// While a value exists, the lock that the mmu notifier's `invalidate_start` takes for addresses in a slot is held, and
/// no invalidation of such addresses that it has announced is under way.
pub(crate) unsafe trait InvalidationsExcluded {}

/// The page frame at an address of the current process, to be mapped at once.
///
/// If it is ordinary memory, it has a reference that keeps it from being freed. The process's mapping may change all
/// the same; only the mmu notifier tells of that.
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
    /// Finds the page at `hva`, and faults it in if need be. With `write` the page is writable; without,
    /// [`writable`](Self::writable) says whether it is. Sleeps, unless the page is present and writable.
    ///
    /// Returns `EFAULT` if nothing is mapped there, if the mapping does not permit the access, or if the memory has an
    /// error (then the process gets a SIGBUS too), and `EINTR` if a signal came first.
    ///
    /// The sequence number of the VM's `mmu_lock` has to be read before, so that the caller can see whether the mapping
    /// has changed.
    pub(crate) fn get(hva: usize, write: bool) -> Result<Self> {
        if let Some(page) = Self::fast(hva) {
            return Ok(page);
        }
        Self::slow(hva, write)
    }

    // Finds the page without sleeping, if it is writable. A page that is only readable may be about to be replaced by a
    // copy.
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
            // The page may be writable although only a read was asked for. Knowing that saves a fault at the first
            // store.
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

    /// The page's physical address.
    pub(crate) fn phys(&self) -> u64 {
        (self.pfn as u64) << PAGE_SHIFT
    }

    /// May it be mapped for writing?
    pub(crate) fn writable(&self) -> bool {
        self.writable
    }

    /// Is it memory with a `struct page`, in the host's linear map?
    pub(crate) fn has_struct_page(&self) -> bool {
        self.page.is_some()
    }

    /// Is it a device's, rather than memory?
    pub(crate) fn cache_inhibited(&self) -> bool {
        self.cache_inhibited
    }

    /// log2 of the size of the process's own mapping of the page, which is the host's page size if it is not larger.
    /// The mapping's virtual and physical addresses are both aligned to that size.
    ///
    /// The result may be out of date at once. Whoever tests whether the page is still valid has to make that test for
    /// the whole range of the mapping.
    pub(crate) fn mapping_shift(&self) -> u32 {
        with_current(|mm| {
            // SAFETY: `mm` is the current one.
            Ok(unsafe { bindings::kvm_ppc_mapping_shift(mm.as_raw().cast(), self.hva, self.pfn) })
        })
        .unwrap_or(PAGE_SHIFT as u32)
    }

    /// Notes that the page was mapped. It will be marked as accessed when this is dropped, and as dirty if it was
    /// mapped for writing.
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
