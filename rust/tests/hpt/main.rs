// SPDX-License-Identifier: GPL-2.0

//! A hashed page table that processors search, and the hypercalls on it, against a naive one.
//!
//! `HPT_OPERATIONS` says how many operations in all, `HPT_SEED` with which seed they begin.

mod guest;
mod hardware;
mod naive;

use hardware::{pages, Hardware, Memory, Page, Random, C, R};
use kvm_ppc_pure::{
    emulate::hpt::{
        stale::Stale,
        table::{Mapping, Table},
    },
    isa::{
        hcall_args::PageFlags,
        hpte::{HpteR, HpteV, GROUP_ENTRIES},
        radix_walk::Access,
        slb::SlbVsid,
    },
};
use naive::{Naive, BOLTED};

/// Operations between two looks at everything.
const WHOLE: u64 = 8192;

/// What has happened, for otherwise little was tested.
#[derive(Default, Debug)]
struct Counts {
    entered: u64,
    full: u64,
    presented: u64,
    removed: u64,
    not_found: u64,
    bulk: u64,
    changed: u64,
    taken_away: u64,
    many: u64,
    references: u64,
    dirty: u64,
    finds: u64,
    copied: u64,
}

/// Both tables, and what is done to them.
struct Pair {
    table: Table<Memory>,
    naive: Naive,
    random: Random,
    pages: Vec<Page>,
    /// Places where pages may be.
    hot: Vec<u64>,
    counts: Counts,
    seed: u64,
    step: u64,
}

/// A failure can be repeated.
impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "HPT_SEED={} fails at its operation {}",
                self.seed, self.step
            );
        }
    }
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let pages = pages(&mut random);
        // The smallest table has 256 KB. Chains are long, short, and by pages of 64 KB and 4 KB.
        let entries = random.of(&[0x4000, 0x4000, 0x8000]);
        let (heads, page_shift) = [(2, 16), (16, 16), (64, 12), (1024, 12)][seed as usize % 4];
        let mask = entries as u64 / GROUP_ENTRIES - 1;
        let groups = pages
            .iter()
            .flat_map(|page| [page.group(false, mask), page.group(true, mask)]);
        let mut hot: Vec<u64> = groups
            .flat_map(|group| (0..GROUP_ENTRIES).map(move |n| group * GROUP_ENTRIES + n))
            .collect();
        hot.sort_unstable();
        hot.dedup();
        let memory = Memory::new(Random::new(!seed), pages.clone(), entries, heads);
        Self {
            table: Table::new(memory, page_shift),
            naive: Naive::new(entries, page_shift),
            random,
            pages,
            hot,
            counts: Counts::default(),
            seed,
            step: 0,
        }
    }

    fn hot(&mut self) -> u64 {
        self.random.of(&self.hot)
    }

    /// Mostly a place that may have an entry; one that the table does not have, too.
    fn any_index(&mut self) -> u64 {
        match self.random.below(32) {
            0 => self.random.below(2 * self.table.entries()),
            1 => self.random.any() >> 8,
            _ => self.hot(),
        }
    }

    fn since(&self, index: u64) -> u64 {
        self.table.storage().hardware.borrow().since(index)
    }

    /// What was taken over from the hardware, after that.
    fn take(&mut self, index: u64) -> u64 {
        self.table.storage().hardware.borrow_mut().take(index)
    }

    fn check(&self, index: u64) {
        if index < self.table.entries() {
            self.naive.check(&self.table, index);
            self.naive.check_chain(&self.table, index);
        } else {
            assert_eq!(self.table.get(index), None);
        }
    }

    /// An absent entry is made present. Others stay as they are.
    fn present(&mut self, index: u64) {
        let fault = self.naive.fault(index, &mut self.random);
        let other = Mapping {
            real: 0,
            writable: true,
            inhibited: false,
            access: HpteR::R,
        };
        let odd = self
            .naive
            .at(index)
            .is_some_and(|guest| guest.sizes().is_none());
        if let Some(mapping) = fault {
            // The address may be of any byte in the page.
            let byte = self.random.any() & 0xfff;
            let real = mapping.real | byte;
            self.table.present(index, Mapping { real, ..mapping });
            self.naive.present(index, mapping);
            let hardware = &self.table.storage().hardware;
            hardware
                .borrow_mut()
                .mapped_with(index, mapping.access.raw());
            self.counts.presented += 1;
        } else if odd || self.naive.is_present(index) || self.naive.at(index).is_none() {
            self.table.present(index, other);
        }
        self.check(index);
    }

    /// All three steps at once.
    fn absent(&mut self, index: u64) {
        let was = self.naive.is_present(index);
        let found = self.table.absent(index);
        let bits = self.take(index);
        assert_eq!(found, was.then_some(HpteR::from_raw(bits)));
        if was {
            self.naive.absent(index, bits);
        }
        self.check(index);
    }

    /// Another second doubleword, also of an absent entry. Returns what the hardware had of C.
    fn rewrite(&mut self, index: u64, read_only: bool, f: impl Fn(u64) -> u64) -> u64 {
        let was = self.naive.is_present(index);
        let made = |r: HpteR| HpteR::from_raw(f(r.raw()));
        let found = self.table.rewrite(index, read_only, made);
        // A present entry was made valid again.
        let bits = if was {
            self.table.storage().hardware.borrow().before(index)
        } else {
            0
        };
        assert_eq!(found, was.then_some(HpteR::from_raw(bits)));
        self.naive.rewrite(index, read_only, bits, f);
        self.check(index);
        self.counts.changed += 1;
        bits & C
    }

    fn entries_of(&self, page: u64) -> Vec<u64> {
        let next = |index: &u64| self.table.next_of(*index, page);
        std::iter::successors(self.table.first_of(page), next).collect()
    }

    fn unit(&mut self) -> usize {
        self.random.below(self.naive.units.len() as u64) as usize
    }

    /// The host takes memory away.
    fn take_away(&mut self) {
        let unit = self.unit();
        let pages = self.naive.pages(unit);
        let mut expected = self.naive.present_in(unit, &self.hot);
        let mut stale = Stale::default();
        let mut retired = Vec::new();
        for page in pages.clone() {
            let mut at = self.table.first_of(page);
            while let Some(index) = at {
                assert!(self.table.retire(index, &mut stale), "entry {index}");
                retired.push(index);
                at = self.table.next_of(index, page);
            }
        }
        // What is retired already is not retired again.
        assert!(!retired
            .iter()
            .any(|index| self.table.retire(*index, &mut stale)));
        self.table.flush(&stale);
        let hardware = &self.table.storage().hardware;
        for index in &retired {
            assert!(
                !hardware.borrow().is_kept(*index),
                "entry {index} was not flushed"
            );
        }
        hardware.borrow_mut().work();
        for page in pages {
            while let Some(index) = self.table.first_of(page) {
                let found = self.table.settle(index);
                let bits = self.take(index);
                assert_eq!(found.raw(), bits, "entry {index}");
                self.naive.absent(index, bits);
            }
        }
        self.naive.taken_away(unit);
        self.counts.taken_away += u64::from(!retired.is_empty());
        self.counts.many += u64::from(retired.len() > 16);
        for index in &retired {
            self.check(*index);
        }
        retired.sort_unstable();
        expected.sort_unstable();
        assert_eq!(retired, expected);
    }

    /// Userspace asks which of its pages were written.
    fn dirty_log(&mut self) {
        let unit = self.unit();
        let mut dirty = 0;
        for page in self.naive.pages(unit) {
            for index in self.entries_of(page) {
                dirty |= self.rewrite(index, true, |r| r);
                let raw = self.table.storage().hardware.borrow().hpte(index);
                for key in [SlbVsid::EMPTY, SlbVsid::KS] {
                    assert!(raw.check(key, false, 0, 0, Access::Store).is_err());
                }
            }
        }
        self.counts.dirty += u64::from(dirty != 0);
    }

    fn clear_reference(&mut self) {
        let index = self.hot();
        let was = self.naive.is_present(index) && self.since(index) & R != 0;
        assert_eq!(self.table.clear_reference(index), was);
        if was {
            self.naive.referenced(index);
            self.counts.references += 1;
        }
        self.check(index);
    }

    fn find(&mut self) {
        let page = self.random.of(&self.pages);
        let ea = page.ea | self.random.any() & ((1 << page.base) - 1);
        let found = self.table.find(page.slbe, ea);
        let expected = self.naive.find(&page);
        assert_eq!(found.map(|found| found.0), expected, "{page:?}");
        if let Some((index, entry)) = found {
            assert_eq!(Some(entry), self.table.get(index));
            self.counts.finds += 1;
        }
    }

    /// A table of another size has what is to be kept where processors look for it, and nothing else.
    fn resize(&mut self) {
        let bits = 14 + self.random.below(3);
        let memory = Memory::new(Random::new(self.step), self.pages.clone(), 1 << bits, 16);
        let mut other = Table::new(memory, 16);
        let kept = |index: &u64| {
            self.naive
                .at(*index)
                .is_some_and(|guest| guest.v & BOLTED != 0)
        };
        let mut copied = 0;
        for index in self.hot.iter().copied() {
            let done = self.table.copy(index, &mut other);
            assert!(done || kept(&index));
            copied += u64::from(done && kept(&index));
            self.check(index);
        }
        let all = (0..other.entries()).filter_map(|index| other.get(index));
        let used = all.filter(|entry| entry.hpte.v.is_used()).count() as u64;
        assert!(used <= copied);
        for page in &self.pages {
            let Some(index) = self.naive.find(page).filter(kept) else {
                continue;
            };
            let was = self.table.get(index).expect("an entry").hpte;
            let secondary = was.v.contains(HpteV::H);
            // It may have found its place taken, by one that the guest has put into a wrong group.
            let there =
                page.group(secondary, other.group_mask()) * GROUP_ENTRIES + index % GROUP_ENTRIES;
            let now = other.get(there).expect("a place");
            assert!(now.hpte.v.is_used());
            if now.hpte.v == was.v {
                assert!(!now.present && other.changed(there));
                self.counts.copied += 1;
            }
        }
    }

    fn clear(&mut self) {
        let hardware = &self.table.storage().hardware;
        hardware.borrow_mut().forget();
        self.table.clear();
        self.naive.clear();
        self.naive.check_all(&self.table);
    }

    /// Everything has happened this often.
    fn enough(&self, least: u64) {
        let Hardware {
            found,
            stores,
            forgotten,
            ..
        } = *self.table.storage().hardware.borrow();
        let c = &self.counts;
        println!("{c:?}, {found} found, {stores} stores, {forgotten} forgotten");
        let requests = [c.entered, c.full, c.removed, c.not_found, c.bulk, c.changed];
        let hosts = [
            c.presented,
            c.taken_away,
            c.many,
            c.references,
            c.dirty,
            c.finds,
            c.copied,
        ];
        let all = [found, stores, forgotten]
            .into_iter()
            .chain(requests)
            .chain(hosts);
        assert!(all.min() >= Some(least));
    }

    fn operate(&mut self) {
        self.step += 1;
        for _ in 0..4 {
            self.table.storage().hardware.borrow_mut().work();
        }
        match self.random.below(1000) {
            0..250 => self.enter(),
            250..400 => {
                let index = self.hot();
                self.present(index);
            }
            400..550 => {
                let index = self.any_index();
                let (flags, avpn) = (PageFlags::from_raw(self.flags()), self.avpn(index));
                // The same is checked within.
                let _ = self.remove(flags, index, avpn);
            }
            550..600 => self.bulk_remove(),
            600..700 => self.protect(),
            700..740 => self.clear_bits(),
            740..780 => {
                let index = self.hot();
                self.absent(index);
            }
            780..790 => self.take_away(),
            790..800 => self.dirty_log(),
            800..920 => self.clear_reference(),
            _ => self.find(),
        }
        if self.step.is_multiple_of(WHOLE) {
            self.naive.check_all(&self.table);
            self.resize();
            if self.random.one_in(32) {
                self.clear();
            }
        }
    }
}

#[test]
fn random_operations() {
    let number = |name| std::env::var(name).ok().and_then(|s| s.parse().ok());
    let operations: u64 = number("HPT_OPERATIONS").unwrap_or(1_600_000);
    let first: u64 = number("HPT_SEED").unwrap_or(1);
    let each = operations / 4;
    for seed in first..first.wrapping_add(4) {
        let mut pair = Pair::new(seed);
        for _ in 0..each {
            pair.operate();
        }
        pair.naive.check_all(&pair.table);
        pair.clear();
        pair.enough(each / 4000);
    }
}
