// SPDX-License-Identifier: GPL-2.0

//! The host's XIVE interrupt controller, as far as guests get parts of it: interrupt sources, virtual processors with
//! their queues and escalation interrupts, and the OS context of the CPU that a guest runs on.
//!
//! The kernel's own driver has the controller, through OPAL, and gives such parts away. Calls of OPAL may sleep.

mod context;
mod escalation;
mod queue;
mod source;
mod vp;

pub(crate) use self::{
    context::{Context, Pushed},
    escalation::{Escalated, Escalation},
    queue::{Position, Queue},
    source::{EsbPage, Source},
    vp::{Vp, VpBlock},
};

use crate::bindings;

/// Can guests on this host use the controller? It takes hypervisor state, XIVE, and firmware that saves queues.
pub(crate) fn usable() -> bool {
    // SAFETY: Asks the kernel and the firmware for constants.
    unsafe { bindings::kvm_ppc_xive_usable() }
}

/// The real address of the page of the thread interrupt management area by which an OS uses its own context.
pub(crate) fn tima_os_page() -> u64 {
    // SAFETY: Set when the host booted, and not changed since.
    unsafe { bindings::xive_tima_os as u64 }
}
