// SPDX-License-Identifier: GPL-2.0

//! What ended the guest's run, and what is done about it.

use super::{
    access::Fault,
    fetch, mmio,
    mmu::{self, Resolution},
    reserve,
    vcpu::{Completion, E44x, E44xVcpu},
};
use crate::{
    bindings,
    emulate::e44x::{
        privileged::{execute, Outcome},
        state::Registers,
    },
    host::{e44x::report_machine_check, time::timebase, trace},
    isa::{
        e44x::{
            ivor::{esr, Ivor},
            spr,
            tlbe::Access,
        },
        insn::Insn,
    },
    vm::{one_reg::SW_BREAKPOINT, run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::prelude::*;

/// Handles the exit for `ivor`; the host's own interrupts have been served.
pub(crate) fn handle(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    run: &RunPage,
    ivor: Ivor,
) -> Result<Next> {
    let stats = &vcpu.arch_stats;
    stats.sum_exits.inc();
    let (syndrome, dear) = (st.switch.registers().esr, st.switch.registers().dear);
    trace::booke_exit(ivor as u32, st.switch.nip(), st.state.msr.word(), dear);
    let data = if syndrome & esr::ST != 0 {
        Access::Store
    } else {
        Access::Load
    };
    match ivor {
        Ivor::Decrementer => stats.dec_exits.inc(),
        Ivor::External | Ivor::FixedInterval | Ivor::CriticalInput | Ivor::Watchdog => {
            stats.ext_intr_exits.inc()
        }
        Ivor::Debug if st.step.alone => st.completed(),
        // A debug interrupt for the host's own debugger.
        Ivor::Debug => {}
        Ivor::MachineCheck => {
            stats.machine_checks.inc();
            report_machine_check(syndrome);
            if syndrome & esr::MCI == 0 {
                // Some access since the guest was entered has caused it; nearly all of these are the guest's.
                st.state.mcsr |= spr::MCSR_MCS | spr::MCSR_IMPE;
            } else if !st.state.fetch_machine_check(&mut st.switch) {
                return Ok(unusable_instruction(st, run));
            }
        }
        Ivor::DataTlbError | Ivor::DataStorage => {
            if ivor == Ivor::DataStorage {
                stats.dsi_exits.inc();
            }
            return storage(vcpu, st, run, dear, data, syndrome);
        }
        Ivor::InstTlbError | Ivor::InstStorage => {
            if ivor == Ivor::InstStorage {
                stats.isi_exits.inc();
            }
            let nip = st.switch.nip();
            return storage(vcpu, st, run, nip, Access::Fetch, 0);
        }
        Ivor::Program => return program(vcpu, st, run, syndrome),
        Ivor::SystemCall => {
            stats.syscall_exits.inc();
            st.state.interrupt(&mut st.switch, Ivor::SystemCall);
        }
        Ivor::FpUnavailable | Ivor::ApUnavailable => {
            stats.fp_unavail.inc();
            st.state.interrupt(&mut st.switch, ivor);
        }
        Ivor::Alignment => {
            st.state
                .data_interrupt(&mut st.switch, ivor, dear, syndrome & esr::DATA)
        }
    }
    Ok(Next::Guest)
}

/// The hardware's TLB has no translation, or one that does not permit the access; `syndrome` says of which kind it is,
/// as ESR has it.
fn storage(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    run: &RunPage,
    ea: u32,
    access: Access,
    syndrome: u32,
) -> Result<Next> {
    let stats = &vcpu.arch_stats;
    let fetch = access == Access::Fetch;
    let store = access == Access::Store;
    let resolution = mmu::resolve(vcpu, st, ea, access)?;
    let ivor = match resolution {
        Resolution::Resume => {
            if fetch {
                stats.itlb_virt_miss_exits.inc();
            } else {
                stats.dtlb_virt_miss_exits.inc();
            }
            return Ok(Next::Guest);
        }
        Resolution::Emulate { .. } if fetch => {
            if st.state.fetch_machine_check(&mut st.switch) {
                return Ok(Next::Guest);
            }
            return Ok(unusable_instruction(st, run));
        }
        Resolution::Emulate {
            gpa,
            little_endian,
            memory,
        } => {
            if memory {
                stats.emulated_access_exits.inc();
            } else {
                stats.mmio_exits.inc();
            }
            let fault = Fault {
                ea,
                gpa,
                store,
                little_endian,
                memory,
            };
            return mmio::start(vcpu, st, run, &fault);
        }
        Resolution::Miss if fetch => {
            stats.itlb_real_miss_exits.inc();
            Ivor::InstTlbError
        }
        Resolution::Miss => {
            stats.dtlb_real_miss_exits.inc();
            Ivor::DataTlbError
        }
        Resolution::Denied if fetch => Ivor::InstStorage,
        Resolution::Denied => Ivor::DataStorage,
    };
    if fetch {
        st.state.set_syndrome(0);
        st.state.interrupt(&mut st.switch, ivor);
    } else {
        st.state
            .data_interrupt(&mut st.switch, ivor, ea, syndrome & esr::DATA);
    }
    Ok(Next::Guest)
}

/// Emulates the `stwcx.` to `ea` that the guest is at, as if it had faulted ([`reserve::concluding`]).
pub(crate) fn conclude(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    run: &RunPage,
    ea: u32,
) -> Result<Next> {
    let next = match reserve::stores_to(vcpu, st, ea) {
        Some((fault, insn)) => reserve::start(vcpu, st, run, insn, &fault),
        None => storage(vcpu, st, run, ea, Access::Store, esr::ST),
    };
    st.state.reservation = None;
    next
}

/// The guest fetches an instruction from where there is no memory, with machine checks disabled: that has no defined
/// result.
fn unusable_instruction(st: &E44xVcpu, run: &RunPage) -> Next {
    run.set_internal_error(
        bindings::KVM_INTERNAL_ERROR_EMULATION,
        &[0, st.switch.nip().into()],
    );
    Next::Userspace
}

fn program(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, run: &RunPage, syndrome: u32) -> Result<Next> {
    if syndrome & (esr::PPR | esr::PIL) == 0 {
        // The guest's own trap or floating-point exception.
        if syndrome & esr::PTR != 0 && st.state.trap_event() {
            return Ok(Next::Guest);
        }
        st.state.program(&mut st.switch, syndrome);
        return Ok(Next::Guest);
    }
    vcpu.arch_stats.emulated_inst_exits.inc();
    let insn = match st.switch.registers().insn {
        0 => fetch::current(vcpu, st),
        word => Some(Insn::word(word)),
    };
    let Some(insn) = insn else {
        vcpu.arch_stats.fetch_retries.inc();
        return Ok(Next::Guest);
    };
    if insn.raw() == SW_BREAKPOINT && st.state.guest_debug.software {
        run.set_debug(st.switch.nip().into(), 0);
        return Ok(Next::Userspace);
    }
    let reserved = reserve::held(vcpu, st);
    let next = st.switch.nip().wrapping_add(4);
    let outcome = execute(&mut st.state, &mut st.switch, insn, timebase());
    if st.switch.nip() == next {
        reserve::keep(st, reserved);
    }
    if !matches!(outcome, Outcome::Debug | Outcome::Program(_)) {
        st.completed();
    }
    match outcome {
        // The debug interrupt is delivered at the next entry.
        Outcome::Debug => {}
        // MSR[WE] is looked at before the next entry.
        Outcome::Done | Outcome::Wait => {}
        Outcome::ForgetCode => mmu::forget_code(vcpu.vm()),
        Outcome::TlbChanged { entry } => mmu::entry_changed(vcpu, entry),
        Outcome::ReadDcr { dcr, rt } => {
            vcpu.arch_stats.dcr_exits.inc();
            st.completion = Completion::Dcr(rt);
            run.set_dcr(dcr.into(), None);
            return Ok(Next::Userspace);
        }
        Outcome::WriteDcr { dcr, value } => {
            vcpu.arch_stats.dcr_exits.inc();
            run.set_dcr(dcr.into(), Some(value));
            return Ok(Next::Userspace);
        }
        Outcome::Reset(_) => {
            run.set_system_event(bindings::KVM_SYSTEM_EVENT_RESET);
            return Ok(Next::Userspace);
        }
        Outcome::Program(why) => st.state.program(&mut st.switch, why),
    }
    Ok(Next::Guest)
}
