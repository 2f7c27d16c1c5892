// SPDX-License-Identifier: GPL-2.0

//! Events for udev and similar programs.

use crate::bindings;
use kernel::{device::Device, prelude::*};

/// How many variables an event can have.
const VARS: usize = 8;

/// Sends a "change" event of a device, with variables `NAME=VALUE`; those beyond [`VARS`] are left out. Sleeps. Errors
/// are ignored.
pub(crate) fn change<'a>(device: &Device, vars: impl Iterator<Item = &'a CStr>) {
    let mut env = [core::ptr::null_mut(); VARS + 1];
    for (to, var) in env.iter_mut().take(VARS).zip(vars) {
        *to = var.as_char_ptr().cast_mut();
    }
    let device: *const Device = device;
    // SAFETY: The device is valid, and so are the strings during the call; nobody writes to them. A NULL ends the list.
    unsafe { bindings::kvm_ppc_uevent_change(device.cast_mut().cast(), env.as_mut_ptr().cast()) };
}
