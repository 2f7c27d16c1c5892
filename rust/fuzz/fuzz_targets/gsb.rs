// SPDX-License-Identifier: GPL-2.0

//! A guest state buffer of any bytes: reading ends, gives no more elements than it counts, and what is read can be
//! written and read again.

#![no_main]

use kvm_ppc_pure::isa::gsb::{Id, Reader, Value, Writer};
use libfuzzer_sys::fuzz_target;

fn read(buffer: &[u8]) -> Vec<(Id, Value)> {
    let Ok(reader) = Reader::new(buffer) else {
        return Vec::new();
    };
    reader.flatten().collect()
}

fuzz_target!(|buffer: &[u8]| {
    let elements = read(buffer);
    assert!(8 * elements.len() <= buffer.len());
    // The longest element has 24 bytes behind its header
    let mut again = vec![0; 64 + (4 + 24) * elements.len()];
    let mut w = Writer::new(&mut again).expect("room");
    for (id, value) in &elements {
        let put = match (id.size(), *value) {
            (Some(4), Value::Int(int)) => w.put_u32(*id, int as u32),
            (Some(8), Value::Int(int)) => w.put_u64(*id, int),
            (Some(16), Value::Pair(pair)) => w.put_pair(*id, pair),
            (Some(24), Value::Triple) => w.put_triple(*id, [0; 3]),
            other => panic!("{id:?}: {other:?}"),
        };
        put.expect("room");
    }
    assert_eq!(read(&again), elements);
});
