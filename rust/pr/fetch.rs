// SPDX-License-Identifier: GPL-2.0

//! The guest's current instruction, read from memory after the exit. It may not be the one that caused the exit, since
//! another vCPU may have stored there in between.

use super::{hpt, vcpu::PrVcpu, vm::Pr};
use crate::{
    emulate::trapped::{Executing, Trapped},
    isa::{insn::Insn, msr::Msr, radix_walk::Access},
    vm::Vcpu,
};

/// Two doubts that are more than this number of exits apart are unrelated. Exits between them are the host's
/// interrupts.
const AT_ONCE: u64 = 8;

/// What caused an exit.
pub(crate) enum Found {
    /// This instruction.
    Caused(Executing),
    /// It is not in memory any more: the guest executes what is there now.
    Again,
    /// The processor has reported this instruction again and again, though it is not one that is known to cause such an
    /// exit. In privileged state only.
    Insists(Insn),
}

/// The instruction that caused an exit.
#[inline(always)]
pub(crate) fn caused(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, trapped: Trapped) -> Found {
    match loaded(vcpu, st) {
        Some(insn) => is_cause(vcpu, st, trapped, insn),
        None => {
            vcpu.arch_stats.fetch_retries.inc();
            Found::Again
        }
    }
}

/// Is `insn`, which was fetched after an exit, what caused it?
#[inline(always)]
pub(crate) fn is_cause(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, trapped: Trapped, insn: Insn) -> Found {
    if let Some(executing) = trapped.instruction(insn) {
        st.doubt.0.dispel();
        return Found::Caused(executing);
    }
    match doubtful(vcpu, st, trapped, insn.raw()) {
        true => Found::Insists(insn),
        false => Found::Again,
    }
}

/// This word cannot have caused the exit. Has the processor reported it several times in a row?
#[cold]
#[inline(never)]
fn doubtful(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, trapped: Trapped, word: u32) -> bool {
    let exits = vcpu.arch_stats.sum_exits.get();
    let (doubt, when) = &mut st.doubt;
    if exits.wrapping_sub(*when) > AT_ONCE {
        doubt.dispel();
    }
    *when = exits;
    let insists = doubt.insists(st.switch.nip, Insn::word(word));
    // A program that modifies its code without an icbi may loop here; it can still be interrupted.
    if insists && !trapped.state().is_problem() {
        return true;
    }
    vcpu.arch_stats.fetch_retries.inc();
    false
}

/// The instruction that the guest was at, as the exit path loaded it or else by the guest's tables. `None` if it has
/// to be run again.
#[inline(always)]
pub(crate) fn loaded(vcpu: &Vcpu<Pr>, st: &PrVcpu) -> Option<Insn> {
    let word = match st.switch.exit().last_inst() {
        Some(word) => as_executed(st, word),
        None => found(vcpu, st)?,
    };
    Some(Insn::word(word))
}

/// The instruction by the guest's tables, where the exit path could not load it.
#[cold]
#[inline(never)]
fn found(vcpu: &Vcpu<Pr>, st: &PrVcpu) -> Option<u32> {
    vcpu.arch_stats.fetch_walks.inc();
    walked(vcpu, st).map(Insn::raw)
}

/// A word of the guest's code that was loaded as data.
#[inline]
pub(crate) fn as_fetched(st: &PrVcpu, word: u32) -> Insn {
    Insn::word(as_executed(st, word))
}

#[inline]
fn as_executed(st: &PrVcpu, word: u32) -> u32 {
    let little = st.msr().contains(Msr::LE);
    match little == cfg!(target_endian = "little") {
        true => word,
        false => word.swap_bytes(),
    }
}

/// The instruction that the guest is at by its tables. `None` if these have none.
pub(crate) fn walked(vcpu: &Vcpu<Pr>, st: &PrVcpu) -> Option<Insn> {
    let little = st.msr().contains(Msr::LE);
    let gpa = hpt::real_address(vcpu, st, st.nip(), Access::Fetch).ok()?;
    let mut bytes = [0; 4];
    vcpu.vm().read_guest(gpa, &mut bytes).ok()?;
    Some(Insn::word(match little {
        true => u32::from_le_bytes(bytes),
        false => u32::from_be_bytes(bytes),
    }))
}
