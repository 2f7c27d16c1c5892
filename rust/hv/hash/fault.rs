// SPDX-License-Identifier: GPL-2.0

//! Faults of guests that use the hash MMU: hypervisor data and instruction storage interrupts.

use super::{
    map::{Mapped, Wanted},
    walk::{check, faulting_segment},
};
use crate::{
    hv::{
        fault::{reflect, AtOnce, Resolution, StorageFault},
        mmu::guest::fetch_by_hash,
        vcpu::{Device, HvVcpu},
        Hv,
    },
    isa::{dsisr::Dsisr, msr::Msr, radix_walk::Access},
    vm::Vcpu,
};
use kernel::{page::PAGE_SHIFT, prelude::*};

/// Resolves a fault from what is present, as [`at_once`](crate::hv::storage::at_once).
#[inline(never)]
pub(crate) fn at_once(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault) -> Option<AtOnce> {
    let vm = vcpu.vm();
    let dsisr = fault.dsisr;
    if !dsisr.intersects(Dsisr::NOPTE | Dsisr::PROTFAULT) {
        return Some(AtOnce::Reflect(dsisr));
    }
    let access = access_of(fault);
    let slots = vm.slots.read();
    let mut mmu = vm.mmu.try_lock()?;
    let slbe = faulting_segment(st.msr(), fault.ea, access, fault.asdr);
    let Some((index, entry)) = mmu.hash.as_deref()?.find(slbe, fault.ea) else {
        return Some(match dsisr.contains(Dsisr::NOPTE) {
            true => AtOnce::Reflect(dsisr),
            false => AtOnce::Mapped,
        });
    };
    if entry.present && dsisr.contains(Dsisr::NOPTE) {
        return Some(AtOnce::Mapped);
    }
    if let Err(why) = check(st, slbe, &entry, access) {
        return Some(AtOnce::Reflect(why));
    }
    let gpa = entry.hpte.real(fault.ea)?;
    let store = access == Access::Store;
    let Some(slot) = slots.find(gpa >> PAGE_SHIFT) else {
        if fault.fetch {
            return None;
        }
        drop(mmu);
        // As for radix.
        if store && !st.msr().contains(Msr::SE) && vm.mmio_store_of_any_length(gpa) {
            return Some(AtOnce::Signalled);
        }
        drop(slots);
        st.device = Some(Device {
            gpa,
            insn: fetch_by_hash(vcpu, st),
        });
        return None;
    };
    if store && slot.readonly() {
        return None;
    }
    Wanted::new(slot, index, entry, store)?
        .map_at_once(vm, &mut mmu)
        .then_some(AtOnce::Mapped)
}

/// The kind of access that has faulted.
fn access_of(fault: &StorageFault) -> Access {
    match (fault.fetch, fault.dsisr.contains(Dsisr::ISSTORE)) {
        (true, _) => Access::Fetch,
        (_, true) => Access::Store,
        _ => Access::Load,
    }
}

/// Resolves a fault. Returns `EFAULT` (or what looking the page up gave) if userspace has nothing usable mapped.
#[inline(never)]
pub(crate) fn resolve(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    fault: &StorageFault,
) -> Result<Resolution> {
    let vm = vcpu.vm();
    let dsisr = fault.dsisr;
    let access = access_of(fault);
    let store = access == Access::Store;
    // What is neither a missing entry nor a protection fault, which an entry without permission from userspace
    // causes too, is the guest's own.
    if !dsisr.intersects(Dsisr::NOPTE | Dsisr::PROTFAULT) {
        reflect(vcpu, st, fault, dsisr);
        return Ok(Resolution::Resume);
    }
    let slbe = faulting_segment(st.msr(), fault.ea, access, fault.asdr);
    let slots = vm.slots.read();
    let found = vm
        .mmu
        .lock()
        .hash
        .as_deref()
        .map(|hpt| hpt.find(slbe, fault.ea));
    let (index, entry) = match found {
        Some(Some((_, entry))) if entry.present && dsisr.contains(Dsisr::NOPTE) => {
            // It has become present meanwhile.
            return Ok(Resolution::Resume);
        }
        Some(Some(found)) => found,
        _ => {
            // With a protection fault the entry was there, and the guest has removed it meanwhile.
            if dsisr.contains(Dsisr::NOPTE) {
                reflect(vcpu, st, fault, dsisr);
            }
            return Ok(Resolution::Resume);
        }
    };
    if let Err(why) = check(st, slbe, &entry, access) {
        reflect(vcpu, st, fault, why);
        return Ok(Resolution::Resume);
    }
    let Some(gpa) = entry.hpte.real(fault.ea) else {
        reflect(vcpu, st, fault, dsisr);
        return Ok(Resolution::Resume);
    };
    let slot = slots.find(gpa >> PAGE_SHIFT);
    let slot = match slot {
        Some(slot) if !(store && slot.readonly()) => slot,
        // Nothing is executed that is not memory.
        _ if fault.fetch => {
            reflect(vcpu, st, fault, Dsisr::NOEXEC_OR_G);
            return Ok(Resolution::Resume);
        }
        _ => return Ok(Resolution::Mmio(gpa)),
    };
    let wanted = Wanted::new(slot, index, entry, store).ok_or(EFAULT)?;
    match wanted.map(vm)? {
        Mapped::Yes => {}
        Mapped::NotCacheable => return Err(EFAULT),
    }
    Ok(Resolution::Resume)
}
