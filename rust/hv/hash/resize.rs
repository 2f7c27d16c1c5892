// SPDX-License-Identifier: GPL-2.0

//! Another size for a hashed page table while the guest runs: `KVM_PPC_RESIZE_HPT_PREPARE` and
//! `KVM_PPC_RESIZE_HPT_COMMIT` (api.rst, sections 4.101 and 4.102), by which userspace handles the hypercalls
//! `H_RESIZE_HPT_PREPARE` and `H_RESIZE_HPT_COMMIT` (PAPR, "Page Table Access").
//!
//! The first makes a table. The second copies what the guest has bolted, and the virtual real mode area, and has the
//! hardware search that one; the guest makes the other entries again. Userspace is in this ioctl on behalf of one vCPU;
//! others, which may be in the guest, are made to leave it and to wait.

use super::{mode, notify::note_written, table::Hpt};
use crate::{bindings::kvm_ppc_resize_hpt, host::wait::cond_resched, hv::Hv, vm::Vm};
use kernel::prelude::*;

/// How many entries are copied before the lock is dropped.
const MANY: u64 = 4096;

/// Tests what both ioctls take: no flags, and a size that a table can have, or 0. Returns `EINVAL`.
fn valid(vm: &Vm<Hv>, request: &kvm_ppc_resize_hpt) -> Result {
    let shift = request.shift;
    if request.flags != 0 || vm.arch.is_radix() || shift != 0 && !mode::ORDERS.contains(&shift) {
        return Err(EINVAL);
    }
    Ok(())
}

/// `KVM_PPC_RESIZE_HPT_PREPARE`: makes a table of 2^`shift` bytes, or frees the one that was made, if `shift` is 0.
/// Returns `EINVAL` for flags, for other sizes, and if the guest uses radix; `ENOMEM`. May sleep.
///
/// kvm-hv has a worker make the table, and returns an estimate of how long that takes. Here it is made at once, so that
/// what does not come from the memory that the host has reserved is charged to whoever asks.
pub(crate) fn prepare(vm: &Vm<Hv>, request: &kvm_ppc_resize_hpt) -> Result {
    let order = request.shift;
    {
        let mut setup = vm.arch.mmu_setup.lock();
        valid(vm, request)?;
        if setup.resized.as_ref().map(|hpt| hpt.order()) == Some(order) {
            return Ok(());
        }
        // Freed first: there may not be memory for both.
        setup.resized = None;
    }
    if order == 0 {
        return Ok(());
    }
    // Nobody has to wait for the memory.
    let new = Hpt::new(vm.arch.lpid.clone(), order)?;
    let mut setup = vm.arch.mmu_setup.lock();
    valid(vm, request)?;
    setup.resized = Some(new);
    Ok(())
}

/// `KVM_PPC_RESIZE_HPT_COMMIT`: the guest uses the table that was prepared. If that fails, the guest goes on with the one
/// that it has. Returns `EINVAL` as [`prepare`]. For what follows the prepared one is gone, too: `ENXIO` if none of this size
/// was prepared, `ENOSPC` if two entries have one place in it, `EIO` if the guest has not run yet or the hardware cannot be
/// told, `EINTR` if the process is killed.
pub(crate) fn commit(vm: &Vm<Hv>, request: &kvm_ppc_resize_hpt) -> Result {
    let mut setup = vm.arch.mmu_setup.lock();
    valid(vm, request)?;
    let prepared = setup.resized.take();
    if !vm.arch.ready() {
        return Err(EIO);
    }
    let prepared = prepared.filter(|hpt| hpt.order() == request.shift);
    let new = prepared.ok_or(ENXIO)?;
    // A vCPU that enters its guest later has seen the request, and waits for the lock.
    mode::not_ready(vm);
    vm.vcpus().for_each(|vcpu| vcpu.kick_and_wait());
    let old = replace(vm, new);
    vm.arch.set_ready(true);
    old.map(drop)
}

/// Replaces the table, and returns the old one. No vCPU is in the guest. A hypercall that is being handled may still change
/// the old table until it is replaced, what was copied, too: the guest has to see that its other processors make none.
fn replace(vm: &Vm<Hv>, mut new: KBox<Hpt>) -> Result<KBox<Hpt>> {
    let entries = {
        let mut mmu = vm.mmu.lock();
        let old = mmu.hash.as_deref_mut().ok_or(EINVAL)?;
        // From now on no R and C come to it.
        old.flush_all();
        old.entries()
    };
    let mut index = 0;
    while index < entries {
        let end = entries.min(index + MANY);
        let slots = vm.slots.read();
        let mmu = vm.mmu.lock();
        let old = mmu.hash.as_deref().ok_or(EINVAL)?;
        for index in index..end {
            // C goes with the old table.
            if let Some(entry) = old.get(index).filter(|entry| entry.present) {
                note_written(&slots, &entry, Some(old.hardware_bits(index)));
            }
            if !old.copy(index, &mut new) {
                return Err(ENOSPC);
            }
        }
        drop(mmu);
        drop(slots);
        if !cond_resched() {
            return Err(EINTR);
        }
        index = end;
    }
    let mut mmu = vm.mmu.lock();
    new.attach()?;
    mmu.hash.replace(new).ok_or(EINVAL)
}
