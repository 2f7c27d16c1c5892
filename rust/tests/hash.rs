// SPDX-License-Identifier: GPL-2.0

//! Compares hashed page tables with the figures of the ISA, bit by bit.

use kvm_ppc_pure::isa::{
    dsisr::Dsisr,
    hpte::{find, hash, Hpte, HpteR, HpteV, PageSizes},
    radix_walk::Access,
    slb::{base_page_bits, SegmentSize, SlbEsid, SlbVsid, Slbe, VirtualAddress},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SIZES: [PageSizes; 7] = [
    PageSizes {
        base: 12,
        actual: 12,
    },
    PageSizes {
        base: 12,
        actual: 16,
    },
    PageSizes {
        base: 12,
        actual: 24,
    },
    PageSizes {
        base: 16,
        actual: 16,
    },
    PageSizes {
        base: 16,
        actual: 24,
    },
    PageSizes {
        base: 24,
        actual: 24,
    },
    PageSizes {
        base: 34,
        actual: 34,
    },
];

fn segment() -> impl Strategy<Value = SegmentSize> {
    prop_oneof![Just(SegmentSize::Mb256), Just(SegmentSize::Tb1)]
}

fn address() -> impl Strategy<Value = VirtualAddress> {
    (segment(), any::<u64>(), any::<u64>()).prop_map(|(segment, vsid, offset)| VirtualAddress {
        // What ISA 3.0's entries have room for: 68 bits of virtual address.
        vsid: vsid >> (segment.shift() - 4),
        offset: offset & ((1 << segment.shift()) - 1),
        segment,
    })
}

fn sizes() -> impl Strategy<Value = PageSizes> {
    prop::sample::select(SIZES.to_vec())
}

/// A segment's SLB entry and an effective address that is `va`.
fn slbe(va: VirtualAddress, base: u32, ea_high: u64) -> (Slbe, u64) {
    let ea = ea_high << va.segment.shift() | va.offset;
    let low = match va.segment {
        SegmentSize::Mb256 => 0,
        SegmentSize::Tb1 => 12,
    };
    let entry = Slbe {
        esid: SlbEsid::from_raw(ea & !0xfff_ffff).with(SlbEsid::V),
        vsid: base_page_bits(base)
            .unwrap()
            .with_b(va.segment as u64)
            .with_vsid_field(va.vsid << low),
    };
    (entry, ea)
}

/// The virtual address as a number of 78 bits.
fn whole(va: VirtualAddress) -> u128 {
    u128::from(va.vsid) << va.segment.shift() | u128::from(va.offset)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_hash_is_the_isas(va in address(), base in prop::sample::select(vec![12u32, 16, 24])) {
        // Exclusive or of the low 39 bits of the VSID (with itself 25 up, for 1 TB) and the page number.
        let bit = |value: u64, n: u32| value >> n & 1;
        let page = va.offset >> base;
        for n in 0..39 {
            let mut expected = bit(va.vsid, n) ^ bit(page, n);
            if va.segment == SegmentSize::Tb1 && n >= 25 {
                expected ^= bit(va.vsid, n - 25);
            }
            prop_assert_eq!(bit(hash(va, base), n), expected);
        }
        prop_assert_eq!(hash(va, base) >> 39, 0);
    }

    #[test]
    fn a_table_of_another_size(va in address(), sizes in sizes(), secondary in any::<bool>(), slot in 0..8u64, from in 11..32u32, to in 11..32u32) {
        // A page is no larger than its segment.
        prop_assume!(sizes.base <= va.segment.shift());
        let primary = hash(va, sizes.base);
        let index = |bits: u32| {
            let group = if secondary { !primary } else { primary };
            (group & ((1 << bits) - 1)) << 3 | slot
        };
        let entry = Hpte::new(va, 0, sizes, HpteR::EMPTY).unwrap();
        let v = entry.v.set(HpteV::H, secondary);
        // As it is in memory.
        let (first, second) = Hpte { v, ..entry }.to_v3();
        let (entry, mask) = (Hpte::from_v3(first, second), |bits| (1u64 << bits) - 1);
        prop_assert_eq!(entry.index_in(index(from), mask(from), mask(to)), Some(index(to)));
        // Low bits of the group stand for those of the address that the entry has lost. Where another bit is wrong, no
        // processor looks for it.
        if from > 23u32.saturating_sub(sizes.base) {
            let wrong = index(from) ^ 8 << (from - 1);
            prop_assert_eq!(entry.index_in(wrong, mask(from), mask(to)), None);
        }
    }

    #[test]
    fn entries_round_trip(va in address(), real in 0..1u64 << 58, sizes in sizes(), bits in any::<u64>(), secondary in any::<bool>()) {
        let bits = HpteR::from_raw(bits);
        let mut hpte = Hpte::new(va, real, sizes, bits).unwrap();
        prop_assert_eq!(hpte.sizes(), Some(sizes));
        prop_assert!(hpte.v.contains(HpteV::V));
        // The AVPN is the address above bit 23.
        let dropped = sizes.base.saturating_sub(23);
        prop_assert_eq!(u128::from(hpte.v.avpn()), whole(va) >> 23 >> dropped << dropped);
        // Protection, attributes and key as given.
        prop_assert_eq!(hpte.r.with_arpn_lp(0), bits.with_arpn_lp(0));
        prop_assert_eq!(hpte.r.pp(), bits.raw() >> 63 << 2 | bits.raw() & 3);
        prop_assert_eq!(u64::from(hpte.r.key()), (bits.raw() >> 60 & 3) << 3 | bits.raw() >> 9 & 7);
        let page = (1u64 << sizes.actual) - 1;
        prop_assert_eq!(hpte.real(va.offset), Some(real & !page | va.offset & page));
        // To ISA 3.0's format and back; B is nowhere else.
        hpte.v = hpte.v.set(HpteV::H, secondary).with_sw(bits.raw());
        let (first, second) = hpte.to_v3();
        prop_assert_eq!(first >> 52, 0);
        prop_assert_eq!(second >> 58 & 3, va.segment as u64);
        prop_assert_eq!(Hpte::from_v3(first, second), hpte);
        // From its place the page is known again.
        let group = if secondary { !hash(va, sizes.base) } else { hash(va, sizes.base) } & 0x7ff;
        let known = hpte.virtual_page(group).unwrap();
        prop_assert_eq!(known.segment, va.segment);
        prop_assert_eq!(whole(known), whole(va) >> sizes.base << sizes.base);
    }

    #[test]
    fn a_search_finds_what_was_put_in(
        pages in prop::collection::vec((address(), sizes(), any::<(bool, u8)>()), 1..40),
        ea_high in any::<u64>(),
        groups in 11..14u32,
    ) {
        let mask = (1u64 << groups) - 1;
        let mut table = BTreeMap::new();
        let mut inserted = Vec::new();
        for (n, (va, sizes, (secondary, slot))) in pages.into_iter().enumerate() {
            let mut hpte = Hpte::new(va, (n as u64) << 40, sizes, HpteR::EMPTY).unwrap();
            hpte.v = hpte.v.set(HpteV::H, secondary);
            let h = hash(va, sizes.base);
            let index = (if secondary { !h } else { h } & mask) * 8 + u64::from(slot & 7);
            let size = u128::from(sizes.base);
            let clash = inserted.iter().any(|(other, base, ..): &(VirtualAddress, u32, _)| {
                *base == sizes.base && other.segment == va.segment && whole(*other) >> size == whole(va) >> size
            });
            if !clash && !table.contains_key(&index) {
                table.insert(index, hpte);
                inserted.push((va, sizes.base, (index, hpte, secondary)));
            }
        }
        for (va, base, (index, hpte, secondary)) in inserted {
            let (entry, ea) = slbe(va, base, ea_high >> va.segment.shift());
            let read = |index| Some(table.get(&index).copied().unwrap_or_default());
            prop_assert_eq!(find(entry, ea, mask, true, read), Some((index, hpte)));
            let primary_only = find(entry, ea, mask, false, read);
            prop_assert_eq!(primary_only, (!secondary).then_some((index, hpte)));
            // Another base page size or an invalid entry is no match.
            let (other, ea) = slbe(va, if base == 12 { 16 } else { 12 }, ea_high >> va.segment.shift());
            prop_assert!(find(other, ea, mask, true, read).is_none_or(|(_, found)| found != hpte));
            let gone = |i| read(i).filter(|_| i != index);
            prop_assert!(find(entry, ea, mask, true, gone).is_none());
        }
    }
}

#[test]
fn sizes_that_no_processor_has() {
    for lp in 0..0x100 {
        let hpte = Hpte {
            v: HpteV::L | HpteV::V,
            r: HpteR::EMPTY.with_arpn_lp(lp),
        };
        let known = matches!(lp & 0xf, 1 | 7) || matches!(lp, 0 | 3 | 8 | 0x38);
        assert_eq!(hpte.sizes().is_some(), known, "{lp:#x}");
        assert_eq!(hpte.real(0).is_some(), known);
    }
    let va = VirtualAddress {
        vsid: 1,
        offset: 0,
        segment: SegmentSize::Mb256,
    };
    let odd = PageSizes {
        base: 24,
        actual: 16,
    };
    assert_eq!(Hpte::new(va, 0, odd, HpteR::EMPTY), None);
}

/// Figure "PP bit protection states": readable and writable by key and protection.
#[test]
fn protection() {
    let table = [
        (false, 0, true, true),
        (false, 1, true, true),
        (false, 2, true, true),
        (false, 3, true, false),
        (false, 6, true, false),
        (true, 0, false, false),
        (true, 1, true, false),
        (true, 2, true, true),
        (true, 3, true, false),
        (true, 6, false, false),
    ];
    for (key, pp, readable, writable) in table {
        let hpte = Hpte {
            v: HpteV::V,
            r: HpteR::EMPTY.set(HpteR::PP0, pp & 4 != 0).with_pp_low(pp),
        };
        for problem in [false, true] {
            let segment = SlbVsid::EMPTY
                .set(SlbVsid::KP, key == problem)
                .set(SlbVsid::KS, key != problem);
            let used = segment.intersects(if problem { SlbVsid::KP } else { SlbVsid::KS });
            assert_eq!(used, key);
            let check = |access| hpte.check(segment, problem, 0, 0, access).is_ok();
            assert_eq!(
                (check(Access::Load), check(Access::Store)),
                (readable, writable),
                "{key} {pp}"
            );
            assert_eq!(check(Access::Fetch), readable);
        }
    }
}

/// What permits loads and fetches still does, by all protections and keys, and nothing permits stores.
#[test]
fn read_only() {
    let protection = HpteR::PP0.with_pp_low(3);
    let others = HpteR::from_raw(!(protection | HpteR::N | HpteR::G).raw());
    for (pp, key) in (0..8).flat_map(|pp| [(pp, false), (pp, true)]) {
        let bits = HpteR::EMPTY.set(HpteR::PP0, pp & 4 != 0).with_pp_low(pp);
        for before in [bits, bits | others] {
            let after = before.read_only();
            assert_eq!(after.without(protection), before.without(protection));
            for problem in [false, true] {
                let segment = SlbVsid::EMPTY
                    .set(SlbVsid::KP, key == problem)
                    .set(SlbVsid::KS, key != problem);
                let check =
                    |r, access| Hpte { v: HpteV::V, r }.check(segment, problem, 0, 0, access);
                for access in [Access::Load, Access::Fetch] {
                    assert_eq!(check(after, access), check(before, access), "{key} {pp}");
                }
                assert!(check(after, Access::Store).is_err(), "{key} {pp}");
            }
        }
    }
}

#[test]
fn keys_and_no_execute() {
    let page = |bits: HpteR| Hpte {
        v: HpteV::V,
        r: bits.with_pp_low(2),
    };
    let plain = SlbVsid::EMPTY;
    for bits in [HpteR::N, HpteR::G] {
        let fault = page(bits).check(plain, false, 0, 0, Access::Fetch);
        assert_eq!(fault, Err(Dsisr::NOEXEC_OR_G));
        assert!(page(bits).check(plain, false, 0, 0, Access::Load).is_ok());
    }
    let fault = page(HpteR::EMPTY).check(SlbVsid::N, false, 0, 0, Access::Fetch);
    assert_eq!(fault, Err(Dsisr::NOEXEC_OR_G));
    for key in 0..32u64 {
        let hpte = page(HpteR::EMPTY.with_key_high(key >> 3).with_key_low(key));
        let bits = 62 - 2 * key;
        for (amr, load, store) in [(0u64, true, true), (1, false, true), (2, true, false)] {
            let check = |access| hpte.check(plain, true, amr << bits, 0, access);
            assert_eq!(check(Access::Load).is_ok(), load);
            assert_eq!(check(Access::Store).is_ok(), store);
            assert!(check(Access::Fetch).is_ok());
        }
        let fetch = hpte.check(plain, true, 0, 1 << bits, Access::Fetch);
        assert_eq!(fetch, Err(Dsisr::KEYFAULT));
        let others = !(3u64 << bits);
        assert!(hpte
            .check(plain, true, others, others, Access::Store)
            .is_ok());
    }
}
