// SPDX-License-Identifier: GPL-2.0

//! What this host's processor and kernel can do.

use crate::bindings;
use kernel::prelude::*;

/// The host's features, fixed after boot.
#[derive(Clone, Copy)]
pub(crate) struct Features(usize);

macro_rules! features {
    ($( $(#[$doc:meta])* $name:ident = $bit:ident, )*) => {
        impl Features {
            $(
                $(#[$doc])*
                pub(crate) const fn $name(self) -> bool {
                    self.0 & bindings::$bit as usize != 0
                }
            )*
        }
    };
}

features! {
    /// The kernel runs in hypervisor state.
    hvmode = KVM_PPC_HOST_HVMODE,
    /// ISA 3.0 (POWER9) or later.
    arch_300 = KVM_PPC_HOST_ARCH_300,
    /// ISA 3.1 (POWER10) or later.
    arch_31 = KVM_PPC_HOST_ARCH_31,
    /// The host's own translation is radix.
    radix = KVM_PPC_HOST_RADIX,
    /// The kernel may use tlbie.
    tlbie = KVM_PPC_HOST_TLBIE,
    /// Prefetches in hypervisor state may use the guest's PID (POWER9 DD2.1 and before).
    prefetch_bug = KVM_PPC_HOST_PREFETCH_BUG,
    /// DAWR0 works.
    dawr = KVM_PPC_HOST_DAWR,
    /// There is a DAWR1.
    dawr1 = KVM_PPC_HOST_DAWR1,
    /// POWER11.
    power11 = KVM_PPC_HOST_P11,
    /// The host's interrupt controller is XIVE.
    xive = KVM_PPC_HOST_XIVE,
    /// LPCR[HAIL] is set in the host.
    hail = KVM_PPC_HOST_HAIL,
    /// There is a hardware random number generator.
    hwrng = KVM_PPC_HOST_HWRNG,
}

impl Features {
    /// Asks the kernel.
    pub(crate) fn read() -> Self {
        // SAFETY: Only reads the kernel's feature masks and SPRs that do not change.
        Self(unsafe { bindings::kvm_ppc_host_features() })
    }
}

/// The processor version register.
pub(crate) fn pvr() -> u32 {
    // SAFETY: Reading PVR has no effect.
    unsafe { bindings::kvm_ppc_mfspr_pvr() as u32 }
}

/// The host's hypervisor registers that a guest's are derived from.
#[derive(Clone, Copy)]
pub(crate) struct HostRegisters {
    /// LPCR.
    pub(crate) lpcr: u64,
    /// LPIDR.
    pub(crate) lpid: u32,
    /// HFSCR.
    pub(crate) hfscr: u64,
}

impl HostRegisters {
    /// Reads them; `None` outside hypervisor state, where they do not exist.
    pub(crate) fn read(features: Features) -> Option<Self> {
        if !features.hvmode() {
            return None;
        }
        // SAFETY: In hypervisor state, reading these SPRs is allowed and has no effect.
        unsafe {
            Some(Self {
                lpcr: bindings::kvm_ppc_mfspr_lpcr(),
                lpid: bindings::kvm_ppc_mfspr_lpid() as u32,
                hfscr: bindings::kvm_ppc_mfspr_hfscr(),
            })
        }
    }
}

/// Says the firmware that feature `name` is in `state` ("enabled", "disabled")?
pub(crate) fn firmware_feature(name: &CStr, state: &CStr) -> bool {
    // SAFETY: Both are strings that live through the call.
    unsafe { bindings::kvm_ppc_fw_feature(name.as_char_ptr(), state.as_char_ptr()) }
}

/// The AP encoding of a page size, or `None` if the MMU does not have it.
pub(crate) fn page_ap(shift: u32) -> Option<u32> {
    // SAFETY: Only reads a table of the kernel.
    match unsafe { bindings::kvm_ppc_page_ap(shift) } {
        u32::MAX => None,
        ap => Some(ap),
    }
}

/// A random number from the host's hardware generator.
pub(crate) fn random() -> Option<u64> {
    let mut val = 0usize;
    // SAFETY: `val` is valid for writing.
    unsafe { bindings::kvm_ppc_random(&mut val) }.then_some(val as u64)
}
