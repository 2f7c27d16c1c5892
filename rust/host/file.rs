// SPDX-License-Identifier: GPL-2.0

//! Anonymous files with operations of our own: VMs, vCPUs, their statistics, TCE tables.

use super::{compat, page::SharedPage};
use core::marker::PhantomData;
use kernel::{
    bindings,
    error::from_err_ptr,
    fs::file::{File, FileDescriptorReservation},
    mm::virt::VmaNew,
    prelude::*,
    sync::{aref::ARef, Arc, ArcBorrow},
    types::ForeignOwnable,
    uaccess::{UserSlice, UserSliceWriter},
};

/// The file can be read at an offset (linux/fs.h).
const FMODE_PREAD: u32 = 1 << 3;

/// What such a file does. While it is open, the module stays.
pub(crate) trait Descriptor: Send + Sync + Sized + 'static {
    /// An ioctl, from any thread that has the file.
    fn ioctl(_this: ArcBorrow<'_, Self>, _cmd: u32, _arg: usize) -> Result<isize> {
        Err(ENOTTY)
    }

    /// Can it be mapped?
    const MMAP: bool = false;
    /// The page to be mapped for the file's page `pgoff`. `ENOMEM` ends like any fault without
    /// memory, other errors in SIGBUS. Sleeps.
    fn page(&self, _pgoff: usize) -> Result<&SharedPage> {
        Err(EFAULT)
    }

    /// Can it be read?
    const READ: bool = false;
    /// Writes what the file holds from `offset` on, as much as fits, and returns how much.
    fn read(&self, _offset: &mut i64, _to: &mut UserSliceWriter) -> Result<usize> {
        Err(EINVAL)
    }
}

/// A descriptor of the current process that is reserved and has no file yet. It closes on exec.
pub(crate) struct NewFd(FileDescriptorReservation);

impl NewFd {
    /// `EMFILE` if the process has too many.
    pub(crate) fn reserve() -> Result<Self> {
        let flags = kernel::fs::file::flags::O_CLOEXEC;
        Ok(Self(FileDescriptorReservation::get_unused_fd_flags(flags)?))
    }

    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.0.reserved_fd()
    }

    /// Puts a new file for `object` there. `name` is what /proc/PID/fd shows. `ENFILE`, `ENOMEM`.
    pub(crate) fn open<T: Descriptor>(self, name: &CStr, object: Arc<T>) -> Result<isize> {
        let flags = if T::READ {
            bindings::O_RDONLY
        } else {
            bindings::O_RDWR
        };
        let data = object.into_foreign();
        // SAFETY: The operations are static and expect an `Arc<T>` as private data.
        let file = unsafe {
            crate::bindings::anon_inode_getfile(
                name.as_char_ptr(),
                Ops::<T>::get(),
                data,
                flags as i32,
            )
        };
        let file = from_err_ptr(file).inspect_err(|_| {
            // SAFETY: There is no file that could own the reference.
            drop(unsafe { Arc::<T>::from_foreign(data) });
        })?;
        if T::READ {
            // SAFETY: Nobody else knows the file yet. pread needs no more than this.
            unsafe { (*file).f_mode |= FMODE_PREAD };
        }
        let nr = self.number();
        let file = core::ptr::NonNull::new(file).ok_or(ENOMEM)?;
        // SAFETY: We own the only reference to a new file, which nobody seeks.
        let file: ARef<File> = unsafe { ARef::from_raw(file.cast()) };
        self.0.fd_install(file);
        Ok(nr as isize)
    }
}

struct Ops<T>(PhantomData<T>);

impl<T: Descriptor> Ops<T> {
    const FILE: bindings::file_operations = bindings::file_operations {
        owner: compat::this_module(),
        release: Some(Self::release),
        unlocked_ioctl: Some(Self::ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: Some(bindings::compat_ptr_ioctl),
        llseek: Some(bindings::noop_llseek),
        mmap: if T::MMAP { Some(Self::mmap) } else { None },
        read: if T::READ { Some(Self::read) } else { None },
        ..pin_init::zeroed()
    };

    const VM: bindings::vm_operations_struct = bindings::vm_operations_struct {
        fault: Some(Self::fault),
        ..pin_init::zeroed()
    };

    const fn get() -> &'static bindings::file_operations {
        &Self::FILE
    }

    const fn vm_ops() -> &'static bindings::vm_operations_struct {
        &Self::VM
    }

    /// # Safety
    ///
    /// `file` is one of ours, with these operations, and not yet released.
    unsafe fn object<'a>(file: *mut bindings::file) -> ArcBorrow<'a, T> {
        // SAFETY: By the caller's promise the private data is what `open` put there.
        unsafe { Arc::<T>::borrow((*file).private_data) }
    }

    /// # Safety
    ///
    /// To be called by the VFS for one of our files, once, when nobody uses it any more.
    unsafe extern "C" fn release(_: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The private data is what `open` put there, and this is its last use.
        drop(unsafe { Arc::<T>::from_foreign((*file).private_data) });
        0
    }

    /// # Safety
    ///
    /// To be called by the VFS for one of our files.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: The file is open during the call.
        match T::ioctl(unsafe { Self::object(file) }, cmd, arg) {
            Ok(ret) => ret as c_long,
            Err(e) => e.to_errno() as c_long,
        }
    }

    /// # Safety
    ///
    /// To be called by the VFS for one of our files.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        buf: *mut c_char,
        len: usize,
        pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file is open during the call.
        let object = unsafe { Self::object(file) };
        // SAFETY: The VFS gives a valid position of its own.
        let pos = unsafe { &mut *pos };
        let mut writer = UserSlice::new(UserPtr::from_ptr(buf.cast()), len).writer();
        match object.read(pos, &mut writer) {
            Ok(n) => n as isize,
            Err(e) => e.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// To be called by the VFS for one of our files and a mapping that is being made.
    unsafe extern "C" fn mmap(_: *mut bindings::file, vma: *mut bindings::vm_area_struct) -> c_int {
        // SAFETY: The mapping is being made, so nobody else looks at it.
        let vma = unsafe { VmaNew::from_raw(vma) };
        // SAFETY: As above; the operations are static.
        unsafe { (*vma.as_ptr()).vm_ops = Self::vm_ops() };
        0
    }

    /// # Safety
    ///
    /// To be called for a fault in a mapping of one of our files.
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: The mapping exists during the call and holds a reference to the file.
        let (object, pgoff) = unsafe {
            let vma = (*vmf).__bindgen_anon_1.vma;
            (Self::object((*vma).vm_file), (*vmf).__bindgen_anon_1.pgoff)
        };
        let page = match object.page(pgoff) {
            Ok(page) => page,
            Err(e) if e == ENOMEM => return bindings::vm_fault_reason_VM_FAULT_OOM,
            Err(_) => return bindings::vm_fault_reason_VM_FAULT_SIGBUS,
        };
        // SAFETY: The object owns the page; the mapping gets a reference of its own.
        unsafe {
            crate::bindings::kvm_ppc_get_page(page.as_page());
            (*vmf).page = page.as_page();
        }
        0
    }
}
