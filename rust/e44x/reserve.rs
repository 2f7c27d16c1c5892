// SPDX-License-Identifier: GPL-2.0

//! `lwarx` and `stwcx.` where the hardware must not make the access: the way out of the guest would lose its reservation
//! between the two. After an `lwarx` was emulated, instructions are executed one by one up to the `stwcx.`, which would
//! not even fault without a reservation.

use super::{debug, exit, mmio::Fault, vcpu::E44xVcpu, E44x};
use crate::{
    emulate::e44x::{
        privileged::cr0,
        state::{Registers, Reservation},
    },
    isa::{
        e44x::{
            ivor::{esr, Ivor},
            tlbe::Access,
        },
        insn::Insn,
    },
    vm::{run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::prelude::*;

const LWARX: u32 = 20;
const STWCX: u32 = 150;

/// So many instructions may be between the two.
const STEPS: u32 = 64;

/// Is it one of the two?
pub(crate) fn is_one(insn: Insn) -> bool {
    insn.po() == 31 && matches!(insn.xo(), LWARX | STWCX)
}

fn address(st: &E44xVcpu, insn: Insn) -> u32 {
    let base = match insn.ra() {
        0 => 0,
        ra => st.switch.gpr(ra),
    };
    base.wrapping_add(st.switch.gpr(insn.rb()))
}

/// Emulates it, because it faulted. `EFAULT` as for other accesses.
pub(crate) fn start(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    run: &RunPage,
    insn: Insn,
    fault: &Fault,
) -> Result<Next> {
    let ea = address(st, insn);
    let store = insn.xo() == STWCX;
    if ea != fault.ea || store != fault.store {
        // It changed after it faulted.
        vcpu.arch_stats.fetch_retries.inc();
        return Ok(Next::Guest);
    }
    if ea & 3 != 0 {
        let syndrome = if store { esr::ST } else { 0 };
        st.state
            .data_interrupt(&mut st.switch, Ivor::Alignment, ea, syndrome);
        return Ok(Next::Guest);
    }
    if let Some(next) = debug::data_access(st, run, ea, 4, store) {
        return Ok(next);
    }
    if store {
        store_conditional(vcpu, st, insn, fault)?;
        return Ok(Next::Guest);
    }
    let mut value = [0; 4];
    if !vcpu.vm().read_if_memory(fault.gpa, &mut value)? {
        // Its slot has just gone: the access faults again.
        return Ok(Next::Guest);
    }
    st.state.reservation = Some(Reservation {
        gpa: fault.gpa,
        value,
        steps: STEPS,
    });
    let word = if fault.little_endian {
        u32::from_le_bytes(value)
    } else {
        u32::from_be_bytes(value)
    };
    st.switch.set_gpr(insn.rt(), word);
    done(st);
    Ok(Next::Guest)
}

/// The address of a `stwcx.` that the guest is about to execute after an `lwarx` that was emulated.
pub(crate) fn concluding(st: &mut E44xVcpu, insn: Insn) -> Option<u32> {
    let reservation = st.state.reservation.as_mut()?;
    reservation.steps = reservation.steps.saturating_sub(1);
    if reservation.steps == 0 {
        st.state.reservation = None;
        return None;
    }
    (is_one(insn) && insn.xo() == STWCX).then(|| address(st, insn))
}

/// Emulates that as if it had faulted. If its page is another one, which the hardware may access, it fails there.
pub(crate) fn conclude(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    run: &RunPage,
    ea: u32,
) -> Result<Next> {
    let next = exit::storage(vcpu, st, run, ea, Access::Store, esr::ST);
    st.state.reservation = None;
    next
}

fn store_conditional(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, insn: Insn, fault: &Fault) -> Result {
    let reserved = st.state.reservation.take();
    let mut now = [0; 4];
    if !vcpu.vm().read_if_memory(fault.gpa, &mut now)? {
        return Ok(());
    }
    // Who wrote there meanwhile is not the guest's own program: it has one CPU, and has taken no interrupt.
    let kept = reserved.is_some_and(|r| r.gpa == fault.gpa && r.value == now);
    if kept {
        let value = st.switch.gpr(insn.rt());
        let bytes = if fault.little_endian {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        };
        if !vcpu.vm().write_if_memory(fault.gpa, &bytes)? {
            return Ok(());
        }
    }
    let cr = cr0(&st.switch, kept);
    st.switch.set_cr(cr);
    done(st);
    Ok(())
}

fn done(st: &mut E44xVcpu) {
    let next = st.switch.nip().wrapping_add(4);
    st.switch.set_nip(next);
    debug::completed(st);
}
