// SPDX-License-Identifier: GPL-2.0

//! Which pages of a slot were written: `KVM_GET_DIRTY_LOG` and `KVM_CLEAR_DIRTY_LOG` (api.rst,
//! sections 4.8 and 4.117).
//!
//! Writes are noted in two places: in the slot's bitmap by the kernel's own accesses, and in the
//! backend's tables by the hardware. [`Backend::sync_dirty`] moves the latter into the bitmap and
//! makes the next write be noted again; so a bit that is taken from the bitmap after it stands for
//! writes before, and no write is lost between.
//!
//! Where the hardware notes nothing ([`Backend::WRITTEN_WHEN_MAPPED`]), the bit is set when the
//! page is mapped for writing, and the order is the other way round: a page that is mapped after
//! its bit was taken is either found by `sync_dirty` or has its bit set again.

use super::{
    backend::Backend,
    dirty_bitmap::{DirtyBitmap, BITS},
    gfn::{Gfn, CHUNK},
    memslot::{MemSlot, NR_MEMSLOTS},
    slots_state::SlotsState,
    vm::Vm,
};
use crate::{bindings, host::uapi};
use core::ops::Range;
use kernel::{prelude::*, sync::Arc, uaccess::UserSlice};

const BYTES: usize = size_of::<usize>();

fn sync<B: Backend>(vm: &Vm<B>, slot: &MemSlot, gfns: Range<Gfn>) {
    vm.mmu
        .in_chunks(gfns, |mmu, part| B::sync_dirty(vm, mmu, slot, part));
    // One flush for all pieces: what is written until then is in the log already.
    B::flush_dirty(vm, &mut vm.mmu.lock());
}

// `EINVAL` for an impossible slot, `ENOENT` if it is not there or has no log.
fn slot_and_log(state: &SlotsState, slot: u32) -> Result<(Arc<MemSlot>, Arc<DirtyBitmap>)> {
    let id = u16::try_from(slot).map_err(|_| EINVAL)?;
    if id >= NR_MEMSLOTS {
        return Err(EINVAL);
    }
    let slot = state.by_id(id).ok_or(ENOENT)?;
    let dirty = slot.dirty.as_ref().ok_or(ENOENT)?;
    Ok((slot.clone(), dirty.clone()))
}

/// `KVM_GET_DIRTY_LOG`. Unless the log is cleared by hand, what is returned is cleared.
pub(super) fn get<B: Backend>(vm: &Vm<B>, log: &bindings::kvm_dirty_log) -> Result {
    let state = vm.slots_lock.lock();
    let (slot, dirty) = slot_and_log(&state, log.slot)?;
    let take = !state.manual_protect;
    if !B::WRITTEN_WHEN_MAPPED {
        sync(vm, &slot, slot.gfns());
    }
    let words = dirty.snapshot(take)?;
    if B::WRITTEN_WHEN_MAPPED && take {
        sync(vm, &slot, slot.gfns());
    }
    let addr = uapi::dirty_bitmap_address(log);
    copy_words_to_user(addr, &words).inspect_err(|_| {
        // Userspace did not get the bits, so the pages stay dirty.
        if take {
            words.iter().enumerate().for_each(|(i, w)| dirty.or(i, *w));
        }
    })
}

fn copy_words_to_user(addr: usize, words: &[usize]) -> Result {
    let mut writer = UserSlice::new(UserPtr::from_addr(addr), words.len() * BYTES).writer();
    let mut buf = [0; 64 * BYTES];
    for part in words.chunks(64) {
        for (to, word) in buf.chunks_exact_mut(BYTES).zip(part) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        let len = part.len() * BYTES;
        writer.write_slice(buf.get(..len).ok_or(EINVAL)?)?;
    }
    Ok(())
}

/// `KVM_CLEAR_DIRTY_LOG`. If not all of the bitmap can be read, what was read before is cleared.
pub(super) fn clear<B: Backend>(vm: &Vm<B>, log: &bindings::kvm_clear_dirty_log) -> Result {
    let state = vm.slots_lock.lock();
    // As in kvm.ko, a malformed number is reported rather than a missing slot.
    if log.first_page % 64 != 0 {
        return Err(EINVAL);
    }
    let (slot, dirty) = slot_and_log(&state, log.slot)?;
    let first = log.first_page;
    let num = u64::from(log.num_pages);
    let left = slot.npages.checked_sub(first).ok_or(EINVAL)?;
    if num > left || (num < left && num % 64 != 0) {
        return Err(EINVAL);
    }

    let bytes = num.div_ceil(BITS) as usize * BYTES;
    let addr = uapi::clear_dirty_bitmap_address(log);
    let mut bitmap = UserSlice::new(UserPtr::from_addr(addr), bytes).reader();
    // The bitmap is read in pieces that are as large as those that are handled with the lock held once.
    let mut part = KVec::from_elem(0u8, bytes.min(CHUNK as usize / 8), GFP_KERNEL_ACCOUNT)?;
    for start in (first..first + num).step_by(CHUNK as usize) {
        let end = (start + CHUNK).min(first + num);
        let part = part
            .get_mut(..(end - start).div_ceil(BITS) as usize * BYTES)
            .ok_or(EINVAL)?;
        bitmap.read_slice(part)?;
        let gfns = slot.base_gfn + start..slot.base_gfn + end;
        if !B::WRITTEN_WHEN_MAPPED {
            sync(vm, &slot, gfns.clone());
        }
        for (word, i) in part.chunks_exact(BYTES).zip(start / BITS..) {
            let bits = word.try_into().map_or(0, usize::from_le_bytes);
            dirty.clear(i as usize, bits);
        }
        if B::WRITTEN_WHEN_MAPPED {
            sync(vm, &slot, gfns);
        }
    }
    Ok(())
}
