// SPDX-License-Identifier: GPL-2.0

//! Folders and files in debugfs.
//!
//! The kernel crate's have no owner: debugfs looks at a file's operations when it is closed, even
//! if that comes long after its removal, and by then the module they lie in may be gone. The module
//! stays while one of these is open.

use super::compat;
use core::marker::PhantomData;
use kernel::{
    bindings,
    fmt::{self, Display, Formatter},
    prelude::*,
    seq_file::{seq_print, SeqFile},
    sync::Arc,
};

/// Everybody whom debugfs lets in may read.
const FILE_MODE: bindings::umode_t = 0o444;

// Something in debugfs, removed when this is dropped. An error pointer if it could not be made,
// which debugfs takes everywhere, and then nothing can be made in it either.
struct Entry {
    dentry: *mut bindings::dentry,
    // Goes later, since debugfs removes all that is in a folder together with it.
    _parent: Option<Arc<Entry>>,
}

// SAFETY: debugfs does its own locking.
unsafe impl Send for Entry {}
// SAFETY: As above.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: It is an entry that we made and that nobody else removes, or an error pointer.
        #[cfg(CONFIG_DEBUG_FS)]
        unsafe {
            bindings::debugfs_remove(self.dentry)
        };
    }
}

/// A folder, there as long as this or something in it is. What debugfs refuses to make is left out.
pub(crate) struct Dir(Arc<Entry>);

impl Dir {
    /// In debugfs's own folder. `ENOMEM`.
    pub(crate) fn new(name: &CStr) -> Result<Self> {
        Self::make(name, None)
    }

    /// In this one. `ENOMEM`.
    pub(crate) fn subdir(&self, name: &CStr) -> Result<Self> {
        Self::make(name, Some(self.0.clone()))
    }

    fn make(name: &CStr, parent: Option<Arc<Entry>>) -> Result<Self> {
        let at = parent.as_ref().map_or(core::ptr::null_mut(), |p| p.dentry);
        let entry = Entry {
            // SAFETY: The parent is NULL, a folder that exists, or an error pointer.
            #[cfg(CONFIG_DEBUG_FS)]
            dentry: unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), at) },
            #[cfg(not(CONFIG_DEBUG_FS))]
            dentry: at,
            _parent: parent,
        };
        Ok(Self(Arc::new(entry, GFP_KERNEL_ACCOUNT)?))
    }

    /// A file in this folder, in which is what `text` tells of itself. `ENOMEM`.
    pub(crate) fn file<T: Text>(&self, name: &CStr, text: T) -> Result<File<T>> {
        let text = KBox::into_raw(KBox::new(text, GFP_KERNEL_ACCOUNT)?);
        #[cfg(not(CONFIG_DEBUG_FS))]
        let (dentry, _) = (core::ptr::null_mut(), (name, Ops::<T>::get()));
        // SAFETY: The folder exists or is an error pointer; the operations are static and expect a
        // `T` as private data, which stays until the entry is removed.
        #[cfg(CONFIG_DEBUG_FS)]
        let dentry = unsafe {
            bindings::debugfs_create_file_full(
                name.as_char_ptr(),
                FILE_MODE,
                self.0.dentry,
                text.cast(),
                core::ptr::null(),
                Ops::<T>::get(),
            )
        };
        let entry = Some(Entry {
            dentry,
            _parent: Some(self.0.clone()),
        });
        Ok(File { entry, text })
    }
}

/// What is in a file.
pub(crate) trait Text: Send + Sync + 'static {
    /// Writes all of it. Called for each reading, perhaps more than once.
    fn write(&self, f: &mut Formatter<'_>) -> fmt::Result;
}

/// A file, there as long as this is. When it is dropped, nobody reads any more; who has it open
/// gets `EIO`.
///
/// # Invariants
///
/// `text` is from a `KBox`, and nobody but this and the entry know it.
pub(crate) struct File<T: Text> {
    // There until it is dropped.
    entry: Option<Entry>,
    text: *mut T,
}

// SAFETY: It is an entry and a `KBox<T>`.
unsafe impl<T: Text> Send for File<T> {}
// SAFETY: As above.
unsafe impl<T: Text> Sync for File<T> {}

impl<T: Text> Drop for File<T> {
    fn drop(&mut self) {
        // debugfs waits for those that read.
        self.entry = None;
        // SAFETY: By the invariant it is from a `KBox`, and the entry, by which others knew it, is
        // gone.
        drop(unsafe { KBox::from_raw(self.text) });
    }
}

struct Shown<'a, T>(&'a T);

impl<T: Text> Display for Shown<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.write(f)
    }
}

struct Ops<T>(PhantomData<T>);

impl<T: Text> Ops<T> {
    const FILE: bindings::file_operations = bindings::file_operations {
        owner: compat::this_module(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    };

    const fn get() -> &'static bindings::file_operations {
        &Self::FILE
    }

    /// # Safety
    ///
    /// To be called by debugfs for one of our files that is being opened and not yet removed.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: By the caller's promise the inode is valid, and its private data the `T` that was
        // given when the file was made, as `show` wants it.
        unsafe { bindings::single_open(file, Some(Self::show), (*inode).i_private) }
    }

    /// # Safety
    ///
    /// To be called by seq_file for a file that `open` opened, from a read, during which debugfs
    /// does not let it be removed.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: The private data is what `open` gave: a `T`, which stays until the entry is
        // removed.
        let text = unsafe { &*(*seq).private.cast::<T>() };
        // SAFETY: seq_file holds its lock during the call.
        let seq = unsafe { SeqFile::from_raw(seq) };
        seq_print!(seq, "{}", Shown(text));
        0
    }
}
