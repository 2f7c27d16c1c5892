// SPDX-License-Identifier: GPL-2.0

//! Which changes of the owner's mappings are under way, so that slots are not changed meanwhile.
//!
//! The mmu notifier looks twice for slots that have the addresses that change, when the change begins and when it ends,
//! and has to find the same ones: only if there is one does it announce the change to faults
//! ([`MmuGuard::invalidate_begin`](super::mmu_lock::MmuGuard)). For a slot that was added in between, only the end
//! would be announced, and a fault in it could map a page that is about to be unmapped.

use kernel::{
    new_condvar, new_spinlock,
    prelude::*,
    sync::{CondVar, SpinLock, SpinLockGuard},
};

/// The number of changes under way.
#[pin_data]
pub(super) struct Invalidations {
    #[pin]
    state: SpinLock<State>,
    #[pin]
    none: CondVar,
}

/// What the lock protects.
pub(super) struct State {
    active: usize,
    /// Whether a thread waits until there is none.
    awaited: bool,
}

impl Invalidations {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_spinlock!(State { active: 0, awaited: false }, "kvm_ppc_invalidations"),
            none <- new_condvar!("kvm_ppc_invalidations"),
        })
    }

    /// Counts a change that begins. Has to be called before the slots are searched.
    pub(super) fn begin(&self) {
        self.state.lock().active += 1;
    }

    /// Calls `f` with the number of changes under way, and then counts one less. `f` must not sleep.
    pub(super) fn end(&self, f: impl FnOnce(usize)) {
        let mut state = self.state.lock();
        f(state.active);
        state.active = state.active.saturating_sub(1);
        if state.active == 0 && core::mem::take(&mut state.awaited) {
            self.none.notify_all();
        }
    }

    /// Waits until no change is under way. None can begin while the guard is held. Sleeps.
    pub(super) fn exclude(&self) -> SpinLockGuard<'_, State> {
        let mut state = self.state.lock();
        while state.active != 0 {
            state.awaited = true;
            self.none.wait(&mut state);
        }
        state
    }
}
