// SPDX-License-Identifier: GPL-2.0

//! The hypervisor calls of the second interface.

use super::super::{
    hcall::{call, call_busy, call_returning},
    report::may_report,
};
use crate::{
    bindings,
    host::wait::sleep_ms,
    isa::{
        gsb::Scope,
        hcall::{HReturn, Hcall},
        hcall_args::GuestCapabilities,
    },
};
use kernel::prelude::*;

/// Flags: the state is the guest's rather than a vCPU's; of `H_GUEST_DELETE`: all guests.
const WIDE: u64 = 1 << 63;

/// Makes a call that may take long, again as long as it is not done. May sleep. The argument at `token`, if any, is
/// then what was returned.
///
/// # Safety
///
/// As the call asks for.
unsafe fn call_long(hcall: Hcall, mut args: [u64; 6], token: Option<usize>) -> (HReturn, [u64; 4]) {
    loop {
        // SAFETY: The caller's promise.
        let (code, ret) = unsafe { call_returning(hcall, args) };
        if !code.is_busy() {
            return (code, ret);
        }
        sleep_ms(code.long_busy_ms().unwrap_or(1));
        let [next, ..] = ret;
        if let Some(arg) = token.and_then(|n| args.get_mut(n)) {
            *arg = next;
        }
    }
}

/// Which capabilities the hypervisor has; the error is what it says if it has no such interface.
pub(super) fn capabilities() -> Result<GuestCapabilities, HReturn> {
    // SAFETY: It only asks.
    match unsafe { call_returning(Hcall::H_GUEST_GET_CAPABILITIES, [0; 6]) } {
        (HReturn::H_SUCCESS, [capabilities, ..]) => Ok(GuestCapabilities::from_raw(capabilities)),
        (code, _) => Err(code),
    }
}

/// Says which of them are used.
pub(super) fn set_capabilities(capabilities: GuestCapabilities) -> HReturn {
    // SAFETY: No guest exists yet.
    unsafe {
        call(
            Hcall::H_GUEST_SET_CAPABILITIES,
            [0, capabilities.raw(), 0, 0, 0, 0],
        )
    }
}

/// Makes a guest. May sleep. Returns its id, or the errors that kvm-hv returns.
pub(super) fn create() -> Result<u64> {
    // SAFETY: It makes something that is not connected with anything.
    let (code, [guest, ..]) =
        unsafe { call_long(Hcall::H_GUEST_CREATE, [0, u64::MAX, 0, 0, 0, 0], Some(1)) };
    match code {
        HReturn::H_SUCCESS => Ok(guest),
        _ => Err(refused("guest", code)),
    }
}

/// Makes a vCPU of a guest. May sleep. `None` if there is one with that number.
pub(super) fn create_vcpu(guest: u64, vcpu: u64) -> Result<Option<()>> {
    // SAFETY: As above.
    let (code, _) =
        unsafe { call_long(Hcall::H_GUEST_CREATE_VCPU, [0, guest, vcpu, 0, 0, 0], None) };
    match code {
        HReturn::H_SUCCESS => Ok(Some(())),
        HReturn::H_IN_USE => Ok(None),
        _ => Err(refused("vCPU", code)),
    }
}

/// Reports that something was not made, and returns the error that says so.
fn refused(what: &str, code: HReturn) -> Error {
    if may_report() {
        pr_err!("the hypervisor makes no {what}: {code:?}\n");
    }
    match code {
        HReturn::H_NOT_ENOUGH_RESOURCES | HReturn::H_ABORTED | HReturn::H_NO_MEM => ENOMEM,
        HReturn::H_AUTHORITY => EPERM,
        HReturn::H_NOT_AVAILABLE => EBUSY,
        _ => EINVAL,
    }
}

/// Deletes a guest and its vCPUs. May sleep.
pub(super) fn delete(guest: u64) {
    // SAFETY: The guest is gone when this returns, so nothing that it uses is accessed any more.
    let (code, _) = unsafe { call_long(Hcall::H_GUEST_DELETE, [0, guest, 0, 0, 0, 0], None) };
    if code != HReturn::H_SUCCESS {
        pr_err!("the hypervisor does not delete a guest: {code:?}\n");
    }
}

fn flags(scope: Scope) -> u64 {
    match scope {
        Scope::Guest => WIDE,
        Scope::Host => WIDE >> 1,
        Scope::Vcpu => 0,
    }
}

/// `H_GUEST_SET_STATE` with the buffer at a real address.
///
/// # Safety
///
/// What the elements tell the hypervisor to access may be accessed as long as it does.
pub(super) unsafe fn set_state(
    scope: Scope,
    guest: u64,
    vcpu: u64,
    real: u64,
    bytes: usize,
) -> HReturn {
    let args = [flags(scope), guest, vcpu, real, bytes as u64, 0];
    // SAFETY: The caller's promise.
    unsafe { call_busy(Hcall::H_GUEST_SET_STATE, args).0 }
}

/// `H_GUEST_GET_STATE` with the buffer at a real address. Also returns the index of an element that the hypervisor does
/// not know, if that is what it says.
///
/// # Safety
///
/// The buffer must not be accessed otherwise meanwhile.
pub(super) unsafe fn get_state(
    scope: Scope,
    guest: u64,
    vcpu: u64,
    real: u64,
    bytes: usize,
) -> (HReturn, u64) {
    let args = [flags(scope), guest, vcpu, real, bytes as u64, 0];
    // SAFETY: The caller's promise.
    let (code, [index, ..]) = unsafe { call_busy(Hcall::H_GUEST_GET_STATE, args) };
    (code, index)
}

/// How a run has ended.
pub(super) struct Ended {
    /// The interrupt that ended it, 0 for none.
    pub(super) trap: u64,
    /// The timebase then.
    pub(super) now: u64,
}

/// `H_GUEST_RUN_VCPU`. The error has the place of the element that is wrong, if one is.
///
/// # Safety
///
/// Interrupts are hard-disabled, and the vCPU's buffers are not accessed meanwhile.
#[inline]
pub(super) unsafe fn run_vcpu(guest: u64, vcpu: u64) -> Result<Ended, (HReturn, u64)> {
    let (mut trap, mut now) = (0, 0);
    // SAFETY: Both are valid for writing; else the caller's promise.
    let code = unsafe { bindings::kvm_ppc_run_nested_vcpu(guest, vcpu, &mut trap, &mut now) };
    match HReturn::from_raw(code) {
        HReturn::H_SUCCESS => Ok(Ended { trap, now }),
        code => Err((code, trap)),
    }
}
