// SPDX-License-Identifier: GPL-2.0

//! `KVM_RUN`: into the guest and out of it, until userspace has something to do.

use super::{
    debug::{self, Before},
    exit, mmio, mmu,
    vcpu::{Completion, E44x, E44xShared, E44xVcpu},
};
use crate::{
    bindings,
    emulate::e44x::{debug::Found, state::Registers},
    host::{
        entry::{HostInterruptible, Pending},
        time::timebase,
    },
    isa::e44x::{ivor::Ivor, msr::Msr},
    vm::{
        run_loop::{enter_until_userspace, Entered, Next, RunBackend},
        run_page::RunPage,
        Vcpu,
    },
};
use kernel::prelude::*;

/// Runs the guest. Fails with `EINTR` for a signal, and with `EFAULT` or a similar error if the guest's memory cannot
/// be reached.
pub(crate) fn run(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, run: &RunPage) -> Result {
    // Userspace may have written the guest's instructions, as for a reset or a breakpoint.
    mmu::forget_code(vcpu.vm());
    enter_until_userspace(vcpu, st, run, HostInterruptible::in_ioctl()).1
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

/// Why the guest has stopped running, or was not entered.
pub(crate) enum Exit {
    /// An interrupt.
    Interrupt(Ivor),
    /// The guest has nothing to do until an interrupt comes.
    Waits,
    /// Its watchdog timer has expired for the last time, and userspace wants to know of that.
    WatchdogReset,
    /// It was not entered: this debug event is for userspace.
    Debug(Found),
    /// It was not entered: its `stwcx.` to this address has to be emulated.
    StoreConditional(u32),
}

impl RunBackend for E44x {
    type Exit = Exit;

    fn enter(
        vcpu: &Vcpu<E44x>,
        st: &mut E44xVcpu,
        host: HostInterruptible,
    ) -> (HostInterruptible, Entered<Exit>) {
        let debugged = st.debugged();
        if debugged {
            match debug::before(vcpu, st) {
                Before::Go => {}
                Before::Userspace(found) => return (host, Entered::Exited(Exit::Debug(found))),
                Before::StoreConditional(ea) => {
                    return (host, Entered::Exited(Exit::StoreConditional(ea)))
                }
            }
        }
        let seen = (st.switch.nip(), st.state.msr);
        let irqs = host.hard_disable();
        vcpu.entry.entering(irqs.cpu());
        st.state.timer.update(timebase());
        let reset = st.state.timer.take_reset();
        deliver(vcpu, st);
        if reset.is_some() && st.watchdog {
            vcpu.entry.left();
            return (irqs.enable(), Entered::Exited(Exit::WatchdogReset));
        }
        if debugged && seen != (st.switch.nip(), st.state.msr) {
            // An interrupt has been delivered, so the next instruction is no longer the one that was examined.
            vcpu.entry.left();
            return (irqs.enable(), Entered::Not(None));
        }
        if st.state.msr.contains(Msr::WE) {
            vcpu.entry.left();
            return (irqs.enable(), Entered::Exited(Exit::Waits));
        }
        let ready = match irqs.check_pending(|| vcpu.requests.pending()) {
            Ok(ready) => ready,
            Err((irqs, pending)) => {
                vcpu.entry.left();
                return (irqs.enable(), Entered::Not(Some(pending)));
            }
        };
        prepare(vcpu, st);
        st.entered = st.switch.nip();
        let exited = ready.enter(&mut st.switch);
        vcpu.entry.left();
        st.state.usprg0 = st.switch.registers().usprg0;
        let ivor = exited.trap();
        let host = exited.replay();
        (host, ivor.map(Exit::Interrupt).into())
    }

    fn handle(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, run: &RunPage, exit: Exit) -> Result<Next> {
        match exit {
            Exit::Interrupt(ivor) => exit::handle(vcpu, st, run, ivor),
            Exit::Waits => Ok(Next::Halt),
            Exit::Debug(found) => {
                run.set_debug(found.ea.into(), found.status);
                Ok(Next::Userspace)
            }
            Exit::StoreConditional(ea) => exit::conclude(vcpu, st, run, ea),
            Exit::WatchdogReset => {
                run.set_exit(bindings::KVM_EXIT_WATCHDOG);
                Ok(Next::Userspace)
            }
        }
    }

    fn not_entered(
        vcpu: &Vcpu<E44x>,
        _st: &mut E44xVcpu,
        host: &HostInterruptible,
        pending: Option<Pending>,
    ) -> Result {
        match pending {
            Some(Pending::Work) => host.handle_work(),
            Some(Pending::Request) => {
                vcpu.requests.take();
                Ok(())
            }
            // The host's handler has run as interrupts were enabled.
            Some(Pending::Interrupt) | None => Ok(()),
        }
    }

    fn halt(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, host: &HostInterruptible) -> Result {
        let msr = st.state.msr;
        vcpu.shared.set_enabled(msr.contains(Msr::EE));
        vcpu.halt(st.state.timer.deadline());
        vcpu.shared.set_enabled(true);
        // The next attempt to enter the guest checks neither of these while the guest still waits.
        vcpu.requests.take();
        host.handle_work()
    }

    fn signalled(vcpu: &Vcpu<E44x>) {
        vcpu.arch_stats.signal_exits.inc();
    }
}

/// Delivers a pending interrupt that the guest has enabled.
fn deliver(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu) {
    if let Some(ivor) = st.state.pending(vcpu.shared.lines()) {
        st.state.interrupt(&mut st.switch, ivor);
        if ivor == Ivor::External {
            vcpu.shared.change(E44xShared::ONESHOT, 0);
        }
    }
}

/// Loads the registers that differ from one entry to the next. Interrupts are disabled, so that no other VM can use the
/// TLB before the guest runs.
fn prepare(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu) {
    let vm = vcpu.vm();
    let context = st.current_context(vcpu.id);
    let (pid, forget_code) = {
        let mut mmu = vm.mmu.lock();
        let pid = mmu::context_number(vm, st, &mut mmu, context);
        (pid, mmu.shadow.entering(pid))
    };
    if forget_code {
        vm.arch_stats.icache_invalidations.inc();
    }
    let state = &st.state;
    st.switch.set_user_sprgs(&state.sprg);
    st.switch.registers_mut().usprg0 = state.usprg0;
    st.switch
        .prepare(pid.pid, state.msr, state.timer.deadline());
    st.switch.set_forget_code(forget_code);
    st.switch.set_alone(st.step.alone);
}
