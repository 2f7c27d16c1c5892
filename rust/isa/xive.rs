// SPDX-License-Identifier: GPL-2.0

//! The registers of the XIVE interrupt controller that a hypervisor uses.
//!
//! Source: the POWER9 External Interrupt Virtualization Engine's description in the POWER9 user manual, and OPAL's
//! "XIVE" document, which describes what is common to POWER9 and POWER10.

/// Words 0 and 1 of a thread's OS context in the thread interrupt management area, word 0 above: from the most
/// significant byte on NSR, CPPR, IPB, LSMFB, ACK#, INC, AGE, PIPR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThreadContext(u64);

impl ThreadContext {
    /// Of a virtual processor that takes no interrupt yet, as OPAL makes it: ACK# all ones, which has no meaning here.
    pub const RESET: Self = Self(0xff << 24);
    /// NSR's bit that says that an interrupt waits for the OS.
    const NSR_EO: u8 = 0x80;
    const IPB_SHIFT: u32 = 40;

    /// The registers with this value.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// Their value.
    pub const fn raw(self) -> u64 {
        self.0
    }

    const fn byte(self, n: u32) -> u8 {
        (self.0 >> (56 - 8 * n)) as u8
    }

    /// The priority of what the processor does; only more favoured interrupts are presented.
    pub const fn cppr(self) -> u8 {
        self.byte(1)
    }

    /// The priorities of interrupts that are pending, the most favoured one the most significant bit.
    pub const fn ipb(self) -> u8 {
        self.byte(2)
    }

    /// With the pending priorities of `state`, which is laid out in the same way, too.
    #[must_use]
    pub const fn with_pending_of(self, state: u64) -> Self {
        Self(self.0 | state & (0xff << Self::IPB_SHIFT))
    }

    /// Is an interrupt presented, or would one be?
    pub const fn presents(self) -> bool {
        self.byte(0) & Self::NSR_EO != 0 || self.pending_priority() < self.cppr()
    }

    // PIPR is kept by some processors only; IPB says the same.
    const fn pending_priority(self) -> u8 {
        match self.ipb() {
            0 => 0xff,
            ipb => ipb.leading_zeros() as u8,
        }
    }

    /// As they are to be stored when the context is pushed again: LSMFB 0, so that all that is pending in memory is looked
    /// for, and ACK# as after a reset.
    #[must_use]
    pub const fn pulled(self) -> Self {
        const LSMFB: u64 = 0xff << 32;
        const ACK: u64 = 0xff << 24;
        Self(self.0 & !LSMFB | ACK)
    }

    /// The pending priorities, the most favoured first.
    pub fn pending(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |priority| self.ipb() & (0x80 >> priority) != 0)
    }
}

/// Word 2 of the OS context: the virtual processor's number in the form that the presenter matches, and what goes with
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word2(u32);

impl Word2 {
    /// The context is valid.
    const VO: u32 = 1 << 31;
    /// The controller saves and restores the context itself when it is pulled and pushed (POWER10).
    const HO: u32 = 1 << 30;

    /// A valid context of the virtual processor that OPAL says has this CAM line.
    pub const fn of_cam(cam: u32) -> Self {
        Self(cam | Self::VO)
    }

    /// The register with this value; 0 is no context.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// Its value.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// Does the controller save and restore the rest?
    pub const fn saves_itself(self) -> bool {
        self.0 & Self::HO != 0
    }
}

/// What loads from a source's management page do, by their offset. All return P and Q as they were.
pub mod esb {
    /// P and Q become 0: the source may fire.
    pub const SET_PQ_00: u32 = 0xc00;
    /// Q alone is set: the source is off, and forgets what comes.
    pub const SET_PQ_01: u32 = 0xd00;
    /// P alone is set: the source has fired and is not ended.
    pub const SET_PQ_10: u32 = 0xe00;
    /// P in what a load returns.
    pub const P: u8 = 2;
}

/// The priorities that guests can use: 7 is the hypervisor's where all of a processor's escalations share one interrupt.
pub const PRIORITIES: u8 = 7;

/// The priority of a source that is not routed.
pub const MASKED: u8 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_presents_nothing() {
        assert!(!ThreadContext::RESET.presents());
        assert_eq!(ThreadContext::RESET.pending().count(), 0);
    }

    #[test]
    fn presents_what_is_more_favoured() {
        for cppr in 0..=8u64 {
            for ipb in 0..=0xffu64 {
                let tm = ThreadContext::from_raw(cppr << 48 | ipb << 40);
                let first = tm.pending().next();
                assert_eq!(tm.presents(), first.is_some_and(|p| u64::from(p) < cppr));
                assert_eq!(tm.pending().count() as u32, ipb.count_ones());
                assert_eq!(u64::from(tm.cppr()), cppr);
            }
        }
        // What is presented is not acknowledged yet.
        assert!(ThreadContext::from_raw(0x80 << 56).presents());
    }

    #[test]
    fn pending_of_both() {
        let tm = ThreadContext::from_raw(0xff << 48 | 0x40 << 40);
        let both = tm.with_pending_of(0x1234_0200_0000_0000);
        assert!(both.pending().eq([1, 6]));
        assert_eq!(both.cppr(), 0xff);
    }

    #[test]
    fn pulled() {
        let tm = ThreadContext::from_raw(0x0102_0304_0506_0708).pulled();
        assert_eq!(tm.raw(), 0x0102_0300_ff06_0708);
    }

    #[test]
    fn word_2() {
        let word = Word2::of_cam(0x4000_0123);
        assert!(word.saves_itself());
        assert_eq!(word.raw(), 0xc000_0123);
        assert!(!Word2::of_cam(0x123).saves_itself());
    }
}
