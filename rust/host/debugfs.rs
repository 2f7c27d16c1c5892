// SPDX-License-Identifier: GPL-2.0

//! Folders of numbers in debugfs.
//!
//! The files that the kernel crate makes have no owning module. But debugfs uses a file's operations when the file is
//! closed, even if it was removed long before, and the module with the operations may be unloaded by then. The files
//! made here keep the module loaded while they are open.

use super::compat;
use core::marker::PhantomData;
use kernel::{bindings, error::from_err_ptr, prelude::*, sync::Arc};

/// Everybody who may search debugfs may read.
const READ: bindings::umode_t = 0o444;
/// As [`READ`], and the owner may write.
const READ_RESET: bindings::umode_t = 0o644;

/// The number that a file shows, in decimal.
pub(crate) trait Number: Send + Sync + 'static {
    /// The file's name.
    fn name(&self) -> &CStr;
    /// The present number.
    fn get(&self) -> u64;
    /// Can it be set to 0?
    fn can_reset(&self) -> bool {
        false
    }
    /// Sets it to 0.
    fn reset(&self) {}
}

/// A folder with files of numbers. Once it is dropped, reading a file that is still open gives `EIO`. Files that
/// debugfs does not make are left out.
///
/// # Invariants
///
/// `dentry` is a folder that was made here and that nobody else removes, or NULL or an error pointer. Its files'
/// private data are elements of `numbers`, which does not change any more.
pub(crate) struct Folder<N: Number, P: Send + Sync = ()> {
    dentry: *mut bindings::dentry,
    numbers: KVec<N>,
    // The folder that this one is in. It is kept because debugfs removes a folder with all that is in it.
    within: Option<Arc<P>>,
}

// SAFETY: debugfs does its own locking; the rest is a vector and an `Arc`.
unsafe impl<N: Number, P: Send + Sync> Send for Folder<N, P> {}
// SAFETY: As above.
unsafe impl<N: Number, P: Send + Sync> Sync for Folder<N, P> {}

impl<N: Number> Folder<N> {
    /// A folder at the top of debugfs.
    pub(crate) fn new(name: &CStr, numbers: KVec<N>) -> Self {
        Self::make(name, core::ptr::null_mut(), None, numbers)
    }
}

impl<N: Number, M: Number, P: Send + Sync> Folder<N, Folder<M, P>> {
    /// A folder in another one.
    pub(crate) fn within(name: &CStr, folder: Arc<Folder<M, P>>, numbers: KVec<N>) -> Self {
        Self::make(name, folder.dentry, Some(folder), numbers)
    }
}

impl<N: Number, P: Send + Sync> Folder<N, P> {
    fn make(
        name: &CStr,
        at: *mut bindings::dentry,
        within: Option<Arc<P>>,
        numbers: KVec<N>,
    ) -> Self {
        #[cfg(not(CONFIG_DEBUG_FS))]
        let (dentry, _) = (at, (name, Ops::<N>::get, READ, READ_RESET));
        // SAFETY: `at` is NULL, a folder that stays while `within` does, or an error pointer.
        #[cfg(CONFIG_DEBUG_FS)]
        let dentry = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), at) };
        #[cfg(CONFIG_DEBUG_FS)]
        for number in &numbers {
            let mode = if number.can_reset() { READ_RESET } else { READ };
            let data = core::ptr::from_ref(number).cast_mut().cast();
            // SAFETY: The folder exists or is an error pointer; the operations are static and expect an `N` as
            // private data, which stays until the folder is removed.
            unsafe {
                bindings::debugfs_create_file_full(
                    number.name().as_char_ptr(),
                    mode,
                    dentry,
                    data,
                    core::ptr::null(),
                    Ops::<N>::get(),
                )
            };
        }
        // INVARIANT: As it was made.
        Self {
            dentry,
            numbers,
            within,
        }
    }

    /// Has debugfs made the folder?
    pub(crate) fn exists(&self) -> bool {
        !self.dentry.is_null() && from_err_ptr(self.dentry).is_ok()
    }
}

impl<N: Number, P: Send + Sync> Drop for Folder<N, P> {
    fn drop(&mut self) {
        // SAFETY: By the invariants. debugfs waits until all reads have ended, so nothing uses the numbers afterwards.
        #[cfg(CONFIG_DEBUG_FS)]
        unsafe {
            bindings::debugfs_remove(self.dentry)
        };
        self.numbers.clear();
        self.within = None;
    }
}

struct Ops<N>(PhantomData<N>);

/// The type of a function that sets a number; it returns 0 or `-EINVAL`.
type Setter = unsafe extern "C" fn(*mut c_void, u64) -> c_int;

impl<N: Number> Ops<N> {
    const FILE: bindings::file_operations = bindings::file_operations {
        owner: compat::this_module(),
        open: Some(Self::open),
        read: Some(bindings::simple_attr_read),
        write: Some(bindings::simple_attr_write),
        llseek: Some(bindings::generic_file_llseek),
        release: Some(bindings::simple_attr_release),
        ..pin_init::zeroed()
    };

    const fn get() -> &'static bindings::file_operations {
        &Self::FILE
    }

    /// # Safety
    ///
    /// To be called by debugfs for one of our files that is being opened and not yet removed.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: By the caller's promise the inode is valid, and its private data is the `N` that was given when the
        // file was made.
        let number = unsafe { &*(*inode).i_private.cast::<N>() };
        let set: Option<Setter> = match number.can_reset() {
            true => Some(Self::set),
            false => None,
        };
        // SAFETY: The inode and the file are valid by the caller's promise. Both functions expect a pointer to an `N`,
        // which the inode's private data is, and the format is for the number that `read` gives.
        unsafe {
            bindings::simple_attr_open(inode, file, Some(Self::read), set, c"%llu\n".as_char_ptr())
        }
    }

    /// # Safety
    ///
    /// To be called by `simple_attr_read`, during which debugfs does not let the file be removed.
    unsafe extern "C" fn read(data: *mut c_void, val: *mut u64) -> c_int {
        // SAFETY: The data is what `open` gave, an `N` that stays until the file is removed; `val` is valid.
        unsafe { *val = (*data.cast::<N>()).get() };
        0
    }

    /// # Safety
    ///
    /// As `read`, by `simple_attr_write`.
    unsafe extern "C" fn set(data: *mut c_void, val: u64) -> c_int {
        if val != 0 {
            return EINVAL.to_errno();
        }
        // SAFETY: As in `read`.
        unsafe { (*data.cast::<N>()).reset() };
        0
    }
}
