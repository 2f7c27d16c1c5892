// SPDX-License-Identifier: GPL-2.0

//! Running guests in a partition, which a hypervisor below does on request.
//!
//! There are two interfaces. In the first (v1, POWER9 and later under KVM) the kernel keeps a partition table for the
//! hypervisor, and hands over all of a vCPU's hypervisor registers at each entry. In the second (v2, POWER10 and later
//! under PowerVM and KVM) the hypervisor keeps guests and vCPUs, and the kernel tells it what changes. Source: Linux,
//! Documentation/arch/powerpc/kvm-nested.rst; PAPR.

pub(crate) mod api;
pub(super) mod characteristics;
mod emulated;
mod entry;
mod flush;
mod hcall;
pub(crate) mod report;
mod v1;
mod v2;

pub(super) use self::flush::{exit_guests, flush};
pub(crate) use self::{api::LPID_BITS, entry::Entry, flush::Flush, v2::Guest};

use self::{api::Api, v1::PartitionTable};
use super::{features::Features, time::timebase};
use crate::{
    bindings,
    isa::{
        gsb::Id,
        hcall::HReturn,
        hcall_args::GuestCapabilities,
        rpte::{Patb0, Patb1},
        trap::Trap,
    },
};
use kernel::prelude::*;

/// Does a hypervisor below run guests for the kernel? It is asked without any effect.
pub(crate) fn offered(features: Features) -> bool {
    // SAFETY: Reads the firmware's features, which do not change.
    let partition = !features.hvmode() && unsafe { bindings::kvm_ppc_is_partition() };
    partition && (v2::offered() || v1::offered())
}

/// May guests have interrupts with translation on (AIL mode 3)? If the partition may not, neither may they.
pub(crate) fn ail_mode_3() -> bool {
    // SAFETY: Reads a flag.
    unsafe { bindings::kvm_ppc_has_ail_mode_3() }
}

/// What the hypervisor below was told about guests to come. It must outlive them all.
pub(crate) struct Session {
    // Of the first interface.
    _table: Option<PartitionTable>,
}

impl Session {
    /// Tells the hypervisor that there will be guests. At most one session may exist at a time. The error says why
    /// there is none.
    pub(crate) fn begin() -> Result<Self, &'static str> {
        emulated::find_out();
        // The processor's level, and those before.
        let features = Features::read();
        let levels = GuestCapabilities::EMPTY
            .set(GuestCapabilities::POWER9, features.arch_300())
            .set(GuestCapabilities::POWER10, features.arch_31())
            .set(GuestCapabilities::POWER11, features.power11());
        let (in_use, levels, _table) = match v2::negotiate(levels) {
            Some(agreed) => (Api::V2, agreed?, None),
            None => (Api::V1, levels, Some(PartitionTable::register()?)),
        };
        Api::set_levels(levels);
        Api::set_in_use(Some(in_use));
        pr_info!(
            "guests are run by the hypervisor, by version {} of its interface\n",
            in_use as u32
        );
        Ok(Self { _table })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        Api::set_in_use(None);
    }
}

/// A new guest, if the hypervisor keeps them. May sleep. Errors: `ENOMEM`, `EPERM`, `EBUSY` and `EINVAL`, as it
/// answers.
pub(super) fn new_guest(api: Api) -> Option<Result<Pin<KBox<Guest>>>> {
    (api == Api::V2).then(Guest::new)
}

/// What a vCPU needs to have for either interface. All zeroes is a value of it.
pub(super) struct Vcpu {
    v1: v1::Registers,
    /// Its number among the guest's vCPUs, by which the first interface knows it.
    token: u32,
    v2: Option<KBox<v2::Vcpu>>,
}

impl Vcpu {
    /// Makes the hypervisor's part of the guest's `number`th vCPU, if it has one. May sleep. Errors: as of
    /// [`new_guest`], and `EIO`.
    pub(super) fn make(&mut self, guest: Option<&Guest>, number: u32) -> Result {
        self.token = number;
        if let Some(guest) = guest {
            self.v2 = Some(guest.new_vcpu()?);
        }
        Ok(())
    }

    /// The element that the hypervisor has refused, if that is why it has not entered the guest.
    pub(super) fn take_refused(&mut self) -> Option<Id> {
        self.v2.as_mut()?.take_refused()
    }

    /// Tells a hypervisor that switches the performance monitor whether the guest uses it.
    #[inline(always)]
    pub(super) fn set_pmu_in_use(&mut self, in_use: bool) {
        if let Some(v2) = &mut self.v2 {
            v2.set_pmu_in_use(in_use);
        }
    }

    /// Does the hypervisor keep the registers?
    #[inline(always)]
    pub(super) fn keeps_registers(&self) -> bool {
        self.v2.is_some()
    }

    /// Has some register to be asked for before all can be used?
    #[inline(always)]
    pub(super) fn lacks_some(&self) -> bool {
        self.v2.as_ref().is_some_and(|v2| !v2.complete())
    }

    /// Has this register to be asked for before it can be used?
    #[inline(always)]
    pub(super) fn lacks(&self, id: Id) -> bool {
        self.v2.as_ref().is_some_and(|v2| !v2.knows(id))
    }

    /// The register is about to be set as a whole.
    #[inline(always)]
    pub(super) fn replaced(&mut self, id: Id) {
        if let Some(v2) = &mut self.v2 {
            v2.replaced(id);
        }
    }

    /// Asks for what is lacking of `ids`, or of all registers if those are none.
    #[cold]
    #[inline(never)]
    pub(super) fn load(
        &mut self,
        arch: &mut bindings::kvm_vcpu_arch,
        vcore: &mut bindings::kvmppc_vcore,
        ids: &[Id],
    ) {
        let Some(v2) = &mut self.v2 else {
            return;
        };
        let mut registers = v2::Registers { arch, vcore };
        match ids {
            [] => v2.load_all(&mut registers),
            ids => v2.load_some(&mut registers, ids),
        }
    }
}

/// Enters the guest. Returns the interrupt that ended its run; `None` if it has to be entered again. The error is what
/// the hypervisor answers that refuses to.
///
/// # Safety
///
/// As for `WorldSwitch::world_switch`. The pointers are valid and not used elsewhere meanwhile, and what they lead to
/// lies in the linear map; `vcpu` has a pointer to `vcore`.
// Not part of bare metal's path.
#[inline(never)]
pub(super) unsafe fn enter(
    api: Api,
    entry: &Entry,
    nested: *mut Vcpu,
) -> Result<Option<Trap>, HReturn> {
    // SAFETY: Reads a flag of this CPU's.
    if unsafe { bindings::kvm_ppc_irq_is_pending() } {
        return Ok(None);
    }
    let now = timebase();
    let limit = emulated::time_limit(entry.time_limit, now);
    // SAFETY: The caller's promises.
    unsafe {
        match (api, &mut (*nested).v2) {
            (Api::V1, _) => {
                let token = (*nested).token;
                v1::enter(entry, token, now, limit, &mut (*nested).v1)
            }
            (Api::V2, None) => Err(HReturn::H_STATE),
            (Api::V2, Some(vcpu)) => {
                let mut registers = v2::Registers {
                    arch: &mut (*entry.vcpu).arch,
                    vcore: &mut *entry.vcore,
                };
                vcpu.enter(&mut registers, limit, entry.lpcr)
            }
        }
    }
}

/// Writes the partition table entry of a guest by the first interface, and flushes every translation cached for it.
/// Returns false if the hypervisor does not do that.
///
/// # Safety
///
/// As `Lpid::set_partition`; that interface is in use.
#[must_use]
pub(super) unsafe fn set_partition(guest: u64, patb0: Patb0, patb1: Patb1) -> bool {
    // SAFETY: The caller's promise.
    unsafe { v1::set_entry(guest, patb0, patb1) };
    flush(Api::V1, guest, Flush::All)
}
