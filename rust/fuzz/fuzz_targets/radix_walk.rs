// SPDX-License-Identifier: GPL-2.0

//! Any guest memory and any address: a walk ends after at most five aligned reads, never panics, and finds only what
//! is sound.

#![no_main]

use kvm_ppc_pure::isa::{
    radix_walk::{translate, walk, Access, Context, Fault},
    rpte::Patb1,
};
use libfuzzer_sys::fuzz_target;

fn number(data: &[u8], n: usize) -> u64 {
    data.get(8 * n..8 * n + 8)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

fuzz_target!(|data: &[u8]| {
    let context = Context {
        process_table: Patb1::from_raw(number(data, 0)),
        pid: number(data, 1) as u32,
        problem_state: number(data, 1) >> 63 != 0,
        amr: number(data, 2),
        iamr: number(data, 3),
    };
    let ea = number(data, 4);
    // Half of the inputs hold entries that do not end the walk at once: a tree of 52 bits, valid directories.
    let plausible = number(data, 1) >> 62 & 1 != 0;
    let entry = |n: usize| {
        let value = number(data, 4 + n);
        match (plausible, n) {
            (false, _) => value,
            (true, 1) => value & 0x1fff_ffff_ffff_ff00 | 0b10 << 61 | 0xad,
            (true, _) => value & !0x17 | 9 | 1 << 63,
        }
    };
    let mut reads = 0;
    let page = walk(&context, ea, |address| {
        assert_eq!(address & 7, 0);
        reads += 1;
        assert!(reads <= 5);
        (5 + reads <= data.len() / 8).then(|| entry(reads))
    });
    if let Ok(page) = page {
        assert!(matches!(page.shift, 12 | 16 | 21 | 30));
        assert_eq!((page.real ^ ea) & ((1 << page.shift) - 1), 0);
        assert_eq!(page.real >> page.shift, page.pte.real() >> page.shift);
        assert!(page.pte.is_leaf());
    }
    for access in [Access::Fetch, Access::Load, Access::Store] {
        let mut reads = 0;
        let translated = translate(&context, ea, access, |_| {
            reads += 1;
            (5 + reads <= data.len() / 8).then(|| entry(reads))
        });
        match (page, translated) {
            (Ok(walked), Ok(translated)) => assert_eq!(walked, translated),
            (Ok(_), Err(fault)) => assert!(matches!(fault, Fault::Storage(_))),
            (Err(_), translated) => assert!(translated.is_err()),
        }
    }
});
