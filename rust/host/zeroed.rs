// SPDX-License-Identifier: GPL-2.0

//! Memory that is all zero at first.

use crate::bindings;
use core::{
    alloc::Layout,
    mem::{align_of, size_of},
    ops::{Deref, DerefMut},
    ptr::{drop_in_place, slice_from_raw_parts_mut, NonNull},
};
use kernel::{
    alloc::{allocator::Kmalloc, flags::__GFP_ZERO, Allocator, NumaNode},
    page::PAGE_SIZE,
    prelude::*,
};
use pin_init::Zeroable;

/// Memory in the linear map, accounted to the current task. Whole pages come from the page allocator, which clears them
/// by the cache line; kmalloc clears by the doubleword.
///
/// # Invariants
///
/// `at` is memory of `bytes` bytes that this owns, of `Self::layout` from kmalloc below a page and from
/// `kvm_ppc_alloc_zeroed` from a page on.
pub(super) struct Zeroes {
    at: NonNull<u8>,
    bytes: usize,
}

// SAFETY: It is memory and does nothing by itself.
unsafe impl Send for Zeroes {}
// SAFETY: As above.
unsafe impl Sync for Zeroes {}

impl Zeroes {
    fn layout(bytes: usize) -> Result<Layout> {
        Layout::from_size_align(bytes, bytes.max(256)).map_err(|_| ENOMEM)
    }

    /// `bytes` zeroes, a power of two that is not 0, aligned to their number. `ENOMEM`.
    pub(super) fn new(bytes: usize) -> Result<Self> {
        let at = if bytes < PAGE_SIZE {
            Kmalloc::alloc(
                Self::layout(bytes)?,
                GFP_KERNEL_ACCOUNT | __GFP_ZERO,
                NumaNode::NO_NODE,
            )?
            .cast()
        } else {
            // SAFETY: It only makes memory.
            NonNull::new(unsafe { bindings::kvm_ppc_alloc_zeroed(bytes) }.cast()).ok_or(ENOMEM)?
        };
        // INVARIANT: As it was made.
        Ok(Self { at, bytes })
    }

    /// Where it is.
    pub(super) fn as_ptr(&self) -> NonNull<u8> {
        self.at
    }
}

impl Drop for Zeroes {
    fn drop(&mut self) {
        if self.bytes >= PAGE_SIZE {
            // SAFETY: By the invariants.
            unsafe { bindings::kvm_ppc_free_zeroed(self.at.as_ptr().cast(), self.bytes) };
        } else if let Ok(layout) = Self::layout(self.bytes) {
            // SAFETY: By the invariants.
            unsafe { Kmalloc::free(self.at, layout) };
        }
    }
}

/// A table of values that are zero at first.
///
/// # Invariants
///
/// `memory` holds `len` values of `T`; without one, `len` is 0.
pub(crate) struct Zeroed<T> {
    memory: Option<Zeroes>,
    len: usize,
    values: NonNull<T>,
}

// SAFETY: It owns its values, as a box does.
unsafe impl<T: Send> Send for Zeroed<T> {}
// SAFETY: As above.
unsafe impl<T: Sync> Sync for Zeroed<T> {}

impl<T: Zeroable> Zeroed<T> {
    /// Of `len` values, a power of two or 0. `ENOMEM`.
    pub(crate) fn new(len: usize) -> Result<Self> {
        const { assert!(size_of::<T>().is_power_of_two() && align_of::<T>() <= size_of::<T>()) };
        let memory = match len {
            0 => None,
            _ => Some(Zeroes::new(len.checked_mul(size_of::<T>()).ok_or(ENOMEM)?)?),
        };
        let values = memory
            .as_ref()
            .map_or(NonNull::dangling(), |m| m.as_ptr().cast());
        // INVARIANT: Zero is a value of a `Zeroable`.
        Ok(Self {
            memory,
            len,
            values,
        })
    }
}

impl<T> Deref for Zeroed<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: By the invariants.
        unsafe { core::slice::from_raw_parts(self.values.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Zeroed<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: By the invariants.
        unsafe { core::slice::from_raw_parts_mut(self.values.as_ptr(), self.len) }
    }
}

impl<T> Drop for Zeroed<T> {
    fn drop(&mut self) {
        // SAFETY: By the invariants these are values, which nobody uses any more; their memory goes after them.
        unsafe { drop_in_place(slice_from_raw_parts_mut(self.values.as_ptr(), self.len)) };
        self.memory = None;
    }
}
