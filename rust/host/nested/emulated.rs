// SPDX-License-Identifier: GPL-2.0

//! What is different with QEMU's emulation of a hypervisor.

use crate::{bindings, host::once};
use kernel::sync::atomic::{ordering::Relaxed, Atomic};

/// Whether the hypervisor is that; set by a session.
static EMULATED: Atomic<u32> = Atomic::new(0);

/// Finds out what the hypervisor is.
pub(super) fn find_out() {
    // SAFETY: Reads the device tree.
    let emulated = unsafe { bindings::kvm_ppc_emulated_by_qemu() };
    EMULATED.store(emulated.into(), Relaxed);
}

/// Is it QEMU's emulation?
#[inline(always)]
pub(super) fn emulated() -> bool {
    once::read_u32(&EMULATED) != 0
}

/// The timebase at which a guest has to exit, which may run until `limit`; `now` is the timebase.
///
/// QEMU (10.0 and 11.0 at least) differs from hardware in two ways here. An interrupt for the partition does not end
/// the run of a guest that has interrupts disabled; whoever waits for the processor would wait until its next timer,
/// which may be seconds. And a hypervisor decrementer that has expired before the guest is entered never interrupts it;
/// the emulated processor may lose its own for some milliseconds at any moment, also between the reading of the
/// timebase and the entry. So guests exit after as long as that hardly ever takes, and timers that are due before are
/// late.
#[inline(always)]
pub(super) fn time_limit(limit: u64, now: u64) -> u64 {
    // 16 milliseconds of 512 ticks a microsecond
    const RUN: u64 = 16_000 * 512;
    if emulated() {
        now.wrapping_add(RUN)
    } else {
        limit
    }
}
