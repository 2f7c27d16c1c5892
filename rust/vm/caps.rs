// SPDX-License-Identifier: GPL-2.0

//! `KVM_CHECK_EXTENSION` and `KVM_ENABLE_CAP` of the VM.

use super::{backend::Backend, memslot::NR_MEMSLOTS, vm::Vm};
use crate::bindings::{self, kvm_enable_cap};
use kernel::prelude::*;

const MANUAL_PROTECT: u32 = bindings::KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
const INITIALLY_SET: u32 = bindings::KVM_DIRTY_LOG_INITIALLY_SET;

/// The value of the capability `cap`; 0 if it does not exist. Without a VM, the ioctl is one of /dev/kvm.
pub(super) fn check<B: Backend>(vm: Option<&Vm<B>>, cap: usize) -> i32 {
    let Ok(cap) = u32::try_from(cap) else {
        return 0;
    };
    B::check_extension(vm, cap).unwrap_or_else(|| core_extension::<B>(cap))
}

fn core_extension<B: Backend>(cap: u32) -> i32 {
    match cap {
        bindings::KVM_CAP_USER_MEMORY
        | bindings::KVM_CAP_USER_MEMORY2
        | bindings::KVM_CAP_SYNC_MMU
        | bindings::KVM_CAP_DESTROY_MEMORY_REGION_WORKS
        | bindings::KVM_CAP_JOIN_MEMORY_REGIONS_WORKS
        | bindings::KVM_CAP_READONLY_MEM
        | bindings::KVM_CAP_INTERNAL_ERROR_DATA
        | bindings::KVM_CAP_SYSTEM_EVENT_DATA
        | bindings::KVM_CAP_IOEVENTFD
        | bindings::KVM_CAP_IOEVENTFD_ANY_LENGTH
        | bindings::KVM_CAP_COALESCED_PIO
        | bindings::KVM_CAP_CHECK_EXTENSION_VM
        | bindings::KVM_CAP_ENABLE_CAP
        | bindings::KVM_CAP_ENABLE_CAP_VM
        | bindings::KVM_CAP_ONE_REG
        | bindings::KVM_CAP_IMMEDIATE_EXIT
        | bindings::KVM_CAP_HALT_POLL
        | bindings::KVM_CAP_BINARY_STATS_FD
        | bindings::KVM_CAP_DEVICE_CTRL => 1,
        bindings::KVM_CAP_COALESCED_MMIO => bindings::KVM_COALESCED_MMIO_PAGE_OFFSET as i32,
        bindings::KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 => (MANUAL_PROTECT | INITIALLY_SET) as i32,
        bindings::KVM_CAP_NR_MEMSLOTS => NR_MEMSLOTS.into(),
        bindings::KVM_CAP_NR_VCPUS => (B::recommended_vcpus() as usize).min(B::MAX_VCPUS) as i32,
        bindings::KVM_CAP_MAX_VCPUS => B::MAX_VCPUS as i32,
        bindings::KVM_CAP_MAX_VCPU_ID => B::MAX_VCPU_IDS as i32,
        _ => 0,
    }
}

/// `KVM_ENABLE_CAP` on the VM. `EINVAL` for flags and for what cannot be enabled.
pub(super) fn enable<B: Backend>(vm: &Vm<B>, cap: &kvm_enable_cap) -> Result {
    if cap.flags != 0 {
        return Err(EINVAL);
    }
    let [arg, ..] = cap.args;
    match cap.cap {
        bindings::KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 => {
            let options = u32::try_from(arg)?;
            let manual = options & MANUAL_PROTECT != 0;
            let known = match manual {
                true => MANUAL_PROTECT | INITIALLY_SET,
                false => MANUAL_PROTECT,
            };
            if options & !known != 0 {
                return Err(EINVAL);
            }
            let mut slots = vm.slots_lock.lock();
            slots.manual_protect = manual;
            slots.initially_set = options & INITIALLY_SET != 0;
            Ok(())
        }
        bindings::KVM_CAP_HALT_POLL => {
            vm.halt_limit.set(u32::try_from(arg)?);
            Ok(())
        }
        other => B::enable_vm_cap(vm, other, &cap.args),
    }
}
