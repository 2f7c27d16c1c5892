// SPDX-License-Identifier: GPL-2.0

//! Resolving storage faults, by the MMU that the guest uses.

use super::{
    fault::{AtOnce, Resolution, StorageFault},
    hash, mmu,
    vcpu::HvVcpu,
    vm::Quick,
    Hv,
};
use crate::{host::trace, vm::Vcpu};
use kernel::prelude::*;

/// Resolves a fault. Returns `EFAULT` (or what looking the page up gave) if userspace has nothing usable mapped.
#[inline(never)]
pub(crate) fn handle(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault) -> Result<Resolution> {
    let (ea, gpa) = (fault.ea, fault.gpa());
    trace::page_fault_enter(vcpu.id, ea, gpa, fault.dsisr.raw(), fault.fetch);
    let ret = match vcpu.vm().arch.is_radix() {
        true => mmu::fault::resolve(vcpu, st, fault),
        false => hash::fault::resolve(vcpu, st, fault),
    };
    trace::page_fault_exit(
        vcpu.id,
        match &ret {
            Ok(Resolution::Resume) => 0,
            Ok(Resolution::Mmio(_)) => 1,
            Err(e) => e.to_errno() as isize,
        },
    );
    ret
}

/// Resolves a fault from what is present, without sleeping or waiting for a lock. If that is not possible it returns
/// `None`, and [`handle`] has to resolve the fault.
#[inline(always)]
pub(crate) fn at_once(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault) -> Option<AtOnce> {
    match vcpu.vm().arch.quick() {
        Quick::Radix => mmu::fault::at_once(vcpu, st, fault),
        Quick::Hash => hash::fault::at_once(vcpu, st, fault),
        Quick::None => None,
    }
}

/// Calls the tracepoints for a fault that [`at_once`] has resolved; `device` says whether it was an access to a device.
#[inline(always)]
pub(crate) fn trace_resolved(vcpu: &Vcpu<Hv>, fault: &StorageFault, device: bool) {
    let gpa = fault.gpa();
    trace::page_fault_enter(vcpu.id, fault.ea, gpa, fault.dsisr.raw(), fault.fetch);
    trace::page_fault_exit(vcpu.id, device.into());
}
