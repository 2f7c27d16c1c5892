// SPDX-License-Identifier: GPL-2.0

//! Escalation interrupts: what tells the host that something came for a virtual processor that does not run.

use super::{context::Context, queue::Queue, vp};
use crate::bindings;
use core::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;

/// Whose escalation it is.
pub(crate) trait Escalated: Send + Sync + 'static {
    /// There is something for the virtual processor. In an interrupt of the host's.
    fn escalated(&self);

    /// The virtual processor's context.
    fn context(&self) -> &Context;
}

type Target = KBox<dyn Escalated>;

/// An escalation interrupt, and whom its handler tells.
///
/// # Invariants
///
/// `virq` is requested with `target` for its data.
pub(crate) struct Escalation {
    virq: c_uint,
    target: KBox<Target>,
    // What /proc/interrupts shows.
    _name: KVec<u8>,
}

impl Escalation {
    /// The one of `queue`. `EIO`, `ENOMEM`. Sleeps.
    pub(crate) fn of(queue: &Queue, name: &CStr, target: Target) -> Result<Self> {
        let mut kept = KVec::new();
        kept.extend_from_slice(name.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
        let target = KBox::new(target, GFP_KERNEL_ACCOUNT)?;
        let (mut virq, mut management) = (0, 0);
        // SAFETY: The name and the target stay where they are until the interrupt is given back by `Drop`; the handler
        // takes such a target.
        let ret = unsafe {
            bindings::kvm_ppc_xive_attach_escalation(
                queue.escalation(),
                kept.as_ptr().cast(),
                vp::single_escalation(),
                Some(Self::handler),
                core::ptr::from_ref::<Target>(&target).cast_mut().cast(),
                &mut virq,
                &mut management,
            )
        };
        kernel::error::to_result(ret)?;
        target.context().set_escalation(management);
        // Who waits already has not armed it.
        target.escalated();
        // INVARIANT: It was requested just now.
        Ok(Self {
            virq,
            target,
            _name: kept,
        })
    }

    /// # Safety
    ///
    /// To be called by the kernel for an interrupt that is requested here.
    unsafe extern "C" fn handler(_irq: c_int, data: *mut c_void) -> bindings::irqreturn_t {
        // SAFETY: It is the target, which stays until the interrupt is given back, which waits for handlers.
        let target = unsafe { &*data.cast::<Target>() };
        target.escalated();
        target.context().escalation_fired();
        bindings::irqreturn_IRQ_HANDLED
    }
}

impl Drop for Escalation {
    fn drop(&mut self) {
        if vp::single_escalation() {
            let context = self.target.context();
            // SAFETY: By the invariants.
            context.disarm(|armed| unsafe {
                bindings::kvm_ppc_xive_mark_stale(self.virq, armed);
            });
        }
        let data = core::ptr::from_ref::<Target>(&self.target).cast_mut();
        // SAFETY: By the invariants. When this returns no handler runs any more.
        unsafe { bindings::kvm_ppc_xive_detach_escalation(self.virq, data.cast()) };
    }
}
