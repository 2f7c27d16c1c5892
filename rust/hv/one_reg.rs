// SPDX-License-Identifier: GPL-2.0

//! Registers by number, `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` (api.rst, section 4.68).
//!
//! To add one: a line in [`plain!`](self) if it is just a field of the saved state, else an arm in [`get`]
//! and [`set`].

use super::{
    tm,
    vcpu::{HvVcpu, PSSCR_GUEST},
    xive::vp_state,
    Hv,
};
use crate::{
    host::{field::Field, nested::api::Api, time::timebase},
    isa::{
        hcall_args::{CIABR_PRIV, CIABR_PRIV_HYPERVISOR, DAWRX_HYP},
        lpcr::Lpcr,
        pvr::{Arch, LogicalPvr, Pcr},
    },
    vm::{
        doorbell,
        one_reg::{id, tm::transactional, RegValue, SW_BREAKPOINT},
        vpa,
        xics::device,
        Vcpu,
    },
};
use kernel::prelude::*;

/// Registers whose value is that of a field of `kvm_vcpu_arch`.
macro_rules! plain {
    ($($reg:ident => $($field:ident).+ $([$i:literal])?,)*) => {
        fn get_plain(st: &HvVcpu, reg: u64) -> Option<u64> {
            let arch = st.switch.arch();
            Some(match reg {
                $( id::$reg => Field::get(arch.$($field).+ $([$i])?), )*
                _ => return None,
            })
        }

        fn set_plain(st: &mut HvVcpu, reg: u64, val: u64) -> bool {
            let arch = st.switch.arch_mut();
            match reg {
                $( id::$reg => arch.$($field).+ $([$i])? = Field::of(val), )*
                _ => return false,
            }
            true
        }
    };
}

plain! {
    DABR => dabr, DSCR => dscr, PURR => purr, SPURR => spurr, DAR => shregs.dar, DSISR => shregs.dsisr,
    AMR => amr, UAMOR => uamor, MMCR0 => mmcr[0], MMCR1 => mmcr[1], MMCRA => mmcra, MMCR2 => mmcr[2],
    MMCR3 => mmcr[3], MMCRS => mmcrs, SIAR => siar, SDAR => sdar, SIER => sier[0], SIER2 => sier[1],
    SIER3 => sier[2], FPSCR => fp.fpscr, SPMC1 => spmc[0], SPMC2 => spmc[1], IAMR => iamr,
    FSCR => fscr, PSPB => pspb, EBBHR => ebbhr, EBBRR => ebbrr, BESCR => bescr, TAR => tar, DAWR => dawr0, DAWR1 => dawr1, IC => ic,
    CSIGR => csigr, TACR => tacr, TCSCR => tcscr, PID => pid, ACOP => acop, VRSAVE => vrsave,
    PPR => ppr, WORT => wort, TIDR => tid, DEXCR => dexcr, HASHKEYR => hashkeyr,
    HASHPKEYR => hashpkeyr, DEC_EXPIRY => dec_expires, DABRX => dabrx, DAWRX => dawrx0,
    DAWRX1 => dawrx1, CIABR => ciabr, PSSCR => psscr,
}

/// The index of `reg` in the registers from `first` to `last`.
fn index(reg: u64, first: u64, last: u64) -> Option<usize> {
    (first..=last)
        .contains(&reg)
        .then(|| (reg - first) as usize)
}

/// `Backend::get_one_reg`. Errors: `ENXIO` for what needs an interrupt controller in the kernel, `EINVAL` for what is
/// no register.
pub(crate) fn get(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, reg: u64) -> Result<RegValue> {
    if let Some(val) = get_plain(st, reg) {
        return RegValue::new(reg, val);
    }
    if transactional(reg) {
        return tm::get(st, reg);
    }
    if let Some(i) = index(reg, id::PMC1, id::PMC8) {
        let pmc = st.switch.arch().pmc.get(i).copied().unwrap_or(0);
        return Ok(RegValue::from_u32(pmc));
    }
    if let Some(i) = index(reg, id::FPR0, id::FPR31) {
        let [fpr, _] = st.switch.vsr(i as u8);
        return Ok(RegValue::from_u64(fpr));
    }
    if let Some(i) = index(reg, id::VSR0, id::VSR31) {
        return Ok(RegValue::from_vsr(st.switch.vsr(i as u8)));
    }
    if let Some(i) = index(reg, id::VR0, id::VR31) {
        return Ok(RegValue::from_vsr(st.switch.vsr(32 + i as u8)));
    }
    match reg {
        // As kvm-hv answers for a vCPU whose controller is another.
        id::ICP_STATE if vcpu.shared.xive.connected() => return Ok(RegValue::from_u64(0)),
        id::ICP_STATE => return device::icp_state(vcpu).map(RegValue::from_u64),
        id::VP_STATE => return vp_state::get(vcpu),
        _ => {}
    }
    if let Some(area) = vpa::get_reg(vcpu, reg) {
        return Ok(area);
    }
    let val = match reg {
        id::HIOR => 0,
        id::DEBUG_INST => SW_BREAKPOINT.into(),
        id::VSCR => st.switch.vscr().into(),
        id::TB_OFFSET => st.switch.vcore().tb_offset,
        id::VTB => st.switch.vcore().vtb as u64,
        id::DPDES => doorbell::own(vcpu),
        id::LPCR | id::LPCR_64 => st.lpcr(&vcpu.vm().arch).raw(),
        id::ARCH_COMPAT => st.compat.into(),
        id::ONLINE => st.online.into(),
        id::PTCR => st.ptcr,
        _ => return Err(EINVAL),
    };
    RegValue::new(reg, val)
}

/// `Backend::set_one_reg`, errors as [`get`].
pub(crate) fn set(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, reg: u64, val: RegValue) -> Result {
    if transactional(reg) {
        return tm::set(st, reg, val);
    }
    if let Some(i) = index(reg, id::VSR0, id::VSR31) {
        st.switch.set_vsr(i as u8, val.vsr()?);
        return Ok(());
    }
    if let Some(i) = index(reg, id::VR0, id::VR31) {
        st.switch.set_vsr(32 + i as u8, val.vsr()?);
        return Ok(());
    }
    match reg {
        id::ICP_STATE => return device::set_icp_state(vcpu, val.int()?),
        id::VP_STATE => return vp_state::set(vcpu, &val),
        _ => {}
    }
    if let Some(ret) = vpa::set_reg(vcpu, reg, &val) {
        return ret;
    }
    let val = val.int()?;
    if let Some(i) = index(reg, id::PMC1, id::PMC8) {
        if let Some(pmc) = st.switch.arch_mut().pmc.get_mut(i) {
            *pmc = val as u32;
        }
        return Ok(());
    }
    if let Some(i) = index(reg, id::FPR0, id::FPR31) {
        let [_, low] = st.switch.vsr(i as u8);
        st.switch.set_vsr(i as u8, [val, low]);
        return Ok(());
    }
    // A guest may not set breakpoints in hypervisor state, or change PSSCR fields of the hypervisor's.
    let val = match reg {
        id::DABRX | id::DAWRX | id::DAWRX1 => val & !DAWRX_HYP,
        id::CIABR if val & CIABR_PRIV == CIABR_PRIV_HYPERVISOR => val & !CIABR_PRIV,
        id::PSSCR => val & PSSCR_GUEST,
        _ => val,
    };
    if set_plain(st, reg, val) {
        return Ok(());
    }
    match reg {
        id::HIOR if val == 0 => {}
        id::VSCR => st.switch.set_vscr(val as u32),
        id::TB_OFFSET => set_tb_offset(st, val)?,
        id::VTB => st.switch.vcore_mut().vtb = val as usize,
        id::DPDES => doorbell::set_own(vcpu, val),
        id::LPCR => set_lpcr(vcpu, st, Lpcr::USER_32, val),
        id::LPCR_64 => set_lpcr(vcpu, st, Lpcr::USER, val),
        id::ARCH_COMPAT => set_compat(vcpu, st, val as u32)?,
        id::ONLINE => st.online = val as u32,
        id::PTCR => st.ptcr = val,
        _ => return Err(EINVAL),
    }
    Ok(())
}

/// The hardware can offset the timebase by multiples of this.
const TB_OFFSET_UNIT: u64 = 1 << 24;

fn set_tb_offset(st: &mut HvVcpu, val: u64) -> Result {
    let offset = val.checked_next_multiple_of(TB_OFFSET_UNIT).unwrap_or(0);
    st.switch.vcore_mut().tb_offset = offset;
    // An expiry of 0 means that the decrementer was never set, and is past. With an offset, 0 could seem to be in the
    // future, so the expiry becomes the guest's present time.
    let arch = st.switch.arch_mut();
    if arch.dec_expires == 0 && offset != 0 {
        arch.dec_expires = timebase().wrapping_add(offset);
    }
    Ok(())
}

fn set_lpcr(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, mask: Lpcr, val: u64) {
    let vm = &vcpu.vm().arch;
    let (radix, forbidden) = (vm.is_radix(), vm.features.prefetch_bug());
    st.lpcr = st
        .lpcr
        .user_write(mask, Lpcr::from_raw(val), radix, forbidden);
}

/// `KVM_REG_PPC_ARCH_COMPAT`. Returns `EINVAL` if `compat` names no architecture level, one above the host's, or
/// one that a hypervisor below does not permit.
fn set_compat(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, compat: u32) -> Result {
    let features = vcpu.vm().arch.features;
    let host = if features.arch_31() {
        Arch::V31
    } else {
        Arch::V300
    };
    let guest = match LogicalPvr::from_raw(compat) {
        LogicalPvr::V31_P11 if !features.power11() => return Err(EINVAL),
        pvr if compat != 0 => pvr.arch().ok_or(EINVAL)?,
        _ => host,
    };
    let pcr = Pcr::for_guest(host, guest).ok_or(EINVAL)?;
    let permitted = |api: Api| compat == 0 || api.permits(LogicalPvr::from_raw(compat));
    if !Api::in_use().is_none_or(permitted) {
        return Err(EINVAL);
    }
    let vcore = st.switch.vcore_mut();
    vcore.pcr = pcr.raw() as usize;
    // A hypervisor below takes no 0 for its own level.
    vcore.arch_compat = match compat {
        0 if features.power11() => LogicalPvr::V31_P11.raw(),
        0 => LogicalPvr::of(host).raw(),
        compat => compat,
    };
    st.compat = compat;
    Ok(())
}
