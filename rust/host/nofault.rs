// SPDX-License-Identifier: GPL-2.0

//! Accesses to memory of the current process that do not sleep, so that a spinlock may be held. An access fails if the
//! memory is not present. Then the caller drops its locks, calls [`populate`], and begins again.

use crate::bindings;
use kernel::prelude::*;

/// Reads memory. Returns false if not all of it is present.
#[inline]
pub(crate) fn read(at: u64, data: &mut [u8]) -> bool {
    // SAFETY: `data` is valid for writing; the function looks at the user address itself.
    unsafe { bindings::kvm_ppc_pr_read_user(data.as_mut_ptr().cast(), at as usize, data.len()) }
}

/// Stores a doubleword in the host's byte order by one access. `at` has to be aligned. Returns false if nothing was
/// stored.
#[inline]
pub(crate) fn store_u64(at: u64, val: u64) -> bool {
    // SAFETY: The function looks at the user address itself.
    unsafe { bindings::kvm_ppc_pr_store_user_u64(at as usize, val) }
}

/// Stores a byte. Returns false if it was not stored.
#[inline]
pub(crate) fn store_u8(at: u64, val: u8) -> bool {
    // SAFETY: As above.
    unsafe { bindings::kvm_ppc_pr_store_user_u8(at as usize, val) }
}

/// Makes the memory present, for reading or for writing. Returns `EFAULT` if there is none, or if a fatal signal came.
/// Sleeps.
pub(crate) fn populate(at: u64, write: bool) -> Result {
    // SAFETY: Task context, no lock held; the function looks at the user address itself.
    match unsafe { bindings::kvm_ppc_pr_populate(at as usize, write) } {
        true => Ok(()),
        false => Err(EFAULT),
    }
}
