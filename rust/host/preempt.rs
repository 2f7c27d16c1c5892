// SPDX-License-Identifier: GPL-2.0

//! Being told when a thread loses its CPU and when it gets one again.

use crate::bindings;
use kernel::types::Opaque;

/// The scheduler tells of threads that ask for it, while this is there.
///
/// The scheduler's test for it is patched in by the first one and out by the last, so it is for who lives long.
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

/// Who is told of the thread that it is registered for. Both are called by that thread itself, in the middle of
/// whatever it does.
pub(crate) trait Observer: Sync {
    /// It loses its CPU: because it sleeps or, if `preempted`, though it could go on. The scheduler's lock is held: this
    /// must not sleep, wake anybody, or take a lock; user memory is reached by [`without_faults`] only.
    fn sched_out(&self, preempted: bool);
    /// It has a CPU again. Preemption is off: this must not sleep.
    fn sched_in(&self);
}

#[repr(C)]
struct Registration<O> {
    // First, so that its address is that of all.
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
        // SAFETY: By the caller's promise; the notifier is its first field. It is registered as long as `observed` runs,
        // which has borrowed the observer.
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

/// Runs `f`; if the current thread loses its CPU meanwhile, `observer` is told.
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

/// Runs `f`, in which accesses to user memory that is not there right now fail at once instead of sleeping.
pub(crate) fn without_faults<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: Counts in this task, and back below.
    unsafe { bindings::kvm_ppc_pagefault_disable() };
    let ret = f();
    // SAFETY: Pairs with the above.
    unsafe { bindings::kvm_ppc_pagefault_enable() };
    ret
}
