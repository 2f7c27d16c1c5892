// SPDX-License-Identifier: GPL-2.0

//! Compares load and store plans with a naive model of every instruction.

mod model;

use kvm_ppc_pure::emulate::{
    mmio::{decode, Plan, Reason, Step},
    regs::{RegisterFile, Regs},
};
use kvm_ppc_pure::isa::{dsisr::Dsisr, insn::Insn, msr::Msr, trap::Trap};
use model::{
    instructions::{encode, Format, Operands, INSTRUCTIONS},
    loadstore::{original, Cpu},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const FACILITIES: u64 = Msr::FP.raw() | Msr::VEC.raw() | Msr::VSX.raw();

/// The library's registers with the same contents.
fn registers(cpu: &Cpu) -> RegisterFile {
    let msr = Msr::from_raw(FACILITIES)
        .set(Msr::SF, cpu.sixty_four)
        .set(Msr::LE, cpu.little);
    RegisterFile {
        gpr: cpu.gpr,
        vsr: cpu.vsr.map(|v| [(v >> 64) as u64, v as u64]),
        xer: cpu.xer,
        msr,
        nip: cpu.nip,
    }
}

fn insn(index: usize, operands: Operands) -> Insn {
    match encode(index, operands) {
        (0, word) => Insn::word(word),
        (prefix, word) => Insn::prefixed(prefix, word),
    }
}

/// Carries out a plan's accesses on memory like the model's.
fn run(plan: &mut Plan, stored: &mut BTreeMap<u64, u8>) {
    let mut offset_expected = 0;
    loop {
        let (ea, offset, len) = match plan.step() {
            Step::Done => break,
            Step::Read { ea, offset, len }
            | Step::Write {
                ea, offset, len, ..
            } => (ea, offset, len),
        };
        assert!(matches!(len, 1 | 2 | 4 | 8));
        assert_eq!(offset, offset_expected, "every byte once, in order");
        offset_expected += len;
        let pages = (ea >> 12, ea.wrapping_add(u64::from(len) - 1) >> 12);
        assert_eq!(pages.0, pages.1, "an access crosses a page");
        assert_eq!(plan.step(), plan.step(), "looking changes nothing");
        let addresses = (0..u64::from(len)).map(|i| ea.wrapping_add(i));
        match plan.step() {
            Step::Read { .. } => {
                let mut bytes: Vec<u8> = addresses
                    .map(|a| stored.get(&a).copied().unwrap_or_else(|| original(a)))
                    .collect();
                // Often gives more bytes than requested, as a run page does, which always has 8.
                if ea & 8 != 0 {
                    bytes.resize(8, 0xa5);
                }
                plan.supply(&bytes);
            }
            Step::Write { data, .. } => {
                stored.extend(addresses.zip(data));
                plan.wrote();
            }
            Step::Done => unreachable!(),
        }
    }
    assert_eq!(usize::from(offset_expected), plan.bytes());
}

/// A processor full of different bits.
fn cpu() -> impl Strategy<Value = Cpu> {
    (
        prop::array::uniform32(any::<u64>()),
        prop::collection::vec(vsr(), 64),
        0..128u64,
        any::<(bool, bool)>(),
        any::<u64>(),
    )
        .prop_map(|(gpr, vsr, xer, (sixty_four, little), nip)| Cpu {
            gpr,
            vsr: vsr.try_into().unwrap(),
            xer: xer | 0x8000_0000,
            sixty_four,
            little,
            nip: if sixty_four {
                nip & !3
            } else {
                nip & 0xffff_fffc
            },
            stored: BTreeMap::new(),
        })
}

/// A VSX register; often with a double of a single's range, which `stfs` takes apart.
fn vsr() -> impl Strategy<Value = u128> {
    prop_oneof![
        any::<u128>(),
        (860..1160u128, any::<bool>(), any::<u128>()).prop_map(|(exponent, sign, rest)| {
            u128::from(sign) << 127 | exponent << 116 | rest >> 12
        }),
        any::<bool>().prop_map(|sign| u128::from(sign) << 127),
    ]
}

/// An instruction with operands that make a valid form of it.
fn instruction() -> impl Strategy<Value = (usize, Operands)> {
    (
        0..INSTRUCTIONS.len(),
        (0..64u32, 0..32u32, 0..32u32),
        -(1i64 << 33)..1 << 33,
        any::<bool>(),
    )
        .prop_map(|(index, (rt, ra, rb), displacement, relative)| {
            let (name, format, ..) = INSTRUCTIONS[index];
            let prefixed = matches!(format, Format::Prefix | Format::Prefix8);
            let rt = match name {
                "lxvp" | "stxvp" | "plxvp" | "pstxvp" | "lxvpx" | "stxvpx" => rt & 62,
                "lxv" | "stxv" | "plxv" | "pstxv" => rt,
                "lfdp" | "stfdp" | "lfdpx" | "stfdpx" => rt & 30,
                _ if format == Format::Xx => rt,
                _ => rt & 31,
            };
            let update = name.ends_with('u') || name.ends_with("ux");
            let ra = match ra {
                _ if prefixed && relative => 0,
                0 if update => 1,
                _ => ra,
            };
            let rt = if update && ra == rt {
                (rt + 1) % 32
            } else {
                rt
            };
            (
                index,
                Operands {
                    rt,
                    ra,
                    rb,
                    displacement,
                    relative: prefixed && relative,
                },
            )
        })
}

fn compare(before: Cpu, index: usize, operands: Operands) -> Result<(), TestCaseError> {
    let name = INSTRUCTIONS[index].0;
    let insn = insn(index, operands);
    let mut regs = registers(&before);
    let mut model = before;
    let mut stored = BTreeMap::new();

    let planned = decode(insn, &regs);
    if model.execute(index, operands).is_none() {
        prop_assert_eq!(planned, Err(Reason::Alignment), "{}", name);
        return Ok(());
    }
    let mut plan = match planned {
        Ok(plan) => plan,
        Err(reason) => {
            return Err(TestCaseError::fail(format!("{name} {insn:?}: {reason:?}")));
        }
    };
    if plan.bytes() != 0 {
        prop_assert!(plan.finish(&mut regs.clone()).is_err());
    }
    prop_assert_eq!(
        plan.is_store(),
        name.trim_start_matches('p').starts_with("st") || name == "dcbz"
    );
    run(&mut plan, &mut stored);
    prop_assert!(plan.finish(&mut regs).is_ok());
    prop_assert_eq!(&stored, &model.stored, "{} {:?}", name, insn);
    prop_assert_eq!(regs, registers(&model), "{} {:?}", name, insn);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_does_what_the_isa_says(before in cpu(), (index, operands) in instruction()) {
        compare(before, index, operands)?;
    }

    /// Where an address goes past the end of the address space or of a page.
    #[test]
    fn at_the_edges(
        mut before in cpu(),
        (index, operands) in instruction(),
        below in 0..160u64,
        page in any::<bool>(),
    ) {
        let edge = match (page, before.sixty_four) {
            (true, _) => 0x4000_0000,
            (false, true) => 0,
            (false, false) => 1 << 32,
        };
        let operands = Operands { displacement: 0, ..operands };
        if operands.ra != 0 {
            before.gpr[operands.ra as usize] = edge;
            let rb = operands.rb as usize;
            if rb != operands.ra as usize {
                before.gpr[rb] = below.wrapping_neg();
            }
        }
        compare(before, index, operands)?;
    }

    /// Any word at all gives a plan or a reason, and a plan comes to its end.
    #[test]
    fn any_instruction(before in cpu(), prefix in any::<Option<u32>>(), word in any::<u32>(), storage in any::<bool>()) {
        // Mostly primary opcodes that access storage.
        let word = if storage { word & 0x3ff_ffff | (31 + (word >> 26)) << 26 } else { word };
        let insn = match prefix {
            Some(prefix) => Insn::prefixed(prefix & 0x3ff_ffff | 1 << 26, word),
            None => Insn::word(word),
        };
        let mut regs = registers(&before);
        if let Ok(mut plan) = decode(insn, &regs) {
            run(&mut plan, &mut BTreeMap::new());
            prop_assert!(plan.bytes() <= 128);
            prop_assert!(plan.finish(&mut regs).is_ok());
        }
    }
}

#[test]
fn every_instruction_is_met() {
    let zero = Cpu {
        gpr: [0x1000; 32],
        vsr: [1; 64],
        xer: 4,
        sixty_four: true,
        little: false,
        nip: 0x100,
        stored: BTreeMap::new(),
    };
    for index in 0..INSTRUCTIONS.len() {
        let operands = Operands {
            rt: 2,
            ra: 3,
            rb: 4,
            displacement: 0,
            relative: false,
        };
        compare(zero.clone(), index, operands).unwrap();
    }
}

fn refused(word: u32, msr: u64) -> Option<Reason> {
    let regs = RegisterFile {
        msr: Msr::from_raw(msr),
        ..RegisterFile::default()
    };
    decode(Insn::word(word), &regs).err()
}

#[test]
fn facilities_that_are_off() {
    let fp = Some(Reason::Unavailable(Trap::FP_UNAVAIL));
    let vector = Some(Reason::Unavailable(Trap::VECTOR_UNAVAIL));
    let vsx = Some(Reason::Unavailable(Trap::VSX_UNAVAIL));
    // lfd f1,0(r3); stfs f1,0(r3); lfiwax
    for word in [0xc823_0000, 0xd023_0000, 0x7c20_1eae] {
        assert_eq!(refused(word, FACILITIES & !Msr::FP.raw()), fp);
        assert_eq!(refused(word, Msr::FP.raw()), None);
    }
    // lvx v1,0,r3; stvebx v1,0,r3; lxsd v1,0(r3); lxvx vs33,0,r3; lxv vs33,0(r3)
    for word in [
        0x7c20_18ce,
        0x7c20_190e,
        0xe423_0002,
        0x7c20_1a19,
        0xf423_0009,
    ] {
        assert_eq!(refused(word, FACILITIES & !Msr::VEC.raw()), vector);
        assert_eq!(refused(word, Msr::VEC.raw()), None);
    }
    // lxvd2x vs1,0,r3; lxvd2x vs33,0,r3; lxvx vs1,0,r3; lxv vs1,0(r3)
    for word in [0x7c20_1e98, 0x7c20_1e99, 0x7c20_1a18, 0xf423_0001] {
        assert_eq!(refused(word, FACILITIES & !Msr::VSX.raw()), vsx);
        assert_eq!(refused(word, Msr::VSX.raw()), None);
    }
    // lwz r1,0(r3) needs nothing.
    assert_eq!(refused(0x8023_0000, 0), None);
}

#[test]
fn what_caching_inhibited_storage_refuses() {
    let load = Some(Reason::Storage(Dsisr::BADACCESS));
    let store = Some(Reason::Storage(Dsisr::BADACCESS | Dsisr::ISSTORE));
    // lwarx lbarx lharx ldarx lqarx lwat ldat r2,0,r3; lq r2,0(r3)
    for word in [
        0x7c40_1828,
        0x7c40_1868,
        0x7c40_18e8,
        0x7c40_18a8,
        0x7c40_1a28,
        0x7c43_048c,
        0x7c43_04cc,
        0xe043_0000,
    ] {
        assert_eq!(refused(word, FACILITIES), load, "{word:#x}");
    }
    // stwcx. stbcx. sthcx. stdcx. stqcx. stwat stdat r2,0,r3; stq r2,0(r3)
    for word in [
        0x7c40_192d,
        0x7c40_1d6d,
        0x7c40_1dad,
        0x7c40_19ad,
        0x7c40_196d,
        0x7c43_058c,
        0x7c43_05cc,
        0xf843_0002,
    ] {
        assert_eq!(refused(word, FACILITIES), store, "{word:#x}");
    }
}

#[test]
fn forms_that_are_invalid() {
    // lwzu r2,0(0); lwzu r2,0(r2); stwu r2,0(0); lfdu f2,0(0); ldux r2,r2,r3; lfdp f1,0(r3)
    for word in [
        0x8440_0000,
        0x8442_0000,
        0x9440_0000,
        0xcc40_0000,
        0x7c42_186a,
        0xe423_0000,
    ] {
        assert_eq!(
            refused(word, FACILITIES),
            Some(Reason::InvalidForm),
            "{word:#x}"
        );
    }
    // stwu r2,0(r2); lfdu f2,0(r2): fine.
    for word in [0x9442_0000, 0xcc42_0000] {
        assert_eq!(refused(word, FACILITIES), None);
    }
    // pld r2,0(r3),1
    let regs = RegisterFile::default();
    let pld = Insn::prefixed(0x0410_0000, 0xe443_0000);
    assert_eq!(decode(pld, &regs).err(), Some(Reason::InvalidForm));
}

#[test]
fn what_is_no_storage_access() {
    // addi, add, sc, b, mfspr, prefixed addi, and a cache block instruction, which is nothing.
    for word in [
        0x3860_0001,
        0x7c63_2214,
        0x4400_0002,
        0x4800_0000,
        0x7c7e_4aa6,
    ] {
        assert_eq!(refused(word, FACILITIES), Some(Reason::NotStorageAccess));
    }
    let mut regs = RegisterFile::default();
    let paddi = Insn::prefixed(0x0600_0000, 0x3860_0001);
    assert_eq!(decode(paddi, &regs).err(), Some(Reason::NotStorageAccess));
    // dcbf 0,r3
    let plan = decode(Insn::word(0x7c00_18ac), &regs).unwrap();
    assert_eq!(plan.step(), Step::Done);
    assert!(plan.finish(&mut regs).is_ok());
    assert_eq!(regs.nip(), 4);
}

#[test]
fn a_plan_waits_between_accesses() {
    let mut regs = RegisterFile {
        msr: Msr::from_raw(FACILITIES) | Msr::SF | Msr::LE,
        ..RegisterFile::default()
    };
    regs.set_gpr(3, 0x2000);
    // lxvx vs1,0,r3: two accesses, the second given too few bytes.
    let mut plan = decode(Insn::word(0x7c20_1a18), &regs).unwrap();
    let first = Step::Read {
        ea: 0x2000,
        offset: 0,
        len: 8,
    };
    assert_eq!(plan.step(), first);
    plan.wrote();
    assert_eq!(plan.step(), first, "a load is not a store");
    plan.supply(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let mut later = plan;
    assert_eq!(
        later.step(),
        Step::Read {
            ea: 0x2008,
            offset: 8,
            len: 8
        }
    );
    later.supply(&[9]);
    later.supply(&[0xff; 8]);
    assert_eq!(later.step(), Step::Done);
    assert!(plan.finish(&mut regs).is_err());
    assert_eq!(regs.vsr(1), [0, 0]);
    assert!(later.finish(&mut regs).is_ok());
    assert_eq!(regs.vsr(1), [9, 0x0807_0605_0403_0201]);
    assert_eq!(regs.nip(), 4);
}

/// A plan may be prepared anew after it was another instruction's: nothing of that is left.
#[test]
fn a_block_of_zeros_after_a_store() {
    let mut regs = RegisterFile {
        gpr: [u64::MAX; 32],
        ..RegisterFile::default()
    };
    regs.gpr[3] = 0x1000;
    let mut plan = Plan::IDLE;
    let (stmw, dcbz) = (Insn::word(0xbc03_0000), Insn::word(0x7c00_1fec));
    plan.prepare(stmw, &regs).unwrap();
    plan.prepare(dcbz, &regs).unwrap();
    let mut stored = BTreeMap::new();
    run(&mut plan, &mut stored);
    assert!(!stored.is_empty());
    assert!(stored.values().all(|byte| *byte == 0));
}
