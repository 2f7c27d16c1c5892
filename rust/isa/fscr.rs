// SPDX-License-Identifier: GPL-2.0

//! The facility status and control registers.

use super::insn::Insn;
use super::spr::Spr;

register! {
    /// Facility status and control register, ISA Book III, "Facility Status and Control Register", and its hypervisor
    /// twin HFSCR.
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
    /// A value that names no facility which this module knows.
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

impl Facility {
    /// Is the register one of those that this facility makes available in problem state? ISA Book III, "Facility Status
    /// and Control Register"; for the performance monitor's registers, the description of MMCR0[PMCC].
    pub const fn has_register(self, spr: Spr) -> bool {
        match self {
            Self::Dscr => matches!(spr, Spr::UDSCR),
            Self::Pm => matches!(
                spr,
                Spr::USIER
                    | Spr::USIER2
                    | Spr::USIER3
                    | Spr::UMMCR0
                    | Spr::UMMCR1
                    | Spr::UMMCR2
                    | Spr::UMMCR3
                    | Spr::UMMCRA
                    | Spr::UPMC1
                    | Spr::UPMC2
                    | Spr::UPMC3
                    | Spr::UPMC4
                    | Spr::UPMC5
                    | Spr::UPMC6
                    | Spr::USIAR
                    | Spr::USDAR
            ),
            Self::Tm => spr.is_transactional(),
            Self::Ebb => matches!(
                spr,
                Spr::BESCRS
                    | Spr::BESCRSU
                    | Spr::BESCRR
                    | Spr::BESCRRU
                    | Spr::EBBHR
                    | Spr::EBBRR
                    | Spr::BESCR
            ),
            Self::Tar => matches!(spr, Spr::TAR),
            Self::Msgp => matches!(spr, Spr::TIR | Spr::DPDES),
            Self::Fp
            | Self::VecVsx
            | Self::Bhrb
            | Self::Stop
            | Self::Scv
            | Self::Prefix
            | Self::Unknown(_) => false,
        }
    }

    /// Can an instruction be one that needs the facility? `false` means that it cannot have caused a facility
    /// unavailable interrupt with this cause. Of floating point and vectors, and of causes without a meaning here,
    /// nothing is known: any instruction can.
    pub const fn can_be_needed_by(self, insn: Insn) -> bool {
        if insn.prefix().is_some() || matches!(self, Self::Prefix) {
            return matches!(self, Self::Prefix) && (insn.prefix().is_some() || insn.po() == 1);
        }
        let register = match (insn.po(), insn.xo()) {
            // mfspr, mftb, mtspr
            (31, 339 | 371 | 467) => self.has_register(insn.spr()),
            _ => false,
        };
        match (self, insn.po(), insn.xo()) {
            (Self::Fp | Self::VecVsx | Self::Unknown(_), ..) => true,
            // clrbhrb, mfbhrbe
            (Self::Bhrb, 31, 430 | 302) => true,
            // tbegin., tend., tcheck, tresume. and tsuspend., the aborts, treclaim., trechkpt.
            (Self::Tm, 31, 654 | 686 | 718 | 750 | 782 | 814 | 846 | 878 | 910 | 942 | 1006) => {
                true
            }
            // rfebb
            (Self::Ebb, 19, 146) => true,
            // bctar
            (Self::Tar, 19, 560) => true,
            // stop
            (Self::Stop, 19, 370) => true,
            // msgsndp, msgclrp
            (Self::Msgp, 31, 142 | 174) => true,
            // scv
            (Self::Scv, 17, _) => insn.raw() & 3 == 1,
            _ => register,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACILITIES: [Facility; 10] = [
        Facility::Dscr,
        Facility::Pm,
        Facility::Bhrb,
        Facility::Tm,
        Facility::Ebb,
        Facility::Tar,
        Facility::Stop,
        Facility::Msgp,
        Facility::Scv,
        Facility::Prefix,
    ];

    fn mtspr(n: u32) -> Insn {
        Insn::word(31 << 26 | 3 << 21 | (n & 31) << 16 | (n >> 5) << 11 | 467 << 1)
    }

    /// Of every register, by its number, the one facility that it belongs to.
    #[test]
    fn registers() {
        for n in 0..1024 {
            let expected = match n {
                3 => Some(Facility::Dscr),
                128..=131 => Some(Facility::Tm),
                176 | 446 => Some(Facility::Msgp),
                736..=738 | 768..=776 | 779..=782 => Some(Facility::Pm),
                800..=806 => Some(Facility::Ebb),
                815 => Some(Facility::Tar),
                _ => None,
            };
            for facility in FACILITIES {
                let has = facility.has_register(Spr::from_raw(n as u16));
                assert_eq!(has, expected == Some(facility), "{n} {facility:?}");
                assert_eq!(facility.can_be_needed_by(mtspr(n)), has, "{n} {facility:?}");
            }
        }
    }

    /// Instructions that are no access to a register, and the one facility that each needs.
    #[test]
    fn instructions() {
        for (word, needs) in [
            (0x7c00_051d, Some(Facility::Tm)),
            (0x7c03_075d, Some(Facility::Tm)),
            (0x7c00_07dd, Some(Facility::Tm)),
            (0x7c00_035c, Some(Facility::Bhrb)),
            (0x7c60_025c, Some(Facility::Bhrb)),
            (0x4c00_0924, Some(Facility::Ebb)),
            (0x4e80_0460, Some(Facility::Tar)),
            (0x4c00_02e4, Some(Facility::Stop)),
            (0x7c00_211c, Some(Facility::Msgp)),
            (0x4400_0001, Some(Facility::Scv)),
            (0x0600_0000, Some(Facility::Prefix)),
            // sc, nop, mfmsr, rfid, lwz
            (0x4400_0002, None),
            (0x6000_0000, None),
            (0x7c60_00a6, None),
            (0x4c00_0024, None),
            (0x8060_0000, None),
        ] {
            for facility in FACILITIES {
                assert_eq!(
                    facility.can_be_needed_by(Insn::word(word)),
                    needs == Some(facility),
                    "{word:#x} {facility:?}"
                );
            }
        }
        let prefixed = Insn::prefixed(0x0600_0000, 0x7c71_e3a6);
        for facility in FACILITIES {
            let prefix = facility == Facility::Prefix;
            assert_eq!(facility.can_be_needed_by(prefixed), prefix);
        }
    }

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
