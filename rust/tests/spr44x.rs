// SPDX-License-Identifier: GPL-2.0

//! Tests every special purpose register of the manual's table of a 440, read and written by a guest's kernel and by its
//! programs.

use kvm_ppc_pure::{
    emulate::e44x::{
        privileged::{execute, Outcome},
        state::{Registers, State},
    },
    isa::{
        e44x::{
            ivor::esr,
            msr::Msr,
            registers::register,
            tlbe::{Tlbe, TLB_SIZE},
        },
        insn::Insn,
    },
};

/// What can be done with a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// Read and written.
    Kept,
    /// As above; other registers or the time change what is read, or not all bits are there.
    Special,
    /// Read; writing a 1 clears a bit.
    Cleared,
    /// Read only: `mtspr` is illegal.
    Read,
    /// Read only: `mtspr` is ignored.
    Ignored,
    /// Written only.
    Written,
}

/// PPC440x5 User's Manual, "Special Purpose Registers", but XER, LR, CTR and USPRG0, with which no privileged
/// instruction has to do.
const REGISTERS: [(u16, u16, How); 35] = [
    (0x016, 0x016, How::Special), // DEC
    (0x01a, 0x01b, How::Kept),    // SRR0, SRR1
    (0x030, 0x030, How::Special), // PID
    (0x036, 0x036, How::Written), // DECAR
    (0x03a, 0x03b, How::Kept),    // CSRR0, CSRR1
    (0x03d, 0x03f, How::Kept),    // DEAR, ESR, IVPR
    (0x100, 0x100, How::Kept),    // USPRG0
    (0x104, 0x107, How::Read),    // SPRG4 to SPRG7
    (0x10c, 0x10d, How::Read),    // TBL, TBU
    (0x110, 0x117, How::Kept),    // SPRG0 to SPRG7
    (0x11c, 0x11d, How::Written), // TBL, TBU
    (0x11e, 0x11f, How::Read),    // PIR, PVR
    (0x130, 0x130, How::Cleared), // DBSR
    (0x134, 0x134, How::Special), // DBCR0
    (0x135, 0x136, How::Kept),    // DBCR1, DBCR2
    (0x138, 0x13b, How::Kept),    // IAC1 to IAC4
    (0x13c, 0x13d, How::Kept),    // DAC1, DAC2
    (0x13e, 0x13f, How::Kept),    // DVC1, DVC2
    (0x150, 0x150, How::Cleared), // TSR
    (0x154, 0x154, How::Special), // TCR
    (0x190, 0x19f, How::Kept),    // IVOR0 to IVOR15
    (0x23a, 0x23b, How::Kept),    // MCSRR0, MCSRR1
    (0x23c, 0x23c, How::Cleared), // MCSR
    (0x370, 0x373, How::Kept),    // INV0 to INV3
    (0x374, 0x377, How::Kept),    // ITV0 to ITV3
    (0x378, 0x378, How::Kept),    // CCR1
    (0x390, 0x393, How::Kept),    // DNV0 to DNV3
    (0x394, 0x397, How::Kept),    // DTV0 to DTV3
    (0x398, 0x399, How::Kept),    // DVLIM, IVLIM
    (0x39b, 0x39b, How::Ignored), // RSTCFG
    (0x39c, 0x39f, How::Ignored), // DCDBTRL, DCDBTRH, ICDBTRL, ICDBTRH
    (0x3b2, 0x3b2, How::Kept),    // MMUCR
    (0x3b3, 0x3b3, How::Kept),    // CCR0
    (0x3d3, 0x3d3, How::Ignored), // ICDBDR
    (0x3f3, 0x3f3, How::Kept),    // DBDR
];

struct Program {
    gpr: [u32; 32],
    nip: u32,
}

impl Registers for Program {
    fn gpr(&self, n: u8) -> u32 {
        self.gpr[usize::from(n)]
    }
    fn set_gpr(&mut self, n: u8, value: u32) {
        self.gpr[usize::from(n)] = value;
    }
    fn cr(&self) -> u32 {
        0
    }
    fn set_cr(&mut self, _: u32) {}
    fn xer(&self) -> u32 {
        0
    }
    fn nip(&self) -> u32 {
        self.nip
    }
    fn set_nip(&mut self, value: u32) {
        self.nip = value;
    }
}

const NOW: u64 = 0x1234_5678_9abc;

struct Guest {
    state: State<Vec<Tlbe>>,
    program: Program,
}

impl Guest {
    fn new() -> Self {
        Self {
            state: State::new(0x4222_18d3, 0, NOW, vec![Tlbe::INVALID; TLB_SIZE]),
            program: Program {
                gpr: [0; 32],
                nip: 0x1000,
            },
        }
    }

    fn execute(&mut self, opcode: u32, spr: u16, gpr: u32) -> Outcome {
        let spr = u32::from(spr);
        let word = opcode | gpr << 21 | (spr & 31) << 16 | spr >> 5 << 11;
        let before = self.program.nip;
        let outcome = execute(&mut self.state, &mut self.program, Insn::word(word), NOW);
        let advanced = self.program.nip.wrapping_sub(before);
        let refused = matches!(outcome, Outcome::Program(_));
        assert_eq!(advanced, if refused { 0 } else { 4 }, "SPR {spr:#x}");
        outcome
    }

    /// What the register has, or the syndrome.
    fn read(&mut self, spr: u16) -> Result<u32, u32> {
        match self.execute(0x7c00_02a6, spr, 5) {
            Outcome::Program(why) => Err(why),
            _ => Ok(self.program.gpr[5]),
        }
    }

    fn write(&mut self, spr: u16, value: u32) -> Result<(), u32> {
        self.program.gpr[6] = value;
        match self.execute(0x7c00_03a6, spr, 6) {
            Outcome::Program(why) => Err(why),
            _ => Ok(()),
        }
    }
}

fn how(spr: u16) -> Option<How> {
    REGISTERS
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&spr))
        .map(|(_, _, how)| *how)
}

/// Not a pattern that could be another register's by mistake, in the bits that the register has; no bit that has an
/// effect in DBCR0 and TCR.
fn value(spr: u16) -> u32 {
    let bits = register(spr).map_or(!0, |r| r.bits);
    let effects = match spr {
        0x134 => 0x3000_0000,
        0x154 => 0x3000_0000,
        _ => 0,
    };
    (0x0400_0000 | u32::from(spr) << 8 | 0x5a).rotate_left(u32::from(spr)) & bits & !effects
}

#[test]
fn the_kernel_reaches_what_there_is() {
    const ILLEGAL: u32 = esr::PIL;
    for spr in 0..1024 {
        let mut guest = Guest::new();
        let (read, write) = (guest.read(spr), guest.write(spr, value(spr)));
        let (reads, writes) = match how(spr) {
            None => (false, false),
            Some(How::Read) => (true, false),
            Some(How::Written) => (false, true),
            Some(_) => (true, true),
        };
        assert_eq!(read.err(), (!reads).then_some(ILLEGAL), "mfspr {spr:#x}");
        assert_eq!(write.err(), (!writes).then_some(ILLEGAL), "mtspr {spr:#x}");
    }
}

/// Each is written, then all are read: none is another's.
#[test]
fn what_is_written_is_kept() {
    let mut guest = Guest::new();
    let kept = |spr: &u16| how(*spr) == Some(How::Kept);
    for spr in (0..1024).filter(kept) {
        guest.write(spr, value(spr)).unwrap();
    }
    for spr in (0..1024).filter(kept) {
        assert_eq!(guest.read(spr), Ok(value(spr)), "SPR {spr:#x}");
    }
    for spr in 0..4 {
        assert_eq!(guest.read(0x104 + spr), Ok(value(0x114 + spr)));
    }
    assert_eq!(guest.read(0x11f), Ok(0x4222_18d3));
}

#[test]
fn registers_with_effects() {
    let mut guest = Guest::new();
    guest.write(0x016, 1000).unwrap();
    assert_eq!(guest.read(0x016), Ok(1000));
    guest.write(0x030, 0x1ff).unwrap();
    assert_eq!(guest.read(0x030), Ok(0xff));
    guest.write(0x134, 0xc800_0001).unwrap();
    assert_eq!(guest.read(0x134), Ok(0x4800_0001));
    assert_eq!(
        guest.execute(0x7c00_03a6, 0x134, 31),
        Outcome::Done,
        "no reset"
    );
    guest.program.gpr[6] = 0x2000_0000;
    assert_eq!(guest.execute(0x7c00_03a6, 0x134, 6), Outcome::Reset(2));
    guest.write(0x154, 0x0440_0000).unwrap();
    assert_eq!(guest.read(0x154), Ok(0x0440_0000));
    for (spr, set) in [(0x130, 0x0ff0_0000), (0x23c, 0xf000_0000)] {
        guest.state.dbsr = set;
        guest.state.mcsr = set;
        guest.write(spr, 0x3000_0000 & set | 0x0030_0000).unwrap();
        let left = set & !(0x3000_0000 | 0x0030_0000);
        assert_eq!(guest.read(spr), Ok(left), "SPR {spr:#x}");
    }
    guest.state.timer.set_tsr(0x0c00_0000, NOW);
    guest.write(0x150, 0x0800_0000).unwrap();
    assert_eq!(guest.read(0x150), Ok(0x0400_0000));

    // The timebase is the host's.
    guest.write(0x11d, 0x42).unwrap();
    guest.write(0x11c, 0x99).unwrap();
    let tb = (Ok((NOW >> 32) as u32), Ok(NOW as u32));
    assert_eq!((guest.read(0x10d), guest.read(0x10c)), tb);
}

/// The guest's program may have nothing that has to be emulated; why it may not is the manual's rule: a privileged
/// instruction if bit 5 of the number is 1.
#[test]
fn the_program_reaches_nothing() {
    for spr in 0..1024u16 {
        let mut guest = Guest::new();
        guest.state.msr = Msr::PR;
        let why = if spr & 0x10 != 0 { esr::PPR } else { esr::PIL };
        assert_eq!(guest.read(spr), Err(why), "mfspr {spr:#x}");
        assert_eq!(guest.write(spr, 0), Err(why), "mtspr {spr:#x}");
    }
}

/// The bits of each register as the manual's figures have them, by the numbers of the bits: 0 is the most significant.
const FIGURES: [(u16, &[(u32, u32)]); 23] = [
    (0x01a, &[(0, 29)]),                                       // SRR0
    (0x03a, &[(0, 29)]),                                       // CSRR0
    (0x23a, &[(0, 29)]),                                       // MCSRR0
    (0x030, &[(24, 31)]),                                      // PID
    (0x03e, &[(0, 0), (4, 8), (10, 15), (27, 31)]),            // ESR
    (0x03f, &[(0, 15)]),                                       // IVPR
    (0x190, &[(16, 27)]),                                      // IVOR0
    (0x19f, &[(16, 27)]),                                      // IVOR15
    (0x134, &[(1, 16), (31, 31)]),                             // DBCR0, but EDM
    (0x135, &[(0, 9), (15, 25), (31, 31)]),                    // DBCR1
    (0x136, &[(0, 10), (12, 15), (20, 23), (28, 31)]),         // DBCR2
    (0x138, &[(0, 29)]),                                       // IAC1
    (0x13b, &[(0, 29)]),                                       // IAC4
    (0x13c, &[(0, 31)]),                                       // DAC1
    (0x13f, &[(0, 31)]),                                       // DVC2
    (0x154, &[(0, 9)]),                                        // TCR
    (0x3b2, &[(7, 7), (9, 10), (12, 13), (15, 15), (24, 31)]), // MMUCR
    (
        0x3b3,
        &[(1, 1), (4, 4), (10, 11), (16, 18), (23, 23), (28, 31)],
    ), // CCR0
    (0x378, &[(0, 20), (23, 24)]),                             // CCR1, and DPC
    (0x370, &[(2, 7), (10, 15), (18, 23), (26, 31)]),          // INV0
    (0x397, &[(2, 7), (10, 15), (18, 23), (26, 31)]),          // DTV3
    (0x398, &[(4, 9), (15, 20), (26, 31)]),                    // DVLIM
    (0x3f3, &[(0, 31)]),                                       // DBDR
];

fn bits(figure: &[(u32, u32)]) -> u32 {
    let field = |(first, last)| (first..=last).fold(0, |all, bit| all | 1u32 << (31 - bit));
    figure.iter().copied().map(field).fold(0, |all, f| all | f)
}

/// Ones, zeros and single bits: what there is is kept, the rest reads as 0.
#[test]
fn bit_by_bit() {
    for (spr, figure) in FIGURES {
        let bits = bits(figure);
        let single = (0..32).map(|i| 1 << i);
        for written in [!0, 0, 0x5555_5555, 0xaaaa_aaaa].into_iter().chain(single) {
            let mut guest = Guest::new();
            guest.write(spr, written).unwrap();
            assert_eq!(
                guest.read(spr),
                Ok(written & bits),
                "SPR {spr:#x}, {written:#x}"
            );
        }
    }
}

/// Those that are cleared by ones: each bit on its own.
#[test]
fn cleared_bit_by_bit() {
    for bit in (0..32).map(|i| 1u32 << i) {
        let mut guest = Guest::new();
        guest.state.dbsr = 0xffff_8003;
        guest.state.mcsr = 0xff80_0000;
        guest.state.timer.set_tsr(!0, NOW);
        assert_eq!(guest.read(0x150), Ok(0xfc00_0000));
        for (spr, all) in [
            (0x130, 0xffff_8003),
            (0x23c, 0xff80_0000),
            (0x150, 0xfc00_0000),
        ] {
            guest.write(spr, bit).unwrap();
            assert_eq!(guest.read(spr), Ok(all & !bit), "SPR {spr:#x}, {bit:#x}");
        }
    }
}

/// The table has what the manual's has, and no more.
#[test]
fn the_table_is_the_manuals() {
    for spr in 0..1024 {
        let access = register(spr).map(|r| (r.readable(), r.writable()));
        let expected = how(spr).map(|how| (how != How::Written, how != How::Read));
        assert_eq!(access, expected, "SPR {spr:#x}");
    }
}
