// SPDX-License-Identifier: GPL-2.0

//! Which device is a VM's interrupt controller: there is one of all kinds at a time.

use crate::bindings;
use kernel::{
    prelude::*,
    sync::atomic::{ordering::Full, Atomic, Relaxed},
};

const NONE: u32 = 0;

/// The place for a VM's interrupt controller.
pub(crate) struct Irqchip {
    // `KVM_DEV_TYPE_...`; `NONE` if there is none.
    kind: Atomic<u32>,
    // What the device's file is known by; 0 as long as it has none.
    file: Atomic<usize>,
}

impl Irqchip {
    pub(super) const fn new() -> Self {
        Self {
            kind: Atomic::new(NONE),
            file: Atomic::new(0),
        }
    }

    /// Is there one?
    pub(super) fn is_open(&self) -> bool {
        self.kind.load(Relaxed) != NONE
    }

    /// Is it a `KVM_DEV_TYPE_...`?
    pub(crate) fn is(&self, kind: u32) -> bool {
        self.kind.load(Relaxed) == kind
    }

    /// Is the kernel told when a guest ends an interrupt? XIVE's are ended without an exit.
    pub(super) fn resamples(&self) -> bool {
        self.is(bindings::kvm_device_type_KVM_DEV_TYPE_XICS)
    }

    /// There is going to be a `KVM_DEV_TYPE_...`. `EEXIST` if there is one.
    pub(super) fn claim(&self, kind: u32) -> Result {
        let claimed = self.kind.cmpxchg(NONE, kind, Full);
        claimed.map(|_| ()).map_err(|_| EEXIST)
    }

    /// It is gone.
    pub(super) fn release(&self) {
        self.set_file(0);
        self.kind.store(NONE, Relaxed);
    }

    pub(super) fn set_file(&self, identity: usize) {
        self.file.store(identity, Relaxed);
    }

    /// Is that what its file is known by?
    pub(super) fn has_file(&self, identity: usize) -> bool {
        identity != 0 && self.file.load(Relaxed) == identity
    }
}
