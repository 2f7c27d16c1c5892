// SPDX-License-Identifier: GPL-2.0

//! Halting a vCPU: it first polls for a while, because an event often comes soon, and then sleeps.
//!
//! How long it polls adapts between 0 and a limit, as `Documentation/virt/kvm/halt-polling.rst`
//! describes.

use super::{
    backend::Backend,
    requests::Requests,
    vm::{Vcpu, Vm},
};
use crate::{
    host::{time::timebase, trace, wait},
    isa::timebase::reached,
};
use kernel::{
    prelude::*,
    time::{Instant, Monotonic},
};

fn ns_since(start: Instant<Monotonic>) -> u64 {
    start.elapsed().as_nanos().unsigned_abs()
}

impl<B: Backend> Vcpu<B> {
    // Does the guest have something to do?
    fn has_work(&self, deadline: Option<u64>) -> bool {
        B::runnable(self) || deadline.is_some_and(|tb| reached(timebase(), tb))
    }

    // Must the vCPU go on? Called while the task is on its way to sleep, so nothing here may sleep.
    fn must_go_on(&self, deadline: Option<u64>) -> bool {
        self.has_work(deadline) || self.requests.pending() || current!().signal_pending()
    }

    /// Halts until the vCPU is runnable ([`Backend::runnable`]), has a request, or its thread a
    /// signal, or the host's timebase reaches `deadline`. To be called by the vCPU's own thread, with interrupts
    /// enabled and without locks.
    ///
    /// A thread that makes the vCPU runnable has to call [`wake`](Self::wake) or [`kick`](Self::kick)
    /// afterwards.
    pub(crate) fn halt(&self, deadline: Option<u64>) {
        let vm: &Vm<B> = self.vm();
        let limit = vm.halt_limit.get();
        let poll_ns = self.poll.limited(limit);

        let start = Instant::<Monotonic>::now();
        let mut slept = false;
        let mut polled = 0;
        let mut done = false;
        if poll_ns != 0 {
            loop {
                done = self.must_go_on(deadline);
                polled = ns_since(start);
                if done || polled >= poll_ns.into() || !wait::alone_on_cpu() {
                    break;
                }
                wait::cpu_relax();
            }
        }
        if !done {
            slept = self.block(deadline);
        }
        let halted = ns_since(start);

        let stats = &self.stats;
        if slept {
            let waited = halted.saturating_sub(polled);
            stats.halt_successful_wait.inc();
            stats.halt_wait_ns.add(waited);
            stats.halt_wait_hist.count(waited);
        }
        if poll_ns != 0 {
            stats.halt_attempted_poll.inc();
            if slept {
                stats.halt_poll_fail_ns.add(polled);
                stats.halt_poll_fail_hist.count(polled);
            } else {
                stats.halt_successful_poll.inc();
                stats.halt_poll_success_ns.add(polled);
                stats.halt_poll_success_hist.count(polled);
            }
        }
        let valid = self.has_work(deadline);
        trace::vcpu_wakeup(halted, slept, valid);
        if valid {
            self.poll.adapt(self.id, halted, vm.halt_limit.get());
        } else {
            // Adapt only if an event of the guest's ended the halt; other wake-ups say nothing about how soon events
            // come.
            if done {
                stats.halt_poll_invalid.inc();
            }
            self.poll.shrink(self.id);
        }
    }

    /// Sleeps like [`halt`](Self::halt), without polling. Returns whether it slept at all.
    pub(crate) fn block(&self, deadline: Option<u64>) -> bool {
        self.stats.blocking.set(1);
        let slept = self.waiter.wait(deadline, || self.must_go_on(deadline));
        self.stats.blocking.set(0);
        slept
    }

    /// Wakes the vCPU if it is halted, and says whether it was. From any context.
    pub(crate) fn wake(&self) -> bool {
        let woken = self.waiter.wake();
        if woken {
            self.stats.halt_wakeup.inc();
        }
        woken
    }

    /// Makes the vCPU look at its requests and interrupts soon: wakes it if it is halted, and gets
    /// it out of its guest. From any context.
    pub(crate) fn kick(&self) {
        if !self.wake() {
            self.entry.kick();
        }
    }

    /// Gives the rest of the calling thread's time to the vCPU's thread, if that waits for a CPU.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn yield_to(&self) {
        self.thread.yield_to();
    }

    /// Makes the vCPU leave its guest, if it is in it, and waits until it has. May sleep.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn kick_and_wait(&self) {
        if self.entry.in_guest() {
            wait::interrupt_and_wait(self.entry.last_cpu());
        }
    }

    /// Makes requests, bits of the backend's, and kicks. From any context.
    pub(crate) fn request(&self, bits: u32) {
        let requests: &Requests = &self.requests;
        requests.set(bits);
        self.kick();
    }
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
impl<B: Backend> Vm<B> {
    /// Makes requests of all vCPUs.
    pub(crate) fn request_all(&self, bits: u32) {
        self.vcpus().for_each(|v| v.request(bits));
    }
}
