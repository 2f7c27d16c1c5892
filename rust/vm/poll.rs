// SPDX-License-Identifier: GPL-2.0

//! How long a halted vCPU polls before it sleeps (`halt.rs`).

use crate::host::{once, params, trace};
use kernel::sync::atomic::{Atomic, Relaxed};

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

    /// The limit in ns.
    pub(super) fn get(&self) -> u32 {
        u32::try_from(self.0.load(Relaxed)).unwrap_or_else(|_| params::halt_poll_ns())
    }
}

/// How long a vCPU polls at present.
pub(super) struct PollTime(Atomic<u32>);

impl PollTime {
    pub(super) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// The time in ns, which is cut to `limit` if that is lower now.
    pub(super) fn limited(&self, limit: u32) -> u32 {
        let ns = once::read_u32(&self.0);
        if ns > limit {
            self.0.store(limit, Relaxed);
        }
        ns.min(limit)
    }

    fn grow(&self, vcpu_id: u32) {
        let by = params::halt_poll_ns_grow();
        if by != 0 {
            let old = once::read_u32(&self.0);
            let start = params::halt_poll_ns_grow_start();
            let new = old.saturating_mul(by).max(start);
            self.0.store(new, Relaxed);
            trace::halt_poll_ns(true, vcpu_id, new, old);
        }
    }

    /// Shortens the time, because polling was in vain. The vCPU's id is for the tracepoint.
    pub(super) fn shrink(&self, vcpu_id: u32) {
        let old = once::read_u32(&self.0);
        let shrunk = old.checked_div(params::halt_poll_ns_shrink()).unwrap_or(0);
        let least = params::halt_poll_ns_grow_start();
        let new = if shrunk < least { 0 } else { shrunk };
        self.0.store(new, Relaxed);
        trace::halt_poll_ns(false, vcpu_id, new, old);
    }

    /// Adapts the time after a halt of `halt_ns`, with this limit.
    pub(super) fn adapt(&self, vcpu_id: u32, halt_ns: u64, limit: u32) {
        let poll = once::read_u32(&self.0);
        if limit == 0 {
            self.0.store(0, Relaxed);
        } else if halt_ns <= poll.into() {
            // The polling time was long enough.
        } else if poll != 0 && halt_ns > limit.into() {
            self.shrink(vcpu_id);
        } else if poll < limit && halt_ns < limit.into() {
            self.grow(vcpu_id);
        }
    }
}
