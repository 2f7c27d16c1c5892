// SPDX-License-Identifier: GPL-2.0

//! What the hypervisor tells of the processor's speculation.

use super::hcall::call_returning;
use crate::{
    bindings,
    isa::hcall::{HReturn, Hcall},
};

/// Characteristics that KVM's interface has: bits 63 to 56, and 54, of which PAPR has the same.
const CHARACTER: u64 = 0xff40_0000_0000_0000;
/// Behaviour that is asked for: bits 63 to 61, and 58.
const BEHAVIOUR: u64 = 0xe400_0000_0000_0000;

/// `H_GET_CPU_CHARACTERISTICS`; `None` if there is no hypervisor that knows it.
pub(crate) fn characteristics() -> Option<bindings::kvm_ppc_cpu_char> {
    // SAFETY: Reads the firmware's features, which do not change.
    if !unsafe { bindings::kvm_ppc_is_partition() } {
        return None;
    }
    // SAFETY: It only asks.
    match unsafe { call_returning(Hcall::H_GET_CPU_CHARACTERISTICS, [0; 6]) } {
        (HReturn::H_SUCCESS, [character, behaviour, ..]) => Some(bindings::kvm_ppc_cpu_char {
            character: character & CHARACTER,
            behaviour: behaviour & BEHAVIOUR,
            character_mask: CHARACTER,
            behaviour_mask: BEHAVIOUR,
        }),
        _ => None,
    }
}
