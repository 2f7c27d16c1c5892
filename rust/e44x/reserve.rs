// SPDX-License-Identifier: GPL-2.0

//! `lwarx` and `stwcx.` if one of them, or an instruction between them, has to be emulated: the exit loses the
//! reservation, since asm/e44x.S clears it at each entry. After an `lwarx` was emulated, or an instruction while a
//! reservation was held, the following instructions are executed one by one up to the `stwcx.`, and that is emulated.
//! Documentation/e44x.rst, "Reservations".

use super::{
    access::Fault,
    fetch,
    mmu::{translate, Translation},
    vcpu::{E44x, E44xVcpu},
};
use crate::{
    emulate::{
        e44x::{
            privileged::cr0,
            state::{Registers, Reservation},
        },
        reservation::{reserving, LOOK_BACK},
    },
    host::e44x::compare_exchange_user,
    isa::{
        e44x::{
            ivor::{esr, Ivor},
            tlbe::Access,
        },
        insn::Insn,
    },
    vm::{run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::{page::PAGE_SHIFT, prelude::*};

const LWARX: u32 = 20;
const STWCX: u32 = 150;

/// The most instructions that may be between the two.
const STEPS: u32 = 64;

/// Is this instruction `lwarx` or `stwcx.`?
pub(crate) fn is_one(insn: Insn) -> bool {
    insn.po() == 31 && matches!(insn.xo(), LWARX | STWCX)
}

fn address(st: &E44xVcpu, ra: u8, rb: u8) -> u32 {
    let base = match ra {
        0 => 0,
        ra => st.switch.gpr(ra),
    };
    base.wrapping_add(st.switch.gpr(rb))
}

/// The reservation that the guest holds at its current instruction, which is about to be emulated. `None` if it holds
/// none, if that cannot be found out, or if it is known already.
pub(crate) fn held(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu) -> Option<Reservation> {
    let nip = st.switch.nip();
    if st.state.reservation.is_some() || st.unreserved.skip(nip) {
        return None;
    }
    let before = fetch::before::<{ LOOK_BACK as usize }>(vcpu, st, nip);
    let Some(load) = reserving(before).filter(|load| load.bytes == 4) else {
        st.unreserved.note(nip);
        return None;
    };
    // If the last entry was behind the `lwarx`, the guest executed the `lwarx` before that entry, which cleared the
    // reservation.
    let behind = load.back.wrapping_mul(4).wrapping_sub(4);
    if nip.wrapping_sub(st.entered) <= behind {
        return None;
    }
    let ea = address(st, load.ra, load.rb);
    let Translation::Gpa(gpa) = translate(st, ea, Access::Load) else {
        return None;
    };
    let little_endian = st
        .state
        .tlb
        .find(ea, st.state.data_space())?
        .tlbe
        .attributes()
        .little_endian();
    let mut value = [0; 4];
    vcpu.vm().read_guest(gpa, &mut value).ok()?;
    let now = word(value, little_endian);
    // Another thread may have stored there since the guest was left.
    let unchanged = load.rt.is_none_or(|rt| st.switch.gpr(rt) == now);
    (ea & 3 == 0 && unchanged).then_some(Reservation {
        gpa,
        value,
        steps: STEPS,
    })
}

/// The instruction was emulated, and the guest goes on behind it with the reservation that it held.
pub(crate) fn keep(st: &mut E44xVcpu, held: Option<Reservation>) {
    if held.is_some() {
        st.state.reservation = held;
    }
}

fn word(bytes: [u8; 4], little_endian: bool) -> u32 {
    if little_endian {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    }
}

/// Emulates `lwarx` or `stwcx.`, which has faulted. `EFAULT` as for other accesses.
pub(crate) fn start(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    run: &RunPage,
    insn: Insn,
    fault: &Fault,
) -> Result<Next> {
    let ea = address(st, insn.ra(), insn.rb());
    let store = insn.xo() == STWCX;
    if ea != fault.ea || store != fault.store {
        // The instruction was changed after it faulted.
        vcpu.arch_stats.fetch_retries.inc();
        return Ok(Next::Guest);
    }
    if ea & 3 != 0 {
        let syndrome = if store { esr::ST } else { 0 };
        st.state
            .data_interrupt(&mut st.switch, Ivor::Alignment, ea, syndrome);
        return Ok(Next::Guest);
    }
    if let Some(next) = st.data_access(run, ea, 4, store) {
        return Ok(next);
    }
    if store {
        store_conditional(vcpu, st, insn, fault)?;
        return Ok(Next::Guest);
    }
    let mut value = [0; 4];
    if !vcpu.vm().read_if_memory(fault.gpa, &mut value)? {
        // The slot has just been deleted: the access faults again.
        return Ok(Next::Guest);
    }
    st.state.reservation = Some(Reservation {
        gpa: fault.gpa,
        value,
        steps: STEPS,
    });
    st.switch
        .set_gpr(insn.rt(), word(value, fault.little_endian));
    done(st);
    Ok(Next::Guest)
}

/// The address of a `stwcx.` that the guest is about to execute while a reservation is kept for it.
pub(crate) fn concluding(st: &mut E44xVcpu, insn: Insn) -> Option<u32> {
    let reservation = st.state.reservation.as_mut()?;
    reservation.steps = reservation.steps.saturating_sub(1);
    if reservation.steps == 0 {
        st.state.reservation = None;
        return None;
    }
    (is_one(insn) && insn.xo() == STWCX).then(|| address(st, insn.ra(), insn.rb()))
}

/// If the guest may store to the memory at `ea`: where that is, and the `stwcx.` that the guest is about to execute.
pub(crate) fn stores_to(vcpu: &Vcpu<E44x>, st: &E44xVcpu, ea: u32) -> Option<(Fault, Insn)> {
    let insn = fetch::current(vcpu, st).filter(|insn| is_one(*insn))?;
    let found = st.state.tlb.find(ea, st.state.data_space())?;
    let attributes = found.tlbe.attributes();
    if !attributes.permissions(st.state.user()).write {
        return None;
    }
    let gpa = found.tlbe.real_of(ea);
    let slots = vcpu.vm().slots.read();
    let slot = slots.find(gpa >> PAGE_SHIFT)?;
    let fault = Fault {
        ea,
        gpa,
        store: true,
        little_endian: attributes.little_endian(),
        memory: true,
    };
    (!slot.readonly()).then_some((fault, insn))
}

fn store_conditional(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, insn: Insn, fault: &Fault) -> Result {
    let reserved = st.state.reservation.take();
    // The guest has one CPU and has taken no interrupt, so it has not stored there itself. A store by others is
    // noticed by its value.
    let kept = match reserved.filter(|r| r.gpa == fault.gpa) {
        Some(r) => {
            let value = st.switch.gpr(insn.rt());
            let new = if fault.little_endian {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            };
            let Some(exchanged) = exchange(vcpu, fault.gpa, r.value, new)? else {
                // The slot has just been deleted: the guest executes the instruction again, and it faults.
                return Ok(());
            };
            exchanged
        }
        None => false,
    };
    let cr = cr0(&st.switch, kept);
    st.switch.set_cr(cr);
    done(st);
    Ok(())
}

/// Stores `new` to guest memory if it has `old`, in one step. Returns whether it had, or `None` if there is no memory
/// at `gpa`. Fails with `EFAULT` if userspace has mapped nothing there.
fn exchange(vcpu: &Vcpu<E44x>, gpa: u64, old: [u8; 4], new: [u8; 4]) -> Result<Option<bool>> {
    let gfn = gpa >> PAGE_SHIFT;
    // The slots are held until the store is noted, so that dirty logging cannot begin in between.
    let slots = vcpu.vm().slots.read();
    let Some(slot) = slots.find(gfn).filter(|s| !s.readonly()) else {
        return Ok(None);
    };
    let offset = gpa as usize & ((1 << PAGE_SHIFT) - 1);
    let exchanged = compare_exchange_user(slot.hva(gfn) + offset, old, new)?;
    if exchanged {
        slot.mark_dirty(gfn);
    }
    Ok(Some(exchanged))
}

fn done(st: &mut E44xVcpu) {
    let next = st.switch.nip().wrapping_add(4);
    st.switch.set_nip(next);
    st.completed();
}
