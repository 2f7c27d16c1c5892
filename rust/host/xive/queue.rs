// SPDX-License-Identifier: GPL-2.0

//! Event queues of virtual processors, in guests' memory.

use super::vp::{self, Vp};
use crate::{bindings, host::mm::UserPage};
use kernel::{page::PAGE_SHIFT, prelude::*, sync::Arc};

/// Where a queue is: the entry that is written next, and the bit that marks it as new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) toggle: u32,
    pub(crate) index: u32,
}

impl Position {
    /// Of an empty queue.
    pub(crate) const START: Self = Self {
        toggle: 1,
        index: 0,
    };
}

/// A virtual processor's queue of one priority. Without memory it only notes that something is pending.
pub(crate) struct Queue {
    vp: Arc<Vp>,
    priority: u8,
    raw: bindings::xive_q,
    // The controller writes it.
    page: Option<UserPage>,
}

// SAFETY: The pointer in `raw` is of memory that `page` keeps, and nobody reads it here.
unsafe impl Send for Queue {}

impl Queue {
    /// Entries have 4 bytes.
    pub(crate) const ENTRY_SHIFT: u32 = 2;

    /// Without memory. `EIO`. Sleeps.
    pub(crate) fn new(vp: &Arc<Vp>, priority: u8) -> Result<Self> {
        let mut this = Self {
            vp: vp.clone(),
            priority,
            raw: Default::default(),
            page: None,
        };
        this.set(None)?;
        Ok(this)
    }

    /// Has it memory?
    pub(crate) fn has_memory(&self) -> bool {
        self.page.is_some()
    }

    /// Gives it a page of memory, or none; it is empty. `EINVAL` for what is no ordinary memory, `EIO`. Sleeps.
    pub(crate) fn set(&mut self, page: Option<UserPage>) -> Result {
        let (address, order) = match &page {
            // SAFETY: It is in the linear map, since it is memory that the host knows.
            Some(page) if page.has_struct_page() => (
                unsafe { bindings::kvm_ppc_va(page.phys() as usize) },
                PAGE_SHIFT as u32,
            ),
            Some(_) => return Err(EINVAL),
            None => (core::ptr::null_mut(), 0),
        };
        // SAFETY: `page` stays until the queue is elsewhere, or off. The virtual processor is ours.
        let ret = unsafe {
            bindings::xive_native_configure_queue(
                self.vp.id(),
                &mut self.raw,
                self.priority,
                address.cast(),
                order,
                true,
            )
        };
        kernel::error::to_result(ret)?;
        // The one before is not written any more.
        self.page = page;
        if let Some(page) = &mut self.page {
            page.set_mapped(true);
        }
        Ok(())
    }

    /// Goes on where a queue was. `EIO`. Sleeps.
    pub(crate) fn set_position(&self, at: Position) -> Result {
        // SAFETY: The virtual processor is ours.
        let ret = unsafe {
            bindings::xive_native_set_queue_state(
                self.vp.id(),
                self.priority.into(),
                at.toggle,
                at.index,
            )
        };
        kernel::error::to_result(ret)
    }

    /// `EIO`. Sleeps.
    pub(crate) fn position(&self) -> Result<Position> {
        let (mut toggle, mut index) = (0, 0);
        // SAFETY: The virtual processor is ours. The pointers are valid for writes.
        let ret = unsafe {
            bindings::xive_native_get_queue_state(
                self.vp.id(),
                self.priority.into(),
                &mut toggle,
                &mut index,
            )
        };
        kernel::error::to_result(ret)?;
        Ok(Position { toggle, index })
    }

    /// Is its escalation interrupt that of all the virtual processor's queues?
    pub(crate) fn shares_escalation(&self) -> bool {
        vp::single_escalation()
    }

    /// The interrupt that tells of what comes while the virtual processor does not run.
    pub(super) fn escalation(&self) -> u32 {
        self.raw.esc_irq
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: The virtual processor is ours. The page goes after that, when the controller does not write it any more,
        // unless the firmware refuses to turn a queue of ours off, which it says in its log.
        unsafe {
            bindings::xive_native_disable_queue(self.vp.id(), &mut self.raw, self.priority);
        }
    }
}
