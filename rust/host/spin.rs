// SPDX-License-Identifier: GPL-2.0

//! A spinlock whose value can be reached without locking by who owns it alone.

use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};
use kernel::{
    prelude::*,
    sync::{
        lock::{self, spinlock::SpinLockBackend},
        LockClassKey, SpinLock,
    },
};

/// A `T` behind a spinlock.
#[pin_data]
pub(crate) struct SpinCell<T> {
    #[pin]
    lock: SpinLock<()>,
    data: UnsafeCell<T>,
}

// SAFETY: It owns a `T`.
unsafe impl<T: Send> Send for SpinCell<T> {}
// SAFETY: One thread at a time gets `&mut T`.
unsafe impl<T: Send> Sync for SpinCell<T> {}

/// The lock is held.
pub(crate) struct Guard<'a, T> {
    data: &'a UnsafeCell<T>,
    _lock: lock::Guard<'a, (), SpinLockBackend>,
}

impl<T> SpinCell<T> {
    /// `key` is the lock's class for lockdep.
    pub(crate) fn new(
        data: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            lock <- SpinLock::new((), name, key),
            data: UnsafeCell::new(data),
        })
    }

    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        Guard {
            _lock: self.lock.lock(),
            data: &self.data,
        }
    }

    /// `None` if somebody has it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        Some(Guard {
            _lock: self.lock.try_lock()?,
            data: &self.data,
        })
    }

    /// Nobody else can have it locked.
    pub(crate) fn value_mut(self: Pin<&mut Self>) -> &mut T {
        self.project().data.get_mut()
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The lock is held.
        unsafe { &*self.data.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: The lock is held.
        unsafe { &mut *self.data.get() }
    }
}
