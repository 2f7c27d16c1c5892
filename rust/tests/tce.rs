// SPDX-License-Identifier: GPL-2.0

//! Compares DMA windows with arithmetic that cannot overflow.

use kvm_ppc_pure::isa::tce::Window;
use proptest::prelude::*;

/// Numbers near the powers of two, where mistakes are.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..64u64,
        (0..64u32, 0..4u64).prop_map(|(n, d)| (1u64 << n).wrapping_sub(d)),
        (0..64u32, 0..4u64).prop_map(|(n, d)| (1u64 << n).wrapping_add(d)),
        (0..4u64).prop_map(|d| u64::MAX - d),
    ]
}

proptest! {
    #[test]
    fn windows_lie_on_the_bus(shift in 0..70u32, first in number(), entries in number()) {
        let fits = (12..=34).contains(&shift)
            && entries != 0
            && (u128::from(first) + u128::from(entries) + 1) << shift <= 1 << 64;
        prop_assert_eq!(Window::new(shift, first, entries).is_some(), fits);
    }

    #[test]
    fn indices_are_in_the_window(
        shift in 12..=34u32,
        first in number(),
        entries in number(),
        page in number(),
        low in prop_oneof![Just(0), number()],
        count in number(),
    ) {
        let (first, entries) = (first >> (shift + 1), (entries >> (shift + 1)) + 1);
        let window = Window::new(shift, first, entries).expect("half of the bus");
        let ioba = page << shift | low & ((1 << shift) - 1);
        let (begin, end) = (
            u128::from(first) << shift,
            (u128::from(first) + u128::from(entries)) << shift,
        );
        let at = u128::from(ioba);
        let inside = at % (1 << shift) == 0
            && at >= begin
            && at + (u128::from(count) << shift) <= end;
        let index = inside.then(|| u64::try_from((at - begin) >> shift).expect("an index"));
        prop_assert_eq!(window.index(ioba, count), index);
    }
}
