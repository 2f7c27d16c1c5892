// SPDX-License-Identifier: GPL-2.0

//! The descriptors that `KVM_GET_STATS_FD` gives.

use super::{backend::Backend, name::Name, stats, vcpu_fd::VcpuFd, vm_fd::VmFd};
use crate::host::file::{Descriptor, NewFd};
use kernel::{prelude::*, sync::Arc, uaccess::UserSliceWriter};

/// The statistics of a VM or a vCPU. It keeps the VM.
pub(super) enum StatsFd<B: Backend> {
    Vm(Arc<VmFd<B>>),
    Vcpu(Arc<VcpuFd<B>>),
}

impl<B: Backend> StatsFd<B> {
    fn open(self, name: &CStr) -> Result<isize> {
        NewFd::reserve()?.open(name, Arc::new(self, GFP_KERNEL_ACCOUNT)?)
    }

    pub(super) fn open_vm(vm: Arc<VmFd<B>>) -> Result<isize> {
        Self::Vm(vm).open(c"kvm-vm-stats")
    }

    pub(super) fn open_vcpu(vcpu: Arc<VcpuFd<B>>) -> Result<isize> {
        let name = Name::new(fmt!("kvm-vcpu-stats:{}", vcpu.vcpu.id));
        Self::Vcpu(vcpu).open(name.as_cstr())
    }
}

impl<B: Backend> Descriptor for StatsFd<B> {
    const READ: bool = true;

    fn read(&self, offset: &mut i64, to: &mut UserSliceWriter) -> Result<usize> {
        let file = match self {
            Self::Vm(fd) => {
                let id = fd.stats_id.as_cstr().to_bytes();
                stats::file(id, &fd.vm.stats, &fd.vm.arch_stats)?
            }
            Self::Vcpu(fd) => {
                let id = fd.stats_id.as_cstr().to_bytes();
                stats::file(id, &fd.vcpu.stats, &fd.vcpu.arch_stats)?
            }
        };
        to.write_slice_file(&file, offset)
    }
}
