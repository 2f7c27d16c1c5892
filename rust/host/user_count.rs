// SPDX-License-Identifier: GPL-2.0

//! Counters in a process's memory.

use crate::bindings;
use kernel::prelude::*;

/// An area in the current process's memory with a counter and a byte beside it.
pub(crate) struct CounterArea {
    /// The area's address and its size in bytes.
    pub(crate) hva: usize,
    pub(crate) size: u32,
    /// The offsets of the counter, a big-endian word, and of the byte.
    pub(crate) counter: u32,
    pub(crate) byte: u32,
}

impl CounterArea {
    /// Adds one to the counter if that makes it odd (with `odd`) or even (without), and loads the byte. Returns whether
    /// the counter has changed, and the byte. `EFAULT` if the process has no memory there, or may not write to it.
    /// Sleeps, unless page faults are disabled.
    pub(crate) fn count(&self, odd: bool) -> Result<(bool, u8)> {
        let end = |at: u32, len| at.checked_add(len).is_none_or(|end| end > self.size);
        if end(self.counter, 4) || end(self.byte, 1) {
            return Err(EFAULT);
        }
        let mut byte = 0;
        // SAFETY: The function checks that the area is the process's, and what is accessed lies in it; `byte` is valid
        // for writes.
        let ret = unsafe {
            bindings::kvm_ppc_count_in_user(
                self.hva,
                self.size,
                self.counter,
                odd,
                self.byte,
                &mut byte,
            )
        };
        match ret {
            0 => Ok((false, byte)),
            1 => Ok((true, byte)),
            errno => Err(Error::from_errno(errno)),
        }
    }
}
