// SPDX-License-Identifier: GPL-2.0

//! Virtual processors: to whom the controller can send interrupts.

use crate::{bindings, isa::xive::Word2};
use kernel::{prelude::*, sync::Arc};

/// Virtual processors with successive numbers.
///
/// # Invariants
///
/// `base` is what the firmware gave for `len` of them.
pub(crate) struct VpBlock {
    base: u32,
    len: u32,
}

impl VpBlock {
    /// At least `len`. `ENOSPC` if the host has no more. Sleeps.
    pub(crate) fn new(len: u32) -> Result<Arc<Self>> {
        // SAFETY: Task context.
        let base = unsafe { bindings::xive_native_alloc_vp_block(len) };
        if base == bindings::XIVE_INVALID_VP {
            return Err(ENOSPC);
        }
        // INVARIANT: It was given just now.
        Ok(Arc::new(Self { base, len }, GFP_KERNEL_ACCOUNT)?)
    }
}

impl Drop for VpBlock {
    fn drop(&mut self) {
        // SAFETY: By the invariants it is ours, and each `Vp` of it has a reference and is gone.
        unsafe { bindings::xive_native_free_vp_block(self.base) };
    }
}

/// A virtual processor, which takes interrupts while it exists.
///
/// # Invariants
///
/// `id` is in the block, and enabled.
pub(crate) struct Vp {
    id: u32,
    cam: u32,
    _block: Arc<VpBlock>,
}

impl Vp {
    /// The `index`th of a block, which no other `Vp` may be. `EINVAL` beyond its end, `EIO` if the firmware does not let
    /// it be used. Sleeps.
    pub(crate) fn enable(block: &Arc<VpBlock>, index: u32) -> Result<Self> {
        if index >= block.len {
            return Err(EINVAL);
        }
        let id = block.base.checked_add(index).ok_or(EINVAL)?;
        let (mut cam, mut chip) = (0, 0);
        // SAFETY: The number is in a block that is ours. The pointers are valid for writes.
        let ret = unsafe { bindings::xive_native_get_vp_info(id, &mut cam, &mut chip) };
        kernel::error::to_result(ret)?;
        // SAFETY: Asks for a constant.
        let saves = unsafe { bindings::xive_native_has_save_restore() };
        if saves && !Word2::of_cam(cam).saves_itself() {
            return Err(EIO);
        }
        // SAFETY: As above. Nobody uses it yet.
        let ret = unsafe { bindings::xive_native_enable_vp(id, single_escalation()) };
        kernel::error::to_result(ret)?;
        // INVARIANT: Both were just seen to.
        Ok(Self {
            id,
            cam,
            _block: block.clone(),
        })
    }

    /// Word 2 of its context.
    pub(crate) fn word2(&self) -> Word2 {
        Word2::of_cam(self.cam)
    }

    /// What the firmware says of it that is not in its context: laid out as words 0 and 1, the pending priorities are of
    /// use. `EIO`.
    pub(crate) fn state(&self) -> Result<u64> {
        let mut state = 0;
        // SAFETY: By the invariants. The pointer is valid for writes.
        let ret = unsafe { bindings::xive_native_get_vp_state(self.id, &mut state) };
        kernel::error::to_result(ret).map(|()| state)
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for Vp {
    fn drop(&mut self) {
        // SAFETY: By the invariants; nobody else knows it.
        unsafe { bindings::xive_native_disable_vp(self.id) };
    }
}

/// Do all queues of a virtual processor escalate to the same interrupt?
pub(super) fn single_escalation() -> bool {
    // SAFETY: Asks for a constant.
    unsafe { bindings::xive_native_has_single_escalation() }
}
