// SPDX-License-Identifier: GPL-2.0

//! The MMU of 32-bit Book3S processors: segment registers, block address translation, and the hashed page table.
//!
//! Source: "Programming Environments Manual for 32-Bit Implementations of the PowerPC Architecture", chapter 7. Bit
//! numbers in this file are that manual's, of 32-bit registers: 0 is the most significant.

use super::dsisr::Dsisr;
use super::radix_walk::{Access, Fault};

/// A segment register.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SegmentRegister(u32);

impl SegmentRegister {
    /// The register with this value.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// The value.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// T: a direct-store segment, which has no pages.
    pub const fn direct_store(self) -> bool {
        self.0 >> 31 != 0
    }

    /// Ks or Kp: the protection key in this state.
    pub const fn key(self, problem_state: bool) -> bool {
        let shift = if problem_state { 29 } else { 30 };
        self.0 >> shift & 1 != 0
    }

    /// N: no execute.
    pub const fn no_execute(self) -> bool {
        self.0 >> 28 & 1 != 0
    }

    /// Virtual segment ID, 24 bits.
    pub const fn vsid(self) -> u32 {
        self.0 & 0xff_ffff
    }
}

/// A pair of BAT registers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bat {
    /// The upper register: effective page index, length, valid bits.
    pub upper: u32,
    /// The lower register: real page number, attributes, protection.
    pub lower: u32,
}

impl Bat {
    /// The pair in a doubleword: the lower register in its upper half.
    pub const fn from_raw(raw: u64) -> Self {
        Self {
            upper: raw as u32,
            lower: (raw >> 32) as u32,
        }
    }

    /// The same the other way round.
    pub const fn raw(self) -> u64 {
        (self.lower as u64) << 32 | self.upper as u64
    }

    /// Bits of an address that no block ignores.
    const INDEX: u32 = 0xfffe_0000;

    /// Bits of the address that are the block's own: at least 17.
    const fn within(self) -> u32 {
        (self.upper >> 2 & 0x7ff) << 17 | !Self::INDEX
    }

    /// Is the block there in this state (Vs, Vp)?
    pub const fn valid(self, problem_state: bool) -> bool {
        let bit = if problem_state { 1 } else { 2 };
        self.upper & bit != 0
    }

    /// Does the block, if it is there, have this address?
    pub const fn contains(self, ea: u32) -> bool {
        (ea ^ self.upper & Self::INDEX) & !self.within() == 0
    }

    /// Does it have any address of the segment of `ea`?
    pub const fn in_segment(self, ea: u32) -> bool {
        (ea ^ self.upper) & !self.within() & 0xf000_0000 == 0
    }

    /// The real address.
    pub const fn real(self, ea: u32) -> u32 {
        self.lower & Self::INDEX & !self.within() | ea & self.within()
    }

    /// May the access be made? The error is what DSISR, or for a fetch SRR1, says.
    pub const fn check(self, access: Access) -> Result<(), Dsisr> {
        let fault = match (self.lower & 3, access) {
            (0, _) | (1 | 3, Access::Store) => Dsisr::PROTFAULT,
            _ => return Ok(()),
        };
        Err(match access {
            Access::Store => fault.with(Dsisr::ISSTORE),
            _ => fault,
        })
    }
}

/// Entries of a group, and its bytes.
pub const GROUP_ENTRIES: usize = 8;
/// Bytes of a group, at a multiple of which it lies.
pub const GROUP_BYTES: usize = GROUP_ENTRIES * 8;

/// A page table entry: two words, big-endian in memory.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Pte {
    /// V, VSID, H, API.
    pub first: u32,
    /// RPN, R, C, WIMG, PP.
    pub second: u32,
}

impl Pte {
    /// Valid, bit 0 of the first word.
    pub const V: u32 = 1 << 31;
    /// Put in by the secondary hash, bit 25 of the first word.
    pub const H: u32 = 1 << 6;
    /// Reference, bit 23 of the second word.
    pub const R: u32 = 1 << 8;
    /// Change, bit 24 of the second word.
    pub const C: u32 = 1 << 7;
    /// Guarded, bit 28 of the second word.
    pub const G: u32 = 1 << 3;

    /// The entry that eight bytes of memory are.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        let raw = u64::from_be_bytes(bytes);
        Self {
            first: (raw >> 32) as u32,
            second: raw as u32,
        }
    }

    /// The first word of the entry for this address.
    const fn wanted(sr: SegmentRegister, ea: u32, secondary: bool) -> u32 {
        let h = if secondary { Self::H } else { 0 };
        Self::V | sr.vsid() << 7 | h | ea >> 22 & 0x3f
    }

    /// The real address.
    pub const fn real(self, ea: u32) -> u32 {
        self.second & 0xffff_f000 | ea & 0xfff
    }

    /// May the access be made? The error is what DSISR, or for a fetch SRR1, says.
    pub const fn check(
        self,
        sr: SegmentRegister,
        problem_state: bool,
        access: Access,
    ) -> Result<(), Dsisr> {
        let pp = self.second & 3;
        let key = sr.key(problem_state);
        let (readable, writable) = match (pp, key) {
            (0 | 1, false) | (2, _) => (true, true),
            (0, true) => (false, false),
            _ => (true, false),
        };
        match access {
            Access::Fetch if sr.no_execute() || self.second & Self::G != 0 => {
                Err(Dsisr::NOEXEC_OR_G)
            }
            Access::Store if !writable => Err(Dsisr::PROTFAULT.with(Dsisr::ISSTORE)),
            _ if !readable => Err(Dsisr::PROTFAULT),
            _ => Ok(()),
        }
    }
}

/// Real address of the group that an address's entry is in, by SDR1's HTABORG and HTABMASK.
pub const fn group(sdr1: u32, sr: SegmentRegister, ea: u32, secondary: bool) -> u32 {
    let page = ea >> 12 & 0xffff;
    let hash = (sr.vsid() & 0x7_ffff) ^ page;
    let hash = if secondary { !hash } else { hash };
    let mask = (sdr1 & 0x1ff) << 16 | 0xffc0;
    sdr1 & 0xffff_0000 | hash << 6 & mask
}

/// Where in guest memory an entry is, and what it was when it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// The entry's real address.
    pub at: u32,
    /// The entry.
    pub pte: Pte,
}

/// What translates an effective address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Translation {
    /// A block.
    Block(Bat),
    /// A page.
    Page(SegmentRegister, Found),
}

impl Translation {
    /// The real address.
    pub const fn real(self, ea: u32) -> u32 {
        match self {
            Self::Block(bat) => bat.real(ea),
            Self::Page(_, found) => found.pte.real(ea),
        }
    }

    /// May the access be made? The error is what DSISR, or for a fetch SRR1, says.
    pub const fn check(self, problem_state: bool, access: Access) -> Result<(), Dsisr> {
        match self {
            Self::Block(bat) => bat.check(access),
            Self::Page(sr, found) => found.pte.check(sr, problem_state, access),
        }
    }
}

/// Pairs of BAT registers of each kind; most processors have the first four.
pub const BATS: usize = 8;

/// The registers that translate.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Mmu {
    /// Segment registers.
    pub sr: [SegmentRegister; 16],
    /// Blocks of code.
    pub ibat: [Bat; BATS],
    /// Blocks of data.
    pub dbat: [Bat; BATS],
}

impl Mmu {
    /// The segment register of an address.
    pub fn segment(&self, ea: u32) -> SegmentRegister {
        let sr = self.sr.get((ea >> 28) as usize);
        sr.copied().unwrap_or_default()
    }

    /// The block that an address is in, for this kind of access. With more than one, which the architecture does not
    /// permit, the first.
    pub fn block(&self, ea: u32, problem_state: bool, access: Access) -> Option<Bat> {
        let bats = match access {
            Access::Fetch => &self.ibat,
            _ => &self.dbat,
        };
        let mut all = bats.iter().copied();
        all.find(|bat| bat.valid(problem_state) && bat.contains(ea))
    }

    /// Is any of the segment's addresses perhaps in a block?
    pub fn blocks_in_segment(&self, ea: u32, problem_state: bool) -> bool {
        let mut all = self.ibat.iter().chain(&self.dbat);
        all.any(|bat| bat.valid(problem_state) && bat.in_segment(ea))
    }

    /// Finds what translates an address, whatever may be done with it.
    ///
    /// `read` gives the group at a guest real address; `None` if that cannot be read, which is as if it were empty.
    pub fn find<F>(
        &self,
        sdr1: u32,
        ea: u32,
        problem_state: bool,
        access: Access,
        mut read: F,
    ) -> Result<Translation, Fault>
    where
        F: FnMut(u32) -> Option<[u8; GROUP_BYTES]>,
    {
        if let Some(bat) = self.block(ea, problem_state, access) {
            return Ok(Translation::Block(bat));
        }
        let store = Dsisr::EMPTY.set(Dsisr::ISSTORE, matches!(access, Access::Store));
        let sr = self.segment(ea);
        if sr.direct_store() {
            return Err(Fault::Storage(match access {
                Access::Fetch => Dsisr::NOEXEC_OR_G,
                _ => DIRECT_STORE.with(store),
            }));
        }
        for secondary in [false, true] {
            let at = group(sdr1, sr, ea, secondary);
            let Some(bytes) = read(at) else {
                continue;
            };
            let wanted = Pte::wanted(sr, ea, secondary);
            for (entry, at) in bytes.chunks_exact(8).zip((at..).step_by(8)) {
                let Some(entry) = entry.first_chunk() else {
                    continue;
                };
                let pte = Pte::from_bytes(*entry);
                if pte.first == wanted {
                    return Ok(Translation::Page(sr, Found { at, pte }));
                }
            }
        }
        Err(Fault::Storage(Dsisr::NOPTE | store))
    }
}

/// DSISR, bit 0: a load or store to a direct-store segment.
const DIRECT_STORE: Dsisr = Dsisr::from_raw(0x8000_0000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block() {
        // 8 MB at 0xc0000000 to 0x01000000, privileged only, read and write.
        let bat = Bat {
            upper: 0xc000_00fe,
            lower: 0x0100_0002,
        };
        assert!(bat.valid(false) && !bat.valid(true));
        assert!(bat.contains(0xc07f_ffff) && !bat.contains(0xc080_0000));
        assert!(!bat.contains(0xb000_0000));
        assert_eq!(bat.real(0xc012_3456), 0x0112_3456);
        assert!(bat.in_segment(0xcfff_ffff) && !bat.in_segment(0xd000_0000));
        // Of 128 KB.
        let small = Bat {
            upper: 0xfff0_0003,
            lower: 0x0002_0001,
        };
        assert!(small.contains(0xfff1_ffff) && !small.contains(0xfff2_0000));
        assert_eq!(small.real(0xfff1_0004), 0x0003_0004);
        assert_eq!(small.check(Access::Load), Ok(()));
        let denied = Dsisr::PROTFAULT | Dsisr::ISSTORE;
        assert_eq!(small.check(Access::Store), Err(denied));
    }

    /// Figures of the manual: SDR1 0x0f980700, VSID 0xc7010, hash of page 0x0f1a0.
    #[test]
    fn groups() {
        let sr = SegmentRegister::from_raw(0x0c_7010);
        assert_eq!(group(0x0f98_0700, sr, 0x0000_0000, false) & 0x3f, 0);
        // A table of 64 KB: HTABMASK 0, ten bits of the hash.
        let sr = SegmentRegister::from_raw(0x12_3456);
        let ea = 0x3abc_d123;
        let hash = (0x12_3456 ^ 0xabcd) & 0x7_ffff;
        assert_eq!(
            group(0x0040_0000, sr, ea, false),
            0x0040_0000 | (hash & 0x3ff) << 6
        );
        assert_eq!(
            group(0x0040_0000, sr, ea, true),
            0x0040_0000 | (!hash & 0x3ff) << 6
        );
        // The largest, 32 MB.
        assert_eq!(group(0x0200_01ff, sr, ea, false), 0x0200_0000 | hash << 6);
    }

    #[test]
    fn protection() {
        let check = |pp, sr: u32, access| {
            let pte = Pte {
                first: 0,
                second: pp,
            };
            pte.check(SegmentRegister::from_raw(sr), false, access)
        };
        const KS: u32 = 0x4000_0000;
        const N: u32 = 0x1000_0000;
        let store = Err(Dsisr::PROTFAULT | Dsisr::ISSTORE);
        for (pp, key, load, stored) in [
            (0, 0, Ok(()), Ok(())),
            (1, 0, Ok(()), Ok(())),
            (2, 0, Ok(()), Ok(())),
            (3, 0, Ok(()), store),
            (0, KS, Err(Dsisr::PROTFAULT), store),
            (1, KS, Ok(()), store),
            (2, KS, Ok(()), Ok(())),
            (3, KS, Ok(()), store),
        ] {
            assert_eq!(check(pp, key, Access::Load), load, "{pp} {key:#x}");
            assert_eq!(check(pp, key, Access::Store), stored, "{pp} {key:#x}");
            assert_eq!(check(pp, key, Access::Fetch), load, "{pp} {key:#x}");
        }
        let no_execute = Err(Dsisr::NOEXEC_OR_G);
        assert_eq!(check(2, N, Access::Fetch), no_execute);
        assert_eq!(check(2 | Pte::G, 0, Access::Fetch), no_execute);
        assert_eq!(check(2 | Pte::G, N, Access::Store), Ok(()));
    }

    #[test]
    fn direct_store() {
        let mut mmu = Mmu::default();
        mmu.sr[5] = SegmentRegister::from_raw(0x8000_0000);
        let find = |access| mmu.find(0, 0x5000_0000, false, access, |_| None);
        assert_eq!(find(Access::Fetch), Err(Fault::Storage(Dsisr::NOEXEC_OR_G)));
        assert_eq!(find(Access::Load), Err(Fault::Storage(DIRECT_STORE)));
        // A block comes first.
        let mut blocks = mmu;
        blocks.dbat[7] = Bat {
            upper: 0x5000_0002,
            lower: 0x0102_0002,
        };
        let found = blocks.find(0, 0x5001_2345, false, Access::Load, |_| None);
        assert_eq!(found.map(|t| t.real(0x5001_2345)), Ok(0x0103_2345));
    }
}
