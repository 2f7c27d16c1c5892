// SPDX-License-Identifier: GPL-2.0

//! What a Book3S `struct kvm_sregs` has: the SLB, SDR1, and the registers of 32-bit processors.

use super::uapi::Sregs;
use crate::bindings;

/// An SLB entry in `struct kvm_sregs`.
pub(crate) type SregsSlbe =
    bindings::kvm_sregs__bindgen_ty_1__bindgen_ty_1__bindgen_ty_1__bindgen_ty_1;

/// The SLB in a Book3S `struct kvm_sregs`.
pub(crate) fn sregs_slb(sregs: &bindings::kvm_sregs) -> &[SregsSlbe] {
    // SAFETY: All of the union's views are plain integers.
    unsafe { &sregs.u.s.ppc64.slb }
}

/// The SLB in a Book3S `struct kvm_sregs`, to fill.
pub(crate) fn sregs_slb_mut(sregs: &mut Sregs) -> &mut [SregsSlbe] {
    // SAFETY: All of the union's views are plain integers, and an SLB entry is two doublewords.
    unsafe { &mut sregs.views_mut().s.ppc64.slb }
}

/// SDR1 in a Book3S `struct kvm_sregs`.
pub(crate) fn sregs_sdr1(sregs: &bindings::kvm_sregs) -> u64 {
    // SAFETY: All of the union's views are plain integers.
    unsafe { sregs.u.s.sdr1 }
}

/// Sets SDR1 in a Book3S `struct kvm_sregs`.
pub(crate) fn set_sregs_sdr1(sregs: &mut Sregs, sdr1: u64) {
    // SAFETY: It is one doubleword that is assigned to.
    unsafe { sregs.views_mut().s.sdr1 = sdr1 };
}

/// Segment registers, and pairs of BAT registers for code and for data (the lower one in the upper half), in a Book3S
/// `struct kvm_sregs`.
#[cfg(CONFIG_KVM_BOOK3S_PR_POSSIBLE)]
pub(crate) type Sregs32 = bindings::kvm_sregs__bindgen_ty_1__bindgen_ty_1__bindgen_ty_2;

/// What a 32-bit processor has in a Book3S `struct kvm_sregs`.
#[cfg(CONFIG_KVM_BOOK3S_PR_POSSIBLE)]
pub(crate) fn sregs_32(sregs: &bindings::kvm_sregs) -> &Sregs32 {
    // SAFETY: All of the union's views are plain integers.
    unsafe { &sregs.u.s.ppc32 }
}

/// What a 32-bit processor has in a Book3S `struct kvm_sregs`, to fill.
#[cfg(CONFIG_KVM_BOOK3S_PR_POSSIBLE)]
pub(crate) fn sregs_32_mut(sregs: &mut Sregs) -> &mut Sregs32 {
    // SAFETY: All of the union's views are plain integers, and this one has no padding.
    unsafe { &mut sregs.views_mut().s.ppc32 }
}
