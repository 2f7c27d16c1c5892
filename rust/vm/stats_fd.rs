// SPDX-License-Identifier: GPL-2.0

//! The descriptors that `KVM_GET_STATS_FD` gives.

use super::name::Name;
use crate::host::file::{Descriptor, NewFd};
use kernel::{prelude::*, sync::Arc, uaccess::UserSliceWriter};

/// What has statistics: the descriptor of a VM or of a vCPU.
pub(super) trait HasStats: Send + Sync + 'static {
    /// The contents of the file. Fails with `ENOMEM`.
    fn stats_file(&self) -> Result<KVVec<u8>>;
}

/// The statistics of a VM or a vCPU. The descriptor keeps the VM alive.
pub(super) struct StatsFd<T>(Arc<T>);

impl<T: HasStats> StatsFd<T> {
    fn open(of: Arc<T>, name: &CStr) -> Result<isize> {
        NewFd::reserve()?.open(name, Arc::new(Self(of), GFP_KERNEL_ACCOUNT)?)
    }

    /// Opens a descriptor for the statistics of a VM.
    pub(super) fn open_vm(vm: Arc<T>) -> Result<isize> {
        Self::open(vm, c"kvm-vm-stats")
    }

    /// Opens a descriptor for the statistics of vCPU `id`.
    pub(super) fn open_vcpu(vcpu: Arc<T>, id: u32) -> Result<isize> {
        let name = Name::numbered("kvm-vcpu-stats:", id);
        Self::open(vcpu, name.as_cstr())
    }
}

impl<T: HasStats> Descriptor for StatsFd<T> {
    const READ: bool = true;

    fn read(&self, offset: &mut i64, to: &mut UserSliceWriter) -> Result<usize> {
        to.write_slice_file(&self.0.stats_file()?, offset)
    }
}
