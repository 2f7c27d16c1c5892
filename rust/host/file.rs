// SPDX-License-Identifier: GPL-2.0

//! Anonymous files with operations of our own: VMs, vCPUs, their statistics, TCE tables, devices.

use super::{compat, page::SharedPage};
use core::{marker::PhantomData, ops::Range};
use kernel::{
    bindings,
    error::from_err_ptr,
    fs::file::{File, FileDescriptorReservation},
    mm::virt::VmaNew,
    page::PAGE_SIZE,
    prelude::*,
    sync::{aref::ARef, Arc, ArcBorrow},
    types::ForeignOwnable,
    uaccess::{UserSlice, UserSliceReader, UserSliceWriter},
};

/// The file can be read at an offset (linux/fs.h).
const FMODE_PREAD: u32 = 1 << 3;

/// The operations of such a file. The module stays loaded while the file is open.
pub(crate) trait Descriptor: Send + Sync + Sized + 'static {
    /// An ioctl, from any thread that has the file.
    fn ioctl(_this: ArcBorrow<'_, Self>, _cmd: u32, _arg: usize) -> Result<isize> {
        Err(ENOTTY)
    }

    /// Whether the file can be mapped.
    const MMAP: bool = false;
    /// The page to map for the file's page `pgoff`. `ENOMEM` has the effect of any fault for which there is no memory,
    /// other errors give SIGBUS. Sleeps.
    fn page(&self, _pgoff: usize) -> Result<&SharedPage> {
        Err(EFAULT)
    }

    /// Are there device registers to be mapped?
    const REGISTERS: bool = false;
    /// May the file's pages `pgoffs` be mapped as such? Faults ask for each page.
    fn may_map_registers(&self, _pgoffs: Range<usize>) -> bool {
        false
    }
    /// The real address of the registers at the file's page `pgoff`; errors end in SIGBUS. Must not touch user memory.
    fn registers(&self, _pgoff: usize) -> Result<u64> {
        Err(EFAULT)
    }

    /// Whether the file can be read.
    const READ: bool = false;
    /// Writes to `to` as much of the file from `offset` on as fits, advances `offset`, and returns how many bytes that
    /// was.
    fn read(&self, _offset: &mut i64, _to: &mut UserSliceWriter) -> Result<usize> {
        Err(EINVAL)
    }

    /// Whether the file can be written, and not read.
    const WRITE: bool = false;
    /// Takes what is in `from`, and returns how many bytes of it were taken.
    fn write(&self, _from: &mut UserSliceReader) -> Result<usize> {
        Err(EINVAL)
    }
}

/// A reserved descriptor of the current process that has no file yet. It is closed on exec.
pub(crate) struct NewFd(FileDescriptorReservation);

impl NewFd {
    /// Reserves a descriptor. Returns `EMFILE` if the process has too many.
    pub(crate) fn reserve() -> Result<Self> {
        let flags = kernel::fs::file::flags::O_CLOEXEC;
        Ok(Self(FileDescriptorReservation::get_unused_fd_flags(flags)?))
    }

    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.0.reserved_fd()
    }

    /// Makes a new file for `object` and installs it at the descriptor, whose number is returned. `name` is what
    /// /proc/PID/fd shows. Returns `ENFILE` or `ENOMEM`.
    pub(crate) fn open<T: Descriptor>(self, name: &CStr, object: Arc<T>) -> Result<isize> {
        let flags = if T::READ {
            bindings::O_RDONLY
        } else if T::WRITE {
            bindings::O_WRONLY
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

/// What a descriptor's file is known by, while it is open: no other has this.
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) fn identity<T: Descriptor>(object: &Arc<T>) -> usize {
    let data = object.clone().into_foreign();
    // SAFETY: It is what the line above made, and used once.
    drop(unsafe { Arc::<T>::from_foreign(data) });
    data.addr()
}

/// The [`identity`] of the file behind a descriptor of this process, if it is one of ours; else some other number. `EBADF`
/// if there is none.
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) fn identity_of(fd: u32) -> Result<usize> {
    let file = kernel::fs::file::LocalFile::fget(fd)?;
    // SAFETY: The file is open. Its private data is not looked into.
    Ok(unsafe { (*file.as_ptr()).private_data }.addr())
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
        mmap: if T::MMAP {
            Some(Self::mmap)
        } else if T::REGISTERS {
            Some(Self::mmap_registers)
        } else {
            None
        },
        read: if T::READ { Some(Self::read) } else { None },
        write: if T::WRITE { Some(Self::write) } else { None },
        ..pin_init::zeroed()
    };

    const VM: bindings::vm_operations_struct = bindings::vm_operations_struct {
        fault: Some(Self::fault),
        ..pin_init::zeroed()
    };

    const REGISTERS_VM: bindings::vm_operations_struct = bindings::vm_operations_struct {
        fault: Some(Self::fault_registers),
        ..pin_init::zeroed()
    };

    const fn registers_vm_ops() -> &'static bindings::vm_operations_struct {
        &Self::REGISTERS_VM
    }

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
    /// To be called by the VFS for one of our files.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buf: *const c_char,
        len: usize,
        _pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file is open during the call.
        let object = unsafe { Self::object(file) };
        let from = UserPtr::from_ptr(buf.cast_mut().cast());
        match object.write(&mut UserSlice::new(from, len).reader()) {
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
    /// To be called by the VFS for one of our files and a mapping that is being made.
    unsafe extern "C" fn mmap_registers(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: The file is open during the call.
        let object = unsafe { Self::object(file) };
        // SAFETY: The mapping is being made, so nobody else looks at it.
        let (new, pgoff) = unsafe { (VmaNew::from_raw(vma), (*vma).vm_pgoff) };
        let pages = (new.end() - new.start()) / PAGE_SIZE;
        let Some(end) = pgoff.checked_add(pages) else {
            return EINVAL.to_errno();
        };
        if !object.may_map_registers(pgoff..end) {
            return EINVAL.to_errno();
        }
        // SAFETY: As above; the operations are static.
        unsafe {
            let ret = crate::bindings::kvm_ppc_vma_set_registers(vma);
            if ret == 0 {
                (*vma).vm_ops = Self::registers_vm_ops();
            }
            ret
        }
    }

    /// # Safety
    ///
    /// To be called for a fault in a mapping of registers of one of our files.
    unsafe extern "C" fn fault_registers(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: The mapping exists during the call and holds a reference to the file.
        let (object, vma, pgoff, address) = unsafe {
            let fault = &(*vmf).__bindgen_anon_1;
            let vma = fault.vma;
            (
                Self::object((*vma).vm_file),
                vma,
                fault.pgoff,
                fault.address,
            )
        };
        let Ok(registers) = object.registers(pgoff) else {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        };
        // SAFETY: The mapping was made for registers, and the fault's lock keeps it.
        unsafe { crate::bindings::kvm_ppc_vma_insert_registers(vma, address, registers as usize) }
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
