// SPDX-License-Identifier: GPL-2.0

//! Atomic loads and conditional stores of a process's memory. They are atomic with respect to guests' accesses, too.

use crate::bindings;
use kernel::{error::to_result, prelude::*};

/// Loads `bytes` bytes (1, 2, 4, 8 or 16) at `hva` of the current process by one access. The result is a number in the
/// host's byte order, as its high and its low 64 bits. `EFAULT` if the memory cannot be read, or if `hva` is not a
/// multiple of `bytes`. Sleeps.
pub(crate) fn load(hva: usize, bytes: u32) -> Result<[u64; 2]> {
    let mut val = [0; 2];
    check(hva, bytes)?;
    // SAFETY: The function checks the address, and `val` is valid for writes of two doublewords.
    to_result(unsafe { bindings::kvm_ppc_pr_load_user(hva, bytes, val.as_mut_ptr()) })?;
    Ok(val)
}

/// Atomically stores `new` at `hva` if `old` is there, and returns whether it was. Sizes, numbers and errors are as for
/// [`load`]. Sleeps.
pub(crate) fn exchange(hva: usize, bytes: u32, old: [u64; 2], new: [u64; 2]) -> Result<bool> {
    let (old, new) = (old.as_ptr(), new.as_ptr());
    check(hva, bytes)?;
    // SAFETY: The function checks the address, reads two doublewords each of `old` and `new`, which are there, and
    // writes nothing but the process's memory.
    match unsafe { bindings::kvm_ppc_pr_exchange_user(hva, bytes, old, new) } {
        0 => Ok(true),
        1 => Ok(false),
        errno => Err(Error::from_errno(errno)),
    }
}

fn check(hva: usize, bytes: u32) -> Result {
    match bytes {
        1 | 2 | 4 | 8 | 16 if hva & (bytes as usize - 1) == 0 => Ok(()),
        _ => Err(EFAULT),
    }
}
