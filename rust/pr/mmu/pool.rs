// SPDX-License-Identifier: GPL-2.0

//! The entries of the host's table that a VM has, in a pool of fixed size, and three indices of them: by host page, by
//! guest page, by guest frame. An index has buckets, and a bucket is a ring of entries, the newest first, so that each
//! step but a search takes the same time however many entries there are. How long a ring may be is limited, so that a
//! search takes little time, too.

use super::key::GuestPage;
use crate::{host::hash::HostHpte, vm::gfn::Gfn};
use kernel::prelude::*;

/// Entries of the host's table that a VM can have: 2 GB in pages of 64 KB.
pub(super) const POOL: usize = 1 << 15;
/// Buckets of each of the three indices.
pub(super) const BUCKETS: usize = POOL;
/// Entries of a bucket: when there is one more, its oldest goes. A page that is mapped at so many addresses is rare.
const LONGEST: u16 = 1 << 11;
/// How many entries are taken away while the lock is held once, and after how many places and buckets the part ends.
const REMOVALS: usize = 256;
const LOOKS: usize = 1 << 12;
/// No entry.
const NONE: u32 = u32::MAX;

/// The indices.
pub(super) const INDICES: usize = 3;
pub(super) const BY_HOST: usize = 0;
pub(super) const BY_PAGE: usize = 1;
pub(super) const BY_GFN: usize = 2;

/// An entry of the host's page table.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) hpte: HostHpte,
    /// The host's virtual page: its VSID and the address in the segment.
    pub(super) host: u64,
    pub(super) page: GuestPage,
    pub(super) gfn: Gfn,
    /// Which 4 KB of the frame.
    pub(super) part: u8,
    pub(super) writable: bool,
    pub(super) executable: bool,
    /// How often it was mapped for writing, and no longer for writing, or the other way round.
    pub(super) flips: u8,
}

/// Neighbours in a ring.
#[derive(Clone, Copy)]
struct Link {
    newer: u32,
    older: u32,
}

/// A place of the pool.
#[derive(Clone, Copy)]
struct Place {
    entry: Option<Entry>,
    links: [Link; INDICES],
}

/// A ring: its newest entry and how many there are.
#[derive(Clone, Copy)]
struct Ring {
    newest: u32,
    len: u16,
}

/// The work that is done while the lock is held once. Each part makes some progress.
#[derive(Default)]
pub(super) struct Part {
    removed: usize,
    looks: usize,
}

impl Part {
    /// Was there anything to take away?
    pub(super) fn any(&self) -> bool {
        self.removed != 0
    }

    fn is_over(&self) -> bool {
        self.removed >= REMOVALS || self.looks >= LOOKS
    }
}

/// The pool and its indices.
pub(super) struct Pool {
    places: KVVec<Place>,
    rings: [KVVec<Ring>; INDICES],
    /// Where the next entry goes.
    hand: usize,
    used: usize,
}

pub(super) fn filled<T: Clone>(n: usize, value: T) -> Result<KVVec<T>> {
    let mut v = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
    v.resize(n, value, GFP_KERNEL_ACCOUNT)?;
    Ok(v)
}

/// The bucket of a host page.
pub(super) fn host_bucket(host: u64) -> usize {
    (host ^ host >> 13) as usize % BUCKETS
}

/// The bucket of a guest page.
pub(super) fn page_bucket(page: GuestPage) -> usize {
    page.hash() % BUCKETS
}

/// The bucket of a frame.
pub(super) fn gfn_bucket(gfn: Gfn) -> usize {
    gfn as usize % BUCKETS
}

impl Entry {
    /// Where it is in an index; `None` if it is not: a real address is in no page of the guest's.
    fn bucket(&self, index: usize) -> Option<usize> {
        match index {
            BY_HOST => Some(host_bucket(self.host)),
            BY_PAGE if self.page == GuestPage::NONE => None,
            BY_PAGE => Some(page_bucket(self.page)),
            _ => Some(gfn_bucket(self.gfn)),
        }
    }
}

impl Pool {
    /// Nothing in it. `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let link = Link {
            newer: NONE,
            older: NONE,
        };
        let place = Place {
            entry: None,
            links: [link; INDICES],
        };
        let ring = Ring {
            newest: NONE,
            len: 0,
        };
        Ok(Self {
            places: filled(POOL, place)?,
            rings: [
                filled(BUCKETS, ring)?,
                filled(BUCKETS, ring)?,
                filled(BUCKETS, ring)?,
            ],
            hand: 0,
            used: 0,
        })
    }

    /// How many entries there are.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// The entry in this place.
    pub(super) fn get(&self, at: u32) -> Option<&Entry> {
        self.places.get(at as usize)?.entry.as_ref()
    }

    fn ring(&self, index: usize, bucket: usize) -> Option<Ring> {
        self.rings.get(index)?.get(bucket).copied()
    }

    fn link(&self, index: usize, at: u32) -> Option<Link> {
        self.places.get(at as usize)?.links.get(index).copied()
    }

    fn link_mut(&mut self, index: usize, at: u32) -> Option<&mut Link> {
        self.places.get_mut(at as usize)?.links.get_mut(index)
    }

    /// The newest entry of a bucket that `f` wants.
    pub(super) fn find(
        &self,
        index: usize,
        bucket: usize,
        f: impl Fn(&Entry) -> bool,
    ) -> Option<u32> {
        let ring = self.ring(index, bucket)?;
        let mut at = ring.newest;
        for _ in 0..ring.len {
            if f(self.get(at)?) {
                return Some(at);
            }
            at = self.link(index, at)?.older;
        }
        None
    }

    /// Takes those of a bucket away that `f` wants, from the host's table too. False if `part` is over before all of
    /// them are gone.
    pub(super) fn remove_if(
        &mut self,
        index: usize,
        bucket: usize,
        part: &mut Part,
        f: impl Fn(&Entry) -> bool,
    ) -> bool {
        if part.is_over() {
            return false;
        }
        part.looks += 1;
        let Some(ring) = self.ring(index, bucket) else {
            return true;
        };
        let mut at = ring.newest;
        for _ in 0..ring.len {
            let Some(link) = self.link(index, at) else {
                break;
            };
            part.looks += 1;
            if self.get(at).is_some_and(&f) {
                if part.removed >= REMOVALS {
                    return false;
                }
                self.remove(at);
                part.removed += 1;
            }
            at = link.older;
        }
        true
    }

    /// Takes those away that `f` wants, from place `from` on, until `part` is over. Gives where to go on, or `None` at
    /// the end.
    pub(super) fn remove_from(
        &mut self,
        from: usize,
        part: &mut Part,
        f: impl Fn(&Entry) -> bool,
    ) -> Option<usize> {
        for at in from..POOL {
            if part.is_over() {
                return Some(at);
            }
            part.looks += 1;
            if self.get(at as u32).is_some_and(&f) {
                self.remove(at as u32);
                part.removed += 1;
            }
        }
        None
    }

    /// Inserts an entry. If there is no room, the oldest entry is removed, or the oldest of a bucket that is full.
    pub(super) fn add(&mut self, entry: Entry) {
        let at = self.hand as u32;
        self.hand = (self.hand + 1) % POOL;
        self.remove(at);
        for index in 0..INDICES {
            match entry.bucket(index).and_then(|b| self.ring(index, b)) {
                Some(ring) if ring.len >= LONGEST => {
                    if let Some(newest) = self.link(index, ring.newest) {
                        self.remove(newest.newer);
                    }
                }
                _ => {}
            }
        }
        for index in 0..INDICES {
            if let Some(bucket) = entry.bucket(index) {
                self.link_in(index, bucket, at);
            }
        }
        if let Some(place) = self.places.get_mut(at as usize) {
            place.entry = Some(entry);
            self.used += 1;
        }
    }

    fn link_in(&mut self, index: usize, bucket: usize, at: u32) {
        let Some(ring) = self.ring(index, bucket) else {
            return;
        };
        // The newest's newer neighbour is the oldest.
        let (newest, oldest) = match ring.len {
            0 => (at, at),
            _ => match self.link(index, ring.newest) {
                Some(link) => (ring.newest, link.newer),
                None => return,
            },
        };
        if let Some(link) = self.link_mut(index, at) {
            *link = Link {
                newer: oldest,
                older: newest,
            };
        }
        if let Some(link) = self.link_mut(index, newest) {
            link.newer = at;
        }
        if let Some(link) = self.link_mut(index, oldest) {
            link.older = at;
        }
        if let Some(ring) = self.rings.get_mut(index).and_then(|r| r.get_mut(bucket)) {
            ring.newest = at;
            ring.len += 1;
        }
    }

    fn link_out(&mut self, index: usize, bucket: usize, at: u32) {
        let Some(Link { newer, older }) = self.link(index, at) else {
            return;
        };
        if let Some(link) = self.link_mut(index, newer) {
            link.older = older;
        }
        if let Some(link) = self.link_mut(index, older) {
            link.newer = newer;
        }
        if let Some(ring) = self.rings.get_mut(index).and_then(|r| r.get_mut(bucket)) {
            ring.len = ring.len.saturating_sub(1);
            if ring.newest == at {
                ring.newest = older;
            }
        }
    }

    /// Takes the entry of a place away, if there is one, from the host's table first.
    pub(super) fn remove(&mut self, at: u32) {
        let Some(entry) = self.get(at).copied() else {
            return;
        };
        entry.hpte.invalidate();
        for index in 0..INDICES {
            if let Some(bucket) = entry.bucket(index) {
                self.link_out(index, bucket, at);
            }
        }
        if let Some(place) = self.places.get_mut(at as usize) {
            place.entry = None;
            self.used = self.used.saturating_sub(1);
        }
    }
}
