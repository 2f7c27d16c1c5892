// SPDX-License-Identifier: GPL-2.0

//! Coalesced MMIO: stores that userspace need not see at once go to a ring in a page that all vCPU
//! descriptors map (api.rst, section 4.116).

use super::{backend::Backend, io_bus::BusChange, ring::Zone, vm::Vm};
use crate::bindings::kvm_coalesced_mmio_zone;
use kernel::prelude::*;

/// `KVM_REGISTER_COALESCED_MMIO`.
pub(super) fn register<B: Backend>(vm: &Vm<B>, zone: &kvm_coalesced_mmio_zone) -> Result {
    let zone = Zone::new(zone)?;
    let _lock = vm.slots_lock.lock();
    let mut bus = vm.bus.change()?;
    bus.set().check_room()?;
    let old = &bus.set().zones;
    let (one, other) = (
        with(old, Some(zone), |_| true)?,
        with(old, Some(zone), |_| true)?,
    );
    bus.publish(BusChange::Zones(one), BusChange::Zones(other), || ());
    Ok(())
}

/// `KVM_UNREGISTER_COALESCED_MMIO`: removes all zones that contain this one. It is no error if there are none.
pub(super) fn unregister<B: Backend>(vm: &Vm<B>, zone: &kvm_coalesced_mmio_zone) -> Result {
    let gone = Zone::new(zone)?;
    let _lock = vm.slots_lock.lock();
    let mut bus = vm.bus.change()?;
    let stays = |z: &Zone| z.pio != gone.pio || !z.contains(gone.addr, gone.size.into());
    let old = &bus.set().zones;
    let (one, other) = (with(old, None, stays)?, with(old, None, stays)?);
    bus.publish(BusChange::Zones(one), BusChange::Zones(other), || ());
    // When this returns, no more stores are put into the ring for these zones.
    bus.wait();
    Ok(())
}

// A list of those `zones` for which `stays` is true, and `new`.
fn with(zones: &[Zone], new: Option<Zone>, stays: impl Fn(&Zone) -> bool) -> Result<KVec<Zone>> {
    let mut to = KVec::with_capacity(zones.len() + 1, GFP_KERNEL_ACCOUNT)?;
    for zone in zones.iter().copied().filter(stays) {
        to.push(zone, GFP_KERNEL_ACCOUNT)?;
    }
    if let Some(new) = new {
        to.push(new, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(to)
}
