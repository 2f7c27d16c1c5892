// SPDX-License-Identifier: GPL-2.0

//! Decrementer, fixed interval timer and watchdog (UM, "Timer Facilities"). Times are ticks of the timebase, which is
//! the host's: the guest reads it without privilege, and what it writes there is ignored (Documentation/e44x.rst).
//!
//! Nothing here runs by itself. Each function that takes a time first accounts for all that was due up to that time.

use crate::isa::e44x::registers::{TCR_BITS, TSR_BITS};

/// TCR: watchdog period, what its second time-out resets, watchdog interrupt enable.
const TCR_WP_SHIFT: u32 = 30;
const TCR_WRC_SHIFT: u32 = 28;
const TCR_WRC: u32 = 3 << TCR_WRC_SHIFT;
const TCR_WIE: u32 = 0x0800_0000;
/// TCR: decrementer interrupt enable.
const TCR_DIE: u32 = 0x0400_0000;
/// TCR: fixed interval timer period and interrupt enable.
const TCR_FP_SHIFT: u32 = 24;
const TCR_FIE: u32 = 0x0080_0000;
/// TCR: the decrementer starts again from DECAR.
const TCR_ARE: u32 = 0x0040_0000;

/// TSR: ENW (the next watchdog time-out has an effect), WIS (watchdog interrupt), WRS (which reset the watchdog made).
const TSR_ENW: u32 = 0x8000_0000;
const TSR_WIS: u32 = 0x4000_0000;
/// TSR: the decrementer reached 0.
const TSR_DIS: u32 = 0x0800_0000;
/// TSR: the fixed interval timer's period ended.
const TSR_FIS: u32 = 0x0400_0000;

/// The timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timer {
    /// When the decrementer reaches 0. `None` if it has reached 0 and stands still.
    zero_at: Option<u64>,
    decar: u32,
    tcr: u32,
    tsr: u32,
    /// The time up to which everything that was due has been accounted for.
    seen: u64,
    /// A reset that the watchdog has requested and that has not been carried out yet.
    reset: Option<WatchdogReset>,
}

/// A reset that the watchdog requests, as in TCR[WRC] (1 core, 2 chip, 3 system).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchdogReset(pub u32);

impl Timer {
    /// The timers of a processor that is created at `now`. None of them runs.
    pub fn new(now: u64) -> Self {
        Self {
            seen: now,
            ..Self::default()
        }
    }

    /// Accounts for all that was due up to `now`.
    pub fn update(&mut self, now: u64) {
        if let Some(zero) = self.zero_at {
            if now >= zero {
                self.tsr |= TSR_DIS;
                let again = u64::from(self.decar);
                self.zero_at = if self.tcr & TCR_ARE != 0 && again != 0 {
                    Some(
                        now.wrapping_add(again)
                            .wrapping_sub(remainder(now - zero, again)),
                    )
                } else {
                    None
                };
            }
        }
        if edges(self.seen, now, self.fit_shift()) != 0 {
            self.tsr |= TSR_FIS;
        }
        // After three time-outs, more of them change nothing.
        for _ in 0..edges(self.seen, now, self.watchdog_shift()).min(3) {
            self.watchdog_edge();
        }
        self.seen = now;
    }

    /// Handles a time-out of the watchdog (UM, "Watchdog State Machine").
    fn watchdog_edge(&mut self) {
        if self.tsr & TSR_ENW == 0 {
            self.tsr |= TSR_ENW;
        } else if self.tsr & TSR_WIS == 0 {
            self.tsr |= TSR_WIS;
        } else if self.tcr & TCR_WRC != 0 {
            self.reset = Some(WatchdogReset(self.tcr >> TCR_WRC_SHIFT & 3));
        }
    }

    /// Takes the reset that the watchdog has requested, if any.
    pub fn take_reset(&mut self) -> Option<WatchdogReset> {
        self.reset.take()
    }

    /// Periods are 2^13, 2^17, 2^21 or 2^25.
    const fn fit_shift(&self) -> u32 {
        13 + 4 * (self.tcr >> TCR_FP_SHIFT & 3)
    }

    /// Periods are 2^21, 2^25, 2^29 or 2^33.
    const fn watchdog_shift(&self) -> u32 {
        21 + 4 * (self.tcr >> TCR_WP_SHIFT & 3)
    }

    /// When the next enabled interrupt that is not pending yet becomes due; `None` if none does.
    pub fn deadline(&self) -> Option<u64> {
        let dec = self
            .zero_at
            .filter(|_| self.tcr & TCR_DIE != 0 && self.tsr & TSR_DIS == 0);
        let fit = (self.tcr & TCR_FIE != 0 && self.tsr & TSR_FIS == 0)
            .then(|| next_edge(self.seen, self.fit_shift()));
        let watched = self.tcr & TCR_WRC != 0 || self.tcr & TCR_WIE != 0 && self.tsr & TSR_WIS == 0;
        let watchdog = watched.then(|| next_edge(self.seen, self.watchdog_shift()));
        [dec, fit, watchdog].into_iter().flatten().min()
    }

    /// Is a decrementer interrupt due?
    pub const fn decrementer(&self) -> bool {
        self.tcr & TCR_DIE != 0 && self.tsr & TSR_DIS != 0
    }

    /// Is a fixed interval timer interrupt due?
    pub const fn fixed_interval(&self) -> bool {
        self.tcr & TCR_FIE != 0 && self.tsr & TSR_FIS != 0
    }

    /// Is a watchdog interrupt due?
    pub const fn watchdog(&self) -> bool {
        self.tcr & TCR_WIE != 0 && self.tsr & TSR_WIS != 0
    }

    /// DEC.
    pub fn dec(&mut self, now: u64) -> u32 {
        self.update(now);
        self.zero_at.map_or(0, |zero| {
            zero.saturating_sub(now).min(u32::MAX.into()) as u32
        })
    }

    /// Writes DEC. Writing 0 does not cause an interrupt.
    pub fn set_dec(&mut self, value: u32, now: u64) {
        self.update(now);
        self.zero_at = (value != 0).then(|| now.wrapping_add(value.into()));
    }

    /// DECAR.
    pub const fn decar(&self) -> u32 {
        self.decar
    }

    /// Writes DECAR, from which the decrementer starts when it reaches 0 the next time.
    pub fn set_decar(&mut self, value: u32, now: u64) {
        self.update(now);
        self.decar = value;
    }

    /// TCR.
    pub const fn tcr(&self) -> u32 {
        self.tcr
    }

    /// Writes TCR, for userspace. What was due under the old value is accounted for first.
    pub fn set_tcr(&mut self, value: u32, now: u64) {
        self.update(now);
        self.tcr = value & TCR_BITS;
    }

    /// `mtspr TCR`: once set, bits of WRC can be cleared only by a reset.
    pub fn write_tcr(&mut self, value: u32, now: u64) {
        self.set_tcr(value | self.tcr & TCR_WRC, now);
    }

    /// TSR.
    pub fn tsr(&mut self, now: u64) -> u32 {
        self.update(now);
        self.tsr
    }

    /// `mtspr TSR`: clears the bits that are 1.
    pub fn clear_tsr(&mut self, bits: u32, now: u64) {
        self.update(now);
        self.tsr &= !bits;
    }

    /// Sets TSR, for userspace. A reset that the watchdog has requested before is dropped.
    pub fn set_tsr(&mut self, value: u32, now: u64) {
        self.update(now);
        self.tsr = value & TSR_BITS;
        self.reset = None;
    }
}

/// `a % b`, for 32-bit kernels, which have no division of doublewords. `b` is not 0.
const fn remainder(mut a: u64, b: u64) -> u64 {
    let mut shift = b.leading_zeros().saturating_sub(a.leading_zeros());
    loop {
        if a >= b << shift {
            a -= b << shift;
        }
        if shift == 0 {
            return a;
        }
        shift -= 1;
    }
}

/// The first time after `t` at which a bit of the timebase becomes 1 that does so every 2^`shift` ticks.
const fn next_edge(t: u64, shift: u32) -> u64 {
    let period = 1u64 << shift;
    let half = period / 2;
    (t.wrapping_add(half) & !(period - 1)).wrapping_add(half)
}

/// How often that happened after `from`, up to and including `to`; 0 if time went back.
const fn edges(from: u64, to: u64, shift: u32) -> u64 {
    if to <= from {
        return 0;
    }
    let half = (1u64 << shift) / 2;
    (to.wrapping_add(half) >> shift).wrapping_sub(from.wrapping_add(half) >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decrementer_counts_down_once() {
        let mut t = Timer::default();
        t.set_tcr(TCR_DIE, 0);
        t.set_dec(100, 1000);
        assert_eq!((t.dec(1000), t.dec(1099)), (100, 1));
        assert_eq!(t.deadline(), Some(1100));
        t.update(1099);
        assert!(!t.decrementer());
        t.update(1100);
        assert!(t.decrementer());
        assert_eq!((t.dec(1200), t.deadline()), (0, None));
        t.clear_tsr(TSR_DIS, 1200);
        t.update(5000);
        assert!(!t.decrementer());
    }

    #[test]
    fn decrementer_reloads() {
        let mut t = Timer::default();
        t.set_tcr(TCR_DIE | TCR_ARE, 0);
        t.set_decar(10, 0);
        t.set_dec(5, 0);
        t.update(5);
        assert!(t.decrementer());
        t.clear_tsr(TSR_DIS, 5);
        assert_eq!(t.deadline(), Some(15));
        t.update(37);
        t.clear_tsr(TSR_DIS, 37);
        assert_eq!((t.deadline(), t.dec(37)), (Some(45), 8));
        // The decrementer was reloaded although nothing read it meanwhile.
        assert_eq!(t.dec(46), 9);
    }

    #[test]
    fn remainders() {
        for a in [0, 1, 9, 10, 11, 1 << 40, u64::MAX] {
            for b in [1, 2, 10, 0xffff_ffff] {
                assert_eq!(remainder(a, b), a % b);
            }
        }
    }

    #[test]
    fn disabled_interrupts_are_kept() {
        let mut t = Timer::default();
        t.set_dec(1, 0);
        assert_eq!(t.deadline(), None);
        t.update(2);
        assert!(!t.decrementer());
        t.set_tcr(TCR_DIE, 2);
        assert!(t.decrementer());
    }

    /// Writes and reads of the guest's kernel take effect after what was due before, even if nothing accounted for that
    /// until then.
    #[test]
    fn what_was_due_comes_first() {
        let expired = || {
            let mut t = Timer::default();
            t.set_dec(10, 0);
            t
        };
        // A new value does not clear the status of the old one's expiry.
        let mut t = expired();
        t.set_dec(1000, 20);
        assert_eq!(t.tsr(20), TSR_DIS);
        assert_eq!(t.dec(20), 1000);
        let mut t = expired();
        assert_eq!((t.tsr(9), t.tsr(10)), (0, TSR_DIS));
        // Once cleared, it does not come again.
        let mut t = expired();
        t.clear_tsr(TSR_DIS, 20);
        assert_eq!(t.tsr(30), 0);
        // What happens depends on the values that ARE and DECAR have at the expiry.
        let mut t = expired();
        t.set_tcr(TCR_ARE, 20);
        t.set_decar(5, 20);
        assert_eq!(t.dec(21), 0);
        let mut t = expired();
        t.set_tcr(TCR_ARE, 0);
        t.set_decar(100, 0);
        t.set_decar(7, 20);
        assert_eq!(t.dec(20), 90);
    }

    /// Edges of timebase bits before a write of TCR selects other bits are not lost.
    #[test]
    fn edges_before_a_write_of_tcr() {
        let mut t = Timer::new(100);
        t.set_tcr(TCR_FIE, 100);
        t.set_tcr(TCR_FIE | 3 << TCR_FP_SHIFT, 5000);
        assert!(t.fixed_interval());
        t.clear_tsr(TSR_FIS, 5000);
        // The period is 2^25 now.
        assert_eq!(t.tsr(0xff_ffff), TSR_ENW | TSR_WIS);
        assert_eq!(t.tsr(0x100_0000), TSR_ENW | TSR_WIS | TSR_FIS);

        let mut t = Timer::new(0);
        t.set_tcr(1 << TCR_WP_SHIFT, 1 << 21);
        assert_eq!(t.tsr(1 << 21), TSR_ENW | TSR_FIS);
    }

    /// Nothing that was due before a processor is created counts for it.
    #[test]
    fn nothing_before_the_beginning() {
        let now = 0x1234_5678_9abc_def0;
        let mut t = Timer::new(now);
        assert_eq!(t.tsr(now), 0);
        // A timebase that goes back causes nothing.
        assert_eq!(t.tsr(now - (1 << 40)), 0);
    }

    #[test]
    fn fixed_interval_comes_at_edges() {
        assert_eq!(next_edge(0, 13), 1 << 12);
        assert_eq!(next_edge(1 << 12, 13), 3 << 12);
        assert_eq!(next_edge((1 << 13) - 1, 13), 3 << 12);
        let mut t = Timer::default();
        t.set_tcr(TCR_FIE, 100);
        assert_eq!(t.deadline(), Some(4096));
        t.update(4095);
        assert!(!t.fixed_interval());
        t.update(4096);
        assert!(t.fixed_interval());
    }

    #[test]
    fn edges_are_counted() {
        for shift in [13, 21] {
            for from in [
                0u64, 1, 0xfff, 0x1000, 0x1001, 0xf_ffff, 0x10_0000, 0x12_3456,
            ] {
                let mut at = from;
                for n in 0..5 {
                    assert_eq!(edges(from, at, shift), n, "{from:#x} to {at:#x}");
                    let next = next_edge(at, shift);
                    assert_eq!(edges(from, next - 1, shift), n);
                    at = next;
                }
            }
        }
        assert_eq!(edges(5000, 4000, 13), 0);
        // If the time wraps at 64 bits, nothing is counted, and nothing overflows.
        assert_eq!(edges(u64::MAX, 5000, 13), 0);
    }

    #[test]
    fn watchdog_bites_the_third_time() {
        let period = 1u64 << 21;
        let mut t = Timer::default();
        t.set_tcr(TCR_WIE | 2 << TCR_WRC_SHIFT, 0);
        t.update(period);
        assert!(!t.watchdog());
        t.update(2 * period);
        assert!(t.watchdog());
        assert_eq!(t.take_reset(), None);
        t.update(3 * period);
        assert_eq!(t.take_reset(), Some(WatchdogReset(2)));
        assert_eq!(t.take_reset(), None);
        // The guest cannot clear WRC.
        t.write_tcr(0, 3 * period);
        assert_eq!(t.tcr(), 2 << TCR_WRC_SHIFT);
        t.write_tcr(1 << TCR_WRC_SHIFT, 3 * period);
        assert_eq!(t.tcr(), 3 << TCR_WRC_SHIFT);
        t.set_tcr(0, 3 * period);
        assert_eq!(t.tcr(), 0);
    }

    /// Each time-out is accounted for, however late.
    #[test]
    fn watchdog_time_outs_are_not_lost() {
        let period = 1u64 << 21;
        let mut t = Timer::default();
        assert_eq!(t.tsr(2 * period) & (TSR_ENW | TSR_WIS), TSR_ENW | TSR_WIS);
        let mut t = Timer::default();
        t.set_tcr(3 << TCR_WRC_SHIFT, 0);
        assert_ne!(t.tsr(1000 * period), 0);
        assert_eq!(t.take_reset(), Some(WatchdogReset(3)));
        // Setting TSR drops a reset that was requested before.
        t.update(1001 * period);
        t.set_tsr(0, 1001 * period);
        assert_eq!(t.take_reset(), None);
    }
}
