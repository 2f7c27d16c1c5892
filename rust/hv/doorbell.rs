// SPDX-License-Identifier: GPL-2.0

//! Privileged doorbells between the threads of an emulated core.
//!
//! The threads of a guest's core may run on CPUs of different cores of the host, so the hardware's doorbells would
//! reach the wrong threads. HFSCR[MSGP] is therefore 0, and `msgsndp`, `msgclrp` and reads of TIR and DPDES (ISA Book
//! III, "Directed Privileged Doorbell") trap and are emulated here.

use super::{vcpu::HvVcpu, Hv};
use crate::{
    emulate::{
        doorbell::{decode, Doorbell},
        regs::Regs,
        trapped::Executing,
    },
    vm::{doorbell, Vcpu},
};

/// Emulates the instruction. Returns false if it is not one of these, or is executed in problem state.
pub(crate) fn emulate(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, executing: Executing) -> bool {
    if executing.state().is_problem() {
        return false;
    }
    match decode(executing.insn(), &st.switch) {
        Some(Doorbell::Send { thread }) => doorbell::send(vcpu, thread),
        Some(Doorbell::Clear) => doorbell::clear(vcpu),
        Some(Doorbell::Ignore) => {}
        Some(Doorbell::ReadThread { gpr }) => {
            Regs::set_gpr(&mut st.switch, gpr, doorbell::thread(vcpu))
        }
        Some(Doorbell::ReadPending { gpr }) => {
            let pending = doorbell::pending(vcpu);
            Regs::set_gpr(&mut st.switch, gpr, pending);
        }
        None => return false,
    }
    st.switch.advance(4);
    true
}
