// SPDX-License-Identifier: GPL-2.0

//! Exits that need nothing of the host: handled with interrupts hard-disabled, and the guest is entered again.
//!
//! What is done here does not sleep, waits for no lock, and is short. What cannot be done so is left as it was found,
//! for [`exit::handle`](super::exit::handle) to begin with.

use super::{
    mmu::fault::{self, AtOnce, StorageFault},
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

/// So often the guest is entered without interrupts being enabled between. One that is pending ends the guest as soon
/// as that is entered; this is for certainty.
pub(crate) const ROUNDS: usize = 128;

/// Handles the exit that `trap` names, if it is of that kind, and says whether it was.
#[inline(always)]
pub(crate) fn handle(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, trap: Trap) -> bool {
    match trap {
        Trap::SYSCALL => hypercall(vcpu, st),
        Trap::H_DATA_STORAGE => storage(vcpu, st, &StorageFault::of_data(st)),
        Trap::H_INST_STORAGE => {
            let hsrr1 = Srr1::from_raw(st.switch.arch().shregs.msr);
            storage(vcpu, st, &StorageFault::of_fetch(st, hsrr1))
        }
        _ => false,
    }
}

/// `H_PROD`, and `H_CEDE` of a processor that was prodded.
#[inline(always)]
fn hypercall(vcpu: &Vcpu<Hv>, st: &mut HvVcpu) -> bool {
    let hcall = Hcall::from_raw(st.gpr(3));
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
        Hcall::H_PROD if st.gpr(4) == u64::from(vcpu.id) => {
            vcpu.shared.events.change(0, Events::PRODDED);
            HReturn::H_SUCCESS
        }
        Hcall::H_PROD => papr::h_prod(vcpu, st.gpr(4)),
        _ => {
            // Nobody but this thread takes it.
            vcpu.shared.events.take(Events::PRODDED);
            st.set_msr(msr | Msr::EE);
            HReturn::H_SUCCESS
        }
    };
    trace::hcall_exit(vcpu.id, true, ret.gpr());
    st.switch.set_gpr(3, ret.gpr());
    true
}

/// A page that userspace's tables have, or a store to an ioeventfd of any length.
#[inline(never)]
fn storage(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault) -> bool {
    let Some(done) = fault::at_once(vcpu, st, fault) else {
        return false;
    };
    let stats = &vcpu.arch_stats;
    stats.sum_exits.inc();
    st.exit_srr1 = st.switch.arch().shregs.msr;
    let srr1 = Srr1::from_raw(st.exit_srr1);
    st.set_msr(srr1.msr());
    match done {
        AtOnce::Mapped => stats.pf_storage.inc(),
        AtOnce::Signalled => {
            stats.mmio_exits.inc();
            let length = if srr1.contains(Srr1::PREFIXED) { 8 } else { 4 };
            st.switch.advance(length);
        }
    }
    fault::trace_resolved(vcpu, fault, matches!(done, AtOnce::Signalled));
    true
}
