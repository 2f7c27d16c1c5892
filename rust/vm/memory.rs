// SPDX-License-Identifier: GPL-2.0

//! Creating, changing and deleting memory slots: `KVM_SET_USER_MEMORY_REGION` and `…2` (api.rst,
//! sections 4.35 and 4.140).

use super::{
    backend::Backend,
    dirty_bitmap::DirtyBitmap,
    memslot::{MemSlot, MemSlots, NewSlot, SlotChange, MAX_SLOT_PAGES, NR_MEMSLOTS},
    published::Changing,
    vm::Vm,
};
use crate::{
    bindings::{self, kvm_userspace_memory_region2 as Region},
    host::uapi,
};
use kernel::{
    page::{PAGE_MASK, PAGE_SHIFT},
    prelude::*,
    rbtree::RBTreeNode,
    sync::Arc,
};

const LOG_DIRTY: u32 = bindings::KVM_MEM_LOG_DIRTY_PAGES;
const READONLY: u32 = bindings::KVM_MEM_READONLY;

enum Change {
    Create,
    Move(Arc<MemSlot>),
    Flags(Arc<MemSlot>),
}

// Checks what depends on the request alone. `EINVAL`.
fn check(region: &Region) -> Result {
    let page = !PAGE_MASK as u64;
    let end = region.guest_phys_addr.checked_add(region.memory_size);
    let size = usize::try_from(region.memory_size)?;
    let hva = usize::try_from(region.userspace_addr)?;
    let unaligned = region.memory_size | region.guest_phys_addr | region.userspace_addr;
    if region.flags & !(LOG_DIRTY | READONLY) != 0
        || unaligned & page != 0
        || end.is_none()
        || !uapi::access_ok(hva, size)
        || region.memory_size >> PAGE_SHIFT > MAX_SLOT_PAGES
    {
        return Err(EINVAL);
    }
    Ok(())
}

/// Creates, changes or deletes a slot as `region` says.
///
/// `EINVAL` for impossible values, a slot that is not there to be deleted, a change of size,
/// userspace address or read-only flag; `EEXIST` if it would overlap another slot; `ENOMEM`; what
/// the backend refuses with.
pub(super) fn set_region<B: Backend>(vm: &Vm<B>, region: &Region) -> Result {
    // The upper half is the address space, of which there is one.
    let id = u16::try_from(region.slot).map_err(|_| EINVAL)?;
    if id >= NR_MEMSLOTS {
        return Err(EINVAL);
    }
    let mut state = vm.slots_lock.lock();
    check(region)?;

    let old = state.by_id(id).cloned();
    let npages = region.memory_size >> PAGE_SHIFT;
    if npages == 0 {
        let old = old.ok_or(EINVAL)?;
        delete(vm, &mut vm.slots.change()?, &old);
        state.by_id.remove(&id);
        state.total_pages = state.total_pages.saturating_sub(old.npages);
        return Ok(());
    }

    let mut new = MemSlot::new(
        id,
        region.flags,
        region.guest_phys_addr >> PAGE_SHIFT,
        npages,
        region.userspace_addr as usize,
    );
    let change = match old {
        None => Change::Create,
        Some(old) => {
            if new.userspace_addr != old.userspace_addr
                || new.npages != old.npages
                || (new.flags ^ old.flags) & READONLY != 0
            {
                return Err(EINVAL);
            }
            if new.base_gfn != old.base_gfn {
                Change::Move(old)
            } else if new.flags != old.flags {
                Change::Flags(old)
            } else {
                return Ok(());
            }
        }
    };
    let mut slots = vm.slots.change()?;
    if !matches!(change, Change::Flags(_)) && slots.set().overlaps(id, &new.gfns()) {
        return Err(EEXIST);
    }
    let total = match change {
        Change::Create => state.total_pages.checked_add(npages).ok_or(EINVAL)?,
        _ => state.total_pages,
    };
    if new.flags & LOG_DIRTY != 0 {
        new.dirty = match &change {
            Change::Move(old) | Change::Flags(old) if old.dirty.is_some() => old.dirty.clone(),
            _ => Some(DirtyBitmap::new(npages, state.initially_set)?),
        };
    }

    let new = Arc::new(new, GFP_KERNEL_ACCOUNT)?;
    let named = RBTreeNode::new(id, new.clone(), GFP_KERNEL_ACCOUNT)?;
    match change {
        Change::Create => insert(vm, &mut slots, None, &new)?,
        Change::Move(old) => insert(vm, &mut slots, Some(&old), &new)?,
        Change::Flags(old) => change_flags(vm, &mut slots, &old, &new),
    }
    state.by_id.insert(named);
    state.total_pages = total;
    Ok(())
}

/// Takes away all translations of a slot.
pub(super) fn unmap<B: Backend>(vm: &Vm<B>, slot: &MemSlot) {
    let mut any = false;
    vm.mmu.in_chunks(slot.gfns(), |mmu, part| {
        any |= B::unmap_range(vm, mmu, slot, part);
    });
    vm.stats.count_flush(true, any);
}

// Hides the slot from faults first, so that no translation of it is made while its translations are removed, and then
// removes them. Until that is done, mmu notifiers still find the slot.
fn withdraw<B: Backend>(vm: &Vm<B>, slots: &mut Changing<'_, MemSlots>, old: &MemSlot) {
    old.set_gone();
    slots.wait();
    unmap(vm, old);
}

// Puts `new` in, in the place of `old`. `ENOMEM` without memory; then nothing has changed.
fn insert<B: Backend>(
    vm: &Vm<B>,
    slots: &mut Changing<'_, MemSlots>,
    old: Option<&MemSlot>,
    new: &Arc<MemSlot>,
) -> Result {
    let change = || {
        Ok::<_, Error>(SlotChange::Insert {
            old: old.map(|s| s.base_gfn),
            new: NewSlot::new(new)?,
        })
    };
    let (one, other) = (change()?, change()?);
    if let Some(old) = old {
        withdraw(vm, slots, old);
    }
    slots.publish(one, other, || vm.invalidations.exclude());
    Ok(())
}

fn delete<B: Backend>(vm: &Vm<B>, slots: &mut Changing<'_, MemSlots>, old: &MemSlot) {
    withdraw(vm, slots, old);
    let change = || SlotChange::Remove(old.base_gfn);
    slots.postpone(change(), change(), || vm.invalidations.exclude());
}

fn change_flags<B: Backend>(
    vm: &Vm<B>,
    slots: &mut Changing<'_, MemSlots>,
    old: &MemSlot,
    new: &Arc<MemSlot>,
) {
    // When logging begins, earlier writes do not count, and only small pages may be mapped. What is mapped and written
    // between this pass and the end of the grace period is found by the second pass, so that no write is lost. When
    // logging ends, larger pages may be mapped again.
    if new.log_dirty() {
        unmap(vm, old);
    }
    let change = || SlotChange::Replace(new.clone());
    slots.publish(change(), change(), || vm.invalidations.exclude());
    slots.wait();
    unmap(vm, new);
}
