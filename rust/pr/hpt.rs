// SPDX-License-Identifier: GPL-2.0

//! The guest's page table: translating by it, and the hypercalls that change it.
//!
//! A PAPR guest's table is not in its memory: userspace allocates it and says in SDR1 where, in its own address
//! space. It is only read and written with `PrVm::hpt` held.

use super::{magic, mmu::SegmentKey, mmu32, vcpu::PrVcpu, Pr};
use crate::{
    host::{
        once::release_barrier,
        user::{read_user, write_user},
    },
    isa::{
        dsisr::Dsisr,
        hcall::HReturn,
        hcall_args::{BulkRemove, PageFlags},
        hpte::{self, Hpte, HpteR, HpteV, ENTRY_BYTES, GROUP_ENTRIES},
        msr::Msr,
        radix_walk::{real_mode_address, truncated, Access, Fault},
    },
    vm::Vcpu,
};
use kernel::{prelude::*, sync::Mutex};

/// `PrVm::hpt` is held.
pub(crate) type HptGuard<'a> =
    kernel::sync::lock::Guard<'a, (), kernel::sync::lock::mutex::MutexBackend>;

/// Locks the guest's page table.
pub(crate) fn lock(table: &Mutex<()>) -> HptGuard<'_> {
    table.lock()
}

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

    fn read<const N: usize>(self, vcpu: &Vcpu<Pr>, offset: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        let at = self.base.wrapping_add(offset);
        match self.user {
            true => read_user(at, &mut bytes),
            false => vcpu.vm().read_guest(at, &mut bytes),
        }
        .ok()?;
        Some(bytes)
    }

    fn write(self, vcpu: &Vcpu<Pr>, offset: u64, bytes: &[u8]) -> Result {
        let at = self.base.wrapping_add(offset);
        match self.user {
            true => write_user(at, bytes),
            false => vcpu.vm().write_guest(at, bytes),
        }
    }

    fn entry(self, vcpu: &Vcpu<Pr>, index: u64) -> Option<Hpte> {
        Some(decode(self.read(vcpu, index * ENTRY_BYTES)?))
    }

    /// Makes `index` this entry, and tells userspace that it has changed. Who reads the table meanwhile finds that the
    /// first doubleword is right only if the second is.
    fn set_entry(self, vcpu: &Vcpu<Pr>, index: u64, hpte: Hpte) -> Result {
        let at = index * ENTRY_BYTES;
        if hpte.v.contains(HpteV::V) {
            self.write(vcpu, at + 8, &hpte.r.raw().to_be_bytes())?;
            release_barrier();
        }
        let first = hpte.v | HpteV::CHANGED;
        self.write(vcpu, at, &first.raw().to_be_bytes())
    }

    /// Tells userspace that the entry, whose first doubleword is `v`, has changed in its second.
    fn mark_changed(self, vcpu: &Vcpu<Pr>, index: u64, v: HpteV) -> Result {
        release_barrier();
        let [.., last] = (v | HpteV::CHANGED).raw().to_be_bytes();
        self.write(vcpu, index * ENTRY_BYTES + 7, &[last])
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

/// What an effective address of the guest's is translated to, and what of it may be shadowed.
pub(crate) struct Translated {
    /// Guest real address.
    pub(crate) gpa: u64,
    /// The guest may store; if it has not done so before, only for a store.
    pub(crate) write: bool,
    /// The guest may execute it.
    pub(crate) execute: bool,
    /// The segment it is in.
    pub(crate) key: SegmentKey,
    /// Its code was looked at when so many pages had been mapped for writing (`PrMmu::take_writers`).
    pub(crate) looked: Option<u64>,
}

/// Is this access translated by the guest's tables?
fn relocated(msr: Msr, access: Access) -> bool {
    msr.contains(match access {
        Access::Fetch => Msr::IR,
        _ => Msr::DR,
    })
}

/// The segment that an effective address is in; `None` if the guest's SLB has none.
pub(crate) fn segment(vcpu: &Vcpu<Pr>, st: &PrVcpu, ea: u64, access: Access) -> Option<SegmentKey> {
    magic::segment(vcpu, st, ea, own_segment(vcpu, st, ea, access))
}

/// The same without the page that is shared with the guest.
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

/// The same while one kind of access is translated and the other not: the segment holds what both find there.
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
) -> Result<Translated, Fault> {
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
    let mut which = None;
    let found = hpte::find(slbe, ea, table.mask, true, |index| {
        let number = index / GROUP_ENTRIES;
        if which != Some(number) {
            group = table.read(vcpu, number * GROUP_BYTES)?;
            which = Some(number);
        }
        let at = (index % GROUP_ENTRIES * ENTRY_BYTES) as usize;
        Some(decode(*group.get(at..)?.first_chunk()?))
    });
    let (index, hpte) = found.ok_or(none)?;
    // Keys are not offered to guests.
    let counts = magic::protection(st, hpte);
    let check = |access| counts.check(slbe.vsid, st.msr().contains(Msr::PR), 0, 0, access);
    check(access).map_err(Fault::Storage)?;
    let gpa = hpte.real(ea).ok_or(none)?;
    let change = access == Access::Store;
    note(vcpu, table, index, hpte, change).map_err(|_| none)?;
    Ok(Translated {
        gpa,
        write: check(Access::Store).is_ok() && (change || hpte.r.contains(HpteR::C)),
        execute: check(Access::Fetch).is_ok(),
        key,
        looked: None,
    })
}

/// Sets reference and, if asked to, change, each by a store of the byte that it is in, as the hardware does.
fn note(vcpu: &Vcpu<Pr>, table: Table, index: u64, hpte: Hpte, change: bool) -> Result {
    let Hpte { v, r } = hpte;
    let [.., with_r, with_c] = (r | HpteR::R | HpteR::C).raw().to_be_bytes();
    let second = index * ENTRY_BYTES + 8;
    let (referenced, changed) = (!r.contains(HpteR::R), change && !r.contains(HpteR::C));
    if referenced {
        table.write(vcpu, second + 6, &[with_r])?;
    }
    if changed {
        table.write(vcpu, second + 7, &[with_c])?;
    }
    // In a table of the guest's own, the bit is the guest's.
    if (referenced || changed) && table.user {
        table.mark_changed(vcpu, index, v)?;
    }
    Ok(())
}

/// Takes away what was shadowed of an entry.
fn flush(vcpu: &Vcpu<Pr>, index: u64, hpte: Hpte) {
    let (Some(va), Some(sizes)) = (hpte.virtual_page(index / GROUP_ENTRIES), hpte.sizes()) else {
        return;
    };
    vcpu.vm().mmu.lock().unmap_virtual(va, sizes.actual);
}

/// `H_ENTER(flags, index, entry)`: gives where it is.
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
    let _locked = lock(&vcpu.vm().arch.hpt);
    let first = match flags.contains(PageFlags::EXACT) {
        true => index,
        false => index & !(GROUP_ENTRIES - 1),
    };
    let last = match flags.contains(PageFlags::EXACT) {
        true => index,
        false => first + GROUP_ENTRIES - 1,
    };
    for index in first..=last {
        let old = table.entry(vcpu, index).ok_or(HReturn::H_HARDWARE)?;
        if !old.v.contains(HpteV::V) {
            table
                .set_entry(vcpu, index, hpte)
                .map_err(|_| HReturn::H_HARDWARE)?;
            return Ok(index);
        }
    }
    Err(HReturn::H_PTEG_FULL)
}

/// The valid entry at `index`, if it is the one that flags and AVPN want.
fn wanted(
    vcpu: &Vcpu<Pr>,
    table: Table,
    flags: PageFlags,
    index: u64,
    avpn: u64,
) -> Result<Hpte, HReturn> {
    if !table.contains(index) {
        return Err(HReturn::H_PARAMETER);
    }
    let mut hpte = table.entry(vcpu, index).ok_or(HReturn::H_HARDWARE)?;
    hpte.v = hpte.v.for_guest();
    let v = hpte.v;
    if !v.contains(HpteV::V)
        || flags.contains(PageFlags::AVPN) && v.raw() & !0x7f != avpn
        || flags.contains(PageFlags::ANDCOND) && v.raw() & avpn != 0
    {
        return Err(HReturn::H_NOT_FOUND);
    }
    Ok(hpte)
}

fn remove(
    vcpu: &Vcpu<Pr>,
    table: Table,
    flags: PageFlags,
    index: u64,
    avpn: u64,
) -> Result<Hpte, HReturn> {
    let hpte = wanted(vcpu, table, flags, index, avpn)?;
    table
        .set_entry(vcpu, index, Hpte::default())
        .map_err(|_| HReturn::H_HARDWARE)?;
    flush(vcpu, index, hpte);
    Ok(hpte)
}

/// `H_REMOVE(flags, index, avpn)`: gives what was there.
pub(crate) fn h_remove(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    flags: PageFlags,
    index: u64,
    avpn: u64,
) -> Result<Hpte, HReturn> {
    let _locked = lock(&vcpu.vm().arch.hpt);
    remove(vcpu, Table::of(st), flags, index, avpn)
}

/// `H_BULK_REMOVE`: up to four pairs of a specifier and an AVPN in r4 to r11.
pub(crate) fn h_bulk_remove(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) -> HReturn {
    let table = Table::of(st);
    let _locked = lock(&vcpu.vm().arch.hpt);
    for gpr in [4u8, 6, 8, 10] {
        let request = BulkRemove::from_raw(st.gpr(gpr));
        let avpn = st.gpr(gpr + 1);
        match request.kind() {
            1 => {}
            3 => break,
            _ => return HReturn::H_PARAMETER,
        }
        let flags = match request.flags() {
            0 => PageFlags::EMPTY,
            1 => PageFlags::ANDCOND,
            2 => PageFlags::AVPN,
            _ => {
                let response = request.with_kind(2).with_code(2);
                st.set_gpr(gpr, response.raw());
                return HReturn::H_PARAMETER;
            }
        };
        let response = request.with_kind(2).with_rc(0);
        let (response, failed) = match remove(vcpu, table, flags, request.index(), avpn) {
            Ok(hpte) => {
                let r = u64::from(hpte.r.contains(HpteR::R));
                let c = u64::from(hpte.r.contains(HpteR::C));
                (response.with_code(0).with_rc(r << 1 | c), None)
            }
            Err(HReturn::H_NOT_FOUND) => (response.with_code(1), None),
            Err(HReturn::H_PARAMETER) => (response.with_code(2), Some(HReturn::H_PARAMETER)),
            Err(other) => (response.with_code(3), Some(other)),
        };
        st.set_gpr(gpr, response.raw());
        if let Some(ret) = failed {
            return ret;
        }
    }
    HReturn::H_SUCCESS
}

/// `H_PROTECT(flags, index, avpn)`.
pub(crate) fn h_protect(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    flags: u64,
    index: u64,
    avpn: u64,
) -> HReturn {
    let table = Table::of(st);
    let _locked = lock(&vcpu.vm().arch.hpt);
    // Whether to compare is in the flags; the rest of them are the new protection.
    let compare = PageFlags::from_raw(flags).masked(PageFlags::AVPN);
    let old = match wanted(vcpu, table, compare, index, avpn) {
        Ok(hpte) => hpte,
        Err(ret) => return ret,
    };
    let new = HpteR::from_raw(flags);
    let pp0 = HpteR::PP0.raw() & flags << 55;
    let key_high = HpteR::EMPTY.with_key_high(3).raw() & flags << 48;
    let low = HpteR::N.with_pp_low(3).with_key_low(7);
    let all = low | HpteR::PP0.with_key_high(3);
    let bits = new.masked(low) | HpteR::from_raw(pp0 | key_high);
    let hpte = Hpte {
        v: old.v,
        r: old.r.replaced(all, bits),
    };
    if table.set_entry(vcpu, index, hpte).is_err() {
        return HReturn::H_HARDWARE;
    }
    flush(vcpu, index, old);
    HReturn::H_SUCCESS
}
