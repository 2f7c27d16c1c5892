// SPDX-License-Identifier: GPL-2.0

//! Any operations on the 440's guest and shadow TLBs: they must be what the naive model says.

#![no_main]

#[path = "../../tests/tlb44x/model.rs"]
mod model;

use libfuzzer_sys::fuzz_target;
use model::{Machine, Numbers};

/// Numbers from the fuzzer's bytes; zeros when they are used up.
struct Input {
    bytes: Vec<u8>,
    at: usize,
}

impl Numbers for Input {
    fn next(&mut self, below: u64) -> u64 {
        let size = match below {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        };
        let bytes = self.bytes.iter().skip(self.at).take(size);
        self.at += size;
        bytes.fold(0, |value, byte| value << 8 | u64::from(*byte)) % below
    }
}

fuzz_target!(|data: &[u8]| {
    let mut machine = Machine::new(Input {
        bytes: data.to_vec(),
        at: 0,
    });
    // An operation takes some bytes
    for _ in 0..data.len() / 4 {
        machine.step();
    }
});
