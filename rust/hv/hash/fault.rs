// SPDX-License-Identifier: GPL-2.0

//! Faults of guests that use the hash MMU: hypervisor data and instruction storage interrupts.

use super::{
    map::Wanted,
    recent::{Key, Seen},
    table::Hpt,
    walk::{check, faulting_segment},
};
use crate::{
    emulate::hpt::table::Entry,
    hv::{
        fault::{device_at_once, reflect, AtOnce, Resolution, StorageFault},
        mmu::guest::fetch_by_hash,
        vcpu::HvVcpu,
        Hv,
    },
    isa::{dsisr::Dsisr, msr::Msr, radix_walk::Access},
    vm::Vcpu,
};
use kernel::{page::PAGE_SHIFT, prelude::*};

/// What the guest's table says of a fault.
enum Found {
    /// The guest gets a storage interrupt, with this DSISR.
    Reflect(Dsisr),
    /// The table has changed since the hardware looked: the guest tries again.
    Changed,
    /// The entry at this index permits the access, which is to this guest real address and may be a store.
    Entry(u64, Entry, u64, bool),
}

/// Looks for the entry of the access that has faulted.
fn look(hpt: &Hpt, st: &HvVcpu, fault: &StorageFault) -> Found {
    let dsisr = fault.dsisr;
    // What is neither a missing entry nor a protection fault, which an entry without permission from userspace
    // causes too, is the guest's own.
    if !dsisr.intersects(Dsisr::NOPTE | Dsisr::PROTFAULT) {
        return Found::Reflect(dsisr);
    }
    let access = match (fault.fetch, dsisr.contains(Dsisr::ISSTORE)) {
        (true, _) => Access::Fetch,
        (_, true) => Access::Store,
        _ => Access::Load,
    };
    let missing = dsisr.contains(Dsisr::NOPTE);
    let slbe = faulting_segment(st.msr(), fault.ea, access, fault.asdr);
    match hpt.find(slbe, fault.ea) {
        None if missing => Found::Reflect(dsisr),
        // With a protection fault the entry was there, and the guest has removed it meanwhile.
        None => Found::Changed,
        Some((_, entry)) if entry.present && missing => Found::Changed,
        Some((index, entry)) => match check(st, slbe, &entry, access) {
            Err(why) => Found::Reflect(why),
            Ok(()) => match entry.hpte.real(fault.ea) {
                Some(gpa) => Found::Entry(index, entry, gpa, access == Access::Store),
                None => Found::Reflect(dsisr),
            },
        },
    }
}

/// The guest real address of an access that differs from the last one to a device in the low bits of its address only.
#[inline(always)]
fn same_device(hpt: &Hpt, st: &HvVcpu, fault: &StorageFault) -> Option<u64> {
    let seen = st.recent.data.as_ref()?;
    let same = !fault.fetch && seen.key == data_key(st, fault);
    same.then(|| seen.real(hpt, fault.ea)).flatten()
}

#[inline(always)]
fn data_key(st: &HvVcpu, fault: &StorageFault) -> Key {
    let (_, amr, _) = st.switch.translation();
    Key {
        page: fault.ea >> 12,
        // The segment of a real address is always the same.
        slbe: faulting_segment(st.msr(), fault.ea, Access::Load, fault.asdr),
        msr: st.msr().masked(Msr::PR | Msr::DR).raw(),
        keys: amr,
        dsisr: fault.dsisr.raw(),
    }
}

/// Resolves a fault from what is present, as [`at_once`](crate::hv::storage::at_once).
#[inline(never)]
pub(crate) fn at_once(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault) -> Option<AtOnce> {
    let vm = vcpu.vm();
    let slots = vm.slots.read();
    let mut mmu = vm.mmu.try_lock()?;
    let hpt = mmu.hash.as_deref()?;
    if let Some(gpa) = same_device(hpt, st, fault) {
        if slots.find(gpa >> PAGE_SHIFT).is_none() {
            let store = fault.dsisr.contains(Dsisr::ISSTORE);
            drop(mmu);
            drop(slots);
            return device_at_once(vcpu, st, gpa, store, fetch_by_hash);
        }
    }
    let (index, entry, gpa, store) = match look(hpt, st, fault) {
        Found::Reflect(dsisr) => return Some(AtOnce::Reflect(dsisr)),
        Found::Changed => return Some(AtOnce::Mapped),
        Found::Entry(index, entry, gpa, store) => (index, entry, gpa, store),
    };
    let Some(slot) = slots.find(gpa >> PAGE_SHIFT) else {
        if fault.fetch {
            return None;
        }
        st.recent.data = Some(Seen::new(hpt, data_key(st, fault), 0, index, gpa));
        drop(mmu);
        drop(slots);
        return device_at_once(vcpu, st, gpa, store, fetch_by_hash);
    };
    if store && slot.readonly() {
        return None;
    }
    Wanted::new(slot, index, entry, store)?
        .map_present(vm, &mut mmu)
        .then_some(AtOnce::Mapped)
}

/// Resolves a fault. Returns `EFAULT` (or what looking the page up gave) if userspace has nothing usable mapped.
#[inline(never)]
pub(crate) fn resolve(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    fault: &StorageFault,
) -> Result<Resolution> {
    let vm = vcpu.vm();
    let slots = vm.slots.read();
    let found = match vm.mmu.lock().hash.as_deref() {
        Some(hpt) => look(hpt, st, fault),
        None => Found::Changed,
    };
    let (index, entry, gpa, store) = match found {
        Found::Reflect(dsisr) => {
            reflect(vcpu, st, fault, dsisr);
            return Ok(Resolution::Resume);
        }
        Found::Changed => return Ok(Resolution::Resume),
        Found::Entry(index, entry, gpa, store) => (index, entry, gpa, store),
    };
    let slot = match slots.find(gpa >> PAGE_SHIFT) {
        Some(slot) if !(store && slot.readonly()) => slot,
        // Nothing is executed that is not memory.
        _ if fault.fetch => {
            reflect(vcpu, st, fault, Dsisr::NOEXEC_OR_G);
            return Ok(Resolution::Resume);
        }
        _ => return Ok(Resolution::Mmio(gpa)),
    };
    let wanted = Wanted::new(slot, index, entry, store).ok_or(EFAULT)?;
    wanted.map(vm)?;
    Ok(Resolution::Resume)
}
