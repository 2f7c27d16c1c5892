// SPDX-License-Identifier: GPL-2.0

//! Registers in sets, `KVM_GET_REGS`, `KVM_GET_SREGS` and their kin (api.rst, sections 4.11 to 4.14).

use super::vcpu::HvVcpu;
use crate::{
    bindings::{kvm_regs, kvm_sregs},
    host::{
        sregs::{sregs_slb, sregs_slb_mut},
        uapi::Sregs,
    },
    isa::{msr::Msr, slb::SlbEsid, srr1::Srr1},
};
use kernel::prelude::*;

/// `KVM_GET_REGS`.
pub(crate) fn get_regs(st: &HvVcpu) -> kvm_regs {
    let sh = &st.switch.arch().shregs;
    let pt = st.switch.pt_regs();
    let mut regs = kvm_regs {
        pc: pt.nip as u64,
        cr: pt.ccr as u64,
        ctr: pt.ctr as u64,
        lr: pt.link as u64,
        xer: pt.xer as u64,
        // After an exit the saved MSR may still have bits that the interrupt set in SRR1.
        msr: Srr1::from_raw(sh.msr).msr().raw(),
        srr0: sh.srr0,
        srr1: sh.srr1,
        pid: st.switch.arch().pid.into(),
        sprg0: sh.sprg0,
        sprg1: sh.sprg1,
        sprg2: sh.sprg2,
        sprg3: sh.sprg3,
        sprg4: sh.sprg4,
        sprg5: sh.sprg5,
        sprg6: sh.sprg6,
        sprg7: sh.sprg7,
        ..Default::default()
    };
    for (i, gpr) in regs.gpr.iter_mut().enumerate() {
        *gpr = st.switch.gpr(i);
    }
    regs
}

/// `KVM_SET_REGS`. The PID is a register of its own, as in kvm-hv, and is left alone here.
pub(crate) fn set_regs(st: &mut HvVcpu, regs: &kvm_regs) {
    let pt = st.switch.pt_regs_mut();
    pt.nip = regs.pc as usize;
    pt.ccr = regs.cr as usize;
    pt.ctr = regs.ctr as usize;
    pt.link = regs.lr as usize;
    pt.xer = regs.xer as usize;
    st.set_msr(Msr::from_raw(regs.msr));
    let sh = &mut st.switch.arch_mut().shregs;
    sh.srr0 = regs.srr0;
    sh.srr1 = regs.srr1;
    sh.sprg0 = regs.sprg0;
    sh.sprg1 = regs.sprg1;
    sh.sprg2 = regs.sprg2;
    sh.sprg3 = regs.sprg3;
    sh.sprg4 = regs.sprg4;
    sh.sprg5 = regs.sprg5;
    sh.sprg6 = regs.sprg6;
    sh.sprg7 = regs.sprg7;
    for (i, gpr) in regs.gpr.iter().enumerate() {
        st.switch.set_gpr(i, *gpr);
    }
}

/// `KVM_GET_SREGS`: the PVR, and the SLB, which a radix guest does not use.
pub(crate) fn get_sregs(st: &HvVcpu) -> Result<Sregs> {
    let arch = st.switch.arch();
    let mut sregs = Sregs::zeroed()?;
    sregs.set_pvr(arch.pvr);
    let slb = sregs_slb_mut(&mut sregs);
    for (to, from) in slb
        .iter_mut()
        .zip(arch.slb.iter())
        .take(arch.slb_max.max(0) as usize)
    {
        to.slbe = from.orige;
        to.slbv = from.origv;
    }
    Ok(sregs)
}

/// `KVM_SET_SREGS`. Returns `EINVAL` for another PVR than the host's: it cannot be pretended.
pub(crate) fn set_sregs(st: &mut HvVcpu, sregs: &kvm_sregs) -> Result {
    let arch = st.switch.arch_mut();
    if sregs.pvr != arch.pvr {
        return Err(EINVAL);
    }
    let nr = arch.slb_nr.max(0) as usize;
    let valid = sregs_slb(sregs)
        .iter()
        .take(nr)
        .filter(|e| SlbEsid::from_raw(e.slbe).contains(SlbEsid::V));
    let mut count = 0;
    for (to, from) in arch.slb.iter_mut().zip(valid) {
        to.orige = from.slbe;
        to.origv = from.slbv;
        count += 1;
    }
    arch.slb_max = count;
    Ok(())
}
