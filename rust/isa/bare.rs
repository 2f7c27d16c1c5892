// SPDX-License-Identifier: GPL-2.0

//! Special purpose registers of processors older than the partitions of servers: the 32-bit ones and the 970.
//!
//! Source: the user's manuals of the 750, 7400, 7450 and 970FX. Numbers that mean something else in [`Spr`] are told
//! apart by the processor.

use super::pvr::Bare;
use super::spr::Spr;

/// Half of a pair of BAT registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatHalf {
    /// DBAT, not IBAT.
    pub data: bool,
    /// 0 to 7.
    pub number: u8,
    /// The lower register, not the upper.
    pub lower: bool,
}

/// The BAT register of this number: 528 to 543, and 560 to 575 of processors that have eight pairs.
pub const fn bat(spr: Spr) -> Option<BatHalf> {
    let (first, high) = match spr.raw() {
        528..=543 => (528, 0),
        560..=575 => (560, 4),
        _ => return None,
    };
    let at = (spr.raw() - first) as u8;
    Some(BatHalf {
        data: at >= 8,
        number: high + (at & 7) / 2,
        lower: at & 1 != 0,
    })
}

/// Hypervisor interrupt offset register of the 970, where the vectors begin.
pub const HIOR: Spr = Spr::from_raw(311);
/// Hardware implementation dependent register 5 of the 970.
pub const HID5: Spr = Spr::from_raw(1014);
/// HID5[DCBZ_size]: `dcbz` clears 32 bytes, not 128.
pub const HID5_DCBZ32: u64 = 0x80;

/// Registers that only keep what is written to them, of the 32-bit processors.
const KEPT_32: [u16; 53] = [
    // SPRG4 to 7 and their like, EAR.
    276, 277, 278, 279, 282, //
    // TLBMISS, PTEHI, PTELO of the 7450, GQRs of the 750CL.
    980, 981, 982, 912, 913, 914, 915, 916, 917, 918, 919, 920, 921, 922, 923, 924,
    // MMCR2, BAMR, MMCR0, PMC1 and 2, SIAR, MMCR1, PMC3 and 4.
    944, 951, 952, 953, 954, 955, 956, 957, 958, //
    // PMC5 and 6.
    945, 946, 959, //
    // L3CR and its kin, L2PMCR.
    983, 984, 985, 986, 987, 988, 1016, 1017, 1018, //
    // HID0, HID1, IABR, HID2 or ICTRL, DABR, MSSCR0, MSSSR0, ICTC, THRM1 to 3.
    1008, 1009, 1010, 1011, 1013, 1014, 1015, 1019, 1020, 1021, 1022,
];

/// The same of the 970.
const KEPT_970: [u16; 25] = [
    // ACCR, CTRL, ASR, SCOM.
    29, 136, 152, 280, 276, 277, 282, //
    // MMCRs, PMCs, SIAR, SDAR, IMC.
    786, 787, 788, 789, 790, 791, 792, 793, 794, 795, 796, 797, 798, 799,
    // HID0, HID1, HID4 and, DABR.
    1008, 1009, 1012, 1013,
];

/// The most of them that a processor has; HID5 is kept behind the last.
pub const KEPT: usize = KEPT_32.len() + 1;

/// Where a register is kept, below [`KEPT`]; `None` if it is none of these.
pub fn kept(bare: Bare, spr: Spr) -> Option<usize> {
    let all: &[u16] = match bare {
        Bare::Book3s32 => &KEPT_32,
        Bare::Ppc970 if spr == HID5 => return Some(KEPT - 1),
        Bare::Ppc970 => &KEPT_970,
    };
    all.iter().position(|number| *number == spr.raw())
}

/// What stays of a value that is written: bits that start something read as zero when it is done, which it is at once.
pub const fn when_done(bare: Bare, spr: Spr, val: u64) -> u64 {
    if matches!(bare, Bare::Ppc970) {
        return val;
    }
    let started = match spr.raw() {
        // HID0[ICFI], [DCFI].
        1008 => 0xc00,
        // L2CR[L2I], L3CR[L3I]; L2CR[L2IP], in progress.
        1017 => 0x0020_0001,
        1018 => 0x0000_0400,
        // MSSCR0: flush of the L1 cache by hardware.
        1014 => 0x0080_0000,
        // LDSTCR and THRMs keep theirs.
        _ => 0,
    };
    val & 0xffff_ffff & !started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bat_numbers() {
        let of = |n| bat(Spr::from_raw(n)).map(|b| (b.data, b.number, b.lower));
        assert_eq!(of(528), Some((false, 0, false)));
        assert_eq!(of(535), Some((false, 3, true)));
        assert_eq!(of(536), Some((true, 0, false)));
        assert_eq!(of(543), Some((true, 3, true)));
        assert_eq!(of(560), Some((false, 4, false)));
        assert_eq!(of(575), Some((true, 7, true)));
        assert_eq!(
            (of(527), of(544), of(559), of(576)),
            (None, None, None, None)
        );
    }

    #[test]
    fn kept_registers_do_not_share() {
        for bare in [Bare::Book3s32, Bare::Ppc970] {
            let mut seen = [false; KEPT];
            for at in (0..1024).filter_map(|n| kept(bare, Spr::from_raw(n))) {
                assert!(!seen[at], "{at}");
                seen[at] = true;
            }
            assert!(seen.iter().filter(|s| **s).count() > 25);
        }
        assert_eq!(
            when_done(Bare::Book3s32, Spr::from_raw(1008), 0x8000_cc00),
            0x8000_c000
        );
    }
}
