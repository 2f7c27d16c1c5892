// SPDX-License-Identifier: GPL-2.0

//! Inline loads and stores of values that other threads access too. (The kernel crate's atomics are function calls.)

use core::cell::UnsafeCell;
use kernel::sync::atomic::Atomic;

/// `READ_ONCE`: like a relaxed load, but inline.
#[inline(always)]
pub(crate) fn read_u32(v: &Atomic<u32>) -> u32 {
    // SAFETY: The pointer is valid and aligned; a volatile load of a word is atomic with respect
    // to the atomic operations on it.
    unsafe { v.as_ptr().read_volatile() }
}

/// `READ_ONCE`: like a relaxed load, but inline.
#[inline(always)]
pub(crate) fn read_usize(v: &Atomic<usize>) -> usize {
    // SAFETY: As for `read_u32`.
    unsafe { v.as_ptr().read_volatile() }
}

/// `WRITE_ONCE`: like a relaxed store, but inline. Not for values that are also changed by read-modify-write
/// operations.
#[inline(always)]
pub(crate) fn write_usize(v: &Atomic<usize>, val: usize) {
    // SAFETY: As for `read_u32`.
    unsafe { v.as_ptr().write_volatile(val) }
}

/// `READ_ONCE`: like a relaxed load, but inline. On a 32-bit host, the two halves may come from different writes.
#[inline(always)]
pub(crate) fn read_u64(v: &Atomic<u64>) -> u64 {
    // SAFETY: As for `read_u32`.
    unsafe { v.as_ptr().read_volatile() }
}

/// `WRITE_ONCE`: like a relaxed store, but inline. The effect of a read-modify-write operation at the same time may be
/// lost.
#[inline(always)]
pub(crate) fn write_u32(v: &Atomic<u32>, val: u32) {
    // SAFETY: As for `read_u32`.
    unsafe { v.as_ptr().write_volatile(val) }
}

/// `WRITE_ONCE`, as [`write_u32`].
#[inline(always)]
pub(crate) fn write_u64(v: &Atomic<u64>, val: u64) {
    // SAFETY: As for `read_u64`.
    unsafe { v.as_ptr().write_volatile(val) }
}

/// `smp_mb`, inline: all that came before is seen by other CPUs before all that comes after.
#[inline(always)]
pub(crate) fn full_barrier() {
    // SAFETY: Only orders memory accesses.
    unsafe { core::arch::asm!("sync", options(nostack, preserves_flags)) };
}

/// The barrier of `smp_store_release`, inline.
#[inline(always)]
pub(crate) fn release_barrier() {
    #[cfg(CONFIG_PPC64)]
    // SAFETY: Only orders memory accesses.
    unsafe {
        core::arch::asm!("lwsync", options(nostack, preserves_flags))
    };
    #[cfg(not(CONFIG_PPC64))]
    full_barrier();
}

/// A counter that one thread increments and others may read.
///
/// It is for statistics: if two threads increment it at the same time, an increment may be lost, and on a 32-bit host a
/// reader may see one half of the value before a carry and the other after it.
#[repr(transparent)]
pub(crate) struct Counter(UnsafeCell<u64>);

// SAFETY: All access is by volatile loads and stores.
unsafe impl Sync for Counter {}

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        // SAFETY: Valid and aligned.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline(always)]
    pub(crate) fn set(&self, val: u64) {
        // SAFETY: Valid and aligned.
        unsafe { self.0.get().write_volatile(val) }
    }

    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        self.set(self.get().wrapping_add(n));
    }

    #[inline(always)]
    pub(crate) fn inc(&self) {
        self.add(1);
    }
}
