// SPDX-License-Identifier: GPL-2.0

//! The machine state register.

register! {
    /// Machine state register, ISA Book III, "Machine State Register" (TM and TS: ISA 2.07 to 3.0B).
    Msr {
        /// Sixty-four-bit mode.
        SF = 0,
        /// Hypervisor state.
        HV = 3,
        /// High bit of TS: transactional.
        TS_T = 29,
        /// Low bit of TS: suspended.
        TS_S = 30,
        /// Transactional memory available.
        TM = 31,
        /// Vector (VMX) available.
        VEC = 38,
        /// VSX available.
        VSX = 40,
        /// Secure state.
        S = 41,
        /// Power management (before ISA 3.0), wait state enable on 44x.
        POW = 45,
        /// Interrupt little-endian (before ISA 2.06 only: `LPCR[ILE]` now).
        ILE = 47,
        /// External interrupts (and decrementer, doorbells, performance monitor) enabled.
        EE = 48,
        /// Problem state.
        PR = 49,
        /// Floating point available.
        FP = 50,
        /// Machine check enabled.
        ME = 51,
        /// Floating-point exception mode, first bit.
        FE0 = 52,
        /// Trace enable, first bit: single step.
        SE = 53,
        /// Trace enable, second bit: branch trace.
        BE = 54,
        /// Floating-point exception mode, second bit.
        FE1 = 55,
        /// Interrupt prefix (32-bit processors): vectors are at 0xfff00000.
        IP = 57,
        /// Instruction relocate.
        IR = 58,
        /// Data relocate.
        DR = 59,
        /// Performance monitor mark.
        PMM = 61,
        /// Recoverable interrupt.
        RI = 62,
        /// Little-endian mode.
        LE = 63,
    }
    fields {
        /// Transaction state: 0 none, 1 suspended, 2 transactional, 3 reserved.
        ts / with_ts = 29..30,
        /// Trace enable: 0 none, 1 branch, 2 single step.
        te / with_te = 53..54,
    }
}

/// What `MSR[TS]` says, ISA 2.07 Book III-S, "Machine State Register".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionState {
    /// No transaction.
    None,
    /// In a transaction, suspended.
    Suspended,
    /// In a transaction.
    Transactional,
    /// The value 3, which no interrupt return may load.
    Reserved,
}

impl Msr {
    /// `MSR[TS]` decoded.
    pub const fn transaction_state(self) -> TransactionState {
        match self.ts() {
            0 => TransactionState::None,
            1 => TransactionState::Suspended,
            2 => TransactionState::Transactional,
            _ => TransactionState::Reserved,
        }
    }

    /// Is exactly one of instruction and data relocation on?
    pub const fn is_split(self) -> bool {
        self.contains(Self::IR) != self.contains(Self::DR)
    }

    /// Both bits of TS.
    pub const TS: Self = Self(Self::TS_T.0 | Self::TS_S.0);

    /// The MSR that an interrupt to a guest's kernel sets: ISA Book III, "Interrupt Definitions", figure "MSR setting
    /// due to interrupt". `self` is the MSR at the interrupt, `ile` is `LPCR[ILE]`, `relocation` says that the
    /// interrupt is taken with relocation on (`Lpcr::interrupts_relocated`).
    ///
    /// TS keeps its value, except that a transactional thread becomes suspended; ME, HV and S keep theirs, all others
    /// are cleared.
    pub const fn at_interrupt(self, ile: bool, relocation: bool) -> Self {
        let kept = self.masked(Self(Self::HV.0 | Self::S.0 | Self::ME.0));
        let ts = match self.transaction_state() {
            TransactionState::None => 0,
            _ => 1,
        };
        kept.with(Self::SF)
            .with_ts(ts)
            .set(Self::LE, ile)
            .set(Self(Self::IR.0 | Self::DR.0), relocation)
    }

    /// Bits 33:36 and 42:47. An interrupt does not save them in SRR1, which says more about the interrupt there.
    pub const NOT_IN_SRR1: Self = Self(0x783f_0000);

    /// `MSR[TS]` and `MSR[TM]`: bits 29:31.
    const TS_TM: Self = Self(Self::TS.0 | Self::TM.0);

    /// The MSR after `rfid` in a state without hypervisor privilege or, if `self` has HV, with it: ISA Book III,
    /// "System Linkage Instructions". The next instruction is at SRR0 with its low two bits cleared.
    ///
    /// The caller has to refuse transitions of TS that are not permitted.
    pub const fn after_rfid(self, srr1: u64) -> Self {
        let new = Self(srr1);
        let hv = self.contains(Self::HV) && new.contains(Self::HV);
        // ME changes only in hypervisor state, and S never changes here.
        let kept = Self(Self::NOT_IN_SRR1.0 | Self::S.0);
        let me = if self.contains(Self::HV) { new } else { self };
        self.replaced(Self(!kept.0), new)
            .with_problem_state()
            .with_transaction_from(self)
            .replaced(Self::ME, me)
            .set(Self::HV, hv)
    }

    /// The MSR after `mtmsrd` of this value with L=0: ISA Book III, "Move To Machine State Register Doubleword". HV, S,
    /// ME and LE stay.
    pub const fn after_mtmsrd(self, value: u64) -> Self {
        let kept = Self(Self::HV.0 | Self::S.0 | Self::ME.0 | Self::LE.0);
        self.replaced(Self(!kept.0), Self(value))
            .with_problem_state()
            .with_transaction_from(self)
    }

    /// The MSR after `mtmsrd` or `mtmsr` with L=1: only EE and RI change.
    pub const fn after_mtmsrd_l(self, value: u64) -> Self {
        self.replaced(Self(Self::EE.0 | Self::RI.0), Self(value))
    }

    /// The MSR after `mtmsr` with L=0: as `mtmsrd`, but bits 0:31 stay.
    pub const fn after_mtmsr(self, value: u64) -> Self {
        let value = (self.0 & !0xffff_ffff) | (value & 0xffff_ffff);
        self.after_mtmsrd(value)
    }

    /// The bits that a guest with a 32-bit processor can have in its MSR: 64-bit mode does not exist, and little-endian
    /// mode is not offered.
    pub const BOOK3S32: Self = Self(0xffff_ffff & !Self::ILE.0 & !Self::LE.0);

    /// The MSR after `rfi` on a processor from before ISA 2.0, which loads the bits that an interrupt saved in SRR1; PR
    /// does not imply EE, IR and DR. Source: "Programming Environments Manual", `rfi`.
    pub const fn after_rfi(self, srr1: u64) -> Self {
        self.without(Self::POW)
            .replaced(Self(0xffff_ffff & !Self::NOT_IN_SRR1.0), Self(srr1))
    }

    /// The MSR with EE, IR and DR set if PR is: problem state always has them on.
    const fn with_problem_state(self) -> Self {
        if self.contains(Self::PR) {
            self.with(Self(Self::EE.0 | Self::IR.0 | Self::DR.0))
        } else {
            self
        }
    }

    /// The MSR with TS and TM as in `old` if that is suspended with TM off and both would become zero: such a
    /// transition does not change TS.
    const fn with_transaction_from(self, old: Self) -> Self {
        let suspended = old.masked(Self::TS_TM).0 == Self::TS_S.0;
        if suspended && !self.intersects(Self::TS_TM) {
            self.with(Self::TS_S)
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_where_the_isa_has_them() {
        assert_eq!(Msr::SF.raw(), 1 << 63);
        assert_eq!(Msr::HV.raw(), 1 << 60);
        assert_eq!(Msr::TM.raw(), 1 << 32);
        assert_eq!(Msr::VEC.raw(), 0x0200_0000);
        assert_eq!(Msr::VSX.raw(), 0x0080_0000);
        assert_eq!(Msr::EE.raw(), 0x8000);
        assert_eq!(Msr::PR.raw(), 0x4000);
        assert_eq!(Msr::FP.raw(), 0x2000);
        assert_eq!(Msr::ME.raw(), 0x1000);
        assert_eq!(Msr::SE.raw(), 0x400);
        assert_eq!(Msr::BE.raw(), 0x200);
        assert_eq!(Msr::IR.raw(), 0x20);
        assert_eq!(Msr::DR.raw(), 0x10);
        assert_eq!(Msr::PMM.raw(), 4);
        assert_eq!(Msr::RI.raw(), 2);
        assert_eq!(Msr::LE.raw(), 1);
        assert_eq!(Msr::EMPTY.with_ts(2), Msr::TS_T);
        assert_eq!(Msr::from_raw(u64::MAX).with_ts(0).ts(), 0);
        assert!(Msr::IR.is_split() && (Msr::DR | Msr::PR).is_split());
        assert!(!Msr::EMPTY.is_split() && !(Msr::IR | Msr::DR).is_split());
    }

    #[test]
    fn interrupt_msr() {
        let user = Msr::SF
            | Msr::HV
            | Msr::ME
            | Msr::PR
            | Msr::EE
            | Msr::IR
            | Msr::DR
            | Msr::FP
            | Msr::RI
            | Msr::TM;
        assert_eq!(user.at_interrupt(false, false), Msr::SF | Msr::HV | Msr::ME);
        assert_eq!(
            user.with_ts(2).at_interrupt(true, true),
            Msr::SF | Msr::HV | Msr::ME | Msr::LE | Msr::IR | Msr::DR | Msr::TS_S
        );
    }

    #[test]
    fn returning_and_moving() {
        let kernel = Msr::SF | Msr::ME | Msr::LE | Msr::RI;
        // To problem state: EE, IR and DR are set too; HV cannot be gained, ME cannot be lost, and the interrupt's bits
        // of SRR1 are not loaded.
        let user = kernel.after_rfid((Msr::SF | Msr::PR | Msr::HV).raw() | 0x783f_0000);
        assert_eq!(
            user,
            Msr::SF | Msr::PR | Msr::EE | Msr::IR | Msr::DR | Msr::ME
        );
        let hypervisor = kernel | Msr::HV;
        assert_eq!(
            hypervisor.after_rfid((Msr::SF | Msr::HV).raw()),
            Msr::SF | Msr::HV
        );
        assert_eq!(hypervisor.after_rfid(Msr::SF.raw()), Msr::SF);

        let all = kernel.after_mtmsrd(!Msr::PR.raw() & !Msr::LE.raw());
        assert!(all.contains(Msr::LE | Msr::ME | Msr::VSX | Msr::IR));
        assert!(!all.intersects(Msr::HV | Msr::S | Msr::PR));
        assert_eq!(kernel.after_mtmsrd(0), Msr::ME | Msr::LE);
        assert_eq!(kernel.after_mtmsr(0), Msr::SF | Msr::ME | Msr::LE);
        assert_eq!(kernel.after_mtmsrd_l(u64::MAX), kernel | Msr::EE);
        assert_eq!(kernel.after_mtmsrd_l(0), kernel.without(Msr::RI));

        // A suspended state with TM off stays if TS and TM would become zero.
        let suspended = kernel | Msr::TS_S;
        assert_eq!(suspended.after_mtmsrd(0), Msr::ME | Msr::LE | Msr::TS_S);
        let resumed = Msr::TM | Msr::TS_T;
        assert!(suspended.after_rfid(resumed.raw()).contains(resumed));
        assert_eq!((suspended | Msr::TM).after_mtmsrd(0).ts(), 0);
    }

    #[test]
    fn older_processors() {
        let kernel = Msr::ME | Msr::IP | Msr::POW;
        let user = (Msr::PR | Msr::EE | Msr::ME).raw() | 0x783f_0000;
        assert_eq!(kernel.after_rfi(user), Msr::PR | Msr::EE | Msr::ME);
        assert_eq!(Msr::IP.raw(), 0x40);
        let all = Msr::from_raw(u64::MAX).masked(Msr::BOOK3S32);
        assert_eq!(all.raw(), 0xfffe_fffe);
    }

    #[test]
    fn debug_names_the_bits() {
        assert_eq!(format!("{:?}", Msr::PR | Msr::LE), "Msr(0x4001 PR LE)");
    }
}
