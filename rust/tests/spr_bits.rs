// SPDX-License-Identifier: GPL-2.0

//! Tests special purpose registers bit by bit, against a model that is written from the ISA's text.

use kvm_ppc_pure::isa::{
    pvr::Arch,
    spr::Spr,
    spr_bits::{exists, read, written},
};
use std::collections::HashMap;

const LEVELS: [Arch; 3] = [Arch::V207, Arch::V300, Arch::V31];

/// Registers as the functions under test keep them.
#[derive(Clone, Default)]
struct File(HashMap<Spr, u64>);

impl File {
    fn get(&self, spr: Spr) -> u64 {
        self.0.get(&spr).copied().unwrap_or(0)
    }

    fn mtspr(&mut self, spr: Spr, arch: Arch, val: u64) {
        let (to, new) = written(spr, arch, val, |of| self.get(of));
        self.0.insert(to, new);
    }

    fn mfspr(&self, spr: Spr, arch: Arch) -> u64 {
        read(spr, arch, |of| self.get(of))
    }
}

/// Every register on every level: what one bit of it does, beside all others.
#[test]
fn a_bit_is_kept_or_reserved_whatever_the_others_are() {
    for arch in LEVELS {
        for spr in Spr::ALL {
            for bit in 0..64 {
                let mut alone = File::default();
                alone.mtspr(*spr, arch, 1 << bit);
                let kept = alone.mfspr(*spr, arch);
                assert!(kept & !(1 << bit) == 0, "{arch:?} {spr:?} {bit}");
                let mut all = File::default();
                all.mtspr(*spr, arch, u64::MAX);
                assert_eq!(all.mfspr(*spr, arch) & 1 << bit, kept, "{spr:?} {bit}");
            }
        }
    }
}

/// "If the SPR is 32 bits, the upper half of RS is ignored, and that of RT zeros": ISA Book I, 3.3.17.
#[test]
fn registers_of_32_bits() {
    let words = [
        18, 48, 159, 256, 283, 287, 771, 772, 773, 774, 775, 776, 787, 788, 789, 790, 791, 792,
        795, 801, 803, 812, 898, 1023, 131,
    ];
    for arch in LEVELS {
        for number in words {
            let spr = Spr::from_raw(number);
            let mut file = File::default();
            file.mtspr(spr, arch, u64::MAX);
            assert_eq!(file.mfspr(spr, arch) >> 32, 0, "{spr:?}");
            let mut upper = File::default();
            upper.mtspr(spr, arch, 0xffff_ffff_0000_0000);
            assert_eq!(upper.mfspr(spr, arch), 0, "{spr:?}");
        }
    }
}

/// BESCR and its four other numbers against bits that are set and reset one at a time.
#[test]
fn event_based_branches() {
    let ones = |val: u64| (0..64).filter(move |bit| val >> bit & 1 != 0);
    let there: u64 = 1 << 63 | 0x7_c000_0000 | 7;
    for arch in LEVELS {
        let mut file = File::default();
        let mut model = [false; 64];
        let mut seed = 1u64;
        for _ in 0..10_000 {
            seed = seed
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            let val = seed ^ seed >> 29;
            let number = 800 + (seed >> 60) % 4;
            for bit in ones(val) {
                match number {
                    800 => model[bit] = true,
                    802 => model[bit] = false,
                    801 if bit < 32 => model[bit + 32] = true,
                    803 if bit < 32 => model[bit + 32] = false,
                    _ => (),
                }
            }
            file.mtspr(Spr::from_raw(number as u16), arch, val);
            let whole: u64 = (0..64).filter(|bit| model[*bit]).map(|bit| 1 << bit).sum();
            let whole = whole & there;
            for number in [800, 802, 806] {
                assert_eq!(file.mfspr(Spr::from_raw(number), arch), whole);
            }
            for number in [801, 803] {
                assert_eq!(file.mfspr(Spr::from_raw(number), arch), whole >> 32);
            }
        }
    }
}

/// What problem state's numbers show of the performance monitor, and change of it.
#[test]
fn performance_monitor_in_problem_state() {
    for arch in LEVELS {
        let mut file = File::default();
        file.mtspr(Spr::MMCR0, arch, 0xffff_ffff);
        assert_eq!(file.mfspr(Spr::UMMCR0, arch), 0x8400_0080);
        file.mtspr(Spr::UMMCR0, arch, 0);
        assert_eq!(file.mfspr(Spr::MMCR0, arch), 0x7bff_ff7f);
        file.mtspr(Spr::UMMCR2, arch, u64::MAX);
        assert_eq!(file.mfspr(Spr::MMCR2, arch), 0x4020_1008_0402_0000);
        for (user, kernel) in [(771, 787), (776, 792), (770, 786)] {
            file.mtspr(Spr::from_raw(user), arch, 0x1234);
            assert_eq!(file.mfspr(Spr::from_raw(kernel), arch), 0x1234);
        }
    }
}

#[test]
fn each_processor_has_its_own() {
    // Of 2.07 only, of 3.0 only, from 3.0 on, up to 3.0, from 3.1 on, and of all.
    for (numbers, levels) in [
        (
            &[31, 888, 889, 890, 892, 893, 894, 895][..],
            [true, false, false],
        ),
        (&[144], [false, true, false]),
        (&[823], [false, true, true]),
        (&[128, 129, 130, 131], [true, true, false]),
        (&[468, 752, 753, 754, 812, 828], [false, false, true]),
        (&[17, 29, 153, 795, 806, 815], [true, true, true]),
    ] {
        for number in numbers {
            let here = LEVELS.map(|arch| exists(Spr::from_raw(*number), arch));
            assert_eq!(here, levels, "{number}");
        }
    }
}
