// SPDX-License-Identifier: GPL-2.0

//! The lock of a VM's translation tables, and how a fault notices that the owner's mappings
//! changed while it looked a page up.
//!
//! A fault reads the sequence number ([`MmuLock::fault_begin`]), looks up the user page without
//! the lock, takes the lock, and maps the page only if [`MmuGuard::retry`] says that no
//! invalidation of that address is under way or has ended since. An invalidation counts itself in
//! and takes translations away under the lock, and counts itself out, with a new sequence number,
//! under the lock.

use super::{
    gfn::{Gfn, CHUNK},
    state::BackendState,
};
use crate::host::{compat, mm::InvalidationsExcluded, once};
use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut, Range},
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{atomic::Atomic, SpinLock, SpinLockGuard},
};

/// A spinlock around the backend's translation state.
#[pin_data]
pub(crate) struct MmuLock<B: BackendState> {
    #[pin]
    state: SpinLock<State<B::Mmu>>,
    // Number of invalidations that have ended. Only written with `state` locked.
    seq: Atomic<usize>,
    // Invalidations under way. Only written with `state` locked.
    in_progress: Atomic<usize>,
}

struct State<M> {
    mmu: M,
    // A range that includes all addresses of the invalidations under way.
    range: Range<usize>,
}

/// What a fault knows about invalidations before it looks its page up.
#[derive(Clone, Copy)]
pub(crate) struct FaultSeq(usize);

/// Proves that the lock is held. Its holder must not sleep or allocate memory.
pub(crate) struct MmuGuard<'a, B: BackendState> {
    guard: SpinLockGuard<'a, State<B::Mmu>>,
    lock: &'a MmuLock<B>,
}

/// Proves that no invalidation is under way and that none can begin, because the lock for that is held.
pub(crate) struct Quiet<'a>(PhantomData<&'a ()>);

// SAFETY: Only `MmuGuard::quiet` makes one, which borrows the guard, if none is under way; one that begins counts
// itself in by `invalidate_begin`, for which the lock is needed.
unsafe impl InvalidationsExcluded for Quiet<'_> {}

impl<B: BackendState> MmuLock<B> {
    pub(super) fn new(mmu: B::Mmu) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            state <- new_spinlock!(
                State { mmu, range: 0..0 },
                "kvm_ppc_mmu_lock"
            ),
            seq: Atomic::new(0),
            in_progress: Atomic::new(0),
        })
    }

    /// To be called before the user page of a fault is looked up.
    pub(crate) fn fault_begin(&self) -> FaultSeq {
        let seq = once::read_usize(&self.seq);
        // The page has to be looked up after this read.
        compat::smp_rmb();
        FaultSeq(seq)
    }

    #[inline]
    pub(crate) fn lock(&self) -> MmuGuard<'_, B> {
        MmuGuard {
            guard: self.state.lock(),
            lock: self,
        }
    }

    /// How many invalidations that concern a slot are under way. The caller must be inside a change of the owner's
    /// mappings, so that its own invalidation is counted if it has begun one.
    pub(super) fn in_progress(&self) -> usize {
        once::read_usize(&self.in_progress)
    }

    // Is any invalidation under way?
    fn invalidating(&self) -> bool {
        self.in_progress() != 0
    }

    /// Calls `f` with all of `gfns`, in pieces that are short enough for a spinlock, which is held for each call. `f`
    /// removes from its piece what it has handled, and is called again with the rest.
    pub(crate) fn in_chunks(
        &self,
        gfns: Range<Gfn>,
        mut f: impl FnMut(&mut MmuGuard<'_, B>, &mut Range<Gfn>),
    ) {
        let mut at = gfns.start;
        while at < gfns.end {
            // A piece ends at a multiple of its size, so that it does not split mappings that are no larger.
            let end = gfns.end.min((at | (CHUNK - 1)).saturating_add(1));
            let mut part = at..end;
            while !part.is_empty() {
                f(&mut self.lock(), &mut part);
            }
            at = end;
        }
    }

    /// Takes the lock, or returns `None` if it is held already.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MmuGuard<'_, B>> {
        Some(MmuGuard {
            guard: self.state.try_lock()?,
            lock: self,
        })
    }
}

impl<B: BackendState> MmuGuard<'_, B> {
    /// Does the fault have to be handled again from the beginning, because the owner's mappings of `hvas` may have
    /// changed since `seq` was read?
    ///
    /// `hvas` is all that is about to be mapped, not only the page that faulted.
    pub(crate) fn retry(&self, seq: &FaultSeq, hvas: &Range<usize>) -> bool {
        let range = &self.guard.range;
        let now = self.lock.invalidating() && range.start < hvas.end && hvas.start < range.end;
        now || once::read_usize(&self.lock.seq) != seq.0
    }

    /// The lock as a proof that no invalidation is under way or can begin; `None` while one is under way.
    #[inline]
    pub(crate) fn quiet(&self) -> Option<Quiet<'_>> {
        (!self.lock.invalidating()).then_some(Quiet(PhantomData))
    }

    /// Notes that the owner's mappings of `hvas` begin to change. Their translations have to be removed before the
    /// notifier returns.
    pub(super) fn invalidate_begin(&mut self, hvas: &Range<usize>) {
        let range = &mut self.guard.range;
        *range = match self.lock.invalidating() {
            false => hvas.clone(),
            true => range.start.min(hvas.start)..range.end.max(hvas.end),
        };
        let in_progress = &self.lock.in_progress;
        once::write_usize(in_progress, once::read_usize(in_progress) + 1);
    }

    /// The change that [`invalidate_begin`](Self::invalidate_begin) announced is over.
    pub(super) fn invalidate_end(&mut self) {
        let (in_progress, seq) = (&self.lock.in_progress, &self.lock.seq);
        once::write_usize(in_progress, once::read_usize(in_progress).saturating_sub(1));
        once::write_usize(seq, once::read_usize(seq).wrapping_add(1));
    }
}

impl<B: BackendState> Deref for MmuGuard<'_, B> {
    type Target = B::Mmu;

    fn deref(&self) -> &B::Mmu {
        &self.guard.mmu
    }
}

impl<B: BackendState> DerefMut for MmuGuard<'_, B> {
    fn deref_mut(&mut self) -> &mut B::Mmu {
        &mut self.guard.mmu
    }
}
