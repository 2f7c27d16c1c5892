// SPDX-License-Identifier: GPL-2.0

//! Tables by number of which little is used: they come in blocks.

use crate::host::members::index;
use kernel::prelude::*;

const BLOCK: usize = 1024;

/// A table of `T`s.
pub(crate) struct Blocks<T>(KVVec<Option<Block<T>>>);

/// A part of a table, without any `T`s when it is new.
pub(crate) struct Block<T>(KVVec<Option<T>>);

impl<T> Block<T> {
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(empty(BLOCK)?))
    }
}

impl<T> Blocks<T> {
    /// Without room.
    pub(crate) const fn none() -> Self {
        Self(KVVec::new())
    }

    /// Room for the numbers below `limit`, and no blocks. `ENOMEM`.
    pub(crate) fn new(limit: usize) -> Result<Self> {
        Ok(Self(empty(limit.div_ceil(BLOCK))?))
    }

    /// Where number `at` is, or may be put; `None` if its block is missing. The number may come from a guest.
    pub(crate) fn place(&mut self, at: usize) -> Option<&mut Option<T>> {
        let block = index(at / BLOCK, self.0.len())?;
        let Block(block) = self.0.get_mut(block)?.as_mut()?;
        block.get_mut(at % BLOCK)
    }

    /// Does it take a new block to put something at number `at`?
    pub(crate) fn misses(&self, at: usize) -> bool {
        matches!(self.0.get(at / BLOCK), Some(None))
    }

    /// Takes `new` for the block of number `at`, if that is missing.
    pub(crate) fn add(&mut self, at: usize, new: &mut Option<Block<T>>) {
        if let Some(block @ None) = self.0.get_mut(at / BLOCK) {
            *block = new.take();
        }
    }

    /// The first one whose number is `from` or larger.
    pub(crate) fn next(&self, from: usize) -> Option<(usize, &T)> {
        let blocks = self.0.iter().enumerate().skip(from / BLOCK);
        let there = blocks.filter_map(|(n, block)| Some((n * BLOCK, block.as_ref()?)));
        let all = there.flat_map(|(first, block)| (first..).zip(block.0.iter()));
        all.filter(|(at, _)| *at >= from)
            .find_map(|(at, entry)| Some((at, entry.as_ref()?)))
    }

    /// All of them.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = T> {
        let blocks = self.0.into_iter().flatten();
        blocks.flat_map(|Block(entries)| entries.into_iter().flatten())
    }
}

/// `n` times nothing. `ENOMEM`.
pub(super) fn empty<T>(n: usize) -> Result<KVVec<Option<T>>> {
    let mut vec = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
    for _ in 0..n {
        vec.push(None, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(vec)
}
