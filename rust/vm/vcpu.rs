// SPDX-License-Identifier: GPL-2.0

//! A virtual CPU.

use super::{
    poll::PollTime,
    requests::{EntryMode, Requests},
    run_page::RunPage,
    state::BackendState,
    stats::VcpuStats,
};
use crate::host::{mutex::KillableMutex, signal::SigSet, thread::LastThread, wait::Waiter};
use kernel::{
    prelude::*,
    sync::atomic::{AtomicFlag, Relaxed},
};

/// What any thread may touch of a vCPU, and its mutex around the rest.
#[pin_data]
pub(crate) struct VcpuCore<B: BackendState> {
    /// The number that userspace has given the vCPU.
    pub(crate) id: u32,
    /// The number of vCPUs that the VM had before this one.
    pub(crate) index: u32,
    /// The backend's part.
    #[pin]
    pub(crate) shared: B::Shared,
    /// What other threads ask of it; see [`Vcpu::request`](super::Vcpu).
    pub(crate) requests: Requests,
    /// Is it in its guest?
    pub(crate) entry: EntryMode,
    /// Counted by its own thread.
    pub(crate) stats: VcpuStats,
    /// Counted by its own thread.
    pub(crate) arch_stats: B::VcpuStats,
    /// Which of the interrupt controller's servers it is.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(super) xics: super::xics::tables::Connection,
    #[pin]
    pub(super) waiter: Waiter,
    pub(super) poll: PollTime,
    pub(super) run: RunPage,
    /// The thread that ran it last.
    #[pin]
    pub(super) thread: LastThread,
    /// Set once a descriptor for the vCPU has been opened.
    pub(super) opened: AtomicFlag,
    #[pin]
    pub(super) mutex: KillableMutex<Owned<B>>,
}

/// What belongs to the thread that does an ioctl on the vCPU.
pub(super) struct Owned<B: BackendState> {
    pub(super) arch: B::Vcpu,
    /// The signal mask while the guest runs, if it differs from the thread's own.
    pub(super) sigset: Option<SigSet>,
}

impl<B: BackendState> VcpuCore<B> {
    /// Has a descriptor for the vCPU been opened? If that failed when the vCPU was made, userspace may try again.
    pub(super) fn opened(&self) -> bool {
        self.opened.load(Relaxed)
    }

    /// Is nobody in an ioctl on it, but for `KVM_INTERRUPT`? Somebody may be right after the answer.
    #[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
    pub(crate) fn is_idle(&self) -> bool {
        self.mutex.try_lock().is_some()
    }

    pub(super) fn set_opened(&self) {
        self.opened.store(true, Relaxed);
    }
}
