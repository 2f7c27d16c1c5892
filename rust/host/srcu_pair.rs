// SPDX-License-Identifier: GPL-2.0

//! A value that is read often, without a lock, and seldom changed, without copying it.

use super::srcu_cell::{ReadGuard, SrcuCell};
use core::ptr::NonNull;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Mutex, MutexGuard},
};

/// Two values of `T`. Readers use one of them while a writer changes the other, and then the two are exchanged. The
/// writer has to repeat its change in the value that readers had before, and may keep a `W` for that. Readers may
/// sleep.
#[pin_data]
pub(crate) struct SrcuPair<T, W> {
    #[pin]
    cell: SrcuCell<T>,
    #[pin]
    writer: Mutex<Spare<T, W>>,
}

/// # Invariants
///
/// `value` comes from [`KBox::into_raw`] and is owned. New readers do not get it. Older ones may still use it if `read`
/// is true.
struct Spare<T, W> {
    value: NonNull<T>,
    read: bool,
    state: W,
}

// SAFETY: It owns a `T` and a `W`.
unsafe impl<T: Send, W: Send> Send for Spare<T, W> {}

// Nothing in it is pinned.
impl<T, W> Unpin for Spare<T, W> {}

/// The right to change the pair.
pub(crate) struct Writer<'a, T, W> {
    cell: &'a SrcuCell<T>,
    spare: MutexGuard<'a, Spare<T, W>>,
}

impl<T, W> Drop for Spare<T, W> {
    fn drop(&mut self) {
        // SAFETY: By the invariants. Readers borrow the pair, so there are none.
        drop(unsafe { KBox::from_raw(self.value.as_ptr()) });
    }
}

impl<T, W> SrcuPair<T, W> {
    /// Two equal values.
    pub(crate) fn new(one: KBox<T>, other: KBox<T>, state: W) -> impl PinInit<Self, Error> {
        // INVARIANT: It is a box, which nobody has read.
        let spare = Spare {
            value: NonNull::from(KBox::leak(other)),
            read: false,
            state,
        };
        try_pin_init!(Self {
            cell <- SrcuCell::new(one),
            writer <- new_mutex!(spare, "kvm_ppc_srcu_pair"),
        })
    }

    /// The value that readers get now. It does not change until the guard is dropped.
    #[inline]
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        self.cell.read()
    }

    /// Gets the right to change the pair. Sleeps while another thread has it. A reader must not call this, because that
    /// thread may be waiting for the reader.
    pub(crate) fn write(&self) -> Writer<'_, T, W> {
        Writer {
            cell: &self.cell,
            spare: self.writer.lock(),
        }
    }
}

impl<T, W> Writer<'_, T, W> {
    /// The value that readers do not get, and the writers' state. Sleeps until no older reader uses the value any more.
    pub(crate) fn spare(&mut self) -> (&mut T, &mut W) {
        if self.spare.read {
            self.wait();
        }
        let spare = &mut *self.spare;
        // SAFETY: By the invariants nobody else has it.
        (unsafe { spare.value.as_mut() }, &mut spare.state)
    }

    /// The writers' state.
    pub(crate) fn state(&mut self) -> &mut W {
        &mut self.spare.state
    }

    /// Exchanges the two values: from now on readers get the spare one. What `hold` returns is held during the
    /// exchange.
    pub(crate) fn publish<G>(&mut self, hold: impl FnOnce() -> G) {
        let held = hold();
        // SAFETY: It is owned, and comes from `into_raw`. What comes back does, too.
        self.spare.value = unsafe { self.cell.exchange(self.spare.value) };
        // INVARIANT: Older readers may still use it.
        self.spare.read = true;
        drop(held);
    }

    /// Waits until all readers that began before this call have finished. Sleeps.
    pub(crate) fn wait(&mut self) {
        self.cell.synchronize();
        // INVARIANT: Readers that began later use the other value.
        self.spare.read = false;
    }
}
