// SPDX-License-Identifier: GPL-2.0

//! Requests of other threads to a vCPU, and whether it is in its guest.

use crate::host::{once, wait};
use kernel::sync::atomic::{Atomic, Full};

/// What a vCPU is asked to do before it enters its guest again, one bit for each. The backend defines the bits.
pub(crate) struct Requests(Atomic<u32>);

impl Requests {
    /// With these requests from the beginning.
    pub(super) const fn new(first: u32) -> Self {
        Self(Atomic::new(first))
    }

    /// Asks for `bits`. The thread that takes them sees what was written before. Kick the vCPU afterwards
    /// ([`Vcpu::request`](super::Vcpu) does both).
    pub(crate) fn set(&self, bits: u32) {
        let mut old = once::read_u32(&self.0);
        loop {
            match self.0.cmpxchg(old, old | bits, Full) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    /// Is there any request?
    #[inline]
    pub(crate) fn pending(&self) -> bool {
        once::read_u32(&self.0) != 0
    }

    /// Takes all requests.
    #[inline]
    pub(crate) fn take(&self) -> u32 {
        if !self.pending() {
            return 0;
        }
        self.0.xchg(0, Full)
    }
}

/// -1 as a CPU's number.
const NO_CPU: u32 = u32::MAX;

const OUTSIDE: u32 = 0;
const IN_GUEST: u32 = 1;
const EXITING: u32 = 2;

/// Whether the vCPU is in its guest, and on which CPU, which has to be interrupted to get it out.
///
/// The entering CPU, with interrupts hard-disabled, calls [`entering`](Self::entering) and then
/// tests requests, signals and reschedule. A thread that makes a request sets it and then calls
/// [`kick`](Self::kick). Both are full barriers, so either the request is seen before entry or the
/// kick sees `IN_GUEST` and sends an interrupt, which hits the guest.
pub(crate) struct EntryMode {
    mode: Atomic<u32>,
    cpu: Atomic<u32>,
}

impl EntryMode {
    pub(super) const fn new() -> Self {
        Self {
            mode: Atomic::new(OUTSIDE),
            cpu: Atomic::new(NO_CPU),
        }
    }

    /// `cpu`, this one, is about to enter; interrupts are hard-disabled. To be called before
    /// requests are tested.
    #[inline]
    pub(crate) fn entering(&self, cpu: u32) {
        once::write_u32(&self.cpu, cpu);
        // Nobody else writes the mode while it is not IN_GUEST.
        once::write_u32(&self.mode, IN_GUEST);
        once::full_barrier();
    }

    /// The guest is left or was not entered after all; to be called before interrupts are enabled.
    #[inline]
    pub(crate) fn left(&self) {
        // If a kick sets the mode before this store, the store overwrites that. The kick is not needed any more, since
        // the guest has been left.
        once::release_barrier();
        once::write_u32(&self.mode, OUTSIDE);
    }

    /// Is the vCPU in its guest, or on its way into or out of it?
    pub(crate) fn in_guest(&self) -> bool {
        once::read_u32(&self.mode) != OUTSIDE
    }

    /// The CPU on which the guest was entered last, or -1 if it never was.
    pub(crate) fn last_cpu(&self) -> i32 {
        once::read_u32(&self.cpu) as i32
    }

    /// Makes the vCPU leave its guest, if it is in it. From any context.
    pub(crate) fn kick(&self) {
        if self.mode.cmpxchg(IN_GUEST, EXITING, Full).is_ok() {
            wait::kick_cpu(self.last_cpu());
        }
    }
}
