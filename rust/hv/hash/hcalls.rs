// SPDX-License-Identifier: GPL-2.0

//! The hypercalls on a guest's hashed page table (PAPR, "Page Table Access").

use super::{
    map::{self, fits, page},
    notify::note_written,
    table::Hpt,
};
use crate::{
    emulate::hpt::{
        request::{self, Removal},
        stale::Stale,
        table::Entry,
    },
    hv::{vcpu::HvVcpu, Hv},
    isa::{
        hcall::{HReturn, Hcall},
        hcall_args::PageFlags,
        hpte::{Hpte, HpteR, HpteV},
    },
    vm::{mmu_lock::MmuGuard, Vcpu, Vm},
};
use kernel::{page::PAGE_SHIFT, prelude::*};

/// Handles one of them; `H_FUNCTION` for a guest that uses radix.
#[inline(never)]
pub(crate) fn handle(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, hcall: Hcall) -> HReturn {
    let vm = vcpu.vm();
    let arg = |n| st.hcall_gpr(n);
    let (flags, index) = (PageFlags::from_raw(arg(4)), arg(5));
    if vm.arch.is_radix() {
        return HReturn::H_FUNCTION;
    }
    let done = match hcall {
        Hcall::H_ENTER => {
            let hpte = Hpte {
                v: HpteV::from_raw(arg(6)),
                r: HpteR::from_raw(arg(7)),
            };
            enter(vm, flags, index, hpte).map(|index| st.switch.set_gpr(4, index))
        }
        Hcall::H_REMOVE => remove(vm, flags, index, arg(6)).map(|old| {
            st.switch.set_gpr(4, old.v.raw());
            st.switch.set_gpr(5, old.r.raw());
        }),
        Hcall::H_BULK_REMOVE => {
            return request::bulk_remove(&mut st.switch, |removals| remove_all(vm, removals))
        }
        Hcall::H_PROTECT => {
            let compare = flags.masked(PageFlags::AVPN);
            let (raw, avpn) = (flags.raw(), arg(6));
            change(vm, compare, index, avpn, |r| request::protected(raw, r)).map(|_| ())
        }
        Hcall::H_READ => read(vm, st, flags, index),
        Hcall::H_CLEAR_REF => change(vm, PageFlags::EMPTY, index, 0, |r| r.without(HpteR::R))
            .map(|old| st.switch.set_gpr(4, old.r.raw())),
        _ => change(vm, PageFlags::EMPTY, index, 0, |r| r.without(HpteR::C))
            .map(|old| st.switch.set_gpr(4, old.r.raw())),
    };
    done.err().unwrap_or(HReturn::H_SUCCESS)
}

/// `H_ENTER`: returns the index of the place that the entry was put into.
pub(super) fn enter(vm: &Vm<Hv>, flags: PageFlags, index: u64, hpte: Hpte) -> Result<u64, HReturn> {
    let entry = Entry {
        hpte,
        present: false,
    };
    let (gpa, shift) = page(&entry).ok_or(HReturn::H_PARAMETER)?;
    let slots = vm.slots.read();
    let slot = slots.find(gpa >> PAGE_SHIFT);
    if slot.is_some_and(|slot| !fits(slot, gpa, shift)) {
        return Err(HReturn::H_PARAMETER);
    }
    let slot = slot.map(|slot| &**slot);
    map::insert(vm, &mut vm.mmu.lock(), slot, gpa, shift, |hpt| {
        let mut slots = request::slots(flags, index);
        if hpt.get(*slots.end()).is_none() {
            return Err(HReturn::H_PARAMETER);
        }
        let unused = |index: &u64| hpt.get(*index).is_some_and(|e| !e.hpte.v.is_used());
        let index = slots.find(unused).ok_or(HReturn::H_PTEG_FULL)?;
        hpt.insert(index, hpte);
        Ok(index)
    })
}

fn table<'a>(mmu: &'a mut MmuGuard<'_, Hv>) -> Result<&'a mut Hpt, HReturn> {
    mmu.hash.as_deref_mut().ok_or(HReturn::H_FUNCTION)
}

/// The entry at `index`, if a request may change it.
fn select(hpt: &Hpt, flags: PageFlags, index: u64, avpn: u64) -> Result<Entry, HReturn> {
    let entry = hpt.get(index).ok_or(HReturn::H_PARAMETER)?;
    match request::selected(flags, avpn, entry.hpte.v) {
        true => Ok(entry),
        false => Err(HReturn::H_NOT_FOUND),
    }
}

/// Removes an entry and returns it.
pub(super) fn remove(
    vm: &Vm<Hv>,
    flags: PageFlags,
    index: u64,
    avpn: u64,
) -> Result<Hpte, HReturn> {
    let slots = vm.slots.read();
    let mut mmu = vm.mmu.lock();
    let hpt = table(&mut mmu)?;
    select(hpt, flags, index, avpn)?;
    let bits = hpt.absent(index);
    // Its R and C are final now.
    let old = hpt.get(index).ok_or(HReturn::H_NOT_FOUND)?;
    hpt.remove(index);
    note_written(&slots, &old, bits);
    Ok(old.hpte)
}

/// Removes entries, with one invalidation for all.
fn remove_all(vm: &Vm<Hv>, removals: &mut [Removal]) {
    let slots = vm.slots.read();
    let mut mmu = vm.mmu.lock();
    let Some(hpt) = mmu.hash.as_deref_mut() else {
        return;
    };
    let mut stale = Stale::default();
    let mut retired = [false; 4];
    request::one_by_one(removals, |flags, index, avpn| {
        Ok(select(hpt, flags, index, avpn)?.hpte)
    });
    let selected = |removal: &Removal| matches!(removal.done, Some(Ok(_)));
    for (removal, retired) in removals.iter_mut().zip(&mut retired) {
        *retired = selected(removal) && hpt.retire(removal.index, &mut stale);
    }
    hpt.flush(&stale);
    for (removal, retired) in removals.iter_mut().zip(retired) {
        if !selected(removal) {
            continue;
        }
        let bits = retired.then(|| hpt.settle(removal.index));
        // One that was named twice is gone by now.
        let old = select(hpt, PageFlags::EMPTY, removal.index, 0);
        if let Ok(old) = old {
            hpt.remove(removal.index);
            note_written(&slots, &old, bits);
        }
        removal.done = Some(old.map(|old| old.hpte));
    }
}

/// Changes an entry's second doubleword, and returns the entry as it was.
fn change(
    vm: &Vm<Hv>,
    flags: PageFlags,
    index: u64,
    avpn: u64,
    new: impl FnOnce(HpteR) -> HpteR,
) -> Result<Hpte, HReturn> {
    let slots = vm.slots.read();
    let mut mmu = vm.mmu.lock();
    let hpt = table(&mut mmu)?;
    let old = select(hpt, flags, index, avpn)?;
    let mut was = old.hpte;
    let bits = hpt.rewrite(index, false, |r| {
        was.r = r;
        new(r)
    });
    note_written(&slots, &old, bits);
    Ok(was)
}

/// `H_READ`: one entry, or four.
fn read(vm: &Vm<Hv>, st: &mut HvVcpu, flags: PageFlags, index: u64) -> Result<(), HReturn> {
    let (first, count) = match flags.contains(PageFlags::READ_4) {
        true => (index & !3, 4),
        false => (index, 1),
    };
    let mut mmu = vm.mmu.lock();
    let hpt = table(&mut mmu)?;
    for n in 0..count {
        let entry = hpt.get(first + n).ok_or(HReturn::H_PARAMETER)?;
        let gpr = 4 + 2 * n as usize;
        st.switch.set_gpr(gpr, entry.hpte.v.raw());
        st.switch.set_gpr(gpr + 1, entry.hpte.r.raw());
    }
    Ok(())
}
