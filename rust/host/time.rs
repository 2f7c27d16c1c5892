// SPDX-License-Identifier: GPL-2.0

//! The timebase.

#[cfg(not(CONFIG_PPC64))]
use crate::bindings;

/// The host's timebase, in ticks.
#[inline(always)]
pub(crate) fn timebase() -> u64 {
    #[cfg(CONFIG_PPC64)]
    {
        let ticks;
        // SAFETY: Reading the timebase has no effect.
        unsafe {
            core::arch::asm!("mfspr {}, 268", out(reg) ticks, options(nomem, nostack, preserves_flags))
        };
        ticks
    }
    #[cfg(not(CONFIG_PPC64))]
    // SAFETY: Reading the timebase has no effect.
    unsafe {
        bindings::kvm_ppc_mftb()
    }
}

/// Converts timebase ticks to nanoseconds.
pub(crate) fn tb_to_ns(ticks: u64) -> u64 {
    // SAFETY: Pure arithmetic on constants of the boot.
    unsafe { kernel::bindings::tb_to_ns(ticks) }
}
