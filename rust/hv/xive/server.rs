// SPDX-License-Identifier: GPL-2.0

//! A vCPU as a server of the controller.

use crate::{
    bindings::{self, kvm_ppc_xive_eq},
    host::{
        mm::UserPage,
        xive::{Escalated, Escalation, Position, Queue, Vp},
    },
    isa::xive::PRIORITIES,
    vm::name::Name,
};
use kernel::{page::PAGE_SHIFT, prelude::*, sync::Arc};

const COUNT: usize = PRIORITIES as usize;

/// A queue that the guest has set up.
struct Active {
    queue: Queue,
    /// Its guest real address.
    gpa: u64,
}

/// A server. When it goes, nobody may push its context any more.
pub(super) struct Server {
    pub(super) number: u32,
    /// Its vCPU's id.
    pub(super) vcpu: u32,
    // In this order they go.
    escalations: [Option<Escalation>; COUNT],
    queues: [Option<Active>; COUNT],
    pub(super) vp: Arc<Vp>,
}

impl Server {
    pub(super) fn new(number: u32, vcpu: u32, vp: Arc<Vp>) -> Self {
        Self {
            number,
            vcpu,
            escalations: [const { None }; COUNT],
            queues: [const { None }; COUNT],
            vp,
        }
    }

    /// Can an interrupt of that priority be sent to it?
    pub(super) fn takes(&self, priority: u8) -> bool {
        self.queue(priority).is_ok_and(|q| q.is_some())
    }

    // `EINVAL` for a priority that is not the guest's.
    fn queue(&self, priority: u8) -> Result<Option<&Active>> {
        let queue = self.queues.get(usize::from(priority)).ok_or(EINVAL)?;
        Ok(queue.as_ref().filter(|active| active.queue.has_memory()))
    }

    /// What `KVM_DEV_XIVE_GRP_EQ_CONFIG` says of a queue, if it is set up. `EINVAL` for the priority, `EIO`.
    pub(super) fn config(&self, priority: u8) -> Result<Option<kvm_ppc_xive_eq>> {
        let Some(active) = self.queue(priority)? else {
            return Ok(None);
        };
        let at = active.queue.position()?;
        Ok(Some(kvm_ppc_xive_eq {
            flags: bindings::KVM_XIVE_EQ_ALWAYS_NOTIFY,
            qshift: PAGE_SHIFT as u32,
            qaddr: active.gpa,
            qtoggle: at.toggle,
            qindex: at.index,
            ..Default::default()
        }))
    }

    /// Sets a queue up in `page`, which is the guest's at `gpa`, and tells `escalated` when something comes while the vCPU
    /// waits; `lpid` is for the interrupt's name. `EINVAL` for the priority or a page that is no memory, `EIO`, `ENOMEM`. On
    /// failure there is no queue.
    pub(super) fn set_up(
        &mut self,
        priority: u8,
        page: UserPage,
        gpa: u64,
        at: Position,
        lpid: u32,
        escalated: KBox<dyn Escalated>,
    ) -> Result {
        let slot = self.queues.get_mut(usize::from(priority)).ok_or(EINVAL)?;
        let mut active = match slot.take() {
            Some(active) => active,
            None => Active {
                queue: Queue::new(&self.vp, priority)?,
                gpa,
            },
        };
        active.gpa = gpa;
        active.queue.set(Some(page))?;
        if at != Position::START {
            active.queue.set_position(at)?;
        }
        let only = active.queue.shares_escalation();
        let escalation = match only {
            true => self.escalations.first_mut(),
            false => self.escalations.get_mut(usize::from(priority)),
        };
        let escalation = escalation.ok_or(EINVAL)?;
        if escalation.is_none() {
            let name = match only {
                true => Name::new(fmt!("kvm-{}-{}", lpid, self.number)),
                false => Name::new(fmt!("kvm-{}-{}-{}", lpid, self.number, priority)),
            };
            *escalation = Some(Escalation::of(&active.queue, name.as_cstr(), escalated)?);
        }
        *slot = Some(active);
        Ok(())
    }

    /// A queue without memory. `EINVAL` for the priority, `EIO`.
    pub(super) fn take_away(&mut self, priority: u8) -> Result {
        match self.queues.get_mut(usize::from(priority)).ok_or(EINVAL)? {
            Some(active) => active.queue.set(None),
            None => Ok(()),
        }
    }

    /// It has no queues any more. Nobody may push its context meanwhile.
    pub(super) fn reset(&mut self) {
        self.escalations = [const { None }; COUNT];
        self.queues = [const { None }; COUNT];
    }

    /// Where its queues are in the guest's memory.
    pub(super) fn queue_addresses(&self) -> impl Iterator<Item = u64> + '_ {
        let queues = self.queues.iter().flatten();
        queues
            .filter(|active| active.queue.has_memory())
            .map(|active| active.gpa)
    }
}
