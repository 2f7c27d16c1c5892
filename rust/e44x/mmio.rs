// SPDX-License-Identifier: GPL-2.0

//! Loads and stores to what is not memory: emulated access by access, by the VM's own bus or by userspace.

use super::{
    access::Fault,
    fetch,
    mmu::{self, translate, Translation},
    reserve,
    vcpu::{Completion, E44x, E44xVcpu, LoadStore},
};
use crate::{
    emulate::{
        e44x::state::Registers,
        mmio::{Reason, Step},
    },
    isa::e44x::{
        insn::data_syndrome,
        ivor::{esr, Ivor},
        tlbe::Access,
    },
    vm::{access::access_in_kernel, run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::prelude::*;

/// The bits of an address that are the same in all of a page of 1 KB, the smallest: such addresses are translated by
/// one entry.
const SAME_PAGE: u32 = !0x3ff;

/// Emulates the instruction that the guest is at, which faulted. Returns `EFAULT` if memory that it touches cannot be
/// reached.
pub(crate) fn start(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    run: &RunPage,
    fault: &Fault,
) -> Result<Next> {
    let &Fault {
        ea,
        gpa,
        store,
        little_endian,
        memory,
    } = fault;
    let Some(insn) = fetch::current(vcpu, st) else {
        vcpu.arch_stats.fetch_retries.inc();
        return Ok(Next::Guest);
    };
    st.mmio.known = (ea, gpa);
    st.mmio.little_endian = little_endian;
    st.mmio.memory = memory;
    let syndrome = data_syndrome(insn, store);
    st.mmio.syndrome = syndrome;
    if memory && reserve::is_one(insn) {
        return reserve::start(vcpu, st, run, insn, fault);
    }
    st.mmio.reserved = reserve::held(vcpu, st);
    let msr = st.state.msr;
    let regs = LoadStore {
        switch: &mut st.switch,
        msr,
        little_endian,
    };
    let plan = &mut st.mmio.plan;
    let why = match plan.prepare(insn, &regs) {
        Ok(()) if plan.bytes() != 0 && (plan.is_store() != store || !plan.touches(ea.into())) => {
            // Not the access that faulted: the instruction has changed since.
            vcpu.arch_stats.fetch_retries.inc();
            return Ok(Next::Guest);
        }
        Ok(()) => {
            let (ea, len) = (plan.ea() as u32, plan.bytes());
            return match st.data_access(run, ea, len, store) {
                Some(next) => Ok(next),
                None => go_on(vcpu, st, run),
            };
        }
        Err(why) => why,
    };
    match why {
        Reason::InvalidForm => st.state.program(&mut st.switch, esr::PIL),
        Reason::Alignment => st
            .state
            .data_interrupt(&mut st.switch, Ivor::Alignment, ea, syndrome),
        Reason::Storage(_) => {
            st.state
                .data_interrupt(&mut st.switch, Ivor::DataStorage, ea, syndrome)
        }
        Reason::Unavailable(_) => st.state.interrupt(&mut st.switch, Ivor::FpUnavailable),
        Reason::NotStorageAccess if st.state.user() => {
            // A process of the guest gets an interrupt, so that it cannot stop the guest.
            st.state
                .data_interrupt(&mut st.switch, Ivor::DataStorage, ea, syndrome)
        }
        Reason::NotStorageAccess => {
            run.set_internal_error(
                crate::bindings::KVM_INTERNAL_ERROR_EMULATION,
                &[insn.raw().into(), st.switch.nip().into()],
            );
            return Ok(Next::Userspace);
        }
    }
    Ok(Next::Guest)
}

/// Userspace has made the access: goes on with the instruction.
pub(crate) fn complete(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, run: &RunPage) -> Result<Next> {
    let plan = &mut st.mmio.plan;
    if plan.is_store() {
        plan.wrote();
    } else {
        plan.supply(&run.mmio_data());
    }
    let chosen = st.switch.nip();
    let elsewhere = chosen != st.mmio.nip.wrapping_add(4);
    if elsewhere && !matches!(st.mmio.plan.step(), Step::Done) {
        // Userspace has set another address for the guest, so the remaining accesses are not made.
        return Ok(Next::Guest);
    }
    st.switch.set_nip(st.mmio.nip);
    let next = go_on(vcpu, st, run);
    if elsewhere {
        st.switch.set_nip(chosen);
    }
    next
}

fn go_on(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, run: &RunPage) -> Result<Next> {
    loop {
        let pending = &mut st.mmio;
        let (ea, len, write) = match pending.plan.step() {
            Step::Done => {
                let mut regs = LoadStore {
                    switch: &mut st.switch,
                    msr: st.state.msr,
                    little_endian: pending.little_endian,
                };
                // All accesses have been made, so this cannot fail.
                let _ = pending.plan.finish(&mut regs);
                if pending.memory && pending.plan.bytes() == 0 {
                    // An instruction without an access may be `icbi`, after which instructions have to be fetched anew.
                    let (_, gpa) = pending.known;
                    mmu::sync_code(vcpu, gpa);
                }
                let reserved = pending.reserved.take();
                reserve::keep(st, reserved);
                st.completed();
                return Ok(Next::Guest);
            }
            Step::Read { ea, len, .. } => (ea as u32, len, None),
            Step::Write { ea, len, data, .. } => (ea as u32, len, Some(data)),
        };
        let len = usize::from(len);
        let (known_ea, known_gpa) = pending.known;
        let memory = pending.memory;
        let faulted = ea & SAME_PAGE == known_ea & SAME_PAGE;
        let gpa = if faulted {
            known_gpa & !u64::from(!SAME_PAGE) | u64::from(ea & !SAME_PAGE)
        } else {
            let access = match write {
                Some(_) => Access::Store,
                None => Access::Load,
            };
            let syndrome = pending.syndrome;
            let ivor = match translate(st, ea, access) {
                Translation::Gpa(gpa) => Ok(gpa),
                Translation::Miss => Err(Ivor::DataTlbError),
                Translation::Denied => Err(Ivor::DataStorage),
            };
            match ivor {
                Ok(gpa) => gpa,
                Err(ivor) => {
                    st.state.data_interrupt(&mut st.switch, ivor, ea, syndrome);
                    return Ok(Next::Guest);
                }
            }
        };
        let plan = &mut st.mmio.plan;
        if access_in_kernel(
            vcpu.vm(),
            plan,
            !faulted || memory,
            gpa,
            len,
            write.as_ref(),
        )? {
            continue;
        }
        run.set_mmio(gpa, &write.unwrap_or_default(), len as u32, write.is_some());
        st.mmio.nip = st.switch.nip();
        st.switch.set_nip(st.mmio.nip.wrapping_add(4));
        st.completion = Completion::Mmio;
        return Ok(Next::Userspace);
    }
}
