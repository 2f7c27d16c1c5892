// SPDX-License-Identifier: GPL-2.0

//! A dirty log's bits.

use crate::host::once;
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc,
    },
};

/// Bits of a word.
pub(super) const BITS: u64 = usize::BITS as u64;

/// One bit for each page of a slot.
pub(super) struct DirtyBitmap {
    words: KVVec<Atomic<usize>>,
    npages: u64,
}

impl DirtyBitmap {
    /// `ENOMEM` without memory.
    pub(super) fn new(npages: u64, all_dirty: bool) -> Result<Arc<Self>> {
        let n = usize::try_from(npages.div_ceil(BITS))?;
        let mut words = KVVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
        for i in 0..n as u64 {
            let left = npages - i * BITS;
            let ones = if left < BITS {
                (1 << left) - 1
            } else {
                usize::MAX
            };
            let word = Atomic::new(if all_dirty { ones } else { 0 });
            words.push(word, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Arc::new(Self { words, npages }, GFP_KERNEL_ACCOUNT)?)
    }

    /// Notes a write to page `page` of the slot.
    pub(super) fn mark(&self, page: u64) {
        if page < self.npages {
            self.or((page / BITS) as usize, 1 << (page % BITS));
        }
    }

    /// Sets bits of word `i`.
    pub(super) fn or(&self, i: usize, bits: usize) {
        let Some(word) = self.words.get(i) else {
            return;
        };
        let mut old = once::read_usize(word);
        while old & bits != bits {
            match word.cmpxchg(old, old | bits, Full) {
                Ok(_) => break,
                Err(now) => old = now,
            }
        }
    }

    /// Clears bits of word `i`.
    pub(super) fn clear(&self, i: usize, bits: usize) {
        let Some(word) = self.words.get(i) else {
            return;
        };
        let mut old = once::read_usize(word);
        while old & bits != 0 {
            match word.cmpxchg(old, old & !bits, Full) {
                Ok(_) => break,
                Err(now) => old = now,
            }
        }
    }

    /// All words; taken out of the bitmap if `take`.
    pub(super) fn snapshot(&self, take: bool) -> Result<KVVec<usize>> {
        let mut out = KVVec::with_capacity(self.words.len(), GFP_KERNEL_ACCOUNT)?;
        for word in self.words.iter() {
            let bits = match once::read_usize(word) {
                0 => 0,
                _ if take => word.xchg(0, Full),
                bits => bits,
            };
            out.push(bits, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(out)
    }
}
