// SPDX-License-Identifier: GPL-2.0

//! A set that guests' accesses look into at any time, and that userspace changes now and then.
//!
//! There are two copies of it. A change is made to the one that nobody reads, the two are exchanged, and once the last
//! reader of the other has gone it is made there, too; but nobody waits for that before the next change. A member that
//! goes is marked first, and what has to end before it is gone ends when readers that saw it unmarked have gone; taking
//! it out of the set can wait.

use crate::host::{
    srcu_cell::ReadGuard,
    srcu_pair::{SrcuPair, Writer},
};
use kernel::prelude::*;

/// A set that can be changed without fail, and that is empty by default.
pub(crate) trait Changed: Default {
    /// A change, with all the memory that it needs.
    type Change;

    fn apply(&mut self, change: Self::Change);
}

/// So many members may be left that are gone.
const POSTPONED: usize = 16;

/// The set.
#[pin_data]
pub(crate) struct Published<S: Changed> {
    #[pin]
    pair: SrcuPair<S, Lag<S>>,
}

/// How the two copies differ.
struct Lag<S: Changed> {
    /// What the spare copy lacks.
    behind: KVec<S::Change>,
    /// What only the spare copy has.
    ahead: KVec<S::Change>,
}

/// Right to change the set.
pub(super) struct Changing<'a, S: Changed>(Writer<'a, S, Lag<S>>);

impl<S: Changed> Published<S> {
    /// An empty set.
    pub(super) fn new() -> impl PinInit<Self, Error> {
        let empty = || KBox::new(S::default(), GFP_KERNEL_ACCOUNT);
        let lag = Lag {
            behind: KVec::new(),
            ahead: KVec::new(),
        };
        try_pin_init!(Self {
            pair <- SrcuPair::new(empty()?, empty()?, lag),
        })
    }

    /// The set as it is now. The guard may be held while sleeping, but not while the set is changed.
    #[inline]
    pub(crate) fn read(&self) -> ReadGuard<'_, S> {
        self.pair.read()
    }

    /// To change it. `ENOMEM` without memory, and nothing fails afterwards. Sleeps.
    pub(super) fn change(&self) -> Result<Changing<'_, S>> {
        let mut writer = self.pair.write();
        let lag = writer.state();
        // For the change after the postponed ones.
        lag.behind.reserve(POSTPONED + 1, GFP_KERNEL_ACCOUNT)?;
        lag.ahead.reserve(POSTPONED + 1, GFP_KERNEL_ACCOUNT)?;
        Ok(Changing(writer))
    }
}

impl<S: Changed> Changing<'_, S> {
    /// The set as it is, but for members that are gone.
    pub(super) fn set(&mut self) -> &mut S {
        let (set, lag) = self.0.spare();
        lag.behind.drain_all().for_each(|change| set.apply(change));
        set
    }

    // Makes the change to the spare copy; `again` is the same change.
    fn prepare(&mut self, change: S::Change, again: S::Change) -> usize {
        self.set().apply(change);
        let ahead = &mut self.0.state().ahead;
        // There is room.
        let _ = ahead.push(again, GFP_KERNEL_ACCOUNT);
        ahead.len()
    }

    fn exchange<G>(&mut self, hold: impl FnOnce() -> G) {
        let lag = self.0.state();
        core::mem::swap(&mut lag.ahead, &mut lag.behind);
        self.0.publish(hold);
    }

    /// Makes a change, which needs to be given twice. Who begins to read finds it; what `hold` returns is held while
    /// it appears.
    pub(super) fn publish<G>(
        &mut self,
        change: S::Change,
        again: S::Change,
        hold: impl FnOnce() -> G,
    ) {
        self.prepare(change, again);
        self.exchange(hold);
    }

    /// Makes a change that readers need not see.
    pub(super) fn postpone<G>(
        &mut self,
        change: S::Change,
        again: S::Change,
        hold: impl FnOnce() -> G,
    ) {
        if self.prepare(change, again) >= POSTPONED {
            self.exchange(hold);
        }
    }

    /// Waits until who began to read before now has ended.
    pub(super) fn wait(&mut self) {
        self.0.wait();
    }
}
