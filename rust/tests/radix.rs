// SPDX-License-Identifier: GPL-2.0

//! Compares the software walk of radix trees with the list of pages that the trees were made from.

mod model;

use kvm_ppc_pure::isa::{
    dsisr::Dsisr,
    radix_walk::{translate, walk, Access, Context, Fault},
    rpte::Patb1,
};
use model::radix::{Mapping, Tables};
use proptest::prelude::*;

const ACCESSES: [Access; 3] = [Access::Fetch, Access::Load, Access::Store];

/// Addresses that share tables with each other often, and sometimes do not.
fn address() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => (0..3u64, 0..3u64, 0..4u64, 0..4u64, 0..1u64 << 16).prop_map(|(a, b, c, d, e)| {
            a << 39 | b << 30 | c << 21 | d << 16 | e
        }),
        1 => 0..1u64 << 52,
    ]
}

fn mapping() -> impl Strategy<Value = Mapping> {
    (
        0..3u32,
        address(),
        prop::sample::select(vec![12, 16, 21, 30]),
        0..1u64 << 57,
        0..0x200u64,
    )
        .prop_map(|(pid, address, shift, real, bits)| Mapping {
            pid,
            address: address >> shift << shift,
            shift,
            real: real >> shift << shift,
            // Not bit 57, which is reserved.
            bits: bits & 0x1bf,
        })
}

fn tables() -> impl Strategy<Value = Tables> {
    prop::collection::vec(mapping(), 0..24).prop_map(|mappings| {
        let mut tables = Tables::new(16);
        for mapping in mappings {
            tables.map(mapping);
        }
        tables
    })
}

fn context(tables: &Tables, pid: u32, problem_state: bool, amr: u64, iamr: u64) -> Context {
    Context {
        process_table: Patb1::from_raw(tables.partition_table_entry()),
        pid,
        problem_state,
        amr,
        iamr,
    }
}

/// What DSISR or SRR1 says of an access to a page, 0 if it is permitted; from the figures of Book III.
fn judge(mapping: Mapping, access: Access, problem_state: bool, amr: u64, iamr: u64) -> u64 {
    let store = if access == Access::Store {
        0x0200_0000
    } else {
        0
    };
    let privileged_only = mapping.bits & 8 != 0;
    let readable = mapping.bits & 6 != 0;
    let writable = mapping.bits & 2 != 0;
    let executable = mapping.bits & 1 != 0;
    let guarded = mapping.bits & 0x30 == 0x20;
    let keys = !problem_state && !privileged_only;
    let denied = (problem_state && privileged_only)
        || match access {
            Access::Load => !readable || keys && amr & 1 << 62 != 0,
            Access::Store => !writable || keys && amr & 1 << 63 != 0,
            Access::Fetch => !executable || guarded || keys && iamr & 1 << 62 != 0,
        };
    let referenced = mapping.bits & 0x100 != 0;
    let changed = mapping.bits & 0x80 != 0;
    if denied {
        match access {
            Access::Fetch => 0x1000_0000,
            _ => 0x0800_0000 | store,
        }
    } else if !referenced || access == Access::Store && !changed {
        0x0004_0000 | store
    } else {
        0
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_finds_what_was_mapped(
        tables in tables(),
        others in prop::collection::vec(address(), 8),
        pid in 0..3u32,
        (problem_state, kernel) in any::<(bool, bool)>(),
        (amr, iamr) in any::<(u64, u64)>(),
    ) {
        let context = context(&tables, pid, problem_state, amr, iamr);
        let quadrant = if kernel { 3u64 << 62 } else { 0 };
        let owner = if kernel { 0 } else { pid };
        // First, middle and last byte of each page, the bytes beside it, and anything else.
        let addresses: Vec<u64> = tables
            .mappings
            .iter()
            .flat_map(|m| {
                let last = m.address + (1 << m.shift) - 1;
                [m.address, m.address + 0x123, last, m.address.wrapping_sub(1), last + 1]
            })
            .map(|address| address & ((1 << 52) - 1))
            .chain(others)
            .collect();
        let read = |address| Some(tables.memory.get(&address).copied().unwrap_or(0));
        for address in addresses {
            let ea = quadrant | address;
            let truth = tables.find(owner, address);
            // A process without a page has no tree either.
            let has_tree = tables.mappings.iter().any(|m| m.pid == owner);
            let absent = if has_tree { Dsisr::NOPTE } else { Dsisr::UNSUPP_MMU };
            let found = walk(&context, ea, read);
            match truth {
                None => prop_assert_eq!(found, Err(Fault::Storage(absent))),
                Some(mapping) => {
                    let page = found.map_err(|fault| TestCaseError::fail(format!("{fault:?}")))?;
                    prop_assert_eq!(page.real, mapping.real + (address - mapping.address));
                    prop_assert_eq!(page.shift, mapping.shift);
                    prop_assert_eq!(
                        tables.memory.get(&page.pte_address).copied(),
                        Some(page.pte.raw())
                    );
                }
            }
            for access in ACCESSES {
                let expected = match truth {
                    None => absent.raw() | if access == Access::Store { 0x0200_0000 } else { 0 },
                    Some(mapping) => judge(mapping, access, problem_state, amr, iamr),
                };
                let got = match translate(&context, ea, access, read) {
                    Ok(_) => 0,
                    Err(Fault::Storage(dsisr)) => dsisr.raw(),
                    Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                prop_assert_eq!(got, expected, "{:?} {:?}", access, truth);
            }
        }
    }

    /// Whatever memory holds, a walk ends, reads no more than five doublewords, all aligned, and what it finds is
    /// sound.
    #[test]
    fn any_memory(
        memory in prop::collection::vec(any::<u64>(), 5),
        plausible in any::<bool>(),
        table in any::<u64>(),
        pid in any::<u32>(),
        ea in any::<u64>(),
    ) {
        let context = Context {
            process_table: Patb1::from_raw(table & !0x1f | 12),
            pid: pid & 0xfff,
            problem_state: false,
            amr: 0,
            iamr: 0,
        };
        let ea = ea & 0xc00f_ffff_ffff_ffff;
        let mut reads = memory.iter().copied().enumerate();
        let mut unaligned = false;
        let result = walk(&context, ea, |address| {
            unaligned |= address & 7 != 0;
            let (n, value) = reads.next()?;
            // Entries that do not stop the walk at once.
            Some(match (plausible, n) {
                (false, _) => value,
                (true, 0) => value & 0x1fff_ffff_ffff_ff00 & !(3 << 61) | 0b10 << 61 | 0xad,
                (true, _) => value & !0x1f | 9 | 1 << 63,
            })
        });
        prop_assert!(!unaligned);
        match result {
            Ok(page) => {
                prop_assert!(matches!(page.shift, 12 | 16 | 21 | 30));
                prop_assert_eq!((page.real ^ ea) & ((1 << page.shift) - 1), 0);
                prop_assert!(page.real < 1 << 57);
            }
            Err(Fault::Unreadable(_)) => prop_assert!(false, "a sixth doubleword"),
            Err(_) => {}
        }
    }

    /// What cannot be read stops the walk there.
    #[test]
    fn unreadable_tables(tables in tables(), hole in 0..5usize) {
        for mapping in tables.mappings.iter().take(1) {
            let context = context(&tables, mapping.pid, false, 0, 0);
            let mut n = 0;
            let mut last = 0;
            let result = walk(&context, mapping.address, |address| {
                last = address;
                n += 1;
                (n <= hole).then(|| tables.memory.get(&address).copied().unwrap_or(0))
            });
            match result {
                Err(fault) => prop_assert_eq!(fault, Fault::Unreadable(last)),
                Ok(_) => prop_assert!(n <= hole),
            }
        }
    }
}

#[test]
fn addresses_that_no_guest_has() {
    let tables = Tables::new(12);
    let context = context(&tables, 1, false, 0, 0);
    for ea in [
        0x4000_0000_0000_0000,
        0x8000_0000_0000_0000,
        0x0010_0000_0000_0000,
        0xc020_0000_0000_0000,
        0x2000_0000_0000_0000,
    ] {
        assert_eq!(walk(&context, ea, |_| None), Err(Fault::Segment), "{ea:#x}");
    }
}

#[test]
fn process_tables() {
    let mut tables = Tables::new(12);
    tables.map(Mapping {
        pid: 1,
        address: 0,
        shift: 21,
        real: 0,
        bits: 0x18f,
    });
    // The same entry where a table that is not aligned to its size would have it.
    let entry = tables.process_table + 16;
    let copy = tables.memory.get(&entry).copied().unwrap();
    tables.memory.insert(entry | 0x1000, copy);
    let read = |address| Some(tables.memory.get(&address).copied().unwrap_or(0));
    let with = |pid, table| {
        let context = Context {
            process_table: Patb1::from_raw(table),
            ..context(&tables, pid, false, 0, 0)
        };
        walk(&context, 0x1234, read).map(|page| page.real)
    };
    let table = tables.partition_table_entry();
    assert_eq!(with(1, table), Ok(0x1234));
    // Beyond the table's 256 entries; a table of a size that cannot be; one that is not aligned to its size.
    assert_eq!(with(256, table), Err(Fault::Storage(Dsisr::NOPTE)));
    let unsupported = Err(Fault::Storage(Dsisr::UNSUPP_MMU));
    assert_eq!(with(1, table | 25), unsupported);
    assert_eq!(with(1, table | 0x1000 | 1), unsupported);
}

#[test]
fn trees_that_no_processor_has() {
    let unsupported = Err(Fault::Storage(Dsisr::UNSUPP_MMU));
    let process = |tables: &mut Tables, entry: u64| {
        let at = tables.process_table + 16;
        tables.memory.insert(at, entry);
    };
    let root = 1u64 << 32;
    let good = 0b10 << 61 | 0b101 << 5 | root | 13;
    let look = |tables: &Tables| {
        let context = context(tables, 1, false, 0, 0);
        let read = |address| Some(tables.memory.get(&address).copied().unwrap_or(0));
        walk(&context, 0, read).map(|page| page.shift)
    };
    let mut tables = Tables::new(12);
    // No entry, a tree of 53 bits, a root of 12 bits.
    assert_eq!(look(&tables), unsupported);
    process(&mut tables, good | 1 << 5 | 1 << 6);
    assert_eq!(look(&tables), unsupported);
    process(&mut tables, good & !1);
    assert_eq!(look(&tables), unsupported);
    // A leaf of 512 GB.
    process(&mut tables, good);
    tables.memory.insert(root, 3 << 62 | 0x18f);
    assert_eq!(look(&tables), unsupported);
    // Middle levels of 8 bits, a lowest of 6.
    tables.memory.insert(root, 1 << 63 | 0x10000 | 8);
    assert_eq!(look(&tables), unsupported);
    tables.memory.insert(root, 1 << 63 | 0x10000 | 9);
    tables.memory.insert(0x10000, 1 << 63 | 0x20000 | 9);
    tables.memory.insert(0x20000, 1 << 63 | 0x30000 | 6);
    assert_eq!(look(&tables), unsupported);
    // A directory entry at the bottom, and a leaf there.
    tables.memory.insert(0x20000, 1 << 63 | 0x30000 | 5);
    tables.memory.insert(0x30000, 1 << 63 | 0x40000 | 9);
    assert_eq!(look(&tables), unsupported);
    tables.memory.insert(0x30000, 3 << 62 | 0x18f);
    assert_eq!(look(&tables), Ok(16));
}
