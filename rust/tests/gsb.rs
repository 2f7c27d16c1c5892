// SPDX-License-Identifier: GPL-2.0

//! Guest state buffers: what is written is read, byte by byte as a naive writer has it, and damage is found.

use kvm_ppc_pure::isa::gsb::{Full, Id, Malformed, Reader, Scope, Value, Writer};
use proptest::prelude::*;

/// An element as the naive writer has it: id and bytes.
fn bytes_of(elements: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut out = (elements.len() as u32).to_be_bytes().to_vec();
    for (id, value) in elements {
        out.extend(id.to_be_bytes());
        out.extend((value.len() as u16).to_be_bytes());
        out.extend(value);
    }
    out
}

fn put(w: &mut Writer<'_>, id: u16, value: &[u8]) -> Result<(), Full> {
    let id = Id::from_raw(id);
    let doubleword = |n: usize| u64::from_be_bytes(value[8 * n..8 * n + 8].try_into().unwrap());
    match value.len() {
        4 => w.put_u32(id, u32::from_be_bytes(value.try_into().unwrap())),
        8 => w.put_u64(id, doubleword(0)),
        16 => w.put_pair(id, [doubleword(0), doubleword(1)]),
        24 => w.put_triple(id, [doubleword(0), doubleword(1), doubleword(2)]),
        n => panic!("{n} bytes"),
    }
}

fn value_of(value: &[u8]) -> Value {
    let int = |b: &[u8]| b.iter().fold(0, |int, byte| int << 8 | u64::from(*byte));
    match value.len() {
        4 | 8 => Value::Int(int(value)),
        16 => Value::Pair([int(&value[..8]), int(&value[8..])]),
        _ => Value::Triple,
    }
}

/// The table of kvm-nested.rst: first and last id, bytes, scope.
const TABLE: &[(u16, u16, usize, Scope)] = &[
    (0x0001, 0x0002, 8, Scope::Guest),
    (0x0003, 0x0003, 4, Scope::Guest),
    (0x0004, 0x0004, 8, Scope::Guest),
    (0x0005, 0x0005, 24, Scope::Guest),
    (0x0006, 0x0006, 16, Scope::Guest),
    (0x0800, 0x0804, 8, Scope::Host),
    (0x0c00, 0x0c01, 16, Scope::Vcpu),
    (0x0c02, 0x0c02, 8, Scope::Vcpu),
    (0x1000, 0x1053, 8, Scope::Vcpu),
    (0x2000, 0x200e, 4, Scope::Vcpu),
    (0x3000, 0x303f, 16, Scope::Vcpu),
    (0xf000, 0xf000, 8, Scope::Vcpu),
    (0xf001, 0xf002, 4, Scope::Vcpu),
    (0xf003, 0xf003, 8, Scope::Vcpu),
];

#[test]
fn sizes_and_scopes() {
    for raw in 0..=u16::MAX {
        let id = Id::from_raw(raw);
        let line = TABLE.iter().find(|l| (l.0..=l.1).contains(&raw));
        assert_eq!(id.size(), line.map(|l| l.2), "{raw:#x}");
        if let Some(line) = line {
            assert_eq!(id.scope(), line.3, "{raw:#x}");
        }
    }
}

/// Ids that the table counts from its beginnings.
#[test]
fn names() {
    for (id, raw) in [
        (Id::GPR0.plus(31), 0x101f),
        (Id::NIA, 0x1021),
        (Id::SPRG3, 0x1039),
        (Id::MMCR3, 0x103e),
        (Id::SIER3, 0x1042),
        (Id::DPDES, 0x1053),
        (Id::PMC6, 0x200c),
        (Id::VSR0.plus(63), 0x303f),
        (Id::ASDR, 0xf003),
    ] {
        assert_eq!(id.raw(), raw);
    }
}

fn element() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let ids: Vec<u16> = TABLE.iter().flat_map(|l| l.0..=l.1).collect();
    prop::sample::select(ids).prop_flat_map(|id| {
        let size = Id::from_raw(id).size().expect("an element of the table");
        prop::collection::vec(any::<u8>(), size).prop_map(move |value| (id, value))
    })
}

fn read(buffer: &[u8]) -> Result<Vec<(Id, Value)>, Malformed> {
    Reader::new(buffer)?.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Also in a buffer that is larger, with anything behind the elements.
    #[test]
    fn written_and_read(elements in prop::collection::vec(element(), 0..40), behind in 0..32usize) {
        let naive = bytes_of(&elements);
        let mut buffer = vec![0xa5; naive.len() + behind];
        let mut w = Writer::new(&mut buffer).expect("room for the header");
        for (id, value) in &elements {
            put(&mut w, *id, value).expect("room");
        }
        prop_assert_eq!((w.count() as usize, w.len()), (elements.len(), naive.len()));
        prop_assert_eq!(&buffer[..naive.len()], &naive[..]);
        prop_assert!(buffer[naive.len()..].iter().all(|b| *b == 0xa5));
        let expected: Vec<_> =
            elements.iter().map(|(id, value)| (Id::from_raw(*id), value_of(value))).collect();
        prop_assert_eq!(read(&buffer), Ok(expected));
    }

    /// What does not fit changes nothing.
    #[test]
    fn full(elements in prop::collection::vec(element(), 1..20), room in 4..200usize) {
        let mut buffer = vec![0xa5; room];
        let mut w = Writer::new(&mut buffer).expect("room for the header");
        let mut written = Vec::new();
        for (id, value) in elements {
            let fits = bytes_of(&written).len() + 4 + value.len() <= room;
            prop_assert_eq!(put(&mut w, id, &value), if fits { Ok(()) } else { Err(Full) });
            if fits {
                written.push((id, value));
            }
        }
        let naive = bytes_of(&written);
        prop_assert_eq!(&buffer[..naive.len()], &naive[..]);
    }

    /// A buffer that ends too early is found, wherever that is.
    #[test]
    fn cut(elements in prop::collection::vec(element(), 1..20), at in any::<prop::sample::Index>()) {
        let naive = bytes_of(&elements);
        prop_assert_eq!(read(&naive[..at.index(naive.len())]), Err(Malformed));
    }

    /// Elements that are not known are left out, and those of a wrong size found.
    #[test]
    fn strange(id: u16, size in 0..40usize, after in element()) {
        let buffer = bytes_of(&[(id, vec![0; size]), after.clone()]);
        let after = (Id::from_raw(after.0), value_of(&after.1));
        match Id::from_raw(id).size() {
            None => prop_assert_eq!(read(&buffer), Ok(vec![after])),
            Some(right) if right == size => {
                prop_assert_eq!(read(&buffer).map(|all| all.len()), Ok(2));
            }
            Some(_) => prop_assert_eq!(read(&buffer), Err(Malformed)),
        }
    }
}

#[test]
fn too_short() {
    assert!(matches!(Writer::new(&mut [0; 3]), Err(Full)));
    assert_eq!(read(&[0; 3]), Err(Malformed));
    assert_eq!(read(&[0; 4]), Ok(Vec::new()));
}
