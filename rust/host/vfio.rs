// SPDX-License-Identifier: GPL-2.0

//! VFIO's files, and the TCE tables that the host's devices use.

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    fs::file::{File, LocalFile},
    mm::Mm,
    prelude::*,
    sync::aref::ARef,
};

/// A file of a group or device of VFIO's.
pub(crate) struct VfioFile(ARef<File>);

impl VfioFile {
    /// The one that a descriptor of this process refers to. `EBADF` if the descriptor is not open, `EINVAL` if it refers
    /// to something else.
    pub(crate) fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: Any number may be asked for.
        let file = from_err_ptr(unsafe { bindings::kvm_ppc_vfio_file(fd as u32) })?;
        let file = NonNull::new(file).ok_or(EBADF)?;
        // SAFETY: It has a reference, which is ours; its position is not used.
        Ok(Self(unsafe { ARef::from_raw(file.cast()) }))
    }

    /// Which of `files` a descriptor of this process refers to. `EBADF` if the descriptor is not open.
    pub(crate) fn position<'a>(
        mut files: impl Iterator<Item = &'a Self>,
        fd: i32,
    ) -> Result<Option<usize>> {
        let file = LocalFile::fget(fd as u32)?;
        Ok(files.position(|f| core::ptr::eq(f.0.as_ptr(), file.as_ptr())))
    }

    /// Its group's TCE table for `entries` pages of 2^`shift` bytes from page number `first` on. `EIO` for a file that is
    /// of no group, `EINVAL` if there is none.
    #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
    pub(crate) fn table(
        &self,
        mm: &ARef<Mm>,
        shift: u32,
        first: u64,
        entries: u64,
    ) -> Result<DeviceTable> {
        // SAFETY: The file is one of VFIO's.
        let group = unsafe { bindings::kvm_ppc_vfio_group(self.0.as_ptr().cast()) };
        let group = NonNull::new(group).ok_or(EIO)?.as_ptr();
        // SAFETY: The group has a reference, which is given back behind that.
        let table = unsafe {
            let table = bindings::kvm_ppc_iommu_table(group, shift, first, entries);
            bindings::iommu_group_put(group);
            table
        };
        Ok(DeviceTable {
            table: NonNull::new(table).ok_or(EINVAL)?,
            mm: mm.clone(),
        })
    }
}

impl PartialEq for VfioFile {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }
}

/// A TCE table that a device of the host's uses, for memory of one process.
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
pub(crate) struct DeviceTable {
    table: NonNull<bindings::iommu_table>,
    mm: ARef<Mm>,
}

// SAFETY: The table is counted, and whoever changes its entries by the functions below holds a mutex.
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
unsafe impl Send for DeviceTable {}
// SAFETY: As above.
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
unsafe impl Sync for DeviceTable {}

#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
impl DeviceTable {
    /// What the table is known by, while this exists.
    pub(crate) fn key(&self) -> usize {
        self.table.as_ptr().addr()
    }

    /// Has page number `page` of 2^`shift` bytes lead to the process's memory at `hva`, with TCE's permissions. Only memory
    /// that the process has registered with VFIO is mapped. Returns false if it is not, or without memory; then the page
    /// leads nowhere, or where VFIO alone has mapped it. May sleep.
    pub(crate) fn map(&self, page: u64, shift: u32, hva: usize, permissions: u64) -> bool {
        // SAFETY: The table and `mm` have references. VFIO keeps the memory in place, and knows what is mapped.
        unsafe {
            bindings::kvm_ppc_iommu_map(
                self.table.as_ptr(),
                self.mm.as_raw().cast(),
                page,
                shift,
                hva,
                permissions as usize,
            )
        }
    }

    /// Has `count` pages from number `page` on lead nowhere. Returns false if VFIO alone has mapped one of them, or the
    /// process is killed. May sleep.
    pub(crate) fn unmap(&self, page: u64, shift: u32, count: u64) -> bool {
        // SAFETY: As in `map`.
        unsafe {
            bindings::kvm_ppc_iommu_unmap(
                self.table.as_ptr(),
                self.mm.as_raw().cast(),
                page,
                shift,
                count,
            )
        }
    }
}

#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
impl Drop for DeviceTable {
    fn drop(&mut self) {
        // SAFETY: As in `map`. This gives our reference back.
        unsafe { bindings::kvm_ppc_iommu_drop(self.table.as_ptr(), self.mm.as_raw().cast()) };
    }
}
