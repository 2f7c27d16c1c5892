// SPDX-License-Identifier: GPL-2.0

//! Segments and pages that are missing while the guest runs: shadowed if the guest has them, else its own fault.

use super::{
    dcbz::{self, Code},
    fetch, hpt, magic,
    mmu::{ShadowPage, NO_GPA},
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
        host_page::{fault_in, HostPage},
        mm::UserPage,
    },
    isa::{
        dsisr::Dsisr,
        insn::Insn,
        radix_walk::{truncated, Access, Fault},
    },
    vm::{memslot::MemSlot, mmio, mmu_lock::FaultSeq, run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::atomic::Relaxed,
};

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
    /// Nothing more: mapped, or the guest has a fault of its own, or it is to try again.
    Done,
    /// The table itself is not there.
    Table(Absent),
    /// The page of userspace's at this address.
    Page(usize),
    /// A look at the code of the page before it is executed.
    Look(Translated),
    /// The same, for `sc 1`.
    Search(Translated),
    /// Emulation: the guest real address is a device's.
    Device(u64),
    /// Emulation: a store to the page that the instruction is in.
    Own,
    /// A fetch from the page of a device that userspace has mapped, in which nothing is executed.
    NotExecutable,
    /// Userspace has nothing usable there.
    Failed(Error),
}

/// What was made ready for the access without the lock.
#[derive(Default)]
struct Ready {
    /// The page at this address was asked for.
    populated: Option<usize>,
    page: Option<Fetched>,
    /// That failed.
    failed: Option<(usize, Error)>,
    /// The page of 4 KB at this guest real address, looked at.
    code: Option<(u64, Code)>,
    searched: Option<Searched>,
}

/// A page of userspace's, and what was known of invalidations before it was looked up.
struct Fetched {
    hva: usize,
    seq: FaultSeq,
    page: UserPage,
}

/// So often an access is looked at again before the guest makes it again: that lets signals in.
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
            // If its slot has just gone, the next look finds what is there instead.
            Step::Look(to) => {
                ready.code = dcbz::look(vcpu, to.gpa)?.map(|code| (to.gpa & !0xfff, code))
            }
            Step::Search(to) => ready.searched = Some(sc1::search(vcpu, st, &to, ea)?),
            // What cannot be executed and written at once.
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

/// Emulates `insn`, where the guest is, which stores at `ea`, where the guest may have code that was looked at. Errors as
/// [`mmio::start`].
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

/// What a guest gets whose table is not there.
fn unreadable(access: Access) -> Dsisr {
    Dsisr::NOPTE.set(Dsisr::ISSTORE, access == Access::Store)
}

fn inject(st: &mut PrVcpu, ea: u64, access: Access, fault: Fault) {
    match access {
        Access::Fetch => st.inject_fetch(fault),
        _ => st.inject_data(ea, fault),
    }
}

/// Translates the access and maps the page, if all is there that this takes. From here on to the end of it the guest's
/// page table is locked.
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
            Some((gpa, Code::Plain(count))) if gpa == to.gpa & !0xfff => to.looked = Some(count),
            Some((gpa, Code::Copy(page, count))) if gpa == to.gpa & !0xfff => {
                dcbz::map(vcpu, &to, ea, page, count);
                return Step::Done;
            }
            _ => return Step::Look(to),
        }
    }
    map(vcpu, slot, &to, ea, access, ready)
}

/// An access to what is not memory. Errors as [`mmio::start`].
fn device(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    run: &RunPage,
    ea: u64,
    gpa: u64,
    access: Access,
) -> Result<Next> {
    match access {
        // Nothing can be emulated there: the guest's jump was wrong.
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

/// Has the page at `hva` be there: first by userspace's tables, and if these do not help, by a reference to it.
fn get_page(vcpu: &Vcpu<Pr>, hva: usize, writing: bool, ready: &mut Ready) {
    if ready.populated.replace(hva) != Some(hva) && fault_in(hva, writing) {
        return;
    }
    // Something that userspace's tables alone do not tell, or an error to be found out.
    let seq = vcpu.vm().mmu.fault_begin();
    match UserPage::get(hva, writing) {
        Ok(page) => ready.page = Some(Fetched { hva, seq, page }),
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

/// Maps the page of userspace's that the guest has at `ea`, if it is there, or gives up for the guest to fault again if
/// it is changing. The guest's page table is locked.
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
    if map_present(vcpu, slot, to, ea, hva, writing) {
        return Step::Done;
    }
    if let Some(fetched) = ready.page.take_if(|fetched| fetched.hva == hva) {
        return map_fetched(vcpu, slot, to, ea, access, fetched);
    }
    match ready.failed {
        Some((at, why)) if at == hva => Step::Failed(why),
        _ => Step::Page(hva),
    }
}

fn map_fetched(
    vcpu: &Vcpu<Pr>,
    slot: &MemSlot,
    to: &Translated,
    ea: u64,
    access: Access,
    fetched: Fetched,
) -> Step {
    let (vm, writing) = (vcpu.vm(), access == Access::Store);
    let Fetched { hva, seq, mut page } = fetched;
    let mut mmu = vm.mmu.lock();
    if mmu.retry(&seq, &(hva..hva.saturating_add(PAGE_SIZE))) {
        return Step::Done;
    }
    let (inhibited, writable) = (page.cache_inhibited(), page.writable());
    if inhibited && access == Access::Fetch {
        return Step::NotExecutable;
    }
    let frame = Frame::of_user_page(&page);
    let shadow = shadow(slot, to, ea, frame, writable, writing, inhibited);
    if mmu.map(to.key, &shadow) {
        // The guest may write whenever it likes from now on, and the page's owner has to know: before the lock is
        // dropped, since then the page may be taken away and cleaned.
        page.set_mapped(shadow.permission.write);
        note_written(slot, &shadow);
    }
    drop(page);
    Step::Done
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
    let found = mmu.quiet().and_then(|quiet| {
        let page = HostPage::find(&quiet, &vm.mm, hva, writing)?;
        Some((Frame::of_host_page(&page, &quiet), page.writable))
    });
    let Some((frame, writable)) = found else {
        return false;
    };
    let shadow = shadow(slot, to, ea, frame, writable, writing, false);
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
    frame: Frame,
    writable: bool,
    writing: bool,
    cache_inhibited: bool,
) -> ShadowPage {
    // While dirty pages are logged, the first store has to be seen whatever was read before.
    let write = to.write && writable && !slot.readonly() && (writing || !slot.log_dirty());
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

/// What is mapped for writing counts as written: the host's table is not asked again.
fn note_written(slot: &MemSlot, page: &ShadowPage) {
    if page.permission.write {
        slot.mark_dirty(page.gfn());
    }
}
