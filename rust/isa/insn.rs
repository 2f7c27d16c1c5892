// SPDX-License-Identifier: GPL-2.0

//! Instructions as words with fields.

use super::spr::Spr;

/// An instruction: one word, or since ISA 3.1 a prefix and a suffix.
///
/// The field functions read the word, or the suffix of a prefixed instruction; those whose name begins with `prefix_`
/// read the prefix. Register fields are 0 to 31.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Insn {
    prefix: Option<u32>,
    word: u32,
}

/// `sc 1`, by which a PAPR guest calls.
pub const SC_1: u32 = 0x4400_0022;

/// `sc`.
pub const SC: u32 = 0x4400_0002;

/// A reserved word that firmware and kernels use instead of [`SC_1`] where `sc 1` does not reach KVM.
pub const RESERVED_HYPERCALL: u32 = 0x7c00_0268;

/// The primary opcode of a prefix.
const PREFIX_OPCODE: u32 = 1;

impl Insn {
    /// An instruction of one word.
    pub const fn word(word: u32) -> Self {
        Self { prefix: None, word }
    }

    /// A prefixed instruction.
    pub const fn prefixed(prefix: u32, suffix: u32) -> Self {
        Self {
            prefix: Some(prefix),
            word: suffix,
        }
    }

    /// Whether a word is a prefix (primary opcode 1), so that another word must be fetched: ISA 3.1 Book I, "Prefixed
    /// Instructions". Before ISA 3.1, and with HFSCR or PCR against it, it is an illegal instruction.
    pub const fn is_prefix(word: u32) -> bool {
        word >> 26 == PREFIX_OPCODE
    }

    /// The instruction as the hypervisor emulated instruction register of ISA 3.1 and KVM hold it: a word, or the
    /// prefix in the upper half and the suffix in the lower.
    pub const fn from_doubleword(value: u64) -> Self {
        let high = (value >> 32) as u32;
        if Self::is_prefix(high) {
            Self::prefixed(high, value as u32)
        } else {
            Self::word(value as u32)
        }
    }

    /// The inverse of [`Insn::from_doubleword`].
    pub const fn to_doubleword(self) -> u64 {
        match self.prefix {
            Some(prefix) => (prefix as u64) << 32 | self.word as u64,
            None => self.word as u64,
        }
    }

    /// Bytes of the instruction: 4 or 8.
    pub const fn length(self) -> u64 {
        if self.prefix.is_some() {
            8
        } else {
            4
        }
    }

    /// The word, or a prefixed instruction's suffix.
    pub const fn raw(self) -> u32 {
        self.word
    }

    /// The prefix.
    pub const fn prefix(self) -> Option<u32> {
        self.prefix
    }

    /// Bits `first` to `last` (0 to 31, 0 the most significant, `first` <= `last`) of the word.
    #[inline]
    const fn field(self, first: u32, last: u32) -> u32 {
        (self.word << first) >> (31 + first - last)
    }

    /// A register's field.
    #[inline]
    const fn register(self, first: u32) -> u8 {
        self.field(first, first + 4) as u8
    }

    /// Primary opcode (PO), 0:5.
    pub const fn po(self) -> u32 {
        self.word >> 26
    }

    /// RT, RS, FRT, FRS, VRT, VRS, T, BO, TO: 6:10.
    pub const fn rt(self) -> u8 {
        self.register(6)
    }

    /// RA: 11:15.
    pub const fn ra(self) -> u8 {
        self.register(11)
    }

    /// RB: 16:20. Also NB of the string instructions.
    pub const fn rb(self) -> u8 {
        self.register(16)
    }

    /// XO of the X and XFX forms: 21:30.
    pub const fn xo(self) -> u32 {
        self.field(21, 30)
    }

    /// XO of the DS form: 30:31.
    pub const fn xo_ds(self) -> u32 {
        self.word & 3
    }

    /// XO of the DQ form: 29:31.
    pub const fn xo_dq(self) -> u32 {
        self.word & 7
    }

    /// XO of `lxvp` and `stxvp`: 28:31.
    pub const fn xo_dq_pair(self) -> u32 {
        self.word & 15
    }

    /// Rc, also SX and TX of the X form: bit 31.
    pub const fn rc(self) -> bool {
        self.word & 1 != 0
    }

    /// D: 16:31, sign-extended.
    pub const fn d(self) -> i64 {
        self.word as u16 as i16 as i64
    }

    /// UI: 16:31.
    pub const fn ui(self) -> u64 {
        (self.word & 0xffff) as u64
    }

    /// DS || 0b00: sign-extended.
    pub const fn ds(self) -> i64 {
        (self.word as u16 & 0xfffc) as i16 as i64
    }

    /// DQ || 0b0000: sign-extended.
    pub const fn dq(self) -> i64 {
        (self.word as u16 & 0xfff0) as i16 as i64
    }

    /// The VSR of an X-form VSX access: TX || T, or SX || S.
    pub const fn xt(self) -> u8 {
        ((self.word & 1) << 5) as u8 | self.rt()
    }

    /// The VSR of `lxv` and `stxv`: TX at bit 28.
    pub const fn xt_dq(self) -> u8 {
        ((self.word & 8) << 2) as u8 | self.rt()
    }

    /// The first VSR of a pair: TX at bit 10, and 6:9 the pair.
    pub const fn xtp(self) -> u8 {
        (self.field(10, 10) << 5 | self.field(6, 9) << 1) as u8
    }

    /// The VSR of `plxv` and `pstxv`: TX at bit 5 of the suffix.
    pub const fn xt_prefixed(self) -> u8 {
        (self.field(5, 5) << 5) as u8 | self.rt()
    }

    /// SPR: 11:20 with its halves swapped.
    pub const fn spr(self) -> Spr {
        Spr::from_raw((self.field(16, 20) << 5 | self.field(11, 15)) as u16)
    }

    /// The number of `mtsr` and `mfsr`'s segment register: 12:15.
    pub const fn sr(self) -> u8 {
        self.field(12, 15) as u8
    }

    /// LEV of `sc`: 20:26.
    pub const fn lev(self) -> u8 {
        self.field(20, 26) as u8
    }

    /// L of `mtmsr`, `mtmsrd` and `slbmte`'s kin: bit 15.
    pub const fn l15(self) -> bool {
        self.field(15, 15) != 0
    }

    /// R of `tlbie` and `tlbiel`: bit 15; PRS: bit 14; RIC: 12:13.
    pub const fn tlbie_fields(self) -> (u8, bool, bool) {
        (
            self.field(12, 13) as u8,
            self.field(14, 14) != 0,
            self.field(15, 15) != 0,
        )
    }

    /// Type of a prefix, 6:7: 0 eight-byte load/store, 1 eight-byte register, 2 modified load/store, 3 modified
    /// register. `None` without prefix.
    pub const fn prefix_type(self) -> Option<u32> {
        match self.prefix {
            Some(prefix) => Some((prefix >> 24) & 3),
            None => None,
        }
    }

    /// R of a prefix, bit 11: the address is relative to the instruction's.
    pub const fn prefix_r(self) -> bool {
        match self.prefix {
            Some(prefix) => prefix & (1 << 20) != 0,
            None => false,
        }
    }

    /// d0 || d1: the 34-bit displacement of a prefixed load or store, sign-extended. Without prefix, as [`Insn::d`].
    pub const fn d34(self) -> i64 {
        match self.prefix {
            Some(prefix) => {
                let d0 = (prefix & 0x3_ffff) as u64;
                ((d0 << 46 | (self.ui() << 30)) as i64) >> 30
            }
            None => self.d(),
        }
    }
}

impl core::fmt::Debug for Insn {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if let Some(prefix) = self.prefix {
            write!(f, "{prefix:08x} ")?;
        }
        write!(f, "{:08x}", self.word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_known_encodings() {
        // lwz r3,-4(r1)
        let lwz = Insn::word(0x8061_fffc);
        assert_eq!((lwz.po(), lwz.rt(), lwz.ra(), lwz.d()), (32, 3, 1, -4));
        // ldx r31,r30,r29
        let ldx = Insn::word(0x7ffe_e82a);
        assert_eq!(
            (ldx.po(), ldx.rt(), ldx.ra(), ldx.rb(), ldx.xo()),
            (31, 31, 30, 29, 21)
        );
        // mfspr r5,LPCR (318)
        assert_eq!(Insn::word(0x7cbe_4aa6).spr(), Spr::LPCR);
        // lxvd2x vs40,0,r4
        let lxvd2x = Insn::word(0x7d00_2699);
        assert_eq!((lxvd2x.xt(), lxvd2x.xo()), (40, 844));
        // ld r3,-8(r1); lxv vs33,16(r3)
        assert_eq!(Insn::word(0xe861_fff8).ds(), -8);
        let lxv = Insn::word(0xf423_0019);
        assert_eq!((lxv.xt_dq(), lxv.dq(), lxv.xo_dq()), (33, 16, 1));
        // sc 1
        assert_eq!(Insn::word(0x4400_0022).lev(), 1);
    }

    #[test]
    fn prefixed() {
        // pld r3,-1(0),1
        let pld = Insn::prefixed(0x0413_ffff, 0xe460_ffff);
        assert!(Insn::is_prefix(0x0413_ffff));
        assert_eq!(pld.prefix_type(), Some(0));
        assert!(pld.prefix_r());
        assert_eq!(pld.d34(), -1);
        assert_eq!(pld.length(), 8);
        assert_eq!(Insn::from_doubleword(pld.to_doubleword()), pld);
        let largest = Insn::prefixed(0x0601_ffff, 0x8060_ffff);
        assert_eq!(largest.d34(), (1 << 33) - 1);
        let smallest = Insn::prefixed(0x0602_0000, 0x8060_0000);
        assert_eq!(smallest.d34(), -(1 << 33));
        let word = Insn::word(0x8060_0000);
        assert_eq!(Insn::from_doubleword(word.to_doubleword()), word);
    }
}
