// SPDX-License-Identifier: GPL-2.0

//! A VM's shadow MMU except for mapping: its segments, and taking pages away.

use super::{
    key::{GuestPage, SegmentKey, SEGMENT_SHIFT, UNIT_SHIFT},
    pool::{
        filled, gfn_bucket, host_bucket, page_bucket, Entry, Part, Pool, BY_GFN, BY_HOST, BY_PAGE,
        POOL,
    },
};
use crate::{
    host::{
        code_page::CodePage,
        hash::{Frame, HashContext, HostVsid, Permission},
        mm::InvalidationsExcluded,
        wait::cond_resched,
    },
    isa::slb::VirtualAddress,
    vm::gfn::Gfn,
};
use core::ops::Range;
use kernel::{page::PAGE_SHIFT, prelude::*};

/// Segments that are shadowed at one time.
const SEGMENTS: usize = 1 << 12;
/// Places for them: twice as many, so that searches stay short.
const PLACES: usize = 2 * SEGMENTS;

/// A shadowed segment.
#[derive(Clone, Copy)]
struct Segment {
    key: SegmentKey,
    vsid: HostVsid,
}

/// The bits of an address that say in which page of 4 KB it is.
pub(crate) const PAGE_4K: u64 = !0xfff;

/// The guest real address of a page that is not in guest memory.
pub(crate) const NO_GPA: u64 = PAGE_4K;

/// A page to be mapped.
pub(crate) struct ShadowPage {
    /// The effective address.
    pub(crate) ea: u64,
    /// Guest real address.
    pub(crate) gpa: u64,
    /// The 4 KB or 64 KB that are mapped.
    pub(crate) frame: Frame,
    /// What the guest may do.
    pub(crate) permission: Permission,
    /// Its code was looked at when its frame had so often been mapped for writing ([`PrMmu::writes`]).
    pub(crate) looked: Option<u64>,
}

impl ShadowPage {
    /// The guest frame.
    pub(crate) fn gfn(&self) -> Gfn {
        self.gpa >> PAGE_SHIFT
    }
}

/// Which 4 KB of its frame a real address is in.
pub(super) const fn part(gpa: u64) -> u8 {
    ((gpa & ((1 << PAGE_SHIFT) - 1)) >> 12) as u8
}

/// Counts of how often frames were mapped for writing; some frames share one.
const WRITES: usize = 1 << 10;

/// Pages of which guests execute a copy.
pub(super) const COPIES: usize = 256;

/// A page of 4 KB of the guest's and what is executed instead.
pub(crate) struct Copied {
    pub(super) gpa: u64,
    pub(super) page: KBox<CodePage>,
}

/// A VM's shadow MMU.
pub(crate) struct PrMmu {
    context: HashContext,
    segments: KVVec<Segment>,
    segments_used: usize,
    pub(super) pool: Pool,
    /// While pages are taken away because there are too many segments: the place in the pool where to go on.
    sweep: usize,
    /// Incremented when the host's segments do not stand for the guest's any more.
    generation: u64,
    /// No page is mapped for execution and for writing at once, and none for execution that was not searched.
    pub(super) watched: bool,
    writes: KVVec<u64>,
    pub(super) copies: KVVec<Option<Copied>>,
    pub(super) next_copy: usize,
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
            pool: Pool::new()?,
            sweep: 0,
            generation: 0,
            watched: false,
            writes: filled(WRITES, 0)?,
            copies,
            next_copy: 0,
        })
    }

    /// A number that changes when the shadow segments of vCPUs become stale.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The segment of the host's for `key`, and whether [`generation`](Self::generation) has changed, because there
    /// was no room: then all vCPUs have to drop theirs. `None` if it takes longer to make room than the lock should be
    /// held, to be asked again.
    pub(crate) fn segment(&mut self, key: SegmentKey) -> Option<(HostVsid, bool)> {
        if let Some(found) = self.find_segment(key) {
            return Some((found, false));
        }
        let mut stale = false;
        if self.segments_used >= SEGMENTS {
            if !self.forget_segments() {
                return None;
            }
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
        Some((vsid, stale))
    }

    /// The segment of the host's for `key`, if there is one.
    pub(super) fn find_segment(&self, key: SegmentKey) -> Option<HostVsid> {
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
    /// others have been, which takes 64 times as many segments as there can be at one time. False if there are pages
    /// left.
    fn forget_segments(&mut self) -> bool {
        let mut looked = 0;
        while self.pool.used() != 0 {
            self.sweep = self.unmap_some(self.sweep).unwrap_or(0);
            looked += 1;
            if looked >= 2 && self.pool.used() != 0 {
                return false;
            }
        }
        for s in self.segments.iter_mut() {
            s.key = SegmentKey::NONE;
        }
        self.segments_used = 0;
        self.generation += 1;
        true
    }

    /// Takes pages away, from place `from` of the pool on. Gives where to go on, the lock having been free meanwhile,
    /// or `None` at the end of the pool.
    pub(crate) fn unmap_some(&mut self, from: usize) -> Option<usize> {
        self.pool.remove_from(from, &mut Part::default(), |_| true)
    }

    /// How often a frame has been mapped for writing, or one that shares the count.
    pub(crate) fn writes(&self, gfn: Gfn) -> u64 {
        self.writes.get(gfn as usize % WRITES).copied().unwrap_or(0)
    }

    /// A frame is mapped for writing, or written.
    pub(super) fn count_write(&mut self, gfn: Gfn) {
        if let Some(count) = self.writes.get_mut(gfn as usize % WRITES) {
            *count += 1;
        }
    }

    fn entry(&self, key: SegmentKey, ea: u64) -> Option<&Entry> {
        self.entry_of(host_page(self.find_segment(key)?.raw(), ea, key.large()))
    }

    fn entry_of(&self, host: u64) -> Option<&Entry> {
        let at = self
            .pool
            .find(BY_HOST, host_bucket(host), |e| e.host == host)?;
        self.pool.get(at)
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

    /// Makes the next access to the page at `ea` fault, while the page still counts as mapped.
    pub(crate) fn withdraw(&mut self, key: SegmentKey, ea: u64) {
        if let Some(entry) = self.entry(key, ea) {
            entry.hpte.invalidate();
        }
    }

    /// Takes away what translates the 2^`shift` bytes around a guest's virtual address, from part `from` of it on.
    /// Gives where to go on, the lock having been free meanwhile, or `None` at the end.
    pub(crate) fn unmap_virtual(
        &mut self,
        va: VirtualAddress,
        shift: u32,
        from: usize,
    ) -> Option<usize> {
        let units = 1u64.wrapping_shl(shift.saturating_sub(UNIT_SHIFT));
        let first = GuestPage::of(va).0 & !(units - 1);
        if units > POOL as u64 {
            let within = |e: &Entry| e.page.0.wrapping_sub(first) < units;
            return self.pool.remove_from(from, &mut Part::default(), within);
        }
        let mut part = Part::default();
        (from..units as usize).find(|i| !self.remove_page(GuestPage(first + *i as u64), &mut part))
    }

    fn remove_page(&mut self, page: GuestPage, part: &mut Part) -> bool {
        self.pool
            .remove_if(BY_PAGE, page_bucket(page), part, |e| e.page == page)
    }

    /// Takes away all pages of a 32-bit guest's that have the index of `ea` in their segment: `tlbie`. False if there
    /// are more, to be asked again.
    pub(crate) fn unmap_page32(&mut self, ea: u64) -> bool {
        self.remove_page(GuestPage::of_index(ea), &mut Part::default())
    }

    /// Takes away what translates the 64 KB around a virtual address of which only the low 48 bits are known: `tlbie`
    /// before ISA 2.05. False if there is more, to be asked again.
    pub(crate) fn unmap_virtual_low(&mut self, va: u64) -> bool {
        const LOW: u64 = 0xffff_ffff;
        let unit = va >> UNIT_SHIFT & LOW;
        let same = |e: &Entry| e.page != GuestPage::NONE && e.page.0 & LOW == unit;
        let bucket = page_bucket(GuestPage(unit));
        self.pool
            .remove_if(BY_PAGE, bucket, &mut Part::default(), same)
    }

    /// Takes away what maps these frames, or only what does so for writing, and takes from `gfns` those that are done:
    /// with the rest it is to be called again, the lock having been free meanwhile. Says whether there was any.
    pub(crate) fn unmap_gfns(&mut self, gfns: &mut Range<Gfn>, writable_only: bool) -> bool {
        let mut part = Part::default();
        while gfns.start < gfns.end {
            let gfn = gfns.start;
            let same = |e: &Entry| e.gfn == gfn && (e.writable || !writable_only);
            if !self
                .pool
                .remove_if(BY_GFN, gfn_bucket(gfn), &mut part, same)
            {
                break;
            }
            gfns.start += 1;
        }
        part.any()
    }

    /// Is any of these frames mapped?
    pub(crate) fn maps(&self, gfns: Range<Gfn>) -> bool {
        gfns.into_iter().any(|gfn| {
            self.pool
                .find(BY_GFN, gfn_bucket(gfn), |e| e.gfn == gfn)
                .is_some()
        })
    }
}

/// The number of a page of the host's virtual address space.
pub(super) fn host_page(vsid: u64, ea: u64, large: bool) -> u64 {
    let shift = if large { 16 } else { 12 };
    let within = (ea & ((1 << SEGMENT_SHIFT) - 1)) >> shift << shift;
    vsid << (SEGMENT_SHIFT - 12) | within >> 12
}

impl PrMmu {
    /// Takes all pages away. Only for the sole owner, since the lock is not needed. Sleeps.
    pub(crate) fn clear(&mut self) {
        let mut next = Some(0);
        while let Some(from) = next {
            next = self.unmap_some(from);
            cond_resched();
        }
    }
}

impl Drop for PrMmu {
    fn drop(&mut self) {
        self.clear();
    }
}
