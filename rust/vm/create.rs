// SPDX-License-Identifier: GPL-2.0

//! Making a VM and its vCPUs.

#[cfg(CONFIG_PPC_BOOK3S_64)]
use super::xics::{
    tables::{Connection, Xics},
    tokens::Tokens,
};
use super::{
    backend::Backend,
    invalidations::Invalidations,
    irqchip::Irqchip,
    mmu_lock::MmuLock,
    poll::{Limit, PollTime},
    published::Published,
    requests::{EntryMode, Requests},
    resample::Resamplers,
    ring::Ring,
    run_page::RunPage,
    slots_state::SlotsState,
    stats::{StatSet as _, VcpuStats, VmStats},
    vcpu::{Owned, VcpuCore},
    vm::{CountedVcpu, Vm, VmLocked},
};
use crate::host::{
    members::Members, mm, mutex::KillableMutex, notifier::Notifier, thread::LastThread,
    wait::Waiter,
};
use kernel::{
    mm::MmWithUser,
    new_mutex,
    prelude::*,
    static_lock_class,
    sync::{atomic::AtomicFlag, Arc, ArcBorrow},
};

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
            any_length: AtomicFlag::new(false),
            coalesced <- Ring::new(),
            halt_limit: Limit::new(),
            resamplers <- Resamplers::new(),
            irqchip: Irqchip::new(),
            #[cfg(all(CONFIG_PPC_BOOK3S_64, CONFIG_VFIO))]
            vfio: kernel::sync::atomic::Atomic::new(0),
            #[cfg(CONFIG_PPC_BOOK3S_64)]
            xics <- Xics::new(),
            #[cfg(CONFIG_PPC_BOOK3S_64)]
            rtas <- Tokens::new(),
            stats: VmStats::new(),
            arch_stats: B::VmStats::new(),
            lock <- new_mutex!(VmLocked { created_vcpus: 0 }, "kvm_ppc_vm_lock"),
            arch <- B::new_vm(kind),
            mmu <- MmuLock::new(B::new_mmu(&arch)?),
        })
    }

    /// Makes vCPU `id`, and a descriptor for it with `open`, which returns its number. Returns `EINVAL` for an
    /// impossible id or one vCPU too many, `EEXIST` if the vCPU exists, and the errors of the backend and of `open`. If
    /// `open` fails, the vCPU exists all the same, and the next attempt returns `EEXIST`.
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
}

impl<B: Backend> VcpuCore<B> {
    fn new(vm: &Vm<B>, id: u32, index: u32) -> impl PinInit<Self, Error> + '_ {
        try_pin_init!(Self {
            id,
            index,
            shared <- B::new_shared(vm, *id),
            requests: Requests::new(B::FIRST_REQUESTS),
            entry: EntryMode::new(),
            stats: VcpuStats::new(),
            arch_stats: B::VcpuStats::new(),
            #[cfg(CONFIG_PPC_BOOK3S_64)]
            xics: Connection::new(),
            waiter <- Waiter::new(),
            poll: PollTime::new(),
            run: RunPage::new()?,
            thread <- LastThread::new(),
            opened: AtomicFlag::new(false),
            mutex <- KillableMutex::new(
                Owned {
                    arch: B::new_vcpu(vm, *id, &shared)?,
                    sigset: None,
                },
                c"kvm_ppc_vcpu_mutex",
                static_lock_class!(),
            ),
        })
    }
}
