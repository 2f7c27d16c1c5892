// SPDX-License-Identifier: GPL-2.0

//! The timebase.

use crate::bindings;

/// The host's timebase, in ticks.
#[inline]
pub(crate) fn timebase() -> u64 {
    // SAFETY: Reading the timebase has no effect.
    unsafe { bindings::kvm_ppc_mftb() }
}

/// Timebase ticks as nanoseconds.
pub(crate) fn tb_to_ns(ticks: u64) -> u64 {
    // SAFETY: Pure arithmetic on constants of the boot.
    unsafe { kernel::bindings::tb_to_ns(ticks) }
}
