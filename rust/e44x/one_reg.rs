// SPDX-License-Identifier: GPL-2.0

//! Registers one by one (api.rst, section 4.68): those of BookE that a 440 has.

use super::vcpu::E44xVcpu;
use crate::{
    host::time::timebase,
    vm::one_reg::{RegValue, SW_BREAKPOINT},
};
use kernel::prelude::*;

/// Ids: `KVM_REG_PPC`, the size, the number.
mod id {
    const PPC: u64 = 0x1000_0000_0000_0000;
    const fn u32(n: u64) -> u64 {
        PPC | 2 << 52 | n
    }
    const fn u64(n: u64) -> u64 {
        PPC | 3 << 52 | n
    }
    pub(super) const IAC1: u64 = u64(0x02);
    pub(super) const IAC2: u64 = u64(0x03);
    pub(super) const IAC3: u64 = u64(0x04);
    pub(super) const IAC4: u64 = u64(0x05);
    pub(super) const DAC1: u64 = u64(0x06);
    pub(super) const DAC2: u64 = u64(0x07);
    pub(super) const FPR0: u64 = u64(0x20);
    pub(super) const FPSCR: u64 = u64(0x80);
    pub(super) const OR_TSR: u64 = u32(0x87);
    pub(super) const CLEAR_TSR: u64 = u32(0x88);
    pub(super) const TCR: u64 = u32(0x89);
    pub(super) const TSR: u64 = u32(0x8a);
    pub(super) const DEBUG_INST: u64 = u32(0x8b);
}

/// Register `reg`. `EINVAL` if there is none.
pub(crate) fn get(st: &mut E44xVcpu, reg: u64) -> Result<RegValue> {
    let s = &mut st.state;
    let [iac1, iac2, iac3, iac4] = s.iac.map(u64::from);
    let [dac1, dac2] = s.dac.map(u64::from);
    let value = match reg {
        id::IAC1 => iac1,
        id::IAC2 => iac2,
        id::IAC3 => iac3,
        id::IAC4 => iac4,
        id::DAC1 => dac1,
        id::DAC2 => dac2,
        id::TSR => s.timer.tsr(timebase()).into(),
        id::TCR => s.timer.tcr().into(),
        id::DEBUG_INST => SW_BREAKPOINT.into(),
        id::FPSCR => st.switch.fpscr(),
        _ => match reg.checked_sub(id::FPR0) {
            Some(n @ 0..=31) => st.switch.fpr(n as usize),
            _ => return Err(EINVAL),
        },
    };
    RegValue::new(reg, value)
}

/// Sets register `reg`. `EINVAL` if there is none.
pub(crate) fn set(st: &mut E44xVcpu, reg: u64, val: RegValue) -> Result {
    let s = &mut st.state;
    let value = val.int()?;
    let now = timebase();
    let [iac1, iac2, iac3, iac4] = &mut s.iac;
    let [dac1, dac2] = &mut s.dac;
    match reg {
        id::IAC1 => *iac1 = value as u32,
        id::IAC2 => *iac2 = value as u32,
        id::IAC3 => *iac3 = value as u32,
        id::IAC4 => *iac4 = value as u32,
        id::DAC1 => *dac1 = value as u32,
        id::DAC2 => *dac2 = value as u32,
        id::TSR => s.timer.set_tsr(value as u32, now),
        id::OR_TSR => {
            let tsr = s.timer.tsr(now) | value as u32;
            s.timer.set_tsr(tsr, now);
        }
        id::CLEAR_TSR => s.timer.clear_tsr(value as u32, now),
        id::TCR => s.timer.set_tcr(value as u32, now),
        id::FPSCR => st.switch.set_fpscr(value),
        _ => match reg.checked_sub(id::FPR0) {
            Some(n @ 0..=31) => st.switch.set_fpr(n as usize, value),
            _ => return Err(EINVAL),
        },
    }
    Ok(())
}
