// SPDX-License-Identifier: GPL-2.0

//! Sleeping until something happens, and being kicked out of the guest.

use super::time::{tb_to_ns, timebase};
use crate::{bindings, isa::timebase::ticks};
use kernel::{prelude::*, types::Opaque};

/// Where one task sleeps and others wake it: a `struct rcuwait`.
#[pin_data]
pub(crate) struct Waiter {
    #[pin]
    wait: Opaque<bindings::rcuwait>,
}

// SAFETY: It has no owner, and may be freed by anybody once nobody uses it.
unsafe impl Send for Waiter {}
// SAFETY: rcuwait is made for one task that waits and others that wake it. If two wait, one of
// them may sleep on, but both are alive while they are known to it.
unsafe impl Sync for Waiter {}

impl Waiter {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: `slot` is valid for writes.
            wait <- Opaque::ffi_init(|slot| unsafe { bindings::kvm_ppc_rcuwait_init(slot) }),
        })
    }

    /// Wakes the task that sleeps here, if there is one, which is what it returns. From any
    /// context.
    ///
    /// What the sleeper's condition reads has to be written before; this orders it.
    pub(crate) fn wake(&self) -> bool {
        // SAFETY: `wait` is initialized.
        unsafe { bindings::rcuwait_wake_up(self.wait.get()) != 0 }
    }

    /// Sleeps until `done` is true after a wake-up, a signal, or the host's timebase reaching `deadline`;
    /// `done` has to test for signals and the deadline.
    /// Returns whether it slept at all.
    ///
    /// `done` is called in a state in which it must not sleep. Only one task may wait at a time.
    pub(crate) fn wait(&self, deadline: Option<u64>, mut done: impl FnMut() -> bool) -> bool {
        let mut slept = false;
        // SAFETY: `wait` is initialized, and `finish` below takes the task out again before it
        // could go away.
        unsafe { bindings::kvm_ppc_prepare_to_rcuwait(self.wait.get()) };
        loop {
            // SAFETY: Only changes the state of this task. The barrier in it comes before what
            // `done` reads.
            unsafe { bindings::kvm_ppc_set_current_state_interruptible() };
            if done() {
                break;
            }
            slept = true;
            match deadline {
                // SAFETY: Task context, no lock held; sleeps at most as long as said.
                Some(tb) => unsafe {
                    bindings::kvm_ppc_schedule_timeout_ns(tb_to_ns(ticks(timebase(), tb)))
                },
                // SAFETY: Task context, no lock held.
                None => unsafe { kernel::bindings::schedule() },
            }
        }
        // SAFETY: Pairs with `prepare`, and sets the task running.
        unsafe { bindings::kvm_ppc_finish_rcuwait(self.wait.get()) };
        slept
    }
}

/// Does nobody else want this CPU, nor wait for it?
pub(crate) fn alone_on_cpu() -> bool {
    // SAFETY: Reads a flag of this task and how many tasks its CPU has.
    unsafe { bindings::kvm_ppc_alone() }
}

/// Lets somebody else have this CPU, if somebody wants it. False if this task is being killed. Sleeps.
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) fn cond_resched() -> bool {
    // SAFETY: Task context, no lock held.
    unsafe {
        bindings::kvm_ppc_cond_resched();
        !bindings::kvm_ppc_fatal_signal_pending()
    }
}

/// One turn of a busy loop.
pub(crate) fn cpu_relax() {
    // SAFETY: Has no effect but on speed.
    unsafe { bindings::kvm_ppc_cpu_relax() }
}

/// Interrupts `cpu`, if it is another one and online, so that it leaves its guest. From any
/// context.
pub(crate) fn kick_cpu(cpu: i32) {
    // SAFETY: The function checks the number.
    unsafe { bindings::kvm_ppc_kick_cpu(cpu) }
}

/// CPUs that the host has, though they may be offline.
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
pub(crate) fn num_present_cpus() -> u32 {
    // SAFETY: Reads a counter.
    unsafe { bindings::kvm_ppc_num_present_cpus() }
}

/// CPUs that the host runs on.
pub(crate) fn num_online_cpus() -> u32 {
    // SAFETY: Reads a counter.
    unsafe { bindings::kvm_ppc_num_online_cpus() }
}

/// Interrupts `cpu`, if it is online, and waits until it has taken the interrupt. May not be called
/// with interrupts off.
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) fn interrupt_and_wait(cpu: i32) {
    // SAFETY: The function checks the number.
    unsafe { bindings::kvm_ppc_interrupt_and_wait(cpu) };
}
