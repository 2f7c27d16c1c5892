// SPDX-License-Identifier: GPL-2.0

//! What is known of loops of load and reserve and store conditional (`../reserve.rs`).

/// What an emulated load has reserved.
#[derive(Clone, Copy)]
pub(crate) struct Reservation {
    pub(crate) gpa: u64,
    pub(crate) bytes: u32,
    /// What was loaded, in the host's byte order: a number's high half and its low one.
    pub(crate) value: [u64; 2],
}

/// A vCPU's loops of load and reserve and store conditional.
pub(crate) struct Reserve {
    /// So many instructions may still be executed one by one; 0: they are not, or not for this.
    pub(crate) steps: u32,
    pub(crate) reserved: Option<Reservation>,
    /// The emulated instruction behind which that began, and whether a conditional store came.
    pub(crate) origin: u64,
    pub(crate) concluded: bool,
    /// Emulated instructions that are in such loops.
    pub(crate) known: [u64; 8],
    /// So many of them are there or were, the oldest replaced.
    pub(crate) found: usize,
}

impl Reserve {
    /// No loop is known.
    pub(crate) const fn new() -> Self {
        Self {
            steps: 0,
            reserved: None,
            origin: 0,
            concluded: false,
            known: [u64::MAX; _],
            found: 0,
        }
    }

    /// Is the guest run one instruction at a time for this?
    #[inline]
    pub(crate) fn stepping(&self) -> bool {
        self.steps != 0
    }

    /// The reservation is lost: the guest takes an interrupt, or is no longer run one instruction at a time.
    #[inline]
    pub(crate) fn lose(&mut self) {
        self.steps = 0;
        self.reserved = None;
    }

    /// The emulated instruction at `ea` is in such a loop.
    pub(crate) fn remember(&mut self, ea: u64) {
        let at = self.found % self.known.len();
        if let Some(slot) = self.known.get_mut(at) {
            *slot = ea;
        }
        self.found = self.found.wrapping_add(1).max(1);
    }

    /// The emulated instruction at `ea` is not in such a loop after all.
    pub(crate) fn forget(&mut self, ea: u64) {
        for slot in self.known.iter_mut().filter(|slot| **slot == ea) {
            *slot = u64::MAX;
        }
    }
}
