// SPDX-License-Identifier: GPL-2.0

//! The backend, and a VM of it.

use crate::{
    host::{features::Features, hash, page::SharedPage, preempt::Enabled},
    isa::{msr::Msr, pvr::Bare},
    vm::{
        papr::{EnabledHcalls, Handled},
        smt::Smt,
        tce::Tables,
    },
};
use kernel::{
    new_mutex, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex, SpinLock,
    },
};

/// The backend.
pub(crate) struct Pr;

impl Pr {
    /// Can guests run on this host? If not, what is missing.
    pub(crate) fn available() -> Result<(), &'static str> {
        if Features::read().radix() {
            Err("the host does not use the hash MMU")
        } else if !hash::supported() {
            Err("the processor is older than POWER8")
        } else {
            Ok(())
        }
    }
}

/// Bits of [`Vcpu::requests`](crate::vm::requests).
pub(super) mod request {
    /// Shadow segments are stale.
    pub(crate) const SEGMENTS: u32 = 1;
}

/// `KVM_CREATE_VM`'s type for this backend.
const KVM_VM_PPC_PR: u64 = 2;

/// A VM's state that any of its vCPUs may look at.
#[pin_data]
pub(crate) struct PrVm {
    _relocation: hash::RelocationOff,
    /// What the host can do.
    pub(crate) features: Features,
    /// What its MMU can do.
    pub(crate) mmu: hash::Capabilities,
    /// Has the scheduler report when the vCPUs' threads get a CPU and lose it.
    pub(crate) scheduler: Enabled,
    /// Threads of an emulated core.
    pub(crate) smt: Smt,
    /// Hcalls that are handled here.
    pub(crate) hcalls: EnabledHcalls,
    /// Machine checks go to userspace, which tells the guest (`KVM_CAP_PPC_FWNMI`).
    pub(crate) fwnmi: Atomic<bool>,
    /// No vCPU executes `dcbz`, since for one of them it has to clear less than this processor does. Set with `hpt`
    /// held.
    pub(crate) dcbz_traps: Atomic<bool>,
    /// TCE tables.
    pub(crate) tce: Arc<Tables>,
    /// Pages that vCPUs share with their guest: they live until nothing is shadowed any more.
    #[pin]
    pub(crate) magic_pages: Mutex<KVec<Arc<SharedPage>>>,
    /// Held while the guest's page table is changed, and from reading an entry until its translation is shadowed, so
    /// that no entry is shadowed after it was removed. Taken before `Vm::slots` and `Vm::mmu`.
    #[pin]
    pub(crate) hpt: SpinLock<()>,
}

impl PrVm {
    /// May shadow pages be of 64 KB?
    #[inline]
    pub(crate) fn large_pages(&self) -> bool {
        self.mmu.large && !self.dcbz_traps.load(Relaxed)
    }

    /// What the MSR of a guest's processor can have; `bare` as [`PrVcpu::bare`](super::vcpu::PrVcpu::bare).
    pub(crate) fn msr_allowed(&self, bare: Option<Bare>) -> Msr {
        match bare {
            Some(Bare::Book3s32) => Msr::BOOK3S32,
            None if self.features.htm() => Msr::from_raw(u64::MAX),
            _ => Msr::from_raw(u64::MAX).without(Msr::TM | Msr::TS),
        }
    }

    /// A new one. `EINVAL` if `kind`, what `KVM_CREATE_VM` gives, is another backend's. The module handles
    /// `hcalls`.
    pub(crate) fn new(kind: u64, hcalls: &'static Handled) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _: {
                if !matches!(kind, 0 | KVM_VM_PPC_PR) {
                    return Err(EINVAL);
                }
            },
            _relocation: hash::RelocationOff::new(),
            features: Features::read(),
            mmu: hash::Capabilities::read(),
            scheduler: Enabled::new(),
            smt: Smt::new(),
            hcalls: EnabledHcalls::new(hcalls),
            fwnmi: Atomic::new(false),
            dcbz_traps: Atomic::new(false),
            tce: Tables::new()?,
            magic_pages <- new_mutex!(KVec::new(), "kvm_ppc_magic_lock"),
            hpt <- new_spinlock!((), "kvm_ppc_hpt_lock"),
        })
    }
}
