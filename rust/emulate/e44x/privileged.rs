// SPDX-License-Identifier: GPL-2.0

//! Privileged instructions of the guest's kernel.

use core::ops::DerefMut;

use super::state::{Registers, State};
use crate::isa::e44x::{
    debug,
    insn::{decode, Privileged},
    ivor::esr,
    msr::Msr,
    registers::{register, Access, Register},
    spr,
    tlbe::Tlbe,
};
use crate::isa::insn::Insn;

/// Where the TLB's entries are kept.
pub trait Tlbes: DerefMut<Target = [Tlbe]> {}

impl<S: DerefMut<Target = [Tlbe]>> Tlbes for S {}

/// The result of an instruction, or what is left for the caller to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The instruction was executed, and the registers say where the guest goes on.
    Done,
    /// As [`Done`](Self::Done), and entry `entry` of the TLB has changed.
    TlbChanged {
        /// Its number.
        entry: u8,
    },
    /// As [`Done`](Self::Done), and instructions that were fetched before must not be executed any more.
    ForgetCode,
    /// As [`Done`](Self::Done), and the guest waits for an interrupt.
    Wait,
    /// A read of a device control register. The caller has to put the value into GPR `rt`.
    ReadDcr {
        /// Number.
        dcr: u16,
        /// To.
        rt: u8,
    },
    /// A write to a device control register.
    WriteDcr {
        /// Number.
        dcr: u16,
        /// The value.
        value: u32,
    },
    /// The instruction requests a reset in DBCR0[RST] (1 core, 2 chip, 3 system).
    Reset(u8),
    /// A debug interrupt takes the place of the instruction, and nothing has changed.
    Debug,
    /// A program interrupt with this ESR; nothing has changed.
    Program(u32),
}

/// Executes the instruction at `regs.nip()`, which the hardware refused in problem state. `now` is the timebase.
pub fn execute<S: Tlbes>(
    st: &mut State<S>,
    regs: &mut impl Registers,
    insn: Insn,
    now: u64,
) -> Outcome {
    let Some(what) = decode(insn) else {
        return Outcome::Program(esr::PIL);
    };
    let Some(supervisor) = Supervisor::of(st.msr) else {
        return Outcome::Program(refusal(what));
    };
    let mut outcome = Outcome::Done;
    match what {
        Privileged::ReadSpr { spr, rt } => match read_spr(supervisor, st, spr, now) {
            Some(value) => regs.set_gpr(rt, value),
            None => return Outcome::Program(esr::PIL),
        },
        Privileged::WriteSpr { spr, rs } => match write_spr(supervisor, st, spr, regs.gpr(rs), now)
        {
            Some(then) => outcome = then,
            None => return Outcome::Program(esr::PIL),
        },
        Privileged::ReadMsr { rt } => regs.set_gpr(rt, st.msr.word()),
        Privileged::WriteMsr { rs } => {
            st.msr = Msr::from_word(regs.gpr(rs));
            outcome = wait(st);
        }
        Privileged::WriteEe { rs } => {
            let ee = Msr::from_word(regs.gpr(rs)).contains(Msr::EE);
            st.msr = st.msr.set(Msr::EE, ee);
        }
        Privileged::WriteEeImmediate { ee } => st.msr = st.msr.set(Msr::EE, ee),
        Privileged::ReturnFromInterrupt => {
            if st.return_event() {
                return Outcome::Debug;
            }
            return go(st, regs, st.srr);
        }
        Privileged::ReturnFromCritical => return go(st, regs, st.csrr),
        // All processors have the registers, even those that do not save machine checks there.
        Privileged::ReturnFromMachineCheck => return go(st, regs, st.mcsrr),
        Privileged::ReadDcr { dcr, rt } => outcome = Outcome::ReadDcr { dcr, rt },
        Privileged::WriteDcr { dcr, rs } => {
            outcome = Outcome::WriteDcr {
                dcr,
                value: regs.gpr(rs),
            }
        }
        Privileged::TlbRead { rt, ra, ws } => match st.tlb.read_word(regs.gpr(ra), ws, st.mmucr) {
            Some((value, mmucr)) => {
                regs.set_gpr(rt, value);
                st.mmucr = mmucr;
            }
            None => return Outcome::Program(esr::PIL),
        },
        Privileged::TlbWrite { rs, ra, ws } => {
            if ws > 2 {
                return Outcome::Program(esr::PIL);
            }
            let index = regs.gpr(ra);
            let value = regs.gpr(rs);
            if st.tlb.write_word(index, ws, value, st.mmucr).is_some() {
                outcome = Outcome::TlbChanged {
                    entry: (index & 63) as u8,
                };
            }
        }
        Privileged::TlbSearch { rt, ra, rb, record } => {
            let base = if ra == 0 { 0 } else { regs.gpr(ra) };
            let found = st.tlb.search(base.wrapping_add(regs.gpr(rb)), st.mmucr);
            if let Some(index) = found {
                regs.set_gpr(rt, index.into());
            }
            if record {
                regs.set_cr(cr0(regs, found.is_some()));
            }
        }
        Privileged::InvalidateInstructions => outcome = Outcome::ForgetCode,
        // These only affect the data cache, with which guests' memory is coherent anyway.
        Privileged::Cache => {}
    }
    regs.set_nip(regs.nip().wrapping_add(4));
    outcome
}

/// Proof that the guest is in supervisor mode. It can be made only from the guest's MSR.
#[derive(Clone, Copy)]
struct Supervisor(());

impl Supervisor {
    const fn of(msr: Msr) -> Option<Self> {
        match msr.contains(Msr::PR) {
            true => None,
            false => Some(Self(())),
        }
    }
}

/// ESR for an instruction that problem state may not execute: it is privileged, or accesses a register that does not
/// exist.
const fn refusal(what: Privileged) -> u32 {
    match what {
        Privileged::ReadSpr { spr, .. } | Privileged::WriteSpr { spr, .. }
            if spr::user_readable(spr) =>
        {
            esr::PIL
        }
        _ => esr::PPR,
    }
}

fn go<S: Tlbes>(st: &mut State<S>, regs: &mut impl Registers, [nip, msr]: [u32; 2]) -> Outcome {
    st.msr = Msr::from_word(msr);
    regs.set_nip(nip & !3);
    wait(st)
}

fn wait<S: Tlbes>(st: &State<S>) -> Outcome {
    if st.msr.contains(Msr::WE) {
        Outcome::Wait
    } else {
        Outcome::Done
    }
}

/// CR with CR0 set to "equal" or not, and to XER[SO].
pub fn cr0(regs: &impl Registers, equal: bool) -> u32 {
    let eq = if equal { 2 } else { 0 };
    regs.cr() & 0x0fff_ffff | (eq | regs.xer() >> 31) << 28
}

/// The value of register `number`, given the values of the registers from number `first` on.
fn nth(values: &[u32], number: u16, first: u16) -> Option<u32> {
    values.get(usize::from(number.checked_sub(first)?)).copied()
}

fn nth_mut(values: &mut [u32], number: u16, first: u16) -> Option<&mut u32> {
    values.get_mut(usize::from(number.checked_sub(first)?))
}

/// `mfspr`; `None` if there is no such register to be read.
fn read_spr<S: Tlbes>(_: Supervisor, st: &mut State<S>, number: u16, now: u64) -> Option<u32> {
    if !register(number)?.readable() {
        return None;
    }
    let [srr0, srr1] = st.srr;
    let [csrr0, csrr1] = st.csrr;
    let [mcsrr0, mcsrr1] = st.mcsrr;
    let [ccr0, ccr1] = st.ccr;
    Some(match number {
        spr::DEC => st.timer.dec(now),
        spr::SRR0 => srr0,
        spr::SRR1 => srr1,
        spr::PID => st.pid.into(),
        spr::CSRR0 => csrr0,
        spr::CSRR1 => csrr1,
        spr::MCSRR0 => mcsrr0,
        spr::MCSRR1 => mcsrr1,
        spr::MCSR => st.mcsr,
        spr::DEAR => st.dear,
        spr::ESR => st.esr,
        spr::IVPR => st.ivpr,
        spr::USPRG0 => st.usprg0,
        spr::SPRG4R..=spr::SPRG7R => nth(&st.sprg, number, spr::SPRG4R - 4)?,
        spr::SPRG0..=spr::SPRG7 => nth(&st.sprg, number, spr::SPRG0)?,
        spr::TBL_R => now as u32,
        spr::TBU_R => (now >> 32) as u32,
        spr::PIR => st.pir,
        spr::PVR => st.pvr,
        spr::DBSR => st.dbsr,
        spr::DBCR0..=spr::DBCR2 => nth(&st.dbcr, number, spr::DBCR0)?,
        spr::IAC1..=spr::DVC2 => nth(&st.iac, number, spr::IAC1)
            .or_else(|| nth(&st.dac, number, spr::IAC1 + 4))
            .or_else(|| nth(&st.dvc, number, spr::IAC1 + 6))?,
        spr::TSR => st.timer.tsr(now),
        spr::TCR => st.timer.tcr(),
        spr::IVOR0..=spr::IVOR15 => nth(&st.ivor, number, spr::IVOR0)?,
        spr::INV0..=spr::ITV3 => nth(&st.victims, number, spr::INV0)?,
        spr::DNV0..=spr::IVLIM => nth(&st.victims, number, spr::DNV0 - 8)?,
        spr::CCR0 => ccr0,
        spr::CCR1 => ccr1,
        spr::MMUCR => st.mmucr,
        // The results of the caches' debug instructions, and the reset configuration, read as 0.
        spr::RSTCFG | spr::DCDBTRL..=spr::ICDBTRH | spr::ICDBDR => 0,
        spr::DBDR => st.dbdr,
        _ => return None,
    })
}

/// `mtspr`; `None` if there is no such register to be written.
fn write_spr<S: Tlbes>(
    _: Supervisor,
    st: &mut State<S>,
    number: u16,
    value: u32,
    now: u64,
) -> Option<Outcome> {
    let Register { access, bits } = register(number).filter(|r| r.writable())?;
    if access == Access::ReadOnly {
        return Some(Outcome::Done);
    }
    let value = value & bits;
    let [srr0, srr1] = &mut st.srr;
    let [csrr0, csrr1] = &mut st.csrr;
    let [mcsrr0, mcsrr1] = &mut st.mcsrr;
    let [ccr0, ccr1] = &mut st.ccr;
    let register = match number {
        spr::DEC => {
            st.timer.set_dec(value, now);
            return Some(Outcome::Done);
        }
        spr::DECAR => {
            st.timer.set_decar(value, now);
            return Some(Outcome::Done);
        }
        spr::TSR => {
            st.timer.clear_tsr(value, now);
            return Some(Outcome::Done);
        }
        spr::TCR => {
            st.timer.write_tcr(value, now);
            return Some(Outcome::Done);
        }
        spr::PID => {
            st.pid = value as u8;
            return Some(Outcome::Done);
        }
        spr::DBSR => {
            st.dbsr &= !value;
            return Some(Outcome::Done);
        }
        spr::MCSR => {
            st.mcsr &= !value;
            return Some(Outcome::Done);
        }
        spr::DBCR0 => {
            let [dbcr0, ..] = &mut st.dbcr;
            *dbcr0 = value;
            return Some(match (value >> debug::RST_SHIFT) & 3 {
                0 => Outcome::Done,
                reset => Outcome::Reset(reset as u8),
            });
        }
        // Writes to the timebase are ignored, because the host's clock depends on it (Documentation/e44x.rst).
        spr::TBL_W | spr::TBU_W => return Some(Outcome::Done),
        spr::DBDR => &mut st.dbdr,
        spr::SRR0 => srr0,
        spr::SRR1 => srr1,
        spr::CSRR0 => csrr0,
        spr::CSRR1 => csrr1,
        spr::MCSRR0 => mcsrr0,
        spr::MCSRR1 => mcsrr1,
        spr::DEAR => &mut st.dear,
        spr::ESR => &mut st.esr,
        spr::IVPR => &mut st.ivpr,
        spr::USPRG0 => &mut st.usprg0,
        spr::SPRG0..=spr::SPRG7 => nth_mut(&mut st.sprg, number, spr::SPRG0)?,
        spr::DBCR1..=spr::DBCR2 => nth_mut(&mut st.dbcr, number, spr::DBCR0)?,
        spr::IAC1..=spr::DVC2 => match number - spr::IAC1 {
            0..=3 => nth_mut(&mut st.iac, number, spr::IAC1)?,
            4..=5 => nth_mut(&mut st.dac, number, spr::IAC1 + 4)?,
            _ => nth_mut(&mut st.dvc, number, spr::IAC1 + 6)?,
        },
        spr::IVOR0..=spr::IVOR15 => nth_mut(&mut st.ivor, number, spr::IVOR0)?,
        spr::INV0..=spr::ITV3 => nth_mut(&mut st.victims, number, spr::INV0)?,
        spr::DNV0..=spr::IVLIM => nth_mut(&mut st.victims, number, spr::DNV0 - 8)?,
        spr::CCR0 => ccr0,
        spr::CCR1 => ccr1,
        spr::MMUCR => &mut st.mmucr,
        _ => return None,
    };
    *register = value;
    Some(Outcome::Done)
}
