// SPDX-License-Identifier: GPL-2.0

//! Debugging guests, by themselves and by `KVM_SET_GUEST_DEBUG` (api.rst, section 4.87).

use super::{exit, mmu, reserve, vcpu::E44xVcpu, E44x};
use crate::{
    bindings::{self, kvm_guest_debug},
    emulate::e44x::{
        debug::{DataEvent, Found, GuestDebug, Point, Step, BREAKPOINT, WATCH_READ, WATCH_WRITE},
        state::Registers,
    },
    host::time::timebase,
    isa::e44x::msr::Msr,
    vm::{run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::{page::PAGE_SHIFT, prelude::*};

/// Within a page, as far as the shadow TLB tells them apart.
pub(crate) const OFFSET: u32 = (1 << PAGE_SHIFT) - 1;

const CONTROL: u32 = bindings::KVM_GUESTDBG_ENABLE
    | bindings::KVM_GUESTDBG_SINGLESTEP
    | bindings::KVM_GUESTDBG_USE_SW_BP
    | bindings::KVM_GUESTDBG_USE_HW_BP;

/// `KVM_SET_GUEST_DEBUG`. `EINVAL` for what there is not.
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

/// What comes before the next instruction.
pub(crate) enum Before {
    /// Nothing.
    Go,
    /// Userspace hears of this.
    Userspace(Found),
    /// [`reserve::conclude`] at this address.
    StoreConditional(u32),
}

/// Looks at the instruction that comes next, and decides how it is executed.
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
    let insn = exit::fetch(vcpu, st);
    let word = insn.map(|insn| insn.raw());
    if let Some(found) = st.state.before_instruction(&st.switch, ctr, word) {
        return Before::Userspace(found);
    }
    st.step = st.state.step(st.switch.nip(), OFFSET);
    // An interrupt comes first, and is delivered on the way into the guest.
    st.state.timer.update(timebase());
    if st.state.pending(vcpu.shared.lines()).is_some() {
        return Before::Go;
    }
    match insn.and_then(|insn| reserve::concluding(st, insn)) {
        Some(ea) => Before::StoreConditional(ea),
        None => Before::Go,
    }
}

/// The instruction was executed: what comes of that, comes before the next one.
pub(crate) fn completed(st: &mut E44xVcpu) {
    let step = core::mem::take(&mut st.step);
    st.stepped = st.state.stepped(step);
}

/// The guest is about to access data: where it goes on if not with that.
pub(crate) fn data_access(
    st: &mut E44xVcpu,
    run: &RunPage,
    ea: u32,
    len: usize,
    store: bool,
) -> Option<Next> {
    match st.state.data_event(ea, len, store) {
        DataEvent::None => None,
        DataEvent::Interrupt => Some(Next::Guest),
        DataEvent::Userspace(found) => {
            run.set_debug(found.ea.into(), found.status);
            Some(Next::Userspace)
        }
    }
}
