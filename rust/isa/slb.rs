// SPDX-License-Identifier: GPL-2.0

//! Segments: SLB entries, and the virtual addresses they make of effective ones.
//!
//! Source: ISA Book III, "Segment Lookaside Buffer" and "SLB Management Instructions".

/// Size of a segment, field B of SLB and page table entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentSize {
    /// 256 MB.
    Mb256 = 0,
    /// 1 TB.
    Tb1 = 1,
}

impl SegmentSize {
    /// The size that a B field says; `None` for the reserved values 2 and 3.
    pub const fn from_b(b: u64) -> Option<Self> {
        match b {
            0 => Some(Self::Mb256),
            1 => Some(Self::Tb1),
            _ => None,
        }
    }

    /// Shift of the size: 28 or 40.
    pub const fn shift(self) -> u32 {
        match self {
            Self::Mb256 => 28,
            Self::Tb1 => 40,
        }
    }

    /// The part of an address that is within a segment.
    pub const fn offset(self, address: u64) -> u64 {
        address & ((1 << self.shift()) - 1)
    }
}

register! {
    /// First half of an SLB entry: RB of `slbmte`, RT of `slbmfee`.
    SlbEsid {
        /// Valid.
        V = 36,
    }
    fields {
        /// Effective segment ID: bits 0:35 of the effective address (of a 1 TB segment, only 0:23 count).
        esid / with_esid = 0..35,
        /// Which entry.
        index / with_index = 52..63,
    }
}

register! {
    /// Second half of an SLB entry: RS of `slbmte`, RT of `slbmfev`.
    SlbVsid {
        /// Supervisor key: protection key in privileged state.
        KS = 52,
        /// Problem key: protection key in problem state.
        KP = 53,
        /// No execute.
        N = 54,
        /// Large base page.
        L = 55,
        /// Class.
        C = 56,
    }
    fields {
        /// Segment size.
        b / with_b = 0..1,
        /// Virtual segment ID as the field has it: of a 1 TB segment, the low 12 bits are zero.
        vsid_field / with_vsid_field = 2..51,
        /// Base page size, with L.
        lp / with_lp = 58..59,
    }
}

impl SlbVsid {
    /// L and LP in a row, 3 bits: how partition table entries and `tlbie` have a page size.
    pub const fn llp(self) -> u64 {
        (self.contains(Self::L) as u64) << 2 | self.lp()
    }
}

/// A virtual address, up to 78 bits: a segment and an offset in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VirtualAddress {
    /// Virtual segment ID: 50 bits for a 256 MB, 38 for a 1 TB segment.
    pub vsid: u64,
    /// Offset in the segment.
    pub offset: u64,
    /// The segment's size.
    pub segment: SegmentSize,
}

/// An SLB entry.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Slbe {
    /// ESID half.
    pub esid: SlbEsid,
    /// VSID half.
    pub vsid: SlbVsid,
}

impl Slbe {
    /// The segment's size; `None` if B is reserved.
    pub const fn segment(self) -> Option<SegmentSize> {
        SegmentSize::from_b(self.vsid.b())
    }

    /// Shift of the segment's base page size, from L and LP: 12, 16, 24 or 34; `None` if reserved.
    pub const fn base_page_shift(self) -> Option<u32> {
        base_page_shift(self.vsid.contains(SlbVsid::L), self.vsid.lp())
    }

    /// Whether the entry translates an effective address.
    pub const fn matches(self, ea: u64) -> bool {
        if !self.esid.contains(SlbEsid::V) {
            return false;
        }
        match self.segment() {
            Some(segment) => (self.esid.raw() ^ ea) >> segment.shift() == 0,
            None => false,
        }
    }

    /// The virtual address of an effective address in the segment; `None` if the entry's B is reserved.
    pub const fn virtual_address(self, ea: u64) -> Option<VirtualAddress> {
        match self.segment() {
            Some(segment) => Some(VirtualAddress {
                vsid: match segment {
                    SegmentSize::Mb256 => self.vsid.vsid_field(),
                    SegmentSize::Tb1 => self.vsid.vsid_field() >> 12,
                },
                offset: segment.offset(ea),
                segment,
            }),
            None => None,
        }
    }
}

/// Base page size that L and LP encode; LP counts only with L.
const fn base_page_shift(l: bool, lp: u64) -> Option<u32> {
    match (l, lp) {
        (false, _) => Some(12),
        (true, 0) => Some(24),
        (true, 1) => Some(16),
        (true, 2) => Some(34),
        (true, _) => None,
    }
}

/// L and LP for a base page size, as a [`SlbVsid`] to combine; `None` if there is no such size.
pub const fn base_page_bits(shift: u32) -> Option<SlbVsid> {
    match shift {
        12 => Some(SlbVsid::EMPTY),
        16 => Some(SlbVsid::L.with_lp(1)),
        24 => Some(SlbVsid::L),
        34 => Some(SlbVsid::L.with_lp(2)),
        _ => None,
    }
}

/// The entry that translates an effective address. More than one is a machine check on hardware; here the first wins.
pub fn find(entries: impl IntoIterator<Item = Slbe>, ea: u64) -> Option<Slbe> {
    entries.into_iter().find(|entry| entry.matches(ea))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel's first entry: 0xc000000000000000, 256 MB, base page 64 KB.
    const KERNEL: Slbe = Slbe {
        esid: SlbEsid::from_raw(0xc000_0000_0800_0000),
        vsid: SlbVsid::from_raw(0x0000_4081_5000_0510),
    };

    #[test]
    fn a_known_entry() {
        assert_eq!(KERNEL.esid.esid(), 0xc_0000_0000);
        assert_eq!(KERNEL.esid.index(), 0);
        assert_eq!(KERNEL.segment(), Some(SegmentSize::Mb256));
        assert_eq!(KERNEL.base_page_shift(), Some(16));
        assert!(KERNEL.vsid.contains(SlbVsid::KP) && !KERNEL.vsid.intersects(SlbVsid::KS));
        assert!(KERNEL.matches(0xc000_0000_0fff_ffff));
        assert!(!KERNEL.matches(0xc000_0000_1000_0000));
        let va = KERNEL.virtual_address(0xc000_0000_0123_4567).unwrap();
        assert_eq!((va.vsid, va.offset), (0x4_0815_0000, 0x123_4567));
    }

    #[test]
    fn one_terabyte() {
        let entry = Slbe {
            esid: SlbEsid::from_raw(0xc000_0100_0000_0003).with(SlbEsid::V),
            vsid: SlbVsid::EMPTY.with_b(1).with_vsid_field(0x123_4567 << 12),
        };
        assert!(entry.matches(0xc000_01ff_ffff_ffff));
        assert!(!entry.matches(0xc000_0200_0000_0000));
        let va = entry.virtual_address(0xc000_0123_4567_89ab).unwrap();
        assert_eq!((va.vsid, va.offset), (0x123_4567, 0x23_4567_89ab));
        assert_eq!(va.segment.shift(), 40);
    }

    #[test]
    fn what_matches_nothing() {
        let invalid = Slbe {
            esid: KERNEL.esid.without(SlbEsid::V),
            ..KERNEL
        };
        let reserved = Slbe {
            vsid: KERNEL.vsid.with_b(2),
            ..KERNEL
        };
        for entry in [invalid, reserved, Slbe::default()] {
            assert!(!entry.matches(0xc000_0000_0000_0000));
        }
        assert_eq!(
            find([invalid, reserved, KERNEL], 0xc000_0000_0000_0000),
            Some(KERNEL)
        );
        assert_eq!(find([KERNEL], 0), None);
    }

    #[test]
    fn base_pages_round_trip() {
        for shift in [12, 16, 24, 34] {
            let entry = Slbe {
                vsid: base_page_bits(shift).unwrap(),
                ..Slbe::default()
            };
            assert_eq!(entry.base_page_shift(), Some(shift));
        }
        assert_eq!(base_page_bits(21), None);
        let reserved = SlbVsid::L.with_lp(3);
        assert_eq!(
            Slbe {
                vsid: reserved,
                ..Slbe::default()
            }
            .base_page_shift(),
            None
        );
    }
}
