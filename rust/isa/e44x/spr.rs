// SPDX-License-Identifier: GPL-2.0

//! The 440's special purpose registers by number (UM, "Special Purpose Registers").

#![allow(missing_docs)] // The names are the manual's.

pub const DEC: u16 = 0x016;
pub const SRR0: u16 = 0x01a;
pub const SRR1: u16 = 0x01b;
pub const PID: u16 = 0x030;
pub const DECAR: u16 = 0x036;
pub const CSRR0: u16 = 0x03a;
pub const CSRR1: u16 = 0x03b;
pub const DEAR: u16 = 0x03d;
pub const ESR: u16 = 0x03e;
pub const IVPR: u16 = 0x03f;
pub const USPRG0: u16 = 0x100;
pub const SPRG4R: u16 = 0x104;
pub const SPRG7R: u16 = 0x107;
pub const TBL_R: u16 = 0x10c;
pub const TBU_R: u16 = 0x10d;
pub const SPRG0: u16 = 0x110;
pub const SPRG7: u16 = 0x117;
pub const TBL_W: u16 = 0x11c;
pub const TBU_W: u16 = 0x11d;
pub const PIR: u16 = 0x11e;
pub const PVR: u16 = 0x11f;
pub const DBSR: u16 = 0x130;
pub const DBCR0: u16 = 0x134;
pub const DBCR1: u16 = 0x135;
pub const DBCR2: u16 = 0x136;
pub const IAC1: u16 = 0x138;
pub const IAC4: u16 = 0x13b;
pub const DAC1: u16 = 0x13c;
pub const DVC2: u16 = 0x13f;
pub const TSR: u16 = 0x150;
pub const TCR: u16 = 0x154;
pub const IVOR0: u16 = 0x190;
pub const IVOR15: u16 = 0x19f;
pub const MCSRR0: u16 = 0x23a;
pub const MCSRR1: u16 = 0x23b;
pub const MCSR: u16 = 0x23c;
/// Cache victim limits and their kin: INV0 to ITV3.
pub const INV0: u16 = 0x370;
pub const ITV3: u16 = 0x377;
pub const CCR1: u16 = 0x378;
/// DNV0 to DTV3.
pub const DNV0: u16 = 0x390;
pub const DTV3: u16 = 0x397;
pub const DVLIM: u16 = 0x398;
pub const IVLIM: u16 = 0x399;
pub const RSTCFG: u16 = 0x39b;
/// DCDBTRL, DCDBTRH, ICDBTRL, ICDBTRH.
pub const DCDBTRL: u16 = 0x39c;
pub const ICDBTRH: u16 = 0x39f;
pub const MMUCR: u16 = 0x3b2;
pub const CCR0: u16 = 0x3b3;
pub const ICDBDR: u16 = 0x3d3;
pub const DBDR: u16 = 0x3f3;

/// Does the processor of this PVR save machine checks in registers of their own, MCSRR0 and MCSRR1? 440EPx, GRx, GX and
/// SPe, 460 and APM821xx do; 440EP, GR, GP and SP do not.
pub const fn has_mcsrr(pvr: u32) -> bool {
    matches!(pvr & 0xf000_0ffb, 0x2000_08d0 | 0x2000_08d8)
        || matches!(
            pvr & 0xf000_0fff,
            0x5000_0850 | 0x5000_0851 | 0x5000_0892 | 0x5000_0894
        )
        || matches!(pvr & 0xfff0_0fff, 0x5340_0890 | 0x5340_0891)
        || matches!(pvr >> 16, 0x1302 | 0x1354 | 0x12c4)
}

/// MMUCR: the process that `tlbsx` looks for, and that `tlbwe` writes.
pub const MMUCR_STID: u32 = 0xff;
/// MMUCR: the address space that `tlbsx` looks in.
pub const MMUCR_STS: u32 = 0x0001_0000;

/// MCSR: a machine check is noted (the summary bit).
pub const MCSR_MCS: u32 = 0x8000_0000;
/// MCSR: the machine check is imprecise.
pub const MCSR_IMPE: u32 = 0x0080_0000;

/// May problem state read the register?
pub const fn user_readable(spr: u16) -> bool {
    // Bit 4 of the number is 1 for privileged registers.
    spr & 0x10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_checks_of_known_processors() {
        // 440EP, as QEMU's bamboo has it; GP; SP.
        for pvr in [0x4222_18d3, 0x4005_2440, 0x5322_1891] {
            assert!(!has_mcsrr(pvr), "{pvr:#x}");
        }
        // 440EPx, GRx, GX, SPe; 460EX, SX; APM821xx.
        for pvr in [
            0x2162_18d8,
            0x2162_18d4,
            0x51b2_1894,
            0x5342_1891,
            0x1302_18a4,
            0x1354_1800,
            0x12c4_1c80,
        ] {
            assert!(has_mcsrr(pvr), "{pvr:#x}");
        }
    }
}
