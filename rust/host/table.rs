// SPDX-License-Identifier: GPL-2.0

//! Tables in memory that the MMU walks, and loads from real addresses.

use super::{once, zeroed::Zeroes};
use crate::{bindings, isa::rpte::Rpte};
use core::{mem::size_of, ptr::NonNull};
use kernel::{
    prelude::*,
    sync::atomic::{ordering::Full, ordering::Relaxed, Atomic},
};

/// A radix table: doublewords in big-endian order, aligned to its size, that the hardware may read, and
/// set R and C in, at any time.
///
/// # Invariants
///
/// `entries` points to `len` atomics in `memory`.
pub(crate) struct Table {
    entries: NonNull<Atomic<u64>>,
    len: usize,
    // It is freed with the table, which the owner must have taken out of the tree and flushed.
    memory: Zeroes,
}

// SAFETY: The memory is owned, and only accessed atomically.
unsafe impl Send for Table {}
// SAFETY: As above.
unsafe impl Sync for Table {}

impl Table {
    /// An empty table of `len` entries, a power of two of at least 32. Returns `ENOMEM`.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let memory = Zeroes::new(len.checked_mul(size_of::<u64>()).ok_or(ENOMEM)?)?;
        // INVARIANT: Zero is an atomic's value, too.
        Ok(Self {
            entries: memory.as_ptr().cast(),
            len,
            memory,
        })
    }

    #[inline(always)]
    fn entry(&self, index: usize) -> Option<&Atomic<u64>> {
        if index < self.len {
            // SAFETY: In bounds, by the type's invariants.
            Some(unsafe { self.entries.add(index).as_ref() })
        } else {
            None
        }
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The real address.
    pub(crate) fn real_address(&self) -> u64 {
        self.memory.real_address()
    }

    /// Reads an entry; an empty one if there is none at `index`.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Rpte {
        self.entry(index).map_or(Rpte::EMPTY, |e| {
            Rpte::from_raw(u64::from_be(once::read_u64(e)))
        })
    }

    /// Writes an entry that is empty. (The hardware does not change an empty entry, so a plain store is enough.)
    #[inline]
    pub(crate) fn fill(&self, index: usize, new: Rpte) {
        if let Some(e) = self.entry(index) {
            // The table that a directory entry leads to has to be visible before the entry.
            once::release_barrier();
            once::write_u64(e, new.raw().to_be());
        }
    }

    /// Replaces an entry and returns the old one, with R and C as the hardware left them.
    #[inline]
    pub(crate) fn replace(&self, index: usize, new: Rpte) -> Rpte {
        self.entry(index).map_or(Rpte::EMPTY, |e| {
            Rpte::from_raw(u64::from_be(e.xchg(new.raw().to_be(), Full)))
        })
    }

    /// Empties an entry that is not valid. (The hardware does not change it, so a plain store is enough.)
    #[inline]
    pub(crate) fn empty(&self, index: usize) {
        if let Some(e) = self.entry(index) {
            once::write_u64(e, 0);
        }
    }

    /// Clears bits of an entry, not ordered with other accesses, and returns the old value. An invalidation that
    /// follows orders it.
    #[inline]
    pub(crate) fn mark(&self, index: usize, clear: Rpte) -> Rpte {
        let Some(e) = self.entry(index) else {
            return Rpte::EMPTY;
        };
        let mut old = once::read_u64(e);
        loop {
            let new = Rpte::from_raw(u64::from_be(old)).without(clear);
            match e.cmpxchg(old, new.raw().to_be(), Relaxed) {
                Ok(_) => return Rpte::from_raw(u64::from_be(old)),
                Err(now) => old = now,
            }
        }
    }

    /// Clears and sets bits of an entry, and returns what was there before.
    #[inline]
    pub(crate) fn update(&self, index: usize, clear: Rpte, set: Rpte) -> Rpte {
        let Some(e) = self.entry(index) else {
            return Rpte::EMPTY;
        };
        let mut old = e.load(Relaxed);
        loop {
            let new = Rpte::from_raw(u64::from_be(old)).without(clear).with(set);
            match e.cmpxchg(old, new.raw().to_be(), Full) {
                Ok(_) => return Rpte::from_raw(u64::from_be(old)),
                Err(now) => old = now,
            }
        }
    }
}

/// An integer that the processor loads and stores by a single access, if it is aligned.
pub(crate) trait Word: Copy + Eq + Default {
    /// The value of a word as loaded from memory that is little-endian, if `little`, or big-endian.
    fn of_memory(self, little: bool) -> Self;

    /// The word whose bytes in memory are the first of these.
    fn of_bytes(bytes: [u8; 8]) -> Self;

    /// Loads it from memory at a real address. `None` if the memory has an error.
    ///
    /// # Safety
    ///
    /// As [`read_real`].
    unsafe fn load(real: u64) -> Option<Self>;
}

macro_rules! word {
    ($t:ty, [$($byte:ident)*], $load:ident) => {
        impl Word for $t {
            #[inline(always)]
            fn of_memory(self, little: bool) -> Self {
                if little {
                    Self::from_le(self)
                } else {
                    Self::from_be(self)
                }
            }

            fn of_bytes([$($byte,)* ..]: [u8; 8]) -> Self {
                Self::from_ne_bytes([$($byte),*])
            }

            #[inline(always)]
            unsafe fn load(real: u64) -> Option<Self> {
                let mut val = 0;
                // SAFETY: The page is memory in the linear map, as the caller promises; `val` is valid for writes.
                unsafe { bindings::$load(real as usize, &mut val) }.then_some(val)
            }
        }
    };
}
word!(u32, [a b c d], kvm_ppc_read_real_u32);
word!(u64, [a b c d e f g h], kvm_ppc_read_real_u64);

/// Reads memory at a real address that the caller has found in a valid leaf for normal memory in a guest's tree, with
/// the tree locked, so that the page is still the guest's. The guest may write to the memory meanwhile; the result is a
/// value that the whole word had at one time. `None` if the memory has an error.
///
/// # Safety
///
/// The above; the address must be aligned.
#[inline]
pub(crate) unsafe fn read_real<T: Word>(real: u64) -> Option<T> {
    // SAFETY: The caller's promise.
    unsafe { T::load(real) }
}
