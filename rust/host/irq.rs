// SPDX-License-Identifier: GPL-2.0

//! Interrupts of the host that are off for a moment, for locks that interrupt handlers take too.

use crate::bindings;

struct Off(usize);

impl Drop for Off {
    fn drop(&mut self) {
        // SAFETY: `without` saved them on this CPU, and nothing has slept since.
        unsafe { bindings::kvm_ppc_local_irq_restore(self.0) };
    }
}

/// Calls `f`, which must not sleep, with interrupts off.
pub(crate) fn without<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: `Off` puts them back.
    let _off = Off(unsafe { bindings::kvm_ppc_local_irq_save() });
    f()
}
