// SPDX-License-Identifier: GPL-2.0

//! A naive table: what the guest has put where, and which of its pages the host has mapped.

use super::hardware::{Memory, Page, Random, C, R};
use kvm_ppc_pure::{
    emulate::hpt::table::{Entry, Mapping, Storage, Table},
    isa::{
        hpte::{Hpte, HpteR, HpteV},
        radix_walk::Access,
        slb::SlbVsid,
    },
};
use std::collections::BTreeMap;

/// Bits of the first doubleword.
const V: u64 = 1;
const H: u64 = 2;
const L: u64 = 4;
pub(super) const BOLTED: u64 = 0x10;
const ABSENT: u64 = 0x20;
const WRITABLE: u64 = 0x40;

/// An entry as the guest has made it, with R and C as far as the table has taken them over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    pub(super) v: u64,
    pub(super) r: u64,
    /// How it is mapped, if it is present.
    pub(super) mapping: Option<Mapping>,
}

impl Guest {
    /// Shifts of the base and the actual page size.
    pub(super) fn sizes(&self) -> Option<(u32, u32)> {
        if self.v & L == 0 {
            return Some((12, 12));
        }
        Some(match self.r >> 12 & 0xff {
            lp if lp & 0xf == 7 => (12, 16),
            0x38 => (12, 24),
            lp if lp & 0xf == 1 => (16, 16),
            0x08 => (16, 24),
            0 => (24, 24),
            3 => (34, 34),
            _ => return None,
        })
    }

    /// The guest's address of the page.
    fn address(&self) -> Option<u64> {
        let (_, actual) = self.sizes()?;
        Some((self.r & 0x0fff_ffff_ffff_f000) >> actual << actual)
    }
}

/// The guest's memory that the host maps and takes away as a whole.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) base: u64,
    pub(super) shift: u32,
    /// Where it is, if it is mapped.
    host: Option<Mapping>,
}

pub(super) struct Naive {
    pub(super) entries: Vec<Option<Guest>>,
    pub(super) units: Vec<Unit>,
    /// Shift of the pages that chains are of.
    pub(super) page_shift: u32,
}

/// The flags of requests.
pub(super) const EXACT: u64 = 1 << 39;
pub(super) const AVPN: u64 = 1 << 31;
pub(super) const ANDCOND: u64 = 1 << 30;

/// The first doubleword that a guest makes for a page.
pub(super) fn first(page: &Page, actual: u32, secondary: bool) -> u64 {
    let avpn = page.va.vsid << (page.va.segment.shift() - 23) | page.va.offset >> 23;
    let dropped = if page.base == 24 { 1 } else { 0 };
    let large = if actual == 12 { 0 } else { L };
    let hash = if secondary { H } else { 0 };
    (page.va.segment as u64) << 62 | (avpn & !dropped) << 7 | large | hash | V
}

/// The second doubleword for a page of these sizes, with other bits as in `bits`.
pub(super) fn second(address: u64, base: u32, actual: u32, bits: u64) -> u64 {
    let lp = match (base, actual) {
        (12, 12) => 0,
        (12, 16) => 7,
        (12, 24) => 0x38,
        (16, 16) => 1,
        (16, 24) => 8,
        _ => 0,
    };
    let page = address & 0x0fff_ffff_ffff_ffff & !((1 << actual) - 1);
    page | lp << 12 | bits & 0xf000_0000_0000_0fff
}

impl Naive {
    pub(super) fn new(entries: usize, page_shift: u32) -> Self {
        let mut units: Vec<Unit> = Vec::new();
        // Real addresses of the guest's have 60 bits, of which the hardware's entries have room for 58.
        for base in [0, 0x0800_0000, 1 << 59] {
            let unit = |base, shift| Unit {
                base,
                shift,
                host: None,
            };
            units.push(unit(base, 24));
            units.extend((0..2).map(|n| unit(base + 0x300_0000 + n * 0x7_0000, 16)));
        }
        Self {
            entries: vec![None; entries],
            units,
            page_shift,
        }
    }

    pub(super) fn at(&self, index: u64) -> Option<Guest> {
        *self.entries.get(index as usize)?
    }

    pub(super) fn is_present(&self, index: u64) -> bool {
        self.at(index).is_some_and(|guest| guest.mapping.is_some())
    }

    fn change(&mut self, index: u64) -> &mut Guest {
        self.entries[index as usize].as_mut().expect("an entry")
    }

    /// The first place that is free.
    pub(super) fn free(&self, flags: u64, index: u64) -> Option<u64> {
        if flags & EXACT != 0 {
            return self.at(index).is_none().then_some(index);
        }
        (0..8)
            .map(|n| index / 8 * 8 + n)
            .find(|i| self.at(*i).is_none())
    }

    pub(super) fn enter(&mut self, index: u64, v: u64, r: u64) {
        // The AVPN has 45 bits, and two of the bits for software are the hypervisor's.
        let v = v & 0xc00f_ffff_ffff_ff9f | V;
        // Guests do not have a second reference and change bit.
        let r = r & !HpteR::TS.raw();
        let mapping = None;
        self.entries[index as usize] = Some(Guest { v, r, mapping });
    }

    pub(super) fn selected(&self, flags: u64, avpn: u64, index: u64) -> bool {
        let Some(guest) = self.at(index) else {
            return false;
        };
        if flags & AVPN != 0 && guest.v >> 7 << 7 != avpn {
            return false;
        }
        flags & ANDCOND == 0 || guest.v & avpn == 0
    }

    /// `H_PROTECT`, each bit of the flags by itself.
    pub(super) fn protected(flags: u64, mut r: u64) -> u64 {
        for (from, to) in [(0, 0), (1, 1), (2, 2), (8, 63), (9, 9), (10, 10), (11, 11)]
            .into_iter()
            .chain([(12, 60), (13, 61)])
        {
            r = r & !(1 << to) | (flags >> from & 1) << to;
        }
        r
    }

    /// The entry that a search for a page finds.
    pub(super) fn find(&self, page: &Page) -> Option<u64> {
        let mask = self.entries.len() as u64 / 8 - 1;
        for secondary in [false, true] {
            let wanted = first(page, page.base, secondary);
            for index in (0..8).map(|n| page.group(secondary, mask) * 8 + n) {
                let matches = |guest: Guest| {
                    // B, AVPN and H
                    (guest.v ^ wanted) & 0xffff_ffff_ffff_ff82 == 0
                        && guest.sizes().is_some_and(|(base, _)| base == page.base)
                };
                if self.at(index).is_some_and(matches) {
                    return Some(index);
                }
            }
        }
        None
    }

    /// The unit that an entry's page is all in.
    pub(super) fn unit_of(&self, guest: &Guest) -> Option<usize> {
        let (address, (_, actual)) = (guest.address()?, guest.sizes()?);
        let within = |unit: &Unit| unit.shift >= actual && (address ^ unit.base) >> unit.shift == 0;
        self.units.iter().position(within)
    }

    /// How the host maps an absent entry after a fault, if it is one that it can map.
    pub(super) fn fault(&mut self, index: u64, random: &mut Random) -> Option<Mapping> {
        let guest = self.at(index).filter(|guest| guest.mapping.is_none())?;
        let unit = self.unit_of(&guest)?;
        let unit = &mut self.units[unit];
        let host = *unit.host.get_or_insert_with(|| Mapping {
            real: random.any() >> 6 >> unit.shift << unit.shift,
            writable: !random.one_in(4),
            inhibited: random.one_in(4),
            access: HpteR::EMPTY,
        });
        let writable = host.writable && !random.one_in(4);
        let access = match random.below(3) {
            0 => 0,
            2 if writable => R | C,
            _ => R,
        };
        Some(Mapping {
            real: host.real + (guest.address()? - unit.base),
            writable,
            access: HpteR::from_raw(access),
            ..host
        })
    }

    pub(super) fn present(&mut self, index: u64, mapping: Mapping) {
        self.change(index).mapping = Some(mapping);
    }

    pub(super) fn absent(&mut self, index: u64, bits: u64) {
        let guest = self.change(index);
        guest.r |= bits;
        guest.mapping = None;
    }

    /// The second doubleword is another, with R and C taken over before.
    pub(super) fn rewrite(
        &mut self,
        index: u64,
        read_only: bool,
        bits: u64,
        f: impl Fn(u64) -> u64,
    ) {
        let guest = self.change(index);
        guest.r = f(guest.r | bits);
        if let Some(mapping) = &mut guest.mapping {
            mapping.writable &= !read_only;
        }
    }

    pub(super) fn referenced(&mut self, index: u64) {
        self.change(index).r |= R;
    }

    /// The present entries of a unit among these.
    pub(super) fn present_in(&self, unit: usize, among: &[u64]) -> Vec<u64> {
        let among = among.iter().copied();
        let is_of = |guest: Guest| guest.mapping.is_some() && self.unit_of(&guest) == Some(unit);
        among.filter(|i| self.at(*i).is_some_and(is_of)).collect()
    }

    pub(super) fn taken_away(&mut self, unit: usize) {
        self.units[unit].host = None;
    }

    /// The numbers of a unit's pages.
    pub(super) fn pages(&self, unit: usize) -> std::ops::Range<u64> {
        let Unit { base, shift, .. } = self.units[unit];
        let first = base >> self.page_shift;
        first..first + (1 << (shift - self.page_shift))
    }

    pub(super) fn clear(&mut self) {
        self.entries.fill(None);
    }

    /// An entry of the table's is as it should be.
    pub(super) fn check(&self, table: &Table<Memory>, index: u64) {
        let got = table.get(index).expect("an entry");
        let (first, _) = table.storage().read(index);
        let raw = table.storage().hardware.borrow().hpte(index);
        let since = table.storage().hardware.borrow().since(index);
        let Some(guest) = self.at(index) else {
            assert_eq!(
                (first, got),
                (
                    0,
                    Entry {
                        hpte: Hpte::default(),
                        present: false
                    }
                )
            );
            return;
        };
        let expected = Entry {
            hpte: Hpte {
                v: HpteV::from_raw(guest.v),
                r: HpteR::from_raw(guest.r | since),
            },
            present: guest.mapping.is_some(),
        };
        assert_eq!(got, expected, "entry {index}");
        let Some(mapping) = guest.mapping else {
            let kept = table.storage().hardware.borrow().is_kept(index);
            let is = (first & (V | ABSENT), first >> 52, kept);
            assert_eq!(is, (ABSENT, 0, false), "entry {index}: {raw:?}");
            return;
        };
        let wimg = if mapping.inhibited { 0x28 } else { 0x10 };
        // V, ABSENT and what is not the hypervisor's are as for the guest.
        let first_is = (first >> 52, raw.v.raw());
        let first_should = (0, guest.v | if mapping.writable { WRITABLE } else { 0 });
        let sizes = raw.sizes().map(|sizes| (sizes.base, sizes.actual));
        let second_is = (
            sizes,
            raw.real(0),
            raw.r.key(),
            raw.r.raw() & 0x78,
            raw.r.contains(HpteR::TS),
        );
        let second_should = (
            guest.sizes(),
            Some(mapping.real),
            expected.hpte.r.key(),
            wimg,
            false,
        );
        assert_eq!(
            (first_is, second_is),
            (first_should, second_should),
            "entry {index}"
        );
        let bits = (raw.r.raw() & (R | C), table.hardware_bits(index).raw());
        assert_eq!(bits, (since, since), "entry {index}");
        for key in [SlbVsid::EMPTY, SlbVsid::KS] {
            let may = |hpte: Hpte, access| hpte.check(key, false, 0, 0, access).is_ok();
            let guests = |access| may(expected.hpte, access);
            let is = [Access::Load, Access::Store, Access::Fetch].map(|access| may(raw, access));
            // No instructions come from devices.
            let should = [
                guests(Access::Load),
                guests(Access::Store) && mapping.writable,
                guests(Access::Fetch) && !mapping.inhibited,
            ];
            assert_eq!(is, should, "entry {index}: {raw:?} for {guest:?}");
        }
    }

    /// The entries of a page, as the table's chains have them.
    fn chain(table: &Table<Memory>, page: u64) -> Vec<u64> {
        let next = |index: &u64| table.next_of(*index, page);
        let chain = std::iter::successors(table.first_of(page), next);
        let limit = table.entries() as usize + 1;
        let chain: Vec<u64> = chain.take(limit).collect();
        assert!(chain.len() < limit, "the chain of page {page:#x} is a ring");
        chain
    }

    /// An entry is found by its page just if it is present.
    pub(super) fn check_chain(&self, table: &Table<Memory>, index: u64) {
        let address = self.at(index).and_then(|guest| guest.address());
        if let Some(address) = address {
            let chain = Self::chain(table, address >> self.page_shift);
            let times = chain.iter().filter(|i| **i == index).count();
            assert_eq!(
                times,
                usize::from(self.is_present(index)),
                "entry {index} in {chain:?}"
            );
        }
    }

    /// The same of all entries and pages.
    pub(super) fn check_all(&self, table: &Table<Memory>) {
        let mut present: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for unit in 0..self.units.len() {
            // The first and last ones of large units, and what has entries, are enough.
            let pages = self.pages(unit);
            present.entry(pages.start).or_default();
            present.entry(pages.end - 1).or_default();
        }
        for index in 0..table.entries() {
            self.check(table, index);
            if let Some(guest) = self.at(index).filter(|guest| guest.mapping.is_some()) {
                let address = guest.address().expect("a present entry");
                present
                    .entry(address >> self.page_shift)
                    .or_default()
                    .push(index);
            }
        }
        for (page, indices) in present {
            let mut chain = Self::chain(table, page);
            chain.sort_unstable();
            assert_eq!(chain, indices, "page {page:#x}");
        }
        table.storage().hardware.borrow().check();
    }
}
