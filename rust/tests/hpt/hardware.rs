// SPDX-License-Identifier: GPL-2.0

//! A table's memory, and processors that search it, keep what they have found and set R and C when it suits them.

use kvm_ppc_pure::{
    emulate::hpt::table::{Reverse, Storage},
    isa::{
        hpte::{find, hash, Hpte, HpteR, HpteV, PageSizes, GROUP_ENTRIES},
        radix_walk::Access,
        slb::{base_page_bits, SegmentSize, SlbEsid, SlbVsid, Slbe, VirtualAddress},
    },
};
use std::cell::RefCell;

const PROCESSORS: u64 = 4;
/// What a processor keeps.
const KEPT: usize = 8;

/// R and C of a second doubleword.
pub(super) const R: u64 = 0x100;
pub(super) const C: u64 = 0x80;

/// xorshift64*: the same numbers for the same seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn any(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        (self.any() >> 33) % n
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

/// A (base) page that the guest uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) slbe: Slbe,
    pub(super) ea: u64,
    pub(super) va: VirtualAddress,
    pub(super) base: u32,
}

impl Page {
    pub(super) fn group(&self, secondary: bool, mask: u64) -> u64 {
        let hash = hash(self.va, self.base);
        (if secondary { !hash } else { hash }) & mask
    }
}

/// Pages of all kinds of segments, of which many have the same group.
pub(super) fn pages(random: &mut Random) -> Vec<Page> {
    let mut pages = Vec::new();
    let hash = random.any();
    for segment in [SegmentSize::Mb256, SegmentSize::Tb1] {
        for base in [12, 16, 24] {
            // ISA 3.0's entries have room for 68 bits of virtual address. The first page's hash ends as that of others.
            let first = segment.offset(random.any()) >> base;
            let vsid = (random.any() >> (segment.shift() - 4) & !0x7ff) | ((hash ^ first) & 0x7ff);
            let low = match segment {
                SegmentSize::Mb256 => 0,
                SegmentSize::Tb1 => 12,
            };
            let esid = random.any() << segment.shift();
            for n in (0..12).chain([0x800]) {
                let offset = segment.offset((first ^ n) << base);
                let slbe = Slbe {
                    esid: SlbEsid::from_raw(esid).with(SlbEsid::V),
                    vsid: base_page_bits(base)
                        .expect("a size")
                        .with_b(segment as u64)
                        .with_vsid_field(vsid << low),
                };
                let (ea, va) = (
                    esid | offset,
                    VirtualAddress {
                        vsid,
                        offset,
                        segment,
                    },
                );
                pages.push(Page { slbe, ea, va, base });
            }
        }
    }
    pages
}

/// A translation that a processor keeps.
struct Kept {
    index: u64,
    hpte: Hpte,
    va: VirtualAddress,
    sizes: PageSizes,
    /// The entry has C, as far as the processor knows.
    changed: bool,
}

impl Kept {
    /// Whether `tlbie` with this RB names it: ISA Book III, "TLB Management Instructions", bit by bit.
    fn is_named(&self, rb: u64) -> bool {
        match rb >> 10 & 3 {
            0 => {}
            2 => return true,
            is => panic!("IS {is} in {rb:#x}"),
        }
        let va = self.va.vsid << self.va.segment.shift() | self.va.offset;
        let PageSizes { base, actual } = self.sizes;
        let right_size = if rb & 1 == 0 {
            base == 12 && matches!((rb >> 5 & 7, actual), (0, 12) | (5, 16) | (4, 24))
        } else {
            // AVAL has the low bits of the base page's number.
            let low = (rb ^ va >> 12) & 0xfe >> (base - 12) << (base - 12);
            let lp = rb >> 12 & 0xff;
            low == 0
                && match (base, actual) {
                    (16, 16) => lp & 0xf == 1,
                    (16, 24) => lp == 8,
                    (24, 24) => lp == 0,
                    _ => false,
                }
        };
        rb >> 8 & 3 == self.va.segment as u64 && right_size && (rb ^ va) >> actual == 0
    }
}

/// The doublewords, and all processors.
pub(super) struct Hardware {
    random: Random,
    pages: Vec<Page>,
    memory: Vec<(u64, u64)>,
    processors: Vec<Vec<Kept>>,
    /// R and C that entries have to have: what processors did through them since they became valid.
    since: Vec<u64>,
    /// The same at the moment when they last became valid again.
    before: Vec<u64>,
    /// Translations found, stores done, translations forgotten because they were named.
    pub(super) found: u64,
    pub(super) stores: u64,
    pub(super) forgotten: u64,
}

impl Hardware {
    /// Processors do something, or nothing.
    pub(super) fn work(&mut self) {
        while self.random.one_in(2) {
            let processor = self.random.below(PROCESSORS) as usize;
            let kept = self.processors[processor].len() as u64;
            match self.random.below(8) {
                0..=4 if kept != 0 => {
                    let n = self.random.below(kept) as usize;
                    self.access(processor, n);
                }
                0..=6 => {
                    let page = self.random.of(&self.pages);
                    let read = |index| Some(self.hpte(index));
                    if let Some((index, _)) = find(page.slbe, page.ea, self.mask(), true, read) {
                        self.walk(processor, index, page.va);
                    }
                }
                // One that a search does not find because another one comes first.
                _ => {
                    let page = self.random.of(&self.pages);
                    let group = page.group(self.random.one_in(2), self.mask());
                    let index = group * GROUP_ENTRIES | self.random.below(GROUP_ENTRIES);
                    if let Some(va) = self.hpte(index).virtual_page(group) {
                        self.walk(processor, index, va);
                    }
                }
            }
        }
    }

    fn mask(&self) -> u64 {
        self.memory.len() as u64 / GROUP_ENTRIES - 1
    }

    pub(super) fn hpte(&self, index: u64) -> Hpte {
        let (first, second) = self.memory[index as usize];
        Hpte::from_v3(first, second)
    }

    fn may_access(&mut self, hpte: Hpte, store: bool) -> bool {
        let key = SlbVsid::EMPTY.set(SlbVsid::KS, self.random.one_in(2));
        let access = if store { Access::Store } else { Access::Load };
        hpte.check(key, false, 0, 0, access).is_ok()
    }

    fn set(&mut self, index: u64, bits: u64) {
        self.memory[index as usize].1 |= bits;
        self.since[index as usize] |= bits;
    }

    /// The entry is found, and used at once.
    fn walk(&mut self, processor: usize, index: u64, va: VirtualAddress) {
        let hpte = self.hpte(index);
        let store = self.random.one_in(2);
        let Some(sizes) = hpte.sizes() else {
            return;
        };
        if !hpte.v.contains(HpteV::V) || !self.may_access(hpte, store) {
            return;
        }
        self.found += 1;
        self.set(index, if store { R | C } else { R });
        let kept = &mut self.processors[processor];
        if kept.len() == KEPT {
            kept.swap_remove(self.random.below(KEPT as u64) as usize);
        }
        kept.push(Kept {
            index,
            hpte,
            va,
            sizes,
            changed: store || hpte.r.contains(HpteR::C),
        });
    }

    /// A translation that is kept is used. Nothing looks at the entry, but bits are set in it.
    fn access(&mut self, processor: usize, n: usize) {
        let store = self.random.one_in(2);
        let Kept { index, hpte, .. } = self.processors[processor][n];
        if !self.may_access(hpte, store) {
            return;
        }
        if self.random.one_in(4) {
            self.set(index, R);
        }
        if store {
            self.stores += 1;
            // A processor that knows that C is set does not set it again.
            self.since[index as usize] |= C;
            let kept = &mut self.processors[processor][n];
            if !std::mem::replace(&mut kept.changed, true) {
                self.set(index, C);
            }
        }
    }

    /// Whether a processor keeps the entry.
    pub(super) fn is_kept(&self, index: u64) -> bool {
        let mut all = self.processors.iter().flatten();
        all.any(|kept| kept.index == index)
    }

    /// What processors keep is in the table.
    pub(super) fn check(&self) {
        for kept in self.processors.iter().flatten() {
            let mut now = self.hpte(kept.index);
            let bits = HpteR::R | HpteR::C;
            now.r = now.r.replaced(bits, kept.hpte.r);
            assert_eq!(kept.hpte, now, "entry {} is kept", kept.index);
        }
    }

    /// R and C that an entry has to have.
    pub(super) fn since(&self, index: u64) -> u64 {
        self.since[index as usize]
    }

    /// R and C that it had to have when it was last made valid.
    pub(super) fn before(&self, index: u64) -> u64 {
        self.before[index as usize]
    }

    /// An entry was mapped with these bits.
    pub(super) fn mapped_with(&mut self, index: u64, bits: u64) {
        self.since[index as usize] |= bits;
    }

    /// R and C were taken over.
    pub(super) fn take(&mut self, index: u64) -> u64 {
        std::mem::take(&mut self.since[index as usize])
    }

    /// A processor forgets what `tlbie` names, which it may use to the last.
    fn forget_named(&mut self, processor: usize, rb: u64) {
        let had = self.processors[processor].len();
        for n in 0..had {
            if self.processors[processor][n].is_named(rb) && self.random.one_in(2) {
                self.access(processor, n);
            }
        }
        let kept = &mut self.processors[processor];
        kept.retain(|kept| !kept.is_named(rb));
        self.forgotten += (had - kept.len()) as u64;
    }

    /// All processors forget everything.
    pub(super) fn forget(&mut self) {
        self.processors.iter_mut().for_each(Vec::clear);
    }
}

/// A table's memory.
pub(super) struct Memory {
    pub(super) hardware: RefCell<Hardware>,
    reverse: Vec<Reverse>,
    heads: Vec<u32>,
}

impl Memory {
    pub(super) fn new(random: Random, pages: Vec<Page>, entries: usize, heads: usize) -> Self {
        Self {
            hardware: RefCell::new(Hardware {
                random,
                pages,
                memory: vec![(0, 0); entries],
                processors: (0..PROCESSORS).map(|_| Vec::new()).collect(),
                since: vec![0; entries],
                before: vec![0; entries],
                found: 0,
                stores: 0,
                forgotten: 0,
            }),
            reverse: vec![Reverse::default(); entries],
            heads: vec![0; heads],
        }
    }
}

impl Storage for Memory {
    fn entries(&self) -> u64 {
        self.reverse.len() as u64
    }

    fn read(&self, index: u64) -> (u64, u64) {
        let hardware = self.hardware.borrow();
        let entry = hardware.memory.get(index as usize);
        entry.copied().unwrap_or_default()
    }

    fn make_valid(&mut self, index: u64, entry: (u64, u64)) {
        let hardware = self.hardware.get_mut();
        hardware.work();
        assert!(!hardware.is_kept(index), "entry {index} was not flushed");
        let place = index as usize;
        assert_eq!(hardware.memory[place].0 & 1, 0, "entry {index} is valid");
        hardware.before[place] = hardware.take(index);
        hardware.memory[place].1 = entry.1;
        hardware.work();
        hardware.memory[place].0 = entry.0;
        hardware.work();
    }

    fn make_absent(&mut self, index: u64, entry: (u64, u64)) {
        assert_eq!(entry.0 & 1, 0);
        self.make_valid(index, entry);
    }

    fn make_invalid(&mut self, index: u64, first: u64) {
        assert_eq!(first & 1, 0);
        let hardware = self.hardware.get_mut();
        hardware.work();
        // One that is kept stays in its place until it was flushed.
        assert!(first != 0 || !hardware.is_kept(index), "entry {index}");
        hardware.memory[index as usize].0 = first;
        hardware.work();
    }

    fn clear_reference(&mut self, index: u64) {
        let hardware = self.hardware.get_mut();
        hardware.work();
        let place = index as usize;
        assert_eq!(hardware.memory[place].0 & 1, 1);
        hardware.memory[place].1 &= !R;
        hardware.since[place] &= !R;
        hardware.work();
    }

    fn invalidate(&mut self, pages: &[u64]) {
        assert!(!pages.is_empty());
        let hardware = self.hardware.get_mut();
        for rb in pages {
            hardware.work();
            for processor in 0..hardware.processors.len() {
                hardware.forget_named(processor, *rb);
            }
        }
        hardware.work();
    }

    fn reverse(&self) -> &[Reverse] {
        &self.reverse
    }

    fn reverse_mut(&mut self) -> &mut [Reverse] {
        &mut self.reverse
    }

    fn heads(&self) -> &[u32] {
        &self.heads
    }

    fn heads_mut(&mut self) -> &mut [u32] {
        &mut self.heads
    }

    fn clear(&mut self) {
        let hardware = self.hardware.get_mut();
        assert!(hardware.processors.iter().all(Vec::is_empty));
        hardware.memory.fill((0, 0));
        hardware.since.fill(0);
        self.reverse.fill(Reverse::default());
        self.heads.fill(0);
    }
}
