// SPDX-License-Identifier: GPL-2.0

//! What tells one shadow segment from another, and one page of the guest's from another.

use crate::isa::slb::{SegmentSize, SlbVsid, Slbe, VirtualAddress};

/// Shift of a shadow segment, and of the unit that guest pages are indexed by.
pub(super) const SEGMENT_SHIFT: u32 = 28;
pub(super) const UNIT_SHIFT: u32 = 16;

/// All that the translations in a shadow segment depend on, but for the guest's page table: two segments of the guest
/// may share a shadow only if they are alike in this.
///
/// The upper half is for one kind of access translated and the other not (`split.rs`): the real address's segment,
/// which kind is translated, and the page that is run instruction by instruction. Of a 32-bit guest it also has the
/// blocks. The second number is the vCPU that the segment is for, if it is not for all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentKey(u128, u32);

impl SegmentKey {
    pub(super) const NONE: Self = Self(u128::MAX, Self::ALL);
    const ALL: u32 = u32::MAX;
    const REAL: u128 = 1 << 63;
    const TB1: u64 = 1 << 50;
    const BOOK3S32: u128 = 1 << 62;
    const PROBLEM: u128 = 1 << 61;
    const LARGE: u128 = 1 << 60;
    const KEY: u128 = 1 << 59;
    const NO_EXECUTE: u128 = 1 << 58;
    const DIRECT_STORE: u128 = 1 << 57;
    const BLOCKS: u128 = 1 << 56;
    const BLOCKS_SHIFT: u32 = 68;
    const SPLIT: u128 = 1 << 127;
    const SPLIT_FETCH: u128 = 1 << 126;
    const STEPPED: u128 = 1 << 125;
    const STEPPED_SHIFT: u32 = 100;
    const VSID: u64 = (1 << 50) - 1;

    /// The segment of a real address.
    pub(crate) fn real(ea: u64, problem_state: bool, large: bool) -> Self {
        let mut key = u128::from(ea >> SEGMENT_SHIFT) | Self::REAL;
        key |= flag(problem_state, Self::PROBLEM) | flag(large, Self::LARGE);
        Self(key, Self::ALL)
    }

    /// The 256 MB around `ea` in the segment that an SLB entry translates. `None` if the entry is a reserved one.
    pub(crate) fn of_slbe(slbe: Slbe, ea: u64, problem_state: bool, large: bool) -> Option<Self> {
        let va = slbe.virtual_address(ea)?;
        let key_bit = match problem_state {
            true => SlbVsid::KP,
            false => SlbVsid::KS,
        };
        let mut key = u128::from(GuestPage::of(va).0 >> (SEGMENT_SHIFT - UNIT_SHIFT));
        key |= flag(problem_state, Self::PROBLEM) | flag(large, Self::LARGE);
        key |= flag(slbe.vsid.contains(key_bit), Self::KEY);
        key |= flag(slbe.vsid.contains(SlbVsid::N), Self::NO_EXECUTE);
        Some(Self(key, Self::ALL))
    }

    /// A segment of a 32-bit guest's.
    pub(crate) fn book3s32(state: &SegmentState) -> Self {
        let mut key = u128::from(state.vsid) | Self::BOOK3S32;
        key |= flag(state.problem_state, Self::PROBLEM);
        key |= flag(state.key, Self::KEY);
        key |= flag(state.no_execute, Self::NO_EXECUTE);
        key |= flag(state.direct_store, Self::DIRECT_STORE);
        match state.blocks {
            Some((vcpu, blocks)) => {
                key |= u128::from(blocks) << Self::BLOCKS_SHIFT | Self::BLOCKS;
                Self(key, vcpu)
            }
            None => Self(key, Self::ALL),
        }
    }

    /// The same while one page of it is run instruction by instruction, of which only the code is mapped.
    pub(crate) fn stepping(self, ea: u64, stepped: Option<u64>) -> Self {
        match stepped.filter(|p| (p ^ ea) >> SEGMENT_SHIFT == 0) {
            Some(page) => {
                let number = (page & ((1 << SEGMENT_SHIFT) - 1)) >> 12;
                let key = self.0 | u128::from(number) << Self::STEPPED_SHIFT;
                Self(key | Self::STEPPED, self.1)
            }
            None => self,
        }
    }

    /// The 256 MB around `ea` for a guest of which only fetches (`fetch`) or only loads and stores are translated, by
    /// segment `translated` if there is one. Of a `stepped` page in it, only the code is mapped.
    pub(crate) fn split(
        ea: u64,
        fetch: bool,
        translated: Option<Self>,
        stepped: Option<u64>,
    ) -> Self {
        let Self(key, vcpu) = translated.unwrap_or(Self(Self::REAL, Self::ALL));
        let mut key = key | Self::SPLIT;
        key |= u128::from(ea >> SEGMENT_SHIFT) << 64;
        key |= flag(fetch, Self::SPLIT_FETCH);
        Self(key, vcpu).stepping(ea, stepped)
    }

    /// The same for one vCPU alone, in pages of 4 KB.
    pub(crate) fn of_vcpu(self, id: u32) -> Self {
        Self(self.0 & !Self::LARGE, id)
    }

    /// Are its shadow pages of 64 KB?
    pub(crate) fn large(self) -> bool {
        self.0 & Self::LARGE != 0
    }

    /// The 64 KB around `ea` in the guest's virtual address space; `None` for a real address.
    pub(super) fn page(self, ea: u64) -> Option<GuestPage> {
        if self.0 & Self::REAL != 0 {
            return None;
        }
        if self.0 & Self::BOOK3S32 != 0 {
            return Some(GuestPage::of_index(ea));
        }
        let within = (ea & ((1 << SEGMENT_SHIFT) - 1)) >> UNIT_SHIFT;
        let segment = self.0 as u64 & (Self::VSID | Self::TB1);
        Some(GuestPage(segment << (SEGMENT_SHIFT - UNIT_SHIFT) | within))
    }

    pub(super) fn hash(self) -> usize {
        let folded = self.0 as u64
            ^ u64::from(self.1 ^ Self::ALL) << 36
            ^ ((self.0 >> 64) as u64).rotate_left(20);
        (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
    }
}

const fn flag(on: bool, bit: u128) -> u128 {
    if on {
        bit
    } else {
        0
    }
}

/// What a 32-bit guest's segment depends on besides its page table.
pub(crate) struct SegmentState {
    pub(crate) vsid: u32,
    pub(crate) problem_state: bool,
    /// Ks or Kp, whichever counts.
    pub(crate) key: bool,
    pub(crate) no_execute: bool,
    pub(crate) direct_store: bool,
    /// If there are blocks in it: of which vCPU, and which.
    pub(crate) blocks: Option<(u32, u32)>,
}

/// 64 KB of a guest's virtual address space: the virtual address's page number, of 256 MB and 1 TB segments apart. Of a
/// 32-bit guest, the pages of all segments that have the same index, which is what its `tlbie` says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct GuestPage(pub(super) u64);

impl GuestPage {
    pub(super) const NONE: Self = Self(u64::MAX);

    pub(super) fn of(va: VirtualAddress) -> Self {
        // 50 or 38 bits of VSID and 28 or 40 of offset: 62 bits of 64 KB units at most.
        let mut page = va.vsid << (va.segment.shift() - UNIT_SHIFT) | va.offset >> UNIT_SHIFT;
        if va.segment == SegmentSize::Tb1 {
            page |= SegmentKey::TB1 << (SEGMENT_SHIFT - UNIT_SHIFT);
        }
        Self(page)
    }

    /// Of a 32-bit guest.
    pub(super) fn of_index(ea: u64) -> Self {
        Self((ea & ((1 << SEGMENT_SHIFT) - 1)) >> 12)
    }

    /// Of the low 28 bits only.
    pub(super) fn hash(self) -> usize {
        self.0 as usize ^ (self.0 >> 12) as usize
    }
}
