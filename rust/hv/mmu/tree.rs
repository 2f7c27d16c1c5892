// SPDX-License-Identifier: GPL-2.0

//! A guest's partition-scoped radix tree.
//!
//! Beside each hardware table stands a vector with the tables below it, so that walking needs no address
//! arithmetic and dropping the root frees everything.

use crate::{
    host::{
        lpid::{Attachment, Lpid},
        table::Table,
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

/// Mark of ours in a leaf: what it maps is memory in the host's linear map, which the host may read by its address.
pub(crate) const LINEAR: Rpte = Rpte::SW0;

/// Above this many pages in one go, flushing the whole partition is cheaper than page by page.
const FLUSH_ALL_ABOVE: usize = 64;

/// A table and those below it. Of the lowest level, `below` is empty.
pub(crate) struct Node {
    table: Table,
    below: KVVec<Option<KBox<Node>>>,
}

impl Node {
    fn new(level: Level) -> Result<Self> {
        let entries = GEOMETRY.entries(level);
        let mut below = KVVec::new();
        if level != Level::L0 {
            below.reserve(entries, GFP_KERNEL_ACCOUNT)?;
            for _ in 0..entries {
                below.push(None, GFP_KERNEL_ACCOUNT)?;
            }
        }
        Ok(Self {
            table: Table::new(entries, GFP_KERNEL_ACCOUNT)?,
            below,
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

/// Tables made before the tree's lock is taken, for the one fault that may need them.
pub(crate) struct Spare {
    level0: Option<KBox<Node>>,
    level1: Option<KBox<Node>>,
    level2: Option<KBox<Node>>,
}

impl Spare {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            level0: None,
            level1: None,
            level2: None,
        }
    }

    /// Makes what is missing. May sleep; returns `ENOMEM`.
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

/// What [`Tree::map`] could not do yet.
pub(crate) enum MapError {
    /// A table is missing in `Spare`: refill and try again.
    NeedTables,
}

/// The tree. The attachment goes first, so that the hardware never walks what is freed.
pub(crate) struct Tree {
    attachment: Attachment,
    root: Node,
}

impl Tree {
    /// Empty, and what the hardware walks for `lpid` from now on. Returns `ENOMEM`.
    pub(crate) fn new(lpid: Arc<Lpid>, process_table: Patb1) -> Result<Self> {
        let root = Node::new(Geometry::ROOT)?;
        // SAFETY: The root's table is on the heap and stays until after the attachment is dropped. Tables
        // below are taken out of it, and flushed, before they are dropped; leaves are only what `map` is given.
        let attachment = unsafe { Attachment::new(lpid, &root.table, GEOMETRY, process_table) };
        Ok(Self { attachment, root })
    }

    /// The guest's process table is elsewhere.
    pub(crate) fn set_process_table(&self, process_table: Patb1) {
        self.attachment.set_process_table(process_table);
    }

    /// Finds the leaf that maps guest real address `gpa`.
    #[inline]
    pub(crate) fn find(&self, gpa: u64) -> Option<Found<'_>> {
        // Level by level with constants, because this is on the path of every emulated access.
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

    /// Maps `gpa` by `pte` at `level`. What was mapped there before stays, with the new bits added, if it is the
    /// same page; else it is taken out and flushed, and `removed` is told of it (address, shift, leaf).
    /// Returns whether a leaf is new.
    pub(crate) fn map(
        &mut self,
        gpa: u64,
        level: Level,
        pte: Rpte,
        spare: &mut Spare,
        mut removed: impl FnMut(u64, u32, Rpte),
    ) -> Result<bool, MapError> {
        // Mostly a small page is new in a table that is there.
        if let (Level::L0, Some(node)) = (level, self.lowest(gpa)) {
            let index = GEOMETRY.index(Level::L0, gpa);
            if !node.table.get(index).is_valid() {
                node.table.fill(index, pte);
                return Ok(true);
            }
        }

        let lpid = self.attachment.lpid();
        let mut node = &mut self.root;
        let mut at = Geometry::ROOT;
        while at != level {
            let index = GEOMETRY.index(at, gpa);
            let shift = GEOMETRY.shift(at);
            let old = node.table.get(index);
            let below = at.below().ok_or(MapError::NeedTables)?;
            let slot = node.below.get_mut(index).ok_or(MapError::NeedTables)?;
            if slot.is_none() {
                let child = spare.take(below).ok_or(MapError::NeedTables)?;
                let entry = GEOMETRY.directory(below, child.table.real_address());
                if old.is_leaf() {
                    // A larger page gives way to smaller ones.
                    let old = node.table.replace(index, Rpte::EMPTY);
                    lpid.flush_page(gpa, shift);
                    removed(gpa & !((1 << shift) - 1), shift, old);
                }
                node.table.fill(index, entry);
                *slot = Some(child);
            }
            node = slot.as_deref_mut().ok_or(MapError::NeedTables)?;
            at = below;
        }

        let index = GEOMETRY.index(level, gpa);
        let shift = GEOMETRY.shift(level);
        if let Some(slot) = node.below.get_mut(index) {
            if let Some(child) = slot.take() {
                // Smaller pages give way to a larger one.
                node.table.replace(index, Rpte::EMPTY);
                lpid.flush_directories();
                let base = gpa & !((1 << shift) - 1);
                take_leaves(
                    &child,
                    level.below().unwrap_or(Level::L0),
                    base,
                    &mut |gpa, shift, old| {
                        lpid.flush_page(gpa, shift);
                        removed(gpa, shift, old);
                    },
                );
            }
        }
        let old = node.table.get(index);
        if old.is_leaf() {
            if old.real() == pte.real() && old.attribute() == pte.attribute() {
                node.table.update(index, Rpte::EMPTY, pte);
                return Ok(false);
            }
            let old = node.table.replace(index, Rpte::EMPTY);
            lpid.flush_page(gpa, shift);
            removed(gpa & !((1 << shift) - 1), shift, old);
        }
        node.table.fill(index, pte);
        Ok(true)
    }

    /// Calls `f` with each leaf that maps anything of `range`: its address and shift.
    pub(crate) fn for_each<'a>(
        &'a self,
        range: Range<u64>,
        f: &mut impl FnMut(u64, u32, &Found<'a>),
    ) {
        walk(&self.root, Geometry::ROOT, 0, &range, f);
    }

    /// Takes out all leaves that map anything of `range`, and flushes them: on return no CPU uses them.
    /// `removed` gets the address, shift and leaf of each.
    pub(crate) fn unmap(&mut self, range: Range<u64>, mut removed: impl FnMut(u64, u32, Rpte)) {
        let lpid = self.attachment.lpid();
        let mut count = 0;
        self.for_each(range.clone(), &mut |gpa, shift, found| {
            let old = found.table.replace(found.index, Rpte::EMPTY);
            count += 1;
            if count <= FLUSH_ALL_ABOVE {
                lpid.flush_page(gpa, shift);
            }
            removed(gpa, shift, old);
        });
        if count > FLUSH_ALL_ABOVE {
            lpid.flush_all();
        }
    }

    /// Clears `bits` in those leaves of `range` that have any of `which`, flushes if `flush`, and calls `f` with the
    /// address, shift and old value of each.
    pub(crate) fn clear(
        &mut self,
        range: Range<u64>,
        which: Rpte,
        bits: Rpte,
        flush: bool,
        mut f: impl FnMut(u64, u32, Rpte),
    ) {
        let lpid = self.attachment.lpid();
        let mut count = 0;
        self.for_each(range, &mut |gpa, shift, found| {
            if !found.pte.intersects(which) {
                return;
            }
            let old = found.table.update(found.index, bits, Rpte::EMPTY);
            count += 1;
            if flush && count <= FLUSH_ALL_ABOVE {
                lpid.flush_page(gpa, shift);
            }
            f(gpa, shift, old);
        });
        if flush && count > FLUSH_ALL_ABOVE {
            lpid.flush_all();
        }
    }
}

/// Takes all leaves out of a table that is no longer in the tree.
fn take_leaves(node: &Node, level: Level, base: u64, f: &mut impl FnMut(u64, u32, Rpte)) {
    let shift = GEOMETRY.shift(level);
    for index in 0..node.table.len() {
        let gpa = base + ((index as u64) << shift);
        if let Some(child) = node.child(index) {
            if let Some(below) = level.below() {
                take_leaves(child, below, gpa, f);
            }
        } else {
            let old = node.table.replace(index, Rpte::EMPTY);
            if old.is_leaf() {
                f(gpa, shift, old);
            }
        }
    }
}

/// Visits the leaves of `node`, which covers addresses from `base`, that lie in `range`.
fn walk<'a>(
    node: &'a Node,
    level: Level,
    base: u64,
    range: &Range<u64>,
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
                walk(child, below, gpa, range, f);
            }
            continue;
        }
        let pte = node.table.get(index);
        if pte.is_leaf() {
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
