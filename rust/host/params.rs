// SPDX-License-Identifier: GPL-2.0

//! The present values of the module's parameters, which root may change in `/sys/module/kvm_ppc/parameters`. Their
//! names and units are those of `Documentation/virt/kvm/halt-polling.rst`.

use crate::bindings;
use core::ptr::addr_of;

/// Longest time to poll, in ns; 0 to never poll. `KVM_CAP_HALT_POLL` overrides it for one VM.
pub(crate) fn halt_poll_ns() -> u32 {
    // SAFETY: It is valid; who writes it writes a word.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns).read_volatile() }
}

/// The polling time is multiplied by this when a longer poll would have succeeded.
pub(crate) fn halt_poll_ns_grow() -> u32 {
    // SAFETY: As above.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns_grow).read_volatile() }
}

/// The polling time that growth begins with, in ns.
pub(crate) fn halt_poll_ns_grow_start() -> u32 {
    // SAFETY: As above.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns_grow_start).read_volatile() }
}

/// The polling time is divided by this when even the longest poll would not have succeeded; 0 sets the time to 0.
pub(crate) fn halt_poll_ns_shrink() -> u32 {
    // SAFETY: As above.
    unsafe { addr_of!(bindings::kvm_ppc_halt_poll_ns_shrink).read_volatile() }
}
