// SPDX-License-Identifier: GPL-2.0

//! What each special purpose register of the 440 is (UM, "Special Purpose Registers Sorted by SPR Number", and the
//! figure of each): who reads and writes it, what a write does, and which bits there are.
//!
//! Bits that do not exist read as 0 here, whatever was written; the manual leaves that open.

use super::spr;

/// What `mfspr` and `mtspr` do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Read and written.
    ReadWrite,
    /// Read, under this number.
    Read,
    /// Read; a write does nothing.
    ReadOnly,
    /// Written, under this number.
    Write,
    /// It can be read; a write clears the bits that are 1 in the value written.
    ReadClear,
}

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register {
    /// Its access, for a kernel.
    pub access: Access,
    /// The bits that there are.
    pub bits: u32,
}

impl Register {
    /// Does `mfspr` exist?
    pub const fn readable(self) -> bool {
        !matches!(self.access, Access::Write)
    }

    /// Does `mtspr` exist?
    pub const fn writable(self) -> bool {
        !matches!(self.access, Access::Read)
    }
}

/// SRR0, CSRR0, MCSRR0 and IAC: addresses of instructions.
const WORD_ADDRESS: u32 = 0xffff_fffc;
/// DBCR0 without EDM, which only an external debugger sets.
const DBCR0: u32 = 0x7fff_8001;
const DBCR1: u32 = 0xffc1_ffc1;
const DBCR2: u32 = 0xffef_0f0f;
const DBSR: u32 = 0xffff_8003;
const ESR: u32 = 0x8fbf_001f;
const MCSR: u32 = 0xff80_0000;
/// TCR.
pub const TCR_BITS: u32 = 0xffc0_0000;
/// TSR.
pub const TSR_BITS: u32 = 0xfc00_0000;
const MMUCR: u32 = 0x016d_00ff;
const CCR0: u32 = 0x4830_e10f;
/// CCR1 with DPC, which some chips have and the manual does not mention.
const CCR1: u32 = 0xffff_f980;
/// The cache victim registers, for caches of 16 and 32 KB.
const VICTIMS: u32 = 0x3f3f_3f3f;
const VICTIM_LIMITS: u32 = 0x0fc1_f83f;

/// Register `number`, 0 to 1023. `None` if there is no such register, and for XER, LR and CTR, which the hardware gives
/// the guest without privilege.
pub const fn register(number: u16) -> Option<Register> {
    use Access::{Read, ReadClear, ReadOnly, ReadWrite, Write};
    let (access, bits) = match number {
        spr::DEC => (ReadWrite, !0),
        spr::DECAR => (Write, !0),
        spr::SRR0 | spr::CSRR0 | spr::MCSRR0 => (ReadWrite, WORD_ADDRESS),
        spr::SRR1 | spr::CSRR1 | spr::MCSRR1 => (ReadWrite, !0),
        spr::PID => (ReadWrite, 0xff),
        spr::DEAR => (ReadWrite, !0),
        spr::ESR => (ReadWrite, ESR),
        spr::IVPR => (ReadWrite, 0xffff_0000),
        spr::IVOR0..=spr::IVOR15 => (ReadWrite, 0xfff0),
        spr::USPRG0 | spr::SPRG0..=spr::SPRG7 => (ReadWrite, !0),
        spr::SPRG4R..=spr::SPRG7R => (Read, !0),
        spr::TBL_R | spr::TBU_R => (Read, !0),
        spr::TBL_W | spr::TBU_W => (Write, !0),
        spr::PIR => (Read, 0xf),
        spr::PVR => (Read, !0),
        spr::MCSR => (ReadClear, MCSR),
        spr::DBSR => (ReadClear, DBSR),
        spr::TSR => (ReadClear, TSR_BITS),
        spr::TCR => (ReadWrite, TCR_BITS),
        spr::DBCR0 => (ReadWrite, DBCR0),
        spr::DBCR1 => (ReadWrite, DBCR1),
        spr::DBCR2 => (ReadWrite, DBCR2),
        spr::IAC1..=spr::IAC4 => (ReadWrite, WORD_ADDRESS),
        spr::DAC1..=spr::DVC2 => (ReadWrite, !0),
        spr::INV0..=spr::ITV3 | spr::DNV0..=spr::DTV3 => (ReadWrite, VICTIMS),
        spr::DVLIM | spr::IVLIM => (ReadWrite, VICTIM_LIMITS),
        spr::CCR0 => (ReadWrite, CCR0),
        spr::CCR1 => (ReadWrite, CCR1),
        spr::MMUCR => (ReadWrite, MMUCR),
        // How the chip was reset, and what the caches' debug instructions leave.
        spr::RSTCFG | spr::DCDBTRL..=spr::ICDBTRH | spr::ICDBDR => (ReadOnly, 0),
        spr::DBDR => (ReadWrite, !0),
        _ => return None,
    };
    Some(Register { access, bits })
}
