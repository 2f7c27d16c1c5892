// SPDX-License-Identifier: GPL-2.0

//! Compares the MMU of 32-bit Book3S processors with a naive one that composes numbers bit by bit.

use kvm_ppc_pure::isa::{
    book3s32::{group, Bat, Mmu, Pte, SegmentRegister, Translation, BATS, GROUP_BYTES},
    dsisr::Dsisr,
    radix_walk::{Access, Fault},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Bits `first` to `last` of a 32-bit register, as the manual counts them.
fn bits(word: u32, first: u32, last: u32) -> u32 {
    (first..=last).fold(0, |v, i| v << 1 | (word >> (31 - i) & 1))
}

/// As "Page Table Organization" draws it: seven bits of SDR1, nine of both, ten of the hash, six zeros.
fn naive_group(sdr1: u32, vsid: u32, ea: u32, secondary: bool) -> u32 {
    let mut hash = bits(vsid, 13, 31) ^ bits(ea, 4, 19);
    if secondary {
        hash ^= 0x7_ffff;
    }
    let high = bits(sdr1, 7, 15) | hash >> 10 & bits(sdr1, 23, 31);
    bits(sdr1, 0, 6) << 25 | high << 16 | (hash & 0x3ff) << 6
}

/// As "Block Size Mask Encodings" and the figures beside it say: where the mask has ones, the address bits come from
/// the effective address.
fn naive_block(bat: Bat, ea: u32, problem_state: bool) -> Option<u32> {
    let valid = bits(bat.upper, if problem_state { 31 } else { 30 }, 31) & 1;
    let valid = if problem_state {
        valid
    } else {
        bits(bat.upper, 30, 30)
    };
    let mask = bits(bat.upper, 19, 29);
    let same = bits(ea, 0, 3) == bits(bat.upper, 0, 3)
        && bits(ea, 4, 14) & !mask == bits(bat.upper, 4, 14) & !mask;
    (valid == 1 && same).then(|| {
        bits(bat.lower, 0, 3) << 28
            | (bits(bat.lower, 4, 14) & !mask | bits(ea, 4, 14) & mask) << 17
            | bits(ea, 15, 31)
    })
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::Load), Just(Access::Store), Just(Access::Fetch)]
}

/// Blocks, many of which contain the address.
fn bat(ea: u32) -> impl Strategy<Value = Bat> {
    (any::<u32>(), any::<u32>(), 0..12u32, any::<bool>()).prop_map(
        move |(random, lower, length, near)| {
            let index = if near { ea ^ random & 0x3_ffff } else { random };
            let mask = (1u32 << length) - 1;
            Bat {
                upper: index & 0xfffe_0000 | mask << 2 | random & 3,
                lower,
            }
        },
    )
}

proptest! {
    #[test]
    fn groups(sdr1: u32, sr: u32, ea: u32, secondary: bool, length in 0..10u32) {
        // HTABMASK is ones from the right, and HTABORG has none of its bits.
        let mask = (1u32 << length) - 1;
        let sdr1 = sdr1 & 0xffff_0000 & !(mask << 16) | mask;
        let sr = SegmentRegister::from_raw(sr);
        prop_assert_eq!(
            group(sdr1, sr, ea, secondary),
            naive_group(sdr1, sr.vsid(), ea, secondary)
        );
    }

    #[test]
    fn blocks((ea, bat) in any::<u32>().prop_flat_map(|ea| (Just(ea), bat(ea))), problem_state: bool) {
        let found = bat.valid(problem_state) && bat.contains(ea);
        let naive = naive_block(bat, ea, problem_state);
        prop_assert_eq!(found.then(|| bat.real(ea)), naive);
        // A block that contains the address is in its segment.
        prop_assert!(!found || bat.in_segment(ea ^ 0x0fff_ffff));
        prop_assert_eq!(Bat::from_raw(bat.raw()), bat);
    }

    /// Entries in a table are found by either hash, unless a block contains the address; and nothing else is found.
    #[test]
    fn tables(
        ea: u32, sr in 0..0x7fff_ffffu32, real: u32, low in 0..0x200u32, slot in 0..8u32, secondary: bool,
        problem_state: bool, access in access(), others in prop::collection::vec((any::<u32>(), 0..16u32), 0..8),
        blocks in prop::collection::vec(any::<(u32, u32)>(), 0..4),
    ) {
        let sdr1 = 0x0040_0001;
        let mut mmu = Mmu::default();
        let segment = SegmentRegister::from_raw(sr);
        mmu.sr[(ea >> 28) as usize] = segment;
        for (i, (upper, lower)) in blocks.iter().enumerate() {
            mmu.dbat[i] = Bat { upper: *upper, lower: *lower };
            mmu.ibat[BATS - 1 - i] = Bat { upper: *upper, lower: !*lower };
        }
        let mut memory: BTreeMap<u32, [u8; GROUP_BYTES]> = BTreeMap::new();
        let mut put = |group: u32, slot: u32, first: u32, second: u32| {
            let at = slot as usize * 8;
            let bytes = memory.entry(group).or_insert([0; GROUP_BYTES]);
            bytes[at..at + 4].copy_from_slice(&first.to_be_bytes());
            bytes[at + 4..at + 8].copy_from_slice(&second.to_be_bytes());
        };
        let home = naive_group(sdr1, segment.vsid(), ea, secondary);
        let away = naive_group(sdr1, segment.vsid(), ea, !secondary);
        let first = 1 << 31 | segment.vsid() << 7 | u32::from(secondary) << 6 | bits(ea, 4, 9);
        // Entries that differ in one bit of the first word.
        for (random, bit) in others {
            put(if random & 8 != 0 { home } else { away }, random & 7, first ^ 1 << (bit + 16), random);
        }
        let second = real & 0xffff_f000 | low;
        put(home, slot, first, second);

        let block = match access {
            Access::Fetch => mmu.ibat,
            _ => mmu.dbat,
        };
        let block = block.iter().find_map(|b| naive_block(*b, ea, problem_state));
        let find = |sdr1| mmu.find(sdr1, ea, problem_state, access, |at| memory.get(&at).copied());
        match (block, find(sdr1)) {
            (Some(real), Ok(Translation::Block(bat))) => prop_assert_eq!(bat.real(ea), real),
            (None, Ok(Translation::Page(sr, found))) => {
                prop_assert_eq!(sr, segment);
                prop_assert_eq!(found.at, home + slot * 8);
                prop_assert_eq!(found.pte, Pte { first, second });
                prop_assert_eq!(found.pte.real(ea), real & 0xffff_f000 | bits(ea, 20, 31));
            }
            (block, found) => prop_assert!(false, "{block:?} {found:?}"),
        }
        if block.is_none() {
            // Another table, which is not there.
            let store = Dsisr::EMPTY.set(Dsisr::ISSTORE, access == Access::Store);
            prop_assert_eq!(find(0x0100_0000), Err(Fault::Storage(Dsisr::NOPTE | store)));
        }
    }
}
