// SPDX-License-Identifier: GPL-2.0

//! Privileged doorbells between the threads of an emulated core.
//!
//! The threads of a guest's core may run on CPUs of different cores of the host, so the hardware's doorbells would
//! reach the wrong threads. HFSCR[MSGP] is therefore 0, and `msgsndp`, `msgclrp` and reads of TIR and DPDES (ISA Book
//! III, "Directed Privileged Doorbell") trap and are emulated here.

use super::{
    vcpu::{Events, HvVcpu},
    Hv,
};
use crate::{
    emulate::{
        doorbell::{decode, Doorbell},
        regs::Regs,
        trapped::Executing,
    },
    vm::{papr::find, Vcpu},
};

/// Emulates the instruction. Returns false if it is not one of these, or is executed in problem state.
pub(crate) fn emulate(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, executing: Executing) -> bool {
    if executing.state().is_problem() {
        return false;
    }
    let smt = vcpu.vm().arch.smt();
    let id = u64::from(vcpu.id);
    let own = id & (smt - 1);
    let first = id - own;
    match decode(executing.insn(), &st.switch) {
        Some(Doorbell::Send { thread }) => {
            let thread = u64::from(thread);
            if thread < smt {
                if let Some(target) = find(vcpu, first + thread) {
                    send(vcpu, target);
                }
            }
        }
        Some(Doorbell::Clear) => {
            vcpu.shared.events.take(Events::DOORBELL);
        }
        Some(Doorbell::Ignore) => {}
        Some(Doorbell::ReadThread { gpr }) => Regs::set_gpr(&mut st.switch, gpr, own),
        Some(Doorbell::ReadPending { gpr }) => {
            let pending = read_dpdes(vcpu, first, smt);
            Regs::set_gpr(&mut st.switch, gpr, pending);
        }
        None => return false,
    }
    st.switch.advance(4);
    true
}

fn send(vcpu: &Vcpu<Hv>, target: &Vcpu<Hv>) {
    let old = target.shared.events.change(0, Events::DOORBELL);
    if old & Events::DOORBELL == 0 && !core::ptr::eq(target, vcpu) {
        target.kick();
    }
}

/// Which threads of the core have a doorbell pending. Threads that run are made to leave the guest first, because a
/// doorbell that the hardware holds for them is written back to memory only then.
fn read_dpdes(vcpu: &Vcpu<Hv>, first: u64, smt: u64) -> u64 {
    let mut dpdes = 0;
    for thread in 0..smt {
        let Some(v) = find(vcpu, first + thread) else {
            continue;
        };
        if !core::ptr::eq(v, vcpu) {
            v.kick_and_wait();
        }
        if v.shared.events.test(Events::DOORBELL) {
            dpdes |= 1 << thread;
        }
    }
    dpdes
}
