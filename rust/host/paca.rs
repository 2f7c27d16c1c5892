// SPDX-License-Identifier: GPL-2.0

//! This CPU's PACA.

use crate::bindings;

/// This CPU's PACA. It is another CPU's as soon as the task moves there.
#[inline(always)]
pub(super) fn local_paca() -> *mut bindings::paca_struct {
    let paca;
    // SAFETY: Copies a register, which the kernel keeps for this alone.
    unsafe {
        core::arch::asm!("mr {}, 13", out(reg) paca, options(nomem, nostack, preserves_flags))
    };
    paca
}
