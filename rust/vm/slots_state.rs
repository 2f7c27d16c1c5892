// SPDX-License-Identifier: GPL-2.0

//! State that is needed for changing a VM's slots and bus, beside the published sets.

use super::memslot::MemSlot;
use kernel::{rbtree::RBTree, sync::Arc};

/// State that changes only with the slots, under `Vm::slots_lock`.
pub(super) struct SlotsState {
    pub(super) by_id: RBTree<u16, Arc<MemSlot>>,
    /// The next eventfd's number on the bus.
    pub(super) next_event: usize,
    /// Pages in all slots.
    pub(super) total_pages: u64,
    /// `KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE`: `KVM_GET_DIRTY_LOG` does not clear the log.
    pub(super) manual_protect: bool,
    /// `KVM_DIRTY_LOG_INITIALLY_SET`: all pages count as written when logging begins.
    pub(super) initially_set: bool,
}

impl SlotsState {
    /// No slot, and no eventfd.
    pub(super) fn new() -> Self {
        Self {
            by_id: RBTree::new(),
            next_event: 0,
            total_pages: 0,
            manual_protect: false,
            initially_set: false,
        }
    }

    /// The slot with this id.
    pub(super) fn by_id(&self, id: u16) -> Option<&Arc<MemSlot>> {
        self.by_id.get(&id)
    }
}
