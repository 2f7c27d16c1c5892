// SPDX-License-Identifier: GPL-2.0

//! The special purpose registers of a guest's kernel.
//!
//! Registers that have no effect here and only keep their value are in `PrVcpu::plain`: performance monitor, authority
//! masks, process identification and others.

use super::{vcpu::PrVcpu, vm::Pr};
use crate::{
    host::time::timebase,
    isa::{
        fscr::Fscr,
        privilege::{PrivilegeState, SprAccess},
        spr::Spr,
        spr_bits,
    },
    vm::{doorbell, vpa, Vcpu},
};

/// What came of an access.
pub(crate) enum Access {
    /// Done; a read gives the value.
    Value(u64),
    /// The privilege state does not permit it: a privileged-instruction program interrupt.
    NotPrivileged,
    /// There is no such register, and the instruction does nothing.
    Nothing,
    /// There is no such register, and the instruction is an illegal one.
    Illegal,
}

/// An access that is not permitted, and what happens instead.
const fn check(access: SprAccess) -> Result<(), Access> {
    match access {
        SprAccess::Permitted => Ok(()),
        SprAccess::Privileged => Err(Access::NotPrivileged),
        SprAccess::NoOperation => Err(Access::Nothing),
        SprAccess::Illegal => Err(Access::Illegal),
    }
}

/// An access to a register that the guest's processor does not have.
fn absent(state: PrivilegeState, spr: Spr) -> Access {
    check(state.undefined(spr)).err().unwrap_or(Access::Nothing)
}

/// `mfspr` in a privilege state of the guest's.
pub(crate) fn read(vcpu: &Vcpu<Pr>, st: &PrVcpu, state: PrivilegeState, spr: Spr) -> Access {
    if let Err(why) = check(state.read(spr)) {
        return why;
    }
    let [sprg0, sprg1, sprg2, ..] = st.sprg;
    Access::Value(match spr {
        Spr::SRR0 => st.srr0,
        Spr::SRR1 => st.srr1,
        Spr::SPRG0 => sprg0,
        Spr::SPRG1 => sprg1,
        Spr::SPRG2 => sprg2,
        Spr::SPRG3 | Spr::USPRG3 => st.switch.sprg3(),
        Spr::DAR => st.dar,
        Spr::DSISR => st.dsisr.into(),
        Spr::DEC => st.dec().into(),
        Spr::PVR => st.pvr.into(),
        Spr::PIR => vcpu.id.into(),
        Spr::TIR => doorbell::thread(vcpu),
        Spr::XER => st.switch.xer,
        Spr::LR => st.switch.lr,
        Spr::CTR => st.switch.ctr,
        Spr::TAR => st.switch.tar(),
        Spr::VRSAVE => st.switch.vrsave().into(),
        Spr::TB => timebase(),
        // A core has one thread, and its frequency is not known, so both count alike.
        Spr::PURR | Spr::SPURR => st.utilization.purr(vpa::scheduled(vcpu)),
        Spr::VTB => st.vtb(),
        Spr::TBU => timebase() >> 32,
        Spr::DPDES => doorbell::pending(vcpu),
        // `tm.rs` has them, when they are unavailable in hardware.
        spr if spr.is_transactional() && st.has_transactions() => return Access::Illegal,
        // The exit does not save it.
        Spr::CFAR => 0,
        other if !spr_bits::exists(other, st.arch_level()) => return absent(state, other),
        other => spr_bits::read(other, st.arch_level(), |of| st.kept(of)),
    })
}

/// `mtspr` in a privilege state of the guest's.
pub(crate) fn write(st: &mut PrVcpu, state: PrivilegeState, spr: Spr, val: u64) -> Access {
    if let Err(why) = check(state.write(spr)) {
        return why;
    }
    let [sprg0, sprg1, sprg2, ..] = &mut st.sprg;
    match spr {
        Spr::SRR0 => st.srr0 = val,
        Spr::SRR1 => st.srr1 = val,
        Spr::SPRG0 => *sprg0 = val,
        Spr::SPRG1 => *sprg1 = val,
        Spr::SPRG2 => *sprg2 = val,
        Spr::SPRG3 => st.switch.set_sprg3(val),
        Spr::DAR => st.dar = val,
        Spr::DSISR => st.dsisr = val as u32,
        Spr::DEC => st.set_dec(val),
        Spr::XER => st.switch.xer = val,
        Spr::LR => st.switch.lr = val,
        Spr::CTR => st.switch.ctr = val,
        Spr::TAR => st.switch.set_tar(val),
        Spr::VRSAVE => st.switch.set_vrsave(val as u32),
        Spr::FSCR => {
            let (_, val) = spr_bits::written(spr, st.arch_level(), val, |of| st.kept(of));
            st.set_fscr(Fscr::from_raw(val));
        }
        spr if spr.is_transactional() && st.has_transactions() => return Access::Illegal,
        other if !spr_bits::exists(other, st.arch_level()) => return absent(state, other),
        other => {
            let (to, val) = spr_bits::written(other, st.arch_level(), val, |of| st.kept(of));
            st.keep(to, val);
            if to == Spr::MMCR0 {
                st.mmcr0_written();
            }
        }
    }
    Access::Value(val)
}
