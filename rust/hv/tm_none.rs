// SPDX-License-Identifier: GPL-2.0

//! Registers of transactional memory on a host kernel without `CONFIG_PPC_TRANSACTIONAL_MEM`: its saved state of a
//! guest has no room for them, and kvm-hv does not know them there either.

use super::vcpu::HvVcpu;
use crate::vm::one_reg::RegValue;
use kernel::prelude::*;

/// Returns `EINVAL`: there is no such register.
pub(crate) fn get(_st: &HvVcpu, _reg: u64) -> Result<RegValue> {
    Err(EINVAL)
}

/// Returns `EINVAL`: there is no such register.
pub(crate) fn set(_st: &mut HvVcpu, _reg: u64, _val: RegValue) -> Result {
    Err(EINVAL)
}
