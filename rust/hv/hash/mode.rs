// SPDX-License-Identifier: GPL-2.0

//! Which MMU a VM's guest uses, and its hashed page table: `KVM_PPC_CONFIGURE_V3_MMU` and `KVM_PPC_ALLOCATE_HTAB`
//! (api.rst, sections 4.99 and 4.62).
//!
//! Both change what all vCPUs depend on, so none may be running: the VM is marked as not ready, each vCPU gets a request,
//! and then each vCPU's mutex is found free. A vCPU that runs later prepares the VM first ([`prepare`]).

use super::{
    map,
    table::{vrma_pages_shift, Hpt},
};
use crate::{
    bindings::{kvm_ppc_mmuv3_cfg, KVM_PPC_MMUV3_GTSE, KVM_PPC_MMUV3_RADIX},
    host::{features::Features, wait::cond_resched},
    hv::{
        mmu::notify,
        vm::{request, Setup},
        Hv,
    },
    isa::rpte::Patb1,
    vm::Vm,
};
use core::{mem, ops::RangeInclusive};
use kernel::{page::PAGE_SHIFT, prelude::*};

/// log2 of the size of a table if userspace allocates none.
const DEFAULT_ORDER: u32 = 24;

/// log2 of the sizes that the architecture has.
pub(super) const ORDERS: RangeInclusive<u32> = 18..=46;

/// Can guests use the hash MMU? In a partition the hypervisor has only radix guests. Processors with the prefetch fault
/// cannot have a thread in each mode on one core either.
pub(crate) fn possible(features: Features) -> bool {
    features.hvmode() && features.arch_300() && !features.prefetch_bug()
}

/// `KVM_PPC_ALLOCATE_HTAB`: an empty table of 2^`order` bytes; a guest that used radix uses hash from now on. Returns
/// `EOPNOTSUPP` where that is not possible, `EINVAL` for orders other than 18 to 46, `EBUSY` while a vCPU is in an
/// ioctl, `ENOMEM`.
pub(crate) fn allocate(vm: &Vm<Hv>, order: u32) -> Result {
    if !possible(vm.arch.features) {
        return Err(EOPNOTSUPP);
    }
    if !ORDERS.contains(&order) {
        return Err(EINVAL);
    }
    let mut setup = vm.arch.mmu_setup.lock();
    change(vm, &mut setup, || use_hash(vm, order))
}

/// `KVM_PPC_CONFIGURE_V3_MMU`. Returns `EINVAL` for unknown flags, a process table that does not fit them or has a bad
/// size, and an MMU that the guest cannot have; `EBUSY` if the MMU changes while a vCPU is in an ioctl; `ENOMEM`.
pub(crate) fn configure(vm: &Vm<Hv>, cfg: &kvm_ppc_mmuv3_cfg) -> Result {
    let (radix, gtse) = (
        u64::from(KVM_PPC_MMUV3_RADIX),
        u64::from(KVM_PPC_MMUV3_GTSE),
    );
    let table = Patb1::from_raw(cfg.process_table);
    let wants_radix = cfg.flags & radix != 0;
    if cfg.flags & !(radix | gtse) != 0
        || table.contains(Patb1::GR) != wants_radix
        || table.table_bytes().is_none()
        || !wants_radix && !possible(vm.arch.features)
    {
        return Err(EINVAL);
    }
    let mut setup = vm.arch.mmu_setup.lock();
    let gtse = cfg.flags & gtse != 0;
    match (wants_radix, vm.arch.is_radix()) {
        (true, true) => set_process_table(vm, table, gtse),
        (true, false) => change(vm, &mut setup, || use_radix(vm, table, gtse)),
        (false, true) => change(vm, &mut setup, || use_hash(vm, DEFAULT_ORDER)),
        (false, false) => Ok(()),
    }
}

/// Calls `f`, which changes the guest's MMU or makes another table, while no vCPU runs. A guest that uses hash then has to
/// be prepared. Returns `EBUSY` while a vCPU is in an ioctl.
fn change(vm: &Vm<Hv>, setup: &mut Setup, f: impl FnOnce() -> Result) -> Result {
    stopped(vm, f, || vm.arch.is_radix())?;
    // No guest waits for it any more.
    setup.resized = None;
    Ok(())
}

/// Calls `f`, which changes entries of the guest's table, while no vCPU runs. Afterwards vCPUs run again as before. Returns
/// `EBUSY` while a vCPU is in an ioctl.
pub(super) fn while_stopped<T>(vm: &Vm<Hv>, f: impl FnOnce() -> Result<T>) -> Result<T> {
    let _setup = vm.arch.mmu_setup.lock();
    let was = vm.arch.ready();
    stopped(vm, f, || was)
}

/// Makes each vCPU [`prepare`] the VM before it enters its guest again, and returns whether vCPUs could run before.
pub(super) fn not_ready(vm: &Vm<Hv>) -> bool {
    let was = vm.arch.set_ready(false);
    vm.request_all(request::PREPARE);
    was
}

/// Calls `f` while no vCPU runs. If it succeeds, `ready` says whether vCPUs can run then.
fn stopped<T>(
    vm: &Vm<Hv>,
    f: impl FnOnce() -> Result<T>,
    ready: impl FnOnce() -> bool,
) -> Result<T> {
    let was = not_ready(vm);
    let done = if vm.vcpus().all(|vcpu| vcpu.is_idle()) {
        f()
    } else {
        Err(EBUSY)
    };
    vm.arch.set_ready(if done.is_ok() { ready() } else { was });
    done
}

/// The lock makes the process table that the hardware walks and the one that software walks change together.
fn set_process_table(vm: &Vm<Hv>, table: Patb1, gtse: bool) -> Result {
    let mmu = vm.mmu.lock();
    mmu.tree.set_process_table(table)?;
    vm.arch.set_process_table(table, gtse);
    Ok(())
}

#[inline(never)]
fn use_hash(vm: &Vm<Hv>, order: u32) -> Result {
    // The table is taken out to be emptied, because that takes long. No vCPU runs that could use it.
    let old = vm.mmu.lock().hash.take();
    let hpt = match old {
        Some(mut hpt) if hpt.order() == order => {
            hpt.clear();
            hpt
        }
        old => match Hpt::new(vm.arch.lpid.clone(), order) {
            Ok(hpt) => {
                empty_tree(vm);
                hpt
            }
            Err(why) => {
                vm.mmu.lock().hash = old;
                return Err(why);
            }
        },
    };
    let mut mmu = vm.mmu.lock();
    let attached = hpt.attach();
    let old = match attached {
        Ok(()) => mmu.hash.replace(hpt),
        Err(_) => Some(hpt),
    };
    vm.arch.set_mmu(false);
    drop(mmu);
    // Freeing it may sleep.
    drop(old);
    attached
}

/// Unmaps all memory of a guest that used radix.
fn empty_tree(vm: &Vm<Hv>) {
    let slots = vm.slots.read();
    for slot in slots.iter() {
        vm.mmu.in_chunks(slot.gfns(), |mmu, part| {
            notify::unmap(vm, mmu, slot, mem::take(part));
        });
    }
}

fn use_radix(vm: &Vm<Hv>, table: Patb1, gtse: bool) -> Result {
    let mut mmu = vm.mmu.lock();
    mmu.tree.set_process_table(table)?;
    let old = mmu.hash.take();
    vm.arch.set_mmu(true);
    vm.arch.set_process_table(table, gtse);
    drop(mmu);
    drop(old);
    Ok(())
}

/// Prepares a VM that is not ready to run: a guest that uses hash gets its virtual real mode area, which is the
/// memory slot at address 0. Returns `EINVAL` if there is none.
#[cold]
pub(crate) fn prepare(vm: &Vm<Hv>) -> Result {
    let _setup = vm.arch.mmu_setup.lock();
    if vm.arch.ready() {
        return Ok(());
    }
    if !vm.arch.is_radix() {
        let slots = vm.slots.read();
        let slot = slots.find(0).ok_or(EINVAL)?;
        // As much as the segment has.
        let size = (slot.gfns().end << PAGE_SHIFT).min(1 << 40);
        let shift = vrma_pages_shift();
        let pages = vm
            .mmu
            .lock()
            .hash
            .as_deref()
            .map(|hpt| hpt.vrma_pages(size));
        for page in 0..pages.ok_or(EINVAL)? {
            let mut mmu = vm.mmu.lock();
            let hpt = mmu.hash.as_deref().ok_or(EINVAL)?;
            let Some((index, hpte)) = hpt.vrma(page) else {
                continue;
            };
            let place = |hpt: &mut Hpt| {
                hpt.insert(index, hpte);
                Ok(index)
            };
            // It fits, as it is no larger than the host's pages.
            let _ = map::insert(vm, &mut mmu, Some(slot), page << shift, shift, place);
            drop(mmu);
            cond_resched();
        }
    }
    vm.arch.set_ready(true);
    Ok(())
}
