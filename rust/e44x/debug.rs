// SPDX-License-Identifier: GPL-2.0

//! Debugging guests, by themselves and by `KVM_SET_GUEST_DEBUG` (api.rst, section 4.87).

use super::{
    fetch,
    mmu::{self, OFFSET},
    reserve,
    vcpu::{E44x, E44xVcpu},
};
use crate::{
    bindings::{self, kvm_guest_debug},
    emulate::e44x::{
        debug::{Found, Step},
        guest_debug::{GuestDebug, Point, BREAKPOINT, WATCH_READ, WATCH_WRITE},
        state::Registers,
    },
    host::time::timebase,
    isa::e44x::msr::Msr,
    vm::Vcpu,
};
use kernel::prelude::*;

const CONTROL: u32 = bindings::KVM_GUESTDBG_ENABLE
    | bindings::KVM_GUESTDBG_SINGLESTEP
    | bindings::KVM_GUESTDBG_USE_SW_BP
    | bindings::KVM_GUESTDBG_USE_HW_BP;

/// `KVM_SET_GUEST_DEBUG`. `EINVAL` for flags and kinds of breakpoints that do not exist.
pub(crate) fn set(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, dbg: &kvm_guest_debug) -> Result {
    let has = |flag| dbg.control & bindings::KVM_GUESTDBG_ENABLE != 0 && dbg.control & flag != 0;
    if dbg.control & !CONTROL != 0 {
        return Err(EINVAL);
    }
    let mut new = GuestDebug {
        single_step: has(bindings::KVM_GUESTDBG_SINGLESTEP),
        software: has(bindings::KVM_GUESTDBG_USE_SW_BP),
        ..GuestDebug::default()
    };
    if has(bindings::KVM_GUESTDBG_USE_HW_BP) {
        for (to, from) in new.points.iter_mut().zip(&dbg.arch.bp) {
            if from.type_ & !(BREAKPOINT | WATCH_READ | WATCH_WRITE) != 0 {
                return Err(EINVAL);
            }
            *to = (from.type_ != 0).then_some(Point {
                ea: from.addr as u32,
                kind: from.type_,
            });
        }
    }
    if new.points != st.state.guest_debug.points {
        mmu::clear(vcpu.vm());
    }
    st.state.guest_debug = new;
    st.stepped = false;
    Ok(())
}

/// What has to be done before the next instruction is executed.
pub(crate) enum Before {
    /// Nothing.
    Go,
    /// An exit to userspace, with this event.
    Userspace(Found),
    /// The `stwcx.` to this address is to be emulated.
    StoreConditional(u32),
}

/// Looks for debug events at the next instruction, and decides how that is executed.
pub(crate) fn before(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu) -> Before {
    st.step = Step::default();
    if core::mem::take(&mut st.stepped) {
        return Before::Userspace(Found {
            ea: st.switch.nip(),
            status: 0,
        });
    }
    let watching = st.state.watching();
    if watching != st.watching {
        mmu::clear(vcpu.vm());
        st.watching = watching;
    }
    if !st.state.debugged() || st.state.msr.contains(Msr::WE) {
        return Before::Go;
    }
    let ctr = st.switch.registers().ctr;
    let insn = fetch::current(vcpu, st);
    let word = insn.map(|insn| insn.raw());
    if let Some(found) = st.state.before_instruction(&st.switch, ctr, word) {
        return Before::Userspace(found);
    }
    st.step = st.state.step(st.switch.nip(), OFFSET);
    // If an interrupt is pending, it is delivered first, at the entry.
    st.state.timer.update(timebase());
    if st.state.pending(vcpu.shared.lines()).is_some() {
        return Before::Go;
    }
    match insn.and_then(|insn| reserve::concluding(st, insn)) {
        Some(ea) => Before::StoreConditional(ea),
        None => Before::Go,
    }
}
