// SPDX-License-Identifier: GPL-2.0

//! A virtual machine, and a vCPU as one that knows its VM.
//!
//! It lives while any of its descriptors does: its own, its vCPUs' and those of their statistics.

use super::{
    invalidations::Invalidations, io_bus::IoBus, irqchip::Irqchip, memslot::MemSlots,
    mmu_lock::MmuLock, poll::Limit, published::Published, resample::Resamplers, ring::Ring,
    slots_state::SlotsState, state::BackendState, stats::VmStats, vcpu::VcpuCore,
};
use crate::host::{
    members::{CountedMember, Member, Members},
    mm,
    notifier::Notifier,
};
use kernel::{
    mm::Mm,
    prelude::*,
    sync::{aref::ARef, atomic::AtomicFlag, Mutex},
};

/// A VM.
#[pin_data(PinnedDrop)]
pub(crate) struct Vm<B: BackendState> {
    pub(super) vcpus: Members<Vm<B>, VcpuCore<B>>,
    #[pin]
    pub(super) notifier: Notifier<Vm<B>>,
    /// The memory of the process that made the VM; the guest's memory is part of it.
    pub(crate) mm: ARef<Mm>,
    /// Memory slots, for reading; the guard may be held while sleeping.
    #[pin]
    pub(crate) slots: Published<MemSlots>,
    #[pin]
    pub(super) invalidations: Invalidations,
    /// Held while slots or the bus are changed.
    #[pin]
    pub(super) slots_lock: Mutex<SlotsState>,
    #[pin]
    pub(super) bus: Published<IoBus>,
    /// Set once the bus has had an eventfd that takes stores of any length.
    pub(super) any_length: AtomicFlag,
    #[pin]
    pub(super) coalesced: Ring,
    pub(super) halt_limit: Limit,
    #[pin]
    pub(super) resamplers: Resamplers,
    /// Which device is its interrupt controller.
    pub(crate) irqchip: Irqchip,
    #[cfg(all(CONFIG_PPC_BOOK3S_64, CONFIG_VFIO))]
    /// Is there a [`vfio`](super::vfio) device? 0 or 1.
    pub(super) vfio: kernel::sync::atomic::Atomic<u32>,
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    #[pin]
    pub(super) xics: super::xics::tables::Xics,
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    #[pin]
    pub(crate) rtas: super::xics::tokens::Tokens,
    /// The statistics that all backends have.
    pub(crate) stats: VmStats,
    /// The backend's own statistics.
    pub(crate) arch_stats: B::VmStats,
    /// Held while a vCPU is made, and while anything is done that must not happen meanwhile. Taken before a
    /// vCPU's mutex and before `slots_lock`.
    #[pin]
    pub(crate) lock: Mutex<VmLocked>,
    // The next two are dropped in this order: translations use what the backend's part owns, such as pages or an LPID,
    // and the hardware may use them until they are removed.
    /// The backend's translation tables.
    #[pin]
    pub(crate) mmu: MmuLock<B>,
    /// The backend's part.
    #[pin]
    pub(crate) arch: B::Vm,
}

/// What [`Vm::lock`] protects.
pub(crate) struct VmLocked {
    /// vCPUs that are made or being made.
    pub(crate) created_vcpus: usize,
}

impl<B: BackendState> Vm<B> {
    /// `EIO` unless the current process is the one that made it.
    #[inline]
    pub(crate) fn check_owner(&self) -> Result {
        if mm::is_current(&self.mm) {
            Ok(())
        } else {
            Err(EIO)
        }
    }

    /// The vCPU that userspace gave this id.
    #[inline]
    pub(crate) fn vcpu_by_id(&self, id: u32) -> Option<&Vcpu<B>> {
        self.vcpus.get(id as usize)
    }

    /// The vCPU that userspace gave this id, and a reference to the VM.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn counted(this: &kernel::sync::Arc<Self>, id: u32) -> Option<CountedVcpu<B>>
    where
        VcpuCore<B>: Send + Sync,
    {
        this.vcpus.get_counted(this.clone(), id as usize)
    }

    /// All vCPUs, by ascending id.
    pub(crate) fn vcpus(&self) -> impl Iterator<Item = &Vcpu<B>> {
        self.vcpus.iter()
    }
}

/// A vCPU of a VM: a [`VcpuCore`] that knows its VM. It lives as long as the VM.
pub(crate) type Vcpu<B> = Member<Vm<B>, VcpuCore<B>>;

impl<B: BackendState> Vcpu<B> {
    /// Its VM.
    #[inline]
    pub(crate) fn vm(&self) -> &Vm<B> {
        self.owner()
    }
}

/// A vCPU with a reference to its VM.
pub(crate) type CountedVcpu<B> = CountedMember<Vm<B>, VcpuCore<B>>;

#[pinned_drop]
impl<B: BackendState> PinnedDrop for Vm<B> {
    fn drop(self: Pin<&mut Self>) {
        // This calls `release`, which removes all translations, unless that was called before.
        self.notifier.unregister();
        self.project().vcpus.clear();
    }
}
