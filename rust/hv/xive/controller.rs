// SPDX-License-Identifier: GPL-2.0

//! What concerns the VM's vCPUs and memory: the controller goes, its queues are set up, reset, and written to memory.

use super::{
    super::{vcpu::Events, vm::Hv},
    server::Server,
};
use crate::{
    bindings::{self, kvm_ppc_xive_eq},
    host::{
        mm::UserPage,
        xive::{Context, Escalated, Position, Queue},
    },
    isa::xive::PRIORITIES,
    vm::{guest_memory::gfn_of, CountedVcpu, Vcpu, Vm},
};
use kernel::{
    page::{PAGE_MASK, PAGE_SHIFT},
    prelude::*,
    sync::Arc,
};

/// Whom an escalation wakes.
struct Target(CountedVcpu<Hv>);

impl Escalated for Target {
    fn escalated(&self) {
        self.0.shared.events.change(0, Events::ESCALATED);
        self.0.wake();
    }

    fn context(&self) -> &Context {
        &self.0.shared.xive
    }
}

/// The page of memory at `gpa`, which is to hold a queue. `EINVAL` if that is no memory that the guest may write, or not
/// the beginning of a page. Sleeps; the current process has to be the VM's.
fn queue_page(vm: &Vm<Hv>, gpa: u64) -> Result<UserPage> {
    if gpa as usize & !PAGE_MASK != 0 {
        return Err(EINVAL);
    }
    let slots = vm.slots.read();
    let gfn = gfn_of(gpa);
    let slot = slots.find(gfn).filter(|s| !s.readonly()).ok_or(EINVAL)?;
    let page = UserPage::get(slot.hva(gfn), true).map_err(|_| EINVAL)?;
    match page.has_struct_page() {
        true => Ok(page),
        false => Err(EINVAL),
    }
}

/// Nobody pushes the vCPU's context any more when this returns, until it is connected again.
fn stop_pushing(vcpu: &Vcpu<Hv>) {
    vcpu.shared.xive.disconnect();
    vcpu.kick_and_wait();
}

/// The controller goes, and vCPUs are connected to none. Sleeps.
pub(super) fn close(vm: &Vm<Hv>) {
    let xive = &vm.arch.xive;
    let mut state = xive.state.lock();
    let Some(old) = (*state).take() else {
        return;
    };
    for server in old.servers.iter() {
        if let Some(vcpu) = vm.vcpu_by_id(server.vcpu) {
            stop_pushing(vcpu);
        }
    }
    // Nothing is sent any more when queues and virtual processors go.
    xive.sources.close();
    for server in old.servers {
        let vcpu = server.vcpu;
        drop(server);
        if let Some(vcpu) = vm.vcpu_by_id(vcpu) {
            vcpu.shared.events.take(Events::ESCALATED);
        }
    }
}

/// `KVM_DEV_XIVE_GRP_EQ_CONFIG`, set. `ENOENT` without such a server, `EINVAL` for what cannot be, `EIO`, `ENOMEM`.
/// Sleeps; the current process has to be the VM's.
pub(super) fn set_queue(
    vm: &Arc<Vm<Hv>>,
    server: u32,
    priority: u8,
    eq: &kvm_ppc_xive_eq,
) -> Result {
    let xive = &vm.arch.xive;
    // What is answered first, and which vCPU to tell.
    let state = xive.state.lock();
    let found = state.as_ref().and_then(|s| s.server(server));
    let id = found.ok_or(ENOENT)?.vcpu;
    drop(state);
    if priority >= PRIORITIES {
        return Err(EINVAL);
    }
    let page = match eq.qshift {
        0 => None,
        _ if eq.flags != bindings::KVM_XIVE_EQ_ALWAYS_NOTIFY => return Err(EINVAL),
        // A queue is one page, which is what the controller's driver tells guests that it can be.
        shift if shift == PAGE_SHIFT as u32 => Some(queue_page(vm, eq.qaddr)?),
        _ => return Err(EINVAL),
    };
    if page.is_some() && (eq.qtoggle > 1 || eq.qindex >> (eq.qshift - Queue::ENTRY_SHIFT) != 0) {
        return Err(EINVAL);
    }
    let vcpu = Vm::counted(vm, id).ok_or(ENOENT)?;
    let target = KBox::new(Target(vcpu), GFP_KERNEL_ACCOUNT)?;
    let mut state = xive.state.lock();
    let server = (*state).as_mut().and_then(|s| s.server_mut(server));
    let server = server.ok_or(ENOENT)?;
    match page {
        None => server.take_away(priority),
        Some(page) => {
            let at = Position {
                toggle: eq.qtoggle,
                index: eq.qindex,
            };
            server.set_up(
                priority,
                page,
                eq.qaddr,
                at,
                vm.arch.lpid.id() as u32,
                target,
            )
        }
    }
}

/// `KVM_DEV_XIVE_RESET`: no source is routed, and there are no queues. Sleeps.
pub(super) fn reset(vm: &Vm<Hv>) {
    let mut state = vm.arch.xive.state.lock();
    vm.arch.xive.sources.for_each(|entry| {
        if entry.server().is_some() {
            entry.reset();
        }
    });
    let servers = (*state).iter_mut().flat_map(|s| s.servers.iter_mut());
    for server in servers {
        let Some(vcpu) = vm.vcpu_by_id(server.vcpu) else {
            continue;
        };
        stop_pushing(vcpu);
        server.reset();
        vcpu.shared.events.take(Events::ESCALATED);
        vcpu.shared.xive.reconnect(server.vp.word2());
    }
}

/// `KVM_DEV_XIVE_EQ_SYNC`: what was triggered before is in the queues, and these count as written. Sleeps.
pub(super) fn sync_queues(vm: &Vm<Hv>) {
    let state = vm.arch.xive.state.lock();
    vm.arch.xive.sources.for_each(|entry| {
        if entry.server().is_some() {
            entry.source.sync_queue();
        }
    });
    for server in state.iter().flat_map(|s| s.servers.iter()) {
        mark_dirty(vm, server);
    }
}

// The controller has written its queues.
fn mark_dirty(vm: &Vm<Hv>, server: &Server) {
    let slots = vm.slots.read();
    for gfn in server.queue_addresses().map(gfn_of) {
        if let Some(slot) = slots.find(gfn) {
            slot.mark_dirty(gfn);
        }
    }
}
