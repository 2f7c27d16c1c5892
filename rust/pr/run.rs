// SPDX-License-Identifier: GPL-2.0

//! `KVM_RUN`: into the guest and out of it, until userspace has something to do.

use super::{
    ahead, debug, exit, magic, pmu, step, tm,
    vcpu::PrVcpu,
    vm::{request, Pr},
};
use crate::{
    host::{
        book3s_time::next_timer,
        entry::{HostInterruptible, Pending},
        time::timebase,
        trace,
    },
    isa::{msr::Msr, srr1::Srr1, timebase::reached, trap::Trap},
    vm::{
        events::Events,
        papr::{self, Completion},
        run_loop::{enter_until_userspace, Entered, Next, RunBackend},
        run_page::RunPage,
        vpa, Vcpu,
    },
};
use kernel::prelude::*;

/// Runs the guest. Errors: `EINVAL` if it cannot run at all (`run` says why), `EINTR` for a signal, `EFAULT` and
/// the like if its memory is not there.
pub(crate) fn run(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage) -> Result {
    let host = HostInterruptible::in_ioctl();
    if !host.prepare_facilities() {
        run.set_fail_entry(0, 0);
        return Err(EINVAL);
    }
    tm::resumed(st);
    st.switch.came_from_userspace();
    // Userspace may have changed MSR, on which this depends.
    st.step_in(st.stepped());
    let (host, ret) = vpa::running(vcpu, st, |st| {
        st.utilization.start(vpa::scheduled(vcpu));
        let done = enter_until_userspace(vcpu, st, run, host);
        st.utilization.stop(vpa::scheduled(vcpu));
        done
    });
    host.done();
    ret
}

/// Takes userspace's answer to the last exit.
pub(crate) fn complete(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage) -> Result<Next> {
    let owed = core::mem::take(&mut st.completion);
    let answered = !matches!(owed, Completion::None);
    let mut next = papr::complete(vcpu, st, run, owed)?;
    if answered {
        next = debug::after_answer(st, run, next);
    }
    step::go_on(vcpu, st, run, next)
}

impl RunBackend for Pr {
    type Exit = Trap;

    #[inline]
    fn enter(
        vcpu: &Vcpu<Pr>,
        st: &mut PrVcpu,
        host: HostInterruptible,
    ) -> (HostInterruptible, Entered<Trap>) {
        let mut irqs = host.hard_disable();
        loop {
            // From here on a kick interrupts this CPU. Requests that were made before are found by the test below.
            vcpu.entry.entering(irqs.cpu());
            prepare(vcpu, st);
            let vpas = || vcpu.shared.events.test(Events::VPAS);
            let ready = match irqs.check_pending(|| vcpu.requests.pending() || vpas()) {
                Ok(ready) => ready,
                Err((irqs, pending)) => {
                    vcpu.entry.left();
                    return (irqs.enable(), Entered::Not(Some(pending)));
                }
            };
            trace::guest_enter(vcpu.id, st.nip(), vcpu.shared.events.get());
            let exited = ready.enter(&mut st.switch);
            vcpu.entry.left();
            let trap = exited.trap();
            magic::take(st);
            if let Some(trap) = trap {
                trace::guest_exit(vcpu.id, trap.raw(), st.nip(), st.msr().raw());
            }
            if st.switch.count {
                pmu::counted(st);
            }
            let mut in_order = false;
            match exited.again(|trap| exit::at_once(vcpu, st, trap, &mut in_order)) {
                Ok(disabled) => {
                    irqs = disabled;
                    if in_order {
                        ahead::go_on(vcpu, st);
                    }
                }
                Err(exited) => return (exited.replay(), trap.into()),
            }
        }
    }

    #[inline]
    fn handle(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, trap: Trap) -> Result<Next> {
        let nip = st.nip();
        let next = exit::handle(vcpu, st, run, trap)?;
        // `trace` is set while the guest has to execute one instruction at a time, whatever the reason.
        match st.switch.trace {
            true => by_steps(vcpu, st, run, trap, nip, next),
            false => Ok(next),
        }
    }

    fn not_entered(
        vcpu: &Vcpu<Pr>,
        st: &mut PrVcpu,
        host: &HostInterruptible,
        pending: Option<Pending>,
    ) -> Result {
        let requests = vpa::not_entered(vcpu, st, host, pending)?;
        if requests & request::SEGMENTS != 0 {
            st.forget_segments();
            st.shadow.generation = vcpu.vm().mmu.lock().generation();
        }
        Ok(())
    }

    fn halt(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, _host: &HostInterruptible) -> Result {
        let until = st.dec_expires;
        st.utilization.stop(vpa::scheduled(vcpu));
        vpa::halt(vcpu, st, until);
        st.utilization.start(vpa::scheduled(vcpu));
        Ok(())
    }

    fn signalled(vcpu: &Vcpu<Pr>) {
        vcpu.arch_stats.signal_exits.inc();
    }
}

/// After the exit at `nip` was handled, for a guest that executes one instruction at a time. Errors as [`complete`].
#[cold]
#[inline(never)]
fn by_steps(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    trap: Trap,
    nip: u64,
    next: Next,
) -> Result<Next> {
    let next = debug::after_exit(st, run, trap, nip, next);
    step::go_on(vcpu, st, run, next)
}

/// How many ticks later an interrupt is tried again that the guest's critical section has delayed.
const CRITICAL_TICKS: u64 = 10_000;

/// Delivers a pending interrupt, and loads what changes from entry to entry.
#[inline(always)]
fn prepare(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) {
    let now = timebase();
    let due = st.dec_due(now);
    if st.monitored {
        pmu::prepare(vcpu, st);
    }
    let events = &vcpu.shared.events;
    let critical = magic::critical(st);
    if st.msr().contains(Msr::EE) && !critical {
        if events.test(Events::EXTERNAL) {
            st.inject(Trap::EXTERNAL, Srr1::EMPTY);
            events.take(Events::EXTERNAL_ONESHOT);
        } else if due {
            st.inject(Trap::DECREMENTER, Srr1::EMPTY);
        } else if events.take(Events::DOORBELL) {
            st.inject(Trap::DOORBELL, Srr1::EMPTY);
        }
    }
    let mut until = (!due).then_some(st.dec_expires);
    if st.magic.is_some() {
        let waits = due || events.test(Events::EXTERNAL | Events::DOORBELL);
        magic::put(st, waits);
        // Nothing tells when the guest's critical section ends.
        if waits && critical {
            until = Some(now.wrapping_add(CRITICAL_TICKS));
        }
    }
    // The host's decrementer is set so that the guest exits when its own decrementer expires. It is left alone if the
    // host's next timer comes first, or has expired since interrupts were disabled: to set it would lose that
    // interrupt.
    let before_host = |until: &u64| !reached(*until, next_timer(now));
    st.switch.dec = until.filter(before_host).map(|t| t.wrapping_sub(now));
    if st.slb_changed {
        st.switch.set_slb(st.shadow.entries());
        st.slb_changed = false;
    }
}
