// SPDX-License-Identifier: GPL-2.0

//! Notification of a thread when it loses its CPU and when it gets one again.

use crate::bindings;
use kernel::types::Opaque;

/// While a value of this type lives, the scheduler notifies threads that have registered for it.
///
/// The first value makes the kernel patch its code, and so does dropping the last one, so a value should live long.
pub(crate) struct Enabled(());

impl Enabled {
    /// Sleeps.
    pub(crate) fn new() -> Self {
        // SAFETY: Task context, no lock held. Undone by `drop`.
        unsafe { bindings::preempt_notifier_inc() };
        Self(())
    }
}

impl Drop for Enabled {
    fn drop(&mut self) {
        // SAFETY: `new` counted it.
        unsafe { bindings::preempt_notifier_dec() };
    }
}

/// The functions that are called for a thread. The thread itself calls both, at any point of what it does.
pub(crate) trait Observer: Sync {
    /// The thread loses its CPU because it sleeps or, if `preempted`, although it could run on. The scheduler's lock is
    /// held, so this must not sleep, wake a task or take a lock, and may access user memory only in [`without_faults`].
    fn sched_out(&self, preempted: bool);
    /// The thread has a CPU again. Preemption is off, so this must not sleep.
    fn sched_in(&self);
}

#[repr(C)]
struct Registration<O> {
    // It has to be the first field, so that its address is that of the whole structure.
    notifier: Opaque<bindings::preempt_notifier>,
    observer: *const O,
}

impl<O: Observer> Registration<O> {
    const OPS: bindings::preempt_ops = bindings::preempt_ops {
        sched_in: Some(Self::sched_in),
        sched_out: Some(Self::sched_out),
    };

    const fn ops() -> *mut bindings::preempt_ops {
        core::ptr::from_ref(const { &Self::OPS }).cast_mut()
    }

    /// # Safety
    ///
    /// `notifier` is in a `Registration<O>` that is registered.
    unsafe fn observer<'a>(notifier: *mut bindings::preempt_notifier) -> &'a O {
        // SAFETY: By the caller's promise; the notifier is its first field. It is registered as long as `observed`
        // runs, which has borrowed the observer.
        unsafe { &*(*notifier.cast::<Self>()).observer }
    }

    /// # Safety
    ///
    /// To be called by the scheduler for a `Registration<O>`.
    unsafe extern "C" fn sched_in(notifier: *mut bindings::preempt_notifier, _cpu: i32) {
        // SAFETY: As the caller promises.
        unsafe { Self::observer(notifier) }.sched_in();
    }

    /// # Safety
    ///
    /// To be called by the scheduler for a `Registration<O>`, by the task that goes.
    unsafe extern "C" fn sched_out(
        notifier: *mut bindings::preempt_notifier,
        _next: *mut kernel::bindings::task_struct,
    ) {
        // SAFETY: Reads the current task's state.
        let preempted = unsafe { bindings::kvm_ppc_task_is_runnable() };
        // SAFETY: As the caller promises.
        unsafe { Self::observer(notifier) }.sched_out(preempted);
    }
}

/// Runs `f`, and calls `observer` whenever the current thread loses its CPU meanwhile and gets one again.
#[inline]
pub(crate) fn observed<O: Observer, R>(_: &Enabled, observer: &O, f: impl FnOnce() -> R) -> R {
    let registration = Registration {
        notifier: Opaque::zeroed(),
        observer,
    };
    let notifier = registration.notifier.get();
    // SAFETY: Notifiers are enabled. The registration stays in its place until it is taken out below, by the same task.
    unsafe {
        (*notifier).ops = Registration::<O>::ops();
        bindings::preempt_notifier_register(notifier);
    }
    let ret = f();
    // SAFETY: It was registered above, by this task.
    unsafe { bindings::preempt_notifier_unregister(notifier) };
    ret
}

/// Runs `f`. In it, accesses to user memory that is not present fail at once instead of sleeping.
pub(crate) fn without_faults<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: Counts in this task, and back below.
    unsafe { bindings::kvm_ppc_pagefault_disable() };
    let ret = f();
    // SAFETY: Pairs with the above.
    unsafe { bindings::kvm_ppc_pagefault_enable() };
    ret
}
