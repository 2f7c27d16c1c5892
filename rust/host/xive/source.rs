// SPDX-License-Identifier: GPL-2.0

//! Interrupt sources that software triggers.

use super::vp::Vp;
use crate::{
    bindings,
    isa::xive::{esb, MASKED},
};
use kernel::prelude::*;

/// A source's pages, which a guest can be given.
#[derive(Clone, Copy)]
pub(crate) enum EsbPage {
    /// A store triggers it.
    Trigger,
    /// Loads and stores end it, and change its state.
    Management,
}

/// An interrupt of the host's that is a guest's source.
///
/// # Invariants
///
/// `hw` is an interrupt that the firmware gave us, and `data` is what the kernel says of it.
pub(crate) struct Source {
    hw: u32,
    data: bindings::xive_irq_data,
}

// SAFETY: The pointers in `data` are of mappings of device registers, which any thread may use.
unsafe impl Send for Source {}
// SAFETY: As above; each access is one load or store.
unsafe impl Sync for Source {}

impl Source {
    /// A source that is off and not routed. `ENXIO` if the host has no more, `ENOMEM`. Sleeps.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: Task context.
        let hw = unsafe { bindings::kvm_ppc_xive_alloc_irq() };
        if hw == 0 {
            return Err(ENXIO);
        }
        // INVARIANT: The firmware has given it. If nothing can be told of it, dropping it gives it back.
        let mut this = Self {
            hw,
            data: Default::default(),
        };
        // SAFETY: The pointer is valid for writes.
        let ret = unsafe { bindings::xive_native_populate_irq_data(hw, &mut this.data) };
        kernel::error::to_result(ret)?;
        this.turn_off();
        Ok(this)
    }

    /// It forgets what triggers it, and is not routed. Sleeps.
    pub(crate) fn turn_off(&self) {
        if !self.data.eoi_mmio.is_null() {
            // SAFETY: By the invariants it is the management page.
            unsafe { bindings::kvm_ppc_xive_esb_load(self.management(), esb::SET_PQ_01) };
        }
        self.unroute();
    }

    fn management(&self) -> usize {
        self.data.eoi_mmio.addr()
    }

    /// Nobody gets it any more. Sleeps.
    pub(crate) fn unroute(&self) {
        // SAFETY: By the invariants.
        unsafe { bindings::xive_native_configure_irq(self.hw, 0, MASKED, 0) };
    }

    /// It is sent to `vp` with `priority`, as number `eisn` in the queue. `ENXIO` if the firmware does not take that.
    /// Sleeps.
    pub(crate) fn route(&self, vp: &Vp, priority: u8, eisn: u32) -> Result {
        // SAFETY: By the invariants.
        let ret = unsafe { bindings::xive_native_configure_irq(self.hw, vp.id(), priority, eisn) };
        kernel::error::to_result(ret)
    }

    /// What was triggered before has reached its queue when this returns. Sleeps.
    pub(crate) fn sync(&self) {
        // SAFETY: By the invariants.
        unsafe { bindings::xive_native_sync_source(self.hw) };
    }

    /// As [`sync`](Self::sync), and the queue is in memory. Sleeps.
    pub(crate) fn sync_queue(&self) {
        self.sync();
        // SAFETY: By the invariants.
        unsafe { bindings::xive_native_sync_queue(self.hw) };
    }

    /// From any context.
    pub(crate) fn trigger(&self) {
        // SAFETY: By the invariants.
        unsafe { bindings::kvm_ppc_xive_trigger(&self.data) };
    }

    /// The real address of one of its pages, if it has it.
    pub(crate) fn page(&self, page: EsbPage) -> Option<u64> {
        let at = match page {
            EsbPage::Trigger => self.data.trig_page,
            EsbPage::Management => self.data.eoi_page,
        };
        (at != 0).then_some(at)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.turn_off();
        // SAFETY: By the invariants; nobody uses it any more.
        unsafe {
            bindings::xive_cleanup_irq_data(&mut self.data);
            bindings::xive_native_free_irq(self.hw);
        }
    }
}
