// SPDX-License-Identifier: GPL-2.0

//! Segments and pages that are missing while the guest runs: shadowed if the guest has them, else its own fault.

use super::{
    dcbz::{self, Code},
    hpt::{self, lock, Translated},
    magic,
    mmu::{within_host_page, SegmentKey, ShadowPage, NO_GPA},
    sc1,
    slb::Mode,
    split,
    vcpu::PrVcpu,
    Pr,
};
use crate::{
    host::{
        hash::Permission,
        host_page::{fault_in, HostPage},
        mm::UserPage,
    },
    isa::{
        dsisr::Dsisr,
        radix_walk::{truncated, Access, Fault},
        slb::{SegmentSize, Slbe},
    },
    vm::{memslot::MemSlot, mmio, run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::atomic::Relaxed,
};

/// A segment is missing at `ea`.
pub(crate) fn segment(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, ea: u64, access: Access) {
    vcpu.arch_stats.segment_misses.inc();
    let ea = truncated(ea, st.msr());
    let Some(key) = hpt::segment(vcpu, st, ea, access) else {
        match access {
            Access::Fetch => st.inject_fetch(Fault::Segment),
            _ => st.inject_data(ea, Fault::Segment),
        }
        return;
    };
    let mode = st.shadow.mode();
    shadow_segment(vcpu, st, mode, ea, key);
}

/// The guest has put this into its SLB and will use it, in problem state or before: a miss costs more than an entry
/// in vain. Of a larger segment, where is not known.
pub(crate) fn segment_expected(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, slbe: Slbe) {
    let (Some(SegmentSize::Mb256), Some(page)) = (slbe.segment(), slbe.base_page_shift()) else {
        return;
    };
    let large = vcpu.vm().arch.large_pages() && page >= 16;
    let ea = slbe.esid.raw();
    for problem_state in [false, true] {
        if let Some(key) = SegmentKey::of_slbe(slbe, ea, problem_state, large) {
            segment_known(vcpu, st, problem_state, ea, key);
        }
    }
}

/// The guest has this segment at `ea` in problem state or before, and will use it.
pub(crate) fn segment_known(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    problem_state: bool,
    ea: u64,
    key: SegmentKey,
) {
    let mode = Mode::relocated(problem_state);
    if st.shadow.keeps(mode) && !magic::touched(st, ea) {
        shadow_segment(vcpu, st, mode, ea, key);
    }
}

/// The guest runs in `mode` with the segment `key` at `ea`.
fn shadow_segment(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, mode: Mode, ea: u64, key: SegmentKey) {
    let vm = vcpu.vm();
    let (vsid, stale, generation) = {
        let mut mmu = vm.mmu.lock();
        let (vsid, stale) = mmu.segment(key);
        (vsid, stale, mmu.generation())
    };
    if stale {
        // All vCPUs drop what they have before they enter again, and those in their guests come out.
        vm.arch_stats.segment_flushes.inc();
        vm.request_all(super::request::SEGMENTS);
    }
    if st.shadow.generation != generation {
        st.forget_segments();
        st.shadow.generation = generation;
    }
    let large_bits = vm.arch.mmu.large_bits;
    st.shadow.add(mode, ea, key, vsid, large_bits);
    st.slb_changed = true;
}

/// The guest's access to `ea` has no page, or one that does not permit it. Returns `EFAULT` (or what looking the
/// page up gave) if userspace has nothing usable mapped.
pub(crate) fn page(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    ea: u64,
    access: Access,
) -> Result<Next> {
    let vm = vcpu.vm();
    let ea = truncated(ea, st.msr());
    if let Some((phys, permission)) = magic::page(st, ea, access) {
        return map_magic(vcpu, st, ea, phys, permission);
    }
    let (gpa, own) = {
        let locked = lock(&vm.arch.hpt);
        let to = match hpt::translate(vcpu, st, &locked, ea, access) {
            Ok(to) => to,
            Err(fault) => {
                match access {
                    Access::Fetch => st.inject_fetch(fault),
                    _ => st.inject_data(ea, fault),
                }
                return Ok(Next::Guest);
            }
        };
        let mut to = match split::combine(vcpu, st, &locked, to, ea, access) {
            Some(to) => to,
            None => return Ok(Next::Guest),
        };
        sc1::restrict(vcpu, st, &mut to, ea, access)?;
        let watched = vm.arch.dcbz_traps.load(Relaxed);
        if watched {
            to.write &= access != Access::Fetch;
            to.execute &= access == Access::Fetch;
        }
        let own = watched && access == Access::Store && dcbz::is_own(vcpu, st, &locked, to.gpa);
        let slots = vm.slots.read();
        match slots.find(to.gpa >> PAGE_SHIFT) {
            Some(slot) if !own && (access != Access::Store || !slot.readonly()) => {
                if watched && access == Access::Fetch {
                    match dcbz::look(vcpu, to.gpa)? {
                        Some(Code::Plain(count)) => to.looked = Some(count),
                        Some(Code::Copy(page, count)) => {
                            dcbz::map(vcpu, &to, ea, page, count);
                            return Ok(Next::Guest);
                        }
                        // Its slot has just gone: the guest faults again.
                        None => return Ok(Next::Guest),
                    }
                }
                if !map(vcpu, slot, &to, ea, access)? {
                    st.inject_fetch(Fault::Storage(Dsisr::NOEXEC_OR_G));
                }
                return Ok(Next::Guest);
            }
            _ => (to.gpa, own),
        }
    };
    if own {
        return dcbz::store_to_own(vcpu, st, run, ea);
    }
    match access {
        // Nothing can be emulated there: the guest's jump was wrong.
        Access::Fetch => {
            st.inject_fetch(Fault::Storage(Dsisr::NOPTE));
            Ok(Next::Guest)
        }
        _ => {
            vcpu.arch_stats.mmio_exits.inc();
            let store = access == Access::Store;
            mmio::start(vcpu, st, run, ea, gpa, store)
        }
    }
}

/// Maps the page that the guest's kernel has registers in.
fn map_magic(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    ea: u64,
    phys: u64,
    permission: Permission,
) -> Result<Next> {
    if let Some(key) = hpt::segment(vcpu, st, ea, Access::Load) {
        let page = ShadowPage {
            ea,
            gpa: NO_GPA,
            phys,
            permission,
            looked: None,
        };
        vcpu.vm().mmu.lock().map(key, &page);
    }
    Ok(Next::Guest)
}

/// Maps the page of userspace's that the guest has at `ea`, or gives up for the guest to fault again if it is
/// changing. The guest's page table is locked. Returns false if it is for a fetch, and the page is a device's, in which
/// nothing is executed.
#[inline(always)]
fn map(vcpu: &Vcpu<Pr>, slot: &MemSlot, to: &Translated, ea: u64, access: Access) -> Result<bool> {
    let vm = vcpu.vm();
    let writing = access == Access::Store;
    let hva = slot.hva(to.gpa >> PAGE_SHIFT);
    if map_present(vcpu, slot, to, ea, hva, writing)
        || fault_in(hva, writing) && map_present(vcpu, slot, to, ea, hva, writing)
    {
        return Ok(true);
    }

    // Something that userspace's tables alone do not tell, or an error to be found out.
    let seq = vm.mmu.fault_begin();
    let mut page = UserPage::get(hva, writing)?;
    let mut mmu = vm.mmu.lock();
    if mmu.retry(&seq, &(hva..hva.saturating_add(PAGE_SIZE))) {
        return Ok(true);
    }
    let (inhibited, writable) = (page.cache_inhibited(), page.writable());
    if inhibited && access == Access::Fetch {
        return Ok(false);
    }
    let shadow = shadow(slot, to, ea, page.phys(), writable, writing, inhibited);
    if mmu.map(to.key, &shadow) {
        // The guest may write whenever it likes from now on, and the page's owner has to know: before the lock is
        // dropped, since then the page may be taken away and cleaned.
        page.set_mapped(shadow.permission.write);
        note_written(slot, &shadow);
    }
    drop(page);
    Ok(true)
}

/// Maps what userspace's own tables have at `hva`, if that needs no help; returns whether it did.
fn map_present(
    vcpu: &Vcpu<Pr>,
    slot: &MemSlot,
    to: &Translated,
    ea: u64,
    hva: usize,
    writing: bool,
) -> bool {
    let vm = vcpu.vm();
    let mut mmu = vm.mmu.lock();
    let page = mmu
        .quiet()
        .and_then(|quiet| HostPage::find(&quiet, &vm.mm, hva, writing));
    let Some(page) = page else {
        return false;
    };
    let shadow = shadow(slot, to, ea, page.phys, page.writable, writing, false);
    if mmu.map(to.key, &shadow) {
        note_written(slot, &shadow);
    }
    // If there was no room, the guest faults again.
    true
}

fn shadow(
    slot: &MemSlot,
    to: &Translated,
    ea: u64,
    phys: u64,
    writable: bool,
    writing: bool,
    cache_inhibited: bool,
) -> ShadowPage {
    // While dirty pages are logged, the first store has to be seen whatever was read before.
    let write = to.write && writable && !slot.readonly() && (writing || !slot.log_dirty());
    ShadowPage {
        ea,
        gpa: to.gpa,
        phys: phys | within_host_page(to.gpa, to.key.large()),
        permission: Permission {
            write,
            execute: to.execute && !cache_inhibited,
            cache_inhibited,
        },
        looked: to.looked,
    }
}

/// What is mapped for writing counts as written: the host's table is not asked again.
fn note_written(slot: &MemSlot, page: &ShadowPage) {
    if page.permission.write {
        slot.mark_dirty(page.gfn());
    }
}
