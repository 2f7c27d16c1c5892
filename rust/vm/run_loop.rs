// SPDX-License-Identifier: GPL-2.0

//! The loop of `KVM_RUN`: into the guest and out of it, until userspace has something to do.

pub(crate) use super::next::Next;

use super::{backend::Backend, run_page::RunPage, vm::Vcpu};
use crate::{
    bindings,
    host::entry::{HostInterruptible, Pending},
};
use kernel::prelude::*;

/// How an attempt to enter the guest ended.
pub(crate) enum Entered<E> {
    /// The guest ran, and exited.
    Exited(E),
    /// The guest did not run. If there is a `Pending`, it says why.
    Not(Option<Pending>),
}

impl<E> From<Option<E>> for Entered<E> {
    /// Converts what [`Exited::trap`](crate::host::entry::Exited::trap) returns.
    #[inline]
    fn from(exit: Option<E>) -> Self {
        match exit {
            Some(exit) => Self::Exited(exit),
            None => Self::Not(None),
        }
    }
}

/// What the loop needs of a backend. Errors end the loop and are what `KVM_RUN` returns; `EINTR` is a signal.
pub(crate) trait RunBackend: Backend {
    /// Why the guest exits.
    type Exit;

    /// Tries to enter the guest, by the chain of [`entry`](crate::host::entry).
    fn enter(
        vcpu: &Vcpu<Self>,
        st: &mut Self::Vcpu,
        host: HostInterruptible,
    ) -> (HostInterruptible, Entered<Self::Exit>);
    /// Handles an exit; the host's own interrupts have been served.
    fn handle(
        vcpu: &Vcpu<Self>,
        st: &mut Self::Vcpu,
        run: &RunPage,
        exit: Self::Exit,
    ) -> Result<Next>;
    /// Handles what kept the guest from running.
    fn not_entered(
        vcpu: &Vcpu<Self>,
        st: &mut Self::Vcpu,
        host: &HostInterruptible,
        pending: Option<Pending>,
    ) -> Result;
    /// Sleeps until the guest has something to do, or a signal comes.
    fn halt(vcpu: &Vcpu<Self>, st: &mut Self::Vcpu, host: &HostInterruptible) -> Result;
    /// Counts a return to userspace for a signal.
    fn signalled(vcpu: &Vcpu<Self>);
}

/// Runs the guest until userspace has something to do, which `run` then tells.
#[inline(always)]
pub(crate) fn enter_until_userspace<B: RunBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    run: &RunPage,
    mut host: HostInterruptible,
) -> (HostInterruptible, Result) {
    loop {
        let entered;
        (host, entered) = B::enter(vcpu, st, host);
        let next = match entered {
            Entered::Exited(exit) => B::handle(vcpu, st, run, exit),
            Entered::Not(pending) => B::not_entered(vcpu, st, &host, pending).map(|()| Next::Guest),
        };
        let ret = match next {
            Ok(Next::Guest) => continue,
            Ok(Next::Halt) => match B::halt(vcpu, st, &host) {
                Ok(()) => continue,
                Err(e) => Err(e),
            },
            Ok(Next::Userspace) => Ok(()),
            Err(e) => Err(e),
        };
        if ret == Err(EINTR) {
            B::signalled(vcpu);
            run.set_exit(bindings::KVM_EXIT_INTR);
        }
        return (host, ret);
    }
}
