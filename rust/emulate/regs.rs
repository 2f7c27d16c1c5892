// SPDX-License-Identifier: GPL-2.0

//! The registers that emulation reads and writes.

use crate::isa::msr::Msr;
use crate::isa::radix_walk::truncated;

/// A VSX register: doubleword 0 (bits 0 to 63, where a scalar is) and doubleword 1.
pub type Vsr = [u64; 2];

/// A thread's registers.
///
/// Register numbers given to these functions are in range: 0 to 31 for GPRs, 0 to 63 for VSRs. VSRs 0 to 31 have the
/// floating-point registers in doubleword 0, VSRs 32 to 63 are the vector registers.
pub trait Regs {
    /// A general purpose register.
    fn gpr(&self, n: u8) -> u64;
    /// Writes a general purpose register.
    fn set_gpr(&mut self, n: u8, value: u64);
    /// One of GPRs 3 to 12 after a hypercall, whose number and arguments are there.
    fn hcall_gpr(&self, n: u8) -> u64 {
        self.gpr(n)
    }
    /// Sets GPR 3, and those from 4 on, to what a hypercall returns.
    fn set_hcall_gprs(&mut self, ret: u64, more: &[u64; 9]) {
        self.set_gpr(3, ret);
        for (n, value) in (4..).zip(more) {
            self.set_gpr(n, *value);
        }
    }
    /// A VSX register.
    fn vsr(&self, n: u8) -> Vsr;
    /// Writes a VSX register.
    fn set_vsr(&mut self, n: u8, value: Vsr);
    /// XER (32 bits and, above, zeros).
    fn xer(&self) -> u64;
    /// The MSR.
    fn msr(&self) -> Msr;
    /// The address of the instruction.
    fn nip(&self) -> u64;
    /// Sets the address of the next instruction.
    fn set_nip(&mut self, nip: u64);

    /// Shift of the cache block that `dcbz` clears: 7 on every Book III server processor. At most 7.
    fn cache_block_shift(&self) -> u32 {
        7
    }

    /// Advances past an instruction of this many bytes.
    fn advance(&mut self, bytes: u64) {
        let next = self.nip().wrapping_add(bytes);
        self.set_nip(truncated(next, self.msr()));
    }
}

/// A copy of a thread's registers, for callers that keep them nowhere else and for tests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterFile {
    /// General purpose registers.
    pub gpr: [u64; 32],
    /// VSX registers.
    pub vsr: [Vsr; 64],
    /// XER.
    pub xer: u64,
    /// MSR.
    pub msr: Msr,
    /// Address of the instruction.
    pub nip: u64,
}

impl Default for RegisterFile {
    fn default() -> Self {
        Self {
            gpr: [0; 32],
            vsr: [[0; 2]; 64],
            xer: 0,
            msr: Msr::EMPTY,
            nip: 0,
        }
    }
}

impl Regs for RegisterFile {
    fn gpr(&self, n: u8) -> u64 {
        self.gpr.get(usize::from(n)).copied().unwrap_or(0)
    }

    fn set_gpr(&mut self, n: u8, value: u64) {
        if let Some(gpr) = self.gpr.get_mut(usize::from(n)) {
            *gpr = value;
        }
    }

    fn vsr(&self, n: u8) -> Vsr {
        self.vsr.get(usize::from(n)).copied().unwrap_or([0; 2])
    }

    fn set_vsr(&mut self, n: u8, value: Vsr) {
        if let Some(vsr) = self.vsr.get_mut(usize::from(n)) {
            *vsr = value;
        }
    }

    fn xer(&self) -> u64 {
        self.xer
    }

    fn msr(&self) -> Msr {
        self.msr
    }

    fn nip(&self) -> u64 {
        self.nip
    }

    fn set_nip(&mut self, nip: u64) {
        self.nip = nip;
    }
}
