// SPDX-License-Identifier: GPL-2.0

//! Instructions of the guest's kernel that problem state may not execute.

use super::{
    bare, magic,
    outcome::Outcome,
    segment,
    spr::{self, Access},
    tm, translate,
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    emulate::{
        doorbell::{self as messages, Doorbell},
        privileged::{self, decode, Privileged},
        trapped::Executing,
    },
    isa::{
        insn::Insn, msr::Msr, privilege::PrivilegeState, radix_walk::truncated, slb::SlbEsid,
        spr::Spr,
    },
    vm::{doorbell, Vcpu},
};

/// Executes an instruction that needs privileged state.
pub(crate) fn privileged(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, executing: Executing) -> Outcome {
    let (insn, state) = (executing.insn(), executing.state());
    if state.is_problem() {
        return Outcome::NotPrivileged;
    }
    let Some(what) = executing.privileged() else {
        return reversed_call(st, insn);
    };
    if let Some(bare) = st.bare {
        if let Some(outcome) = bare::privileged(vcpu, st, state, bare, what) {
            return outcome;
        }
    }
    match what {
        Privileged::ReadSpr { .. }
        | Privileged::WriteSpr { .. }
        | Privileged::ReadMsr { .. }
        | Privileged::WriteMsr { .. }
        | Privileged::WriteMsrDoubleword { .. }
        | Privileged::ReturnFromInterrupt => {
            return of_registers(vcpu, st, state, &what).unwrap_or(Outcome::Illegal)
        }
        Privileged::ReturnFromScv => {
            let msr = st.msr().after_rfid(st.switch.ctr);
            return change_msr(st, msr, Some(st.switch.lr));
        }
        Privileged::ReservedHypercall if st.papr => return Outcome::Hypercall,
        Privileged::SlbWrite { rs, rb } => {
            let (rs, rb) = (st.gpr(rs), st.gpr(rb));
            let index = SlbEsid::from_raw(rb).index();
            let old = st.slb.entry(index);
            // An entry that was not valid was not shadowed.
            if old.esid.contains(SlbEsid::V) {
                st.shadow.forget_entry(old);
            }
            if magic::touched(st, rb) {
                st.shadow.forget();
            }
            st.shadow.forget_split();
            st.slb_changed = true;
            st.slb.write(rb, rs);
            let new = st.slb.entry(index);
            if new.esid.contains(SlbEsid::V) {
                segment::expected(vcpu, st, new);
            }
        }
        Privileged::SlbReadEsid { rt, rb } => {
            let entry = st.slb.entry(st.gpr(rb) & 0xfff);
            st.set_gpr(rt, entry.esid.raw());
        }
        Privileged::SlbReadVsid { rt, rb } => {
            let entry = st.slb.entry(st.gpr(rb) & 0xfff);
            st.set_gpr(rt, entry.vsid.raw());
        }
        Privileged::SlbFind { rt, rb } => slb_find(st, rt, rb),
        Privileged::SlbInvalidateEntry {
            rb, global: false, ..
        } => {
            let ea = st.gpr(rb);
            let shadow = &mut st.shadow;
            st.slb.invalidate(ea, |entry| shadow.forget_entry(entry));
            shadow.forget_split();
            st.slb_changed = true;
        }
        Privileged::SlbInvalidateAll {
            ih, global: false, ..
        } => {
            let shadow = &mut st.shadow;
            st.slb
                .invalidate_all(ih, |entry| shadow.forget_entry(entry));
            shadow.forget_split();
            st.slb_changed = true;
        }
        Privileged::SlbSync => {}
        Privileged::WriteSegment { sr, rs } => write_segment(st, sr.into(), rs),
        Privileged::WriteSegmentIndirect { rs, rb } => {
            let sr = st.gpr(rb) >> 28 & 0xf;
            write_segment(st, sr, rs);
        }
        // The page table of a PAPR guest belongs to the hypervisor, so only others may do this. All is taken away,
        // since RB does not have all bits of the virtual address.
        Privileged::TlbInvalidateEntry { .. } | Privileged::TlbInvalidateAll if !st.papr => {
            translate::unmap_all(vcpu.vm())
        }
        Privileged::TlbSync if !st.papr => {}
        Privileged::Message {
            privileged: true, ..
        } => return message(vcpu, st, insn),
        Privileged::CacheBlockInvalidate { .. } => return Outcome::Illegal,
        Privileged::SystemCall { .. } | Privileged::SystemCallVectored { .. } => {
            return Outcome::Illegal
        }
        Privileged::ReservedHypercall
        | Privileged::ReturnFromInterrupt32
        | Privileged::ReadSegment { .. }
        | Privileged::ReadSegmentIndirect { .. } => return Outcome::Illegal,
        Privileged::TransactionReclaim { .. } | Privileged::TransactionRecheckpoint => {
            return tm::privileged(st, executing)
        }
        Privileged::SlbInvalidateEntry { .. }
        | Privileged::SlbInvalidateAll { .. }
        | Privileged::TlbInvalidateEntry { .. }
        | Privileged::TlbSync
        | Privileged::TlbInvalidateAll
        | Privileged::Message { .. }
        | Privileged::MessageSync
        | Privileged::Stop
        | Privileged::PowerSave { .. }
        | Privileged::CachingInhibited { .. }
        | Privileged::ReturnFromHypervisor
        | Privileged::ReturnFromUltravisor => return Outcome::NotPrivileged,
    }
    Outcome::Done
}

/// Executes an instruction if the guest is in privileged state and the instruction needs registers alone. Does not
/// sleep.
#[inline]
pub(crate) fn registers(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, executing: Executing) -> Option<Outcome> {
    let (insn, state) = (executing.insn(), executing.state());
    match privileged::of_registers(insn) && !state.is_problem() {
        true => of_registers(vcpu, st, state, &decode(insn)?),
        false => None,
    }
}

/// As [`registers`], if both are known already.
#[inline]
pub(crate) fn register_instruction(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    executing: Executing,
) -> Option<Outcome> {
    of_registers(vcpu, st, executing.state(), &decode(executing.insn())?)
}

#[inline(never)]
fn of_registers(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    state: PrivilegeState,
    what: &Privileged,
) -> Option<Outcome> {
    match *what {
        Privileged::ReadSpr { spr, rt } => return Some(read_spr(vcpu, st, state, spr, rt)),
        Privileged::WriteSpr { spr, rs } => {
            let val = st.gpr(rs);
            return Some(outcome(&spr::write(st, state, spr, val)));
        }
        Privileged::ReadMsr { rt } => st.set_gpr(rt, st.msr().raw()),
        Privileged::WriteMsr { rs, only_ee_ri } => {
            let val = st.gpr(rs);
            let msr = match only_ee_ri {
                true => st.msr().after_mtmsrd_l(val),
                false => st.msr().after_mtmsr(val),
            };
            return Some(change_msr(st, msr, None));
        }
        Privileged::WriteMsrDoubleword { rs, only_ee_ri } => {
            let val = st.gpr(rs);
            let msr = match only_ee_ri {
                true => st.msr().after_mtmsrd_l(val),
                false => st.msr().after_mtmsrd(val),
            };
            return Some(change_msr(st, msr, None));
        }
        Privileged::ReturnFromInterrupt => {
            let msr = st.msr().after_rfid(st.srr1);
            return Some(change_msr(st, msr, Some(st.srr0)));
        }
        _ => return None,
    }
    Some(Outcome::Done)
}

/// Sets MSR, and jumps to `ea` if there is one.
#[inline]
fn change_msr(st: &mut PrVcpu, msr: Msr, ea: Option<u64>) -> Outcome {
    if (msr | st.msr()).intersects(Msr::TS) {
        if let Some(outcome) = tm::change_msr(st, msr) {
            return outcome;
        }
    }
    if let Some(ea) = ea {
        st.switch.nip = truncated(ea & !3, msr);
    }
    st.set_msr(msr);
    match ea {
        Some(_) => Outcome::Jumped,
        None => Outcome::Done,
    }
}

fn outcome(access: &Access) -> Outcome {
    match access {
        Access::Value(_) | Access::Nothing => Outcome::Done,
        Access::NotPrivileged => Outcome::NotPrivileged,
        Access::Illegal => Outcome::Illegal,
    }
}

fn read_spr(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, state: PrivilegeState, spr: Spr, rt: u8) -> Outcome {
    let access = spr::read(vcpu, st, state, spr);
    if let Access::Value(val) = access {
        st.set_gpr(rt, val);
    }
    outcome(&access)
}

/// Executes `mfspr` or `mtspr` of a register whose facility is off in hardware while the guest runs, in either
/// privilege state. `None` if the instruction is another one or may not do that.
pub(crate) fn facility(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, executing: Executing) -> Option<Outcome> {
    let state = executing.state();
    let done = match executing.privileged() {
        Some(Privileged::ReadSpr { spr, rt }) => read_spr(vcpu, st, state, spr, rt),
        Some(Privileged::WriteSpr { spr, rs }) => {
            let val = st.gpr(rs);
            outcome(&spr::write(st, state, spr, val))
        }
        _ => return None,
    };
    matches!(done, Outcome::Done).then_some(done)
}

/// `slbfee.`: CR0's EQ says whether there is one.
fn slb_find(st: &mut PrVcpu, rt: u8, rb: u8) {
    let found = st.slb.find(st.gpr(rb));
    st.set_cr0_equal(found.is_some());
    st.set_gpr(rt, found.map_or(0, |e| e.vsid.raw()));
}

/// `mtsr` is `slbmte` of an entry that is made from it, ISA 2.07 Book III-S, "Bridge to SLB Architecture".
fn write_segment(st: &mut PrVcpu, sr: u64, rs: u8) {
    let val = st.gpr(rs);
    let esid = SlbEsid::EMPTY.with_esid(sr).with(SlbEsid::V).with_index(sr);
    // Ks, Kp and N are in bits 33:35.
    let vsid = (val & 0xfff_ffff) << 12 | (val >> 28 & 7) << 9;
    st.slb.write(esid.raw(), vsid);
    st.forget_segments();
}

/// `msgsndp` and `msgclrp`.
fn message(vcpu: &Vcpu<Pr>, st: &PrVcpu, insn: Insn) -> Outcome {
    match messages::decode(insn, &st.switch) {
        Some(Doorbell::Send { thread }) => doorbell::send(vcpu, thread),
        Some(Doorbell::Clear) => doorbell::clear(vcpu),
        Some(_) => {}
        None => return Outcome::Illegal,
    }
    Outcome::Done
}

/// `sc` with its bytes in the other order: how little-endian Linux before 3.14 calls KVM, with the words that
/// `KVM_PPC_GET_PVINFO` gives for big-endian. It is told that there is no such call.
#[cold]
fn reversed_call(st: &mut PrVcpu, insn: Insn) -> Outcome {
    if !st.msr().contains(Msr::LE) || insn.raw() != crate::isa::insn::SC.swap_bytes() {
        return Outcome::Illegal;
    }
    st.set_gpr(3, super::hcall::EV_UNIMPLEMENTED);
    Outcome::Done
}
