// SPDX-License-Identifier: GPL-2.0

//! Something that is done whenever an eventfd is signalled, at once and by who signals it.

use super::eventfd::EventFd;
use crate::bindings as helpers;
use kernel::{
    bindings,
    prelude::*,
    sync::atomic::{AtomicFlag, Relaxed},
    types::Opaque,
};

const EPOLLIN: usize = 0x1;
const EPOLLHUP: usize = 0x10;

/// What is done.
pub(crate) trait Target: Send + Sync + 'static {
    /// The eventfd was signalled. In any context; the eventfd's lock may be held, with interrupts off.
    fn fire(&self);
}

/// An eventfd that is watched, until this goes.
///
/// # Invariants
///
/// If `ctx` is not null, it is a reference to an eventfd, whose queue `entry` is in or was.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub(crate) struct IrqFd<T: Target> {
    // First, since this is what it is known by to the queue.
    #[pin]
    entry: Opaque<bindings::wait_queue_entry>,
    #[pin]
    ctx: Opaque<*mut helpers::eventfd_ctx>,
    closed: AtomicFlag,
    target: T,
}

// SAFETY: The queue has a lock of its own, and the rest is only read, or atomic.
unsafe impl<T: Target> Send for IrqFd<T> {}
// SAFETY: As above.
unsafe impl<T: Target> Sync for IrqFd<T> {}

impl<T: Target> IrqFd<T> {
    /// Watches the eventfd behind a descriptor of this process. It is taken to be signalled now if it was and nobody has
    /// read it. `EBADF` if there is none, `EINVAL` if it is something else, `EBUSY` if it is watched already, `ENOMEM`.
    pub(crate) fn watch(fd: i32, target: T) -> Result<Pin<KBox<Self>>> {
        let this = KBox::pin_init(
            // INVARIANT: There is no eventfd yet.
            pin_init!(Self {
                entry: Opaque::zeroed(),
                ctx: Opaque::new(core::ptr::null_mut()),
                closed: AtomicFlag::new(false),
                target,
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        // SAFETY: `this` stays where it is, and its `Drop` takes the entry out of the queue. The function is given that
        // entry only.
        // INVARIANT: The function sets `ctx` before it puts the entry into the eventfd's queue, to a reference.
        let ret = unsafe {
            helpers::kvm_ppc_eventfd_watch(fd, this.entry.get(), Some(Self::wake), this.ctx.get())
        };
        match kernel::error::to_result(ret) {
            Err(e) => return Err(e),
            Ok(()) if ret > 0 => this.target.fire(),
            Ok(()) => {}
        }
        Ok(this)
    }

    /// Is there anybody left who has the eventfd open?
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.load(Relaxed)
    }

    /// Is it that eventfd?
    pub(crate) fn is_of(&self, eventfd: &EventFd) -> bool {
        // SAFETY: `watch` has set it, and nobody does after that.
        eventfd.is(unsafe { *self.ctx.get() })
    }

    /// What is done.
    pub(crate) fn target(&self) -> &T {
        &self.target
    }

    /// # Safety
    ///
    /// To be called by the eventfd, with its queue's lock held, for the entry of one of these.
    unsafe extern "C" fn wake(
        entry: *mut bindings::wait_queue_entry,
        _mode: c_uint,
        _flags: c_int,
        key: *mut c_void,
    ) -> c_int {
        // SAFETY: It begins with the entry, which `Drop` takes out of the queue under the same lock.
        let this = unsafe { &*entry.cast::<Self>() };
        let events = key.addr();
        if events & EPOLLHUP != 0 {
            this.closed.store(true, Relaxed);
        }
        if events & EPOLLIN == 0 {
            return 0;
        }
        let mut count = 0;
        // SAFETY: By the invariants it is the eventfd whose queue this is, and the lock is held.
        unsafe { helpers::eventfd_ctx_do_read(*this.ctx.get(), &mut count) };
        this.target.fire();
        1
    }
}

#[pinned_drop]
impl<T: Target> PinnedDrop for IrqFd<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: As in `is_of`.
        let ctx = unsafe { *self.ctx.get() };
        if ctx.is_null() {
            return;
        }
        let mut count = 0;
        // SAFETY: By the invariants. An entry that never came into the queue is a list of itself. After this `wake` is not
        // called any more, nor does it run, and the reference is given back.
        unsafe {
            helpers::eventfd_ctx_remove_wait_queue(ctx, self.entry.get(), &mut count);
            helpers::eventfd_ctx_put(ctx);
        }
    }
}
