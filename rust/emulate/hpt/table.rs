// SPDX-License-Identifier: GPL-2.0

//! A guest's hashed page table as the hardware searches it.
//!
//! An entry that the guest has made is *present*, valid for the hardware, with the real address of a page of the host's,
//! or *absent* ([`HpteV::ABSENT`]). The guest's own second doubleword, with the address that it knows, is kept beside the
//! table ([`Reverse`]). Present entries are in chains by the guest's page, so that all that map a page are found
//! when the host takes it away.
//!
//! To make a present entry absent takes three steps: [`Table::retire`] makes it invalid, [`Table::flush`] has all
//! processors forget it, and only then are its reference and change bits final and [`Table::settle`] takes them over.
//! Many entries can be retired for one flush. The table is locked from the first step to the last.

use super::stale::Stale;
use crate::isa::{
    hpt_tlbie::HashRb,
    hpte::{find, Hpte, HpteR, HpteV, GROUP_ENTRIES},
    slb::Slbe,
};

/// What is known of an entry beside what the hardware sees.
#[derive(Clone, Copy, Debug)]
pub struct Reverse {
    /// The second doubleword as the guest made it, with R and C as far as they were taken over, and [`CHANGED`].
    guest: u64,
    /// The next and the previous entry in the chain, plus 1; 0 is none.
    next: u32,
    prev: u32,
}

/// In the place of TS, which guests do not have: the guest's entry has changed since it was last saved.
const CHANGED: HpteR = HpteR::TS;

/// That of an entry that nobody has made yet. It counts as changed, so that a file that is being read gives it again when
/// the guest gets another table.
impl Default for Reverse {
    fn default() -> Self {
        Self {
            guest: CHANGED.raw(),
            next: 0,
            prev: 0,
        }
    }
}

/// A table's memory, and the processors that search it.
pub trait Storage {
    /// Number of entries, a power of two of at least 2^14, so that the group tells the bits of the address that an entry
    /// has lost, and of at most 2^31.
    fn entries(&self) -> u64;
    /// The two doublewords of an entry, in the format of ISA 3.0; zeros if there is none.
    fn read(&self, index: u64) -> (u64, u64);
    /// Replaces an entry that is not valid by a valid one. The second doubleword has to be seen first.
    fn make_valid(&mut self, index: u64, entry: (u64, u64));
    /// Replaces an entry that is not valid by another one that is not.
    fn make_absent(&mut self, index: u64, entry: (u64, u64));
    /// Replaces the first doubleword by one that is not valid.
    fn make_invalid(&mut self, index: u64, first: u64);
    /// Clears R of a present entry, while processors may set R and C.
    fn clear_reference(&mut self, index: u64);
    /// Has all processors forget pages, named by RB of `tlbie`, and waits for that.
    fn invalidate(&mut self, pages: &[u64]);
    /// What is known of the entries, one each.
    fn reverse(&self) -> &[Reverse];
    /// The same, to change.
    fn reverse_mut(&mut self) -> &mut [Reverse];
    /// The first entry of each chain, plus 1: a power of two of at least 2.
    fn heads(&self) -> &[u32];
    /// The same, to change.
    fn heads_mut(&mut self) -> &mut [u32];
    /// Makes all entries invalid and all chains empty. Nobody searches the table. May sleep.
    fn clear(&mut self);
}

/// How a page is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// Its real address.
    pub real: u64,
    /// Whether stores are permitted, as far as the guest permits them.
    pub writable: bool,
    /// Whether it is not ordinary memory, and must not be cached.
    pub inhibited: bool,
    /// The access that it is mapped for: R, for a store with C, or nothing.
    pub access: HpteR,
}

/// An entry as the guest knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its doublewords. The first has no software bits of the hypervisor's.
    pub hpte: Hpte,
    /// Whether the hardware has it, too.
    pub present: bool,
}

/// A table.
pub struct Table<S: Storage> {
    storage: S,
    /// Shift of the size of the pages by which entries are chained.
    page_shift: u32,
}

impl<S: Storage> Table<S> {
    /// A table in empty memory, with chains by pages of 2^`page_shift` bytes.
    pub const fn new(storage: S, page_shift: u32) -> Self {
        Self {
            storage,
            page_shift,
        }
    }

    /// Its memory.
    pub const fn storage(&self) -> &S {
        &self.storage
    }

    /// Makes it empty. No processor may be using it. May sleep.
    pub fn clear(&mut self) {
        self.storage.clear();
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        self.storage.entries()
    }

    /// Number of groups, less 1.
    pub fn group_mask(&self) -> u64 {
        (self.entries() / GROUP_ENTRIES).wrapping_sub(1)
    }

    fn raw(&self, index: u64) -> Hpte {
        let (first, second) = self.storage.read(index);
        Hpte::from_v3(first, second)
    }

    /// An entry as the hardware has it, in the format of ISA 3.0, and the guest's second doubleword, all but for R and C. As
    /// long as that is the same, the entry translates in the same way.
    #[inline(always)]
    pub fn translates(&self, index: u64) -> [u64; 3] {
        let (first, second) = self.storage.read(index);
        let but = |r, bits: HpteR| HpteR::from_raw(r).without(bits).raw();
        let found = HpteR::R | HpteR::C;
        let guest = but(self.reverse(index).guest, found.with(CHANGED));
        [first, but(second, found), guest]
    }

    fn reverse(&self, index: u64) -> Reverse {
        let reverse = self.storage.reverse().get(index as usize);
        reverse.copied().unwrap_or_default()
    }

    fn change_reverse(&mut self, index: u64, f: impl FnOnce(&mut Reverse)) {
        if let Some(reverse) = self.storage.reverse_mut().get_mut(index as usize) {
            f(reverse);
        }
    }

    /// The entry at `index`; `None` if there is no such place. An unused one is all zeros.
    pub fn get(&self, index: u64) -> Option<Entry> {
        if index >= self.entries() {
            return None;
        }
        let raw = self.raw(index);
        let present = raw.v.contains(HpteV::V);
        let guest = HpteR::from_raw(self.reverse(index).guest).without(CHANGED);
        let found = raw.r.masked(HpteR::R | HpteR::C);
        Some(Entry {
            hpte: if raw.v.is_used() {
                Hpte {
                    v: raw.v.for_guest().with(HpteV::V),
                    r: if present { guest | found } else { guest },
                }
            } else {
                Hpte::default()
            },
            present,
        })
    }

    /// Finds the entry that translates an effective address in a segment, and its index.
    pub fn find(&self, slbe: Slbe, ea: u64) -> Option<(u64, Entry)> {
        let wanted = HpteV::for_page(slbe.virtual_address(ea)?, slbe.base_page_shift()?);
        let read = |index| {
            // Most entries differ in what both formats have in common.
            let (first, _) = self.storage.read(index);
            let v = HpteV::from_raw(first);
            if !v.is_used() || !v.may_be_of(wanted) {
                return None;
            }
            Some(self.get(index)?.hpte)
        };
        let (index, hpte) = find(slbe, ea, self.group_mask(), true, read)?;
        let present = self.raw(index).v.contains(HpteV::V);
        Some((index, Entry { hpte, present }))
    }

    /// The real address of what a present entry has at `address`, if that is ordinary memory.
    pub fn memory(&self, index: u64, address: u64) -> Option<u64> {
        let raw = self.raw(index);
        if !raw.v.contains(HpteV::V) || raw.r.contains(HpteR::I) {
            return None;
        }
        raw.real(address)
    }

    /// Puts the guest's entry into an unused place, absent.
    pub fn insert(&mut self, index: u64, hpte: Hpte) {
        let v = hpte.v.for_guest().without(HpteV::V).with(HpteV::ABSENT);
        self.change_reverse(index, |reverse| reverse.guest = (hpte.r | CHANGED).raw());
        let (first, second) = Hpte { v, r: hpte.r }.to_v3();
        // B is in the second doubleword, and has to be there for an absent entry, too.
        self.storage.make_absent(index, (first, second));
    }

    /// Puts the entry at `index`, if the guest wants it to be kept, into a table of another size, absent. This table stays
    /// as it is. Returns false if another entry has its place there.
    pub fn copy(&self, index: u64, to: &mut Self) -> bool {
        let kept = self.get(index).map(|entry| entry.hpte);
        let Some(hpte) = kept.filter(|hpte| hpte.v.contains(HpteV::BOLTED)) else {
            return true;
        };
        // What has no place is found by no processor.
        let Some(there) = hpte.index_in(index, self.group_mask(), to.group_mask()) else {
            return true;
        };
        let free = to.get(there).is_some_and(|entry| !entry.hpte.v.is_used());
        if free {
            to.insert(there, hpte);
        }
        free
    }

    /// Makes an absent entry present. The page has to be as large as the entry's.
    pub fn present(&mut self, index: u64, mapping: Mapping) {
        let v = self.raw(index).v;
        let guest = HpteR::from_raw(self.reverse(index).guest);
        let Some(sizes) = (Hpte { v, r: guest }).sizes() else {
            return;
        };
        if !v.contains(HpteV::ABSENT) {
            return;
        }
        let r = hardware_r(guest, sizes.actual, mapping);
        let v = v
            .without(HpteV::ABSENT)
            .with(HpteV::V)
            .set(HpteV::WRITABLE, mapping.writable);
        self.link(index, guest);
        self.storage.make_valid(index, Hpte { v, r }.to_v3());
    }

    /// First step: makes a present entry invalid. Whether it was one.
    pub fn retire(&mut self, index: u64, stale: &mut Stale) -> bool {
        let raw = self.raw(index);
        if !raw.v.contains(HpteV::V) {
            return false;
        }
        let v = raw.v.without(HpteV::V).with(HpteV::ABSENT);
        self.storage
            .make_invalid(index, Hpte { v, r: raw.r }.to_v3().0);
        // There are no present entries of unknown sizes.
        let rb = HashRb::of(raw, index / GROUP_ENTRIES).unwrap_or(HashRb::PARTITION);
        stale.add(rb.raw());
        true
    }

    /// Second step: no processor uses what was retired any more.
    pub fn flush(&mut self, stale: &Stale) {
        if stale.is_empty() {
            return;
        }
        match stale.few() {
            Some(pages) => self.storage.invalidate(pages),
            None => self.flush_all(),
        }
    }

    /// No processor uses anything of the table that it has found before.
    pub fn flush_all(&mut self) {
        self.storage.invalidate(&[HashRb::PARTITION.raw()]);
    }

    /// Third step: takes over the bits of an entry that was retired, which is absent from now on. Returns R and C, as
    /// far as the hardware has set them, or the entry was mapped with them.
    pub fn settle(&mut self, index: u64) -> HpteR {
        let found = self.raw(index).r.masked(HpteR::R | HpteR::C);
        let guest = HpteR::from_raw(self.reverse(index).guest);
        self.unlink(index, guest);
        self.take_over(index, found);
        found
    }

    /// Adds R and C to the guest's doubleword.
    fn take_over(&mut self, index: u64, found: HpteR) {
        self.change_reverse(index, |reverse| {
            let guest = HpteR::from_raw(reverse.guest);
            reverse.guest = (guest | found)
                .set(CHANGED, guest.contains(CHANGED) || !guest.contains(found))
                .raw();
        });
    }

    /// All three steps. `None` if the entry was not present.
    pub fn absent(&mut self, index: u64) -> Option<HpteR> {
        let mut stale = Stale::default();
        if !self.retire(index, &mut stale) {
            return None;
        }
        self.flush(&stale);
        Some(self.settle(index))
    }

    /// Removes an absent entry.
    pub fn remove(&mut self, index: u64) {
        self.change_reverse(index, |reverse| reverse.guest = CHANGED.raw());
        self.storage.make_invalid(index, 0);
    }

    /// Whether the guest's entry has changed since [`saved`](Self::saved).
    pub fn changed(&self, index: u64) -> bool {
        let raw = self.raw(index);
        let guest = HpteR::from_raw(self.reverse(index).guest);
        let found = raw.r.masked(HpteR::R | HpteR::C);
        guest.contains(CHANGED) || raw.v.contains(HpteV::V) && !guest.contains(found)
    }

    /// Notes that the guest's entry has been saved as it is now.
    pub fn saved(&mut self, index: u64) {
        let raw = self.raw(index);
        if raw.v.contains(HpteV::V) {
            self.take_over(index, raw.r.masked(HpteR::R | HpteR::C));
        }
        self.change_reverse(index, |reverse| reverse.guest &= !CHANGED.raw());
    }

    /// Replaces the guest's second doubleword, but for the page, by what `f` makes of it; a present entry stays so. If
    /// `read_only`, stores are not permitted any more until the entry is made present again. Returns the hardware's R
    /// and C, as [`settle`](Self::settle); they start anew.
    pub fn rewrite(
        &mut self,
        index: u64,
        read_only: bool,
        f: impl FnOnce(HpteR) -> HpteR,
    ) -> Option<HpteR> {
        let raw = self.raw(index);
        let was = self.absent(index);
        self.change_reverse(index, |reverse| {
            let old = HpteR::from_raw(reverse.guest).without(CHANGED);
            let new = f(old);
            let changed = new != old || reverse.guest & CHANGED.raw() != 0;
            reverse.guest = new.set(CHANGED, changed).raw();
        });
        if was.is_some() {
            self.present(
                index,
                Mapping {
                    real: raw.r.arpn_lp() << 12,
                    writable: raw.v.contains(HpteV::WRITABLE) && !read_only,
                    inhibited: raw.r.contains(HpteR::I),
                    access: HpteR::EMPTY,
                },
            );
        }
        was
    }

    /// Clears R of a present entry without telling the processors. Whether it was set.
    pub fn clear_reference(&mut self, index: u64) -> bool {
        let raw = self.raw(index);
        let was = raw.v.contains(HpteV::V) && raw.r.contains(HpteR::R);
        if was {
            self.take_over(index, HpteR::R);
            self.storage.clear_reference(index);
        }
        was
    }

    /// R and C of a present entry as the hardware has them.
    pub fn hardware_bits(&self, index: u64) -> HpteR {
        self.raw(index).r.masked(HpteR::R | HpteR::C)
    }

    /// The number of the guest's page that an entry is chained by.
    fn page_of(&self, v: HpteV, guest: HpteR) -> u64 {
        let address = Hpte { v, r: guest }.real(0);
        address.unwrap_or(0) >> self.page_shift
    }

    fn bucket(&self, page: u64) -> usize {
        let bits = self.storage.heads().len().trailing_zeros();
        (page.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits.clamp(1, 63))) as usize
    }

    /// The first present or retired entry of the guest's page.
    pub fn first_of(&self, page: u64) -> Option<u64> {
        let head = self.storage.heads().get(self.bucket(page)).copied();
        self.same_page(head.unwrap_or(0), page)
    }

    /// The next one behind the entry `index`.
    pub fn next_of(&self, index: u64, page: u64) -> Option<u64> {
        self.same_page(self.reverse(index).next, page)
    }

    /// The first of a chain's entries, from a link on, that is of this page.
    fn same_page(&self, mut link: u32, page: u64) -> Option<u64> {
        while let Some(index) = link.checked_sub(1) {
            let index = u64::from(index);
            let reverse = self.reverse(index);
            if self.page_of(self.raw(index).v, HpteR::from_raw(reverse.guest)) == page {
                return Some(index);
            }
            link = reverse.next;
        }
        None
    }

    fn set_head(&mut self, bucket: usize, link: u32) -> u32 {
        let head = self.storage.heads_mut().get_mut(bucket);
        head.map_or(0, |head| core::mem::replace(head, link))
    }

    fn link(&mut self, index: u64, guest: HpteR) {
        let bucket = self.bucket(self.page_of(self.raw(index).v, guest));
        let link = index as u32 + 1;
        let next = self.set_head(bucket, link);
        self.change_reverse(index, |reverse| (reverse.next, reverse.prev) = (next, 0));
        if let Some(next) = next.checked_sub(1) {
            self.change_reverse(next.into(), |reverse| reverse.prev = link);
        }
    }

    fn unlink(&mut self, index: u64, guest: HpteR) {
        let Reverse { next, prev, .. } = self.reverse(index);
        match prev.checked_sub(1) {
            Some(prev) => self.change_reverse(prev.into(), |reverse| reverse.next = next),
            None => {
                let bucket = self.bucket(self.page_of(self.raw(index).v, guest));
                self.set_head(bucket, next);
            }
        }
        if let Some(next) = next.checked_sub(1) {
            self.change_reverse(next.into(), |reverse| reverse.prev = prev);
        }
        self.change_reverse(index, |reverse| (reverse.next, reverse.prev) = (0, 0));
    }
}

/// The second doubleword for the hardware: the guest's, with another address, for a page of 2^`shift` bytes.
fn hardware_r(guest: HpteR, shift: u32, mapping: Mapping) -> HpteR {
    let within = 1u64.wrapping_shl(shift).wrapping_sub(1) >> 12;
    let arpn_lp = (mapping.real >> 12) & !within | guest.arpn_lp() & within;
    // Memory is always cached, because the host has cached mappings of it, whatever the guest thinks that it is.
    // Instructions are not fetched from guarded storage, and stay that way without G.
    let wimg = if mapping.inhibited {
        HpteR::I | HpteR::G
    } else {
        HpteR::M
    };
    let r = guest
        .without(HpteR::R | HpteR::C | HpteR::TS)
        .with_wimg(0)
        .with(wimg)
        .set(HpteR::N, guest.intersects(HpteR::N | HpteR::G))
        .with_arpn_lp(arpn_lp)
        .with(mapping.access.masked(HpteR::R | HpteR::C));
    if mapping.writable {
        r
    } else {
        r.read_only()
    }
}
