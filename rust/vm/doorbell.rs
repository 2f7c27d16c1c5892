// SPDX-License-Identifier: GPL-2.0

//! Privileged doorbells between the threads of a guest's core, and the numbers of those threads: what `msgsndp` and
//! `msgclrp` do, and what TIR and DPDES hold (ISA Book III, "Directed Privileged Doorbell").

use super::{
    events::Events,
    papr::{find, PaprBackend},
    Vcpu,
};

/// The vCPU's number in its core: TIR.
pub(crate) fn thread<B: PaprBackend>(vcpu: &Vcpu<B>) -> u64 {
    u64::from(vcpu.id) & (B::smt(vcpu.vm()).get() - 1)
}

/// Sends a doorbell to this thread of the vCPU's core, if there is one.
pub(crate) fn send<B: PaprBackend>(vcpu: &Vcpu<B>, to: u8) {
    let to = u64::from(to);
    if to >= B::smt(vcpu.vm()).get() {
        return;
    }
    let Some(target) = find(vcpu, first(vcpu) + to) else {
        return;
    };
    let old = B::events(target).change(0, Events::DOORBELL);
    if old & Events::DOORBELL == 0 && !core::ptr::eq(target, vcpu) {
        target.kick();
    }
}

/// Clears the vCPU's pending doorbell.
pub(crate) fn clear<B: PaprBackend>(vcpu: &Vcpu<B>) {
    B::events(vcpu).take(Events::DOORBELL);
}

/// Which threads of the core have a doorbell pending, thread 0 in the lowest bit: DPDES.
pub(crate) fn pending<B: PaprBackend>(vcpu: &Vcpu<B>) -> u64 {
    let mut dpdes = 0;
    for thread in 0..B::smt(vcpu.vm()).get() {
        let Some(v) = find(vcpu, first(vcpu) + thread) else {
            continue;
        };
        if !core::ptr::eq(v, vcpu) {
            B::take_doorbell_back(v);
        }
        if B::events(v).test(Events::DOORBELL) {
            dpdes |= 1 << thread;
        }
    }
    dpdes
}

/// `KVM_REG_PPC_DPDES`: whether the vCPU itself has a doorbell pending, whatever its number in the core.
pub(crate) fn own<B: PaprBackend>(vcpu: &Vcpu<B>) -> u64 {
    B::events(vcpu).test(Events::DOORBELL).into()
}

/// Sets `KVM_REG_PPC_DPDES`.
pub(crate) fn set_own<B: PaprBackend>(vcpu: &Vcpu<B>, val: u64) {
    let set = if val & 1 != 0 { Events::DOORBELL } else { 0 };
    B::events(vcpu).change(Events::DOORBELL, set);
}

/// The id of the core's first thread.
fn first<B: PaprBackend>(vcpu: &Vcpu<B>) -> u64 {
    u64::from(vcpu.id) - thread(vcpu)
}
