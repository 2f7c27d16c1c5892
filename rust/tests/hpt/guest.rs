// SPDX-License-Identifier: GPL-2.0

//! The hypercalls of a guest.

use super::{
    hardware::{C, R},
    naive::{first, second, Naive, ANDCOND, AVPN, EXACT},
    Pair,
};
use kvm_ppc_pure::{
    emulate::{hpt::request, regs::RegisterFile},
    isa::{
        hcall::HReturn,
        hcall_args::PageFlags,
        hpte::{Hpte, HpteR, HpteV, GROUP_ENTRIES},
    },
};

impl Pair {
    /// An AVPN that is often the one of the entry, and may have the bits of `ANDCOND`.
    pub(super) fn avpn(&mut self, index: u64) -> u64 {
        let v = self.naive.at(index).map_or(0, |guest| guest.v);
        match self.random.below(4) {
            0 => v & !0x7f ^ 1 << self.random.below(64),
            1 => 1 << self.random.below(64),
            _ => v & !0x7f,
        }
    }

    /// Flags of a request: of the two that are looked at, and sometimes others.
    pub(super) fn flags(&mut self) -> u64 {
        let other = if self.random.one_in(2) {
            self.random.any()
        } else {
            0
        };
        self.random.of(&[0, AVPN, ANDCOND, AVPN | ANDCOND]) | other & !(AVPN | ANDCOND)
    }

    /// `H_ENTER`
    pub(super) fn enter(&mut self) {
        let page = self.random.of(&self.pages);
        let actual = match page.base {
            12 => self.random.of(&[12, 12, 16, 24]),
            16 => self.random.of(&[16, 16, 24]),
            _ => 24,
        };
        let secondary = self.random.one_in(3);
        // A page that is larger than its unit cannot be present.
        let mut unit = self.unit();
        while self.naive.units[unit].shift < actual && !self.random.one_in(16) {
            unit = self.unit();
        }
        let unit = &self.naive.units[unit];
        let address = unit.base + (self.random.any() & ((1 << unit.shift) - 1));
        // Bits of no meaning are whatever they are, also those of a page's address that are below its size.
        let mut v = first(&page, actual, secondary) | self.random.any() & 0x79;
        let mut r = second(address, page.base, actual, self.random.any());
        if actual == 24 {
            r |= self.random.any() & 0xf0_0000;
        }
        // Some entries have sizes or segments that there are not.
        match self.random.below(64) {
            0 => r ^= self.random.any() & 0xff000,
            1 => v ^= self.random.any() & 0xbff0_0000_0000_0000,
            _ => {}
        }
        // Nobody checks that a guest uses the right group.
        let index = if self.random.one_in(16) {
            self.hot()
        } else {
            let mask = self.table.group_mask();
            page.group(secondary, mask) * GROUP_ENTRIES | self.random.below(GROUP_ENTRIES)
        };
        let flags = if self.random.one_in(4) { EXACT } else { 0 } | self.random.any() & !EXACT;
        let unused = |index: &u64| {
            let entry = self.table.get(*index).expect("an entry");
            !entry.hpte.v.contains(HpteV::V)
        };
        let place = request::slots(PageFlags::from_raw(flags), index).find(unused);
        assert_eq!(place, self.naive.free(flags, index));
        let Some(index) = place else {
            self.counts.full += 1;
            return;
        };
        self.counts.entered += 1;
        let hpte = Hpte {
            v: HpteV::from_raw(v),
            r: HpteR::from_raw(r),
        };
        self.table.insert(index, hpte);
        self.naive.enter(index, v, r);
        self.check(index);
        if self.random.one_in(2) {
            self.present(index);
        }
        assert!(self.table.changed(index));
        if self.random.one_in(2) {
            self.table.saved(index);
            assert!(
                !self.table.changed(index)
                    || self.naive.at(index).is_some_and(|g| g.mapping.is_some())
            );
            self.check(index);
        }
    }

    /// `H_REMOVE`
    pub(super) fn remove(
        &mut self,
        flags: PageFlags,
        index: u64,
        avpn: u64,
    ) -> Result<Hpte, HReturn> {
        let Some(entry) = self.table.get(index) else {
            assert!(index >= self.table.entries());
            return Err(HReturn::H_PARAMETER);
        };
        let selected = request::selected(flags, avpn, entry.hpte.v);
        assert_eq!(selected, self.naive.selected(flags.raw(), avpn, index));
        if !selected {
            self.counts.not_found += 1;
            return Err(HReturn::H_NOT_FOUND);
        }
        self.absent(index);
        let removed = self.table.get(index).expect("an entry").hpte;
        self.table.remove(index);
        self.naive.entries[index as usize] = None;
        self.check(index);
        self.counts.removed += 1;
        Ok(removed)
    }

    /// `H_BULK_REMOVE`
    pub(super) fn bulk_remove(&mut self) {
        let mut regs = RegisterFile::default();
        for gpr in [4, 6, 8, 10] {
            let index = self.any_index() & (1 << 56) - 1;
            let kind = self.random.of(&[1, 1, 1, 1, 1, 1, 1, 3, 0, 2]);
            let flags = self.random.of(&[0, 0, 1, 1, 2, 2, 2, 3]);
            let junk = self.random.below(16);
            regs.gpr[gpr] = kind << 62 | junk << 58 | flags << 56 | index;
            regs.gpr[gpr + 1] = self.avpn(index);
        }
        let mut expected = regs.clone();
        let mut outcomes = Vec::new();
        let ret = request::bulk_remove(&mut regs, |removals| {
            request::one_by_one(removals, |flags, index, avpn| {
                let outcome = self.remove(flags, index, avpn);
                outcomes.push(((flags.raw(), index, avpn), outcome));
                outcome
            });
        });
        let mut outcomes = outcomes.into_iter();
        let mut should = HReturn::H_SUCCESS;
        for gpr in [4, 6, 8, 10] {
            let (request, avpn) = (expected.gpr[gpr], expected.gpr[gpr + 1]);
            let (kind, flags, index) = (request >> 62, request >> 56 & 3, request & (1 << 56) - 1);
            if kind != 1 {
                should = if kind == 3 {
                    should
                } else {
                    HReturn::H_PARAMETER
                };
                break;
            }
            let outcome = if flags == 3 {
                Err(HReturn::H_PARAMETER)
            } else {
                let (arguments, outcome) = outcomes.next().expect("a removal");
                let flags = [0, ANDCOND, AVPN][flags as usize];
                assert_eq!(arguments, (flags, index, avpn));
                outcome
            };
            let answer = match outcome {
                Ok(hpte) => 0x80 | (hpte.r.raw() & R) >> 8 << 3 | (hpte.r.raw() & C) >> 7 << 2,
                Err(HReturn::H_NOT_FOUND) => 0x90,
                Err(_) => 0xa0,
            };
            expected.gpr[gpr] = (answer | flags) << 56 | index;
            if answer == 0xa0 {
                should = HReturn::H_PARAMETER;
                break;
            }
        }
        assert!(outcomes.next().is_none());
        assert_eq!((ret, regs), (should, expected));
        self.counts.bulk += 1;
    }

    /// `H_PROTECT`
    pub(super) fn protect(&mut self) {
        let index = self.any_index();
        let (flags, avpn) = (self.flags(), self.avpn(index));
        let flags = flags & !0x3fff | self.random.any() & 0x3fff;
        let Some(entry) = self.table.get(index) else {
            return;
        };
        let selected = request::selected(PageFlags::from_raw(flags), avpn, entry.hpte.v);
        assert_eq!(selected, self.naive.selected(flags, avpn, index));
        if selected {
            let r = request::protected(flags, entry.hpte.r).raw();
            assert_eq!(r, Naive::protected(flags, entry.hpte.r.raw()));
            self.rewrite(index, false, |r| {
                request::protected(flags, HpteR::from_raw(r)).raw()
            });
            // R and C may have come to it.
            let now = self.naive.at(index).expect("an entry").r;
            assert_eq!(now & !(R | C), r & !(R | C));
        }
    }

    /// `H_CLEAR_REF` and `H_CLEAR_MOD`
    pub(super) fn clear_bits(&mut self) {
        let (index, bits) = (self.hot(), self.random.of(&[R, C]));
        if self.naive.at(index).is_some() {
            self.rewrite(index, false, |r| r & !bits);
        }
    }
}
