// SPDX-License-Identifier: GPL-2.0

//! The OS context of a virtual processor, which is the CPU's while its guest runs.

use crate::{
    bindings,
    host::{entry::IrqsHardDisabled, once},
    isa::xive::{esb, ThreadContext, Word2},
};
use core::ptr;
use kernel::sync::atomic::Atomic;

/// What a vCPU has of the controller: nothing, or a virtual processor's context.
///
/// Its thread pushes and pulls it. Who takes it away ([`disconnect`](Self::disconnect)) does so while the vCPU may run.
pub(crate) struct Context {
    /// Word 2 of what is pushed; 0 for no virtual processor.
    word2: Atomic<u32>,
    /// Words 0 and 1 as they were when it was pulled.
    words01: Atomic<u64>,
    /// Words 0 and 1 are from userspace, and a controller that restores them itself has not got them yet.
    owed: Atomic<u32>,
    /// The address of the management page of the one escalation interrupt; 0 if there is none, or one for each queue.
    escalation: Atomic<usize>,
    /// That interrupt was armed, and its handler has not run since.
    armed: Atomic<u32>,
    /// It was seen to have fired then, and its source has lost the mark of that. Only the vCPU's thread changes this.
    queued: Atomic<u32>,
}

impl Context {
    /// Without a virtual processor.
    pub(crate) const fn new() -> Self {
        Self {
            word2: Atomic::new(0),
            words01: Atomic::new(0),
            owed: Atomic::new(0),
            escalation: Atomic::new(0),
            armed: Atomic::new(0),
            queued: Atomic::new(0),
        }
    }

    /// Has it a virtual processor?
    #[inline(always)]
    pub(crate) fn connected(&self) -> bool {
        once::read_u32(&self.word2) != 0
    }

    /// From now on it is that virtual processor's, which nobody has pushed.
    pub(crate) fn connect(&self, word2: Word2) {
        self.set_words01(ThreadContext::RESET);
        once::write_u32(&self.owed, 0);
        self.reconnect(word2);
    }

    /// It has the same virtual processor again.
    pub(crate) fn reconnect(&self, word2: Word2) {
        once::release_barrier();
        once::write_u32(&self.word2, word2.raw());
    }

    /// From the vCPU's next entry on it has none, and arms no escalation. A full barrier. It may still be pushed; who
    /// interrupts the vCPU's CPU after this and waits for that knows that it is not.
    pub(crate) fn disconnect(&self) {
        once::write_u32(&self.word2, 0);
        once::full_barrier();
    }

    /// Words 0 and 1 as they were when it was pulled last.
    pub(crate) fn words01(&self) -> ThreadContext {
        ThreadContext::from_raw(once::read_u64(&self.words01))
    }

    fn set_words01(&self, to: ThreadContext) {
        once::write_u64(&self.words01, to.raw());
    }

    /// It goes on with these. By the vCPU's thread, or with its mutex held.
    pub(crate) fn restore(&self, to: ThreadContext) {
        self.set_words01(to);
        once::write_u32(&self.owed, 1);
    }

    /// Makes it the CPU's, if there is one, so that the controller presents its interrupts to what runs here: the guest.
    /// Interrupts stay hard-disabled until it is pulled.
    #[inline(always)]
    pub(crate) fn push(&self, _irqs: &IrqsHardDisabled) -> Option<Pushed<'_>> {
        match once::read_u32(&self.word2) {
            0 => None,
            word2 => Some(self.do_push(Word2::from_raw(word2))),
        }
    }

    #[inline(never)]
    fn do_push(&self, word2: Word2) -> Pushed<'_> {
        let words01 = once::read_u64(&self.words01);
        let own = match word2.saves_itself() {
            true => ptr::null(),
            false => ptr::from_ref(&words01),
        };
        // SAFETY: Interrupts are hard-disabled, and no other context is pushed: each that is was pulled before they were
        // enabled. It is a virtual processor of ours.
        unsafe { bindings::kvm_ppc_xive_push(word2.raw(), own) };
        if once::read_u32(&self.owed) != 0 {
            once::write_u32(&self.owed, 0);
            if word2.saves_itself() {
                load(ThreadContext::from_raw(words01));
            }
        }
        if once::read_u32(&self.armed) != 0 && once::read_u32(&self.queued) == 0 {
            self.mask_escalation();
        }
        Pushed {
            context: self,
            word2,
        }
    }

    // The guest takes its interrupts itself now. If the escalation has fired already, its handler still comes, and says so.
    fn mask_escalation(&self) {
        let page = once::read_usize(&self.escalation);
        if page == 0 {
            return;
        }
        if esb_load(page, esb::SET_PQ_01) & esb::P == 0 {
            once::write_u32(&self.armed, 0);
        } else {
            // The next push would not find that any more.
            once::write_u32(&self.queued, 1);
        }
    }

    /// Its escalation interrupt, whose source is masked, is the one with that management page from now on.
    pub(super) fn set_escalation(&self, management: usize) {
        // The handler of the one before may never have run.
        once::write_u32(&self.armed, 0);
        once::write_u32(&self.queued, 0);
        once::release_barrier();
        once::write_usize(&self.escalation, management);
    }

    /// Its escalation's handler has run; the interrupt is not ended, so that it does not come again before it is armed.
    pub(super) fn escalation_fired(&self) {
        once::write_u32(&self.armed, 0);
        once::full_barrier();
    }

    /// Nobody pushes it any more, and its escalation is about to go: does `with`, which is told whether P of that tells that
    /// there is an entry in the host's queue. If the handler runs meanwhile, it is told last that it does not.
    pub(super) fn disarm(&self, with: impl Fn(bool)) {
        let page = once::read_usize(&self.escalation);
        once::write_usize(&self.escalation, 0);
        if page == 0 {
            return;
        }
        if once::read_u32(&self.armed) != 0 && once::read_u32(&self.queued) != 0 {
            // As it was when it fired, for who shuts the interrupt down, and waits for what is queued.
            esb_load(page, esb::SET_PQ_10);
        }
        with(true);
        once::full_barrier();
        if once::read_u32(&self.armed) == 0 {
            with(false);
        }
    }
}

fn esb_load(management: usize, offset: u32) -> u8 {
    // SAFETY: The address is that of a management page: who takes the interrupt away has made sure before that this is
    // not used any more.
    unsafe { bindings::kvm_ppc_xive_esb_load(management, offset) }
}

/// Loads the context that is pushed, whose controller has loaded its own idea of it.
fn load(words01: ThreadContext) {
    // SAFETY: Interrupts are hard-disabled, and a context of ours is pushed.
    unsafe {
        bindings::kvm_ppc_xive_set_cppr(words01.cppr());
        for priority in words01.pending() {
            bindings::kvm_ppc_xive_set_pending(priority);
        }
    }
}

/// A context is the CPU's.
#[must_use]
pub(crate) struct Pushed<'a> {
    context: &'a Context,
    word2: Word2,
}

impl Pushed<'_> {
    /// The guest waits for an interrupt: from now on one that comes while the context is not pushed has its escalation
    /// fire. Says whether one has fired before and its handler is yet to come: then it must not wait.
    pub(crate) fn arm(&self, _irqs: &IrqsHardDisabled) -> bool {
        let page = once::read_usize(&self.context.escalation);
        if page == 0 {
            return false;
        }
        once::write_u32(&self.context.queued, 0);
        if once::read_u32(&self.context.armed) != 0 {
            // Its entry in the host's queue is there still, and there must not be a second one.
            esb_load(page, esb::SET_PQ_10);
            return true;
        }
        once::write_u32(&self.context.armed, 1);
        esb_load(page, esb::SET_PQ_00);
        false
    }

    /// Takes it from the CPU.
    pub(crate) fn pull(self, _irqs: &IrqsHardDisabled) {
        self.take();
    }

    /// The same for a guest that waits. Returns whether an interrupt has come for it.
    pub(crate) fn pull_waiting(self, _irqs: &IrqsHardDisabled) -> bool {
        let saves_itself = self.word2.saves_itself();
        // What has come since the context was read is in what the pull has left of it.
        self.take().presents() || saves_itself && peek().presents()
    }

    fn take(self) -> ThreadContext {
        // A controller that saves the context itself need not leave all of it here.
        let before = self.word2.saves_itself().then(peek);
        // SAFETY: Interrupts are hard-disabled since it was pushed.
        unsafe { bindings::kvm_ppc_xive_pull() };
        let words01 = before.unwrap_or_else(|| peek().pulled());
        self.context.set_words01(words01);
        words01
    }
}

fn peek() -> ThreadContext {
    // SAFETY: A load without effect, of this CPU's context.
    ThreadContext::from_raw(unsafe { bindings::kvm_ppc_xive_peek() })
}
