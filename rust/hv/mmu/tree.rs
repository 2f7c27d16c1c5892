// SPDX-License-Identifier: GPL-2.0

//! A guest's partition-scoped radix tree.
//!
//! Each table that the hardware walks has a second table beside it that owns the tables of the next level. So a walk in
//! software needs no address arithmetic, and dropping the root frees everything.

use crate::{
    host::{
        lpid::{Attachment, Lpid},
        table::Table,
        zeroed::Zeroed,
    },
    isa::rpte::{Geometry, Level, Patb1, Rpte},
};
use core::ops::Range;
use kernel::{page::PAGE_SHIFT, prelude::*, sync::Arc};

/// The tree's geometry: its smallest page is the host's.
pub(crate) const GEOMETRY: Geometry = if PAGE_SHIFT == 16 {
    Geometry::PAGES_64K
} else {
    Geometry::PAGES_4K
};

/// Software bit of a leaf: the page is memory in the host's linear map, so that the host may read it by its real
/// address.
pub(crate) const LINEAR: Rpte = Rpte::SW0;

/// Above this many pages in one go, flushing the whole partition is cheaper than page by page.
pub(super) const FLUSH_ALL_ABOVE: usize = 16;

/// Pages whose leaves were changed, but whose translations a processor may still have.
pub(crate) struct Stale {
    /// The first of them: address and shift.
    pages: [(u64, u32); FLUSH_ALL_ABOVE],
    count: usize,
}

impl Stale {
    /// No pages.
    pub(crate) const fn new() -> Self {
        Self {
            pages: [(0, 0); FLUSH_ALL_ABOVE],
            count: 0,
        }
    }

    fn add(&mut self, gpa: u64, shift: u32) {
        if let Some(page) = self.pages.get_mut(self.count) {
            *page = (gpa, shift);
        }
        self.count += 1;
    }

    /// The pages, if they are few enough to be flushed one by one.
    fn few(&self) -> Option<&[(u64, u32)]> {
        self.pages.get(..self.count)
    }

    /// Flushes the pages and forgets them. Returns how many invalidations that took.
    fn flush(&mut self, lpid: &Lpid) -> u64 {
        let n = match self.few() {
            Some(pages) => {
                for (gpa, shift) in pages {
                    lpid.flush_page(*gpa, *shift);
                }
                pages.len()
            }
            None => {
                lpid.flush_all();
                1
            }
        };
        self.count = 0;
        n as u64
    }

    /// The same as [`flush`](Self::flush), and also flushes the cached directory entries of a table that was taken out
    /// of the tree.
    fn flush_with_directories(&mut self, lpid: &Lpid) -> u64 {
        // A flush of the whole partition includes the directory entries.
        let directories = self.few().is_some();
        if directories {
            lpid.flush_directories();
        }
        self.flush(lpid) + u64::from(directories)
    }
}

/// A table and the tables below it. At the lowest level, `below` is empty.
pub(crate) struct Node {
    table: Table,
    below: Zeroed<Option<KBox<Node>>>,
}

impl Node {
    fn new(level: Level) -> Result<Self> {
        let entries = GEOMETRY.entries(level);
        let directories = if level == Level::L0 { 0 } else { entries };
        Ok(Self {
            table: Table::new(entries)?,
            below: Zeroed::new(directories)?,
        })
    }

    /// The leaf for `gpa` in this table, or the index where there is none.
    #[inline(always)]
    fn leaf(&self, level: Level, gpa: u64) -> Result<Found<'_>, usize> {
        let index = GEOMETRY.index(level, gpa);
        let pte = self.table.get(index);
        if pte.is_leaf() {
            Ok(Found {
                table: &self.table,
                index,
                level,
                pte,
            })
        } else {
            Err(index)
        }
    }

    #[inline(always)]
    fn child(&self, index: usize) -> Option<&Node> {
        self.below.get(index)?.as_deref()
    }
}

/// Tables for the next fault that needs some. They are allocated before the tree's lock is taken, under which nothing
/// can be allocated.
pub(crate) struct Spare {
    level0: Option<KBox<Node>>,
    level1: Option<KBox<Node>>,
    level2: Option<KBox<Node>>,
}

impl Spare {
    /// No tables.
    pub(crate) fn new() -> Self {
        Self {
            level0: None,
            level1: None,
            level2: None,
        }
    }

    /// Allocates the tables that are missing. May sleep; returns `ENOMEM`.
    pub(crate) fn refill(&mut self) -> Result {
        for (slot, level) in [
            (&mut self.level0, Level::L0),
            (&mut self.level1, Level::L1),
            (&mut self.level2, Level::L2),
        ] {
            if slot.is_none() {
                *slot = Some(KBox::new(Node::new(level)?, GFP_KERNEL_ACCOUNT)?);
            }
        }
        Ok(())
    }

    fn take(&mut self, level: Level) -> Option<KBox<Node>> {
        match level {
            Level::L0 => self.level0.take(),
            Level::L1 => self.level1.take(),
            Level::L2 => self.level2.take(),
            Level::L3 => None,
        }
    }
}

/// A leaf that a walk found.
pub(crate) struct Found<'a> {
    /// The table it is in.
    table: &'a Table,
    index: usize,
    /// Its level: what it maps is `GEOMETRY.shift(level)`.
    pub(crate) level: Level,
    /// Its value when found.
    pub(crate) pte: Rpte,
}

impl Found<'_> {
    /// Sets bits in the leaf, as the hardware would.
    pub(crate) fn set(&self, bits: Rpte) {
        self.table.update(self.index, Rpte::EMPTY, bits);
    }
}

/// Why [`Tree::map`] did not map.
pub(crate) enum MapError {
    /// A table is missing in `Spare`: refill and try again.
    NeedTables,
    /// The tree has no such place.
    NoSuchPlace,
}

/// What [`Tree::map`] did.
pub(crate) struct Mapped {
    /// Whether the leaf is new; else it was there and got more bits.
    pub(crate) new: bool,
    /// How many invalidations that took.
    pub(crate) flushes: u64,
}

/// The tree. The attachment is dropped first, so that the hardware does not walk tables that are freed.
pub(crate) struct Tree {
    attachment: Attachment,
    root: Node,
    /// What [`clear`](Self::clear) has left to be flushed.
    stale: Stale,
}

impl Tree {
    /// An empty tree, which the hardware walks for `lpid` from now on. Returns `ENOMEM`.
    pub(crate) fn new(lpid: Arc<Lpid>, process_table: Patb1) -> Result<Self> {
        let root = Node::new(Geometry::ROOT)?;
        // SAFETY: The root's table is on the heap and stays until after the attachment is dropped. Tables
        // below are taken out of it, and flushed, before they are dropped; leaves are only what `map` is given.
        let attachment = unsafe { Attachment::new(lpid, &root.table, GEOMETRY, process_table)? };
        Ok(Self {
            attachment,
            root,
            stale: Stale::new(),
        })
    }

    /// Sets where the guest's process table is. Returns `EIO` if a hypervisor below does not take that.
    pub(crate) fn set_process_table(&self, process_table: Patb1) -> Result {
        self.attachment.set_process_table(process_table)
    }

    /// Finds the leaf that maps guest real address `gpa`.
    #[inline]
    pub(crate) fn find(&self, gpa: u64) -> Option<Found<'_>> {
        // The levels are unrolled, with constant shifts, because every emulated access takes this path.
        let node = self.root.child(GEOMETRY.index(Level::L3, gpa))?;
        let node = match node.leaf(Level::L2, gpa) {
            Ok(leaf) => return Some(leaf),
            Err(index) => node.child(index)?,
        };
        let node = match node.leaf(Level::L1, gpa) {
            Ok(leaf) => return Some(leaf),
            Err(index) => node.child(index)?,
        };
        node.leaf(Level::L0, gpa).ok()
    }

    /// The lowest table for `gpa`, if all tables are there.
    #[inline]
    fn lowest(&self, gpa: u64) -> Option<&Node> {
        self.root
            .child(GEOMETRY.index(Level::L3, gpa))?
            .child(GEOMETRY.index(Level::L2, gpa))?
            .child(GEOMETRY.index(Level::L1, gpa))
    }

    /// Which of the `count` (at most 31) pages from `gpa` on are in the same table of the lowest level and are not
    /// mapped: bit n stands for page n.
    #[inline]
    pub(crate) fn lacking(&self, gpa: u64, count: usize) -> u32 {
        let Some(node) = self.lowest(gpa) else {
            return 0;
        };
        let first = GEOMETRY.index(Level::L0, gpa);
        let count = count.min(node.table.len().saturating_sub(first));
        (0..count.min(31))
            .filter(|n| !node.table.get(first + n).is_valid())
            .fold(0, |lacking, n| lacking | 1 << n)
    }

    /// Maps `gpa` by `pte` at the lowest level if its table is there and the entry is empty. Returns whether it did.
    ///
    /// # Safety
    ///
    /// As [`map`](Self::map).
    #[inline]
    pub(crate) unsafe fn map_small(&mut self, gpa: u64, pte: Rpte) -> bool {
        let Some(node) = self.lowest(gpa) else {
            return false;
        };
        let index = GEOMETRY.index(Level::L0, gpa);
        let lacks = !node.table.get(index).is_valid();
        if lacks {
            node.table.fill(index, pte);
        }
        lacks
    }

    /// Maps `gpa` by `pte` at `level`. If the same page is mapped there already, the new bits are added to its leaf.
    /// Else what was mapped there is taken out and flushed, and `removed` is called with the address, shift and leaf of
    /// each.
    ///
    /// # Safety
    ///
    /// The guest may access all that `pte` maps, as `pte` permits, until it is unmapped: userspace's own mapping leads
    /// there and permits that, and whoever ends that mapping unmaps the page here first. So either the page was looked
    /// up while invalidations were excluded, or it was tested that none has begun since the look-up; and the tree's
    /// lock, from which `&mut self` comes, has been held since.
    pub(crate) unsafe fn map(
        &mut self,
        gpa: u64,
        level: Level,
        pte: Rpte,
        spare: &mut Spare,
        mut removed: impl FnMut(u64, u32, Rpte),
    ) -> Result<Mapped, MapError> {
        // This is the common case: a small page that is not mapped yet, in a table that is there. SAFETY: The caller's
        // promise.
        if level == Level::L0 && unsafe { self.map_small(gpa, pte) } {
            return Ok(Mapped {
                new: true,
                flushes: 0,
            });
        }

        let lpid = self.attachment.lpid();
        let mut flushes = 0;
        // Takes out a leaf that another mapping is to replace.
        let mut take = |table: &Table, index, shift| {
            let old = table.replace(index, Rpte::EMPTY);
            lpid.flush_page(gpa, shift);
            flushes += 1;
            removed(gpa & !((1 << shift) - 1), shift, old);
        };
        let mut node = &mut self.root;
        let mut at = Geometry::ROOT;
        while at != level {
            let index = GEOMETRY.index(at, gpa);
            let below = at.below().ok_or(MapError::NoSuchPlace)?;
            let slot = node.below.get_mut(index).ok_or(MapError::NoSuchPlace)?;
            if slot.is_none() {
                let child = spare.take(below).ok_or(MapError::NeedTables)?;
                let entry = GEOMETRY.directory(below, child.table.real_address());
                if node.table.get(index).is_leaf() {
                    // A larger page gives way to smaller ones.
                    take(&node.table, index, GEOMETRY.shift(at));
                }
                node.table.fill(index, entry);
                *slot = Some(child);
            }
            node = slot.as_deref_mut().ok_or(MapError::NoSuchPlace)?;
            at = below;
        }

        let index = GEOMETRY.index(level, gpa);
        let shift = GEOMETRY.shift(level);
        let old = node.table.get(index);
        if old.is_leaf() {
            if old.real() == pte.real() && old.attribute() == pte.attribute() {
                node.table.update(index, Rpte::EMPTY, pte);
                return Ok(Mapped {
                    new: false,
                    flushes,
                });
            }
            take(&node.table, index, shift);
        } else if let Some(child) = node.below.get_mut(index).and_then(Option::take) {
            // Smaller pages give way to a larger one.
            node.table.replace(index, Rpte::EMPTY);
            let base = gpa & !((1 << shift) - 1);
            flushes += dissolve(
                &child,
                level.below().ok_or(MapError::NoSuchPlace)?,
                base,
                lpid,
                removed,
            );
        }
        node.table.fill(index, pte);
        Ok(Mapped { new: true, flushes })
    }

    /// Calls `f` with the address and shift of each leaf that maps anything in `range`.
    pub(crate) fn for_each<'a>(
        &'a self,
        range: Range<u64>,
        f: &mut impl FnMut(u64, u32, &Found<'a>),
    ) {
        walk(&self.root, Geometry::ROOT, 0, &range, Rpte::is_leaf, f);
    }

    /// Takes out all leaves that map anything in `range`, and flushes them: on return no CPU uses them. Then it calls
    /// `removed` with the address, shift and leaf of each. Returns how many invalidations that took.
    pub(crate) fn unmap(
        &mut self,
        range: Range<u64>,
        mut removed: impl FnMut(u64, u32, Rpte),
    ) -> u64 {
        let mut stale = Stale::new();
        self.for_each(range.clone(), &mut |gpa, shift, found| {
            found.table.mark(found.index, Rpte::V);
            stale.add(gpa, shift);
        });
        if stale.count == 0 {
            return 0;
        }
        let flushes = stale.flush(self.attachment.lpid());
        // Only now are the leaves' C bits final: until the flush, a processor could set them.
        walk(
            &self.root,
            Geometry::ROOT,
            0,
            &range,
            is_marked,
            &mut |gpa, shift, found| {
                found.table.empty(found.index);
                removed(gpa, shift, found.pte.with(Rpte::V));
            },
        );
        flushes
    }

    /// Clears `bits` in those leaves in `range` that have any of the bits `which`, and calls `f` with the address,
    /// shift and old value of each. With `flush`, the pages are noted for [`flush`](Self::flush), which the caller has
    /// to call some time later.
    pub(crate) fn clear(
        &mut self,
        range: Range<u64>,
        which: Rpte,
        bits: Rpte,
        flush: bool,
        mut f: impl FnMut(u64, u32, Rpte),
    ) {
        let stale = &mut self.stale;
        walk(
            &self.root,
            Geometry::ROOT,
            0,
            &range,
            Rpte::is_leaf,
            &mut |gpa, shift, found| {
                if !found.pte.intersects(which) {
                    return;
                }
                let old = found.table.mark(found.index, bits);
                if flush {
                    stale.add(gpa, shift);
                }
                f(gpa, shift, old);
            },
        );
    }

    /// Flushes what [`clear`](Self::clear) has cleared. Returns how many invalidations that took.
    pub(crate) fn flush(&mut self) -> u64 {
        self.stale.flush(self.attachment.lpid())
    }
}

/// A leaf that [`Tree::unmap`] has made invalid and not taken out yet.
fn is_marked(pte: Rpte) -> bool {
    !pte.is_valid() && pte.contains(Rpte::LEAF)
}

/// Flushes all that a table maps, and the table itself, which must have been taken out of the tree. Then it calls
/// `removed` with the address, shift and leaf of each page that the table maps. Returns how many invalidations that
/// took.
fn dissolve(
    node: &Node,
    level: Level,
    base: u64,
    lpid: &Lpid,
    mut removed: impl FnMut(u64, u32, Rpte),
) -> u64 {
    let all = 0..u64::MAX;
    let mut stale = Stale::new();
    walk(
        node,
        level,
        base,
        &all,
        Rpte::is_leaf,
        &mut |gpa, shift, _| stale.add(gpa, shift),
    );
    let flushes = stale.flush_with_directories(lpid);
    // The hardware cannot reach the table any more, so its leaves are final.
    walk(
        node,
        level,
        base,
        &all,
        Rpte::is_leaf,
        &mut |gpa, shift, found| removed(gpa, shift, found.pte),
    );
    flushes
}

/// Visits the entries of `node`, which covers addresses from `base`, that lie in `range` and are `wanted`.
fn walk<'a>(
    node: &'a Node,
    level: Level,
    base: u64,
    range: &Range<u64>,
    wanted: impl Fn(Rpte) -> bool + Copy,
    f: &mut impl FnMut(u64, u32, &Found<'a>),
) {
    let shift = GEOMETRY.shift(level);
    let span = 1u64 << shift;
    let first = range.start.saturating_sub(base) >> shift;
    let end = range.end.saturating_sub(base).div_ceil(span);
    for index in first..end.min(node.table.len() as u64) {
        let gpa = base + (index << shift);
        let index = index as usize;
        if let Some(child) = node.child(index) {
            if let Some(below) = level.below() {
                walk(child, below, gpa, range, wanted, f);
            }
            continue;
        }
        let pte = node.table.get(index);
        if wanted(pte) {
            f(
                gpa,
                shift,
                &Found {
                    table: &node.table,
                    index,
                    level,
                    pte,
                },
            );
        }
    }
}
