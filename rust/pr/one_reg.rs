// SPDX-License-Identifier: GPL-2.0

//! Registers by number, `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` (api.rst, section 4.68).

use super::{
    vcpu::{PrVcpu, LPCR},
    vm::Pr,
};
use crate::{
    emulate::regs::Regs,
    isa::{fscr::Fscr, lpcr::Lpcr, spr::Spr},
    vm::{
        doorbell,
        one_reg::{id, RegValue, SW_BREAKPOINT},
        vpa,
        xics::device,
        Vcpu,
    },
};
use kernel::prelude::*;

/// Registers that only keep what is written to them.
const PLAIN: &[(u64, Spr)] = &[
    (id::DSCR, Spr::DSCR),
    (id::AMR, Spr::AMR),
    (id::UAMOR, Spr::UAMOR),
    (id::IAMR, Spr::IAMR),
    (id::MMCR0, Spr::MMCR0),
    (id::MMCR1, Spr::MMCR1),
    (id::MMCRA, Spr::MMCRA),
    (id::MMCR2, Spr::MMCR2),
    (id::SIAR, Spr::SIAR),
    (id::SDAR, Spr::SDAR),
    (id::SIER, Spr::SIER),
    (id::PMC1, Spr::PMC1),
    (id::PMC1 + 1, Spr::PMC2),
    (id::PMC1 + 2, Spr::PMC3),
    (id::PMC1 + 3, Spr::PMC4),
    (id::PMC1 + 4, Spr::PMC5),
    (id::PMC1 + 5, Spr::PMC6),
    (id::PSPB, Spr::PSPB),
    (id::EBBHR, Spr::EBBHR),
    (id::EBBRR, Spr::EBBRR),
    (id::BESCR, Spr::BESCR),
    (id::PID, Spr::PIDR),
    (id::TIDR, Spr::TIDR),
    (id::ACOP, Spr::ACOP),
    (id::WORT, Spr::WORT),
    (id::IC, Spr::IC),
    (id::TFHAR, Spr::TFHAR),
    (id::TFIAR, Spr::TFIAR),
    (id::TEXASR, Spr::TEXASR),
];

fn plain(reg: u64) -> Option<Spr> {
    PLAIN.iter().find(|(r, _)| *r == reg).map(|(_, spr)| *spr)
}

/// The number of `reg` in the registers from `first` to `last`.
fn index(reg: u64, first: u64, last: u64) -> Option<u8> {
    (first..=last).contains(&reg).then(|| (reg - first) as u8)
}

/// `Backend::get_one_reg`. `EINVAL` for what is no register here.
pub(crate) fn get(vcpu: &Vcpu<Pr>, st: &PrVcpu, reg: u64) -> Result<RegValue> {
    if reg == id::ICP_STATE {
        return device::icp_state(vcpu).map(RegValue::from_u64);
    }
    if let Some(area) = vpa::get_reg(vcpu, reg) {
        return Ok(area);
    }
    if reg & id::TM != 0 {
        return st.tm.get(reg);
    }
    if let Some(n) = index(reg, id::FPR0, id::FPR31) {
        let [fpr, _] = st.switch.vsr(n);
        return Ok(RegValue::from_u64(fpr));
    }
    if let Some(n) = index(reg, id::VSR0, id::VSR31) {
        return Ok(RegValue::from_vsr(st.switch.vsr(n)));
    }
    if let Some(n) = index(reg, id::VR0, id::VR31) {
        return Ok(RegValue::from_vsr(st.switch.vsr(32 + n)));
    }
    if let Some(spr) = plain(reg) {
        return RegValue::new(reg, st.kept(spr));
    }
    let val = match reg {
        id::HIOR => st.hior,
        id::DEBUG_INST => SW_BREAKPOINT.into(),
        id::DAR => st.dar,
        id::DSISR => st.dsisr.into(),
        id::FPSCR => st.switch.fpscr(),
        id::VSCR => st.switch.vscr().into(),
        id::VRSAVE => st.switch.vrsave().into(),
        id::TAR => st.switch.tar(),
        id::PPR => st.switch.ppr(),
        id::FSCR => st.fscr().raw(),
        id::LPCR | id::LPCR_64 => st.lpcr.raw(),
        id::VTB => st.vtb(),
        id::DPDES => doorbell::own(vcpu),
        id::DEC_EXPIRY => st.dec_expires,
        _ => return Err(EINVAL),
    };
    RegValue::new(reg, val)
}

/// `Backend::set_one_reg`, errors as [`get`].
pub(crate) fn set(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, reg: u64, val: RegValue) -> Result {
    if reg == id::ICP_STATE {
        return device::set_icp_state(vcpu, val.int()?);
    }
    if let Some(ret) = vpa::set_reg(vcpu, reg, &val) {
        return ret;
    }
    if reg & id::TM != 0 {
        return st.tm.set(reg, val);
    }
    if let Some(n) = index(reg, id::VSR0, id::VSR31) {
        st.switch.set_vsr(n, val.vsr()?);
        return Ok(());
    }
    if let Some(n) = index(reg, id::VR0, id::VR31) {
        st.switch.set_vsr(32 + n, val.vsr()?);
        return Ok(());
    }
    let val = val.int()?;
    if let Some(n) = index(reg, id::FPR0, id::FPR31) {
        let [_, low] = st.switch.vsr(n);
        st.switch.set_vsr(n, [val, low]);
        return Ok(());
    }
    if let Some(spr) = plain(reg) {
        st.keep(spr, val);
        if spr == Spr::MMCR0 {
            st.performance_monitor_changed();
        }
        return Ok(());
    }
    match reg {
        id::HIOR => st.hior = val,
        id::DAR => st.dar = val,
        id::DSISR => st.dsisr = val as u32,
        id::FPSCR => st.switch.set_fpscr(val),
        id::VSCR => st.switch.set_vscr(val as u32),
        id::VRSAVE => st.switch.set_vrsave(val as u32),
        id::TAR => st.switch.set_tar(val),
        id::PPR => st.switch.set_ppr(val),
        id::DPDES => doorbell::set_own(vcpu, val),
        id::FSCR => st.set_fscr(Fscr::from_raw(val)),
        id::LPCR | id::LPCR_64 => {
            let val = Lpcr::from_raw(val);
            st.lpcr = st.lpcr.user_write(LPCR, val, false, false);
        }
        id::VTB => st.set_vtb(val),
        id::DEC_EXPIRY => st.dec_expires = val,
        _ => return Err(EINVAL),
    }
    Ok(())
}
