// SPDX-License-Identifier: GPL-2.0

//! Memory that is zeroed when it is allocated.

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

/// Zeroed memory in the linear map, accounted to the current task. Whole pages come from the page allocator, because
/// that clears whole cache lines and is quicker than kmalloc, which clears doublewords.
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

    /// Allocates `bytes` bytes, a power of two, aligned to `bytes`. Returns `ENOMEM`.
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

    /// The address.
    pub(super) fn as_ptr(&self) -> NonNull<u8> {
        self.at
    }

    /// The real address.
    pub(super) fn real_address(&self) -> u64 {
        // SAFETY: The memory is in the linear map.
        unsafe { bindings::kvm_ppc_pa(self.at.as_ptr().cast()) as u64 }
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

/// A zeroed structure of the kernel.
///
/// # Safety
///
/// All zeroes must be a value of `T`.
pub(super) unsafe fn zeroed_box<T>() -> Result<KBox<T>> {
    let mut b = KBox::<T>::new_uninit(GFP_KERNEL_ACCOUNT)?;
    // Only the structure is zeroed here: kmalloc would zero the whole object, which can be twice as large. SAFETY: The
    // memory is valid for writes; then it is zeroed, which is a value of `T`, as the caller promises.
    Ok(unsafe {
        b.as_mut_ptr().write_bytes(0, 1);
        b.assume_init()
    })
}

/// A table of values that are initially zero.
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
    /// A table of `len` values, a power of two or 0. Returns `ENOMEM`.
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
        // SAFETY: By the invariants these are values, which nobody uses any more. Their memory is freed afterwards.
        unsafe { drop_in_place(slice_from_raw_parts_mut(self.values.as_ptr(), self.len)) };
        self.memory = None;
    }
}
