// SPDX-License-Identifier: GPL-2.0

//! A value that many read without a lock and few change, without making a copy.

use super::srcu_cell::{ReadGuard, SrcuCell};
use core::ptr::NonNull;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Mutex, MutexGuard},
};

/// Two values of `T`: readers find one, and the other is changed meanwhile. Then they are exchanged. Making them equal
/// again is up to who changes them, who also keeps a `W`. Readers may sleep.
#[pin_data]
pub(crate) struct SrcuPair<T, W> {
    #[pin]
    cell: SrcuCell<T>,
    #[pin]
    writer: Mutex<Spare<T, W>>,
}

/// # Invariants
///
/// `value` comes from [`KBox::into_raw`] and is owned. Readers may have it, but find it no more; if `read` is false,
/// none has it.
struct Spare<T, W> {
    value: NonNull<T>,
    read: bool,
    state: W,
}

// SAFETY: It owns a `T` and a `W`.
unsafe impl<T: Send, W: Send> Send for Spare<T, W> {}

// Nothing in it is pinned.
impl<T, W> Unpin for Spare<T, W> {}

/// Right to change the pair.
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

    /// The value that readers find now, which stays as it is until what this returns is dropped.
    #[inline]
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        self.cell.read()
    }

    /// Sleeps while somebody else has this right. Not for a reader, for whom the other might wait.
    pub(crate) fn write(&self) -> Writer<'_, T, W> {
        Writer {
            cell: &self.cell,
            spare: self.writer.lock(),
        }
    }
}

impl<T, W> Writer<'_, T, W> {
    /// The value that nobody reads, and the writers' state. Sleeps if somebody may still read it.
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

    /// Readers find from now on what was the spare value; the other is the spare one. What `hold` returns is held
    /// meanwhile.
    pub(crate) fn publish<G>(&mut self, hold: impl FnOnce() -> G) {
        let held = hold();
        // SAFETY: It is owned, and comes from `into_raw`. What comes back does, too.
        self.spare.value = unsafe { self.cell.exchange(self.spare.value) };
        // INVARIANT: Readers of before have it.
        self.spare.read = true;
        drop(held);
    }

    /// Waits until whoever began to read before now has ended. Sleeps.
    pub(crate) fn wait(&mut self) {
        self.cell.synchronize();
        // INVARIANT: Who began to read later finds the other value.
        self.spare.read = false;
    }
}
