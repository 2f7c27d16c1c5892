// SPDX-License-Identifier: GPL-2.0

//! The shadow MMU of a VM: which segment of the host's stands for which of the guest's, and the entries of the
//! host's page table that were made for the guest, found by guest page, by guest frame and by host page.
//!
//! All of it is under [`Vm::mmu`](crate::vm::Vm), so nothing here sleeps or allocates. Entries are in a pool of fixed
//! size; when it is full, the oldest go first.

mod key;
mod watch;

use self::key::{GuestPage, SEGMENT_SHIFT, UNIT_SHIFT};
pub(crate) use self::key::{SegmentKey, SegmentState};
use crate::{
    host::{
        code_page::CodePage,
        hash::{HashContext, HostHpte, HostVsid, Permission},
        mm::InvalidationsExcluded,
    },
    isa::slb::VirtualAddress,
    vm::backend::Gfn,
};
use core::ops::Range;
use kernel::{page::PAGE_SHIFT, prelude::*};

/// Entries of the host's table that a VM can have: 2 GB in pages of 64 KB.
const POOL: usize = 1 << 15;
/// Buckets of each of the three indices.
const BUCKETS: usize = POOL;
/// Segments that are shadowed at one time.
const SEGMENTS: usize = 1 << 12;
/// Places for them: twice as many, so that searches stay short.
const PLACES: usize = 2 * SEGMENTS;
/// End of a chain.
const END: u32 = u32::MAX;

/// A shadowed segment.
#[derive(Clone, Copy)]
struct Segment {
    key: SegmentKey,
    vsid: HostVsid,
}

/// An entry of the host's page table.
#[derive(Clone, Copy)]
struct Entry {
    hpte: HostHpte,
    /// The host's virtual page: its VSID and the address in the segment.
    host: u64,
    page: GuestPage,
    gfn: Gfn,
    /// Which 4 KB of the frame.
    part: u8,
    writable: bool,
    executable: bool,
    used: bool,
    /// How often it was mapped for writing, and no longer for writing, or the other way round.
    flips: u8,
    /// Next in the chains.
    next: [u32; INDICES],
}

/// The indices: by host page, by guest page, by guest frame.
const INDICES: usize = 3;
const BY_HOST: usize = 0;
const BY_PAGE: usize = 1;
const BY_GFN: usize = 2;

impl Entry {
    const NONE: Self = Self {
        hpte: HostHpte::NONE,
        host: 0,
        page: GuestPage::NONE,
        gfn: 0,
        part: 0,
        writable: false,
        executable: false,
        used: false,
        flips: 0,
        next: [END; INDICES],
    };

    fn bucket(&self, index: usize) -> usize {
        let hash = match index {
            BY_HOST => host_hash(self.host),
            BY_PAGE => self.page.hash(),
            _ => self.gfn as usize,
        };
        hash % BUCKETS
    }
}

fn host_hash(host: u64) -> usize {
    (host ^ host >> 13) as usize
}

/// No guest real address: what is mapped is not the guest's memory.
pub(crate) const NO_GPA: u64 = !0xfff;

/// A page to be mapped.
pub(crate) struct ShadowPage {
    /// The effective address.
    pub(crate) ea: u64,
    /// Guest real address.
    pub(crate) gpa: u64,
    /// The physical address, of the 4 KB or 64 KB that are mapped.
    pub(crate) phys: u64,
    /// What the guest may do.
    pub(crate) permission: Permission,
    /// Its code was looked at when so many pages had been mapped for writing ([`PrMmu::take_writers`]).
    pub(crate) looked: Option<u64>,
}

impl ShadowPage {
    /// The guest frame.
    pub(crate) fn gfn(&self) -> Gfn {
        self.gpa >> PAGE_SHIFT
    }
}

/// Which 4 KB of its frame a real address is in.
const fn part(gpa: u64) -> u8 {
    ((gpa & ((1 << PAGE_SHIFT) - 1)) >> 12) as u8
}

/// Pages of which guests execute a copy.
const COPIES: usize = 256;

/// A page of 4 KB of the guest's and what is executed instead.
pub(crate) struct Copied {
    gpa: u64,
    page: KBox<CodePage>,
}

/// A VM's shadow MMU.
pub(crate) struct PrMmu {
    context: HashContext,
    segments: KVVec<Segment>,
    segments_used: usize,
    pool: KVVec<Entry>,
    buckets: [KVVec<u32>; INDICES],
    /// Where in the pool the next entry goes.
    hand: usize,
    /// Changes when segments of the host's are taken away from those that they stood for.
    generation: u64,
    /// No page can be both executed and written, and none is executed that was not looked at.
    watched: bool,
    /// Then, how many have been mapped for writing.
    writes: u64,
    copies: KVVec<Option<Copied>>,
    next_copy: usize,
}

fn filled<T: Clone>(n: usize, value: T) -> Result<KVVec<T>> {
    let mut v = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
    v.resize(n, value, GFP_KERNEL_ACCOUNT)?;
    Ok(v)
}

impl PrMmu {
    /// Nothing mapped. `ENOSPC` or `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let mut context = HashContext::new()?;
        let mut copies = KVVec::with_capacity(COPIES, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..COPIES {
            copies.push(None, GFP_KERNEL_ACCOUNT)?;
        }
        let none = Segment {
            key: SegmentKey::NONE,
            vsid: context.segment(),
        };
        Ok(Self {
            context,
            segments: filled(PLACES, none)?,
            segments_used: 0,
            pool: filled(POOL, Entry::NONE)?,
            buckets: [
                filled(BUCKETS, END)?,
                filled(BUCKETS, END)?,
                filled(BUCKETS, END)?,
            ],
            hand: 0,
            generation: 0,
            watched: false,
            writes: 0,
            copies,
            next_copy: 0,
        })
    }

    /// Changes when shadow segments that vCPUs hold are stale.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The segment of the host's for `key`, and whether [`generation`](Self::generation) has changed, because there
    /// was no room: then all vCPUs have to drop theirs.
    pub(crate) fn segment(&mut self, key: SegmentKey) -> (HostVsid, bool) {
        if let Some(found) = self.find_segment(key) {
            return (found, false);
        }
        let mut stale = false;
        if self.segments_used >= SEGMENTS {
            self.forget_segments();
            stale = true;
        }
        let vsid = self.context.segment();
        for i in 0..PLACES {
            match self.segments.get_mut((key.hash() + i) % PLACES) {
                Some(s) if s.key == SegmentKey::NONE => {
                    *s = Segment { key, vsid };
                    self.segments_used += 1;
                    break;
                }
                _ => {}
            }
        }
        (vsid, stale)
    }

    fn find_segment(&self, key: SegmentKey) -> Option<HostVsid> {
        for i in 0..PLACES {
            let s = self.segments.get((key.hash() + i) % PLACES)?;
            if s.key == key {
                return Some(s.vsid);
            }
            if s.key == SegmentKey::NONE {
                return None;
            }
        }
        None
    }

    /// All pages are taken away, and no segment stands for any other. The numbers are not given out again before all
    /// others have been, which takes 64 times as many segments as there can be at one time.
    fn forget_segments(&mut self) {
        self.unmap_all();
        for s in self.segments.iter_mut() {
            s.key = SegmentKey::NONE;
        }
        self.segments_used = 0;
        self.generation += 1;
    }

    /// Maps a page in a segment that [`segment`](Self::segment) gave, in the place of what is mapped there.
    /// Says whether that went well, and if not, the guest has to fault again.
    pub(crate) fn map(&mut self, key: SegmentKey, page: &ShadowPage) -> bool {
        let Some(vsid) = self.find_segment(key) else {
            return false;
        };
        if self.watched && !self.permit(page) {
            return false;
        }
        let large = key.large();
        let mut entry = Entry {
            hpte: HostHpte::NONE,
            host: host_page(vsid.raw(), page.ea, large),
            page: key.page(page.ea).unwrap_or(GuestPage::NONE),
            gfn: page.gfn(),
            part: part(page.gpa),
            writable: page.permission.write,
            executable: page.permission.execute,
            used: true,
            flips: 0,
            next: [END; INDICES],
        };
        let old = self.find(BY_HOST, entry.bucket(BY_HOST), |e| e.host == entry.host);
        if let Some(old) = old {
            if let Some(was) = self.pool.get(old as usize).filter(|e| e.gfn == entry.gfn) {
                let flip = was.writable != entry.writable;
                entry.flips = was.flips.saturating_add(flip.into());
            }
            self.remove(old);
        }
        match HostHpte::insert(vsid, page.ea, page.phys, page.permission, large) {
            Some(hpte) => entry.hpte = hpte,
            None => return false,
        }
        self.add(entry);
        true
    }

    fn entry(&self, key: SegmentKey, ea: u64) -> Option<&Entry> {
        self.entry_of(host_page(self.find_segment(key)?.raw(), ea, key.large()))
    }

    fn entry_of(&self, host: u64) -> Option<&Entry> {
        let at = self.find(BY_HOST, host_hash(host) % BUCKETS, |e| e.host == host)?;
        self.pool.get(at as usize)
    }

    /// The `N` words at `ea` of a page that is mapped for execution in the host's segment `vsid`, whose pages are large
    /// or not. As numbers in the host's byte order.
    #[inline]
    pub(crate) fn code<const N: usize>(
        &self,
        vsid: u64,
        ea: u64,
        large: bool,
        quiet: &impl InvalidationsExcluded,
    ) -> Option<[u32; N]> {
        let entry = self.entry_of(host_page(vsid, ea, large))?;
        match entry.executable {
            true => entry.hpte.words(ea, quiet),
            false => None,
        }
    }

    /// How often the page at `ea` has been mapped for writing, or no longer for writing, since it was first mapped.
    pub(crate) fn flips(&self, key: SegmentKey, ea: u64) -> u8 {
        self.entry(key, ea).map_or(0, |e| e.flips)
    }

    /// The next access to the page at `ea` faults, though it counts as mapped.
    pub(crate) fn withdraw(&mut self, key: SegmentKey, ea: u64) {
        if let Some(entry) = self.entry(key, ea) {
            entry.hpte.invalidate();
        }
    }

    fn add(&mut self, mut entry: Entry) {
        let at = self.hand;
        self.hand = (at + 1) % POOL;
        if self.pool.get(at).is_some_and(|e| e.used) {
            self.remove(at as u32);
        }
        for (index, buckets) in self.buckets.iter_mut().enumerate() {
            if let (Some(head), Some(next)) = (
                buckets.get_mut(entry.bucket(index)),
                entry.next.get_mut(index),
            ) {
                *next = *head;
                *head = at as u32;
            }
        }
        if let Some(slot) = self.pool.get_mut(at) {
            *slot = entry;
        }
    }

    /// The first entry of a chain that `f` wants.
    fn find(&self, index: usize, bucket: usize, f: impl Fn(&Entry) -> bool) -> Option<u32> {
        let mut at = *self.buckets.get(index)?.get(bucket)?;
        while let Some(entry) = self.pool.get(at as usize) {
            if f(entry) {
                return Some(at);
            }
            at = *entry.next.get(index)?;
        }
        None
    }

    /// Takes an entry away, from the host's table first.
    fn remove(&mut self, at: u32) {
        let Some(entry) = self.pool.get(at as usize).copied() else {
            return;
        };
        entry.hpte.invalidate();
        for index in 0..INDICES {
            self.unlink(index, entry.bucket(index), at);
        }
        if let Some(slot) = self.pool.get_mut(at as usize) {
            *slot = Entry::NONE;
        }
    }

    fn unlink(&mut self, index: usize, bucket: usize, at: u32) {
        let next_of = |pool: &KVVec<Entry>, at: u32| {
            pool.get(at as usize)
                .and_then(|e| e.next.get(index).copied())
                .unwrap_or(END)
        };
        let after = next_of(&self.pool, at);
        let Some(head) = self.buckets.get_mut(index).and_then(|b| b.get_mut(bucket)) else {
            return;
        };
        if *head == at {
            *head = after;
            return;
        }
        let mut before = *head;
        while before != END {
            let next = next_of(&self.pool, before);
            if next == at {
                let entry = self.pool.get_mut(before as usize);
                if let Some(link) = entry.and_then(|e| e.next.get_mut(index)) {
                    *link = after;
                }
                return;
            }
            before = next;
        }
    }

    fn remove_all(&mut self, f: impl Fn(&Entry) -> bool) {
        for at in 0..self.pool.len() {
            if self.pool.get(at).is_some_and(|e| e.used && f(e)) {
                self.remove(at as u32);
            }
        }
    }

    /// Takes all pages away.
    pub(crate) fn unmap_all(&mut self) {
        self.remove_all(|_| true);
    }

    /// Takes away what translates the 2^`shift` bytes around a guest's virtual address.
    pub(crate) fn unmap_virtual(&mut self, va: VirtualAddress, shift: u32) {
        let units = 1u64.wrapping_shl(shift.saturating_sub(UNIT_SHIFT));
        let first = GuestPage::of(va).0 & !(units - 1);
        if units > POOL as u64 {
            self.remove_all(|e| e.page.0.wrapping_sub(first) < units);
            return;
        }
        for page in (0..units).map(|i| GuestPage(first + i)) {
            let bucket = page.hash() % BUCKETS;
            while let Some(at) = self.find(BY_PAGE, bucket, |e| e.page == page) {
                self.remove(at);
            }
        }
    }

    /// Takes away all pages of a 32-bit guest's that have the index of `ea` in their segment: `tlbie`.
    pub(crate) fn unmap_page32(&mut self, ea: u64) {
        let page = GuestPage::of_index(ea);
        let bucket = page.hash() % BUCKETS;
        while let Some(at) = self.find(BY_PAGE, bucket, |e| e.page == page) {
            self.remove(at);
        }
    }

    /// Takes away what translates a virtual address of which only the low 48 bits are known, or the 16 MB around it:
    /// `tlbie` before ISA 2.05.
    pub(crate) fn unmap_virtual_low(&mut self, va: u64, large: bool) {
        const LOW: u64 = 0xffff_ffff;
        let first = va >> UNIT_SHIFT & LOW;
        let (first, units) = match large {
            true => (first & !0xff, 0x100),
            false => (first, 1),
        };
        for unit in first..first + units {
            let bucket = GuestPage(unit).hash() % BUCKETS;
            let same = |e: &Entry| e.page != GuestPage::NONE && e.page.0 & LOW == unit;
            while let Some(at) = self.find(BY_PAGE, bucket, same) {
                self.remove(at);
            }
        }
    }

    /// Takes away what maps these frames, or only what does so for writing. Says whether there was any.
    pub(crate) fn unmap_gfns(&mut self, gfns: Range<Gfn>, writable_only: bool) -> bool {
        let wanted = |e: &Entry| e.writable || !writable_only;
        let mut any = false;
        if gfns.end.saturating_sub(gfns.start) > (POOL / 4) as u64 {
            any = self
                .pool
                .iter()
                .any(|e| e.used && gfns.contains(&e.gfn) && wanted(e));
            self.remove_all(|e| gfns.contains(&e.gfn) && wanted(e));
            return any;
        }
        for gfn in gfns {
            let bucket = gfn as usize % BUCKETS;
            while let Some(at) = self.find(BY_GFN, bucket, |e| e.gfn == gfn && wanted(e)) {
                self.remove(at);
                any = true;
            }
        }
        any
    }

    /// Is any of these frames mapped?
    pub(crate) fn maps(&self, gfns: Range<Gfn>) -> bool {
        gfns.into_iter().any(|gfn| {
            self.find(BY_GFN, gfn as usize % BUCKETS, |e| e.gfn == gfn)
                .is_some()
        })
    }
}

/// The number of a page of the host's virtual address space.
fn host_page(vsid: u64, ea: u64, large: bool) -> u64 {
    let shift = if large { 16 } else { 12 };
    let within = (ea & ((1 << SEGMENT_SHIFT) - 1)) >> shift << shift;
    vsid << (SEGMENT_SHIFT - 12) | within >> 12
}

/// The part of a real address that says where in the host's page something is that is mapped in smaller pieces.
pub(crate) const fn within_host_page(gpa: u64, large: bool) -> u64 {
    match large {
        true => 0,
        false => gpa & ((1 << PAGE_SHIFT) - 1) & !0xfff,
    }
}

impl Drop for PrMmu {
    fn drop(&mut self) {
        self.unmap_all();
    }
}
