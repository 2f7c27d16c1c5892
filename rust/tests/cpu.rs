// SPDX-License-Identifier: GPL-2.0

//! Compares load and store plans with a processor: `tests/cpu/harness.S` executes the same instructions, on POWER10 or
//! under qemu-user. Each of KVM_PPC_CPU_LE and KVM_PPC_CPU_BE is the command that starts the harness of that byte
//! order, e.g. `qemu-ppc64le -cpu power10 /some/where/harness-le`.

mod model;

use kvm_ppc_pure::emulate::{
    mmio::{decode, Step},
    regs::RegisterFile,
};
use kvm_ppc_pure::isa::{insn::Insn, msr::Msr};
use model::instructions::{encode, Format, Operands, INSTRUCTIONS};
use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

const STATE: u64 = 0x2000_0000;
const CODE: u64 = STATE + 0x1_0000;
const RECORD: usize = 0x3000;
const MEMORY: std::ops::Range<usize> = 0x1000..RECORD;
const ROUNDS: usize = 200;

/// A small generator of random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A record as the harness has it, in a byte order.
struct Record {
    bytes: Vec<u8>,
    little: bool,
}

impl Record {
    fn put<const N: usize>(&mut self, at: usize, big_endian: [u8; N]) {
        let mut bytes = big_endian;
        if self.little {
            bytes.reverse();
        }
        self.bytes[at..at + N].copy_from_slice(&bytes);
    }

    fn doubleword(&self, at: usize) -> u64 {
        let bytes = self.bytes[at..at + 8].try_into().unwrap();
        if self.little {
            u64::from_le_bytes(bytes)
        } else {
            u64::from_be_bytes(bytes)
        }
    }

    fn vsr(&self, n: usize) -> [u64; 2] {
        let (first, second) = (
            self.doubleword(0x100 + 16 * n),
            self.doubleword(0x108 + 16 * n),
        );
        if self.little {
            [second, first]
        } else {
            [first, second]
        }
    }
}

/// Operands of a valid form whose access lies in the record's memory.
fn prepare(index: usize, regs: &mut RegisterFile, random: &mut Random) -> Operands {
    let (name, format, ..) = INSTRUCTIONS[index];
    let prefixed = matches!(format, Format::Prefix | Format::Prefix8);
    let relative = prefixed && random.below(2) == 0;
    let length_in_rb = matches!(name, "lxvl" | "lxvll" | "stxvl" | "stxvll");
    let rt = match name {
        "lxvp" | "stxvp" | "plxvp" | "pstxvp" | "lxvpx" | "stxvpx" => random.below(64) & 62,
        "lxv" | "stxv" | "plxv" | "pstxv" => random.below(64),
        "lfdp" | "stfdp" | "lfdpx" | "stfdpx" => random.below(32) & 30,
        "lmw" | "stmw" => 1 + random.below(31),
        _ if format == Format::Xx => random.below(64),
        _ => random.below(32),
    } as u32;
    let string = name.starts_with("lsw") || name == "lmw";
    // Strings and multiples may not load RA or RB.
    let (rt, ra, rb) = loop {
        let rt = if string { 8 } else { rt };
        let (ra, rb) = (random.below(32) as u32, random.below(32) as u32);
        let update = name.ends_with('u') || name.ends_with("ux");
        let loaded = match name {
            "lmw" => ra >= 8,
            _ if string => true,
            _ => false,
        };
        if ra == 0 && !relative
            || update && ra == rt
            || loaded && (ra > 3 || rb > 3)
            || ra == rb && !matches!(format, Format::D | Format::Ds | Format::Dq)
        {
            continue;
        }
        break (rt, if relative { 0 } else { ra }, rb);
    };
    if string || name == "stmw" {
        regs.xer = random.below(60);
    }
    let nb = if format == Format::Imm {
        random.below(32) as u32
    } else {
        rb
    };

    // Where to: often at a page's end.
    let ea = STATE
        + match random.below(3) {
            0 => 0x2000 - 40 + random.below(60),
            _ => 0x1000 + random.below(0x1e00),
        };
    let displacement = match format {
        Format::D => i64::from(random.next() as i16),
        Format::Ds => i64::from(random.next() as i16) & !3,
        Format::Dq => i64::from(random.next() as i16) & !15,
        Format::Prefix | Format::Prefix8 => random.next() as i64 >> 30,
        _ => 0,
    };
    if relative {
        return Operands {
            rt,
            ra,
            rb,
            displacement: ea.wrapping_sub(CODE) as i64,
            relative,
        };
    }
    let indexed =
        matches!(format, Format::X | Format::Xx | Format::Xp | Format::Block) && !length_in_rb;
    regs.gpr[ra as usize] = if indexed {
        ea.wrapping_sub(regs.gpr[rb as usize])
    } else {
        ea.wrapping_sub_signed(displacement)
    };
    if length_in_rb {
        regs.gpr[rb as usize] = random.below(20) << 56 | random.below(1 << 20);
    }
    Operands {
        rt,
        ra,
        rb: nb,
        displacement,
        relative,
    }
}

fn against(command: &str, little: bool) {
    let mut words = command.split_whitespace();
    let mut harness = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = harness.stdin.take().unwrap();
    let mut from = harness.stdout.take().unwrap();
    let mut random = Random(0x1234_5678_9abc_def1);

    for index in (0..INSTRUCTIONS.len())
        .cycle()
        .take(ROUNDS * INSTRUCTIONS.len())
    {
        let (name, ..) = INSTRUCTIONS[index];
        let string = matches!(name, "lmw" | "stmw" | "lswi" | "lswx" | "stswi" | "stswx");
        // qemu-user takes a pair for one number and swaps its halves, unlike the ISA, which names the doubleword of
        // each register.
        let pair = name.contains("fdp");
        if little && (string || pair) {
            continue;
        }
        let mut regs = RegisterFile {
            gpr: std::array::from_fn(|_| random.next()),
            vsr: std::array::from_fn(|_| {
                let exponent = 860 + random.below(300);
                let double = random.next() & !(0x7ff << 52) | exponent << 52;
                [double, random.next()]
            }),
            xer: 0,
            msr: (Msr::SF | Msr::FP | Msr::VEC | Msr::VSX).set(Msr::LE, little),
            nip: CODE,
        };
        let operands = prepare(index, &mut regs, &mut random);
        let (prefix, word) = encode(index, operands);
        let insn = match prefix {
            0 => Insn::word(word),
            _ => Insn::prefixed(prefix, word),
        };

        let mut record = Record {
            bytes: (0..RECORD).map(|_| random.next() as u8).collect(),
            little,
        };
        for n in 0..32 {
            record.put(8 * n, regs.gpr[n].to_be_bytes());
        }
        for n in 0..64 {
            let [high, low] = regs.vsr[n];
            let whole = u128::from(high) << 64 | u128::from(low);
            record.put(0x100 + 16 * n, whole.to_be_bytes());
        }
        record.put(0x600, regs.xer.to_be_bytes());
        let first = if prefix == 0 { 0x6000_0000 } else { prefix };
        record.put(0x608, first.to_be_bytes());
        record.put(0x60c, word.to_be_bytes());

        to.write_all(&record.bytes).unwrap();
        let mut after = Record {
            bytes: vec![0; RECORD],
            little,
        };
        from.read_exact(&mut after.bytes)
            .unwrap_or_else(|_| panic!("{name} {insn:?} {operands:?} ended the harness"));

        let mut plan = decode(insn, &regs).unwrap_or_else(|reason| panic!("{name}: {reason:?}"));
        loop {
            match plan.step() {
                Step::Done => break,
                Step::Read { ea, len, .. } => {
                    let at = (ea - STATE) as usize;
                    plan.supply(&record.bytes[at..at + usize::from(len)]);
                }
                Step::Write { ea, len, data, .. } => {
                    let (at, len) = ((ea - STATE) as usize, usize::from(len));
                    record.bytes[at..at + len].copy_from_slice(&data[..len]);
                    plan.wrote();
                }
            }
        }
        plan.finish(&mut regs).unwrap();

        let what = format!("{name} {insn:?} {operands:?}");
        let differs = MEMORY
            .clone()
            .find(|at| record.bytes[*at] != after.bytes[*at]);
        assert_eq!(differs, None, "{what}: memory");
        for n in 0..32 {
            assert_eq!(regs.gpr[n], after.doubleword(8 * n), "{what}: GPR {n}");
        }
        // Doubleword 1 is undefined after a load of a scalar.
        let plain = name.trim_start_matches('p');
        let scalar = plain.starts_with("lf") || plain.starts_with("lxs");
        for n in 0..64 {
            let (mut got, mut real) = (regs.vsr[n], after.vsr(n));
            if scalar {
                (got[1], real[1]) = (0, 0);
            }
            assert_eq!(got, real, "{what}: VSR {n}");
        }
    }
    drop(to);
    harness.wait().unwrap();
}

#[test]
#[ignore = "needs the harness and a processor"]
fn little_endian() {
    against(&std::env::var("KVM_PPC_CPU_LE").unwrap(), true);
}

#[test]
#[ignore = "needs the harness and a processor"]
fn big_endian() {
    against(&std::env::var("KVM_PPC_CPU_BE").unwrap(), false);
}
