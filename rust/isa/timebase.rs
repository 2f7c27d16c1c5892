// SPDX-License-Identifier: GPL-2.0

//! Times in ticks of the timebase, ISA Book II, "Time Base".
//!
//! A guest's timebase may be ahead of the host's by any offset, so that a guest's time, as a host time, can be
//! negative; and the timebases of the host's CPUs may differ by some ticks. So times are compared modulo 2^64: a time
//! that is less than 2^63 ticks before another is past.

/// Ticks from one time to another; 0 if `to` comes before `from`.
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

/// How late, in ticks, a decrementer of 32 bits may be when a guest is entered. At most as many ticks pass until the
/// guest is entered again, and the decrementer stays negative for all that time.
const LATEST: u64 = 1 << 30;

/// The expiry of a decrementer of 32 bits, moved near enough to `now` that the decrementer has the right sign. The
/// interrupt is pending while bit 32 is 1 (ISA Book III, "Decrementer"), so an expiry too far in the past would look
/// future, and one too far in the future would look past.
#[inline]
pub const fn decrementer_32(now: u64, expires: u64) -> u64 {
    let dec = expires.wrapping_sub(now);
    // One comparison tests both bounds, because this is done at each entry.
    if dec.wrapping_add(LATEST) <= LATEST + i32::MAX as u64 {
        expires
    } else if (dec as i64) < 0 {
        now.wrapping_sub(LATEST)
    } else {
        now.wrapping_add(i32::MAX as u64)
    }
}

/// The value of a decrementer of 32 bits that becomes negative at `expires`. An expiry beyond its range gives the
/// range's end on that side.
pub const fn decrementer_value(now: u64, expires: u64) -> i32 {
    let left = expires.wrapping_sub(now) as i64;
    if left > i32::MAX as i64 {
        i32::MAX
    } else if left < i32::MIN as i64 {
        i32::MIN
    } else {
        left as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decrementer_tells_what_it_can() {
        let now = u64::MAX - 5;
        for (left, dec) in [
            (0, 0),
            (100, 100),
            (-1, -1),
            (0x7fff_ffff, i32::MAX),
            (0x8000_0000, i32::MAX),
            (1 << 40, i32::MAX),
            (-0x8000_0000, i32::MIN),
            (-0x8000_0001, i32::MIN),
            (-(1 << 40), i32::MIN),
        ] {
            let expires = now.wrapping_add_signed(left);
            assert_eq!(decrementer_value(now, expires), dec, "{left}");
        }
    }

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

    /// The value that the register of 32 bits has.
    fn dec(now: u64, expires: u64) -> i32 {
        decrementer_32(now, expires).wrapping_sub(now) as i32
    }

    #[test]
    fn decrementer_of_32_bits() {
        for now in [0, 5000, 1 << 40, u64::MAX - 10] {
            // Expiries within the range stay as they are.
            for ticks in [0, 1, -1, i64::from(i32::MAX), -(1 << 30)] {
                let expires = now.wrapping_add(ticks as u64);
                assert_eq!(decrementer_32(now, expires), expires);
            }
            // However late the expiry is, it is past, and it stays past until the guest is entered again.
            for late in [
                1u64 << 30,
                (1 << 31) + 1,
                1 << 32,
                (1 << 32) + 5,
                3 << 31,
                1 << 62,
            ] {
                let dec = dec(now, now.wrapping_sub(late));
                assert!(dec < 0 && dec.checked_sub((1 << 30) - 1).is_some());
            }
            // However far the expiry is, it is future.
            for far in [1u64 << 31, (1 << 32) - 1, 3 << 31, 1 << 62] {
                assert_eq!(dec(now, now.wrapping_add(far)), i32::MAX);
            }
        }
    }
}
