// SPDX-License-Identifier: GPL-2.0

//! A value that is read often, without a lock, and seldom replaced.

use super::compat::{new_srcu, srcu, Srcu};
use core::{ops::Deref, ptr::NonNull};
use kernel::{
    prelude::*,
    sync::atomic::{Acquire, Atomic, Full},
};

/// An owned, immutable `T` that is replaced as a whole. Readers may sleep.
///
/// # Invariants
///
/// `ptr` comes from [`KBox::into_raw`], and is freed only after a grace period of `srcu` that began
/// after it was taken out.
#[pin_data(PinnedDrop)]
pub(crate) struct SrcuCell<T> {
    ptr: Atomic<*mut T>,
    #[pin]
    srcu: Srcu,
}

// SAFETY: It owns a `T`.
unsafe impl<T: Send + Sync> Send for SrcuCell<T> {}
// SAFETY: It gives out `&T` and, by `replace`, `T`.
unsafe impl<T: Send + Sync> Sync for SrcuCell<T> {}

/// Read access to what the cell held when reading began; it stays as it is until this is dropped.
pub(crate) struct ReadGuard<'a, T> {
    value: &'a T,
    _guard: srcu::Guard<'a>,
}

impl<T> SrcuCell<T> {
    pub(crate) fn new(value: KBox<T>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            srcu <- new_srcu(),
            // INVARIANT: From `into_raw`.
            ptr: Atomic::new(KBox::into_raw(value)),
        })
    }

    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        let guard = self.srcu.read_lock();
        let ptr = self.ptr.load(Acquire);
        ReadGuard {
            // SAFETY: By the invariants the value is not freed while `guard` lives.
            value: unsafe { &*ptr },
            _guard: guard,
        }
    }

    /// Publishes `new`, and returns the old value, which readers may still use.
    ///
    /// # Safety
    ///
    /// `new` is owned and comes from [`KBox::into_raw`], as what is returned does.
    pub(super) unsafe fn exchange(&self, new: NonNull<T>) -> NonNull<T> {
        // INVARIANT: By the caller's promise.
        let old = self.ptr.xchg(new.as_ptr(), Full);
        // SAFETY: It never is null.
        unsafe { NonNull::new_unchecked(old) }
    }

    /// Waits until all readers that began before this call have finished. Sleeps. Must not be called by a reader.
    pub(super) fn synchronize(&self) {
        self.srcu.synchronize_expedited();
    }

    /// Publishes `new`, waits until nobody reads the old value any more, and returns that.
    ///
    /// Sleeps. Must not be called by a reader, which would wait for itself.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn replace(&self, new: KBox<T>) -> KBox<T> {
        let old = self.ptr.xchg(KBox::into_raw(new), Full);
        self.synchronize();
        // SAFETY: `old` came from `into_raw`; it was taken out before the grace period, so there is
        // no reader left, and only one `xchg` can have returned it.
        unsafe { KBox::from_raw(old) }
    }
}

#[pinned_drop]
impl<T> PinnedDrop for SrcuCell<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Guards borrow the cell, so there are none. The pointer came from `into_raw`.
        drop(unsafe { KBox::from_raw(self.ptr.load(Acquire)) });
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}
