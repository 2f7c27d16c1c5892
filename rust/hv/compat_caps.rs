// SPDX-License-Identifier: GPL-2.0

//! `KVM_PPC_GET_COMPAT_CAPS` (api.rst, section 4.145): which processors guests of a partition may be like.

use crate::{
    bindings::KVMIO,
    host::{nested::api::Api, uapi},
};
use kernel::{
    ioctl::_IO,
    page::PAGE_SIZE,
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};

/// The capability and the ioctl, which headers before Linux 7.3 lack.
pub(super) const KVM_CAP_PPC_COMPAT_CAPS: u32 = 250;
pub(super) const GET_COMPAT_CAPS: u32 = _IO(KVMIO, 0xb8);

/// `struct kvm_ppc_compat_caps`: its size, flags, capabilities.
type CompatCaps = [u64; 3];
const BYTES: u64 = size_of::<CompatCaps>() as u64;

/// Is there an answer? On bare metal there is none, as with kvm-hv.
pub(super) fn available() -> bool {
    Api::in_use().is_some()
}

/// The ioctl. Errors: `EFAULT`; `EINVAL` for a size that is too small, for flags, and on bare metal; `E2BIG` for a size
/// above a page's, or if what is behind the struct is not zero, after the size that would be right was stored.
pub(super) fn get(arg: usize) -> Result {
    let size = uapi::read::<u64>(arg)?;
    if size > PAGE_SIZE as u64 {
        return Err(E2BIG);
    }
    if size < BYTES {
        return Err(EINVAL);
    }
    let mut reader = UserSlice::new(UserPtr::from_addr(arg), size as usize).reader();
    let [_, flags, _] = reader.read::<CompatCaps>()?;
    while !reader.is_empty() {
        if reader.read::<u8>()? != 0 {
            uapi::write(arg, &BYTES)?;
            return Err(E2BIG);
        }
    }
    if flags != 0 {
        return Err(EINVAL);
    }
    let levels = Api::in_use().ok_or(EINVAL)?.levels();
    uapi::write::<CompatCaps>(arg, &[BYTES, 0, levels.raw()])
}
