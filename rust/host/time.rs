// SPDX-License-Identifier: GPL-2.0

//! The timebase.

use crate::bindings;

/// The host's timebase, in ticks.
#[inline]
pub(crate) fn timebase() -> u64 {
    // SAFETY: Reading the timebase has no effect.
    unsafe { bindings::kvm_ppc_mftb() }
}

/// The longest time, in ticks, that a hypervisor decrementer of any size can count.
const HDEC_MAX: u64 = i32::MAX as u64;

/// The timebase at which this CPU's next host timer is due, or the farthest that the hypervisor decrementer reaches:
/// a CPU without ticks may have no timer at all. `now` is the timebase.
#[inline]
pub(crate) fn next_timer(now: u64) -> u64 {
    // SAFETY: Reads a variable of this CPU; on another CPU later, the value is merely old.
    let next = unsafe { bindings::kvm_ppc_next_timer_tb() };
    next.min(now.wrapping_add(HDEC_MAX))
}

/// Timebase ticks as nanoseconds.
pub(crate) fn tb_to_ns(ticks: u64) -> u64 {
    // SAFETY: Pure arithmetic on constants of the boot.
    unsafe { kernel::bindings::tb_to_ns(ticks) }
}
