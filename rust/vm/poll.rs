// SPDX-License-Identifier: GPL-2.0

//! How long a halted vCPU polls before it sleeps (`halt.rs`).

use crate::host::once;
use kernel::sync::atomic::{Atomic, Relaxed};

/// The module's parameters. Times in ns.
pub(crate) struct Params {
    /// Longest time to poll; 0 to never poll. `KVM_CAP_HALT_POLL` overrides it for one VM.
    halt_poll_ns: Atomic<u32>,
    /// The time is multiplied by this if a longer poll would have succeeded.
    halt_poll_ns_grow: Atomic<u32>,
    /// The time that growth begins with.
    halt_poll_ns_grow_start: Atomic<u32>,
    /// The time is divided by this if the limit would not have been enough; 0 sets it to 0.
    halt_poll_ns_shrink: Atomic<u32>,
}

impl Params {
    /// At the module's start; see the fields.
    pub(crate) fn set(&self, ns: u32, grow: u32, grow_start: u32, shrink: u32) {
        self.halt_poll_ns.store(ns, Relaxed);
        self.halt_poll_ns_grow.store(grow, Relaxed);
        self.halt_poll_ns_grow_start.store(grow_start, Relaxed);
        self.halt_poll_ns_shrink.store(shrink, Relaxed);
    }
}

/// As they are in force.
pub(crate) static PARAMS: Params = Params {
    halt_poll_ns: Atomic::new(10_000),
    halt_poll_ns_grow: Atomic::new(2),
    halt_poll_ns_grow_start: Atomic::new(10_000),
    halt_poll_ns_shrink: Atomic::new(2),
};

/// A VM's own limit.
pub(super) struct Limit(Atomic<i64>);

impl Limit {
    pub(super) const fn new() -> Self {
        Self(Atomic::new(-1))
    }

    /// `KVM_CAP_HALT_POLL`: `ns` is the limit from now on.
    pub(super) fn set(&self, ns: u32) {
        self.0.store(ns.into(), Relaxed);
    }

    /// In ns.
    pub(super) fn get(&self) -> u32 {
        u32::try_from(self.0.load(Relaxed)).unwrap_or_else(|_| once::read_u32(&PARAMS.halt_poll_ns))
    }
}

/// How long a vCPU polls now.
pub(super) struct PollTime(Atomic<u32>);

impl PollTime {
    pub(super) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// In ns, and at most `limit` from now on.
    pub(super) fn limited(&self, limit: u32) -> u32 {
        let ns = once::read_u32(&self.0);
        if ns > limit {
            self.0.store(limit, Relaxed);
        }
        ns.min(limit)
    }

    fn grow(&self) {
        let by = once::read_u32(&PARAMS.halt_poll_ns_grow);
        if by != 0 {
            let start = once::read_u32(&PARAMS.halt_poll_ns_grow_start);
            let ns = once::read_u32(&self.0).saturating_mul(by).max(start);
            self.0.store(ns, Relaxed);
        }
    }

    /// Polling was in vain.
    pub(super) fn shrink(&self) {
        let by = once::read_u32(&PARAMS.halt_poll_ns_shrink);
        let start = once::read_u32(&PARAMS.halt_poll_ns_grow_start);
        let ns = once::read_u32(&self.0).checked_div(by).unwrap_or(0);
        self.0.store(if ns < start { 0 } else { ns }, Relaxed);
    }

    /// After a halt of `halt_ns`, with this limit.
    pub(super) fn adapt(&self, halt_ns: u64, limit: u32) {
        let poll = once::read_u32(&self.0);
        if limit == 0 {
            self.0.store(0, Relaxed);
        } else if halt_ns <= poll.into() {
            // Long enough.
        } else if poll != 0 && halt_ns > limit.into() {
            self.shrink();
        } else if poll < limit && halt_ns < limit.into() {
            self.grow();
        }
    }
}
