// SPDX-License-Identifier: GPL-2.0

//! What ended the guest's run, and what is done about it.

use super::{
    doorbell,
    fault::{Resolution, StorageFault},
    hcall,
    mmu::guest::fetch,
    storage,
    vcpu::HvVcpu,
    Hv,
};
use crate::{
    bindings,
    emulate::trapped::{Cause, Trapped},
    host::trace,
    isa::{
        dsisr::Dsisr,
        fscr::{Facility, Fscr},
        hcall::HReturn,
        insn::Insn,
        msr::Msr,
        srr1::Srr1,
        trap::Trap,
    },
    vm::{
        mmio,
        one_reg::SW_BREAKPOINT,
        papr::{self, Completion, Outcome},
        run_loop::Next,
        run_page::RunPage,
        Vcpu,
    },
};
use kernel::prelude::*;

/// HDSISR as the host puts it there before an entry on processors that sometimes do not write it.
const HDSISR_CANARY: u32 = 0x7fff;

/// Handles the exit that `trap` names; the host's own interrupts have been served.
#[inline]
pub(crate) fn handle(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage, trap: Trap) -> Result<Next> {
    let stats = &vcpu.arch_stats;
    stats.sum_exits.inc();
    st.exit_srr1 = st.switch.msr();
    if trap == Trap::SYSCALL {
        stats.syscall_exits.inc();
        return Ok(hypercall(vcpu, st, run));
    }
    other(vcpu, st, run, trap)
}

/// Handles all exits but hypercalls. It is a function of its own so that hypercalls do not pay for the registers that
/// it saves and loads.
#[inline(never)]
fn other(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage, trap: Trap) -> Result<Next> {
    let stats = &vcpu.arch_stats;
    // The copy of the MSR has bits that the interrupt set in SRR1; they are not part of the guest's MSR.
    st.set_msr(Srr1::from_raw(st.exit_srr1).msr());
    match trap {
        Trap::HV_DECREMENTER => {
            stats.dec_exits.inc();
            Ok(Next::Guest)
        }
        Trap::EXTERNAL | Trap::H_DOORBELL | Trap::H_VIRT => {
            stats.ext_intr_exits.inc();
            Ok(Next::Guest)
        }
        Trap::H_MAINTENANCE | Trap::PERFORMANCE_MONITOR | Trap::SYSTEM_RESET => Ok(Next::Guest),
        Trap::H_DATA_STORAGE => data_storage(vcpu, st, run),
        Trap::H_INST_STORAGE => {
            stats.pf_storage.inc();
            // A fetch from a device is never emulated: `handle` maps memory or reflects the fault, and nothing is left
            // to do.
            let fault = StorageFault::of_fetch(st, Srr1::from_raw(st.exit_srr1));
            storage::handle(vcpu, st, &fault)?;
            Ok(Next::Guest)
        }
        Trap::H_EMUL_ASSIST => Ok(emulation_assist(vcpu, st, run)),
        Trap::H_FAC_UNAVAIL => facility_unavailable(vcpu, st),
        Trap::SOFTPATCH => {
            // Only transactional memory needs this interrupt, and these guests do not have that.
            st.inject_program(&vcpu.vm().arch, Srr1::PROG_ILL);
            Ok(Next::Guest)
        }
        Trap::MACHINE_CHECK => Ok(machine_check(vcpu, st, run)),
        Trap::PROGRAM => {
            let why = Srr1::from_raw(st.exit_srr1).masked(Srr1::PROG);
            st.inject_program(&vcpu.vm().arch, why);
            Ok(Next::Guest)
        }
        other => {
            match st.switch.take_refused() {
                Some(code) => run.set_fail_entry(code.gpr(), st.prev_cpu.unwrap_or(0)),
                None => run.set_unknown(other.raw().into()),
            }
            Ok(Next::Userspace)
        }
    }
}

#[inline]
fn hypercall(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Next {
    if st.msr().contains(Msr::PR) {
        return forbidden_hypercall(vcpu, st);
    }
    papr::trace_hcall(vcpu, &st.switch);
    match hcall::handle(vcpu, st) {
        Outcome::Return(ret) => {
            trace::hcall_exit(vcpu.id, true, ret.gpr());
            st.switch.set_gpr(3, ret.gpr());
            Next::Guest
        }
        Outcome::Cede => {
            trace::hcall_exit(vcpu.id, true, HReturn::H_SUCCESS.gpr());
            st.switch.set_gpr(3, HReturn::H_SUCCESS.gpr());
            st.set_msr(st.msr() | Msr::EE);
            papr::ceded(vcpu)
        }
        Outcome::Userspace => {
            trace::hcall_exit(vcpu.id, false, 0);
            papr::ask_userspace(&st.switch, run);
            st.completion = Completion::Hcall;
            Next::Userspace
        }
    }
}

/// A program in problem state may not make hypercalls. A guest that uses hash may run guests of its own in problem state
/// (`pr`), whose hypercalls are its system calls.
#[cold]
fn forbidden_hypercall(vcpu: &Vcpu<Hv>, st: &mut HvVcpu) -> Next {
    let vm = &vcpu.vm().arch;
    st.set_msr(Srr1::from_raw(st.exit_srr1).msr());
    if vm.is_radix() {
        st.inject_program(vm, Srr1::PROG_PRIV);
    } else {
        st.inject(vm, Trap::SYSCALL, Srr1::EMPTY);
    }
    Next::Guest
}

#[inline(always)]
fn data_storage(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Result<Next> {
    if let Some(device) = &st.device {
        let (fault, gpa) = (StorageFault::of_data(st), device.gpa);
        storage::trace_resolved(vcpu, &fault, true);
        return device_access(vcpu, st, run, &fault, gpa);
    }
    let unsaid = st.switch.hdsisr() == HDSISR_CANARY;
    if vcpu.vm().arch.features.prefetch_bug() && unsaid {
        // The hardware did not set HDSISR. The guest executes the instruction again, and faults again with HDSISR set.
        return Ok(Next::Guest);
    }
    let fault = StorageFault::of_data(st);
    match storage::handle(vcpu, st, &fault)? {
        Resolution::Resume => {
            vcpu.arch_stats.pf_storage.inc();
            Ok(Next::Guest)
        }
        Resolution::Mmio(gpa) => device_access(vcpu, st, run, &fault, gpa),
    }
}

#[inline(always)]
fn device_access(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    run: &RunPage,
    fault: &StorageFault,
    gpa: u64,
) -> Result<Next> {
    vcpu.arch_stats.mmio_exits.inc();
    let store = fault.dsisr.contains(Dsisr::ISSTORE);
    mmio::start(vcpu, st, run, fault.ea, gpa, store)
}

fn emulation_assist(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Next {
    let insn = Insn::from_doubleword(st.switch.heir());
    if st.debug & bindings::KVM_GUESTDBG_USE_SW_BP != 0
        && insn.prefix().is_none()
        && insn.raw() == SW_BREAKPOINT
    {
        run.set_debug(st.nip(), 0);
        return Next::Userspace;
    }
    st.inject_program(&vcpu.vm().arch, Srr1::PROG_ILL);
    Next::Guest
}

fn facility_unavailable(vcpu: &Vcpu<Hv>, st: &mut HvVcpu) -> Result<Next> {
    let facility = Fscr::from_raw(st.switch.hfscr()).facility();
    let granted = match facility {
        Facility::Msgp => {
            vcpu.arch_stats.emulated_inst_exits.inc();
            let trapped = Trapped::new(st.msr(), Cause::Unavailable(facility));
            match fetch(vcpu, st).and_then(|insn| trapped.instruction(insn)) {
                Some(executing) => doorbell::emulate(vcpu, st, executing),
                // Another processor of the guest has replaced the instruction that trapped. The guest executes the new
                // one.
                None => {
                    vcpu.arch_stats.fetch_retries.inc();
                    true
                }
            }
        }
        Facility::Pm => st.grant(Fscr::PM),
        Facility::Ebb => st.grant(Fscr::EBB),
        Facility::Bhrb => st.grant(Fscr::BHRB),
        _ => false,
    };
    if !granted {
        st.inject_program(&vcpu.vm().arch, Srr1::PROG_ILL);
    }
    Ok(Next::Guest)
}

fn machine_check(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Next {
    vcpu.arch_stats.machine_checks.inc();
    st.switch.report_machine_check();
    let vm = &vcpu.vm().arch;
    if vm.fwnmi() {
        let how = if st.switch.machine_check_recovered() {
            bindings::KVM_RUN_PPC_NMI_DISP_FULLY_RECOV
        } else {
            bindings::KVM_RUN_PPC_NMI_DISP_NOT_RECOV
        };
        run.set_nmi(how as u16);
        return Next::Userspace;
    }
    st.inject_machine_check(vm, Srr1::from_raw(st.exit_srr1).masked(Srr1::MC));
    Next::Guest
}
