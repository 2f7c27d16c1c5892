// SPDX-License-Identifier: GPL-2.0

//! Event file descriptors.

use crate::bindings;
use core::ptr::NonNull;
use kernel::{error::from_err_ptr, prelude::*};

/// A reference to an eventfd.
pub(crate) struct EventFd(NonNull<bindings::eventfd_ctx>);

// SAFETY: eventfd_ctx is counted and locks itself.
unsafe impl Send for EventFd {}
// SAFETY: As above.
unsafe impl Sync for EventFd {}

impl EventFd {
    /// The eventfd that a descriptor of this process refers to. `EBADF` if the descriptor is not open, `EINVAL` if it
    /// refers to something else.
    pub(crate) fn from_fd(fd: i32) -> Result<Self> {
        // SAFETY: Any number may be asked for.
        let ctx = from_err_ptr(unsafe { bindings::eventfd_ctx_fdget(fd) })?;
        Ok(Self(NonNull::new(ctx).ok_or(EBADF)?))
    }

    /// Adds one to its count. May be called from any context.
    pub(crate) fn signal(&self) {
        // SAFETY: We hold a reference.
        unsafe { bindings::kvm_ppc_eventfd_signal(self.0.as_ptr()) };
    }

    /// Is it this one?
    pub(super) fn is(&self, ctx: *mut bindings::eventfd_ctx) -> bool {
        self.0.as_ptr() == ctx
    }
}

impl PartialEq for EventFd {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: We hold a reference, which this gives back.
        unsafe { bindings::eventfd_ctx_put(self.0.as_ptr()) };
    }
}
