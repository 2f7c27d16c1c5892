// SPDX-License-Identifier: GPL-2.0

//! Sources and servers, and the lock around them.

use crate::{
    emulate::xics::{Icp, Irq, Server, Source},
    host::{irq, members},
    vm::blocks::{empty, Blocks},
};
use core::ops::Range;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        SpinLock,
    },
};

/// The numbers that sources may have; those below are an ICP's own, and reserved.
pub(super) const IRQS: Range<Irq> = 16..1 << 20;

/// A VM's controller, which is there while its device is open.
#[pin_data]
pub(crate) struct Xics {
    #[pin]
    state: SpinLock<Option<KBox<Tables>>>,
}

/// What is there while the device is open.
pub(super) struct Tables {
    pub(super) sources: Blocks<Source>,
    /// By their numbers.
    pub(super) servers: KVVec<Option<KBox<Presenter>>>,
}

/// A server.
pub(super) struct Presenter {
    pub(super) icp: Icp,
    /// The vCPU's id.
    pub(super) vcpu: u32,
}

/// Which server a vCPU is.
pub(crate) struct Connection(Atomic<u32>);

const NO_SERVER: u32 = u32::MAX;

impl Connection {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(NO_SERVER))
    }

    /// `None` if it is connected to no controller.
    pub(super) fn server(&self) -> Option<Server> {
        match self.0.load(Relaxed) {
            NO_SERVER => None,
            server => Some(server),
        }
    }

    /// With the controller locked.
    pub(super) fn set(&self, server: Option<Server>) {
        self.0.store(server.unwrap_or(NO_SERVER), Relaxed);
    }
}

impl Xics {
    /// Without a device.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_spinlock!(None, "kvm_ppc_xics"),
        })
    }

    // Interrupts are off, since eventfds are signalled by interrupt handlers too.
    pub(super) fn locked<R>(&self, f: impl FnOnce(&mut Option<KBox<Tables>>) -> R) -> R {
        irq::without(|| f(&mut self.state.lock()))
    }
}

impl Tables {
    /// Without sources, and with room for that many servers. `ENOMEM`.
    pub(super) fn new(servers: u32) -> Result<KBox<Self>> {
        let tables = Self {
            sources: Blocks::new(IRQS.end as usize)?,
            servers: empty(servers as usize)?,
        };
        Ok(KBox::new(tables, GFP_KERNEL_ACCOUNT)?)
    }

    pub(super) fn presenter(&mut self, server: Server) -> Option<&mut Presenter> {
        let at = members::index(server as usize, self.servers.len())?;
        self.servers.get_mut(at)?.as_deref_mut()
    }
}
