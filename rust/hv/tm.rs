// SPDX-License-Identifier: GPL-2.0

//! The registers of transactional memory by number: those of a transaction's state, and the checkpointed ones.

use super::vcpu::HvVcpu;
use crate::{
    host::field::Field,
    vm::one_reg::{
        id, size_of_id,
        tm::{self, number},
        RegValue,
    },
};
use kernel::prelude::*;

/// Registers that are a 64-bit (VRSAVE: 32-bit) field.
macro_rules! plain {
    ($($reg:ident => $state:ident,)* $($n:literal => $($field:ident).+,)*) => {
        /// A register of the transaction's state.
        fn get_state(st: &HvVcpu, reg: u64) -> Option<u64> {
            let arch = st.switch.arch();
            match reg {
                $( id::$reg => Some(Field::get(arch.$state)), )*
                _ => None,
            }
        }

        fn set_state(st: &mut HvVcpu, reg: u64, val: u64) -> bool {
            let arch = st.switch.arch_mut();
            match reg {
                $( id::$reg => arch.$state = Field::of(val), )*
                _ => return false,
            }
            true
        }

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
    TFHAR => tfhar, TFIAR => tfiar, TEXASR => texasr,
    0x60 => cr_tm, 0x61 => lr_tm, 0x62 => ctr_tm, 0x63 => fp_tm.fpscr, 0x64 => amr_tm, 0x65 => ppr_tm,
    0x66 => vrsave_tm, 0x68 => dscr_tm, 0x69 => tar_tm, 0x6a => xer_tm,
}

/// Reads a register.
pub(crate) fn get(st: &HvVcpu, reg: u64) -> Result<RegValue> {
    if let Some(val) = get_state(st, reg) {
        return RegValue::new(reg, val);
    }
    let n = number(reg, size_of_id(reg))?;
    if let Some(val) = get_plain(st, n) {
        return RegValue::new(reg, val);
    }
    match n {
        0..=tm::GPR31 => {
            let gpr = st.switch.arch().gpr_tm.get(n as usize).ok_or(EINVAL)?;
            Ok(RegValue::from_u64(*gpr as u64))
        }
        tm::VSR0..=tm::VSR63 => Ok(RegValue::from_vsr(st.switch.tm_vsr((n - tm::VSR0) as u8))),
        tm::VSCR => Ok(RegValue::from_u32(st.switch.tm_vscr())),
        _ => Err(EINVAL),
    }
}

/// Writes a register.
pub(crate) fn set(st: &mut HvVcpu, reg: u64, val: RegValue) -> Result {
    if reg & id::TM == 0 {
        return set_state(st, reg, val.u64()?).then_some(()).ok_or(EINVAL);
    }
    let n = number(reg, val.size())?;
    match n {
        0..=tm::GPR31 => {
            let gpr = st.switch.arch_mut().gpr_tm.get_mut(n as usize);
            *gpr.ok_or(EINVAL)? = val.u64()? as usize;
        }
        tm::VSR0..=tm::VSR63 => {
            st.switch.set_tm_vsr((n - tm::VSR0) as u8, val.vsr()?);
        }
        tm::VSCR => st.switch.set_tm_vscr(val.u32()?),
        _ => {
            if !set_plain(st, n, val.u64()?) {
                return Err(EINVAL);
            }
        }
    }
    Ok(())
}
