// SPDX-License-Identifier: GPL-2.0

//! Resolves TLB misses and storage interrupts, and does what the VM core requires of a backend's translations.

use super::vcpu::{E44x, E44xMmu, E44xVcpu};
use crate::{
    emulate::e44x::{
        shadow::{Context, Mapping, ShadowPid},
        state::Registers,
    },
    host::{
        e44x::{clean_new_page, clean_page, Tlb},
        host_page::{fault_in, HostPage},
    },
    isa::e44x::tlbe::{Access, Attributes, Permissions, PAGE_SHIFTS},
    vm::{
        fault::{self, Referenced},
        gfn::Gfn,
        memslot::MemSlot,
        mmu_lock::{MmuGuard, Quiet},
        Vcpu, Vm,
    },
};
use core::ops::Range;
use kernel::{page::PAGE_SHIFT, prelude::*};

/// The bits of an address that the shadow TLB ignores, because they are an offset in a page of the host's.
pub(crate) const OFFSET: u32 = (1 << PAGE_SHIFT) - 1;

/// How a fault was resolved.
pub(crate) enum Resolution {
    /// Mapped, or the owner's mappings are changing: the guest goes on, or faults again.
    Resume,
    /// The guest's TLB has nothing there: it gets a TLB error.
    Miss,
    /// The guest's TLB does not permit it: it gets a storage interrupt.
    Denied,
    /// The access is to be emulated, because there is no memory, or because the hardware must not give this memory to
    /// this instruction. This is never so for a fetch from memory.
    Emulate {
        /// Guest physical address.
        gpa: u64,
        /// The E bit of the guest's TLB entry.
        little_endian: bool,
        /// Is there memory at this address?
        memory: bool,
    },
}

/// What the guest's TLB says of an access.
pub(crate) enum Translation {
    /// The guest physical address.
    Gpa(u64),
    /// As in [`Resolution`].
    Miss,
    /// As in [`Resolution`].
    Denied,
}

/// Translates as the guest's processor would.
pub(crate) fn translate(st: &E44xVcpu, ea: u32, access: Access) -> Translation {
    let state = &st.state;
    let space = match access {
        Access::Fetch => state.fetch_space(),
        Access::Load | Access::Store => state.data_space(),
    };
    let Some(found) = state.tlb.find(ea, space) else {
        return Translation::Miss;
    };
    let permissions = found.tlbe.attributes().permissions(state.user());
    if !permissions.allow(access) {
        return Translation::Denied;
    }
    Translation::Gpa(found.tlbe.real_of(ea))
}

/// Resolves a miss, or an access that the hardware did not permit. Returns `EFAULT` (or what looking the page up gave)
/// if userspace has nothing usable there.
pub(crate) fn resolve(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    ea: u32,
    access: Access,
) -> Result<Resolution> {
    let state = &st.state;
    let space = match access {
        Access::Fetch => state.fetch_space(),
        Access::Load | Access::Store => state.data_space(),
    };
    let Some(found) = state.tlb.find(ea, space) else {
        return Ok(Resolution::Miss);
    };
    let attributes = found.tlbe.attributes();
    let mut permissions = attributes.permissions(state.user());
    if !permissions.allow(access) {
        return Ok(Resolution::Denied);
    }
    let gpa = found.tlbe.real_of(ea);
    let emulate = |memory| {
        Ok(Resolution::Emulate {
            gpa,
            little_endian: attributes.little_endian(),
            memory,
        })
    };
    let writing = access == Access::Store;
    let vm = vcpu.vm();
    let slots = vm.slots.read();
    let Some(slot) = slots.find(gpa >> PAGE_SHIFT) else {
        return emulate(false);
    };
    if writing && slot.readonly() {
        return emulate(false);
    }
    let fetch = access == Access::Fetch;
    let mut max_shift = found.tlbe.shift().unwrap_or(0);
    // On pages with breakpoints, instructions are executed one by one; on pages with watchpoints, data accesses are
    // emulated.
    if state.watches() {
        max_shift = max_shift.min(HOST_SHIFT);
        if state.watches_data(ea, OFFSET) {
            if !fetch {
                return emulate(true);
            }
            permissions.read = false;
            permissions.write = false;
        }
        if state.watches_code(ea, OFFSET) && !st.step.watched {
            if fetch {
                // It becomes executable for one instruction, once `debug::before` has looked at that.
                return Ok(Resolution::Resume);
            }
            permissions.execute = false;
        }
    }
    // Where fetches and data accesses use different address spaces, an entry of the hardware's TLB serves one of the
    // two.
    if state.fetch_space() != state.data_space() {
        // The instruction's own page has to stay executable while it runs.
        if !fetch && (ea ^ st.switch.nip()) >> HOST_SHIFT == 0 {
            return emulate(true);
        }
        max_shift = max_shift.min(HOST_SHIFT);
        permissions.execute &= fetch;
        permissions.read &= !fetch;
        permissions.write &= !fetch;
    }

    let target = Target {
        context: st.current_context(vcpu.id),
        entry: found.index,
        ea,
        gpa,
        // The page must not be larger than the guest's.
        max_shift,
        attributes,
        permissions,
        writing,
    };
    if map_present(vcpu, st, slot, &target)
        || fault_in(slot.hva(gpa >> PAGE_SHIFT), writing) && map_present(vcpu, st, slot, &target)
    {
        return Ok(Resolution::Resume);
    }
    map_by_reference(vcpu, st, slot, &target)?;
    Ok(Resolution::Resume)
}

/// The page that is to be mapped.
struct Target {
    context: Context,
    entry: u8,
    ea: u32,
    gpa: u64,
    max_shift: u32,
    attributes: Attributes,
    permissions: Permissions,
    writing: bool,
}

const HOST_SHIFT: u32 = PAGE_SHIFT as u32;

/// Sizes of the larger pages that are tried where userspace's memory happens to be contiguous. With pages of the
/// largest size the TLB can map a gigabyte, and to examine all of such a page takes about as long as two misses.
const LARGER: Range<u32> = HOST_SHIFT + 1..21;

impl Target {
    /// May the hardware's TLB entry permit writes?
    fn writable(&self, slot: &MemSlot, owner: bool) -> bool {
        fault::writable(slot, self.permissions.write, owner, self.writing)
    }

    fn insert(
        &self,
        vcpu: &Vcpu<E44x>,
        st: &mut E44xVcpu,
        mmu: &mut MmuGuard<'_, E44x>,
        (real, shift): (u64, u32),
        permissions: Permissions,
        attributes: Attributes,
    ) {
        let vm = vcpu.vm();
        let mapping = Mapping {
            pid: context_number(vm, st, mmu, self.context),
            vcpu: vcpu.id,
            entry: self.entry,
            ea: self.ea,
            shift,
            gpa: self.gpa,
            real,
            permissions,
            attributes,
        };
        if permissions.execute {
            clean_new_page(real, shift);
        }
        mmu.shadow.insert(&mapping, &mut tlb(vm));
    }
}

/// Maps the page if userspace's own page tables have it already. Returns whether they did.
fn map_present(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, slot: &MemSlot, t: &Target) -> bool {
    let vm = vcpu.vm();
    let look = |quiet: &Quiet<'_>, page: HostPage| {
        let writable = t.writable(slot, page.writable);
        let shift = t.max_shift.min(HOST_SHIFT);
        let larger = LARGER
            .filter(|s| *s <= t.max_shift && PAGE_SHIFTS.contains(s) && !slot.log_dirty())
            .take_while(|s| contiguous(quiet, vm, slot, t.gpa, &page, *s, writable))
            .last();
        (page.phys, writable, larger.unwrap_or(shift))
    };
    fault::map_present(
        vm,
        slot,
        t.gpa >> PAGE_SHIFT,
        t.writing,
        look,
        |mmu, (phys, write, shift)| {
            let permissions = Permissions {
                write,
                ..t.permissions
            };
            let real = phys | t.gpa & ((1 << PAGE_SHIFT) - 1);
            let attributes = storage(t.attributes, false);
            t.insert(vcpu, st, mmu, (real, shift), permissions, attributes);
            write
        },
    )
}

/// Is all of the page of 2^`shift` bytes at `gpa` in the slot, and in memory as it has to be?
fn contiguous(
    quiet: &Quiet<'_>,
    vm: &Vm<E44x>,
    slot: &MemSlot,
    gpa: u64,
    page: &HostPage,
    shift: u32,
    writable: bool,
) -> bool {
    let inside = (1u64 << shift) - 1;
    let gfns = slot.gfns();
    let first = (gpa & !inside) >> PAGE_SHIFT;
    let pages = 1u64 << (shift - HOST_SHIFT);
    (gpa ^ page.phys) & inside >> PAGE_SHIFT << PAGE_SHIFT == 0
        && gfns.start <= first
        && first + pages <= gfns.end
        && HostPage::contiguous(
            quiet,
            &vm.mm,
            slot.hva(first),
            pages as usize,
            page.phys & !inside,
            writable,
        )
}

/// Maps a page that userspace's page tables do not have yet, or finds out what is wrong.
fn map_by_reference(vcpu: &Vcpu<E44x>, st: &mut E44xVcpu, slot: &MemSlot, t: &Target) -> Result {
    let (vm, gfn) = (vcpu.vm(), t.gpa >> PAGE_SHIFT);
    let page = Referenced::get(vm, slot.hva(gfn), t.writing)?;
    page.map(vm, slot, gfn, |mmu, page| {
        let inhibited = page.cache_inhibited();
        let permissions = Permissions {
            write: t.writable(slot, page.writable()),
            execute: t.permissions.execute && !inhibited,
            ..t.permissions
        };
        let real = page.phys() | t.gpa & ((1 << PAGE_SHIFT) - 1);
        let shift = t.max_shift.min(HOST_SHIFT);
        let attributes = storage(t.attributes, inhibited);
        t.insert(vcpu, st, mmu, (real, shift), permissions, attributes);
        Some(permissions.write)
    });
    Ok(())
}

/// The guest has emulated an instruction on a cache block at this address: instructions are fetched anew from its page.
pub(crate) fn sync_code(vcpu: &Vcpu<E44x>, gpa: u64) {
    let vm = vcpu.vm();
    let slots = vm.slots.read();
    let Some(slot) = slots.find(gpa >> PAGE_SHIFT) else {
        return;
    };
    let mut mmu = vm.mmu.lock();
    let page = mmu
        .quiet()
        .and_then(|quiet| HostPage::find(&quiet, &vm.mm, slot.hva(gpa >> PAGE_SHIFT), false));
    // The cache is cleaned for a page that is not present when it is mapped.
    if let Some(page) = page {
        clean_page(page.phys);
    }
    mmu.shadow.forget_code();
}

/// The guest has made all of the instruction cache invalid, or userspace may have written what the guest executes.
pub(crate) fn forget_code(vm: &Vm<E44x>) {
    vm.mmu.lock().shadow.forget_code();
}

/// The attributes of a page of which the guest's entry has `guest`: memory is mapped as the host itself maps it,
/// whatever the guest's entry says, since all mappings of a page have to agree on caching.
fn storage(guest: Attributes, inhibited: bool) -> Attributes {
    let inhibited = if inhibited { Attributes::I } else { 0 };
    Attributes(guest.0 & (Attributes::G | Attributes::E) | inhibited)
}

/// The hardware's TLB, by which the shadow's changes are made.
fn tlb(vm: &Vm<E44x>) -> Tlb<'_> {
    vm.arch.block.tlb(&vm.arch_stats.tlb_writes)
}

/// The number of a context in the hardware's PID register. If another VM has used the TLB since, its entries are
/// forgotten first.
pub(crate) fn context_number(
    vm: &Vm<E44x>,
    st: &mut E44xVcpu,
    mmu: &mut MmuGuard<'_, E44x>,
    context: Context,
) -> ShadowPid {
    if vm.arch.block.acquire_tlb() {
        mmu.shadow.forget();
        vm.arch_stats.tlb_takeovers.inc();
    }
    match st.context {
        Some((known, pid)) if known == context && mmu.shadow.is_current(pid) => pid,
        _ => {
            let pid = mmu.shadow.context(context, &mut tlb(vm));
            st.context = Some((context, pid));
            pid
        }
    }
}

/// Removes all translations.
pub(crate) fn clear(vm: &Vm<E44x>) {
    let mut mmu = vm.mmu.lock();
    mmu.shadow.clear(&mut tlb(vm));
}

/// The guest has changed entry `entry` of its TLB.
pub(crate) fn entry_changed(vcpu: &Vcpu<E44x>, entry: u8) {
    let vm = vcpu.vm();
    let mut mmu = vm.mmu.lock();
    mmu.shadow.remove_entry(vcpu.id, entry, &mut tlb(vm));
}

fn addresses(gfns: &Range<Gfn>) -> Range<u64> {
    gfns.start << PAGE_SHIFT..gfns.end << PAGE_SHIFT
}

/// `Backend::unmap_range`. A page was noted as written when it was mapped as writable.
pub(crate) fn unmap(vm: &Vm<E44x>, mmu: &mut E44xMmu, gfns: &Range<Gfn>) -> bool {
    let mut hw = tlb(vm);
    let mut any = false;
    mmu.shadow
        .remove_range(&addresses(gfns), false, &mut hw, |_| any = true);
    any
}

/// `Backend::age_range`. The hardware keeps no reference bits, so a page that is mapped counts as referenced.
pub(crate) fn age(vm: &Vm<E44x>, mmu: &mut E44xMmu, gfns: &Range<Gfn>, clear: bool) -> bool {
    let young = mmu.shadow.maps(&addresses(gfns));
    if clear {
        unmap(vm, mmu, gfns);
    }
    young
}

/// `Backend::sync_dirty`: makes the next write fault. A page was noted as written when it was mapped as
/// writable.
pub(crate) fn sync_dirty(vm: &Vm<E44x>, mmu: &mut E44xMmu, gfns: &Range<Gfn>) {
    let mut hw = tlb(vm);
    mmu.shadow
        .remove_range(&addresses(gfns), true, &mut hw, |_| ());
}
