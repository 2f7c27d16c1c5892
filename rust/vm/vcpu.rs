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
    /// As userspace gave it.
    pub(crate) id: u32,
    /// How many vCPUs the VM had before it.
    pub(crate) index: u32,
    /// The backend's part.
    #[pin]
    pub(crate) shared: B::Shared,
    /// What others ask of it; see [`Vcpu::request`](super::Vcpu).
    pub(crate) requests: Requests,
    /// Is it in its guest?
    pub(crate) entry: EntryMode,
    /// Counted by its own thread.
    pub(crate) stats: VcpuStats,
    /// Counted by its own thread.
    pub(crate) arch_stats: B::VcpuStats,
    #[pin]
    pub(super) waiter: Waiter,
    pub(super) poll: PollTime,
    pub(super) run: RunPage,
    /// The thread that ran it last.
    #[pin]
    pub(super) thread: LastThread,
    /// Somebody has a descriptor for it.
    pub(super) opened: AtomicFlag,
    #[pin]
    pub(super) mutex: KillableMutex<Owned<B>>,
}

/// What belongs to the thread that does an ioctl on the vCPU.
pub(super) struct Owned<B: BackendState> {
    pub(super) arch: B::Vcpu,
    /// The signal mask while the guest runs, if another.
    pub(super) sigset: Option<SigSet>,
}

impl<B: BackendState> VcpuCore<B> {
    /// Is there a descriptor for it? One that could not be opened when the vCPU was made can still
    /// be.
    pub(super) fn opened(&self) -> bool {
        self.opened.load(Relaxed)
    }

    pub(super) fn set_opened(&self) {
        self.opened.store(true, Relaxed);
    }
}
