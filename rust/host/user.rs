// SPDX-License-Identifier: GPL-2.0

//! Userspace memory at addresses that userspace has named once, to be used in later ioctls.

use kernel::{prelude::*, uaccess::UserSlice};

/// Reads memory of the current process. `EFAULT` if not all of it can be read. Sleeps.
pub(crate) fn read_user(at: u64, data: &mut [u8]) -> Result {
    let at = usize::try_from(at).map_err(|_| EFAULT)?;
    UserSlice::new(UserPtr::from_addr(at), data.len())
        .reader()
        .read_slice(data)
}

/// Writes memory of the current process. `EFAULT` if not all of it can be written. Sleeps.
pub(crate) fn write_user(at: u64, data: &[u8]) -> Result {
    let at = usize::try_from(at).map_err(|_| EFAULT)?;
    UserSlice::new(UserPtr::from_addr(at), data.len())
        .writer()
        .write_slice(data)
}
