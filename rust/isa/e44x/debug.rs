// SPDX-License-Identifier: GPL-2.0

//! The 440's debug registers (UM, "Debug Facilities"). An event has the same bit in DBCR0, where it is enabled, and in
//! DBSR, where it is noted.

/// DBCR0: an external debugger controls the processor.
pub const EDM: u32 = 0x8000_0000;
/// DBCR0: internal debug mode, in which events cause debug interrupts.
pub const IDM: u32 = 0x4000_0000;
/// DBCR0: shift of the field that requests a reset.
pub const RST_SHIFT: u32 = 28;
/// Instruction complete.
pub const IC: u32 = 0x0800_0000;
/// Branch taken.
pub const BRT: u32 = 0x0400_0000;
/// An interrupt is taken.
pub const IRPT: u32 = 0x0200_0000;
/// A trap instruction traps.
pub const TRAP: u32 = 0x0100_0000;
/// Instruction address compare 1; 2 to 4 are the next bits to the right.
pub const IAC1: u32 = 0x0080_0000;
/// All four of them.
pub const IAC: u32 = 0x00f0_0000;
/// Data address compare 1, loads; then 1, stores; 2, loads; 2, stores.
pub const DAC1R: u32 = 0x0008_0000;
/// All four of them.
pub const DAC: u32 = 0x000f_0000;
/// `rfi`.
pub const RET: u32 = 0x0000_8000;
/// DBSR: the event was noted while MSR\[DE\] was 0, so the interrupt comes later.
pub const IDE: u32 = 0x8000_0000;
/// DBSR: an unconditional event, which something outside the processor signals.
pub const UDE: u32 = 0x4000_0000;
/// All events in DBSR.
pub const EVENTS: u32 = UDE | IC | BRT | IRPT | TRAP | IAC | DAC | RET;

/// DBCR1 and DBCR2: two compare registers together give a range, inside or outside which addresses match.
const RANGE: u32 = 0x0080_0000;
const EXCLUSIVE: u32 = 0x0040_0000;

/// The addresses that match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Addresses {
    /// Only this address.
    One(u32),
    /// From the first of these on, up to but not including the second.
    Inside(u32, u32),
    /// All addresses but those.
    Outside(u32, u32),
    /// Addresses that have the same bits as the first where the second has ones.
    Alike(u32, u32),
}

impl Addresses {
    /// Does `ea` match?
    #[inline]
    pub const fn contain(self, ea: u32) -> bool {
        self.meet(ea, 0)
    }

    /// Does any of the addresses match that differ from `ea` only in the bits that are 1 in `offset`, which is one less
    /// than a power of two?
    pub const fn meet(self, ea: u32, offset: u32) -> bool {
        let (first, last) = (ea & !offset, ea | offset);
        match self {
            Self::One(at) => (at ^ ea) & !offset == 0,
            Self::Inside(from, to) => from < to && first < to && last >= from,
            Self::Outside(from, to) => first < from || last >= to,
            Self::Alike(at, mask) => (at ^ ea) & mask & !offset == 0,
        }
    }
}

/// An address compare register, or two of them that give a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compare {
    /// The addresses that match.
    pub addresses: Addresses,
    /// Events that are noted in DBSR.
    pub events: u32,
    /// Whether it applies only in problem state (true) or only in supervisor state (false).
    pub user: Option<bool>,
    /// The address space that it applies to, if not to both.
    pub space: Option<bool>,
}

impl Compare {
    /// A compare register whose "user/supervisor" and "effective/real" fields are in the highest bits of `how`.
    const fn new(addresses: Addresses, events: u32, how: u32) -> Self {
        Self {
            addresses,
            events,
            user: choice(how >> 30),
            space: choice(how >> 28),
        }
    }

    /// Does it apply in this state and address space?
    pub fn applies(&self, user: bool, space: bool) -> bool {
        self.user.is_none_or(|u| u == user) && self.space.is_none_or(|s| s == space)
    }
}

/// Decodes a field of two bits: 0b10 selects the first of two kinds, 0b11 the second, and other values both.
const fn choice(bits: u32) -> Option<bool> {
    match bits & 3 {
        2 => Some(false),
        3 => Some(true),
        _ => None,
    }
}

/// The registers that say which events there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registers {
    /// DBCR0 to DBCR2.
    pub dbcr: [u32; 3],
    /// IAC1 to IAC4.
    pub iac: [u32; 4],
    /// DAC1 and DAC2.
    pub dac: [u32; 2],
}

impl Registers {
    /// The compare registers for instruction addresses. DBCR1 has the fields for IAC1 and IAC2 in its upper half, and
    /// those for IAC3 and IAC4 in its lower half.
    pub fn code(&self) -> impl Iterator<Item = Compare> {
        let [dbcr0, dbcr1, _] = self.dbcr;
        let [iac1, iac2, iac3, iac4] = self.iac;
        let enabled = |n: u32| dbcr0 & IAC1 >> n;
        let pairs = [
            ([iac1, iac2], [enabled(0), enabled(1)], dbcr1),
            ([iac3, iac4], [enabled(2), enabled(3)], dbcr1 << 16),
        ];
        pairs.into_iter().flat_map(|(addresses, events, how)| {
            // Mode 1 exists for data addresses only.
            let mode = if how & RANGE == 0 {
                0
            } else {
                RANGE | EXCLUSIVE
            };
            let how = how & (!(RANGE | EXCLUSIVE) | mode);
            pair(addresses, events, how).into_iter().flatten()
        })
    }

    /// The compare registers for data addresses.
    pub fn data(&self) -> impl Iterator<Item = Compare> {
        let [dbcr0, _, dbcr2] = self.dbcr;
        let enabled = dbcr0 & DAC;
        let first = DAC1R | DAC1R >> 1;
        pair(self.dac, [enabled & first, enabled & (first >> 2)], dbcr2)
            .into_iter()
            .flatten()
    }
}

/// Two compare registers, from their addresses, the enabled events of each, and the field `how` that says how they
/// compare.
#[inline]
fn pair([one, two]: [u32; 2], [events1, events2]: [u32; 2], how: u32) -> [Option<Compare>; 2] {
    let both = events1 | events2;
    let together = |addresses| {
        [
            (both != 0).then_some(Compare::new(addresses, both, how)),
            None,
        ]
    };
    match how >> 22 & 3 {
        1 => together(Addresses::Alike(one, two)),
        2 => together(Addresses::Inside(one, two)),
        3 => together(Addresses::Outside(one, two)),
        _ => [
            (events1 != 0).then_some(Compare::new(Addresses::One(one), events1, how)),
            (events2 != 0).then_some(Compare::new(Addresses::One(two), events2, how << 4)),
        ],
    }
}

/// Is `word` a branch that is taken, with these values of CR and CTR? False for all other instructions.
pub const fn branches(word: u32, cr: u32, ctr: u32) -> bool {
    let (bo, bi) = (word >> 21 & 31, word >> 16 & 31);
    let condition = bo & 0x10 != 0 || cr >> (31 - bi) & 1 == bo >> 3 & 1;
    let counted = bo & 4 != 0 || (ctr.wrapping_sub(1) != 0) == (bo & 2 == 0);
    match (word >> 26, word >> 1 & 0x3ff) {
        (18, _) => true,
        (16, _) | (19, 16) => condition && counted,
        (19, 528) => condition,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!(Addresses::One(0x1000).contain(0x1000) && !Addresses::One(0x1000).contain(0x1004));
        assert!(Addresses::One(0x1234).meet(0x1000, 0xfff));
        let inside = Addresses::Inside(0x1010, 0x1020);
        assert!(inside.contain(0x1010) && !inside.contain(0x1020));
        assert!(inside.meet(0x1000, 0xfff) && !inside.meet(0x2000, 0xfff));
        let outside = Addresses::Outside(0x1000, 0x3000);
        assert!(!outside.contain(0x1000) && outside.contain(0x3000));
        assert!(outside.meet(0, 0xfff) && !outside.meet(0x2000, 0xfff));
        let alike = Addresses::Alike(0x1230, 0xfffffff0);
        assert!(alike.contain(0x123c) && !alike.contain(0x1240) && alike.meet(0x1800, 0xfff));
        assert!(!Addresses::Inside(2, 2).meet(0, 0xfff));
    }

    #[test]
    fn facilities() {
        let mut r = Registers {
            dbcr: [IDM | IAC1 | IAC1 >> 3 | DAC1R >> 1, 0xc000_0b00, 0],
            iac: [0x10, 0x20, 0x30, 0x40],
            dac: [0x50, 0x60],
        };
        let code: Vec<_> = r.code().collect();
        assert_eq!(code.len(), 2);
        // IAC1 for problem state; IAC4 for supervisor state and address space 1.
        assert_eq!(code[0].addresses, Addresses::One(0x10));
        assert!(code[0].applies(true, false) && !code[0].applies(false, false));
        assert_eq!(
            (code[1].addresses, code[1].events),
            (Addresses::One(0x40), 0x0010_0000)
        );
        assert!(code[1].applies(false, true) && !code[1].applies(true, true));
        assert!(!code[1].applies(false, false));
        let data: Vec<_> = r.data().collect();
        assert_eq!((data.len(), data[0].events), (1, 0x0004_0000));
        // A range: the event of the enabled one of the two registers is noted.
        r.dbcr = [IDM | IAC1 >> 1 | DAC, 0x0080_0000, 0x0040_0000];
        let code: Vec<_> = r.code().collect();
        assert_eq!(
            (code.len(), code[0].addresses),
            (1, Addresses::Inside(0x10, 0x20))
        );
        assert_eq!(code[0].events, 0x0040_0000);
        let data: Vec<_> = r.data().collect();
        assert_eq!(
            (data[0].addresses, data[0].events),
            (Addresses::Alike(0x50, 0x60), DAC)
        );
        r.dbcr = [IDM | IAC1 >> 2, 0x0000_00c0, 0];
        let code: Vec<_> = r.code().collect();
        assert_eq!(code[0].addresses, Addresses::Outside(0x30, 0x40));
    }

    #[test]
    fn which_branches_are_taken() {
        let eq = 0x2000_0000;
        // b, blr, bctr, nop, addi.
        assert!(branches(0x4800_0010, 0, 0) && branches(0x4e80_0020, 0, 0));
        assert!(branches(0x4e80_0420, 0, 0) && !branches(0x6000_0000, 0, 0));
        // beq, bne, beqlr.
        assert!(branches(0x4182_0008, eq, 0) && !branches(0x4182_0008, 0, 0));
        assert!(branches(0x4082_0008, 0, 0) && !branches(0x4082_0008, eq, 0));
        assert!(branches(0x4d82_0020, eq, 0) && !branches(0x4d82_0020, 0, 0));
        // bdnz, bdz.
        assert!(branches(0x4200_fff8, 0, 2) && !branches(0x4200_fff8, 0, 1));
        assert!(branches(0x4240_fff8, 0, 1) && !branches(0x4240_fff8, 0, 2));
    }
}
