// SPDX-License-Identifier: GPL-2.0

//! The guest's page table: translating by it, and the hypercalls that change it.

use super::{
    magic,
    mmu::SegmentKey,
    mmu32,
    translate::{
        read_guest, read_user, store_guest, store_user, with_table, Absent, HptGuard, Miss,
        Translated,
    },
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    emulate::hpt::request,
    host::{nofault, once::release_barrier, wait::cond_resched},
    isa::{
        dsisr::Dsisr,
        hcall::HReturn,
        hcall_args::PageFlags,
        hpte::{self, Hpte, HpteR, HpteV, ENTRY_BYTES, GROUP_ENTRIES},
        msr::Msr,
        radix_walk::{real_mode_address, relocated, truncated, Access, Fault},
    },
    vm::Vcpu,
};
use kernel::prelude::*;

/// Bytes of a group of entries.
const GROUP_BYTES: u64 = GROUP_ENTRIES * ENTRY_BYTES;

/// Where the table is.
#[derive(Clone, Copy)]
struct Table {
    base: u64,
    /// Number of groups less 1.
    mask: u64,
    /// In userspace, not in the guest's memory.
    user: bool,
}

impl Table {
    fn of(st: &PrVcpu) -> Self {
        Self {
            base: st.sdr1 & !0x3_ffff,
            mask: (1 << ((st.sdr1 & 0x1f) + 11)) - 1,
            user: st.papr,
        }
    }

    fn group(
        self,
        vcpu: &Vcpu<Pr>,
        number: u64,
        locked: &HptGuard<'_>,
    ) -> Result<Option<[u8; GROUP_BYTES as usize]>, Absent> {
        let at = self.base.wrapping_add(number * GROUP_BYTES);
        if !self.user {
            return read_guest(vcpu.vm(), at, locked);
        }
        let mut bytes = [0; GROUP_BYTES as usize];
        read_user(at, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Stores a byte of an entry.
    fn store(
        self,
        vcpu: &Vcpu<Pr>,
        index: u64,
        byte: u64,
        val: u8,
        locked: &HptGuard<'_>,
    ) -> Result<(), Absent> {
        let at = self.base.wrapping_add(index * ENTRY_BYTES + byte);
        match self.user {
            true => store_user(at, val),
            false => store_guest(vcpu.vm(), at, val, locked).map(|_| ()),
        }
    }

    /// An entry of a table in userspace.
    fn entry(self, index: u64) -> Result<Hpte, Absent> {
        let mut bytes = [0; ENTRY_BYTES as usize];
        read_user(self.base.wrapping_add(index * ENTRY_BYTES), &mut bytes)?;
        Ok(decode(bytes))
    }

    /// Writes entry `index` of a table in userspace, and marks it as changed for userspace. The second doubleword is
    /// stored first, so that a thread that reads a valid first doubleword reads the second one that belongs to it. Of
    /// an entry that is not valid, only the first is stored.
    fn set_entry(self, index: u64, hpte: Hpte) -> Result<(), Absent> {
        let at = self.base.wrapping_add(index * ENTRY_BYTES);
        let store = |at, val: u64| match nofault::store_u64(at, val.to_be()) {
            true => Ok(()),
            false => Err(Absent { at, write: true }),
        };
        if hpte.v.contains(HpteV::V) {
            store(at + 8, hpte.r.raw())?;
            release_barrier();
        }
        store(at, (hpte.v | HpteV::CHANGED).raw())
    }

    fn contains(self, index: u64) -> bool {
        index / GROUP_ENTRIES <= self.mask
    }
}

fn decode(bytes: [u8; ENTRY_BYTES as usize]) -> Hpte {
    let all = u128::from_be_bytes(bytes);
    Hpte {
        v: HpteV::from_raw((all >> 64) as u64),
        r: HpteR::from_raw(all as u64),
    }
}

/// The segment that an effective address is in; `None` if the guest's SLB has none.
pub(crate) fn segment(vcpu: &Vcpu<Pr>, st: &PrVcpu, ea: u64, access: Access) -> Option<SegmentKey> {
    magic::segment(vcpu, st, ea, own_segment(vcpu, st, ea, access))
}

/// The segment without regard to the magic page.
fn own_segment(vcpu: &Vcpu<Pr>, st: &PrVcpu, ea: u64, access: Access) -> Option<SegmentKey> {
    let large = vcpu.vm().arch.large_pages();
    let msr = st.msr();
    if msr.is_split() {
        return split_segment(vcpu, st, ea, access);
    }
    let problem_state = msr.contains(Msr::PR);
    if !relocated(msr, access) {
        return Some(SegmentKey::real(ea, problem_state, large));
    }
    if st.is_32bit() {
        let key = mmu32::segment(vcpu, st, ea, problem_state);
        return Some(key.stepping(ea, st.stepped()));
    }
    let slbe = st.slb.find(ea)?;
    let large = large && slbe.base_page_shift()? >= 16;
    SegmentKey::of_slbe(slbe, ea, problem_state, large)
}

/// The segment while one kind of access is translated and the other is not: it stands for both.
fn split_segment(vcpu: &Vcpu<Pr>, st: &PrVcpu, ea: u64, access: Access) -> Option<SegmentKey> {
    let msr = st.msr();
    let problem_state = msr.contains(Msr::PR);
    let translated = if st.is_32bit() {
        Some(mmu32::segment(vcpu, st, ea, problem_state))
    } else {
        let slbe = st.slb.find(ea);
        if slbe.is_none() && relocated(msr, access) {
            return None;
        }
        slbe.and_then(|s| SegmentKey::of_slbe(s, ea, problem_state, false))
    };
    let fetch = msr.contains(Msr::IR);
    Some(SegmentKey::split(ea, fetch, translated, st.stepped()))
}

/// Translates an access by the guest, and notes reference and change in its table.
pub(crate) fn translate(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    locked: &HptGuard<'_>,
    ea: u64,
    access: Access,
) -> Result<Translated, Miss> {
    let ea = truncated(ea, st.msr());
    let key = segment(vcpu, st, ea, access).ok_or(Fault::Segment)?;
    if !relocated(st.msr(), access) {
        return Ok(Translated {
            gpa: real_mode_address(ea),
            write: true,
            execute: true,
            key,
            looked: None,
        });
    }
    if st.is_32bit() {
        return mmu32::translate(vcpu, st, locked, ea, access, key);
    }
    let store = if access == Access::Store {
        Dsisr::ISSTORE
    } else {
        Dsisr::EMPTY
    };
    let none = Fault::Storage(Dsisr::NOPTE | store);
    let slbe = st.slb.find(ea).ok_or(Fault::Segment)?;
    let table = Table::of(st);
    let mut group = [0u8; GROUP_BYTES as usize];
    let (mut which, mut absent) = (None, None);
    let found = hpte::find(slbe, ea, table.mask, true, |index| {
        let number = index / GROUP_ENTRIES;
        if which != Some(number) {
            match table.group(vcpu, number, locked) {
                Ok(read) => group = read?,
                Err(why) => {
                    absent = Some(why);
                    return None;
                }
            }
            which = Some(number);
        }
        let at = (index % GROUP_ENTRIES * ENTRY_BYTES) as usize;
        Some(decode(*group.get(at..)?.first_chunk()?))
    });
    if let Some(absent) = absent {
        return Err(absent.into());
    }
    let (index, hpte) = found.ok_or(none)?;
    // Guests have no storage keys, so AMR and IAMR count as 0.
    let counts = magic::protection(st, hpte);
    let check = |access| counts.check(slbe.vsid, st.msr().contains(Msr::PR), 0, 0, access);
    check(access).map_err(Fault::Storage)?;
    let gpa = hpte.real(ea).ok_or(none)?;
    let change = access == Access::Store;
    note(vcpu, table, index, hpte, change, locked)?;
    Ok(Translated {
        gpa,
        write: check(Access::Store).is_ok() && (change || hpte.r.contains(HpteR::C)),
        execute: check(Access::Fetch).is_ok(),
        key,
        looked: None,
    })
}

/// The guest real address that an access in the guest's current state has. Sleeps.
pub(crate) fn real_address(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    ea: u64,
    access: Access,
) -> Result<u64, Fault> {
    let store = Dsisr::NOPTE.set(Dsisr::ISSTORE, access == Access::Store);
    with_table(vcpu.vm(), |locked| {
        match translate(vcpu, st, locked, ea, access) {
            Ok(to) => Ok(Ok(to.gpa)),
            Err(Miss::Fault(fault)) => Ok(Err(fault)),
            Err(Miss::Absent(absent)) => Err(absent),
        }
    })
    .unwrap_or(Err(Fault::Storage(store)))
}

/// Sets reference and, if asked to, change, each by a store of the byte that it is in, as the hardware does.
fn note(
    vcpu: &Vcpu<Pr>,
    table: Table,
    index: u64,
    hpte: Hpte,
    change: bool,
    locked: &HptGuard<'_>,
) -> Result<(), Absent> {
    let Hpte { v, r } = hpte;
    let [.., with_r, with_c] = (r | HpteR::R | HpteR::C).raw().to_be_bytes();
    let (referenced, changed) = (!r.contains(HpteR::R), change && !r.contains(HpteR::C));
    if referenced {
        table.store(vcpu, index, 14, with_r, locked)?;
    }
    if changed {
        table.store(vcpu, index, 15, with_c, locked)?;
    }
    // In a table in the guest's own memory, this bit belongs to the guest.
    if (referenced || changed) && table.user {
        release_barrier();
        let [.., last] = (v | HpteV::CHANGED).raw().to_be_bytes();
        table.store(vcpu, index, 7, last, locked)?;
    }
    Ok(())
}

/// Takes away what was shadowed of an entry that has been removed from the table. The table is not locked any more: a
/// vCPU that has read the entry before that has shadowed it by now. Sleeps.
fn flush(vcpu: &Vcpu<Pr>, index: u64, hpte: Hpte) {
    let (Some(va), Some(sizes)) = (hpte.virtual_page(index / GROUP_ENTRIES), hpte.sizes()) else {
        return;
    };
    let mut next = Some(0);
    while let Some(from) = next {
        next = vcpu.vm().mmu.lock().unmap_virtual(va, sizes.actual, from);
        if next.is_some() {
            cond_resched();
        }
    }
}

/// `H_ENTER(flags, index, entry)`: returns the index that the entry was given.
pub(crate) fn h_enter(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    flags: PageFlags,
    index: u64,
    v: u64,
    r: u64,
) -> Result<u64, HReturn> {
    let table = Table::of(st);
    let v = HpteV::from_raw(v);
    let hpte = Hpte {
        v: v.for_guest().with(HpteV::V),
        r: HpteR::from_raw(r),
    };
    if !table.contains(index) || hpte.sizes().is_none() {
        return Err(HReturn::H_PARAMETER);
    }
    with_table(vcpu.vm(), |_| {
        for index in request::slots(flags, index) {
            if !table.entry(index)?.v.contains(HpteV::V) {
                table.set_entry(index, hpte)?;
                return Ok(Some(index));
            }
        }
        Ok(None)
    })
    .map_err(|_| HReturn::H_HARDWARE)?
    .ok_or(HReturn::H_PTEG_FULL)
}

/// Replaces the valid entry at `index` by what `new` makes of it, if flags and AVPN match it, and takes away what was
/// shadowed of it. Returns the old entry.
fn change(
    vcpu: &Vcpu<Pr>,
    table: Table,
    flags: PageFlags,
    index: u64,
    avpn: u64,
    new: impl Fn(Hpte) -> Hpte,
) -> Result<Hpte, HReturn> {
    if !table.contains(index) {
        return Err(HReturn::H_PARAMETER);
    }
    let old = with_table(vcpu.vm(), |_| {
        let mut hpte = table.entry(index)?;
        hpte.v = hpte.v.for_guest();
        if !request::selected(flags, avpn, hpte.v) {
            return Ok(None);
        }
        table.set_entry(index, new(hpte))?;
        Ok(Some(hpte))
    })
    .map_err(|_| HReturn::H_HARDWARE)?
    .ok_or(HReturn::H_NOT_FOUND)?;
    flush(vcpu, index, old);
    Ok(old)
}

/// `H_REMOVE(flags, index, avpn)`: returns the old entry.
pub(crate) fn h_remove(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    flags: PageFlags,
    index: u64,
    avpn: u64,
) -> Result<Hpte, HReturn> {
    change(vcpu, Table::of(st), flags, index, avpn, |_| Hpte::default())
}

/// `H_BULK_REMOVE`.
pub(crate) fn h_bulk_remove(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) -> HReturn {
    let table = Table::of(st);
    request::bulk_remove(&mut st.switch, |removals| {
        request::one_by_one(removals, |flags, index, avpn| {
            change(vcpu, table, flags, index, avpn, |_| Hpte::default())
        });
    })
}

/// `H_PROTECT(flags, index, avpn)`.
pub(crate) fn h_protect(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    flags: u64,
    index: u64,
    avpn: u64,
) -> HReturn {
    // One flag says whether to compare; the others are the new protection.
    let compare = PageFlags::from_raw(flags).masked(PageFlags::AVPN);
    let protected = |old: Hpte| Hpte {
        v: old.v,
        r: request::protected(flags, old.r),
    };
    match change(vcpu, Table::of(st), compare, index, avpn, protected) {
        Ok(_) => HReturn::H_SUCCESS,
        Err(ret) => ret,
    }
}
