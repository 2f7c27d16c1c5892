// SPDX-License-Identifier: GPL-2.0

//! Timebase, decrementer, fixed interval timer and watchdog (UM, "Timer Facilities"). Times are timebase ticks of the
//! host; the guest's timebase is that and an offset.

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

/// TSR: the next watchdog time-out is the first of two; it has come; which reset it made.
const TSR_ENW: u32 = 0x8000_0000;
const TSR_WIS: u32 = 0x4000_0000;
/// TSR: the decrementer reached 0.
const TSR_DIS: u32 = 0x0800_0000;
/// TSR: the fixed interval timer's time came.
const TSR_FIS: u32 = 0x0400_0000;

/// The timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timer {
    /// When the decrementer reaches 0; `None`: it has, and stands still.
    zero_at: Option<u64>,
    decar: u32,
    tcr: u32,
    tsr: u32,
    /// Up to when all has happened.
    seen: u64,
    /// The guest's timebase, less the host's.
    offset: u64,
}

/// The watchdog wants a reset: TCR[WRC] (1 core, 2 chip, 3 system).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchdogReset(pub u32);

impl Timer {
    /// Lets happen what is due at `now`.
    pub fn update(&mut self, now: u64) -> Option<WatchdogReset> {
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
        if now < self.seen {
            self.seen = now;
        }
        if self.next_edge(self.fit_shift()) <= now {
            self.tsr |= TSR_FIS;
        }
        let mut reset = None;
        if self.next_edge(self.watchdog_shift()) <= now {
            if self.tsr & TSR_ENW == 0 {
                self.tsr |= TSR_ENW;
            } else if self.tsr & TSR_WIS == 0 {
                self.tsr |= TSR_WIS;
            } else if self.tcr & TCR_WRC != 0 {
                reset = Some(WatchdogReset(self.tcr >> TCR_WRC_SHIFT & 3));
            }
        }
        self.seen = now;
        reset
    }

    /// Periods are 2^13, 2^17, 2^21 or 2^25.
    const fn fit_shift(&self) -> u32 {
        13 + 4 * (self.tcr >> TCR_FP_SHIFT & 3)
    }

    /// Periods are 2^21, 2^25, 2^29 or 2^33.
    const fn watchdog_shift(&self) -> u32 {
        21 + 4 * (self.tcr >> TCR_WP_SHIFT & 3)
    }

    /// [`next_edge`] of the guest's timebase after what has been seen, in the host's.
    const fn next_edge(&self, shift: u32) -> u64 {
        next_edge(self.seen.wrapping_add(self.offset), shift).wrapping_sub(self.offset)
    }

    /// The guest's timebase.
    pub const fn tb(&self, now: u64) -> u64 {
        now.wrapping_add(self.offset)
    }

    /// Writes the guest's timebase. The decrementer does not depend on it.
    pub fn set_tb(&mut self, tb: u64, now: u64) {
        self.set_tb_offset(tb.wrapping_sub(now), now);
    }

    /// The guest's timebase, less the host's.
    pub const fn tb_offset(&self) -> u64 {
        self.offset
    }

    /// Sets that. What happens with bits of the timebase counts from `now`.
    pub fn set_tb_offset(&mut self, offset: u64, now: u64) {
        self.offset = offset;
        self.seen = now;
    }

    /// When the next interrupt is due that is enabled and not yet there; `None` if there is none.
    pub fn deadline(&self) -> Option<u64> {
        let dec = self
            .zero_at
            .filter(|_| self.tcr & TCR_DIE != 0 && self.tsr & TSR_DIS == 0);
        let fit = (self.tcr & TCR_FIE != 0 && self.tsr & TSR_FIS == 0)
            .then(|| self.next_edge(self.fit_shift()));
        let watched = self.tcr & TCR_WRC != 0 || self.tcr & TCR_WIE != 0 && self.tsr & TSR_WIS == 0;
        let watchdog = watched.then(|| self.next_edge(self.watchdog_shift()));
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
    pub fn dec(&self, now: u64) -> u32 {
        self.zero_at.map_or(0, |zero| {
            zero.saturating_sub(now).min(u32::MAX.into()) as u32
        })
    }

    /// Writes DEC. Writing 0 makes no interrupt.
    pub fn set_dec(&mut self, value: u32, now: u64) {
        self.zero_at = (value != 0).then(|| now.wrapping_add(value.into()));
    }

    /// DECAR.
    pub const fn decar(&self) -> u32 {
        self.decar
    }

    /// Writes DECAR.
    pub fn set_decar(&mut self, value: u32) {
        self.decar = value;
    }

    /// TCR.
    pub const fn tcr(&self) -> u32 {
        self.tcr
    }

    /// Writes TCR. WRC can be set, and not cleared again but by a reset. Periods count from `now`.
    pub fn set_tcr(&mut self, value: u32, now: u64) {
        self.tcr = value & 0xffc0_0000 | self.tcr & TCR_WRC;
        self.seen = now;
    }

    /// TSR.
    pub const fn tsr(&self) -> u32 {
        self.tsr
    }

    /// `mtspr TSR`: clears the bits that are 1.
    pub fn clear_tsr(&mut self, bits: u32) {
        self.tsr &= !bits;
    }

    /// Sets TSR to a value, for userspace.
    pub fn set_tsr(&mut self, value: u32) {
        self.tsr = value & 0xfc00_0000;
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
        t.clear_tsr(TSR_DIS);
        t.update(5000);
        assert!(!t.decrementer());
    }

    #[test]
    fn decrementer_reloads() {
        let mut t = Timer::default();
        t.set_tcr(TCR_DIE | TCR_ARE, 0);
        t.set_decar(10);
        t.set_dec(5, 0);
        t.update(5);
        assert!(t.decrementer());
        t.clear_tsr(TSR_DIS);
        assert_eq!(t.deadline(), Some(15));
        t.update(37);
        t.clear_tsr(TSR_DIS);
        assert_eq!((t.deadline(), t.dec(37)), (Some(45), 8));
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
    fn edges_are_those_of_the_guests_timebase() {
        let mut t = Timer::default();
        t.set_tcr(TCR_FIE, 5_000);
        t.set_dec(700, 5_000);
        t.set_tb(0, 5_000);
        assert_eq!((t.tb(5_000), t.tb(5_007)), (0, 7));
        assert_eq!(t.tb_offset(), 5_000u64.wrapping_neg());
        // Bit 12 becomes 1 at 4096 of the guest's.
        assert_eq!(t.deadline(), Some(9_096));
        assert_eq!(t.dec(5_000), 700);
        t.update(9_095);
        assert!(!t.fixed_interval());
        t.update(9_096);
        assert!(t.fixed_interval());
        // Past the end of 64 bits.
        t.clear_tsr(TSR_FIS);
        t.set_tb(u64::MAX, 10_000);
        assert_eq!((t.tb(10_001), t.deadline()), (0, Some(10_001 + 4_096)));
    }

    #[test]
    fn watchdog_bites_the_third_time() {
        let period = 1u64 << 21;
        let mut t = Timer::default();
        t.set_tcr(TCR_WIE | 2 << TCR_WRC_SHIFT, 0);
        assert_eq!(t.update(period), None);
        assert!(!t.watchdog());
        assert_eq!(t.update(2 * period), None);
        assert!(t.watchdog());
        assert_eq!(t.update(3 * period), Some(WatchdogReset(2)));
        // WRC stays.
        t.set_tcr(0, 0);
        assert_eq!(t.tcr(), 2 << TCR_WRC_SHIFT);
    }
}
