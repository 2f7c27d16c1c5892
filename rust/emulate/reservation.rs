// SPDX-License-Identifier: GPL-2.0

//! Finds the load that made a reservation (`lwarx` and the like) from an instruction between it and the conditional
//! store (`stwcx.` and the like).
//!
//! A guest that exits between the two loses its reservation, so a loop that has an instruction between them that is
//! always emulated would never end. Whoever emulates such an instruction looks for the load here, and emulates what
//! follows up to the store.

use crate::isa::insn::Insn;

/// How many instructions before the one that is emulated are searched for the load.
pub const LOOK_BACK: u32 = 16;

/// Bytes that `lqarx` and `stqcx.` access. They have two registers: RT, which is even and holds the high half of the
/// number in either byte order, and RT + 1.
pub const QUADWORD: u32 = 16;

/// A load that makes a reservation, and which of its registers still hold what they held or got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reserving {
    /// How many instructions it is before the one that the search began at: 1 is the one just before.
    pub back: u32,
    /// Its RA; 0 stands for the value 0.
    pub ra: u8,
    /// Its RB. RA and RB still hold what made its address.
    pub rb: u8,
    /// Its RT, if that still holds what was loaded.
    pub rt: Option<u8>,
    /// Bytes that it loads: 1, 2, 4 or 8.
    pub bytes: u32,
}

/// Bytes that a load with reservation loads; `None` for other instructions, and for invalid forms of `lqarx`: RT is
/// odd, or is RA or RB (ISA 3.0B Book II 4.6.2).
pub const fn reserves(insn: Insn) -> Option<u32> {
    match (insn.prefix(), insn.po(), insn.xo()) {
        (None, 31, 52) => Some(1),
        (None, 31, 116) => Some(2),
        (None, 31, 20) => Some(4),
        (None, 31, 84) => Some(8),
        (None, 31, 276) if insn.rt() & 1 == 0 => match insn.rt() {
            rt if rt == insn.ra() || rt == insn.rb() => None,
            _ => Some(QUADWORD),
        },
        _ => None,
    }
}

/// Bytes that a conditional store stores; `None` for other instructions, and for `stqcx.` of an odd register.
pub const fn concludes(insn: Insn) -> Option<u32> {
    match (insn.prefix(), insn.po(), insn.xo()) {
        (None, 31, 694) => Some(1),
        (None, 31, 726) => Some(2),
        (None, 31, 150) => Some(4),
        (None, 31, 214) => Some(8),
        (None, 31, 182) if insn.rt() & 1 == 0 => Some(QUADWORD),
        _ => None,
    }
}

/// A number of `bytes` bytes (1, 2, 4, 8 or 16), given as its high and its low 64 bits; with `other`, its bytes are
/// reversed. Bits of the lower half that are above the number, as a register may have, are cleared.
pub const fn ordered(val: [u64; 2], bytes: u32, other: bool) -> [u64; 2] {
    let [high, low] = val;
    if bytes == QUADWORD {
        return match other {
            false => [high, low],
            true => [low.swap_bytes(), high.swap_bytes()],
        };
    }
    let unused = 8u32.saturating_sub(bytes) * 8 % u64::BITS;
    match other {
        false => [0, low << unused >> unused],
        true => [0, (low << unused).swap_bytes()],
    }
}

/// Is a conditional store reached before another reservation is made? `words` are the instruction words from here on.
/// Conditional branches are assumed not to be taken.
pub fn is_concluded(words: impl Iterator<Item = u32>) -> bool {
    for word in words {
        let insn = Insn::word(word);
        if concludes(insn).is_some() {
            return true;
        }
        let left = match insn.po() {
            17 | 18 => true,
            // rfid, rfi, hrfid
            19 => {
                matches!(insn.xo(), 16 | 528) && !goes_on(insn)
                    || matches!(insn.xo(), 18 | 50 | 274)
            }
            _ => false,
        };
        if left || reserves(insn).is_some() {
            return false;
        }
    }
    false
}

/// Looks for the load whose reservation is held at an instruction, if that was reached from the instructions that stand
/// before it. `before` are the words before it, the nearest first.
///
/// `None` if there is no such load, or if that is not certain: an instruction after the load is not known here, or is
/// not followed by the next one in memory, or the load's address is not known any more. Also `None` for `lqarx`, which
/// the processors whose instructions are looked at here do not have.
pub fn reserving(before: impl Iterator<Item = u32>) -> Option<Reserving> {
    let mut written = 0;
    for (back, word) in (1..=LOOK_BACK).zip(before) {
        let insn = Insn::word(word);
        if let Some(bytes) = reserves(insn) {
            if bytes == QUADWORD {
                return None;
            }
            let (rt, ra, rb) = (insn.rt(), insn.ra(), insn.rb());
            let kept = |r: u8| bit(r) & written == 0;
            let address = |r: u8| kept(r) && r != rt;
            return ((ra == 0 || address(ra)) && address(rb)).then_some(Reserving {
                back,
                ra,
                rb,
                rt: kept(rt).then_some(rt),
                bytes,
            });
        }
        if concludes(insn).is_some() {
            return None;
        }
        written |= gprs_written(insn)?;
    }
    None
}

const fn bit(gpr: u8) -> u32 {
    1 << (gpr & 31)
}

/// The GPRs that an instruction writes, bit n for GPR n. `None` if the instruction is not known here, or if execution
/// may go on elsewhere than at the next instruction or at a branch's target (a call or an interrupt return, for
/// instance).
fn gprs_written(insn: Insn) -> Option<u32> {
    let rt = bit(insn.rt());
    let ra = bit(insn.ra());
    Some(match insn.po() {
        // twi, cmpli, cmpi; stw, stb, sth; lfs, lfd, stfs, stfd
        3 | 10 | 11 | 36 | 38 | 44 | 48 | 50 | 52 | 54 => 0,
        // mulli, subfic, addic, addic., addi, addis; lwz, lbz, lhz, lha
        7 | 8 | 12..=15 | 32 | 34 | 40 | 42 => rt,
        // rlwimi, rlwinm, rlwnm, and immediate logical operations; rld..
        20 | 21 | 23..=30 => ra,
        // With update: loads; stores, and those of floating-point registers
        33 | 35 | 41 | 43 => rt | ra,
        37 | 39 | 45 | 49 | 51 | 53 | 55 => ra,
        // lmw, stmw
        46 => !0 << (insn.rt() & 31),
        47 => 0,
        // ld, lwa; ldu
        58 => match insn.xo_ds() {
            0 | 2 => rt,
            1 => rt | ra,
            _ => return None,
        },
        // std; stdu
        62 => match insn.xo_ds() {
            0 => 0,
            1 => ra,
            _ => return None,
        },
        16 if goes_on(insn) => 0,
        19 => match insn.xo() {
            // bclr, bcctr
            16 | 528 if goes_on(insn) => 0,
            // mcrf, CR logical operations, isync
            0 | 33 | 129 | 150 | 193 | 225 | 257 | 289 | 417 | 449 => 0,
            _ => return None,
        },
        31 => return extended(insn),
        _ => return None,
    })
}

/// Is it a conditional branch that does not set LR?
const fn goes_on(insn: Insn) -> bool {
    const ALWAYS: u8 = 0b10100;
    insn.rt() & ALWAYS != ALWAYS && !insn.rc()
}

/// [`gprs_written`] for primary opcode 31.
fn extended(insn: Insn) -> Option<u32> {
    let rt = bit(insn.rt());
    let ra = bit(insn.ra());
    // isel has an operand in the upper half of the field that is XO in the others.
    if insn.xo() & 0x1f == 15 {
        return Some(rt);
    }
    // Bit 21 is OE in these.
    if let 8 | 10 | 40 | 104 | 136 | 138 | 200 | 202 | 232..=235 | 266 | 457 | 459 | 489 | 491 =
        insn.xo() & 0x1ff
    {
        return Some(rt);
    }
    Some(match insn.xo() {
        // cmp, cmpl, tw, td, mtcrf, mcrxr
        0 | 32 | 4 | 68 | 144 | 512 => 0,
        // Caches and ordering: icbt, dcbst, dcbf, dcbt, dcbtst, sync, dcba, eieio, icbi, dcbz
        22 | 54 | 86 | 246 | 278 | 598 | 758 | 854 | 982 | 1014 => 0,
        // dccci, dcbi, iccci, tlbsync, tlbie, tlbiel
        454 | 470 | 966 | 566 | 306 | 274 => 0,
        // mtspr, mtdcr, mtmsr, mtmsrd, wrtee, wrteei, mtsr, mtsrin, tlbwe, slbmte, slbie, slbia
        467 | 451 | 146 | 178 | 131 | 163 | 210 | 242 | 978 | 402 | 434 | 498 => 0,
        // Stores, byte-reversed ones, strings; those of floating-point registers, and loads of these
        149 | 151 | 215 | 407 | 660 | 662 | 918 | 661 | 725 => 0,
        663 | 727 | 983 | 535 | 599 | 855 | 887 => 0,
        // Loads, and byte-reversed ones
        21 | 23 | 87 | 279 | 341 | 343 | 532 | 534 | 790 => rt,
        // mulhdu, mulhwu, mulhd, mulhw
        9 | 11 | 73 | 75 => rt,
        // mfcr, mfmsr, mfspr, mftb, mfdcr, mfsr, mfsrin, tlbre, tlbsx, slbmfev, slbmfee
        19 | 83 | 339 | 371 | 323 | 595 | 659 | 946 | 914 | 851 | 915 => rt,
        // Loads with update; stores with it, and those of floating-point registers
        53 | 55 | 119 | 311 | 373 | 375 => rt | ra,
        181 | 183 | 247 | 439 | 567 | 631 | 695 | 759 => ra,
        // and, andc, or, orc, xor, nor, nand, eqv
        28 | 60 | 444 | 412 | 316 | 124 | 476 | 284 => ra,
        // extsb, extsh, extsw, cntlzw, cntlzd, popcntb, popcntw, popcntd, cmpb, dlmzb
        954 | 922 | 986 | 26 | 58 | 122 | 378 | 506 | 508 | 78 => ra,
        // slw, sld, srw, srd, sraw, srad, srawi, sradi
        24 | 27 | 536 | 539 | 792 | 794 | 824 | 826 | 827 => ra,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LWARX_5_0_3: u32 = 0x7ca0_1828;
    const STWCX_5_0_3: u32 = 0x7ca0_192d;
    const ADDI_5_5_1: u32 = 0x38a5_0001;
    const ADDI_6_5_1: u32 = 0x38c5_0001;
    const ADDI_3_3_4: u32 = 0x3863_0004;
    const BNE_BACK: u32 = 0x4082_fff4;
    const B_BACK: u32 = 0x4bff_fff4;
    const BL: u32 = 0x4800_0001;
    const BLR: u32 = 0x4e80_0020;
    const BEQLR: u32 = 0x4d82_0020;
    const ISYNC: u32 = 0x4c00_012c;

    fn look(before: &[u32]) -> Option<Reserving> {
        reserving(before.iter().rev().copied())
    }

    fn found(back: u32, rt: Option<u8>) -> Option<Reserving> {
        Some(Reserving {
            back,
            ra: 0,
            rb: 3,
            rt,
            bytes: 4,
        })
    }

    #[test]
    fn what_concludes() {
        let ahead = |words: &[u32]| is_concluded(words.iter().copied());
        const MFSPR: u32 = 0x7d11_42a6;
        const BCTR: u32 = 0x4e80_0420;
        const RFID: u32 = 0x4c00_0024;
        assert!(ahead(&[STWCX_5_0_3]));
        // Instructions in between do not matter, nor do conditional branches.
        assert!(ahead(&[MFSPR, ADDI_5_5_1, BNE_BACK, BEQLR, 0, STWCX_5_0_3]));
        // stbcx., sthcx., stdcx.
        for word in [0x7c00_056d, 0x7c00_05ad, 0x7c00_01ad] {
            assert!(ahead(&[ISYNC, word]), "{word:#x}");
        }
        assert!(!ahead(&[]) && !ahead(&[ADDI_5_5_1; 4]));
        for word in [LWARX_5_0_3, B_BACK, BL, BLR, BCTR, RFID, 0x4400_0002] {
            assert!(!ahead(&[ADDI_5_5_1, word, STWCX_5_0_3]), "{word:#x}");
        }
    }

    #[test]
    fn straight_lines() {
        assert_eq!(look(&[LWARX_5_0_3]), found(1, Some(5)));
        assert_eq!(look(&[LWARX_5_0_3, ADDI_6_5_1]), found(2, Some(5)));
        assert_eq!(look(&[LWARX_5_0_3, ADDI_5_5_1]), found(2, None));
        assert_eq!(look(&[LWARX_5_0_3, ISYNC, BNE_BACK]), found(3, Some(5)));
        assert_eq!(look(&[LWARX_5_0_3, BEQLR]), found(2, Some(5)));
        // The nearest.
        assert_eq!(look(&[LWARX_5_0_3, LWARX_5_0_3]), found(1, Some(5)));
    }

    #[test]
    fn what_is_not_known() {
        assert_eq!(look(&[]), None);
        assert_eq!(look(&[ADDI_6_5_1; 20]), None);
        // The register with the address was changed.
        assert_eq!(look(&[LWARX_5_0_3, ADDI_3_3_4]), None);
        // lwarx r3,0,r3; lwarx r3,r3,r4
        assert_eq!(look(&[0x7c60_1828]), None);
        assert_eq!(look(&[0x7c63_2028]), None);
        assert_eq!(look(&[LWARX_5_0_3, STWCX_5_0_3]), None);
        for other in [B_BACK, BL, BLR, 0x4e80_0420, 0x4c00_0064, 0x4400_0002, 0] {
            assert_eq!(look(&[LWARX_5_0_3, other]), None, "{other:#x}");
        }
        let mut far = vec![LWARX_5_0_3];
        far.resize(LOOK_BACK as usize, ADDI_6_5_1);
        assert_eq!(look(&far), found(LOOK_BACK, Some(5)));
        far.push(ADDI_6_5_1);
        assert_eq!(look(&far), None);
    }

    #[test]
    fn sizes() {
        // lbarx, lharx, lwarx, ldarx r5,r4,r3; their stores
        for (load, store, bytes) in [
            (0x7ca4_1868, 0x7ca4_1d6d, 1),
            (0x7ca4_18e8, 0x7ca4_1dad, 2),
            (0x7ca4_1828, 0x7ca4_192d, 4),
            (0x7ca4_18a8, 0x7ca4_19ad, 8),
        ] {
            assert_eq!(reserves(Insn::word(load)), Some(bytes));
            assert_eq!(concludes(Insn::word(store)), Some(bytes));
            assert_eq!(reserves(Insn::word(store)), None);
            assert_eq!(concludes(Insn::word(load)), None);
            let found = look(&[load]).unwrap();
            assert_eq!((found.ra, found.bytes), (4, bytes));
        }
    }

    #[test]
    fn quadwords() {
        const LQARX_6_4_3: u32 = 0x7cc4_1a28;
        const STQCX_6_4_3: u32 = 0x7cc4_196d;
        let bytes = |word| (reserves(Insn::word(word)), concludes(Insn::word(word)));
        // The first with a hint; lqarx r4,r6,r5; stqcx. r4,r4,r3 and r6,r4,r6
        for load in [LQARX_6_4_3, LQARX_6_4_3 | 1, 0x7c86_2a28] {
            assert_eq!(bytes(load), (Some(16), None), "{load:#x}");
        }
        for store in [STQCX_6_4_3, 0x7c84_196d, 0x7cc4_316d] {
            assert_eq!(bytes(store), (None, Some(16)), "{store:#x}");
        }
        // lqarx r7,r4,r3; lqarx r4,r4,r3; lqarx r4,r5,r4; lqarx r0,0,r3; stqcx. r7,r4,r3
        for word in [
            0x7ce4_1a28,
            0x7c84_1a28,
            0x7c85_2228,
            0x7c00_1a28,
            0x7ce4_196d,
        ] {
            assert_eq!(bytes(word), (None, None), "{word:#x}");
        }
        assert!(is_concluded([ADDI_5_5_1, STQCX_6_4_3].into_iter()));
        assert!(!is_concluded([LQARX_6_4_3, STWCX_5_0_3].into_iter()));
        assert_eq!(look(&[LWARX_5_0_3, LQARX_6_4_3]), None);
        assert_eq!(look(&[LWARX_5_0_3, STQCX_6_4_3]), None);
    }

    /// Compares with reading the bytes one by one, from either end.
    #[test]
    fn byte_orders() {
        fn number<'a>(bytes: impl Iterator<Item = &'a u8>) -> [u64; 2] {
            let val = bytes.fold(0u128, |val, byte| val << 8 | u128::from(*byte));
            [(val >> 64) as u64, val as u64]
        }
        let memory: Vec<u8> = (0x11..0x21).collect();
        for bytes in [1, 2, 4, 8, 16] {
            let memory = &memory[..bytes as usize];
            let (big, little) = (number(memory.iter()), number(memory.iter().rev()));
            assert_eq!(ordered(big, bytes, true), little, "{bytes}");
            assert_eq!(ordered(little, bytes, true), big, "{bytes}");
            assert_eq!(ordered(big, bytes, false), big, "{bytes}");
            // Bits of the register above the number are not stored.
            if bytes < 8 {
                let above = !0 << (8 * bytes);
                let register = [7, big[1] | above];
                assert_eq!(ordered(register, bytes, true), little, "{bytes}");
                assert_eq!(ordered(register, bytes, false), big, "{bytes}");
            }
        }
    }

    /// Words as an assembler makes them, and what they write.
    #[test]
    fn registers_written() {
        let table = [
            (0x7c64_2a14, 1 << 3),          // add r3,r4,r5
            (0x7c64_2e15, 1 << 3),          // addo. r3,r4,r5
            (0x7c64_28f8, 1 << 4),          // nor r4,r3,r5
            (0x7c60_00a6, 1 << 3),          // mfmsr r3
            (0x7c70_42a6, 1 << 3),          // mfsprg r3,0
            (0x7c70_43a6, 0),               // mtsprg 0,r3
            (0x7c00_0146, 0),               // wrteei 0
            (0x7c60_0124, 0),               // mtmsr r3
            (0x7c64_2d26, 1 << 3),          // mfsrin r3,r5
            (0x9464_0008, 1 << 4),          // stwu r3,8(r4)
            (0x8464_0008, 1 << 3 | 1 << 4), // lwzu r3,8(r4)
            (0xbba4_0000, 7 << 29),         // lmw r29,0(r4)
            (0x5464_103a, 1 << 4),          // rlwinm r4,r3,2,0,29
            (0x7c64_281e, 1 << 3),          // isel r3,r4,r5,0
            (0x2c03_0000, 0),               // cmpwi r3,0
            (0xe864_0009, 1 << 3 | 1 << 4), // ldu r3,8(r4)
            (0xf864_0008, 0),               // std r3,8(r4)
            (0x7c64_2e70, 1 << 4),          // srawi r4,r3,5
        ];
        for (word, written) in table {
            assert_eq!(
                gprs_written(Insn::word(word)),
                Some(written),
                "{word:#010x}"
            );
        }
        // macchw r3,r4,r5; rfi; trap of a vector unit
        for word in [0x1064_2958, 0x4c00_0064, 0x1000_0000] {
            assert_eq!(gprs_written(Insn::word(word)), None, "{word:#010x}");
        }
    }
}
