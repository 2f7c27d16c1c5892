// SPDX-License-Identifier: GPL-2.0

//! The controller of a VM: its sources and servers, and vCPUs, whose external interrupts they are.

use super::{
    super::{
        blocks::{empty, Block},
        papr::PaprBackend,
        Vcpu, Vm,
    },
    tables::{Presenter, Tables},
};
use crate::{
    bindings,
    emulate::xics::{Controller, Icp, Irq, Server, Source, SourceState, Store},
};
use kernel::prelude::*;

/// The locked tables, and whose they are.
pub(super) struct Locked<'a, B: PaprBackend> {
    tables: &'a mut Tables,
    vm: &'a Vm<B>,
}

impl<B: PaprBackend> Store for Locked<'_, B> {
    fn source(&mut self, irq: Irq) -> Option<&mut Source> {
        self.tables.sources.place(irq as usize)?.as_mut()
    }

    fn icp(&mut self, server: Server) -> Option<&mut Icp> {
        Some(&mut self.tables.presenter(server)?.icp)
    }

    fn put(&mut self, irq: Irq, source: Source) {
        if let Some(entry) = self.tables.sources.place(irq as usize) {
            *entry = Some(source);
        }
    }

    fn output(&mut self, server: Server, on: bool) {
        let vcpu = self.tables.presenter(server).map(|p| p.vcpu);
        if let Some(vcpu) = vcpu.and_then(|id| self.vm.vcpu_by_id(id)) {
            set_external(vcpu, on);
        }
    }
}

fn set_external<B: PaprBackend>(vcpu: &Vcpu<B>, on: bool) {
    let irq = match on {
        true => bindings::KVM_INTERRUPT_SET_LEVEL,
        false => bindings::KVM_INTERRUPT_UNSET,
    };
    if B::events(vcpu).set_external(irq as u32) {
        vcpu.kick();
    }
}

impl<B: PaprBackend> Vm<B> {
    /// Does `f` with the VM's controller; `None` if there is none. `f` must not sleep.
    pub(super) fn with_xics<R>(
        &self,
        f: impl FnOnce(&mut Controller<'_, Locked<'_, B>>) -> R,
    ) -> Option<R> {
        self.xics.locked(|state| {
            let tables = state.as_deref_mut()?;
            Some(f(&mut Controller(&mut Locked { tables, vm: self })))
        })
    }

    /// A new controller without sources. `EEXIST` if there is one already, `ENOMEM`.
    pub(super) fn open_xics(&self) -> Result {
        let new = Tables::new(B::MAX_VCPU_IDS)?;
        // What cannot be used is given back outside of the lock.
        let left = self.xics.locked(|state| match state {
            None => {
                *state = Some(new);
                None
            }
            Some(_) => Some(new),
        });
        left.map_or(Ok(()), |_| Err(EEXIST))
    }

    /// The controller goes, and vCPUs are connected to none.
    pub(super) fn close_xics(&self) {
        let old = self.xics.locked(|state| {
            let tables = state.take();
            let servers = tables.iter().flat_map(|t| t.servers.iter());
            for presenter in servers.filter_map(|p| p.as_ref()) {
                if let Some(vcpu) = self.vcpu_by_id(presenter.vcpu) {
                    vcpu.xics.set(None);
                    set_external(vcpu, false);
                }
            }
            tables
        });
        drop(old);
    }

    /// Sets a source, which is made if it is not there.
    pub(super) fn set_source(&self, irq: Irq, state: SourceState) -> Result {
        let at = irq as usize;
        let misses = self
            .xics
            .locked(|state| state.as_ref().is_some_and(|t| t.sources.misses(at)));
        let mut new = match misses {
            true => Some(Block::new()?),
            false => None,
        };
        self.xics.locked(|state| {
            if let Some(tables) = state {
                tables.sources.add(at, &mut new);
            }
        });
        self.with_xics(|xics| xics.set_source(irq, state))
            .ok_or(ENODEV)
    }

    /// A source's state. `ENOENT` if there is none.
    pub(super) fn source(&self, irq: Irq) -> Result<SourceState> {
        let state = self.with_xics(|xics| xics.0.source(irq).map(|source| source.state()));
        state.flatten().ok_or(ENOENT)
    }

    /// How many servers there may be, as long as none is connected: `EBUSY` else, `EINVAL` for none or too many.
    pub(super) fn set_servers(&self, n: u32) -> Result {
        if n == 0 || n > B::MAX_VCPU_IDS {
            return Err(EINVAL);
        }
        let mut new = empty(n as usize)?;
        self.xics.locked(|state| {
            let tables = state.as_mut().ok_or(ENODEV)?;
            if tables.servers.iter().any(|p| p.is_some()) {
                return Err(EBUSY);
            }
            core::mem::swap(&mut tables.servers, &mut new);
            Ok(())
        })
    }
}

impl<B: PaprBackend> Vcpu<B> {
    /// The vCPU is the controller's `server` from now on. `EBUSY` if it is connected already, `EEXIST` if another vCPU
    /// is that server, `EINVAL` if there cannot be such a one.
    pub(super) fn connect_xics(&self, server: Server) -> Result {
        let mut new = Some(KBox::new(
            Presenter {
                icp: Icp::default(),
                vcpu: self.id,
            },
            GFP_KERNEL_ACCOUNT,
        )?);
        self.vm().xics.locked(|state| {
            let tables = state.as_mut().ok_or(EPERM)?;
            if self.xics.server().is_some() {
                return Err(EBUSY);
            }
            match tables.servers.get_mut(server as usize) {
                Some(Some(_)) => Err(EEXIST),
                Some(place) => {
                    *place = new.take();
                    self.xics.set(Some(server));
                    Ok(())
                }
                None => Err(EINVAL),
            }
        })
    }
}
