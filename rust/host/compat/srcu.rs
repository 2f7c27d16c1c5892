// SPDX-License-Identifier: GPL-2.0

//! Sleepable RCU, for kernels whose crate does not wrap it.

use crate::bindings as helpers;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    types::{NotThreadSafe, Opaque},
};

/// A `struct srcu_struct`.
#[pin_data(PinnedDrop)]
pub(crate) struct Srcu {
    #[pin]
    inner: Opaque<bindings::srcu_struct>,
}

// SAFETY: It belongs to no thread.
unsafe impl Send for Srcu {}
// SAFETY: What is called with it here may be called by several at once.
unsafe impl Sync for Srcu {}

/// A reader. It may sleep.
pub(crate) struct Guard<'a> {
    srcu: &'a Srcu,
    index: i32,
    // lockdep tells readers by their thread.
    _here: NotThreadSafe,
}

/// A new [`Srcu`].
pub(crate) fn new_srcu() -> impl PinInit<Srcu, Error> {
    try_pin_init!(Srcu {
        inner <- Opaque::try_ffi_init(|srcu| {
            // SAFETY: `srcu` is memory for one, which stays where it is.
            to_result(unsafe { helpers::kvm_ppc_init_srcu_struct(srcu) })
        }),
    })
}

impl Srcu {
    #[inline]
    pub(crate) fn read_lock(&self) -> Guard<'_> {
        Guard {
            srcu: self,
            // SAFETY: `new` initialised it.
            index: unsafe { helpers::kvm_ppc_srcu_read_lock(self.inner.get()) },
            _here: NotThreadSafe,
        }
    }

    /// Waits until all are gone that read when this is called. Sleeps.
    pub(crate) fn synchronize_expedited(&self) {
        // SAFETY: `new` initialised it.
        unsafe { bindings::synchronize_srcu_expedited(self.inner.get()) };
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: The index is what `read_lock` was given, in this thread.
        unsafe { helpers::kvm_ppc_srcu_read_unlock(self.srcu.inner.get(), self.index) };
    }
}

#[pinned_drop]
impl PinnedDrop for Srcu {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Guards borrow it, so nobody reads; none of its callbacks is used.
        unsafe { bindings::cleanup_srcu_struct(self.inner.get()) };
    }
}
