// SPDX-License-Identifier: GPL-2.0

//! Remembers which thread did something last.

use core::ptr::NonNull;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        SpinLock,
    },
    task::Task,
};

// A reference to a thread's `struct pid`. It does not keep the thread alive, and its number may be given to another
// thread later, but that one has another `struct pid`.
struct PidRef {
    pid: NonNull<kernel::bindings::pid>,
    nr: i32,
}

// SAFETY: The reference count is atomic.
unsafe impl Send for PidRef {}

impl Drop for PidRef {
    fn drop(&mut self) {
        // SAFETY: It is our reference.
        unsafe { kernel::bindings::put_pid(self.pid.as_ptr()) };
    }
}

/// The thread that did something last, if it still exists.
///
/// # Invariants
///
/// `seen` is the address of what `last` refers to, or 0 if that is nothing.
#[pin_data]
pub(crate) struct LastThread {
    seen: Atomic<usize>,
    #[pin]
    last: SpinLock<Option<PidRef>>,
}

impl LastThread {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            seen: Atomic::new(0),
            last <- new_spinlock!(None, "kvm_ppc_last_thread"),
        })
    }

    /// Makes it the current thread. This is quick if it already is.
    #[inline]
    pub(crate) fn set_current(&self) {
        // SAFETY: Only the task itself changes the field, in exec.
        let pid = unsafe { (*Task::current_raw()).thread_pid };
        // By the invariant, the address is still that of the same `struct pid`.
        if self.seen.load(Relaxed) != pid.addr() {
            self.change();
        }
    }

    #[cold]
    fn change(&self) {
        // SAFETY: The current task exists.
        let pid = unsafe {
            kernel::bindings::get_task_pid(
                Task::current_raw(),
                kernel::bindings::pid_type_PIDTYPE_PID,
            )
        };
        let new = NonNull::new(pid).map(|pid| PidRef {
            pid,
            nr: current!().pid(),
        });
        let old = {
            let mut last = self.last.lock();
            self.seen.store(pid.addr(), Relaxed);
            core::mem::replace(&mut *last, new)
        };
        drop(old);
    }

    /// The thread's number in the initial namespace; 0 if there was no thread yet.
    pub(crate) fn nr(&self) -> i32 {
        self.last.lock().as_ref().map_or(0, |last| last.nr)
    }

    /// Gives the rest of the current thread's time slice to it, if it is waiting for a CPU.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn yield_to(&self) {
        let task = {
            let last = self.last.lock();
            let Some(last) = &*last else {
                return;
            };
            // SAFETY: It refers to a `struct pid`.
            unsafe {
                kernel::bindings::get_pid_task(
                    last.pid.as_ptr(),
                    kernel::bindings::pid_type_PIDTYPE_PID,
                )
            }
        };
        let Some(task) = NonNull::new(task) else {
            return;
        };
        // SAFETY: We got a reference to the task.
        let task: kernel::sync::aref::ARef<Task> =
            unsafe { kernel::sync::aref::ARef::from_raw(task.cast()) };
        // SAFETY: Task context, and the task exists.
        unsafe { crate::bindings::yield_to(task.as_ptr(), true) };
    }
}
