// SPDX-License-Identifier: GPL-2.0

//! The device /dev/kvm.

use super::compat;
use core::marker::PhantomData;
use kernel::{bindings, device::Device, error::to_result, prelude::*, types::Opaque};

/// The device's minor number in the misc class.
const KVM_MINOR: i32 = 232;

/// The operations of the device.
pub(crate) trait System: Send + Sync + Sized + 'static {
    /// Handles an ioctl on an open /dev/kvm; `device` is the device.
    fn ioctl(&self, device: &Device, cmd: u32, arg: usize) -> Result<isize>;
}

/// The device /dev/kvm, which is registered as long as this value lives. The module stays loaded while it is open.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub(crate) struct KvmDevice<T> {
    // It has to be the first field, because an open file's private data point to it.
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    system: T,
}

// SAFETY: misc_deregister may run on any thread.
unsafe impl<T: Send> Send for KvmDevice<T> {}
// SAFETY: It gives out `&T` only.
unsafe impl<T: Sync> Sync for KvmDevice<T> {}

impl<T: System> KvmDevice<T> {
    /// Registers the device. Returns `EBUSY` if another module serves /dev/kvm.
    pub(crate) fn register(system: T) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // It is initialized before the device is registered, because the device may be used at once.
            system,
            misc <- Opaque::try_ffi_init(|slot: *mut bindings::miscdevice| {
                // SAFETY: `slot` is valid for writes.
                unsafe {
                    slot.write(bindings::miscdevice {
                        minor: KVM_MINOR,
                        name: c"kvm".as_char_ptr(),
                        fops: Ops::<T>::get(),
                        ..pin_init::zeroed()
                    })
                };
                // SAFETY: The device stays where it is until it is deregistered by `drop`.
                let registered = to_result(unsafe { bindings::misc_register(slot) });
                if registered == Err(EBUSY) {
                    pr_err!("/dev/kvm is taken: kvm.ko and its modules have to be unloaded first\n");
                }
                registered
            }),
        })
    }
}

#[pinned_drop]
impl<T> PinnedDrop for KvmDevice<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: It was registered by `register`.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}

struct Ops<T>(PhantomData<T>);

impl<T: System> Ops<T> {
    const FILE: bindings::file_operations = bindings::file_operations {
        owner: compat::this_module(),
        unlocked_ioctl: Some(Self::ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: Some(bindings::compat_ptr_ioctl),
        llseek: Some(bindings::noop_llseek),
        ..pin_init::zeroed()
    };

    const fn get() -> &'static bindings::file_operations {
        &Self::FILE
    }

    /// # Safety
    ///
    /// To be called by the VFS for an open /dev/kvm.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: misc_open makes the private data point at the miscdevice, which is the first
        // member of a `KvmDevice<T>`; that one stays while the module does, which the open file
        // keeps.
        let device = unsafe { &*(*file).private_data.cast::<KvmDevice<T>>() };
        // SAFETY: misc_register made it before the device could be opened, and it stays until misc_deregister.
        let this = unsafe { Device::from_raw((*device.misc.get()).this_device) };
        match device.system.ioctl(this, cmd, arg) {
            Ok(ret) => ret as c_long,
            Err(e) => e.to_errno() as c_long,
        }
    }
}
