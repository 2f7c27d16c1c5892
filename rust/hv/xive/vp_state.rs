// SPDX-License-Identifier: GPL-2.0

//! `KVM_REG_PPC_VP_STATE`: words 0 and 1 of the vCPU's context as they are in the controller, big-endian, and a doubleword
//! of zeroes.

use super::super::vm::Hv;
use crate::{
    isa::xive::ThreadContext,
    vm::{one_reg::RegValue, xics::device, Vcpu},
};
use kernel::prelude::*;

/// `ENXIO` for a vCPU that is connected to no controller, `EPERM` if it is one of another kind.
fn check(vcpu: &Vcpu<Hv>) -> Result {
    if vcpu.shared.xive.connected() {
        Ok(())
    } else if device::connected(vcpu) {
        Err(EPERM)
    } else {
        Err(ENXIO)
    }
}

/// Its value, with what is pending in the controller's memory; errors as [`set`], and `EIO`. Sleeps.
pub(crate) fn get(vcpu: &Vcpu<Hv>) -> Result<RegValue> {
    check(vcpu)?;
    let memory = vcpu.vm().arch.xive.vp_state(vcpu.id)?;
    let words = vcpu.shared.xive.words01().with_pending_of(memory);
    Ok(RegValue::from_u64_pair([words.raw().to_be(), 0]))
}

/// `ENXIO` for a vCPU that is connected to no controller, `EPERM` if it is one of another kind.
pub(crate) fn set(vcpu: &Vcpu<Hv>, val: &RegValue) -> Result {
    check(vcpu)?;
    let [words, _] = val.u64_pair()?;
    let words = ThreadContext::from_raw(u64::from_be(words));
    vcpu.shared.xive.restore(words);
    Ok(())
}
