// SPDX-License-Identifier: GPL-2.0

//! A mutex whose waiters can be killed. A vCPU's state needs it, because the mutex is held while the guest runs.

use crate::bindings;
use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};
use kernel::{
    prelude::*,
    sync::LockClassKey,
    types::{NotThreadSafe, Opaque},
};

/// A `T` behind a `struct mutex`.
#[pin_data]
pub(crate) struct KillableMutex<T> {
    #[pin]
    mutex: Opaque<kernel::bindings::mutex>,
    #[pin]
    data: UnsafeCell<T>,
}

// SAFETY: It owns a `T`.
unsafe impl<T: Send> Send for KillableMutex<T> {}
// SAFETY: One thread at a time gets `&mut T`.
unsafe impl<T: Send> Sync for KillableMutex<T> {}

/// Proof that the mutex is held, and access to what it protects.
pub(crate) struct Guard<'a, T> {
    lock: &'a KillableMutex<T>,
    _not_send: NotThreadSafe,
}

impl<T> KillableMutex<T> {
    /// A mutex that protects `data`. `key` is its class for lockdep.
    pub(crate) fn new(
        data: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: `slot` is where the mutex will stay; name and key are static.
            mutex <- Opaque::ffi_init(|slot| unsafe {
                kernel::bindings::__mutex_init(slot, name.as_char_ptr(), key.as_ptr())
            }),
            data: UnsafeCell::new(data),
        })
    }

    /// Waits for the mutex. Returns `EINTR` if a fatal signal ended the wait.
    pub(crate) fn lock_killable(&self) -> Result<Guard<'_, T>> {
        // SAFETY: The mutex was initialized by `new`.
        let ret = unsafe { bindings::kvm_ppc_mutex_lock_killable(self.mutex.get()) };
        if ret != 0 {
            return Err(EINTR);
        }
        Ok(Guard {
            lock: self,
            _not_send: NotThreadSafe,
        })
    }
}

impl<T> KillableMutex<T> {
    /// Takes the mutex if nobody holds it.
    #[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        // SAFETY: The mutex was initialized by `new`.
        let taken = unsafe { bindings::kvm_ppc_mutex_trylock(self.mutex.get()) };
        // A guard that is made unlocks the mutex when it is dropped, so none is made otherwise.
        taken.then(|| Guard {
            lock: self,
            _not_send: NotThreadSafe,
        })
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: The guard's existence means that this thread holds the mutex.
        unsafe { bindings::kvm_ppc_mutex_unlock(self.lock.mutex.get()) };
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: This thread holds the mutex.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: This thread holds the mutex.
        unsafe { &mut *self.lock.data.get() }
    }
}
