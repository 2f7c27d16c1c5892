// SPDX-License-Identifier: GPL-2.0

//! The descriptors that `KVM_GET_STATS_FD` gives.

use super::{backend::Backend, stats, vcpu_fd::VcpuFd, vm_fd::VmFd};
use crate::host::file::{Descriptor, NewFd};
use kernel::{prelude::*, str::CString, sync::Arc, uaccess::UserSliceWriter};

/// The statistics of a VM or a vCPU. It keeps the VM.
pub(super) enum StatsFd<B: Backend> {
    Vm(Arc<VmFd<B>>, CString),
    Vcpu(Arc<VcpuFd<B>>, CString),
}

impl<B: Backend> StatsFd<B> {
    fn open(self, name: &CStr) -> Result<isize> {
        NewFd::reserve()?.open(name, Arc::new(self, GFP_KERNEL_ACCOUNT)?)
    }

    pub(super) fn open_vm(vm: Arc<VmFd<B>>) -> Result<isize> {
        let id = CString::try_from_fmt(fmt!("kvm-{}", current!().pid()))?;
        Self::Vm(vm, id).open(c"kvm-vm-stats")
    }

    pub(super) fn open_vcpu(vcpu: Arc<VcpuFd<B>>) -> Result<isize> {
        let nr = vcpu.vcpu.id;
        let id = CString::try_from_fmt(fmt!("kvm-{}/vcpu-{}", current!().pid(), nr))?;
        let name = CString::try_from_fmt(fmt!("kvm-vcpu-stats:{nr}"))?;
        Self::Vcpu(vcpu, id).open(&name)
    }
}

impl<B: Backend> Descriptor for StatsFd<B> {
    const READ: bool = true;

    fn read(&self, offset: &mut i64, to: &mut UserSliceWriter) -> Result<usize> {
        let file = match self {
            Self::Vm(fd, id) => stats::file(id.to_bytes(), &fd.vm.stats, &fd.vm.arch_stats)?,
            Self::Vcpu(fd, id) => stats::file(id.to_bytes(), &fd.vcpu.stats, &fd.vcpu.arch_stats)?,
        };
        to.write_slice_file(&file, offset)
    }
}
