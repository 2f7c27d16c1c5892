// SPDX-License-Identifier: GPL-2.0

//! A virtual CPU.

use super::{
    backend::Backend,
    halt::PollTime,
    requests::{EntryMode, Requests},
    run_page::RunPage,
    stats::{StatSet as _, VcpuStats},
    vm::Vm,
};
use crate::host::{
    members::Member, mutex::KillableMutex, signal::SigSet, thread::LastThread, wait::Waiter,
};
use kernel::{
    prelude::*,
    static_lock_class,
    sync::atomic::{AtomicFlag, Relaxed},
};

/// A vCPU of a VM: a [`VcpuCore`] that knows its VM. It lives as long as the VM.
pub(crate) type Vcpu<B> = Member<Vm<B>, VcpuCore<B>>;

/// What any thread may touch of a vCPU, and its mutex around the rest.
#[pin_data]
pub(crate) struct VcpuCore<B: Backend> {
    /// As userspace gave it.
    pub(crate) id: u32,
    /// How many vCPUs the VM had before it.
    pub(crate) index: u32,
    /// The backend's part.
    #[pin]
    pub(crate) shared: B::Shared,
    /// What others ask of it; see [`Vcpu::request`].
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
    // Somebody has a descriptor for it.
    opened: AtomicFlag,
    #[pin]
    pub(super) mutex: KillableMutex<Owned<B>>,
}

/// What belongs to the thread that does an ioctl on the vCPU.
pub(super) struct Owned<B: Backend> {
    pub(super) arch: B::Vcpu,
    /// The signal mask while the guest runs, if another.
    pub(super) sigset: Option<SigSet>,
}

impl<B: Backend> VcpuCore<B> {
    pub(super) fn new(vm: &Vm<B>, id: u32, index: u32) -> impl PinInit<Self, Error> + '_ {
        try_pin_init!(Self {
            id,
            index,
            shared <- B::new_shared(vm, *id),
            requests: Requests::new(),
            entry: EntryMode::new(),
            stats: VcpuStats::new(),
            arch_stats: B::VcpuStats::new(),
            waiter <- Waiter::new(),
            poll: PollTime::new(),
            run: RunPage::new()?,
            thread <- LastThread::new(),
            opened: AtomicFlag::new(false),
            mutex <- KillableMutex::new(
                Owned {
                    arch: B::new_vcpu(vm, *id, &shared)?,
                    sigset: None,
                },
                c"kvm_ppc_vcpu_mutex",
                static_lock_class!(),
            ),
        })
    }

    /// Is there a descriptor for it? One that could not be opened when the vCPU was made can still
    /// be.
    pub(super) fn opened(&self) -> bool {
        self.opened.load(Relaxed)
    }

    pub(super) fn set_opened(&self) {
        self.opened.store(true, Relaxed);
    }
}

impl<B: Backend> Vcpu<B> {
    /// Its VM.
    #[inline]
    pub(crate) fn vm(&self) -> &Vm<B> {
        self.owner()
    }
}
