// SPDX-License-Identifier: GPL-2.0

//! Registers in sets, `KVM_GET_REGS`, `KVM_GET_SREGS` and their kin (api.rst, sections 4.11 to 4.14).

use super::{bare, translate::unmap_all, vcpu::PrVcpu, vm::Pr};
use crate::{
    bindings::{kvm_regs, kvm_sregs},
    emulate::regs::Regs,
    host::{
        sregs::{set_sregs_sdr1, sregs_32, sregs_32_mut, sregs_sdr1, sregs_slb, sregs_slb_mut},
        uapi::Sregs,
    },
    isa::{
        book3s32::{Bat, SegmentRegister},
        msr::{Msr, TransactionState},
        pvr::{Bare, Pvr},
        slb::SlbEsid,
        spr::Spr,
    },
    vm::Vcpu,
};
use kernel::prelude::*;

/// `KVM_GET_REGS`.
pub(crate) fn get_regs(st: &PrVcpu) -> kvm_regs {
    let s = &st.switch;
    let [sprg0, sprg1, sprg2, _, sprg4, sprg5, sprg6, sprg7] = st.sprg;
    let mut regs = kvm_regs {
        pc: s.nip,
        cr: s.cr.into(),
        ctr: s.ctr,
        lr: s.lr,
        xer: s.xer,
        msr: st.msr().raw(),
        srr0: st.srr0,
        srr1: st.srr1,
        pid: st.kept(Spr::PIDR),
        sprg0,
        sprg1,
        sprg2,
        sprg3: s.sprg3(),
        sprg4,
        sprg5,
        sprg6,
        sprg7,
        ..Default::default()
    };
    for (gpr, n) in regs.gpr.iter_mut().zip(0..) {
        *gpr = s.gpr(n);
    }
    regs
}

/// `KVM_SET_REGS`. The PID is a register of its own (`KVM_REG_PPC_PID`), and left alone here, as with kvm-pr.
pub(crate) fn set_regs(st: &mut PrVcpu, regs: &kvm_regs) {
    let s = &mut st.switch;
    s.nip = regs.pc;
    s.cr = regs.cr as u32;
    s.ctr = regs.ctr;
    s.lr = regs.lr;
    s.xer = regs.xer;
    s.set_sprg3(regs.sprg3);
    for (gpr, n) in regs.gpr.iter().zip(0..) {
        s.set_gpr(n, *gpr);
    }
    st.srr0 = regs.srr0;
    st.srr1 = regs.srr1;
    st.sprg = [
        regs.sprg0, regs.sprg1, regs.sprg2, 0, regs.sprg4, regs.sprg5, regs.sprg6, regs.sprg7,
    ];
    let msr = Msr::from_raw(regs.msr);
    st.set_msr(match msr.transaction_state() {
        TransactionState::Reserved => msr.with_ts(0),
        _ => msr,
    });
}

/// `KVM_GET_SREGS`: the PVR, where the page table is, the SLB, and what a 32-bit processor has.
pub(crate) fn get_sregs(st: &PrVcpu) -> Result<Sregs> {
    let mut sregs = Sregs::zeroed()?;
    sregs.set_pvr(st.pvr);
    set_sregs_sdr1(&mut sregs, st.sdr1);
    let slb = sregs_slb_mut(&mut sregs);
    for ((to, from), i) in slb.iter_mut().zip(st.slb.entries()).zip(0..) {
        to.slbe = from.esid.with_index(i).raw();
        to.slbv = from.vsid.raw();
    }
    let (regs, to) = (&st.mmu32.regs, sregs_32_mut(&mut sregs));
    for (to, sr) in to.sr.iter_mut().zip(&regs.sr) {
        *to = sr.raw();
    }
    for (to, bat) in to.ibat.iter_mut().zip(&regs.ibat) {
        *to = bat.raw();
    }
    for (to, bat) in to.dbat.iter_mut().zip(&regs.dbat) {
        *to = bat.raw();
    }
    Ok(sregs)
}

/// `KVM_SET_SREGS`. Returns `EINVAL` for a page table that is larger than there can be.
pub(crate) fn set_sregs(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, sregs: &kvm_sregs) -> Result {
    let sdr1 = sregs_sdr1(sregs);
    let bits32 = matches!(Pvr::from_raw(sregs.pvr).bare(), Some(Bare::Book3s32));
    if !bits32 && sdr1 & 0x1f > MAX_HTABSIZE {
        return Err(EINVAL);
    }
    bare::set_pvr(vcpu, st, sregs.pvr);
    st.sdr1 = sdr1;
    st.slb.clear();
    let entries = sregs_slb(sregs);
    for entry in entries
        .iter()
        .filter(|e| SlbEsid::from_raw(e.slbe).contains(SlbEsid::V))
    {
        st.slb.write(entry.slbe, entry.slbv);
    }
    let (regs, from) = (&mut st.mmu32.regs, sregs_32(sregs));
    for (sr, from) in regs.sr.iter_mut().zip(from.sr) {
        *sr = SegmentRegister::from_raw(from);
    }
    for (bat, from) in regs.ibat.iter_mut().zip(from.ibat) {
        *bat = Bat::from_raw(from);
    }
    for (bat, from) in regs.dbat.iter_mut().zip(from.dbat) {
        *bat = Bat::from_raw(from);
    }
    st.mmu32.blocks_changed();
    st.forget_segments();
    // Another table, or it may have been written meanwhile: nothing that was shadowed is certain.
    unmap_all(vcpu.vm());
    Ok(())
}

/// SDR1[HTABSIZE]: a table of 2^46 bytes.
const MAX_HTABSIZE: u64 = 28;
