// SPDX-License-Identifier: GPL-2.0

//! What ended the guest's run, and what is done about it.

use super::{
    bare, debug, emulate, fault,
    fetch::{self, as_fetched, Found},
    hcall, hpt,
    outcome::Outcome,
    reserve, tm,
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    bindings,
    emulate::{
        regs::Regs,
        trapped::{Cause, Executing, Trapped},
    },
    host::{shadow::ShadowVcpu, trace},
    isa::{
        dsisr::Dsisr,
        fscr::{Facility, Fscr},
        insn::{Insn, SC_1},
        msr::Msr,
        radix_walk::{Access, Fault},
        srr1::Srr1,
        trap::Trap,
    },
    vm::{
        mmio::{self, MmioBackend},
        one_reg::SW_BREAKPOINT,
        papr::{self, Completion},
        run_loop::Next,
        run_page::RunPage,
        Vcpu,
    },
};
use kernel::{prelude::*, sync::atomic::Relaxed};

/// What r0 holds at a `sc` that is a call to KVM (`Documentation/virt/kvm/ppc-pv.rst`).
const KVM_SC_MAGIC_R0: u32 = 0x4b56_4d21;

/// Handles the exit that `trap` names; the host's own interrupts have been served.
#[inline]
pub(crate) fn handle(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, trap: Trap) -> Result<Next> {
    vcpu.arch_stats.sum_exits.inc();
    match trap {
        Trap::SYSCALL => Ok(system_call(vcpu, st, run)),
        Trap::PROGRAM => {
            let why = Srr1::PROG_FPE
                | Srr1::PROG_ILL
                | Srr1::PROG_PRIV
                | Srr1::PROG_TRAP
                | Srr1::PROG_ADDR;
            let srr1 = Srr1::from_raw(st.switch.exit().srr1);
            program(vcpu, st, run, srr1.masked(why))
        }
        _ => other(vcpu, st, run, trap),
    }
}

/// All but system calls and program interrupts.
#[inline(never)]
fn other(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, trap: Trap) -> Result<Next> {
    let stats = &vcpu.arch_stats;
    let exit = *st.switch.exit();
    let srr1 = Srr1::from_raw(exit.srr1);
    match trap {
        Trap::DECREMENTER | Trap::HV_DECREMENTER => stats.dec_exits.inc(),
        Trap::EXTERNAL | Trap::H_VIRT | Trap::H_DOORBELL | Trap::DOORBELL => {
            stats.ext_intr_exits.inc()
        }
        Trap::PERFORMANCE_MONITOR | Trap::H_MAINTENANCE | Trap::SYSTEM_RESET => {}
        Trap::DATA_SEGMENT => fault::missing_segment(vcpu, st, exit.dar, Access::Load),
        Trap::INST_SEGMENT => fault::missing_segment(vcpu, st, st.nip(), Access::Fetch),
        Trap::DATA_STORAGE => {
            stats.pf_storage.inc();
            let dsisr = Dsisr::from_raw(exit.dsisr.into());
            if !dsisr.intersects(Dsisr::NOPTE | Dsisr::PROTFAULT) {
                st.inject_data_storage(exit.dar, dsisr);
                return Ok(Next::Guest);
            }
            let access = match dsisr.contains(Dsisr::ISSTORE) {
                true => Access::Store,
                false => Access::Load,
            };
            return fault::page(vcpu, st, run, exit.dar, access);
        }
        Trap::INST_STORAGE => {
            stats.pf_instruc.inc();
            return fault::page(vcpu, st, run, st.nip(), Access::Fetch);
        }
        Trap::H_EMUL_ASSIST => return program(vcpu, st, run, Srr1::PROG_ILL),
        Trap::FP_UNAVAIL => vectors(st, trap, Msr::FP),
        Trap::VECTOR_UNAVAIL => vectors(st, trap, Msr::VEC),
        Trap::VSX_UNAVAIL => vectors(st, trap, Msr::VSX),
        Trap::FAC_UNAVAIL => return facility_unavailable(vcpu, st, run, exit.fscr),
        // The host does not give its own programs this facility either. A program of the guest gets an interrupt, so
        // that it cannot stop the guest.
        Trap::H_FAC_UNAVAIL | Trap::SOFTPATCH => st.inject_program(Srr1::PROG_ILL),
        Trap::ALIGNMENT => {
            st.dar = exit.dar;
            st.dsisr = exit.dsisr;
            st.inject(trap, Srr1::EMPTY);
        }
        Trap::TRACE => debug::traced(st, srr1.masked(Srr1::FROM_INTERRUPT)),
        Trap::MACHINE_CHECK => {
            (st.dar, st.dsisr) = (exit.dar, exit.dsisr);
            let why = srr1.masked(Srr1::FROM_INTERRUPT);
            return Ok(machine_check(vcpu, st, run, why));
        }
        other => {
            run.set_unknown(other.raw().into());
            return Ok(Next::Userspace);
        }
    }
    Ok(Next::Guest)
}

/// A machine check; `why` are the bits of SRR1 that tell its cause.
fn machine_check(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, why: Srr1) -> Next {
    vcpu.arch_stats.machine_checks.inc();
    st.switch.report_machine_check();
    if !vcpu.vm().arch.fwnmi.load(Relaxed) {
        st.inject(Trap::MACHINE_CHECK, why);
        return Next::Guest;
    }
    // As the interrupt sets them: userspace reads the cause there, and the guest's handler returns by them.
    st.srr0 = st.nip();
    st.srr1 = why.with_msr(st.msr()).raw();
    let how = match st.switch.machine_check_recovered() {
        true => bindings::KVM_RUN_PPC_NMI_DISP_FULLY_RECOV,
        false => bindings::KVM_RUN_PPC_NMI_DISP_NOT_RECOV,
    };
    run.set_nmi(how as u16);
    Next::Userspace
}

/// A floating-point or vector facility is off: the guest gets it if its own MSR has it on.
fn vectors(st: &mut PrVcpu, trap: Trap, facility: Msr) {
    if st.msr().contains(facility) {
        st.switch.vectors_given = Msr::FP | Msr::VEC | Msr::VSX;
    } else {
        st.inject(trap, Srr1::EMPTY);
    }
}

/// A program interrupt, or an illegal instruction; `why` are SRR1's bits. Errors as [`mmio::start`].
#[inline(never)]
fn program(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, why: Srr1) -> Result<Next> {
    if !why.intersects(Srr1::PROG_ILL | Srr1::PROG_PRIV) {
        // The guest's own trap or floating-point exception.
        st.inject_program(why);
        return Ok(Next::Guest);
    }
    let trapped = Trapped::new(st.msr(), Cause::Refused);
    let Some(insn) = fetch::loaded(vcpu, st) else {
        vcpu.arch_stats.fetch_retries.inc();
        return Ok(Next::Guest);
    };
    if st.debug & bindings::KVM_GUESTDBG_USE_SW_BP != 0 && insn.raw() == SW_BREAKPOINT {
        return Ok(debug::report(st, run));
    }
    if st.bare.is_some() && why.contains(Srr1::PROG_ILL) {
        if let Some(next) = bare::any_state(vcpu, st, run, insn)? {
            return Ok(next);
        }
    }
    if trapped.state().is_problem() {
        // A program gets the interrupt that the processor has reported.
        st.inject_program(why);
        return Ok(Next::Guest);
    }
    let msr = st.msr();
    let executing = match fetch::is_cause(vcpu, st, trapped, insn) {
        Found::Caused(executing) => executing,
        Found::Again => return Ok(Next::Guest),
        Found::Insists(insn) => Executing::next(insn, msr),
    };
    let outcome = emulate::privileged(vcpu, st, executing);
    Ok(executed(vcpu, st, run, outcome, msr, why))
}

/// What follows from an instruction's outcome: it was executed with `msr`, and `illegal` are SRR1's bits if it does not
/// exist.
fn executed(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    outcome: Outcome,
    msr: Msr,
    illegal: Srr1,
) -> Next {
    let suspect = reserve::suspects(vcpu, st);
    vcpu.arch_stats.emulated_inst_exits.inc();
    match outcome {
        Outcome::Done => {
            let traced = st.nip();
            st.switch.advance(4);
            if suspect {
                reserve::emulated(vcpu, st, traced);
            }
            if msr.contains(Msr::SE) {
                st.inject_trace(traced, None, Srr1::TRACE);
            }
        }
        Outcome::Jumped => {}
        Outcome::Illegal => st.inject_program(illegal),
        Outcome::NotPrivileged => st.inject_program(Srr1::PROG_PRIV),
        Outcome::BadThing => st.inject_program(Srr1::PROG_TM),
        Outcome::Hypercall => {
            st.switch.advance(4);
            return hypercall(vcpu, st, run);
        }
        Outcome::Halt => {
            st.switch.advance(4);
            return Next::Halt;
        }
    }
    Next::Guest
}

/// Executes an instruction of the guest's kernel that needs nothing but the vCPU's registers. Interrupts are disabled.
/// Says whether it did; `in_order` is set if the guest goes on with the next instruction and MSR has not changed.
#[inline]
pub(crate) fn at_once(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, trap: Trap, in_order: &mut bool) -> bool {
    let exit = st.switch.exit();
    let privileged = match trap {
        Trap::PROGRAM => Srr1::from_raw(exit.srr1).intersects(Srr1::PROG_ILL | Srr1::PROG_PRIV),
        Trap::H_EMUL_ASSIST => true,
        _ => false,
    };
    let plain = st.papr && st.debug == 0 && !st.switch.trace;
    if !privileged || !plain || st.msr().intersects(Msr::PR | Msr::SE | Msr::BE) {
        return false;
    }
    let Some(word) = exit.last_inst() else {
        return false;
    };
    let msr = st.msr();
    let trapped = Trapped::new(msr, Cause::Refused);
    let Some(executing) = trapped.register_instruction(as_fetched(st, word)) else {
        return false;
    };
    if reserve::suspects(vcpu, st) {
        return false;
    }
    match emulate::register_instruction(vcpu, st, executing) {
        Some(Outcome::Done) => {
            st.switch.advance(4);
            *in_order = st.msr() == msr;
        }
        Some(Outcome::Jumped) => {}
        // It was not executed, or it is to cause an interrupt.
        _ => return false,
    }
    st.doubt.0.dispel();
    vcpu.arch_stats.sum_exits.inc();
    vcpu.arch_stats.emulated_inst_exits.inc();
    true
}

#[inline(never)]
fn system_call(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage) -> Next {
    vcpu.arch_stats.syscall_exits.inc();
    let trapped = Trapped::new(st.msr(), Cause::SystemCall);
    let kernel = !trapped.state().is_problem();
    if st.papr {
        // The interrupt has left the guest behind the instruction, which is fetched first.
        let behind = st.nip();
        st.switch.nip = behind.wrapping_sub(4);
        let Found::Caused(executing) = fetch::caused(vcpu, st, trapped) else {
            // No other instruction causes this interrupt, so the guest executes it again.
            return Next::Guest;
        };
        let hypervisor = executing.insn().raw() == SC_1;
        if hypervisor && !kernel {
            return not_privileged(st);
        }
        st.switch.nip = behind;
        if hypervisor {
            return hypercall(vcpu, st, run);
        }
    }
    kernels_call(vcpu, st, kernel)
}

/// A call to the guest's kernel, or, by the kernel itself, to KVM; the guest is behind the instruction.
#[inline(never)]
fn kernels_call(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, kernel: bool) -> Next {
    if kernel && st.gpr(0) as u32 == KVM_SC_MAGIC_R0 {
        return hcall::kvm(vcpu, st);
    }
    st.inject(Trap::SYSCALL, Srr1::EMPTY);
    Next::Guest
}

/// A program has called the hypervisor.
#[cold]
#[inline(never)]
fn not_privileged(st: &mut PrVcpu) -> Next {
    st.inject_program(Srr1::PROG_PRIV);
    Next::Guest
}

/// A call of the guest's kernel; the guest is behind the instruction.
#[inline(never)]
fn hypercall(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage) -> Next {
    papr::trace_hcall(vcpu, &st.switch);
    match hcall::handle(vcpu, st) {
        papr::Outcome::Return(ret) => {
            trace::hcall_exit(vcpu.id, true, ret.gpr());
            st.set_gpr(3, ret.gpr());
            Next::Guest
        }
        papr::Outcome::Cede => {
            trace::hcall_exit(vcpu.id, true, 0);
            st.set_gpr(3, 0);
            st.set_msr(st.msr() | Msr::EE);
            papr::ceded(vcpu)
        }
        papr::Outcome::Userspace => {
            trace::hcall_exit(vcpu.id, false, 0);
            papr::ask_userspace(&st.switch, run);
            st.completion = Completion::Hcall;
            Next::Userspace
        }
    }
}

/// A facility that FSCR has and that is off while the guest runs: its registers are emulated if the guest has turned
/// it on.
fn facility_unavailable(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    fscr: u64,
) -> Result<Next> {
    let facility = Fscr::from_raw(fscr).facility();
    let bit = match facility {
        Facility::Dscr => Fscr::DSCR,
        Facility::Tar => Fscr::TAR,
        Facility::Ebb => Fscr::EBB,
        Facility::Scv => Fscr::SCV,
        _ => Fscr::EMPTY,
    };
    let msr = st.msr();
    let trapped = Trapped::new(msr, Cause::Unavailable(facility));
    let kernel = !trapped.state().is_problem();
    let transactions = facility == Facility::Tm && st.has_transactions();
    // FSCR does not apply to privileged state.
    let on = bit != Fscr::EMPTY && (kernel || st.fscr().contains(bit));
    if on || kernel || transactions {
        match fetch::caused(vcpu, st, trapped) {
            Found::Caused(executing) => {
                let outcome = match facility {
                    Facility::Tm if transactions => Some(tm::unavailable(st, executing)),
                    Facility::Scv if on => {
                        st.inject_scv(executing.insn().lev());
                        Some(Outcome::Jumped)
                    }
                    _ => emulate::facility(vcpu, st, executing)
                        .or((kernel && !on).then_some(Outcome::Illegal)),
                };
                if let Some(outcome) = outcome {
                    return Ok(executed(vcpu, st, run, outcome, msr, Srr1::PROG_ILL));
                }
            }
            Found::Again => return Ok(Next::Guest),
            Found::Insists(_) => {}
        }
    }
    st.set_fscr(st.fscr().with_cause(Fscr::from_raw(fscr).cause()));
    st.inject(Trap::FAC_UNAVAIL, Srr1::EMPTY);
    Ok(Next::Guest)
}

impl MmioBackend for Pr {
    type Regs = ShadowVcpu;

    fn mmio(st: &mut PrVcpu) -> (&mut mmio::Pending, &mut ShadowVcpu) {
        (&mut st.mmio, &mut st.switch)
    }

    fn fetch(vcpu: &Vcpu<Self>, st: &mut PrVcpu) -> Option<Insn> {
        let insn = fetch::loaded(vcpu, st);
        if insn.is_none() {
            Self::changed(vcpu);
        }
        insn
    }

    fn real_address(
        vcpu: &Vcpu<Self>,
        st: &mut PrVcpu,
        ea: u64,
        access: Access,
    ) -> Result<u64, Fault> {
        hpt::real_address(vcpu, st, ea, access)
    }

    fn inject(
        _vcpu: &Vcpu<Self>,
        st: &mut PrVcpu,
        trap: Trap,
        why: Srr1,
        dar: Option<u64>,
        dsisr: Option<Dsisr>,
    ) {
        if trap == Trap::TRACE {
            let (traced, operand) = (st.mmio.traced(), st.mmio.operand());
            return st.inject_trace(traced, Some(operand), why);
        }
        st.dar = dar.unwrap_or(st.dar);
        st.dsisr = dsisr.map_or(st.dsisr, |d| d.raw() as u32);
        st.inject(trap, why);
    }

    fn owes_access(st: &mut PrVcpu) {
        st.completion = Completion::Mmio;
    }

    fn changed(vcpu: &Vcpu<Self>) {
        vcpu.arch_stats.fetch_retries.inc();
    }
}
