// SPDX-License-Identifier: GPL-2.0

//! The 440's interrupts.

/// An interrupt; the number is that of its IVOR (UM, "Interrupt Vector Offset Registers").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Ivor {
    /// Critical input.
    CriticalInput = 0,
    /// Machine check.
    MachineCheck = 1,
    /// Data storage.
    DataStorage = 2,
    /// Instruction storage.
    InstStorage = 3,
    /// External input.
    External = 4,
    /// Alignment.
    Alignment = 5,
    /// Program.
    Program = 6,
    /// Floating point unavailable.
    FpUnavailable = 7,
    /// System call.
    SystemCall = 8,
    /// Auxiliary processor unavailable.
    ApUnavailable = 9,
    /// Decrementer.
    Decrementer = 10,
    /// Fixed interval timer.
    FixedInterval = 11,
    /// Watchdog timer.
    Watchdog = 12,
    /// Data TLB error.
    DataTlbError = 13,
    /// Instruction TLB error.
    InstTlbError = 14,
    /// Debug.
    Debug = 15,
}

/// How many there are.
pub const IVORS: usize = 16;

/// Which save/restore registers an interrupt uses, and what it disables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// SRR0 and SRR1.
    Normal,
    /// CSRR0 and CSRR1.
    Critical,
    /// CSRR0 and CSRR1, or MCSRR0 and MCSRR1 (see [`has_mcsrr`](super::spr::has_mcsrr)).
    MachineCheck,
}

impl Ivor {
    const ALL: [Self; IVORS] = [
        Self::CriticalInput,
        Self::MachineCheck,
        Self::DataStorage,
        Self::InstStorage,
        Self::External,
        Self::Alignment,
        Self::Program,
        Self::FpUnavailable,
        Self::SystemCall,
        Self::ApUnavailable,
        Self::Decrementer,
        Self::FixedInterval,
        Self::Watchdog,
        Self::DataTlbError,
        Self::InstTlbError,
        Self::Debug,
    ];

    /// The interrupt of this number.
    pub fn from_number(n: u32) -> Option<Self> {
        Self::ALL.get(n as usize).copied()
    }

    /// Its IVOR's number.
    pub const fn number(self) -> usize {
        self as usize
    }

    /// Its class.
    pub const fn class(self) -> Class {
        match self {
            Self::CriticalInput | Self::Watchdog | Self::Debug => Class::Critical,
            Self::MachineCheck => Class::MachineCheck,
            _ => Class::Normal,
        }
    }
}

/// ESR (UM, "Exception Syndrome Register").
pub mod esr {
    /// Machine check of an instruction fetch.
    pub const MCI: u32 = 0x8000_0000;
    /// Program: illegal instruction.
    pub const PIL: u32 = 0x0800_0000;
    /// Program: privileged instruction.
    pub const PPR: u32 = 0x0400_0000;
    /// Program: trap.
    pub const PTR: u32 = 0x0200_0000;
    /// The instruction is a floating-point one.
    pub const FP: u32 = 0x0100_0000;
    /// Data storage, data TLB error, alignment: it was a store.
    pub const ST: u32 = 0x0080_0000;
    /// Data storage: by `dcbz`, `icbt` and kin on locked or other storage.
    pub const DLK: u32 = 0x0030_0000;
    /// The instruction is an auxiliary processor's.
    pub const AP: u32 = 0x0008_0000;
    /// Program: unimplemented operation.
    pub const PUO: u32 = 0x0004_0000;
    /// Of data storage, data TLB error and alignment interrupts: what kind of access it was.
    pub const DATA: u32 = FP | ST | AP;
    /// Storage: byte ordering.
    pub const BO: u32 = 0x0002_0000;
    /// Program: imprecise exception.
    pub const PIE: u32 = 0x0001_0000;
}
