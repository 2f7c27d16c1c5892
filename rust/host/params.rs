// SPDX-License-Identifier: GPL-2.0

//! The module's parameters, as they are at the moment: root may write them in `/sys/module/kvm_ppc/parameters`. Their
//! names and units are those of `Documentation/virt/kvm/halt-polling.rst`.

use crate::bindings;
use core::ptr::addr_of;

/// Longest time to poll, in ns; 0 to never poll. `KVM_CAP_HALT_POLL` overrides it for one VM.
pub(crate) fn halt_poll_ns() -> u32 {
    // SAFETY: It is valid; who writes it writes a word.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns).read_volatile() }
}

/// The time is multiplied by this if a longer poll would have succeeded.
pub(crate) fn halt_poll_ns_grow() -> u32 {
    // SAFETY: As above.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns_grow).read_volatile() }
}

/// The time that growth begins with, in ns.
pub(crate) fn halt_poll_ns_grow_start() -> u32 {
    // SAFETY: As above.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns_grow_start).read_volatile() }
}

/// The time is divided by this if the limit would not have been enough; 0 sets it to 0.
pub(crate) fn halt_poll_ns_shrink() -> u32 {
    // SAFETY: As above.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns_shrink).read_volatile() }
}
