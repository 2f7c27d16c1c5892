// SPDX-License-Identifier: GPL-2.0

//! Registers in sets: `KVM_GET_REGS`, `KVM_GET_SREGS`, `KVM_GET_FPU` and their kin (api.rst, sections 4.11 to 4.14),
//! the last two in their BookE forms.

use super::vcpu::E44xVcpu;
use crate::{
    bindings::{self, kvm_fpu, kvm_regs, kvm_sregs},
    host::{e44x as host, time::timebase, uapi::Sregs},
    isa::e44x::msr::Msr,
};
use kernel::prelude::*;

/// `KVM_GET_REGS`.
pub(crate) fn get_regs(st: &E44xVcpu) -> kvm_regs {
    let r = st.switch.registers();
    let s = &st.state;
    let [s0, s1, s2, s3, s4, s5, s6, s7] = s.sprg.map(u64::from);
    let [srr0, srr1] = s.srr;
    let mut regs = kvm_regs {
        pc: r.nip.into(),
        cr: r.cr.into(),
        ctr: r.ctr.into(),
        lr: r.lr.into(),
        xer: r.xer.into(),
        msr: s.msr.raw(),
        srr0: srr0.into(),
        srr1: srr1.into(),
        pid: s.pid.into(),
        sprg0: s0,
        sprg1: s1,
        sprg2: s2,
        sprg3: s3,
        sprg4: s4,
        sprg5: s5,
        sprg6: s6,
        sprg7: s7,
        ..Default::default()
    };
    for (to, from) in regs.gpr.iter_mut().zip(r.gpr) {
        *to = from.into();
    }
    regs
}

/// `KVM_SET_REGS`. Registers have 32 bits, and MSR the bits that exist.
pub(crate) fn set_regs(st: &mut E44xVcpu, regs: &kvm_regs) {
    let r = st.switch.registers_mut();
    r.nip = regs.pc as u32 & !3;
    r.cr = regs.cr as u32;
    r.ctr = regs.ctr as u32;
    r.lr = regs.lr as u32;
    r.xer = regs.xer as u32;
    for (to, from) in r.gpr.iter_mut().zip(regs.gpr) {
        *to = from as u32;
    }
    let s = &mut st.state;
    s.reservation = None;
    s.msr = Msr::from_word(regs.msr as u32);
    s.srr = [regs.srr0 as u32, regs.srr1 as u32];
    s.pid = regs.pid as u8;
    s.sprg = [
        regs.sprg0, regs.sprg1, regs.sprg2, regs.sprg3, regs.sprg4, regs.sprg5, regs.sprg6,
        regs.sprg7,
    ]
    .map(|v| v as u32);
}

/// `KVM_GET_FPU`.
pub(crate) fn get_fpu(st: &E44xVcpu) -> kvm_fpu {
    let mut fpu = kvm_fpu::default();
    for (i, fpr) in fpu.fpr.iter_mut().enumerate() {
        *fpr = st.switch.fpr(i);
    }
    fpu
}

/// `KVM_SET_FPU`.
pub(crate) fn set_fpu(st: &mut E44xVcpu, fpu: &kvm_fpu) {
    for (i, fpr) in fpu.fpr.iter().enumerate() {
        st.switch.set_fpr(i, *fpr);
    }
}

const FEATURES: u32 = bindings::KVM_SREGS_E_BASE
    | bindings::KVM_SREGS_E_ARCH206
    | bindings::KVM_SREGS_E_IVOR
    | bindings::KVM_SREGS_E_DEBUG;

/// `KVM_GET_SREGS`.
pub(crate) fn get_sregs(st: &mut E44xVcpu) -> Result<Sregs> {
    let s = &mut st.state;
    let mut sregs = Sregs::zeroed()?;
    sregs.set_pvr(s.pvr);
    let e = host::sregs_e_mut(&mut sregs);
    e.features = FEATURES;
    let [csrr0, csrr1] = s.csrr;
    let [mcsrr0, mcsrr1] = s.mcsrr;
    let now = timebase();
    e.csrr0 = csrr0.into();
    e.csrr1 = csrr1;
    e.mcsrr0 = mcsrr0.into();
    e.mcsrr1 = mcsrr1;
    e.mcsr = s.mcsr.into();
    e.esr = s.esr;
    e.dear = s.dear.into();
    e.ivpr = s.ivpr.into();
    e.pir = s.pir;
    e.tsr = s.timer.tsr(now);
    e.tcr = s.timer.tcr();
    e.decar = s.timer.decar();
    e.dec = s.timer.dec(now);
    e.tb = now;
    e.vrsave = s.usprg0;
    e.ivor_low = s.ivor;
    e.dbsr = s.dbsr;
    e.dbcr = s.dbcr;
    e.iac = s.iac;
    e.dac = s.dac;
    e.dvc = s.dvc;
    e.num_iac = 4;
    e.num_dac = 2;
    e.num_dvc = 2;
    Ok(sregs)
}

/// `KVM_SET_SREGS`. `EINVAL` for another PVR than the host's, which the guest's program would see, and for another PIR
/// than the vCPU's id.
pub(crate) fn set_sregs(st: &mut E44xVcpu, sregs: &kvm_sregs) -> Result {
    let s = &mut st.state;
    if sregs.pvr != s.pvr {
        return Err(EINVAL);
    }
    let e = host::sregs_e(sregs);
    let now = timebase();
    let has = |feature| e.features & feature != 0;
    let update = |special| e.update_special & special != 0;
    // Nothing has changed if this is wrong.
    if has(bindings::KVM_SREGS_E_ARCH206) && e.pir != s.pir {
        return Err(EINVAL);
    }
    if has(bindings::KVM_SREGS_E_BASE) {
        s.csrr = [e.csrr0 as u32, e.csrr1];
        s.esr = e.esr;
        s.dear = e.dear as u32;
        s.usprg0 = e.vrsave;
        s.timer.set_tcr(e.tcr, now);
        if update(bindings::KVM_SREGS_E_UPDATE_MCSR) {
            s.mcsr = e.mcsr as u32;
        }
        if update(bindings::KVM_SREGS_E_UPDATE_DEC) {
            s.timer.set_dec(e.dec, now);
        }
        if update(bindings::KVM_SREGS_E_UPDATE_TSR) {
            s.timer.set_tsr(e.tsr, now);
        }
    }
    if has(bindings::KVM_SREGS_E_ARCH206) {
        s.mcsrr = [e.mcsrr0 as u32, e.mcsrr1];
        s.ivpr = e.ivpr as u32;
        s.timer.set_decar(e.decar, now);
    }
    if has(bindings::KVM_SREGS_E_IVOR) {
        s.ivor = e.ivor_low;
    }
    if has(bindings::KVM_SREGS_E_DEBUG) {
        s.dbcr = e.dbcr;
        s.iac = e.iac;
        s.dac = e.dac;
        s.dvc = e.dvc;
        if update(bindings::KVM_SREGS_E_UPDATE_DBSR) {
            s.dbsr = e.dbsr;
        }
    }
    Ok(())
}
