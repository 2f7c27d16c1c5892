// SPDX-License-Identifier: GPL-2.0

//! The PURR of a vCPU.

/// What a vCPU has used of a processor, in units of the timebase.
///
/// It begins with nothing, and goes on while `KVM_RUN` runs the guest or executes something in its place; not while its
/// thread waits for a processor or the guest for an interrupt, nor while userspace does something. The times are those
/// of [`vpa::scheduled`](crate::vm::vpa::scheduled).
pub(crate) struct Utilization {
    /// So much of the time it did not run.
    unused: u64,
    /// When it last stopped.
    stopped: u64,
}

impl Utilization {
    /// It has never run, and it is now `now`.
    pub(crate) fn new(now: u64) -> Self {
        Self {
            unused: now,
            stopped: now,
        }
    }

    /// It runs from now on.
    #[inline]
    pub(crate) fn start(&mut self, now: u64) {
        let since = now.wrapping_sub(self.stopped);
        self.unused = self.unused.wrapping_add(since);
    }

    /// It stops.
    #[inline]
    pub(crate) fn stop(&mut self, now: u64) {
        self.stopped = now;
    }

    /// PURR, while it runs.
    #[inline]
    pub(crate) fn purr(&self, now: u64) -> u64 {
        now.wrapping_sub(self.unused)
    }
}
