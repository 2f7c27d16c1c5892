// SPDX-License-Identifier: GPL-2.0

//! What an interrupt adds to the MSR's copy in SRR1 and HSRR1.

use super::dsisr::Dsisr;
use super::msr::Msr;

register! {
    /// The bits of SRR1 and HSRR1 that an interrupt sets itself, ISA Book III, "Interrupt Definitions" (SRR1 33:36 and
    /// 42:47). Their meaning depends on the interrupt: the name begins with it.
    Srr1 {
        /// Instruction storage: no translation found.
        ISI_NOPTE = 33,
        /// Instruction storage: no-execute or guarded storage.
        ISI_NOEXEC_OR_G = 35,
        /// Instruction storage: protection.
        ISI_PROT = 36,
        /// Program: transactional memory "bad thing".
        PROG_TM = 42,
        /// Program: enabled floating-point exception.
        PROG_FPE = 43,
        /// Program: illegal instruction.
        PROG_ILL = 44,
        /// Program: privileged instruction in problem state.
        PROG_PRIV = 45,
        /// Program: trap.
        PROG_TRAP = 46,
        /// Program: SRR0 has the address after the instruction.
        PROG_ADDR = 47,
        /// The interrupt was caused by a prefixed instruction (ISA 3.1).
        PREFIXED = 34,
        /// Alignment: the prefixed instruction crosses a 64-byte boundary (ISA 3.1).
        BOUNDARY = 35,
        /// Trace: always set.
        TRACE = 33,
        /// Trace: the instruction was a load.
        TRACE_LOAD = 35,
        /// Trace: the instruction was a store.
        TRACE_STORE = 36,
        /// Softpatch: a denormalized operand.
        HSRR1_DENORM = 43,
        /// Hypervisor instruction storage: the reference bit could not be set.
        HSRR1_HISI_WRITE = 47,
        /// Machine check: a load or store caused it, and DSISR has the cause (POWER8 and after).
        MC_LOADSTORE = 42,
        /// Machine check: external signal.
        MC_SIGNAL = 44,
    }
    fields {
        /// System reset: why the thread left power saving (POWER8 and after).
        wake_reason / with_wake_reason = 42..45,
        /// System reset: whether state was lost in power saving: 0 did not come from it, 1 all kept, 2 some lost, 3
        /// hypervisor state lost.
        wake_state / with_wake_state = 46..47,
    }
}

impl Srr1 {
    /// Bits that do not come from the MSR: 33:36 and 42:47.
    pub const FROM_INTERRUPT: Self = Self(Msr::NOT_IN_SRR1.raw());

    /// The bits that say what caused a program interrupt: 43:47.
    pub const PROG: Self = Self(
        Self::PROG_FPE.0
            | Self::PROG_ILL.0
            | Self::PROG_PRIV.0
            | Self::PROG_TRAP.0
            | Self::PROG_ADDR.0,
    );

    /// The bits that say what caused a machine check. The implementation defines them: 36 and 42:45 on POWER7 and
    /// later.
    pub const MC: Self = Self(0x083c_0000);

    /// SRR1 for an interrupt taken with this MSR.
    pub const fn with_msr(self, msr: Msr) -> Self {
        Self((self.0 & Self::FROM_INTERRUPT.0) | (msr.raw() & !Self::FROM_INTERRUPT.0))
    }

    /// The MSR that was current at the interrupt.
    pub const fn msr(self) -> Msr {
        Msr::from_raw(self.0 & !Self::FROM_INTERRUPT.0)
    }

    /// SRR1's bits of an instruction storage interrupt for a fault.
    pub const fn from_fault(fault: Dsisr) -> Self {
        Self(fault.masked(Dsisr::ISI).raw())
    }
}

/// Why a thread left power saving, `Srr1::wake_reason`, ISA Book III, "System Reset Interrupt", and the POWER8 and
/// POWER9 user manuals.
pub mod wake {
    /// Directed hypervisor doorbell.
    pub const H_DOORBELL: u64 = 3;
    /// System reset.
    pub const RESET: u64 = 4;
    /// Directed privileged doorbell.
    pub const DOORBELL: u64 = 5;
    /// Decrementer.
    pub const DECREMENTER: u64 = 6;
    /// External interrupt.
    pub const EXTERNAL: u64 = 8;
    /// Hypervisor virtualization interrupt.
    pub const H_VIRT: u64 = 9;
    /// Hypervisor maintenance.
    pub const H_MAINTENANCE: u64 = 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_where_the_isa_has_them() {
        assert_eq!(Srr1::PROG_TM.raw(), 0x20_0000);
        assert_eq!(Srr1::PROG_FPE.raw(), 0x10_0000);
        assert_eq!(Srr1::PROG_ILL.raw(), 0x8_0000);
        assert_eq!(Srr1::PROG_PRIV.raw(), 0x4_0000);
        assert_eq!(Srr1::PROG_TRAP.raw(), 0x2_0000);
        assert_eq!(Srr1::PROG_ADDR.raw(), 0x1_0000);
        assert_eq!(Srr1::PREFIXED.raw(), 0x2000_0000);
        assert_eq!(Srr1::BOUNDARY.raw(), 0x1000_0000);
        assert_eq!(
            Srr1::EMPTY.with_wake_reason(wake::EXTERNAL).raw(),
            0x20_0000
        );
        assert_eq!(
            Srr1::EMPTY.with_wake_reason(wake::H_DOORBELL).raw(),
            0xc_0000
        );
    }

    #[test]
    fn msr_and_cause_are_apart() {
        let srr1 = Srr1::PROG_ILL.with_msr(Msr::from_raw(u64::MAX));
        assert_eq!(srr1.msr(), Msr::from_raw(!0x783f_0000));
        assert_eq!(srr1.masked(Srr1::FROM_INTERRUPT), Srr1::PROG_ILL);
    }
}
