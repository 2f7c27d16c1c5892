// SPDX-License-Identifier: GPL-2.0

//! Hypervisor calls.

use crate::{
    bindings,
    host::wait::cpu_relax,
    isa::hcall::{HReturn, Hcall},
};

/// Makes a call that returns nothing but its code.
///
/// # Safety
///
/// As the call asks for.
pub(super) unsafe fn call(hcall: Hcall, args: [u64; 6]) -> HReturn {
    // SAFETY: `args` has the six arguments; else the caller's promise.
    HReturn::from_raw(unsafe { bindings::kvm_ppc_hcall(hcall.raw(), args.as_ptr()) })
}

/// Makes a call that also returns registers, GPR 4 and on.
///
/// # Safety
///
/// As the call asks for.
pub(super) unsafe fn call_returning(hcall: Hcall, args: [u64; 6]) -> (HReturn, [u64; 4]) {
    let mut ret = [0; 4];
    // SAFETY: The arrays have the six arguments and room for the four registers; else the caller's promise.
    let code =
        unsafe { bindings::kvm_ppc_hcall_returning(hcall.raw(), args.as_ptr(), ret.as_mut_ptr()) };
    (HReturn::from_raw(code), ret)
}

/// The same, again as long as the hypervisor is busy, without sleeping.
///
/// # Safety
///
/// As the call asks for.
pub(super) unsafe fn call_busy(hcall: Hcall, args: [u64; 6]) -> (HReturn, [u64; 4]) {
    loop {
        // SAFETY: The caller's promise.
        let (code, ret) = unsafe { call_returning(hcall, args) };
        if !code.is_busy() {
            return (code, ret);
        }
        cpu_relax();
    }
}
