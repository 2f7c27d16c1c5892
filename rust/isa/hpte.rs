// SPDX-License-Identifier: GPL-2.0

//! Hashed page tables: entries in both formats, page sizes, the hash, search and checks.
//!
//! Source: ISA Book III, "Hashed Page Table Translation" and "Storage Protection"; the format before ISA 3.0 from ISA
//! 2.07, which is also the one of the hypercalls (PAPR, "Page Table Access"). A table has 2^n groups of
//! [`GROUP_ENTRIES`] entries of two doublewords, big-endian in memory; values here are in the processor's order.

use super::dsisr::Dsisr;
use super::radix_walk::Access;
use super::slb::{SegmentSize, SlbVsid, Slbe, VirtualAddress};

/// Entries of a group.
pub const GROUP_ENTRIES: u64 = 8;

/// Bytes of an entry.
pub const ENTRY_BYTES: u64 = 16;

register! {
    /// First doubleword of an entry, in the format from before ISA 3.0.
    HpteV {
        /// Large: the page size is in the second doubleword's LP.
        L = 61,
        /// The entry was put in by the secondary hash.
        H = 62,
        /// Valid.
        V = 63,
        /// The second of the hypervisor's software bits (QEMU's `HPTE64_V_HPTE_DIRTY`): the entry has changed since
        /// userspace last cleared the bit. Userspace has the table of a guest in problem state, and a migration sends
        /// the entries that have the bit, valid or not.
        CHANGED = 57,
        /// The same bit in a table that the hypervisor has itself: the page is mapped as the guest asked, not for
        /// loads only.
        WRITABLE = 57,
        /// The first of the guest's software bits. Linux's guests mark by it what they never remove (`HPTE_V_BOLTED`): such
        /// entries are kept when the table gets another size (PAPR, `H_RESIZE_HPT_COMMIT`).
        BOLTED = 59,
        /// The first of the hypervisor's software bits, in a table that it has itself: the entry is valid for the guest,
        /// and not for the hardware, because its page is a device's or is not in memory (`HPTE_V_ABSENT`).
        ABSENT = 58,
    }
    fields {
        /// Segment size.
        b / with_b = 0..1,
        /// Abbreviated virtual page number: the virtual address without its low 23 bits.
        avpn / with_avpn = 2..56,
        /// For software.
        sw / with_sw = 57..60,
    }
}

register! {
    /// Second doubleword of an entry, in the format before ISA 3.0.
    HpteR {
        /// High bit of the page protection.
        PP0 = 0,
        /// Tag select (a second R and C; not used).
        TS = 1,
        /// Reference.
        R = 55,
        /// Change.
        C = 56,
        /// Write through.
        W = 57,
        /// Caching inhibited.
        I = 58,
        /// Memory coherence.
        M = 59,
        /// Guarded.
        G = 60,
        /// No execute.
        N = 61,
    }
    fields {
        /// High two bits of the key.
        key_high / with_key_high = 2..3,
        /// Abbreviated real page number and, in its low bits, LP: the address without its low 12 bits.
        arpn_lp / with_arpn_lp = 4..51,
        /// Low three bits of the key.
        key_low / with_key_low = 52..54,
        /// W, I, M, G.
        wimg / with_wimg = 57..60,
        /// Low two bits of the page protection.
        pp_low / with_pp_low = 62..63,
    }
}

impl HpteV {
    /// The entry without the two software bits that belong to the hypervisor: what a guest may read and write.
    pub const fn for_guest(self) -> Self {
        self.with_sw(self.sw() & 3)
    }

    /// Whether the entry is valid for the guest.
    pub const fn is_used(self) -> bool {
        self.intersects(Self(Self::V.0 | Self::ABSENT.0))
    }
}

impl HpteR {
    /// Page protection, 3 bits.
    pub const fn pp(self) -> u64 {
        self.with_pp_low(0).masked(Self::PP0).raw() >> 61 | self.pp_low()
    }

    /// The protection that permits what this one does, but no stores.
    pub const fn read_only(self) -> Self {
        // 3 and 6 permit no stores already. 6 permits loads where 0 does, and 3 where 1 and 2 do.
        match self.pp() {
            0 => self.with(Self::PP0).with_pp_low(2),
            1 | 2 => self.with_pp_low(3),
            _ => self,
        }
    }

    /// Virtual page class key, 5 bits.
    pub const fn key(self) -> u32 {
        (self.key_high() << 3 | self.key_low()) as u32
    }
}

/// Base and actual page size of an entry, as shifts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageSizes {
    /// The base page size, by which the page is found.
    pub base: u32,
    /// The page's size.
    pub actual: u32,
}

/// An encoding of page sizes in LP: its value, and how many low bits of LP it takes. The bits above belong to the
/// address.
struct Encoding {
    base: u32,
    actual: u32,
    lp: u64,
    bits: u32,
}

/// The encodings of POWER7 to POWER10 for entries with L set. With pages smaller than 2^20 bytes, some bits of LP
/// belong to the address.
const ENCODINGS: [Encoding; 6] = [
    Encoding {
        base: 12,
        actual: 16,
        lp: 0x7,
        bits: 4,
    },
    Encoding {
        base: 12,
        actual: 24,
        lp: 0x38,
        bits: 8,
    },
    Encoding {
        base: 16,
        actual: 16,
        lp: 0x1,
        bits: 4,
    },
    Encoding {
        base: 16,
        actual: 24,
        lp: 0x08,
        bits: 8,
    },
    Encoding {
        base: 24,
        actual: 24,
        lp: 0x00,
        bits: 8,
    },
    Encoding {
        base: 34,
        actual: 34,
        lp: 0x03,
        bits: 8,
    },
];

/// A page table entry.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Hpte {
    /// First doubleword.
    pub v: HpteV,
    /// Second doubleword.
    pub r: HpteR,
}

/// Bits 12:63 of the first doubleword, which both formats have in common.
const V3_COMMON: u64 = 0x000f_ffff_ffff_ffff;

/// B in the second doubleword of ISA 3.0: bits 4:5.
const V3_B_SHIFT: u32 = 58;

impl Hpte {
    /// The entry that ISA 3.0's two doublewords hold: B is in the second, and AVPN and ARPN are shorter.
    pub const fn from_v3(first: u64, second: u64) -> Self {
        let b = (second >> V3_B_SHIFT) & 3;
        Self {
            v: HpteV::from_raw(first & V3_COMMON).with_b(b),
            r: HpteR::from_raw(second & !(3 << V3_B_SHIFT)),
        }
    }

    /// The entry as ISA 3.0's two doublewords. Bits of AVPN and ARPN that they have no room for are lost.
    pub const fn to_v3(self) -> (u64, u64) {
        (
            self.v.raw() & V3_COMMON,
            (self.r.raw() & !(3 << V3_B_SHIFT)) | self.v.b() << V3_B_SHIFT,
        )
    }

    /// The entry's page sizes, `None` for an encoding that no processor has.
    pub fn sizes(self) -> Option<PageSizes> {
        if !self.v.contains(HpteV::L) {
            return Some(PageSizes {
                base: 12,
                actual: 12,
            });
        }
        let lp = self.r.arpn_lp() & 0xff;
        ENCODINGS
            .iter()
            .find(|encoding| lp & ((1 << encoding.bits) - 1) == encoding.lp)
            .map(|encoding| PageSizes {
                base: encoding.base,
                actual: encoding.actual,
            })
    }

    /// A valid entry for the page of `va` at real address `real`, of which bits below the page's size are ignored.
    /// `bits` has protection, attributes and key. `None` if there is no encoding for the sizes.
    pub fn new(va: VirtualAddress, real: u64, sizes: PageSizes, bits: HpteR) -> Option<Self> {
        let encoding = ENCODINGS
            .iter()
            .find(|encoding| encoding.base == sizes.base && encoding.actual == sizes.actual);
        let (large, page, lp) = match (sizes.base, sizes.actual, encoding) {
            (12, 12, _) => (HpteV::EMPTY, real >> 12, 0),
            (_, actual, Some(encoding)) => (
                HpteV::L,
                real.wrapping_shr(actual).wrapping_shl(actual) >> 12,
                encoding.lp,
            ),
            _ => return None,
        };
        Some(Self {
            v: HpteV::for_page(va, sizes.base) | HpteV::V | large,
            r: bits.with_arpn_lp(page | lp),
        })
    }

    /// The real address of a byte of the page, given an address that is in the page; `None` for a bad encoding.
    pub fn real(self, address: u64) -> Option<u64> {
        let within = below(self.sizes()?.actual);
        Some(((self.r.arpn_lp() << 12) & !within) | (address & within))
    }

    /// The virtual address of the (base) page, of which the entry itself has lost the low 11 bits of the page number:
    /// they come from the group that it is in. `None` for a reserved segment size or a bad encoding.
    pub fn virtual_page(self, group: u64) -> Option<VirtualAddress> {
        let segment = SegmentSize::from_b(self.v.b())?;
        let base = self.sizes()?.base;
        // The virtual address without its low 23 bits, split at the segment.
        let high_bits = segment.shift() - 23;
        let vsid = self.v.avpn() >> high_bits;
        let offset_high = (self.v.avpn() & ((1 << high_bits) - 1)) << 23;
        let hash = if self.v.contains(HpteV::H) {
            !group
        } else {
            group
        };
        let page = match base {
            // hash = folded vsid ^ (offset >> base).
            12 | 16 => ((hash ^ folded(vsid, segment)) << base) & ((1 << 23) - 1),
            _ => 0,
        };
        let offset = offset_high | (page & !below(base));
        Some(VirtualAddress {
            vsid,
            offset,
            segment,
        })
    }

    /// The index in a table of `to` + 1 groups of the entry that is at `index` in one of `from` + 1: in the group that its
    /// hash gives there, in the same place. `None` as for [`virtual_page`](Self::virtual_page), and for an entry that is
    /// in a group where no processor looks for it.
    pub fn index_in(self, index: u64, from: u64, to: u64) -> Option<u64> {
        let va = self.virtual_page(index / GROUP_ENTRIES)?;
        let primary = hash(va, self.sizes()?.base);
        let secondary = self.v.contains(HpteV::H);
        let hash = if secondary { !primary } else { primary };
        let found = hash & from == index / GROUP_ENTRIES;
        found.then_some((hash & to).wrapping_mul(GROUP_ENTRIES) | (index % GROUP_ENTRIES))
    }

    /// Whether an access may be made: protection by the segment's key, no-execute, guarded, and the virtual page class
    /// key in AMR and IAMR. Reference and change bits are not looked at.
    ///
    /// The error is what DSISR, or for a fetch SRR1, says.
    pub fn check(
        self,
        segment: SlbVsid,
        problem_state: bool,
        amr: u64,
        iamr: u64,
        access: Access,
    ) -> Result<(), Dsisr> {
        let key_bit = if problem_state {
            SlbVsid::KP
        } else {
            SlbVsid::KS
        };
        let (readable, writable) = permitted(self.r.pp(), segment.intersects(key_bit));
        // Two bits a key, key 0's first: no write, no read; in IAMR the second is no fetch.
        let shift = 62 - 2 * (self.r.key() & 31);
        let keys = |register: u64| (register >> shift) & 3;

        match access {
            Access::Fetch => {
                if self.r.intersects(HpteR::N | HpteR::G) || segment.intersects(SlbVsid::N) {
                    return Err(Dsisr::NOEXEC_OR_G);
                }
                if !readable {
                    return Err(Dsisr::PROTFAULT);
                }
                if keys(iamr) & 1 != 0 {
                    return Err(Dsisr::KEYFAULT);
                }
            }
            Access::Load => {
                if !readable {
                    return Err(Dsisr::PROTFAULT);
                }
                if keys(amr) & 1 != 0 {
                    return Err(Dsisr::KEYFAULT);
                }
            }
            Access::Store => {
                if !writable {
                    return Err(Dsisr::PROTFAULT | Dsisr::ISSTORE);
                }
                if keys(amr) & 2 != 0 {
                    return Err(Dsisr::KEYFAULT | Dsisr::ISSTORE);
                }
            }
        }
        Ok(())
    }
}

/// The bits below a page's shift. Shifts are at most 34, so that the shift does not wrap.
const fn below(shift: u32) -> u64 {
    1u64.wrapping_shl(shift).wrapping_sub(1)
}

/// Whether a page may be read and written, by its protection and the segment's key. Reserved protections permit
/// nothing.
const fn permitted(pp: u64, key: bool) -> (bool, bool) {
    match (pp, key) {
        (0 | 1, false) | (2, _) => (true, true),
        (3, _) | (6, false) | (1, true) => (true, false),
        _ => (false, false),
    }
}

/// The part of a virtual segment ID that goes into the hash.
const fn folded(vsid: u64, segment: SegmentSize) -> u64 {
    match segment {
        SegmentSize::Mb256 => vsid,
        SegmentSize::Tb1 => vsid ^ (vsid << 25),
    }
}

/// The primary hash, 39 bits, of a virtual address in a segment of this base page size (a shift of at most 34).
pub const fn hash(va: VirtualAddress, base: u32) -> u64 {
    (folded(va.vsid, va.segment) ^ va.offset.wrapping_shr(base)) & 0x7f_ffff_ffff
}

impl HpteV {
    /// The first doubleword of an entry for the page of `va`, without L, H and V: B and the AVPN, whose low bits are 0
    /// for a page of 16 MB or more.
    pub const fn for_page(va: VirtualAddress, base: u32) -> Self {
        let avpn = va.vsid << (va.segment.shift() - 23) | va.offset >> 23;
        let dropped = base.saturating_sub(23);
        Self::EMPTY
            .with_avpn(avpn.wrapping_shr(dropped).wrapping_shl(dropped))
            .with_b(va.segment as u64)
    }

    /// Whether this doubleword, in either format, may be of the page that `wanted` is for: as [`HpteV::matches`], without
    /// V, H and what the formats do not have in common.
    pub const fn may_be_of(self, wanted: Self) -> bool {
        let mask = Self::EMPTY.with_avpn(u64::MAX).raw() & V3_COMMON;
        (self.0 ^ wanted.0) & mask == 0
    }

    /// Whether this is the valid entry's doubleword for a page: `wanted` as [`HpteV::for_page`] gives it, in the
    /// primary or (`secondary`) secondary group.
    pub const fn matches(self, wanted: Self, secondary: bool) -> bool {
        let mask = Self::EMPTY.with_b(3).with_avpn(u64::MAX).raw() | Self::H.0 | Self::V.0;
        let expected = wanted.set(Self::H, secondary).with(Self::V);
        (self.0 ^ expected.0) & mask == 0
    }
}

/// Finds the entry that translates an effective address in a segment, in a table of `group_mask` + 1 groups.
///
/// `read` gives an entry by its index in the table (group * 8 + slot), in the format before ISA 3.0; `None` is an
/// entry that cannot be read and is passed over. Gives the entry and its index. `secondary` says whether the
/// secondary group is searched too (`LPCR[TC]` is 0).
pub fn find<F>(
    slbe: Slbe,
    ea: u64,
    group_mask: u64,
    secondary: bool,
    mut read: F,
) -> Option<(u64, Hpte)>
where
    F: FnMut(u64) -> Option<Hpte>,
{
    let va = slbe.virtual_address(ea)?;
    let base = slbe.base_page_shift()?;
    let primary = hash(va, base);
    let wanted = HpteV::for_page(va, base);
    for second in [false, true] {
        if second && !secondary {
            break;
        }
        let group = if second { !primary } else { primary } & group_mask;
        for slot in 0..GROUP_ENTRIES {
            let index = group.wrapping_mul(GROUP_ENTRIES) | slot;
            let Some(hpte) = read(index) else {
                continue;
            };
            let right_size = hpte.sizes().is_some_and(|sizes| sizes.base == base);
            if hpte.v.matches(wanted, second) && right_size {
                return Some((index, hpte));
            }
        }
    }
    None
}
