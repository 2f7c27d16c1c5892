// SPDX-License-Identifier: GPL-2.0

//! What entering a guest takes.

use crate::bindings;

/// A vCPU that is entered.
pub(crate) struct Entry {
    pub(crate) vcpu: *mut bindings::kvm_vcpu,
    pub(crate) vcore: *mut bindings::kvmppc_vcore,
    /// The guest.
    pub(crate) guest: u64,
    /// The timebase at which the guest exits at the latest.
    pub(crate) time_limit: u64,
    /// The LPCR it runs with.
    pub(crate) lpcr: u64,
}
