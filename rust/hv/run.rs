// SPDX-License-Identifier: GPL-2.0

//! `KVM_RUN`: into the guest and out of it, until userspace has something to do.

use super::{
    at_once::{self, ROUNDS},
    exit, hash,
    vcpu::{Events, HvVcpu},
    vm::{request, HvVm},
    Hv,
};
use crate::{
    bindings,
    host::{
        book3s_time::next_timer,
        entry::{HostInterruptible, IrqsHardDisabled, Pending},
        time::timebase,
        trace,
        xive::Pushed,
    },
    isa::{fscr::Fscr, hcall::Hcall, lpcr::Lpcr, msr::Msr, srr1::Srr1, trap::Trap},
    vm::{
        papr,
        run_loop::{enter_until_userspace, Entered, Next, RunBackend},
        run_page::RunPage,
        vpa, Vcpu,
    },
};
use kernel::prelude::*;

/// Runs the guest. Errors: `EINVAL` if it cannot run at all (`run` says why), `EINTR` for a signal, `EFAULT` and
/// the like if its memory is not there.
pub(crate) fn run(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Result {
    let host = HostInterruptible::in_ioctl();
    if !st.papr {
        // Only PAPR guests can run without hypervisor state.
        run.set_exit(bindings::KVM_EXIT_INTERNAL_ERROR);
        return Err(EINVAL);
    }
    // Userspace that does not know `KVM_REG_PPC_ONLINE` never sets it, so a vCPU that runs is online.
    if st.online == 0 {
        st.online = 1;
    }
    if !host.prepare_facilities() {
        run.set_fail_entry(0, 0);
        return Err(EINVAL);
    }
    let (host, ret) = vpa::running(vcpu, st, |st| enter_until_userspace(vcpu, st, run, host));
    host.done();
    ret
}

/// Takes userspace's answer to the last exit.
pub(crate) fn complete(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Result<Next> {
    let owed = core::mem::take(&mut st.completion);
    papr::complete(vcpu, st, run, owed)
}

impl RunBackend for Hv {
    type Exit = Trap;

    #[inline(always)]
    fn enter(
        vcpu: &Vcpu<Hv>,
        st: &mut HvVcpu,
        host: HostInterruptible,
    ) -> (HostInterruptible, Entered<Trap>) {
        let vm = &vcpu.vm().arch;
        let mut irqs = host.hard_disable();
        let cpu = irqs.cpu();
        if st.prev_cpu != Some(cpu) {
            return (moved(vcpu, st, irqs), Entered::Not(None));
        }

        // From here on a kick interrupts this CPU. A request that was made before is seen by `check_pending` below.
        vm.switch.entering(&irqs);
        vcpu.entry.entering(cpu);
        let mut rounds = ROUNDS;
        let mut pushed: Option<Pushed<'_>> = None;
        loop {
            let events = vcpu.shared.events.get();
            let request =
                || vcpu.requests.pending() || events & Events::VPAS != 0 || vm.switch.closed(cpu);
            prepare(vcpu, st, &irqs, vm, events);
            let ready = match irqs.check_pending(request) {
                Ok(ready) => ready,
                Err((irqs, pending)) => {
                    if let Some(pushed) = pushed {
                        pushed.pull(&irqs);
                    }
                    leave(vcpu, st, &irqs);
                    return (irqs.enable(), Entered::Not(Some(pending)));
                }
            };
            if pushed.is_none() {
                // Whoever takes its controller away has done so before the barrier above, or waits until it is pulled.
                pushed = vcpu.shared.xive.push(ready.irqs());
            }
            let (nip, _) = st.switch.seen();
            trace::guest_enter(vcpu.id, nip, events);
            let exited = ready.enter(&mut st.switch);
            let trap = exited.trap();
            if let Some(trap) = trap {
                let (nip, msr) = st.switch.seen();
                trace::guest_exit(vcpu.id, trap.raw(), nip, msr);
            }
            rounds = rounds.saturating_sub(1);
            // While the exit is handled at once, the vCPU still counts as in its guest: a kick sends an interrupt,
            // which ends the guest at the next entry.
            match exited.again(|trap| rounds != 0 && at_once::handle(vcpu, st, trap)) {
                Ok(disabled) => irqs = disabled,
                Err(exited) => {
                    if let Some(pushed) = pushed {
                        let cedes = trap == Some(Trap::SYSCALL) && cedes(st);
                        pull(vcpu, pushed, exited.irqs(), cedes);
                    }
                    leave(vcpu, st, exited.irqs());
                    return (exited.replay(), trap.into());
                }
            }
        }
    }

    #[inline(always)]
    fn handle(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage, trap: Trap) -> Result<Next> {
        exit::handle(vcpu, st, run, trap)
    }

    fn not_entered(
        vcpu: &Vcpu<Hv>,
        st: &mut HvVcpu,
        host: &HostInterruptible,
        pending: Option<Pending>,
    ) -> Result {
        let requests = vpa::not_entered(vcpu, st, host, pending)?;
        if requests & request::PREPARE != 0 {
            // If it cannot be prepared, the next attempt to enter has to try again.
            hash::mode::prepare(vcpu.vm()).inspect_err(|_| vcpu.requests.set(request::PREPARE))?;
        }
        Ok(())
    }

    fn halt(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, _host: &HostInterruptible) -> Result {
        let until = st.dec_expires();
        vpa::halt(vcpu, st, until);
        Ok(())
    }

    fn signalled(vcpu: &Vcpu<Hv>) {
        vcpu.arch_stats.signal_exits.inc();
    }
}

/// Is the guest's hypercall `H_CEDE`?
fn cedes(st: &HvVcpu) -> bool {
    Hcall::from_raw(st.hcall_gpr(3)) == Hcall::H_CEDE && !st.msr().contains(Msr::PR)
}

/// Takes the controller's context from the CPU. If the guest `cedes`, what comes from now on wakes it,
/// and what has come already keeps it from waiting.
#[inline(never)]
fn pull(vcpu: &Vcpu<Hv>, pushed: Pushed<'_>, irqs: &IrqsHardDisabled, cedes: bool) {
    if !cedes {
        pushed.pull(irqs);
        return;
    }
    let events = &vcpu.shared.events;
    // Only what comes after this has the escalation fire.
    events.take(Events::ESCALATED);
    // Before it is pulled: what comes between finds it in the controller, and what comes later is escalated.
    let fired = pushed.arm(irqs);
    if pushed.pull_waiting(irqs) || fired {
        events.change(0, Events::ESCALATED);
    }
}

/// Loads what changes from entry to entry.
#[inline]
fn prepare(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, irqs: &IrqsHardDisabled, vm: &HvVm, events: u32) {
    let mut lpcr = st.lpcr(vm);
    if events & (Events::EXTERNAL | Events::DOORBELL) != 0 {
        lpcr = interrupt(vcpu, st, events, lpcr);
    }
    let granted = Fscr::from_raw(st.switch.hfscr());
    st.switch
        .set_pmu_in_use(granted.contains(Fscr::PM) || st.pmu_in_use);
    if granted.contains(Fscr::BHRB) {
        st.switch.forget_branches(irqs);
    }
    let now = timebase();
    if !lpcr.contains(Lpcr::LD) {
        st.switch.bound_decrementer(now);
    }
    st.switch.prepare(irqs, next_timer(now), lpcr.raw());
}

/// Gives the guest its pending interrupts. Returns `lpcr` with MER set if an external interrupt has to wait until the
/// guest enables interrupts.
#[cold]
#[inline(never)]
fn interrupt(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, events: u32, mut lpcr: Lpcr) -> Lpcr {
    if events & Events::EXTERNAL != 0 {
        if st.msr().contains(Msr::EE) {
            st.inject(&vcpu.vm().arch, Trap::EXTERNAL, Srr1::EMPTY);
            vcpu.shared.events.take(Events::EXTERNAL_ONESHOT);
        } else {
            // With MER, the hardware interrupts the guest as soon as it enables interrupts.
            lpcr = lpcr.with(Lpcr::MER);
        }
    }
    if vcpu.shared.events.take(Events::DOORBELL) {
        *st.switch.doorbell_mut() = 1;
    }
    lpcr
}

/// Undoes `entering` after an exit, or when the guest is not entered after all. A doorbell that the guest has not taken
/// goes back to the vCPU's events, before other threads can see that the vCPU has left its guest.
#[inline]
fn leave(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, irqs: &IrqsHardDisabled) {
    if core::mem::take(st.switch.doorbell_mut()) != 0 {
        vcpu.shared.events.change(0, Events::DOORBELL);
    }
    vcpu.vm().arch.switch.left(irqs);
    vcpu.entry.left();
}

/// Handles that the thread has moved to another CPU. The guest may have been interrupted on the old one between a
/// `tlbie` and the barriers that wait for it, and a local invalidation on the new one does not reach translations that
/// are cached on the old one.
fn moved(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, irqs: IrqsHardDisabled) -> HostInterruptible {
    let cpu = irqs.cpu();
    let from = st.prev_cpu.replace(cpu);
    let host = irqs.enable();
    if let Some(from) = from {
        let vm = &vcpu.vm().arch;
        let gtse = vm.lpcr().contains(Lpcr::GTSE);
        if vm.switch.vcpu_moved(from, cpu, gtse) {
            vcpu.arch_stats.finished_tlbies.inc();
        }
    }
    host
}
