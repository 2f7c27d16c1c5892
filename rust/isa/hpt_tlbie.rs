// SPDX-License-Identifier: GPL-2.0

//! RB of `tlbie` and `tlbiel` for hashed page tables: ISA Book III, "TLB Management Instructions", R=0.

use super::{hpte::Hpte, slb::base_page_bits};

register! {
    /// RB for one page (IS=0) or all of a partition (IS=2).
    HashRb {
        /// Large: the base page is larger than 4 KB.
        L = 63,
    }
    fields {
        /// Abbreviated virtual address, in pages of 4 KB; of a large page, the low 8 bits are LP.
        ava / with_ava = 0..51,
        /// Which translations, IS: 0 of the page, 2 of the partition.
        is / with_is = 52..53,
        /// Segment size.
        b / with_b = 54..55,
        /// Actual page size if the base page has 4 KB: L and LP of a segment with that base.
        ap / with_ap = 56..58,
        /// Low part of the virtual address, in pages of 4 KB, if the base page is larger.
        aval / with_aval = 56..62,
    }
}

impl HashRb {
    /// All translations of a partition.
    pub const PARTITION: Self = Self::EMPTY.with_is(2);

    /// The page of an entry that is in group `group`. `None` for an entry that no processor knows the page sizes of.
    pub fn of(hpte: Hpte, group: u64) -> Option<Self> {
        let va = hpte.virtual_page(group)?;
        let sizes = hpte.sizes()?;
        // The high bits of the virtual address have no room, and the processor does not compare them.
        let pages = va.vsid.wrapping_shl(va.segment.shift() - 12) | va.offset >> 12;
        let rb = Self::EMPTY.with_ava(pages).with_b(va.segment as u64);
        if sizes.base == 12 {
            return Some(rb.with_ap(base_page_bits(sizes.actual)?.llp()));
        }
        // Bits below the page's size belong to LP, as in the entry.
        let within = 1u64.wrapping_shl(sizes.actual - 12).wrapping_sub(1);
        let lp = hpte.r.arpn_lp() & 0xff & within;
        Some(
            rb.with_ava(pages & !within | lp)
                .with_aval(pages >> 1)
                .with(Self::L),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{
        hpte::{hash, HpteR, PageSizes},
        slb::{SegmentSize, VirtualAddress},
    };

    fn rb(vsid: u64, offset: u64, segment: SegmentSize, base: u32, actual: u32) -> u64 {
        let va = VirtualAddress {
            vsid,
            offset,
            segment,
        };
        let sizes = PageSizes { base, actual };
        let hpte = Hpte::new(va, 0x1234_5678_9abc, sizes, HpteR::EMPTY).unwrap();
        HashRb::of(hpte, hash(va, base) & 0xffff).unwrap().raw()
    }

    #[test]
    fn pages() {
        // 4 KB: the address of 64 bits and B, whichever way the group was found.
        assert_eq!(
            rb(0x123_4567, 0xabc_d000, SegmentSize::Mb256, 12, 12),
            0x0012_3456_7abc_d000
        );
        assert_eq!(
            rb(0x1ff_ffff, 0x12_3456_7000, SegmentSize::Tb1, 12, 12),
            0xffff_ff12_3456_7100
        );
        // 64 KB of 4 KB base pages: AP is 5.
        assert_eq!(
            rb(0x123_4567, 0xabc_d000, SegmentSize::Mb256, 12, 16),
            0x0012_3456_7abc_d0a0
        );
        // 64 KB: LP is 1, AVAL the low bits of the page number, L.
        assert_eq!(
            rb(0x123_4567, 0xabc_0000, SegmentSize::Mb256, 16, 16),
            0x0012_3456_7abc_10c1
        );
        assert_eq!(
            rb(0x123_4567, 0xab5_0000, SegmentSize::Mb256, 16, 16),
            0x0012_3456_7ab5_1051
        );
        // 16 MB of 64 KB base pages: LP is 8; of 16 MB base pages, 0.
        assert_eq!(
            rb(0x123_4567, 0xab5_0000, SegmentSize::Mb256, 16, 24),
            0x0012_3456_7a00_8051
        );
        assert_eq!(
            rb(0x123_4567, 0xa00_0000, SegmentSize::Mb256, 24, 24),
            0x0012_3456_7a00_0001
        );
        assert_eq!(HashRb::PARTITION.raw(), 0x800);
    }
}
