// SPDX-License-Identifier: GPL-2.0

//! The registers of a 440 that only a kernel can access, and access to the others.

use core::ops::DerefMut;

use super::{guest_debug::GuestDebug, guest_tlb::GuestTlb, timer::Timer};
use crate::isa::e44x::{
    ivor::IVORS,
    msr::Msr,
    tlbe::{Attributes, Space, Tlbe},
};

/// The registers that programs can access.
pub trait Registers {
    /// GPR `n`, 0 to 31.
    fn gpr(&self, n: u8) -> u32;
    /// Writes GPR `n`, 0 to 31.
    fn set_gpr(&mut self, n: u8, value: u32);
    /// CR.
    fn cr(&self) -> u32;
    /// Writes CR.
    fn set_cr(&mut self, value: u32);
    /// XER.
    fn xer(&self) -> u32;
    /// The address of the instruction.
    fn nip(&self) -> u32;
    /// Sets the address of the next instruction.
    fn set_nip(&mut self, value: u32);
}

/// What an emulated `lwarx` has loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// The guest physical address.
    pub gpa: u64,
    /// The bytes that were loaded.
    pub value: [u8; 4],
    /// For how many more instructions the reservation is kept.
    pub steps: u32,
}

/// Privileged registers, the TLB and the timers.
#[derive(Clone, Debug)]
pub struct State<S> {
    /// MSR.
    pub msr: Msr,
    /// PID.
    pub pid: u8,
    /// MMUCR.
    pub mmucr: u32,
    /// SRR0 and SRR1.
    pub srr: [u32; 2],
    /// CSRR0 and CSRR1.
    pub csrr: [u32; 2],
    /// MCSRR0 and MCSRR1.
    pub mcsrr: [u32; 2],
    /// MCSR.
    pub mcsr: u32,
    /// SPRG0 to SPRG7.
    pub sprg: [u32; 8],
    /// USPRG0.
    pub usprg0: u32,
    /// IVPR.
    pub ivpr: u32,
    /// IVOR0 to IVOR15.
    pub ivor: [u32; IVORS],
    /// ESR.
    pub esr: u32,
    /// DEAR.
    pub dear: u32,
    /// PVR, which is the host's, because programs can read the host's PVR anyway.
    pub pvr: u32,
    /// PIR.
    pub pir: u32,
    /// CCR0 and CCR1.
    pub ccr: [u32; 2],
    /// DBCR0 to DBCR2.
    pub dbcr: [u32; 3],
    /// DBSR.
    pub dbsr: u32,
    /// DBDR, by which a program and an external debugger exchange data.
    pub dbdr: u32,
    /// IAC1 to IAC4.
    pub iac: [u32; 4],
    /// DAC1 and DAC2.
    pub dac: [u32; 2],
    /// DVC1 and DVC2.
    pub dvc: [u32; 2],
    /// Cache victim registers, which have no effect here: INV, ITV, DNV, DTV, then DVLIM and IVLIM.
    pub victims: [u32; 18],
    /// The reservation of an emulated `lwarx`. An interrupt clears it.
    pub reservation: Option<Reservation>,
    /// Userspace's breakpoints, watchpoints and single-stepping.
    pub guest_debug: GuestDebug,
    /// The timers.
    pub timer: Timer,
    /// The TLB.
    pub tlb: GuestTlb<S>,
}

impl<S: DerefMut<Target = [Tlbe]>> State<S> {
    /// A processor in the state in which a board's firmware starts the kernel: the first 256 MB are mapped to
    /// themselves.
    ///
    /// `entries` becomes its TLB; see [`GuestTlb::new`]. `now` is the timebase.
    pub fn new(pvr: u32, id: u32, now: u64, entries: S) -> Self {
        let mut state = Self {
            msr: Msr::EMPTY,
            pid: 0,
            mmucr: 0,
            srr: [0; 2],
            csrr: [0; 2],
            mcsrr: [0; 2],
            mcsr: 0,
            sprg: [0; 8],
            usprg0: 0,
            ivpr: 0,
            ivor: [0; IVORS],
            esr: 0,
            dear: 0,
            pvr,
            pir: id,
            ccr: [0; 2],
            dbcr: [0; 3],
            dbsr: 0,
            dbdr: 0,
            iac: [0; 4],
            dac: [0; 2],
            dvc: [0; 2],
            victims: [0; 18],
            reservation: None,
            guest_debug: GuestDebug::default(),
            timer: Timer::new(now),
            tlb: GuestTlb::new(entries),
        };
        let space = Space { ts: false, pid: 0 };
        let all = Attributes::SX | Attributes::SW | Attributes::SR;
        if let Some(memory) = Tlbe::new(0, 28, space, 0, all) {
            state.tlb.set(0, memory);
        }
        state
    }

    /// Is the guest in problem state?
    pub fn user(&self) -> bool {
        self.msr.contains(Msr::PR)
    }

    /// The address space and process in which instructions are fetched.
    pub fn fetch_space(&self) -> Space {
        Space {
            ts: self.msr.contains(Msr::IS),
            pid: self.pid,
        }
    }

    /// The address space and process of data accesses.
    pub fn data_space(&self) -> Space {
        Space {
            ts: self.msr.contains(Msr::DS),
            pid: self.pid,
        }
    }
}
