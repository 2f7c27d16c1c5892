// SPDX-License-Identifier: GPL-2.0

//! A virtual machine.
//!
//! It lives while any of its descriptors does: its own, its vCPUs' and those of their statistics.

use super::{
    backend::Backend,
    coalesced::Ring,
    halt::Limit,
    invalidations::Invalidations,
    io_bus::IoBus,
    memory::{self, SlotsState},
    memslot::{MemSlot, MemSlots},
    mmu_lock::{MmuGuard, MmuLock},
    published::Published,
    stats::{StatSet as _, VmStats},
    vcpu::{Vcpu, VcpuCore},
};
use crate::host::{
    members::{CountedMember, Members},
    mm,
    notifier::{Notifier, NotifierOps},
};
use core::ops::Range;
use kernel::{
    mm::{Mm, MmWithUser},
    new_mutex,
    prelude::*,
    sync::{aref::ARef, Arc, ArcBorrow, Mutex},
};

/// A VM.
#[pin_data(PinnedDrop)]
pub(crate) struct Vm<B: Backend> {
    vcpus: Members<Vm<B>, VcpuCore<B>>,
    #[pin]
    notifier: Notifier<Vm<B>>,
    /// The process that made it, whose memory is the guest's.
    pub(crate) mm: ARef<Mm>,
    /// Memory slots, for reading; the guard may be held while sleeping.
    #[pin]
    pub(crate) slots: Published<MemSlots>,
    #[pin]
    pub(super) invalidations: Invalidations,
    /// Whoever changes slots or the bus.
    #[pin]
    pub(super) slots_lock: Mutex<SlotsState>,
    #[pin]
    pub(super) bus: Published<IoBus>,
    #[pin]
    pub(super) coalesced: Ring,
    pub(super) halt_limit: Limit,
    /// Whatever the backend.
    pub(crate) stats: VmStats,
    /// The backend's.
    pub(crate) arch_stats: B::VmStats,
    /// Making vCPUs, and what must not happen meanwhile. Taken before a vCPU's mutex and before
    /// `slots_lock`.
    #[pin]
    pub(crate) lock: Mutex<VmLocked>,
    // The next two are dropped in this order: translations lead to what the backend's part owns, pages or an LPID, and
    // the hardware uses them until they are taken away.
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

impl<B: Backend> Vm<B> {
    /// A VM of the current process, of the type that `KVM_CREATE_VM` gives.
    pub(super) fn create(kind: u64) -> Result<Arc<Self>> {
        mm::with_current(|mm| {
            let vm = Arc::pin_init(Self::new(kind, mm), GFP_KERNEL_ACCOUNT)?;
            vm.notifier.register(vm.as_arc_borrow(), mm)?;
            Ok(vm)
        })
    }

    fn new(kind: u64, mm: &MmWithUser) -> impl PinInit<Self, Error> + '_ {
        try_pin_init!(Self {
            vcpus: Members::new(B::MAX_VCPU_IDS as usize)?,
            notifier <- Notifier::new(),
            mm: mm::grab(mm),
            slots <- Published::new(),
            invalidations <- Invalidations::new(),
            slots_lock <- new_mutex!(SlotsState::new(), "kvm_ppc_slots_lock"),
            bus <- Published::new(),
            coalesced <- Ring::new(),
            halt_limit: Limit::new(),
            stats: VmStats::new(),
            arch_stats: B::VmStats::new(),
            lock <- new_mutex!(VmLocked { created_vcpus: 0 }, "kvm_ppc_vm_lock"),
            arch <- B::new_vm(kind),
            mmu <- MmuLock::new(B::new_mmu(&arch)?),
        })
    }

    /// `EIO` unless the current process is the one that made it.
    #[inline]
    pub(super) fn check_owner(&self) -> Result {
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

    /// All vCPUs, by ascending id.
    pub(crate) fn vcpus(&self) -> impl Iterator<Item = &Vcpu<B>> {
        self.vcpus.iter()
    }

    /// Makes requests of all vCPUs.
    #[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
    pub(crate) fn request_all(&self, bits: u32) {
        self.vcpus().for_each(|v| v.request(bits));
    }

    /// Makes vCPU `id`, and a descriptor for it with `open`, which gives its number. `EINVAL` for an
    /// impossible id or one vCPU too many, `EEXIST` if there is one, and what the backend or `open`
    /// fails with; in the latter case the next attempt finds the vCPU made.
    pub(super) fn create_vcpu(
        this: ArcBorrow<'_, Self>,
        id: usize,
        open: impl FnOnce(CountedVcpu<B>) -> Result<isize>,
    ) -> Result<isize> {
        let mut locked = this.lock.lock();
        let id = u32::try_from(id).map_err(|_| EINVAL)?;
        if id >= B::MAX_VCPU_IDS {
            return Err(EINVAL);
        }
        match this.vcpu_by_id(id) {
            Some(vcpu) if !vcpu.opened() => (),
            _ if locked.created_vcpus >= B::MAX_VCPUS => return Err(EINVAL),
            Some(_) => return Err(EEXIST),
            None => {
                let core = VcpuCore::new(&this, id, locked.created_vcpus as u32);
                this.vcpus.insert(this, id as usize, core)?;
                locked.created_vcpus += 1;
            }
        }
        let vcpu = this.vcpus.get_counted(this.into(), id as usize);
        let fd = open(vcpu.ok_or(EINVAL)?)?;
        if let Some(vcpu) = this.vcpu_by_id(id) {
            vcpu.set_opened();
        }
        Ok(fd)
    }

    // For all parts of slots at `hvas`, with the lock held for each.
    fn for_slots_at(
        &self,
        hvas: &Range<usize>,
        mut f: impl FnMut(&mut MmuGuard<'_, B>, &MemSlot, &mut Range<u64>),
    ) {
        let slots = self.slots.read();
        for slot in slots.at_hvas(hvas) {
            let Some(gfns) = slot.gfns_of(hvas) else {
                continue;
            };
            self.mmu.in_chunks(gfns, |mmu, part| f(mmu, slot, part));
        }
    }
}

/// A vCPU with a reference to its VM.
pub(super) type CountedVcpu<B> = CountedMember<Vm<B>, VcpuCore<B>>;

impl<B: Backend> NotifierOps for Vm<B> {
    fn invalidate_start(&self, hvas: Range<usize>, _may_block: bool) {
        // Nothing here sleeps, so it makes no difference whether it may.
        self.invalidations.begin();
        let (mut asked, mut any) = (false, false);
        self.for_slots_at(&hvas, |mmu, slot, gfns| {
            if !asked {
                mmu.invalidate_begin(&hvas);
            }
            asked = true;
            any |= B::unmap_range(self, mmu, slot, gfns);
        });
        self.stats.count_flush(asked, any);
    }

    fn invalidate_end(&self, hvas: Range<usize>) {
        // If there is a slot now, there was when this began.
        if self.mmu.invalidating() && self.slots.read().at_hvas(&hvas).next().is_some() {
            self.mmu.lock().invalidate_end();
        }
        self.invalidations.end();
    }

    fn clear_young(&self, hvas: Range<usize>) -> bool {
        let mut young = false;
        self.for_slots_at(&hvas, |mmu, slot, gfns| {
            young |= B::age_range(self, mmu, slot, gfns, true);
        });
        young
    }

    fn test_young(&self, hva: usize) -> bool {
        let mut young = false;
        self.for_slots_at(&(hva..hva + 1), |mmu, slot, gfns| {
            young |= B::age_range(self, mmu, slot, gfns, false);
        });
        young
    }

    fn release(&self) {
        for slot in self.slots.read().iter() {
            memory::unmap(self, slot);
        }
    }
}

#[pinned_drop]
impl<B: Backend> PinnedDrop for Vm<B> {
    fn drop(self: Pin<&mut Self>) {
        // Takes all translations away.
        self.notifier.unregister();
        self.project().vcpus.clear();
    }
}
