// SPDX-License-Identifier: GPL-2.0

//! Faults in the partition-scoped tree: hypervisor data and instruction storage interrupts.

use super::{
    count_large,
    guest::fetch_at_once,
    tree::{MapError, GEOMETRY, LINEAR},
    HvMmu,
};
use crate::{
    host::{
        host_page::{fault_in, HostPage, Neighbours},
        mm::UserPage,
    },
    hv::{
        fault::{device_at_once, reflect, AtOnce, Resolution, StorageFault},
        vcpu::HvVcpu,
        Hv,
    },
    isa::{
        dsisr::Dsisr,
        rpte::{Attribute, Geometry, Level, Rpte},
    },
    vm::{
        fault::writable as may_write,
        memslot::{MemSlot, MemSlots},
        mmu_lock::MmuGuard,
        Vcpu, Vm,
    },
};
use core::ops::Range;
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
};

/// Resolves a fault from what is present, without sleeping or waiting for a lock. If that is not possible it returns
/// `None`, and [`resolve`] has to resolve the fault. If the access is to a device, `st.device` is set, so that nobody
/// need look for a slot again.
#[inline(always)]
pub(crate) fn at_once(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault) -> Option<AtOnce> {
    let vm = vcpu.vm();
    let dsisr = fault.dsisr;
    let unusual = Dsisr::UNSUPP_MMU | Dsisr::BADACCESS | Dsisr::PRTABLE_FAULT;
    if dsisr.intersects(unusual) {
        return None;
    }
    let gpa = fault.gpa();
    let writing = dsisr.intersects(Dsisr::ISSTORE);
    // No slot is looked up here: the tree maps only memory in slots, and permits writing only in slots that are not
    // read-only.
    if dsisr.intersects(Dsisr::SET_RC) {
        let mmu = vm.mmu.try_lock()?;
        if set_rc(&mmu, gpa, writing) {
            return Some(AtOnce::Mapped);
        }
    }
    let slots = vm.slots.read();
    let Some(slot) = slot_at(&slots, gpa) else {
        if fault.fetch {
            return None;
        }
        drop(slots);
        return device_at_once(vcpu, st, gpa, writing, fetch_at_once);
    };
    if writing && slot.readonly() {
        return None;
    }
    let mut mmu = vm.mmu.try_lock()?;
    let hva = slot.hva(gpa >> PAGE_SHIFT);
    let Some(page) = HostPage::find(&mmu.quiet()?, &vm.mm, hva, writing) else {
        st.absent = true;
        return None;
    };
    let leaf = Leaf::of_host_page(slot, gpa, hva, writing, &page);
    if leaf.level != Level::L0 {
        return None;
    }
    // SAFETY: The page was found while the lock excluded invalidations, and the lock is held still.
    unsafe { mmu.tree.map_small(gpa, leaf.pte) }.then(|| {
        around(vm, &mut mmu, slot, gpa, hva);
        AtOnce::Mapped
    })
}

/// The slot that contains the address. `None` too if the address has more bits than the tree translates.
#[inline(always)]
fn slot_at(slots: &MemSlots, gpa: u64) -> Option<&MemSlot> {
    let addressable = gpa >> Geometry::ADDRESS_BITS == 0;
    let slot = slots.find(gpa >> PAGE_SHIFT).filter(|_| addressable)?;
    Some(slot)
}

/// Resolves a fault. Returns `EFAULT` (or what looking the page up gave) if userspace has nothing usable mapped.
#[inline]
pub(crate) fn resolve(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    fault: &StorageFault,
) -> Result<Resolution> {
    let vm = vcpu.vm();
    let dsisr = fault.dsisr;
    if dsisr.intersects(Dsisr::UNSUPP_MMU) {
        return Err(EFAULT);
    }
    if dsisr.intersects(Dsisr::BADACCESS) {
        reflect(vcpu, st, fault, dsisr);
        return Ok(Resolution::Resume);
    }

    let table_walk = dsisr.intersects(Dsisr::PRTABLE_FAULT);
    let gpa = fault.gpa();
    let writing = dsisr.intersects(Dsisr::ISSTORE);
    let slots = vm.slots.read();
    let Some(slot) = slot_at(&slots, gpa) else {
        if fault.fetch || table_walk {
            // Instruction fetches and table walks are not emulated: the guest has jumped to a wrong address, or its own
            // tables lead to one.
            reflect(vcpu, st, fault, dsisr);
            return Ok(Resolution::Resume);
        }
        // This is right for a missing reference or change bit too: then the slot was deleted after the fault.
        return Ok(Resolution::Mmio(gpa));
    };
    if writing && slot.readonly() {
        if !fault.fetch && !table_walk {
            // A store to a read-only slot exits to userspace like a store to a device.
            return Ok(Resolution::Mmio(gpa));
        }
        reflect(vcpu, st, fault, Dsisr::ISSTORE | Dsisr::PROTFAULT);
        return Ok(Resolution::Resume);
    }

    if dsisr.intersects(Dsisr::SET_RC) && set_rc(&vm.mmu.lock(), gpa, writing) {
        return Ok(Resolution::Resume);
    }
    let fetch = fault.fetch && !table_walk;
    if !map(vcpu, st, slot, gpa, writing, fetch)? {
        reflect(vcpu, st, fault, Dsisr::NOEXEC_OR_G);
    }
    Ok(Resolution::Resume)
}

/// Sets the reference bit, and for a store the change bit, because the hardware does not. Returns false if the tree
/// does not map the page for this access.
fn set_rc(mmu: &HvMmu, gpa: u64, writing: bool) -> bool {
    match mmu.tree.find(gpa) {
        Some(leaf) if !writing || leaf.pte.may_write() => {
            leaf.set(Rpte::R.set(Rpte::C, writing));
            true
        }
        _ => false,
    }
}

/// Maps userspace's page that is at `gpa`. If userspace's mapping changes meanwhile, it maps nothing, and the guest
/// faults again. Returns false for a `fetch` from a page of a device, which may not be executed.
fn map(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    slot: &MemSlot,
    gpa: u64,
    writing: bool,
    fetch: bool,
) -> Result<bool> {
    let vm = vcpu.vm();
    let hva = slot.hva(gpa >> PAGE_SHIFT);
    let absent = core::mem::take(&mut st.absent);
    // If this page was absent, its neighbours are most likely absent too, so they are not looked for.
    if !absent && map_present(vcpu, st, slot, gpa, hva, writing, true)?
        || fault_in(hva, writing) && map_present(vcpu, st, slot, gpa, hva, writing, false)?
    {
        return Ok(true);
    }

    // Userspace's page tables alone do not say what to map: the page may be a device's, or there is an error to report.
    let seq = vm.mmu.fault_begin();
    let mut page = UserPage::get(hva, writing)?;
    let leaf = Leaf::new(slot, gpa, hva, writing, &page);
    loop {
        let mut mmu = vm.mmu.lock();
        if mmu.retry(&seq, &leaf.hvas(hva)) {
            return Ok(true);
        }
        if fetch && !leaf.pte.contains(Rpte::EXEC) {
            return Ok(false);
        }
        // SAFETY: The page was found after `seq` was read. `retry`, called with the lock held, has said that no
        // invalidation of anything that the leaf maps has begun since or is under way.
        if unsafe { leaf.insert(vcpu, st, slot, gpa, &mut mmu)? } {
            // From now on the guest may write to the page at any time, so the page is marked dirty. This has to be done
            // before the lock is dropped, because then the page may be unmapped and cleaned.
            page.set_mapped(leaf.pte.may_write());
            drop(page);
            return Ok(true);
        }
        drop(mmu);
        st.spare.refill()?;
    }
}

/// Maps the page that userspace's page tables have at `hva`, and with `neighbours` the present pages beside it. Returns
/// whether the page at `hva` is mapped now.
fn map_present(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    slot: &MemSlot,
    gpa: u64,
    hva: usize,
    writing: bool,
    neighbours: bool,
) -> Result<bool> {
    let vm = vcpu.vm();
    loop {
        let mut mmu = vm.mmu.lock();
        let page = mmu
            .quiet()
            .and_then(|quiet| HostPage::find(&quiet, &vm.mm, hva, writing));
        let Some(page) = page else {
            return Ok(false);
        };
        let leaf = Leaf::of_host_page(slot, gpa, hva, writing, &page);
        // SAFETY: The page was found while the lock excluded invalidations, and the lock is held still.
        if unsafe { leaf.insert(vcpu, st, slot, gpa, &mut mmu)? } {
            if neighbours && leaf.level == Level::L0 {
                around(vm, &mut mmu, slot, gpa, hva);
            }
            return Ok(true);
        }
        drop(mmu);
        st.spare.refill()?;
    }
}

/// Maps the pages that userspace's tables have beside `hva`, whose page has just been mapped at `gpa`: the guest will
/// probably access them soon. Only pages that userspace's own entries mark as used are mapped, and with R set. While
/// dirty pages are logged nothing is mapped, because the guest's first store to each page has to fault.
#[inline]
fn around(vm: &Vm<Hv>, mmu: &mut MmuGuard<'_, Hv>, slot: &MemSlot, gpa: u64, hva: usize) {
    if slot.log_dirty() {
        return;
    }
    // The neighbours are the pages in one page table of userspace's that are in the slot, too.
    let block = hva & !(Neighbours::COUNT * PAGE_SIZE - 1);
    let hvas = slot.hvas();
    let number = |hva: usize| (hva.saturating_sub(block) >> PAGE_SHIFT).min(Neighbours::COUNT);
    let within = number(hvas.start)..number(hvas.end);
    let own = number(hva);
    let gpa_of = |n: usize| {
        let page = (gpa >> PAGE_SHIFT)
            .wrapping_add(n as u64)
            .wrapping_sub(own as u64);
        page << PAGE_SHIFT
    };
    let wanted = mmu.tree.lacking(gpa_of(within.start), within.len()) << within.start;
    if wanted == 0 {
        return;
    }
    let Some(quiet) = mmu.quiet() else {
        return;
    };
    let pages = Neighbours::find(&quiet, &vm.mm, block, wanted);
    for (n, phys, writable) in pages.iter() {
        let leaf = Leaf::with(slot, Level::L0, phys, writable, false, true);
        // SAFETY: The page was found while the lock excluded invalidations, and the lock is held still.
        unsafe { mmu.tree.map_small(gpa_of(n), leaf.pte) };
    }
}

/// A leaf that is to be put into the tree.
struct Leaf {
    level: Level,
    pte: Rpte,
}

impl Leaf {
    fn of_host_page(slot: &MemSlot, gpa: u64, hva: usize, writing: bool, page: &HostPage) -> Self {
        let level = level(slot, gpa, hva, page.shift);
        Self::with(slot, level, page.phys, page.writable, writing, true)
    }

    fn new(slot: &MemSlot, gpa: u64, hva: usize, writing: bool, page: &UserPage) -> Self {
        let level = level(slot, gpa, hva, page.mapping_shift());
        let linear = page.has_struct_page();
        let mut leaf = Self::with(slot, level, page.phys(), page.writable(), writing, linear);
        if page.cache_inhibited() {
            leaf.pte = leaf
                .pte
                .with_attribute(Attribute::NonIdempotent)
                .without(Rpte::EXEC);
        }
        leaf
    }

    fn with(
        slot: &MemSlot,
        level: Level,
        phys: u64,
        writable: bool,
        writing: bool,
        linear: bool,
    ) -> Self {
        let writable = may_write(slot, true, writable, writing);
        let bits = (Rpte::R | Rpte::READ | Rpte::EXEC)
            .set(Rpte::WRITE, writable)
            .set(Rpte::C, writing)
            .set(LINEAR, linear);
        let real = phys & !((1 << GEOMETRY.shift(level)) - 1);
        Self {
            level,
            pte: Rpte::leaf(real, bits),
        }
    }

    /// All that the leaf maps, as userspace's addresses.
    fn hvas(&self, hva: usize) -> Range<usize> {
        let size = 1usize << GEOMETRY.shift(self.level);
        let first = hva & !(size - 1);
        first..first + size
    }

    /// Puts the leaf into the tree. Returns false if tables are missing, and `EFAULT` if the tree has no place for it.
    ///
    /// # Safety
    ///
    /// As [`Tree::map`](super::tree::Tree::map).
    unsafe fn insert(
        &self,
        vcpu: &Vcpu<Hv>,
        st: &mut HvVcpu,
        slot: &MemSlot,
        gpa: u64,
        mmu: &mut MmuGuard<'_, Hv>,
    ) -> Result<bool> {
        let vm = vcpu.vm();
        let removed = |gpa, shift, old| super::notify::removed(vm, slot, gpa, shift, old);
        // SAFETY: The caller's promise.
        let mapped = unsafe {
            mmu.tree
                .map(gpa, self.level, self.pte, &mut st.spare, removed)
        };
        match mapped {
            Ok(mapped) => {
                if mapped.new {
                    count_large(vm, Some(self.level), 1);
                }
                if mapped.flushes != 0 {
                    vm.arch_stats.tlb_flushes.add(mapped.flushes);
                }
                Ok(true)
            }
            Err(MapError::NeedTables) => Ok(false),
            Err(MapError::NoSuchPlace) => Err(EFAULT),
        }
    }
}

/// The level of the largest page that can map `gpa`: it has to fit into the host's mapping of 2^`shift` bytes and into
/// the slot, and the two addresses have to be aligned alike.
fn level(slot: &MemSlot, gpa: u64, hva: usize, shift: u32) -> Level {
    if shift <= PAGE_SHIFT as u32 || slot.log_dirty() {
        // The dirty log has a bit for each page of the smallest size.
        return Level::L0;
    }
    let gfns = slot.gfns();
    let bytes = gfns.start << PAGE_SHIFT..gfns.end << PAGE_SHIFT;
    for level in [Level::L2, Level::L1] {
        let size = 1u64 << GEOMETRY.shift(level);
        let start = gpa & !(size - 1);
        if shift >= GEOMETRY.shift(level)
            && (gpa ^ hva as u64) & (size - 1) & !((1 << PAGE_SHIFT) - 1) == 0
            && bytes.start <= start
            && start + size <= bytes.end
        {
            return level;
        }
    }
    Level::L0
}
