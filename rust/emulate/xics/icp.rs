// SPDX-License-Identifier: GPL-2.0

//! A server's presentation controller.

use super::{
    number::{Irq, IPI, MASKED},
    queue::Queue,
};

/// The registers of PAPR's interrupt presentation controller, and what waits for it.
pub struct Icp {
    /// Priority of what the processor does: only more favoured interrupts are presented.
    pub(super) cppr: u8,
    /// Priority of its own interrupt, [`MASKED`] if that is off.
    pub(super) mfrr: u8,
    /// The source that is presented, 0 if none is.
    pub(super) xisr: Irq,
    /// Its priority, [`MASKED`] if none is.
    pub(super) pending_priority: u8,
    /// Those that are not presented, since what is above is more favoured or as much.
    pub(super) queue: Queue,
}

impl Default for Icp {
    fn default() -> Self {
        Self {
            cppr: 0,
            mfrr: MASKED,
            xisr: 0,
            pending_priority: MASKED,
            queue: Queue::default(),
        }
    }
}

impl Icp {
    /// Does it tell its processor that there is an interrupt?
    pub fn presents(&self) -> bool {
        self.xisr != 0
    }

    pub(super) fn accepts(&self, priority: u8) -> bool {
        priority < self.cppr && priority < self.mfrr && priority < self.pending_priority
    }

    // Returns the source whose interrupt it takes the place of.
    pub(super) fn present(&mut self, irq: Irq, priority: u8) -> Option<Irq> {
        let replaced = core::mem::replace(&mut self.xisr, irq);
        self.pending_priority = priority;
        sent_again(replaced)
    }

    pub(super) fn xirr(&self) -> u32 {
        u32::from(self.cppr) << 24 | self.xisr
    }

    pub(super) fn accept(&mut self) -> u32 {
        let xirr = self.xirr();
        if self.xisr != 0 {
            self.cppr = self.pending_priority;
            self.clear();
        }
        xirr
    }

    pub(super) fn clear(&mut self) {
        self.xisr = 0;
        self.pending_priority = MASKED;
    }

    // Returns the source that is not presented any more, and is to be sent again.
    pub(super) fn set_cppr(&mut self, cppr: u8) -> Option<Irq> {
        self.cppr = cppr;
        let mut rejected = None;
        if self.xisr != 0 && self.pending_priority >= cppr {
            rejected = sent_again(self.xisr);
            self.clear();
        }
        rejected.or(self.check_ipi())
    }

    // As above.
    pub(super) fn set_mfrr(&mut self, mfrr: u8) -> Option<Irq> {
        self.mfrr = mfrr;
        self.check_ipi()
    }

    // Its own interrupt is presented if nothing is more favoured. Where both are alike it comes first, so that what
    // waits for an equal MFRR never overtakes it.
    fn check_ipi(&mut self) -> Option<Irq> {
        if self.mfrr < self.cppr && self.mfrr <= self.pending_priority {
            return self.present(IPI, self.mfrr);
        }
        None
    }

    /// `KVM_REG_PPC_ICP_STATE`: CPPR in the upper 8 bits, XISR in 24, MFRR and the pending priority in 8 each.
    pub fn state(&self) -> u64 {
        u64::from(self.cppr) << 56
            | u64::from(self.xisr) << 32
            | u64::from(self.mfrr) << 24
            | u64::from(self.pending_priority) << 16
    }

    /// Whether [`state`](Self::state) can have given `state`. What is presented is more favoured than what the processor
    /// does, and than the MFRR; its own interrupt may have the priority of the MFRR, or of one before that.
    pub fn is_possible(state: u64) -> bool {
        let (cppr, xisr, mfrr, pending) = split(state);
        match xisr {
            0 => pending == MASKED,
            IPI => pending < cppr && pending <= mfrr,
            _ => pending < cppr && pending < mfrr,
        }
    }

    /// The source that a [`state`](Self::state) presents, 0 if none, [`IPI`] its own.
    pub fn presented(state: u64) -> Irq {
        split(state).1
    }

    // Sets it so, if it is possible. What was presented before is forgotten: who sets this sets the sources too.
    pub(super) fn restore(&mut self, state: u64) {
        let (cppr, xisr, mfrr, pending) = split(state);
        self.cppr = cppr;
        self.xisr = xisr;
        self.mfrr = mfrr;
        self.pending_priority = pending;
    }
}

// An ICP's own interrupt is not sent, but presented whenever its MFRR says so.
fn sent_again(irq: Irq) -> Option<Irq> {
    (irq != 0 && irq != IPI).then_some(irq)
}

fn split(state: u64) -> (u8, Irq, u8, u8) {
    let xisr = (state >> 32) as u32 & 0xff_ffff;
    (
        (state >> 56) as u8,
        xisr,
        (state >> 24) as u8,
        (state >> 16) as u8,
    )
}
