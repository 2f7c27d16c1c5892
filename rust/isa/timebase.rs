// SPDX-License-Identifier: GPL-2.0

//! Times in ticks of the timebase, ISA Book II, "Time Base".
//!
//! A guest's timebase may be ahead of the host's by any offset, so that a time of its own can lie before the host's
//! timebase began; and the timebases of a host's CPUs need not agree to the tick. What is nearer in the past than in
//! the future is past.

/// Ticks from one time to another; none if `to` comes before `from`.
#[inline]
pub const fn ticks(from: u64, to: u64) -> u64 {
    let ticks = to.wrapping_sub(from);
    if ticks as i64 > 0 {
        ticks
    } else {
        0
    }
}

/// Has `time` come?
#[inline]
pub const fn reached(now: u64, time: u64) -> bool {
    ticks(now, time) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_way() {
        assert_eq!(ticks(1000, 1500), 500);
        assert_eq!(ticks(1500, 1000), 0);
        assert!(reached(7, 7) && reached(8, 7) && !reached(6, 7));
    }

    #[test]
    fn before_the_host_began() {
        // A guest that is 2^45 ticks old on a host that is 5,000.
        let expired = 1000u64.wrapping_sub(1 << 45);
        assert!(reached(5000, expired));
        assert_eq!(ticks(5000, expired), 0);
        assert_eq!(ticks(u64::MAX, 9), 10);
        assert!(!reached(u64::MAX, 9));
    }
}
