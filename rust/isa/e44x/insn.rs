// SPDX-License-Identifier: GPL-2.0

//! The 440's privileged instructions as data (UM, "Instruction Set"). Register operands are GPR numbers.

use super::ivor::esr;
use crate::isa::insn::Insn;

/// A privileged instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Privileged {
    /// `mfspr`.
    ReadSpr {
        /// The number of the special purpose register.
        spr: u16,
        /// The register that is written.
        rt: u8,
    },
    /// `mtspr`.
    WriteSpr {
        /// The number of the special purpose register.
        spr: u16,
        /// The register that is read.
        rs: u8,
    },
    /// `mfmsr`.
    ReadMsr {
        /// The register that is written.
        rt: u8,
    },
    /// `mtmsr`.
    WriteMsr {
        /// The register that is read.
        rs: u8,
    },
    /// `wrtee`.
    WriteEe {
        /// The register that is read.
        rs: u8,
    },
    /// `wrteei`.
    WriteEeImmediate {
        /// The value for MSR[EE].
        ee: bool,
    },
    /// `rfi`.
    ReturnFromInterrupt,
    /// `rfci`.
    ReturnFromCritical,
    /// `rfmci`.
    ReturnFromMachineCheck,
    /// `mfdcr`. (440s do not have `mfdcrx`, which takes the number from a register.)
    ReadDcr {
        /// The number of the device control register.
        dcr: u16,
        /// The register that is written.
        rt: u8,
    },
    /// `mtdcr`.
    WriteDcr {
        /// The number of the device control register.
        dcr: u16,
        /// The register that is read.
        rs: u8,
    },
    /// `tlbre`.
    TlbRead {
        /// The register that is written.
        rt: u8,
        /// The GPR with the number of the entry.
        ra: u8,
        /// The number of the word of the entry.
        ws: u8,
    },
    /// `tlbwe`.
    TlbWrite {
        /// The register that is read.
        rs: u8,
        /// The GPR with the number of the entry.
        ra: u8,
        /// The number of the word of the entry.
        ws: u8,
    },
    /// `tlbsx`, `tlbsx.`.
    TlbSearch {
        /// The register that is written.
        rt: u8,
        /// The GPR with the base address, or 0 for none.
        ra: u8,
        /// The GPR with the index.
        rb: u8,
        /// Does CR0 tell whether there is such an entry?
        record: bool,
    },
    /// `iccci`: invalidates the whole instruction cache.
    InvalidateInstructions,
    /// `tlbsync`, `dccci`, `dcbi`, `icread`, `dcread`: caches and their coherence.
    Cache,
}

/// ESR of a data interrupt that a load, a store or an instruction on a cache block causes; `store` says whether the
/// access counts as a store.
pub const fn data_syndrome(insn: Insn, store: bool) -> u32 {
    let floating = match (insn.po(), insn.xo()) {
        // lfs, lfsu, lfd, lfdu, and their stores
        (48..=55, _) => true,
        // lfsx, lfsux, lfdx, lfdux, stfsx, stfsux, stfdx, stfdux, stfiwx
        (31, 535 | 567 | 599 | 631 | 663 | 695 | 727 | 759 | 983) => true,
        _ => false,
    };
    let fp = if floating { esr::FP } else { 0 };
    let st = if store { esr::ST } else { 0 };
    fp | st
}

/// Decodes an instruction; `None` if it is none of these.
pub const fn decode(insn: Insn) -> Option<Privileged> {
    if insn.prefix().is_some() {
        return None;
    }
    let (rt, ra, rb) = (insn.rt(), insn.ra(), insn.rb());
    // DCR numbers, like SPR numbers, are encoded with their halves swapped.
    let number = insn.spr().raw();
    Some(match (insn.po(), insn.xo()) {
        (19, 38) => Privileged::ReturnFromMachineCheck,
        (19, 50) => Privileged::ReturnFromInterrupt,
        (19, 51) => Privileged::ReturnFromCritical,
        (31, 83) => Privileged::ReadMsr { rt },
        (31, 146) => Privileged::WriteMsr { rs: rt },
        (31, 131) => Privileged::WriteEe { rs: rt },
        (31, 163) => Privileged::WriteEeImmediate {
            ee: insn.raw() & 0x8000 != 0,
        },
        (31, 323) => Privileged::ReadDcr { dcr: number, rt },
        (31, 451) => Privileged::WriteDcr {
            dcr: number,
            rs: rt,
        },
        (31, 339) => Privileged::ReadSpr { spr: number, rt },
        (31, 467) => Privileged::WriteSpr {
            spr: number,
            rs: rt,
        },
        (31, 914) => Privileged::TlbSearch {
            rt,
            ra,
            rb,
            record: insn.rc(),
        },
        (31, 946) => Privileged::TlbRead { rt, ra, ws: rb },
        (31, 978) => Privileged::TlbWrite { rs: rt, ra, ws: rb },
        (31, 966) => Privileged::InvalidateInstructions,
        (31, 454 | 470 | 486 | 566 | 998) => Privileged::Cache,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words as an assembler makes them.
    #[test]
    fn known_encodings() {
        use Privileged::*;
        let table = [
            (0x4c00_0064, ReturnFromInterrupt),
            (0x4c00_0066, ReturnFromCritical),
            (0x4c00_004c, ReturnFromMachineCheck),
            (0x7c60_00a6, ReadMsr { rt: 3 }),
            (0x7c60_0124, WriteMsr { rs: 3 }),
            (0x7d40_0106, WriteEe { rs: 10 }),
            (0x7c00_0146, WriteEeImmediate { ee: false }),
            (0x7c00_8146, WriteEeImmediate { ee: true }),
            (0x7c6c_0286, ReadDcr { dcr: 0xc, rt: 3 }),
            (0x7c60_3386, WriteDcr { dcr: 0xc0, rs: 3 }),
            (0x7c72_eaa6, ReadSpr { spr: 0x3b2, rt: 3 }),
            (0x7c72_eba6, WriteSpr { spr: 0x3b2, rs: 3 }),
            (
                0x7cc0_1f25,
                TlbSearch {
                    rt: 6,
                    ra: 0,
                    rb: 3,
                    record: true,
                },
            ),
            (
                0x7c64_1764,
                TlbRead {
                    rt: 3,
                    ra: 4,
                    ws: 2,
                },
            ),
            (
                0x7c64_17a4,
                TlbWrite {
                    rs: 3,
                    ra: 4,
                    ws: 2,
                },
            ),
            (0x7c00_038c, Cache),
            (0x7c00_078c, InvalidateInstructions),
            (0x7c00_1bac, Cache),
        ];
        for (word, privileged) in table {
            assert_eq!(decode(Insn::word(word)), Some(privileged), "{word:#010x}");
        }
    }

    #[test]
    fn kinds_of_accesses() {
        // lwz, lwzx, dcbz; lfs, lfdx, stfd, stfiwx
        for (word, store, esr) in [
            (0x8060_0000, false, 0),
            (0x7c60_202e, false, 0),
            (0x7c00_1fec, true, esr::ST),
            (0xc060_0000, false, esr::FP),
            (0x7c60_24ae, false, esr::FP),
            (0xd860_0000, true, esr::FP | esr::ST),
            (0x7c60_27ae, true, esr::FP | esr::ST),
        ] {
            assert_eq!(data_syndrome(Insn::word(word), store), esr, "{word:#010x}");
        }
    }

    #[test]
    fn what_is_not_privileged() {
        // add, lwz, sync, isync, icbi, dcbz, sc
        for word in [
            0x7c63_2214,
            0x8060_0000,
            0x7c00_04ac,
            0x4c00_012c,
            0x7c00_1fac,
            0x7c00_1fec,
            0x4400_0002,
        ] {
            assert_eq!(decode(Insn::word(word)), None, "{word:#010x}");
        }
    }
}
