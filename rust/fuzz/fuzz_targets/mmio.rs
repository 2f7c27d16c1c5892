// SPDX-License-Identifier: GPL-2.0

//! Any instruction on any registers: the plan must be what the naive model does, or a reason, and never a panic.

#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

use kvm_ppc_pure::emulate::{
    mmio::{decode, Plan, Reason, Step},
    regs::RegisterFile,
};
use kvm_ppc_pure::isa::{insn::Insn, msr::Msr};
use libfuzzer_sys::fuzz_target;
use model::{
    instructions::{encode, Format, Operands, INSTRUCTIONS},
    loadstore::{original, Cpu},
};
use std::collections::BTreeMap;

/// Numbers from the fuzzer's bytes; zeros when they are used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn number(&mut self) -> u64 {
        let (now, later) = self.0.split_at(self.0.len().min(8));
        self.0 = later;
        now.iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    fn byte(&mut self) -> u8 {
        let (now, later) = self.0.split_at(self.0.len().min(1));
        self.0 = later;
        now.first().copied().unwrap_or(0)
    }
}

fn registers(cpu: &Cpu, facilities: u64) -> RegisterFile {
    RegisterFile {
        gpr: cpu.gpr,
        vsr: cpu.vsr.map(|v| [(v >> 64) as u64, v as u64]),
        xer: cpu.xer,
        msr: Msr::from_raw(facilities)
            .set(Msr::SF, cpu.sixty_four)
            .set(Msr::LE, cpu.little),
        nip: cpu.nip,
    }
}

/// Carries a plan's accesses out; at most one a byte.
fn run(plan: &mut Plan) -> BTreeMap<u64, u8> {
    let mut stored = BTreeMap::new();
    for _ in 0..=plan.bytes() {
        match plan.step() {
            Step::Done => break,
            Step::Read { ea, len, .. } => {
                assert_eq!(ea >> 12, ea.wrapping_add(u64::from(len) - 1) >> 12);
                let mut bytes: Vec<u8> = (0..u64::from(len))
                    .map(|i| original(ea.wrapping_add(i)))
                    .collect();
                // As often as not more than was asked for, as a run page's 8 bytes are.
                if ea & 8 != 0 {
                    bytes.resize(8, 0xa5);
                }
                plan.supply(&bytes);
            }
            Step::Write { ea, len, data, .. } => {
                assert_eq!(ea >> 12, ea.wrapping_add(u64::from(len) - 1) >> 12);
                stored.extend((0..u64::from(len)).map(|i| ea.wrapping_add(i)).zip(data));
                plan.wrote();
            }
        }
    }
    assert_eq!(plan.step(), Step::Done);
    stored
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let flags = input.byte();
    let facilities = Msr::FP.raw() | Msr::VEC.raw() | Msr::VSX.raw();
    let sixty_four = flags & 1 != 0;
    let which = input.byte();
    let operands = input.number();
    let nip = input.number() & !3;
    let mut cpu = Cpu {
        gpr: [0; 32],
        vsr: [0; 64],
        xer: u64::from(input.byte() & 0x7f),
        sixty_four,
        little: flags & 2 != 0,
        nip: if sixty_four { nip } else { nip & 0xffff_ffff },
        stored: BTreeMap::new(),
    };
    for gpr in &mut cpu.gpr {
        *gpr = input.number();
    }
    for vsr in &mut cpu.vsr {
        *vsr = u128::from(input.number()) << 64 | u128::from(input.number());
    }

    if flags & 4 != 0 {
        // Any words at all, facilities as they come.
        let insn = Insn::from_doubleword(operands);
        let mut regs = registers(&cpu, facilities & nip.rotate_left(20));
        if let Ok(mut plan) = decode(insn, &regs) {
            run(&mut plan);
            assert!(plan.finish(&mut regs).is_ok());
        }
        return;
    }

    let index = usize::from(which) % INSTRUCTIONS.len();
    let (name, format, ..) = INSTRUCTIONS[index];
    let prefixed = matches!(format, Format::Prefix | Format::Prefix8);
    let relative = prefixed && operands & 1 << 63 != 0;
    let rt = match (name, format) {
        ("lxvp" | "stxvp" | "plxvp" | "pstxvp" | "lxvpx" | "stxvpx", _) => operands & 62,
        ("lxv" | "stxv" | "plxv" | "pstxv", _) | (_, Format::Xx) => operands & 63,
        ("lfdp" | "stfdp" | "lfdpx" | "stfdpx", _) => operands & 30,
        _ => operands & 31,
    } as u32;
    let operands = Operands {
        rt,
        ra: if relative {
            0
        } else {
            (operands >> 6) as u32 & 31
        },
        rb: (operands >> 11) as u32 & 31,
        displacement: (operands >> 16) as i64,
        relative,
    };
    let insn = match encode(index, operands) {
        (0, word) => Insn::word(word),
        (prefix, word) => Insn::prefixed(prefix, word),
    };
    let mut regs = registers(&cpu, facilities);
    let planned = decode(insn, &regs);
    let update = name.ends_with('u') || name.ends_with("ux");
    if update && (operands.ra == 0 || operands.ra == operands.rt) {
        return;
    }
    if cpu.execute(index, operands).is_none() {
        assert_eq!(planned, Err(Reason::Alignment));
        return;
    }
    let mut plan = planned.unwrap_or_else(|reason| panic!("{name} {insn:?}: {reason:?}"));
    let stored = run(&mut plan);
    assert!(plan.finish(&mut regs).is_ok());
    assert_eq!(stored, cpu.stored, "{name} {insn:?}");
    assert_eq!(regs, registers(&cpu, facilities), "{name} {insn:?}");
});
