// SPDX-License-Identifier: GPL-2.0

//! When a guest has to exit for the host's timers.

use crate::bindings;

/// The longest time, in ticks, that a guest runs before it exits. It fits into a hypervisor decrementer of any size,
/// and a guest's decrementer of 32 bits that is this late at the entry is still negative at the exit
/// ([`decrementer_32`](crate::isa::timebase::decrementer_32)).
const HDEC_MAX: u64 = (1 << 30) - 1;

/// The timebase at which this CPU's next host timer is due, but at most [`HDEC_MAX`] after `now`, since a CPU without
/// ticks may have no timer at all. `now` is the timebase.
#[inline]
pub(crate) fn next_timer(now: u64) -> u64 {
    // SAFETY: Reads a variable of this CPU; on another CPU later, the value is merely old.
    let next = unsafe { bindings::kvm_ppc_next_timer_tb() };
    next.min(now.wrapping_add(HDEC_MAX))
}
