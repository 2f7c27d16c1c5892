// SPDX-License-Identifier: GPL-2.0

//! Exits that need nothing of the host: handled with interrupts hard-disabled, and the guest is entered again.
//!
//! The handlers here are short, do not sleep and wait for no lock. If that is not enough for an exit, they leave the
//! state as they found it, and [`exit::handle`](super::exit::handle) handles the exit from its beginning.

use super::{
    fault::{reflect, AtOnce, StorageFault},
    storage as faults,
    vcpu::HvVcpu,
    Hv,
};
use crate::{
    emulate::regs::Regs,
    host::trace,
    isa::{
        hcall::{HReturn, Hcall},
        msr::Msr,
        srr1::Srr1,
        trap::Trap,
    },
    vm::{events::Events, papr, Vcpu},
};

/// How many times the guest is entered at most before interrupts are enabled again. A pending host interrupt already
/// ends the guest as soon as it is entered; this limit bounds the time without interrupts in any case.
pub(crate) const ROUNDS: usize = 128;

/// Handles the exit that `trap` names if that can be done here, and returns whether it was.
#[inline(always)]
pub(crate) fn handle(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, trap: Trap) -> bool {
    match trap {
        Trap::SYSCALL => hypercall(vcpu, st),
        Trap::H_DATA_STORAGE => storage(vcpu, st, &StorageFault::of_data(st)),
        Trap::H_INST_STORAGE => {
            let hsrr1 = Srr1::from_raw(st.switch.msr());
            storage(vcpu, st, &StorageFault::of_fetch(st, hsrr1))
        }
        _ => false,
    }
}

/// Handles `H_PROD`, and `H_CEDE` of a processor that was prodded before and so does not sleep.
#[inline(always)]
fn hypercall(vcpu: &Vcpu<Hv>, st: &mut HvVcpu) -> bool {
    let hcall = Hcall::from_raw(st.hcall_gpr(3));
    let msr = st.msr();
    let ours = match hcall {
        Hcall::H_PROD => true,
        Hcall::H_CEDE => vcpu.shared.events.test(Events::PRODDED),
        _ => false,
    };
    if !ours || msr.contains(Msr::PR) || !vcpu.vm().arch.hcalls.enabled(hcall) {
        return false;
    }
    let stats = &vcpu.arch_stats;
    stats.sum_exits.inc();
    stats.syscall_exits.inc();
    st.exit_srr1 = msr.raw();
    papr::trace_hcall(vcpu, &st.switch);
    let ret = match hcall {
        Hcall::H_PROD if st.hcall_gpr(4) == u64::from(vcpu.id) => {
            vcpu.shared.events.change(0, Events::PRODDED);
            HReturn::H_SUCCESS
        }
        Hcall::H_PROD => papr::h_prod(vcpu, st.hcall_gpr(4)),
        _ => {
            // Only this thread clears the event, so it is still set.
            vcpu.shared.events.take(Events::PRODDED);
            st.set_msr(msr | Msr::EE);
            HReturn::H_SUCCESS
        }
    };
    trace::hcall_exit(vcpu.id, true, ret.gpr());
    st.switch.set_gpr(3, ret.gpr());
    true
}

/// Handles a fault on a page that is present in userspace's page tables, and a store to an ioeventfd of any length.
#[inline(never)]
fn storage(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault) -> bool {
    let Some(done) = faults::at_once(vcpu, st, fault) else {
        return false;
    };
    let stats = &vcpu.arch_stats;
    stats.sum_exits.inc();
    st.exit_srr1 = st.switch.msr();
    let srr1 = Srr1::from_raw(st.exit_srr1);
    st.set_msr(srr1.msr());
    match done {
        AtOnce::Mapped => stats.pf_storage.inc(),
        AtOnce::Reflect(dsisr) => {
            stats.pf_storage.inc();
            reflect(vcpu, st, fault, dsisr);
        }
        AtOnce::Signalled => {
            stats.mmio_exits.inc();
            let length = if srr1.contains(Srr1::PREFIXED) { 8 } else { 4 };
            st.switch.advance(length);
        }
    }
    faults::trace_resolved(vcpu, fault, matches!(done, AtOnce::Signalled));
    true
}
