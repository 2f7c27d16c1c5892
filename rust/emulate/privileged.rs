// SPDX-License-Identifier: GPL-2.0

//! Privileged instructions as data: what one does, to which operands, and who may execute it.
//!
//! Source: ISA 3.1 Book III (system linkage, storage control, processor control), ISA 2.07 Book III-S for those that
//! ISA 3.0 took away (power saving, segment registers, `tlbia`).

use crate::isa::insn::{Insn, RESERVED_HYPERCALL};
use crate::isa::spr::{Privilege, Spr};

/// A privileged instruction, or one like `sc` that is not privileged but that a hypervisor has to emulate for a guest's
/// kernel. Register operands are GPR numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Privileged {
    /// `mfspr`, and `mftb`, which is the same.
    ReadSpr {
        /// The register that is read.
        spr: Spr,
        /// The register that is written.
        rt: u8,
    },
    /// `mtspr`.
    WriteSpr {
        /// The register that is written.
        spr: Spr,
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
        /// L: only EE and RI.
        only_ee_ri: bool,
    },
    /// `mtmsrd`.
    WriteMsrDoubleword {
        /// The register that is read.
        rs: u8,
        /// L: only EE and RI.
        only_ee_ri: bool,
    },
    /// `rfid`.
    ReturnFromInterrupt,
    /// `rfi`, 32-bit processors.
    ReturnFromInterrupt32,
    /// `rfscv`.
    ReturnFromScv,
    /// `hrfid`.
    ReturnFromHypervisor,
    /// `urfid`.
    ReturnFromUltravisor,
    /// `sc`.
    SystemCall {
        /// 0 to the kernel, 1 to the hypervisor, 2 to the ultravisor.
        lev: u8,
    },
    /// `scv`.
    SystemCallVectored {
        /// The vector's number.
        lev: u8,
    },
    /// The reserved word 0x7c000268, which firmware and kernels use instead of `sc 1` where that does not reach KVM.
    ReservedHypercall,
    /// `tlbie` (`local`: `tlbiel`).
    TlbInvalidateEntry {
        /// What to invalidate: address, size, set.
        rb: u8,
        /// Process and partition.
        rs: u8,
        /// Radix: 0 TLB, 1 page walk cache, 2 all, 3 a group of pages.
        ric: u8,
        /// Process-scoped.
        prs: bool,
        /// Radix.
        radix: bool,
        /// Only this processor.
        local: bool,
    },
    /// `tlbsync`.
    TlbSync,
    /// `tlbia`.
    TlbInvalidateAll,
    /// `slbie` (`global`: `slbieg`, with the target in RS).
    SlbInvalidateEntry {
        /// ESID, class, size.
        rb: u8,
        /// `slbieg` only.
        rs: u8,
        /// `slbieg`.
        global: bool,
    },
    /// `slbia` (`global`: `slbiag`, with the target in RS).
    SlbInvalidateAll {
        /// IH: which cached translations may stay.
        ih: u8,
        /// `slbiag` only.
        rs: u8,
        /// `slbiag`.
        global: bool,
    },
    /// `slbmte`.
    SlbWrite {
        /// The GPR with the VSID half.
        rs: u8,
        /// The GPR with the ESID half and the index.
        rb: u8,
    },
    /// `slbmfee`.
    SlbReadEsid {
        /// The register that is written.
        rt: u8,
        /// The GPR with the index.
        rb: u8,
    },
    /// `slbmfev`.
    SlbReadVsid {
        /// The register that is written.
        rt: u8,
        /// The GPR with the index.
        rb: u8,
    },
    /// `slbfee.`
    SlbFind {
        /// The register that is written.
        rt: u8,
        /// ESID.
        rb: u8,
    },
    /// `slbsync`.
    SlbSync,
    /// `mtsr`.
    WriteSegment {
        /// Segment register.
        sr: u8,
        /// The register that is read.
        rs: u8,
    },
    /// `mtsrin`: the segment register is in bits 32:35 of RB.
    WriteSegmentIndirect {
        /// The register that is read.
        rs: u8,
        /// Which.
        rb: u8,
    },
    /// `mfsr`.
    ReadSegment {
        /// The register that is written.
        rt: u8,
        /// Segment register.
        sr: u8,
    },
    /// `mfsrin`.
    ReadSegmentIndirect {
        /// The register that is written.
        rt: u8,
        /// Which.
        rb: u8,
    },
    /// `msgsnd`, `msgsndp` (`privileged`), `msgclr`, `msgclrp`.
    Message {
        /// The message.
        rb: u8,
        /// To the guest's kernel rather than the hypervisor: the instructions that end in p.
        privileged: bool,
        /// `msgclr`, `msgclrp`.
        clear: bool,
    },
    /// `msgsync`.
    MessageSync,
    /// `stop`.
    Stop,
    /// `doze`, `nap`, `sleep`, `rvwinkle`: 0 to 3.
    PowerSave {
        /// Which.
        depth: u8,
    },
    /// `lbzcix` and kin, `stbcix` and kin.
    CachingInhibited {
        /// GPR.
        rt: u8,
        /// Base, 0: none.
        ra: u8,
        /// The GPR with the index.
        rb: u8,
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Store.
        store: bool,
    },
    /// `dcbi` (before ISA 2.06).
    CacheBlockInvalidate {
        /// Base, 0: none.
        ra: u8,
        /// The GPR with the index.
        rb: u8,
    },
    /// `treclaim.`
    TransactionReclaim {
        /// Failure cause, 0: none.
        ra: u8,
    },
    /// `trechkpt.`
    TransactionRecheckpoint,
}

/// Does the instruction read or write MSR or an SPR, or is it `rfid`? This is quicker than [`decode`].
#[inline]
pub const fn of_registers(insn: Insn) -> bool {
    match insn.po() {
        _ if insn.prefix().is_some() => false,
        19 => insn.xo() == 18,
        31 => matches!(insn.xo(), 83 | 146 | 178 | 339 | 371 | 467),
        _ => false,
    }
}

/// Is it `sc`? This is quicker than [`decode`].
#[inline]
pub const fn is_system_call(insn: Insn) -> bool {
    // Bit 30 is 1 in sc, bit 31 in scv.
    insn.po() == 17 && insn.raw() & 2 != 0 && insn.prefix().is_none()
}

/// Decodes an instruction; `None` if it is not one of these.
pub const fn decode(insn: Insn) -> Option<Privileged> {
    if insn.prefix().is_some() {
        return None;
    }
    match insn.po() {
        17 => match insn.raw() & 3 {
            // Bit 30 is 1 in sc, bit 31 in scv.
            2 | 3 => Some(Privileged::SystemCall { lev: insn.lev() }),
            1 => Some(Privileged::SystemCallVectored { lev: insn.lev() }),
            _ => None,
        },
        19 => match insn.xo() {
            18 => Some(Privileged::ReturnFromInterrupt),
            50 => Some(Privileged::ReturnFromInterrupt32),
            82 => Some(Privileged::ReturnFromScv),
            274 => Some(Privileged::ReturnFromHypervisor),
            306 => Some(Privileged::ReturnFromUltravisor),
            370 => Some(Privileged::Stop),
            402 => Some(Privileged::PowerSave { depth: 0 }),
            434 => Some(Privileged::PowerSave { depth: 1 }),
            466 => Some(Privileged::PowerSave { depth: 2 }),
            498 => Some(Privileged::PowerSave { depth: 3 }),
            _ => None,
        },
        31 if insn.raw() == RESERVED_HYPERCALL => Some(Privileged::ReservedHypercall),
        31 => extended(insn),
        _ => None,
    }
}

/// Primary opcode 31.
const fn extended(insn: Insn) -> Option<Privileged> {
    let (rt, ra, rb) = (insn.rt(), insn.ra(), insn.rb());
    Some(match insn.xo() {
        83 => Privileged::ReadMsr { rt },
        146 => Privileged::WriteMsr {
            rs: rt,
            only_ee_ri: insn.l15(),
        },
        178 => Privileged::WriteMsrDoubleword {
            rs: rt,
            only_ee_ri: insn.l15(),
        },
        142 => message(rb, true, false),
        174 => message(rb, true, true),
        206 => message(rb, false, false),
        238 => message(rb, false, true),
        886 => Privileged::MessageSync,
        210 => Privileged::WriteSegment {
            sr: insn.sr(),
            rs: rt,
        },
        242 => Privileged::WriteSegmentIndirect { rs: rt, rb },
        595 => Privileged::ReadSegment { rt, sr: insn.sr() },
        659 => Privileged::ReadSegmentIndirect { rt, rb },
        274 => tlb_invalidate(insn, true),
        306 => tlb_invalidate(insn, false),
        370 => Privileged::TlbInvalidateAll,
        566 => Privileged::TlbSync,
        338 => Privileged::SlbSync,
        402 => Privileged::SlbWrite { rs: rt, rb },
        434 => Privileged::SlbInvalidateEntry {
            rb,
            rs: rt,
            global: false,
        },
        466 => Privileged::SlbInvalidateEntry {
            rb,
            rs: rt,
            global: true,
        },
        498 => Privileged::SlbInvalidateAll {
            ih: rt & 7,
            rs: 0,
            global: false,
        },
        850 => Privileged::SlbInvalidateAll {
            ih: 0,
            rs: rt,
            global: true,
        },
        851 => Privileged::SlbReadVsid { rt, rb },
        915 => Privileged::SlbReadEsid { rt, rb },
        979 => Privileged::SlbFind { rt, rb },
        339 | 371 => Privileged::ReadSpr {
            spr: insn.spr(),
            rt,
        },
        467 => Privileged::WriteSpr {
            spr: insn.spr(),
            rs: rt,
        },
        470 => Privileged::CacheBlockInvalidate { ra, rb },
        789 => caching_inhibited(insn, 4, false),
        821 => caching_inhibited(insn, 2, false),
        853 => caching_inhibited(insn, 1, false),
        885 => caching_inhibited(insn, 8, false),
        917 => caching_inhibited(insn, 4, true),
        949 => caching_inhibited(insn, 2, true),
        981 => caching_inhibited(insn, 1, true),
        1013 => caching_inhibited(insn, 8, true),
        942 => Privileged::TransactionReclaim { ra },
        1006 => Privileged::TransactionRecheckpoint,
        _ => return None,
    })
}

const fn message(rb: u8, privileged: bool, clear: bool) -> Privileged {
    Privileged::Message {
        rb,
        privileged,
        clear,
    }
}

const fn tlb_invalidate(insn: Insn, local: bool) -> Privileged {
    let (ric, prs, radix) = insn.tlbie_fields();
    Privileged::TlbInvalidateEntry {
        rb: insn.rb(),
        rs: insn.rt(),
        ric,
        prs,
        radix,
        local,
    }
}

const fn caching_inhibited(insn: Insn, bytes: u8, store: bool) -> Privileged {
    Privileged::CachingInhibited {
        rt: insn.rt(),
        ra: insn.ra(),
        rb: insn.rb(),
        bytes,
        store,
    }
}

impl Privileged {
    /// The least privilege that may execute the instruction; `None` for an SPR that does not exist.
    ///
    /// In problem state, a lack of privilege is a privileged-instruction program interrupt. In privileged
    /// non-hypervisor state, an instruction of the hypervisor is a privileged-instruction interrupt too, or with
    /// `LPCR[EVIRT]` a hypervisor emulation assistance.
    pub const fn privilege(self) -> Option<Privilege> {
        Some(match self {
            Self::ReadSpr { spr, .. } => return spr.read_privilege(),
            Self::WriteSpr { spr, .. } => return spr.write_privilege(),
            Self::SystemCall { .. } | Self::SystemCallVectored { .. } | Self::ReservedHypercall => {
                Privilege::Problem
            }
            Self::ReturnFromHypervisor
            | Self::ReturnFromUltravisor
            | Self::TlbInvalidateAll
            | Self::PowerSave { .. }
            | Self::MessageSync
            | Self::CachingInhibited { .. }
            | Self::Message {
                privileged: false, ..
            } => Privilege::Hypervisor,
            _ => Privilege::Privileged,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: u32) -> Option<Privileged> {
        decode(Insn::word(word))
    }

    /// `of_registers` accepts exactly these of all instructions that `decode` knows.
    #[test]
    fn of_registers_as_decoded() {
        use Privileged::*;
        let words = (0..1 << 11)
            .flat_map(|low| [19 << 26 | low, 31 << 26 | low, 31 << 26 | 0x1a_03a6 | low]);
        for word in words {
            let expected = matches!(
                of(word),
                Some(
                    ReadSpr { .. }
                        | WriteSpr { .. }
                        | ReadMsr { .. }
                        | WriteMsr { .. }
                        | WriteMsrDoubleword { .. }
                        | ReturnFromInterrupt
                )
            );
            assert_eq!(expected, of_registers(Insn::word(word)), "{word:#x}");
        }
        assert!(!of_registers(Insn::prefixed(0x0400_0000, 0x7c60_00a6)));
    }

    /// Words as an assembler makes them.
    #[test]
    fn known_encodings() {
        use Privileged::*;
        let table = [
            (0x4c00_0024, ReturnFromInterrupt),
            (0x4c00_0224, ReturnFromHypervisor),
            (0x4c00_00a4, ReturnFromScv),
            (0x4c00_02e4, Stop),
            (0x4c00_0364, PowerSave { depth: 1 }),
            (0x4400_0002, SystemCall { lev: 0 }),
            (0x4400_0022, SystemCall { lev: 1 }),
            (0x4400_0021, SystemCallVectored { lev: 1 }),
            (0x7c00_0268, ReservedHypercall),
            (0x7c60_00a6, ReadMsr { rt: 3 }),
            (
                0x7c60_0124,
                WriteMsr {
                    rs: 3,
                    only_ee_ri: false,
                },
            ),
            (
                0x7c61_0164,
                WriteMsrDoubleword {
                    rs: 3,
                    only_ee_ri: true,
                },
            ),
            (
                0x7c7e_4aa6,
                ReadSpr {
                    spr: Spr::LPCR,
                    rt: 3,
                },
            ),
            (
                0x7c93_43a6,
                WriteSpr {
                    spr: Spr::SPRG3,
                    rs: 4,
                },
            ),
            (
                0x7c6c_42e6,
                ReadSpr {
                    spr: Spr::TB,
                    rt: 3,
                },
            ),
            (0x7c60_2324, SlbWrite { rs: 3, rb: 4 }),
            (0x7c60_2726, SlbReadEsid { rt: 3, rb: 4 }),
            (0x7c60_26a6, SlbReadVsid { rt: 3, rb: 4 }),
            (0x7c60_27a7, SlbFind { rt: 3, rb: 4 }),
            (
                0x7c00_1b64,
                SlbInvalidateEntry {
                    rb: 3,
                    rs: 0,
                    global: false,
                },
            ),
            (
                0x7ce0_03e4,
                SlbInvalidateAll {
                    ih: 7,
                    rs: 0,
                    global: false,
                },
            ),
            (
                0x7c8b_1a64,
                TlbInvalidateEntry {
                    rb: 3,
                    rs: 4,
                    ric: 2,
                    prs: true,
                    radix: true,
                    local: false,
                },
            ),
            (0x7c00_046c, TlbSync),
            (
                0x7c00_199c,
                Message {
                    rb: 3,
                    privileged: false,
                    clear: false,
                },
            ),
            (
                0x7c00_195c,
                Message {
                    rb: 3,
                    privileged: true,
                    clear: true,
                },
            ),
            (0x7c65_01a4, WriteSegment { sr: 5, rs: 3 }),
            (0x7c60_2526, ReadSegmentIndirect { rt: 3, rb: 4 }),
            (
                0x7c64_2eaa,
                CachingInhibited {
                    rt: 3,
                    ra: 4,
                    rb: 5,
                    bytes: 1,
                    store: false,
                },
            ),
            (0x7c03_075d, TransactionReclaim { ra: 3 }),
            (0x7c00_07dd, TransactionRecheckpoint),
        ];
        for (word, privileged) in table {
            assert_eq!(of(word), Some(privileged), "{word:#010x}");
        }
    }

    #[test]
    fn what_is_not_privileged() {
        // add, lwz, b, rfebb, tbegin., dcbz, a prefix.
        for word in [
            0x7c63_2214,
            0x8060_0000,
            0x4800_0000,
            0x4c00_0924,
            0x7c00_051d,
            0x7c00_07ec,
        ] {
            assert_eq!(of(word), None, "{word:#010x}");
        }
        assert_eq!(decode(Insn::prefixed(0x0600_0000, 0x4c00_0024)), None);
    }

    #[test]
    fn system_calls() {
        for word in (0..=0xffff).map(|low| 17 << 26 | low) {
            let call = matches!(of(word), Some(Privileged::SystemCall { .. }));
            assert_eq!(is_system_call(Insn::word(word)), call, "{word:#x}");
        }
        assert!(!is_system_call(Insn::word(0x4c00_0002)));
    }

    #[test]
    fn privilege() {
        let of = |word| of(word).and_then(Privileged::privilege);
        assert_eq!(of(0x4c00_0024), Some(Privilege::Privileged));
        assert_eq!(of(0x4c00_0224), Some(Privilege::Hypervisor));
        assert_eq!(of(0x4400_0022), Some(Privilege::Problem));
        assert_eq!(of(0x7c7e_4aa6), Some(Privilege::Hypervisor));
        assert_eq!(of(0x7c6c_42e6), Some(Privilege::Problem));
        // mfspr r3,2: no such register.
        assert_eq!(of(0x7c62_02a6), None);
    }
}
