// SPDX-License-Identifier: GPL-2.0

//! Debugging the guest from outside, `KVM_SET_GUEST_DEBUG` (api.rst, section 4.87): software breakpoints, and single
//! step by trace interrupts that the guest does not see.

use super::vcpu::PrVcpu;
use crate::{
    bindings,
    isa::{msr::Msr, srr1::Srr1, trap::Trap},
    vm::{run_loop::Next, run_page::RunPage},
};
use kernel::prelude::*;

/// `KVM_SET_GUEST_DEBUG`. Returns `EINVAL` for breakpoints and watchpoints by registers, which this backend does not
/// have.
pub(crate) fn set(st: &mut PrVcpu, control: u32) -> Result {
    const KNOWN: u32 = bindings::KVM_GUESTDBG_ENABLE
        | bindings::KVM_GUESTDBG_SINGLESTEP
        | bindings::KVM_GUESTDBG_USE_SW_BP;
    if control & !KNOWN != 0 {
        return Err(EINVAL);
    }
    st.debug = match control & bindings::KVM_GUESTDBG_ENABLE {
        0 => 0,
        _ => control,
    };
    st.trace();
    Ok(())
}

/// Exits to userspace with the address of the guest's next instruction.
pub(crate) fn report(st: &PrVcpu, run: &RunPage) -> Next {
    run.set_debug(st.nip(), 0);
    Next::Userspace
}

/// A trace interrupt: the guest gets it if it has asked for it; else the guest was only single-stepped by the module.
pub(crate) fn traced(st: &mut PrVcpu, flags: Srr1) {
    // While the module traces all instructions, branches are not told apart from them, and MSR[BE] is not looked at.
    let own = match st.switch.trace {
        true => Msr::SE,
        false => Msr::SE | Msr::BE,
    };
    if st.msr().intersects(own) {
        let exit = st.switch.exit();
        let (traced, operand) = (exit.siar, exit.sdar);
        st.inject_trace(traced, Some(operand), flags);
    }
}

/// An exit has been handled; at it, the guest was at `nip`. Reports the step if it has made one: an instruction was
/// executed or emulated, or the guest took an interrupt.
#[inline]
pub(crate) fn after_exit(st: &PrVcpu, run: &RunPage, trap: Trap, nip: u64, next: Next) -> Next {
    if !st.single_step() {
        return next;
    }
    // The interrupt leaves the guest behind the system call. If that is to be executed anew, the guest is set back to
    // it.
    let made = match trap {
        Trap::TRACE => true,
        Trap::SYSCALL => st.nip() != nip.wrapping_sub(4),
        _ => st.nip() != nip,
    };
    match next {
        Next::Guest if made => report(st, run),
        next => next,
    }
}

/// Userspace has completed an instruction, which counts as a step.
#[inline]
pub(crate) fn after_answer(st: &PrVcpu, run: &RunPage, next: Next) -> Next {
    match next {
        Next::Guest if st.single_step() => report(st, run),
        next => next,
    }
}
