// SPDX-License-Identifier: GPL-2.0

//! What a backend keeps of a VM and of a vCPU.

use super::stats::StatSet;

/// The types of a backend's state, of which [`Vm`](super::Vm) and [`Vcpu`](super::Vcpu) consist;
/// [`Backend`](super::backend::Backend) is what is done with them.
pub(crate) trait BackendState: Sized + Send + Sync + 'static {
    /// A VM's own state, pinned in [`Vm::arch`](super::Vm). Its `Drop` gives back what it has taken from the host.
    type Vm: Send + Sync;
    /// A VM's translation state, which is accessed only with [`Vm::mmu`](super::Vm) locked. It is dropped before the
    /// VM's own state, when the VM's vCPUs are gone and mmu notifiers are no longer called. Its `Drop`, which may
    /// sleep, removes all translations from the hardware.
    type Mmu: Send + Unpin;
    /// A vCPU's state that other threads may touch at any time, pinned in `VcpuCore::shared`.
    type Shared: Send + Sync;
    /// A vCPU's state that needs the vCPU's mutex.
    type Vcpu: Send;

    /// Statistics of a VM, `Vm::arch_stats`.
    type VmStats: StatSet;
    /// Statistics of a vCPU, `VcpuCore::arch_stats`.
    type VcpuStats: StatSet;
}
