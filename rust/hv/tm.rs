// SPDX-License-Identifier: GPL-2.0

//! The checkpointed registers of a transaction, which userspace can read and write one by one.

use super::{one_reg::Field, vcpu::HvVcpu};
use crate::vm::one_reg::{id, RegValue};
use kernel::prelude::*;

/// Numbers below `id::TM`.
mod number {
    pub(super) const GPR31: u64 = 0x1f;
    pub(super) const VSR0: u64 = 0x20;
    pub(super) const VSR63: u64 = 0x5f;
    pub(super) const VSCR: u64 = 0x67;
}

/// Registers that are a 64-bit (VRSAVE: 32-bit) field.
macro_rules! plain {
    ($($n:literal => $($field:ident).+,)*) => {
        fn get_plain(st: &HvVcpu, n: u64) -> Option<u64> {
            let arch = st.switch.arch();
            Some(match n {
                $( $n => Field::get(arch.$($field).+), )*
                _ => return None,
            })
        }

        fn set_plain(st: &mut HvVcpu, n: u64, val: u64) -> bool {
            let arch = st.switch.arch_mut();
            match n {
                $( $n => arch.$($field).+ = Field::of(val), )*
                _ => return false,
            }
            true
        }
    };
}

plain! {
    0x60 => cr_tm, 0x61 => lr_tm, 0x62 => ctr_tm, 0x63 => fp_tm.fpscr, 0x64 => amr_tm, 0x65 => ppr_tm,
    0x66 => vrsave_tm, 0x68 => dscr_tm, 0x69 => tar_tm, 0x6a => xer_tm,
}

/// The number of a register of 4, 8 or 16 bytes, `EINVAL` for what is no id of ours.
fn number(reg: u64, size: usize) -> Result<u64> {
    let n = reg & 0xff;
    let expected = match n {
        number::VSR0..=number::VSR63 => 4,
        number::VSCR => 2,
        _ => 3,
    };
    let whole = 0x1000_0000_0000_0000 | expected << 52 | id::TM | n;
    if reg == whole && size == 1 << expected {
        Ok(n)
    } else {
        Err(EINVAL)
    }
}

/// Reads one.
pub(crate) fn get(st: &HvVcpu, reg: u64) -> Result<RegValue> {
    let n = number(reg, crate::vm::one_reg::size_of_id(reg))?;
    if let Some(val) = get_plain(st, n) {
        return RegValue::new(reg, val);
    }
    match n {
        0..=number::GPR31 => {
            let gpr = st.switch.arch().gpr_tm.get(n as usize).ok_or(EINVAL)?;
            Ok(RegValue::from_u64(*gpr as u64))
        }
        number::VSR0..=number::VSR63 => Ok(RegValue::from_vsr(
            st.switch.tm_vsr((n - number::VSR0) as u8),
        )),
        number::VSCR => Ok(RegValue::from_u32(st.switch.tm_vscr())),
        _ => Err(EINVAL),
    }
}

/// Writes one.
pub(crate) fn set(st: &mut HvVcpu, reg: u64, val: RegValue) -> Result {
    let n = number(reg, val.size())?;
    match n {
        0..=number::GPR31 => {
            let gpr = st.switch.arch_mut().gpr_tm.get_mut(n as usize);
            *gpr.ok_or(EINVAL)? = val.u64()? as usize;
        }
        number::VSR0..=number::VSR63 => {
            st.switch.set_tm_vsr((n - number::VSR0) as u8, val.vsr()?);
        }
        number::VSCR => st.switch.set_tm_vscr(val.u32()?),
        _ => {
            if !set_plain(st, n, val.u64()?) {
                return Err(EINVAL);
            }
        }
    }
    Ok(())
}
