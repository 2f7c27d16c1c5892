// SPDX-License-Identifier: GPL-2.0

//! The hv backend, and a VM of it.

use super::{hash::table::Hpt, xive::state::Xive};
use crate::{
    host::{
        features::{Features, HostRegisters},
        lpid::Lpid,
        nested::{self, Session},
        once,
        preempt::Enabled,
        switch_vm::SwitchVm,
    },
    isa::{lpcr::Lpcr, rpte::Patb1},
    vm::{
        papr::{EnabledHcalls, Handled},
        smt::Smt,
        tce::Tables,
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering::Full, ordering::Relaxed, Atomic},
        Arc, Mutex,
    },
};

/// The backend.
pub(crate) struct Hv;

impl Hv {
    /// Checks whether guests can run on this host. The error says what is missing.
    pub(crate) fn available() -> Result<(), &'static str> {
        let f = Features::read();
        let partition = nested::offered(f);
        if !f.hvmode() && !partition {
            Err("the kernel is no hypervisor, and none below runs guests for it")
        } else if !f.arch_300() {
            Err("the processor is older than POWER9")
        } else if !f.radix() {
            Err("the host does not use the radix MMU")
        } else if !f.tlbie() && !partition {
            Err("the platform does not let the kernel use tlbie")
        } else {
            Ok(())
        }
    }

    /// Makes arrangements with the hypervisor below, if there is one; what is returned has to live as long as there
    /// may be VMs. Until this has returned, VMs cannot be made in a partition. The error says why guests cannot run.
    pub(crate) fn begin() -> Result<Option<Session>, &'static str> {
        if Features::read().hvmode() {
            return Ok(None);
        }
        Session::begin().map(Some)
    }
}

/// Bits of [`Vcpu::requests`](crate::vm::requests).
pub(super) mod request {
    /// The VM may have to be prepared.
    pub(crate) const PREPARE: u32 = 1;
}

/// What goes on with a VM's MMU.
#[derive(Default)]
pub(crate) struct Setup {
    /// A table of another size, which the guest has asked for and has not begun to use.
    pub(super) resized: Option<KBox<Hpt>>,
}

/// A VM's state that any of its vCPUs may look at.
pub(crate) struct HvVm {
    /// What the host can do.
    pub(crate) features: Features,
    /// The host's hypervisor registers.
    pub(crate) host: HostRegisters,
    /// The partition's id.
    pub(crate) lpid: Arc<Lpid>,
    /// The host's switch's view of the VM.
    pub(crate) switch: Arc<SwitchVm>,
    /// LPCR bits that are the same for all vCPUs.
    lpcr: Atomic<u64>,
    /// Second doubleword of the partition table entry, GR included: where the guest's process table is.
    process_table: Atomic<u64>,
    /// Threads of an emulated core.
    pub(crate) smt: Smt,
    /// Keeps the scheduler's notifications about vCPU threads enabled.
    pub(crate) scheduler: Enabled,
    /// Hcalls that are handled here.
    pub(crate) hcalls: EnabledHcalls,
    /// TCE tables.
    pub(crate) tce: Arc<Tables>,
    /// Its interrupt controller, if that is the host's.
    pub(crate) xive: Arc<Xive>,
    fwnmi: Atomic<bool>,
    dawr1: Atomic<bool>,
    /// Held while the guest's MMU changes, and while a vCPU prepares the VM. Taken after a vCPU's mutex.
    pub(crate) mmu_setup: Pin<KBox<Mutex<Setup>>>,
    /// Whether vCPUs can run without `prepare`.
    ready: Atomic<u32>,
    /// Which storage faults may be resolved with interrupts hard-disabled.
    quick: Atomic<u32>,
}

/// Which storage faults may be resolved with interrupts hard-disabled.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Quick {
    /// None: on processors with the prefetch fault the interrupt may not be the guest's.
    None,
    /// Those of a guest that uses radix.
    Radix,
    /// Those of a guest that uses hash.
    Hash,
}

impl Quick {
    const fn of(radix: bool, features: Features) -> Self {
        match radix {
            _ if features.prefetch_bug() => Self::None,
            true => Self::Radix,
            false => Self::Hash,
        }
    }
}

impl HvVm {
    /// A VM with an LPID of its own, whose hypercalls `hcalls` are handled by the module. Returns `ENOMEM` if no LPID
    /// is free, `ENODEV` where guests cannot run (yet); a hypervisor below may answer `EPERM`, `EBUSY` or `EINVAL`,
    /// too.
    pub(crate) fn new(hcalls: &'static Handled) -> Result<Self> {
        let features = Features::read();
        let host = HostRegisters::read(features).ok_or(ENODEV)?;
        let lpid = Arc::new(Lpid::alloc()?, GFP_KERNEL_ACCOUNT)?;
        let switch = Arc::new(
            SwitchVm::new(lpid.clone(), &host, features)?,
            GFP_KERNEL_ACCOUNT,
        )?;
        Ok(Self {
            features,
            host,
            switch,
            lpcr: Atomic::new(guest_lpcr(&host, features).raw()),
            process_table: Atomic::new(Patb1::GR.raw()),
            smt: Smt::new(),
            scheduler: Enabled::new(),
            hcalls: EnabledHcalls::new(hcalls),
            tce: Tables::new()?,
            xive: Arc::pin_init(Xive::new(), GFP_KERNEL_ACCOUNT)?,
            fwnmi: Atomic::new(false),
            dawr1: Atomic::new(false),
            mmu_setup: KBox::pin_init(
                new_mutex!(Setup::default(), "kvm_ppc_mmu_setup"),
                GFP_KERNEL_ACCOUNT,
            )?,
            ready: Atomic::new(1),
            quick: Atomic::new(Quick::of(true, features) as u32),
            lpid,
        })
    }

    /// LPCR bits that are the same for all vCPUs.
    #[inline]
    pub(crate) fn lpcr(&self) -> Lpcr {
        Lpcr::from_raw(once::read_u64(&self.lpcr))
    }

    /// Where the guest's process table is.
    #[inline]
    pub(crate) fn process_table(&self) -> Patb1 {
        Patb1::from_raw(once::read_u64(&self.process_table))
    }

    /// Does the guest use radix, and not hash?
    #[inline]
    pub(crate) fn is_radix(&self) -> bool {
        self.lpcr().contains(Lpcr::HR)
    }

    /// Sets which MMU the guest uses from now on. No vCPU may be running.
    pub(crate) fn set_mmu(&self, radix: bool) {
        const RADIX: Lpcr = Lpcr::HR.with(Lpcr::UPRT);
        // With HAIL an interrupt to the hypervisor would leave relocation on, in the mode of the guest's MMU.
        let lpcr = match radix {
            true => self
                .lpcr()
                .with(RADIX)
                .without(Lpcr::VPM1)
                .set(Lpcr::HAIL, self.features.hail()),
            false => self
                .lpcr()
                .without(RADIX.with(Lpcr::GTSE | Lpcr::HAIL))
                .with(Lpcr::VPM1),
        };
        self.lpcr.store(lpcr.raw(), Relaxed);
        self.quick
            .store(Quick::of(radix, self.features) as u32, Relaxed);
        self.switch.set_radix(radix, self.features);
    }

    /// Which storage faults may be resolved with interrupts hard-disabled.
    #[inline]
    pub(crate) fn quick(&self) -> Quick {
        const RADIX: u32 = Quick::Radix as u32;
        const HASH: u32 = Quick::Hash as u32;
        match once::read_u32(&self.quick) {
            RADIX => Quick::Radix,
            HASH => Quick::Hash,
            _ => Quick::None,
        }
    }

    /// Can vCPUs run?
    #[inline]
    pub(crate) fn ready(&self) -> bool {
        once::read_u32(&self.ready) != 0
    }

    /// Says whether vCPUs can run, and returns what was said before. A full barrier.
    pub(crate) fn set_ready(&self, ready: bool) -> bool {
        self.ready.xchg(ready.into(), Full) != 0
    }

    /// Sets the process table, and whether the guest may use `tlbie`, for `KVM_PPC_CONFIGURE_V3_MMU`, which has checked
    /// them.
    pub(crate) fn set_process_table(&self, table: Patb1, gtse: bool) {
        self.process_table.store(table.raw(), Relaxed);
        let lpcr = self.lpcr().set(Lpcr::GTSE, gtse);
        self.lpcr.store(lpcr.raw(), Relaxed);
    }

    /// Does the guest handle machine checks itself?
    pub(crate) fn fwnmi(&self) -> bool {
        self.fwnmi.load(Relaxed)
    }

    /// Makes the guest handle machine checks itself from now on.
    pub(crate) fn set_fwnmi(&self) {
        self.fwnmi.store(true, Relaxed);
        self.switch.set_fwnmi();
    }

    /// May the guest use DAWR1?
    pub(crate) fn dawr1(&self) -> bool {
        self.dawr1.load(Relaxed)
    }

    /// Lets the guest use DAWR1 from now on. Returns `ENODEV` if the host has none.
    pub(crate) fn set_dawr1(&self) -> Result {
        if !self.features.dawr1() {
            return Err(ENODEV);
        }
        self.dawr1.store(true, Relaxed);
        Ok(())
    }
}

/// The LPCR of a new guest.
fn guest_lpcr(host: &HostRegisters, features: Features) -> Lpcr {
    // PECE (what wakes a thread from power saving) and LPES (who gets external interrupts) are as in the host.
    let lpcr = Lpcr::from_raw(host.lpcr)
        .masked(Lpcr::PECE | Lpcr::LPES)
        .with(Lpcr::HDICE | Lpcr::ONL | Lpcr::HVICE | Lpcr::HEIC)
        .with(Lpcr::UPRT | Lpcr::GTSE | Lpcr::HR);
    // On a XIVE host, the host's own interrupts are hypervisor virtualization interrupts, so external interrupts can go
    // to the guest directly. In a partition the hypervisor decides that.
    lpcr.set(Lpcr::LPES0, features.xive() && features.hvmode())
        .set(Lpcr::HAIL, features.hail())
}
