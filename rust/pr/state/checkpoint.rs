// SPDX-License-Identifier: GPL-2.0

//! The checkpointed registers of a transaction.

use crate::vm::one_reg::{
    size_of_id,
    tm::{number, CR, GPR31, VRSAVE, VSR0, VSR63, XER},
    RegValue,
};
use kernel::prelude::*;

/// The checkpointed registers of a transaction, which userspace can read and write one by one.
pub(crate) struct Checkpoint {
    pub(crate) gprs: [u64; GPR31 as usize + 1],
    pub(crate) vsrs: [[u64; 2]; (VSR63 - VSR0) as usize + 1],
    pub(crate) others: [u64; (XER - CR) as usize + 1],
}

impl Checkpoint {
    /// All are 0.
    pub(crate) fn new() -> Result<KBox<Self>> {
        let new = Self {
            gprs: [0; _],
            vsrs: [[0; 2]; _],
            others: [0; _],
        };
        Ok(KBox::new(new, GFP_KERNEL_ACCOUNT)?)
    }

    /// `KVM_GET_ONE_REG` of one whose id has [`TM`](crate::vm::one_reg::id::TM). `EINVAL` for what is no register.
    pub(crate) fn get(&self, reg: u64) -> Result<RegValue> {
        let n = number(reg, size_of_id(reg))?;
        if let VSR0..=VSR63 = n {
            let vsr = self.vsrs.get((n - VSR0) as usize).ok_or(EINVAL)?;
            return Ok(RegValue::from_vsr(*vsr));
        }
        let val = match n {
            0..=GPR31 => self.gprs.get(n as usize),
            CR.. => self.others.get((n - CR) as usize),
            _ => None,
        };
        RegValue::new(reg, *val.ok_or(EINVAL)?)
    }

    /// `KVM_SET_ONE_REG`, errors as [`get`](Self::get).
    pub(crate) fn set(&mut self, reg: u64, val: RegValue) -> Result {
        let n = number(reg, val.size())?;
        if let VSR0..=VSR63 = n {
            *self.vsrs.get_mut((n - VSR0) as usize).ok_or(EINVAL)? = val.vsr()?;
            return Ok(());
        }
        let kept = match n {
            0..=GPR31 => self.gprs.get_mut(n as usize),
            CR.. => self.others.get_mut((n - CR) as usize),
            _ => None,
        };
        *kept.ok_or(EINVAL)? = match n {
            // As wide as the registers are.
            CR | VRSAVE => val.int()? & 0xffff_ffff,
            _ => val.int()?,
        };
        Ok(())
    }
}
