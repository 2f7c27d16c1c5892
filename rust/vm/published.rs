// SPDX-License-Identifier: GPL-2.0

//! A set that guests' accesses read at any time, and that userspace changes now and then.
//!
//! There are two copies of it, of which readers use one. A change is made to the other copy, and the two are
//! exchanged. Once the last reader of the old copy has ended, the change is made there, too; that is done at the next
//! change, so that this one need not wait. A member to be removed is marked as gone first, and is out of use when all
//! readers that may have seen it unmarked have ended. It is taken out of the copies later.

use crate::host::{
    srcu_cell::ReadGuard,
    srcu_pair::{SrcuPair, Writer},
};
use kernel::prelude::*;

/// A set that is empty by default, and to which any change can be made without failing.
pub(crate) trait Changed: Default {
    /// A change, with all the memory that it needs.
    type Change;

    fn apply(&mut self, change: Self::Change);
}

/// How many members that are gone may be left in the set.
const POSTPONED: usize = 16;

/// A set with its two copies.
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

/// The right to change the set.
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

    /// Gets the right to change the set. Fails with `ENOMEM`; what is done with that right cannot fail. May sleep.
    pub(super) fn change(&self) -> Result<Changing<'_, S>> {
        let mut writer = self.pair.write();
        let lag = writer.state();
        // There has to be room for one more change beside the postponed ones.
        lag.behind.reserve(POSTPONED + 1, GFP_KERNEL_ACCOUNT)?;
        lag.ahead.reserve(POSTPONED + 1, GFP_KERNEL_ACCOUNT)?;
        Ok(Changing(writer))
    }
}

impl<S: Changed> Changing<'_, S> {
    /// The present set, which may still have members that are gone.
    pub(super) fn set(&mut self) -> &mut S {
        let (set, lag) = self.0.spare();
        lag.behind.drain_all().for_each(|change| set.apply(change));
        set
    }

    // Makes the change to the spare copy; `again` is the same change.
    fn prepare(&mut self, change: S::Change, again: S::Change) -> usize {
        self.set().apply(change);
        let ahead = &mut self.0.state().ahead;
        // `change` has made room for it.
        let _ = ahead.push(again, GFP_KERNEL_ACCOUNT);
        ahead.len()
    }

    fn exchange<G>(&mut self, hold: impl FnOnce() -> G) {
        let lag = self.0.state();
        core::mem::swap(&mut lag.ahead, &mut lag.behind);
        self.0.publish(hold);
    }

    /// Makes a change, which is given twice, once for each copy. Readers that begin after this find it. What `hold`
    /// returns is held while the copies are exchanged.
    pub(super) fn publish<G>(
        &mut self,
        change: S::Change,
        again: S::Change,
        hold: impl FnOnce() -> G,
    ) {
        self.prepare(change, again);
        self.exchange(hold);
    }

    /// Makes a change that readers need not see soon: the copies are exchanged only when there are several of these.
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

    /// Waits until all readers that have begun before now have ended.
    pub(super) fn wait(&mut self) {
        self.0.wait();
    }
}
