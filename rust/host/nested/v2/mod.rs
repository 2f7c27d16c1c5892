// SPDX-License-Identifier: GPL-2.0

//! The second interface: `H_GUEST_CREATE`, `H_GUEST_RUN_VCPU` and their kin.

mod buffer;
mod elements;
mod guest;
mod hcall;
mod mirrored;
mod state;
mod vpa;

pub(crate) use self::guest::Guest;
pub(super) use self::{elements::Registers, state::Vcpu};

use crate::isa::{hcall::HReturn, hcall_args::GuestCapabilities};
use kernel::prelude::*;

/// Does the hypervisor have this interface? This changes nothing.
pub(super) fn offered() -> bool {
    hcall::capabilities().is_ok()
}

/// Agrees with the hypervisor on what is used of what is `wanted`. `None` if it does not have this interface; the error
/// says why it cannot be used.
pub(super) fn negotiate(
    wanted: GuestCapabilities,
) -> Option<Result<GuestCapabilities, &'static str>> {
    let agreed = hcall::capabilities().ok()?.masked(wanted);
    Some(match hcall::set_capabilities(agreed) {
        // It may have been told before, by a module that was there before this one.
        HReturn::H_SUCCESS | HReturn::H_STATE => Ok(agreed),
        code => {
            pr_err!("the hypervisor does not agree on capabilities: {code:?}\n");
            Err("the hypervisor does not agree on what guests may be like")
        }
    })
}
