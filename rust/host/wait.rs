// SPDX-License-Identifier: GPL-2.0

//! Sleeping until something happens, and making other CPUs leave their guests.

use super::time::{tb_to_ns, timebase};
use crate::{bindings, isa::timebase::ticks};
use kernel::{prelude::*, types::Opaque};

/// A place where one task sleeps and others wake it: a `struct rcuwait`.
#[pin_data]
pub(crate) struct Waiter {
    #[pin]
    wait: Opaque<bindings::rcuwait>,
}

// SAFETY: It does not belong to a thread, and may be freed by any thread once it is not in use.
unsafe impl Send for Waiter {}
// SAFETY: rcuwait is made for one task that waits and others that wake it. If two wait, one of them may not be woken,
// but every task that it refers to is alive.
unsafe impl Sync for Waiter {}

impl Waiter {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: `slot` is valid for writes.
            wait <- Opaque::ffi_init(|slot| unsafe { bindings::kvm_ppc_rcuwait_init(slot) }),
        })
    }

    /// Wakes the task that sleeps here. Returns whether there was one. May be called from any context.
    ///
    /// Whatever the sleeper's condition reads has to be written before the call, which orders the two.
    pub(crate) fn wake(&self) -> bool {
        // SAFETY: `wait` is initialized.
        unsafe { bindings::rcuwait_wake_up(self.wait.get()) != 0 }
    }

    /// Sleeps until `done` returns true. `done` is called at first, and again after each wake-up, signal, and when the
    /// host's timebase reaches `deadline`; it has to test for signals and the deadline itself. Returns whether the task
    /// slept at all.
    ///
    /// `done` must not sleep. Only one task may wait at a time.
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

/// Is the current task the only one that wants this CPU?
pub(crate) fn alone_on_cpu() -> bool {
    // SAFETY: Reads a flag of this task and how many tasks its CPU has.
    unsafe { bindings::kvm_ppc_alone() }
}

/// Lets another task run on this CPU if one wants to. Returns false if this task is being killed. Sleeps.
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) fn cond_resched() -> bool {
    // SAFETY: Task context, no spinlock held.
    unsafe {
        bindings::kvm_ppc_cond_resched();
        !bindings::kvm_ppc_fatal_signal_pending()
    }
}

/// Sleeps for at least so many milliseconds.
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
pub(crate) fn sleep_ms(ms: u32) {
    kernel::time::delay::fsleep(kernel::time::Delta::from_millis(ms.into()));
}

/// Has to be called in each round of a busy loop.
pub(crate) fn cpu_relax() {
    // SAFETY: Has no effect but on speed.
    unsafe { bindings::kvm_ppc_cpu_relax() }
}

/// Interrupts `cpu`, if it is online and not this CPU, so that it leaves its guest. May be called from any context.
pub(crate) fn kick_cpu(cpu: i32) {
    // SAFETY: The function checks the number.
    unsafe { bindings::kvm_ppc_kick_cpu(cpu) }
}

/// How many CPUs the host has, including those that are offline.
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
pub(crate) fn num_present_cpus() -> u32 {
    // SAFETY: Reads a counter.
    unsafe { bindings::kvm_ppc_num_present_cpus() }
}

/// How many CPUs are online.
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
