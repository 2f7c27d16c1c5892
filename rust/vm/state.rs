// SPDX-License-Identifier: GPL-2.0

//! What a backend keeps of a VM and of a vCPU.

use super::stats::StatSet;

/// The types of a backend's state, of which [`Vm`](super::Vm) and [`Vcpu`](super::Vcpu) consist;
/// [`Backend`](super::backend::Backend) is what is done with them.
pub(crate) trait BackendState: Sized + Send + Sync + 'static {
    /// A VM's own state, pinned in [`Vm::arch`](super::Vm). What it has taken from the host, its `Drop` gives
    /// back.
    type Vm: Send + Sync;
    /// A VM's translation state, only touched with [`Vm::mmu`](super::Vm) locked. It is dropped before the VM's own
    /// state is, when its vCPUs are gone and mmu notifiers are not called any more; its `Drop`, which may
    /// sleep, leaves the hardware nothing that translates.
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
