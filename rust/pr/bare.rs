// SPDX-License-Identifier: GPL-2.0

//! Guests whose PVR says that their processor is older than PAPR partitions: emulates what their kernels may do, and
//! kernels of partitions may not.

use super::{
    dcbz, fault, mmu32,
    outcome::Outcome,
    spr::{self, Access},
    translate::{self, lock},
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    emulate::{privileged::Privileged, regs::Regs},
    host::wait::cond_resched,
    isa::{
        bare::{self, HID5, HID5_DCBZ32, HIOR},
        insn::Insn,
        msr::Msr,
        privilege::PrivilegeState,
        pvr::{Bare, Pvr},
        spr::Spr,
    },
    vm::{run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::prelude::*;

/// log2 of the bytes that `dcbz` clears, of older processors and of this one.
const BLOCK_32: u32 = 5;
const BLOCK_128: u32 = 7;

/// `dcba` without its operands.
const DCBA: u32 = 0x7c00_05ec;

/// Sets the guest's processor.
pub(crate) fn set_pvr(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, pvr: u32) {
    st.pvr = pvr;
    st.bare = Pvr::from_raw(pvr).bare();
    st.msr_allowed = vcpu.vm().arch.msr_allowed(st.bare);
    st.set_msr(st.msr());
    update_dcbz(vcpu, st);
}

fn update_dcbz(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) {
    let small = match st.bare {
        Some(Bare::Book3s32) => true,
        Some(Bare::Ppc970) => kept(st, Bare::Ppc970, HID5).unwrap_or(0) & HID5_DCBZ32 != 0,
        None => false,
    };
    st.switch.cache_block_shift = if small { BLOCK_32 } else { BLOCK_128 };
    if small {
        dcbz::trap(vcpu);
    }
}

/// An instruction that is illegal on this processor and not on the guest's, in any state; `None` if it is none. Errors
/// as [`mmio::start`](crate::vm::mmio::start).
#[cold]
#[inline(never)]
pub(crate) fn any_state(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    insn: Insn,
) -> Result<Option<Next>> {
    if let Some(dcbz) = dcbz::replaced(vcpu, insn) {
        let ea = dcbz::operand(st, dcbz);
        return fault::store_to_code(vcpu, st, run, dcbz, ea).map(Some);
    }
    // dcba is only a hint, so nothing has to be done.
    if st.is_32bit() && insn.raw() & dcbz::OPCODE == DCBA {
        st.switch.advance(4);
        return Ok(Some(Next::Guest));
    }
    Ok(None)
}

/// Executes an instruction that these processors define otherwise than the processor of a partition does. `None` if
/// they define it alike.
#[cold]
#[inline(never)]
pub(crate) fn privileged(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    state: PrivilegeState,
    bare: Bare,
    what: Privileged,
) -> Option<Outcome> {
    match what {
        Privileged::ReadSpr { spr, rt } => {
            if let Access::Value(val) = read(vcpu, st, state, bare, spr) {
                st.set_gpr(rt, val & mask(bare));
            }
        }
        Privileged::WriteSpr { spr, rs } => {
            let val = st.gpr(rs) & mask(bare);
            write(vcpu, st, state, bare, spr, val);
        }
        // A vCPU that has read the table before now has finished shadowing what it read once it gives the lock back.
        Privileged::TlbInvalidateEntry { rb, rs, .. } => {
            let (vm, val) = (vcpu.vm(), st.gpr(rb));
            drop(lock(&vm.arch.hpt));
            match bare {
                Bare::Book3s32 => in_parts(|| vm.mmu.lock().unmap_page32(val)),
                // The bit that is L here, a page of 16 MB, is the last one of RS in later processors.
                Bare::Ppc970 if rs & 1 != 0 => {
                    let first = val & !0xff_ffff;
                    for unit in (first..=first | 0xff_ffff).step_by(1 << 16) {
                        in_parts(|| vm.mmu.lock().unmap_virtual_low(unit));
                    }
                }
                Bare::Ppc970 => in_parts(|| vm.mmu.lock().unmap_virtual_low(val)),
            }
        }
        Privileged::TlbInvalidateAll => {
            translate::unmap_all(vcpu.vm());
        }
        Privileged::TlbSync => {}
        _ => {
            return match bare {
                Bare::Book3s32 => Some(privileged_32(vcpu, st, what)),
                Bare::Ppc970 => privileged_970(st, what),
            }
        }
    }
    Some(Outcome::Done)
}

/// Calls `part`, which takes the lock each time, until it says that all is done. Sleeps.
fn in_parts(mut part: impl FnMut() -> bool) {
    while !part() {
        cond_resched();
    }
}

/// The instructions that only the 970 defines otherwise.
fn privileged_970(st: &mut PrVcpu, what: Privileged) -> Option<Outcome> {
    let msr = match what {
        Privileged::WriteMsr {
            rs,
            only_ee_ri: false,
        } => st.msr().after_mtmsr(st.gpr(rs)),
        Privileged::WriteMsrDoubleword {
            rs,
            only_ee_ri: false,
        } => st.msr().after_mtmsrd(st.gpr(rs)),
        Privileged::Message { .. } => return Some(Outcome::Illegal),
        _ => return None,
    };
    Some(set_msr(st, msr))
}

/// The instructions of 32-bit processors; these have no others.
fn privileged_32(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, what: Privileged) -> Outcome {
    match what {
        Privileged::ReadMsr { rt } => st.set_gpr(rt, st.msr().raw()),
        Privileged::WriteMsr { rs, .. } => {
            let msr = Msr::from_raw(st.gpr(rs));
            return set_msr(st, msr);
        }
        Privileged::ReturnFromInterrupt32 => {
            let msr = st.msr().after_rfi(st.srr1);
            st.switch.nip = st.srr0 & 0xffff_fffc;
            st.set_msr(msr);
            return Outcome::Jumped;
        }
        Privileged::WriteSegment { sr, rs } => {
            let val = st.gpr(rs) as u32;
            mmu32::write_segment(vcpu, st, sr, val);
        }
        Privileged::WriteSegmentIndirect { rs, rb } => {
            let (sr, val) = (number(st, rb), st.gpr(rs) as u32);
            mmu32::write_segment(vcpu, st, sr, val);
        }
        Privileged::ReadSegment { rt, sr } => read_segment(st, rt, sr),
        Privileged::ReadSegmentIndirect { rt, rb } => {
            let sr = number(st, rb);
            read_segment(st, rt, sr);
        }
        // Caches are coherent, so nothing has to be done.
        Privileged::CacheBlockInvalidate { .. } => {}
        _ => return Outcome::Illegal,
    }
    Outcome::Done
}

/// The number of the segment register for the address in GPR `rb`.
fn number(st: &PrVcpu, rb: u8) -> u8 {
    (st.gpr(rb) >> 28 & 0xf) as u8
}

fn read_segment(st: &mut PrVcpu, rt: u8, sr: u8) {
    let val = st.mmu32.regs.sr.get(usize::from(sr));
    st.set_gpr(rt, val.map_or(0, |sr| sr.raw().into()));
}

/// The guest sets its MSR; with POW, it waits for an interrupt.
fn set_msr(st: &mut PrVcpu, msr: Msr) -> Outcome {
    st.set_msr(msr.without(Msr::POW));
    match msr.contains(Msr::POW) {
        true => Outcome::Halt,
        false => Outcome::Done,
    }
}

/// The bits that a register of the processor has.
const fn mask(bare: Bare) -> u64 {
    match bare {
        Bare::Book3s32 => 0xffff_ffff,
        Bare::Ppc970 => u64::MAX,
    }
}

/// A register that only keeps its value.
fn kept(st: &PrVcpu, bare: Bare, spr: Spr) -> Option<u64> {
    let at = bare::kept(bare, spr)?;
    st.bare_sprs.get(at).copied()
}

fn read(vcpu: &Vcpu<Pr>, st: &PrVcpu, state: PrivilegeState, bare: Bare, spr: Spr) -> Access {
    if refused(state, spr) {
        return Access::NotPrivileged;
    }
    Access::Value(match (bare, spr) {
        (_, Spr::SDR1) => st.sdr1,
        (_, Spr::PIR) => vcpu.id.into(),
        (Bare::Ppc970, HIOR) => st.hior,
        _ => {
            if let (Bare::Book3s32, Some(half)) = (bare, bare::bat(spr)) {
                return Access::Value(mmu32::read_block(st, half).into());
            }
            match kept(st, bare, spr) {
                Some(val) => val,
                None => return spr::read(vcpu, st, state, spr),
            }
        }
    })
}

/// Whether `state` may not access a register that only these processors have: its number says so.
const fn refused(state: PrivilegeState, spr: Spr) -> bool {
    state.is_problem() && spr.number_is_privileged()
}

/// Writes a register. A write to one that does not exist, or to the timebase, has no effect.
fn write(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, state: PrivilegeState, bare: Bare, spr: Spr, val: u64) {
    if refused(state, spr) {
        return;
    }
    match (bare, spr) {
        (_, Spr::SDR1) => {
            let _locked = lock(&vcpu.vm().arch.hpt);
            st.sdr1 = val;
        }
        (Bare::Ppc970, HIOR) => st.hior = val,
        _ => {
            if let (Bare::Book3s32, Some(half)) = (bare, bare::bat(spr)) {
                return mmu32::write_block(st, half, val as u32);
            }
            let Some(at) = bare::kept(bare, spr) else {
                let _ = spr::write(st, state, spr, val);
                return;
            };
            if let Some(to) = st.bare_sprs.get_mut(at) {
                *to = bare::when_done(bare, spr, val);
            }
            if spr == HID5 {
                update_dcbz(vcpu, st);
            }
        }
    }
}
