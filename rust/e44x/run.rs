// SPDX-License-Identifier: GPL-2.0

//! `KVM_RUN`: into the guest and out of it, until userspace has something to do.

use super::{
    exit::{self, Next},
    mmio, mmu,
    vcpu::{E44xShared, E44xVcpu},
    E44x,
};
use crate::{
    bindings,
    emulate::e44x::state::Registers,
    host::{
        entry::{HostInterruptible, Pending},
        time::timebase,
    },
    isa::e44x::{ivor::Ivor, msr::Msr},
    vm::{run_page::RunPage, Vcpu},
};
use kernel::prelude::*;

/// What userspace has to answer before the guest goes on.
pub(crate) enum Completion {
    /// Nothing.
    None,
    /// The load or store in `E44xVcpu::mmio`.
    Mmio,
    /// The value of a device control register, for this GPR.
    Dcr(u8),
}

/// Runs the guest. Errors: `EINTR` for a signal, `EFAULT` and the like if its memory is not there.
pub(crate) fn run(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, run: &RunPage) -> Result {
    let mut host = HostInterruptible::in_ioctl();
    loop {
        let entered;
        (host, entered) = enter(vcpu, st, host);
        let next = match entered {
            Entered::Exited(ivor) => exit::handle(vcpu, st, run, ivor),
            Entered::Not(Some(Pending::Work)) => host.handle_work().map(|()| Next::Guest),
            Entered::Not(Some(Pending::Request)) => {
                vcpu.requests.take();
                Ok(Next::Guest)
            }
            Entered::Not(_) => Ok(Next::Guest),
            Entered::Waits => {
                halt(vcpu, st);
                vcpu.requests.take();
                host.handle_work().map(|()| Next::Guest)
            }
            Entered::WatchdogReset => {
                run.set_exit(bindings::KVM_EXIT_WATCHDOG);
                Ok(Next::Userspace)
            }
        };
        match next {
            Ok(Next::Guest) => {}
            Ok(Next::Userspace) => return Ok(()),
            Err(e) => {
                if e == EINTR {
                    vcpu.arch_stats.signal_exits.inc();
                    run.set_exit(bindings::KVM_EXIT_INTR);
                }
                return Err(e);
            }
        }
    }
}

/// Takes userspace's answer to the last exit.
pub(crate) fn complete(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, run: &RunPage) -> Result<Next> {
    match core::mem::replace(&mut st.completion, Completion::None) {
        Completion::None => Ok(Next::Guest),
        Completion::Mmio => mmio::complete(vcpu, st, run),
        Completion::Dcr(rt) => {
            st.switch.set_gpr(rt, run.dcr_data());
            Ok(Next::Guest)
        }
    }
}

/// How an attempt to enter the guest ended.
enum Entered {
    /// It ran, and exited.
    Exited(Ivor),
    /// It did not run.
    Not(Option<Pending>),
    /// It has nothing to do until an interrupt comes.
    Waits,
    /// It did not see to its watchdog.
    WatchdogReset,
}

fn enter(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    host: HostInterruptible,
) -> (HostInterruptible, Entered) {
    let irqs = host.hard_disable();
    vcpu.entry.entering(irqs.cpu());
    let reset = st.state.timer.update(timebase());
    deliver(vcpu, st);
    if reset.is_some() && st.watchdog {
        vcpu.entry.left();
        return (irqs.enable(), Entered::WatchdogReset);
    }
    if st.state.msr.contains(Msr::WE) {
        vcpu.entry.left();
        return (irqs.enable(), Entered::Waits);
    }
    let ready = match irqs.check_pending(|| vcpu.requests.pending()) {
        Ok(ready) => ready,
        Err((irqs, pending)) => {
            vcpu.entry.left();
            return (irqs.enable(), Entered::Not(Some(pending)));
        }
    };
    prepare(vcpu, st);
    let exited = ready.enter(&mut st.switch);
    vcpu.entry.left();
    st.state.usprg0 = st.switch.registers().usprg0;
    let ivor = exited.trap();
    let host = exited.replay();
    match ivor {
        Some(ivor) => (host, Entered::Exited(ivor)),
        None => (host, Entered::Not(None)),
    }
}

/// Gives the guest the interrupt that is due, if it takes one.
fn deliver(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu) {
    if let Some(ivor) = st.state.pending(vcpu.shared.lines()) {
        st.state.interrupt(&mut st.switch, ivor);
        if ivor == Ivor::External {
            vcpu.shared.change(E44xShared::ONESHOT, 0);
        }
    }
}

/// Loads what changes from entry to entry. Interrupts are off, so that nobody else takes the TLB before the guest runs.
fn prepare(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu) {
    let vm = vcpu.vm();
    let context = st.current_context(vcpu.id);
    let pid = {
        let mut mmu = vm.mmu.lock();
        mmu::context_number(vm, st, &mut mmu, context)
    };
    let state = &st.state;
    st.switch.set_user_sprgs(&state.sprg);
    st.switch.registers_mut().usprg0 = state.usprg0;
    st.switch
        .prepare(pid.pid, state.msr, state.timer.deadline());
}

/// The guest waits for an interrupt: sleeps until there is one, or a signal.
fn halt(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu) {
    let msr = st.state.msr;
    vcpu.shared.set_enabled(msr.contains(Msr::EE));
    vcpu.halt(st.state.timer.deadline());
    vcpu.shared.set_enabled(true);
}
