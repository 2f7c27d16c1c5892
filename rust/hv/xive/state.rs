// SPDX-License-Identifier: GPL-2.0

//! The servers and sources of a VM.

use super::{
    server::Server,
    sources::{Sources, IRQS},
};
use crate::{
    bindings::{self, kvm_ppc_xive_eq},
    host::xive::{Context, EsbPage, Vp, VpBlock},
    isa::xive::PRIORITIES,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

/// A VM's controller, which is there while its device is open.
#[pin_data]
pub(crate) struct Xive {
    // Held while the firmware is asked for something, which may sleep. No user memory is touched with it held, since
    // faults of the device's own mappings come with the owner's mmap_lock held, and who has this may wait for others.
    #[pin]
    pub(super) state: Mutex<Option<State>>,
    #[pin]
    pub(super) sources: Sources,
}

/// What there is while the device is open.
pub(super) struct State {
    /// Made when the first server comes.
    block: Option<Arc<VpBlock>>,
    /// How many of them are used.
    used: u32,
    /// One more than the largest number of a server.
    limit: u32,
    /// How many servers there can be.
    most: u32,
    /// By ascending number.
    pub(super) servers: KVVec<Server>,
}

impl State {
    fn find(&self, number: u32) -> Result<usize, usize> {
        self.servers.binary_search_by_key(&number, |s| s.number)
    }

    pub(super) fn server(&self, number: u32) -> Option<&Server> {
        self.servers.get(self.find(number).ok()?)
    }

    pub(super) fn server_mut(&mut self, number: u32) -> Option<&mut Server> {
        let at = self.find(number).ok()?;
        self.servers.get_mut(at)
    }

    // The next virtual processor. There are no more of them than vCPUs, whose ids may have gaps.
    fn next_vp(&mut self) -> Result<Vp> {
        let block = match &self.block {
            Some(block) => block.clone(),
            None => {
                let len = self.limit.min(self.most);
                self.block.insert(VpBlock::new(len)?).clone()
            }
        };
        let vp = Vp::enable(&block, self.used)?;
        self.used += 1;
        Ok(vp)
    }
}

impl Xive {
    /// Without a device.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(None, "kvm_ppc_xive"),
            sources <- Sources::new(),
        })
    }

    /// A new controller without sources and servers, of which there can be `most`, with numbers below `limit`. `ENOMEM`.
    pub(super) fn open(&self, most: u32, limit: u32) -> Result {
        self.sources.open()?;
        *self.state.lock() = Some(State {
            block: None,
            used: 0,
            limit,
            most,
            servers: KVVec::new(),
        });
        Ok(())
    }

    /// `KVM_DEV_XIVE_NR_SERVERS`. `EBUSY` after a vCPU was connected.
    pub(super) fn set_limit(&self, limit: u32) -> Result {
        let mut state = self.state.lock();
        let state = (*state).as_mut().ok_or(ENODEV)?;
        if state.block.is_some() {
            return Err(EBUSY);
        }
        state.limit = limit;
        Ok(())
    }

    /// vCPU `id`, whose context that is, becomes server `number`. `EBUSY` if it is one already, `EINVAL` for the number, `EEXIST` if another has
    /// it, `ENOSPC` if the host has no more virtual processors, `EIO`, `ENOMEM`. Sleeps.
    pub(super) fn connect(&self, context: &Context, id: u32, number: u32) -> Result {
        let mut state = self.state.lock();
        let state = (*state).as_mut().ok_or(EPERM)?;
        if context.connected() {
            return Err(EBUSY);
        }
        if number >= state.limit {
            return Err(EINVAL);
        }
        let Err(at) = state.find(number) else {
            return Err(EEXIST);
        };
        state.servers.reserve(1, GFP_KERNEL_ACCOUNT)?;
        let vp = Arc::new(state.next_vp()?, GFP_KERNEL_ACCOUNT)?;
        let word2 = vp.word2();
        let server = Server::new(number, id, vp);
        state
            .servers
            .insert_within_capacity(at, server)
            .map_err(|_| ENOMEM)?;
        context.connect(word2);
        Ok(())
    }

    /// `KVM_DEV_XIVE_GRP_SOURCE`: source `number`, which is made if it is not there, is off and not routed. `ENXIO` if
    /// the host has no more, `ENOMEM`. Sleeps.
    pub(super) fn set_source(&self, number: u64) -> Result {
        let _state = self.state.lock();
        match self.sources.get(number) {
            Ok(entry) => {
                entry.reset();
                Ok(())
            }
            Err(_) => self.sources.make(number),
        }
    }

    /// `ENOENT` or `EINVAL` if there is no such source.
    pub(super) fn check_source(&self, number: u64) -> Result {
        Ok(self.sources.with(number, |_| ())?)
    }

    /// `KVM_DEV_XIVE_GRP_SOURCE_CONFIG`: to whom the source goes, if it does. `ENOENT` or `EINVAL` if there is no such
    /// source, `EINVAL` without such a server or priority, `EBUSY` if the server has no queue for it, `ENXIO`. Sleeps.
    pub(super) fn route(&self, number: u64, config: SourceConfig) -> Result {
        let state = self.state.lock();
        let entry = self.sources.get(number)?;
        if config.priority >= PRIORITIES {
            return Err(EINVAL);
        }
        if config.masked {
            entry.set_server(None);
            entry.source.unroute();
            return Ok(());
        }
        let server = state.as_ref().and_then(|s| s.server(config.server));
        let server = server.ok_or(EINVAL)?;
        if !server.takes(config.priority) {
            return Err(EBUSY);
        }
        entry.set_server(Some(config.server));
        entry.source.route(&server.vp, config.priority, config.eisn)
    }

    /// `KVM_DEV_XIVE_GRP_SOURCE_SYNC`. `ENOENT` or `EINVAL` if there is no such source. Sleeps.
    pub(super) fn sync_source(&self, number: u64) -> Result {
        let _state = self.state.lock();
        self.sources.get(number)?.source.sync();
        Ok(())
    }

    /// `KVM_DEV_XIVE_GRP_EQ_CONFIG`, get: `None` for a queue that is not set up. `ENOENT` without such a server, `EINVAL`
    /// for the priority, `EIO`. Sleeps.
    pub(super) fn queue(&self, server: u32, priority: u8) -> Result<Option<kvm_ppc_xive_eq>> {
        let state = self.state.lock();
        let server = state.as_ref().and_then(|s| s.server(server));
        server.ok_or(ENOENT)?.config(priority)
    }

    /// What the firmware says of the state of vCPU `id`. `ENOENT` if it is no server, `EIO`. Sleeps.
    pub(super) fn vp_state(&self, id: u32) -> Result<u64> {
        let state = self.state.lock();
        let mut servers = state.iter().flat_map(|s| s.servers.iter());
        servers.find(|s| s.vcpu == id).ok_or(ENOENT)?.vp.state()
    }

    /// A device's interrupt: a message, or that its line is on. A source that is not there takes no notice. From any
    /// context.
    pub(crate) fn set_irq(&self, number: u32, on: bool) {
        // Who has a line raises it again when the guest has ended the interrupt and it is still on.
        if on {
            let _ = self
                .sources
                .with(number.into(), |entry| entry.source.trigger());
        }
    }

    /// The real address of a page of a source. `EFAULT` if there is none.
    pub(super) fn esb_page(&self, number: u64, page: EsbPage) -> Result<u64> {
        let page = self.sources.with(number, |entry| entry.source.page(page));
        page.ok().flatten().ok_or(EFAULT)
    }
}

/// Is there such a number of a source?
pub(super) fn may_be_source(number: u64) -> bool {
    number < IRQS
}

/// The value of `KVM_DEV_XIVE_GRP_SOURCE_CONFIG`.
pub(super) struct SourceConfig {
    priority: u8,
    server: u32,
    masked: bool,
    eisn: u32,
}

impl SourceConfig {
    pub(super) fn from_raw(raw: u64) -> Self {
        use bindings::*;
        let server = raw & u64::from(KVM_XIVE_SOURCE_SERVER_MASK);
        Self {
            priority: (raw & u64::from(KVM_XIVE_SOURCE_PRIORITY_MASK)) as u8,
            server: (server >> KVM_XIVE_SOURCE_SERVER_SHIFT) as u32,
            masked: raw & KVM_XIVE_SOURCE_MASKED_MASK != 0,
            eisn: ((raw & KVM_XIVE_SOURCE_EISN_MASK as u64) >> KVM_XIVE_SOURCE_EISN_SHIFT) as u32,
        }
    }
}
