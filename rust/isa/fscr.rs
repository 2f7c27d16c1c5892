// SPDX-License-Identifier: GPL-2.0

//! The facility status and control registers.

register! {
    /// Facility status and control register, ISA Book III, "Facility Status and Control Register", and its hypervisor twin HFSCR.
    Fscr {
        /// Prefixed instructions (ISA 3.1).
        PREFIX = 50,
        /// `scv` (FSCR only).
        SCV = 51,
        /// `msgsndp`, `msgclrp`, TIR and DPDES (HFSCR only).
        MSGP = 53,
        /// Target address register.
        TAR = 55,
        /// Event-based branches.
        EBB = 56,
        /// Transactional memory (HFSCR only).
        TM = 58,
        /// Branch history rolling buffer (HFSCR only).
        BHRB = 59,
        /// Performance monitor registers (HFSCR only).
        PM = 60,
        /// Data stream control register in problem state.
        DSCR = 61,
        /// Vector and VSX (HFSCR only).
        VECVSX = 62,
        /// Floating point (HFSCR only).
        FP = 63,
    }
    fields {
        /// Interrupt cause: after a facility unavailable interrupt, which facility ([`Facility`]).
        cause / with_cause = 0..7,
    }
}

/// The interrupt cause field as a whole.
pub const CAUSE: Fscr = Fscr::EMPTY.with_cause(0xff);

/// A facility as `FSCR[IC]` and `HFSCR[IC]` number it (which is its bit, from the right).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facility {
    /// Floating point.
    Fp,
    /// Vector and VSX.
    VecVsx,
    /// DSCR at SPR 3 (and in HFSCR, SPR 17).
    Dscr,
    /// Performance monitor registers.
    Pm,
    /// Branch history rolling buffer.
    Bhrb,
    /// Transactional memory.
    Tm,
    /// Event-based branches.
    Ebb,
    /// Target address register.
    Tar,
    /// `stop` in a state the thread may not enter.
    Stop,
    /// `msgsndp`, `msgclrp`, TIR, DPDES.
    Msgp,
    /// `scv`.
    Scv,
    /// Prefixed instructions.
    Prefix,
    /// A value with no meaning here.
    Unknown(u8),
}

impl Fscr {
    /// Which facility the last (hypervisor) facility unavailable interrupt was for.
    pub const fn facility(self) -> Facility {
        match self.cause() {
            0 => Facility::Fp,
            1 => Facility::VecVsx,
            2 => Facility::Dscr,
            3 => Facility::Pm,
            4 => Facility::Bhrb,
            5 => Facility::Tm,
            7 => Facility::Ebb,
            8 => Facility::Tar,
            9 => Facility::Stop,
            10 => Facility::Msgp,
            12 => Facility::Scv,
            13 => Facility::Prefix,
            other => Facility::Unknown(other as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_facility_is_its_bits_number() {
        for (bit, facility) in [
            (Fscr::PREFIX, Facility::Prefix),
            (Fscr::SCV, Facility::Scv),
            (Fscr::MSGP, Facility::Msgp),
            (Fscr::TAR, Facility::Tar),
            (Fscr::EBB, Facility::Ebb),
            (Fscr::TM, Facility::Tm),
            (Fscr::BHRB, Facility::Bhrb),
            (Fscr::PM, Facility::Pm),
            (Fscr::DSCR, Facility::Dscr),
            (Fscr::VECVSX, Facility::VecVsx),
            (Fscr::FP, Facility::Fp),
        ] {
            let number = u64::from(bit.raw().trailing_zeros());
            assert_eq!(Fscr::EMPTY.with_cause(number).facility(), facility);
        }
        assert_eq!(Fscr::EMPTY.with_cause(0xff), CAUSE);
        assert_eq!(CAUSE.facility(), Facility::Unknown(0xff));
    }
}
