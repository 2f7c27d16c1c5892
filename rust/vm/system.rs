// SPDX-License-Identifier: GPL-2.0

//! /dev/kvm itself.

use super::{backend::Backend, caps, debugfs::Root, ioctl, vm_fd::VmFd};
use crate::{
    bindings::KVM_API_VERSION,
    host::misc::{KvmDevice, System},
};
use kernel::{device, page::PAGE_SIZE, prelude::*, sync::Arc};

/// /dev/kvm, which makes VMs of one backend.
pub(crate) struct Device<B: Backend> {
    debugfs: Arc<Root<B>>,
}

impl<B: Backend> Device<B> {
    /// Registers /dev/kvm. `EBUSY` if kvm.ko already serves it.
    pub(crate) fn register() -> Result<Arc<KvmDevice<Self>>> {
        let debugfs = Root::new()?;
        let device = KvmDevice::register(Self {
            debugfs: debugfs.clone(),
        });
        let device = Arc::pin_init(device, GFP_KERNEL)?; // the module's
        debugfs.show();
        Ok(device)
    }
}

impl<B: Backend> System for Device<B> {
    fn ioctl(&self, device: &device::Device, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            ioctl::GET_API_VERSION if arg == 0 => Ok(KVM_API_VERSION as isize),
            ioctl::CREATE_VM => VmFd::<B>::create(&self.debugfs, device, arg as u64),
            ioctl::CHECK_EXTENSION => Ok(caps::check::<B>(None, arg) as isize),
            // The run page and the ring of coalesced MMIO.
            ioctl::GET_VCPU_MMAP_SIZE if arg == 0 => Ok(2 * PAGE_SIZE as isize),
            _ => Err(EINVAL),
        }
    }
}
