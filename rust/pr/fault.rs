// SPDX-License-Identifier: GPL-2.0

//! Segments and pages that are missing while the guest runs: they are shadowed if the guest's own tables have them;
//! else the guest gets the interrupt.

use super::{
    dcbz::{self, Code},
    fetch, hpt, magic,
    mmu::{ShadowPage, NO_GPA, PAGE_4K},
    reserve,
    sc1::{self, Searched},
    segment, split,
    translate::{lock, Absent, Miss, Translated},
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    host::{
        hash::{Frame, Permission},
        host_page::fault_in,
    },
    isa::{
        dsisr::Dsisr,
        insn::Insn,
        radix_walk::{truncated, Access, Fault},
    },
    vm::{
        fault::{self as vm_fault, Referenced},
        memslot::MemSlot,
        mmio,
        run_loop::Next,
        run_page::RunPage,
        Vcpu,
    },
};
use kernel::{page::PAGE_SHIFT, prelude::*, sync::atomic::Relaxed};

/// A segment is missing at `ea`.
pub(crate) fn missing_segment(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, ea: u64, access: Access) {
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
    segment::shadow(vcpu, st, mode, ea, key);
}

/// What an access without a page needs, found with the guest's page table locked.
enum Step {
    /// Nothing more: the page is mapped, or the guest gets an interrupt, or it is to access the page again.
    Done,
    /// Memory that the guest's page table is in.
    Table(Absent),
    /// The page at this address of userspace.
    Page(usize),
    /// A search of the page for `dcbz` before it is executed.
    Look(Translated),
    /// A search of the page for `sc 1` before it is executed.
    Search(Translated),
    /// Emulation: the guest real address is a device's.
    Device(u64),
    /// Emulation: a store to the page that the instruction is in.
    Own,
    /// An instruction storage interrupt: userspace has mapped a device's page there, and nothing is executed in one.
    NotExecutable,
    /// Userspace has nothing usable there.
    Failed(Error),
}

/// What has been prepared for the access without the lock.
#[derive(Default)]
struct Ready {
    /// The page at this address has been faulted in once.
    populated: Option<usize>,
    page: Option<Referenced>,
    /// There is no page at this address, for this reason.
    failed: Option<(usize, Error)>,
    /// What was found in the 4 KB at this guest real address.
    code: Option<(u64, Code)>,
    searched: Option<Searched>,
}

/// How often an access is looked at again before the guest has to repeat it, so that signals are noticed.
const ATTEMPTS: usize = 16;

/// The guest's access to `ea` has no page, or one that does not permit it. Returns `EFAULT` (or what looking the
/// page up gave) if userspace has nothing usable mapped. Sleeps, but not while the guest's page table is locked: other
/// vCPUs do not wait for a page that this one waits for.
pub(crate) fn page(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    ea: u64,
    access: Access,
) -> Result<Next> {
    let ea = truncated(ea, st.msr());
    if let Some((frame, permission)) = magic::page(st, ea, access) {
        return map_magic(vcpu, st, ea, frame, permission);
    }
    let mut ready = Ready::default();
    for _ in 0..ATTEMPTS {
        match attempt(vcpu, st, ea, access, &mut ready) {
            Step::Done => return Ok(Next::Guest),
            Step::Page(hva) => get_page(vcpu, hva, access == Access::Store, &mut ready),
            Step::Table(absent) => {
                if !absent.populate() {
                    inject(st, ea, access, Fault::Storage(unreadable(access)));
                    return Ok(Next::Guest);
                }
            }
            // If its slot has just been deleted, the next attempt finds that.
            Step::Look(to) => {
                ready.code = dcbz::look(vcpu, to.gpa)?.map(|code| (to.gpa & PAGE_4K, code))
            }
            Step::Search(to) => ready.searched = Some(sc1::search(vcpu, st, &to, ea)?),
            // The page cannot be executed and written at once, so the store is emulated.
            Step::Own => match fetch::walked(vcpu, st) {
                Some(insn) => return store_to_code(vcpu, st, run, insn, ea),
                None => return Ok(Next::Guest),
            },
            Step::Device(gpa) => return device(vcpu, st, run, ea, gpa, access),
            Step::NotExecutable => {
                st.inject_fetch(Fault::Storage(Dsisr::NOEXEC_OR_G));
                return Ok(Next::Guest);
            }
            Step::Failed(why) => return Err(why),
        }
    }
    Ok(Next::Guest)
}

/// Emulates `insn`, the guest's next instruction, which stores at `ea`, in a page that may have been searched and
/// mapped for execution. Errors as [`mmio::start`].
#[cold]
#[inline(never)]
pub(crate) fn store_to_code(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    insn: Insn,
    ea: u64,
) -> Result<Next> {
    let next = mmio::start_anywhere(vcpu, st, run, insn, ea)?;
    dcbz::written(vcpu, st, ea);
    Ok(next)
}

/// DSISR for a guest whose page table cannot be read.
fn unreadable(access: Access) -> Dsisr {
    Dsisr::NOPTE.set(Dsisr::ISSTORE, access == Access::Store)
}

fn inject(st: &mut PrVcpu, ea: u64, access: Access, fault: Fault) {
    match access {
        Access::Fetch => st.inject_fetch(fault),
        _ => st.inject_data(ea, fault),
    }
}

/// Translates the access and maps the page, if everything that this needs is there. The guest's page table is locked
/// until this returns.
#[inline(always)]
fn attempt(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, ea: u64, access: Access, ready: &mut Ready) -> Step {
    let vm = vcpu.vm();
    let locked = lock(&vm.arch.hpt);
    let to = match hpt::translate(vcpu, st, &locked, ea, access) {
        Ok(to) => to,
        Err(Miss::Absent(absent)) => return Step::Table(absent),
        Err(Miss::Fault(fault)) => {
            inject(st, ea, access, fault);
            return Step::Done;
        }
    };
    let mut to = match split::combine(vcpu, st, &locked, to, ea, access) {
        Ok(Some(to)) => to,
        Ok(None) => return Step::Done,
        Err(absent) => return Step::Table(absent),
    };
    if !sc1::restrict(vcpu, st, &mut to, ea, access, ready.searched) {
        return Step::Search(to);
    }
    let watched = vm.arch.dcbz_traps.load(Relaxed);
    if watched {
        to.write &= access != Access::Fetch;
        to.execute &= access == Access::Fetch;
        if access == Access::Store {
            match dcbz::is_own(vcpu, st, &locked, to.gpa) {
                Ok(true) => return Step::Own,
                Ok(false) => {}
                Err(absent) => return Step::Table(absent),
            }
        }
    }
    let store = access == Access::Store;
    let slots = vm.slots.read();
    let slot = slots.find(to.gpa >> PAGE_SHIFT);
    let Some(slot) = slot.filter(|s| !store || !s.readonly()) else {
        return Step::Device(to.gpa);
    };
    if watched && access == Access::Fetch {
        match ready.code.take() {
            Some((gpa, Code::Plain(count))) if gpa == to.gpa & PAGE_4K => to.looked = Some(count),
            Some((gpa, Code::Copy(page, count))) if gpa == to.gpa & PAGE_4K => {
                dcbz::map(vcpu, &to, ea, page, count);
                return Step::Done;
            }
            _ => return Step::Look(to),
        }
    }
    map(vcpu, slot, &to, ea, access, ready)
}

/// An access to a guest real address that no slot has, or a store to one of a read-only slot. Errors as
/// [`mmio::start`].
fn device(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    ea: u64,
    gpa: u64,
    access: Access,
) -> Result<Next> {
    match access {
        // Instructions are not fetched from devices: the guest has jumped to a wrong address.
        Access::Fetch => {
            st.inject_fetch(Fault::Storage(Dsisr::NOPTE));
            Ok(Next::Guest)
        }
        _ => {
            let (suspect, nip) = (reserve::suspects_access(vcpu, st), st.nip());
            vcpu.arch_stats.mmio_exits.inc();
            let next = mmio::start(vcpu, st, run, ea, gpa, access == Access::Store)?;
            if suspect {
                reserve::emulated(vcpu, st, nip);
            }
            Ok(next)
        }
    }
}

/// Gets the page at `hva`: the first time by having it faulted in, and then, if that was not enough, by a reference to
/// it.
fn get_page(vcpu: &Vcpu<Pr>, hva: usize, writing: bool, ready: &mut Ready) {
    if ready.populated.replace(hva) != Some(hva) && fault_in(hva, writing) {
        return;
    }
    // The owner's page table is not enough for this page, or there is an error: this says which.
    match Referenced::get(vcpu.vm(), hva, writing) {
        Ok(page) => ready.page = Some(page),
        Err(why) => ready.failed = Some((hva, why)),
    }
}

/// Maps the page that the guest's kernel has registers in.
fn map_magic(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    ea: u64,
    frame: Frame,
    permission: Permission,
) -> Result<Next> {
    if let Some(key) = hpt::segment(vcpu, st, ea, Access::Load) {
        let page = ShadowPage {
            ea,
            gpa: NO_GPA,
            frame,
            permission,
            looked: None,
        };
        vcpu.vm().mmu.lock().map(key, &page);
    }
    Ok(Next::Guest)
}

/// Maps the page of userspace that the guest has at `ea`, if it is there. If it is just changing, the guest has to
/// fault again. The guest's page table is locked.
#[inline(always)]
fn map(
    vcpu: &Vcpu<Pr>,
    slot: &MemSlot,
    to: &Translated,
    ea: u64,
    access: Access,
    ready: &mut Ready,
) -> Step {
    let writing = access == Access::Store;
    let hva = slot.hva(to.gpa >> PAGE_SHIFT);
    if map_present(vcpu, slot, to, ea, writing) {
        count_mapped(vcpu, access);
        return Step::Done;
    }
    if let Some(page) = ready.page.take_if(|page| page.hva() == hva) {
        return map_referenced(vcpu, slot, to, ea, access, page);
    }
    match ready.failed {
        Some((at, why)) if at == hva => Step::Failed(why),
        _ => Step::Page(hva),
    }
}

fn map_referenced(
    vcpu: &Vcpu<Pr>,
    slot: &MemSlot,
    to: &Translated,
    ea: u64,
    access: Access,
    page: Referenced,
) -> Step {
    let writing = access == Access::Store;
    let mut step = Step::Done;
    page.map(vcpu.vm(), slot, to.gpa >> PAGE_SHIFT, |mmu, page| {
        let (writable, inhibited) = (page.writable(), page.cache_inhibited());
        if inhibited && access == Access::Fetch {
            step = Step::NotExecutable;
            return None;
        }
        let frame = Frame::of_user_page(page);
        let shadow = shadow(slot, to, ea, frame, writable, writing, inhibited);
        let mapped = mmu.map(to.key, &shadow);
        if mapped {
            count_mapped(vcpu, access);
        }
        mapped.then_some(shadow.permission.write)
    });
    step
}

fn count_mapped(vcpu: &Vcpu<Pr>, access: Access) {
    match access {
        Access::Fetch => vcpu.arch_stats.sp_instruc.inc(),
        _ => vcpu.arch_stats.sp_storage.inc(),
    }
}

/// Maps what userspace's own tables have for the page, if that needs no help; returns whether it did.
fn map_present(vcpu: &Vcpu<Pr>, slot: &MemSlot, to: &Translated, ea: u64, writing: bool) -> bool {
    vm_fault::map_present(
        vcpu.vm(),
        slot,
        to.gpa >> PAGE_SHIFT,
        writing,
        |quiet, page| (Frame::of_host_page(&page, quiet), page.writable),
        |mmu, (frame, writable)| {
            let shadow = shadow(slot, to, ea, frame, writable, writing, false);
            // If the host's table had no room, the guest faults again.
            mmu.map(to.key, &shadow) && shadow.permission.write
        },
    )
}

fn shadow(
    slot: &MemSlot,
    to: &Translated,
    ea: u64,
    frame: Frame,
    writable: bool,
    writing: bool,
    cache_inhibited: bool,
) -> ShadowPage {
    let write = vm_fault::writable(slot, to.write, writable, writing);
    ShadowPage {
        ea,
        gpa: to.gpa,
        frame: match to.key.large() {
            true => frame,
            false => frame.part(to.gpa),
        },
        permission: Permission {
            write,
            execute: to.execute && !cache_inhibited,
            cache_inhibited,
        },
        looked: to.looked,
    }
}
