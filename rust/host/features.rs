// SPDX-License-Identifier: GPL-2.0

//! What this host's processor and kernel can do.

use super::nested::{api::Api, characteristics::characteristics};
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
    /// Programs have transactional memory.
    htm = KVM_PPC_HOST_HTM,
}

impl Features {
    /// Reads the features from the kernel.
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

/// The host's hypervisor registers, from which a guest's are derived.
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
    /// Reads them. In a partition they are the hypervisor's, which does not let a guest have what the partition itself
    /// may not have; so a guest's are derived from none of LPCR and all of HFSCR. `None` where there is no hypervisor.
    pub(crate) fn read(features: Features) -> Option<Self> {
        if Api::in_use().is_some() {
            return Some(Self {
                lpcr: 0,
                lpid: 0,
                hfscr: u64::MAX,
            });
        }
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

/// Does the firmware's device tree say that feature `name` has the state `state`, "enabled" or "disabled"?
fn firmware_feature(name: &CStr, state: &CStr) -> bool {
    // SAFETY: Both are strings that live through the call.
    unsafe { bindings::kvm_ppc_fw_feature(name.as_char_ptr(), state.as_char_ptr()) }
}

/// `KVM_PPC_GET_CPU_CHAR`: the processor's characteristics in speculation, as the firmware tells them, or a hypervisor
/// below.
pub(crate) fn cpu_char() -> bindings::kvm_ppc_cpu_char {
    characteristics().unwrap_or_else(cpu_char_of_firmware)
}

fn cpu_char_of_firmware() -> bindings::kvm_ppc_cpu_char {
    /// Bits, each with the firmware feature that sets it if enabled.
    const CHARACTER: [(u64, &CStr); 7] = [
        (1 << 63, c"inst-spec-barrier-ori31,31,0"),
        (1 << 62, c"fw-bcctrl-serialized"),
        (1 << 61, c"inst-l1d-flush-ori30,30,0"),
        (1 << 60, c"inst-l1d-flush-trig2"),
        (1 << 59, c"fw-l1d-thread-split"),
        (1 << 56, c"fw-count-cache-disabled"),
        (1 << 54, c"fw-count-cache-flush-bcctr2,0,0"),
    ];
    const FAVOUR_SECURITY: u64 = 1 << 63;
    const L1D_FLUSH_PR: u64 = 1 << 62;
    const BNDS_CHK_SPEC_BAR: u64 = 1 << 61;
    const FLUSH_COUNT_CACHE: u64 = 1 << 58;

    let mut cp = bindings::kvm_ppc_cpu_char::default();
    for (bit, name) in CHARACTER {
        cp.character_mask |= bit;
        if firmware_feature(name, c"enabled") {
            cp.character |= bit;
        }
    }
    cp.behaviour_mask = FAVOUR_SECURITY | L1D_FLUSH_PR | BNDS_CHK_SPEC_BAR | FLUSH_COUNT_CACHE;
    if firmware_feature(c"speculation-policy-favor-security", c"enabled") {
        cp.behaviour |= FAVOUR_SECURITY;
    }
    // A mitigation is needed unless the firmware says that it is not.
    if !firmware_feature(c"needs-l1d-flush-msr-pr-0-to-1", c"disabled") {
        cp.behaviour |= L1D_FLUSH_PR;
    }
    if !firmware_feature(c"needs-spec-barrier-for-bound-checks", c"disabled") {
        cp.behaviour |= BNDS_CHK_SPEC_BAR;
    }
    if firmware_feature(c"needs-count-cache-flush-on-context-switch", c"enabled") {
        cp.behaviour |= FLUSH_COUNT_CACHE;
    }
    cp
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
