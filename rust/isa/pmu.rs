// SPDX-License-Identifier: GPL-2.0

//! The performance monitor's two counters of fixed events: PMC5 counts instructions completed, PMC6 cycles. ISA 2.07
//! and 3.0B Book III, "Performance Monitor Facility".

use super::msr::Msr;

register! {
    /// Monitor mode control register 0.
    Mmcr0 {
        /// All counters are frozen.
        FC = 32,
        /// Counters are frozen in privileged state.
        FCS = 33,
        /// Counters are frozen in problem state.
        FCP = 34,
        /// A counter that becomes negative raises an alert.
        PMAE = 37,
        /// An alert freezes the counters.
        FCECE = 38,
        /// PMC2 to PMC6 raise alerts.
        PMCJCE = 49,
        /// Problem state may not read PMC5 and PMC6 when `pmcc` is 0 (ISA 3.1).
        PMCCEXT = 54,
        /// An alert has occurred: there is a performance monitor exception.
        PMAO = 56,
        /// PMC5 and PMC6 are frozen.
        FC56 = 59,
    }
    fields {
        /// Control of the counters by problem state; 3 takes PMC5 and PMC6 out of the performance monitor.
        pmcc / with_pmcc = 44..45,
    }
}

register! {
    /// Monitor mode control register A.
    Mmcra {
        /// The branch history rolling buffer records nothing (ISA 3.1).
        BHRBRD = 26,
    }
}

/// The two counters, each of 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// PMC5: instructions.
    pub pmc5: u32,
    /// PMC6: cycles.
    pub pmc6: u32,
}

/// A counter is negative: its first bit is set.
const NEGATIVE: u32 = 1 << 31;

/// Whether MMCR2 freezes counter `n` (1 to 6) in the state that `msr` names. The first two of the counter's nine bits
/// say so.
const fn frozen_by_mmcr2(mmcr2: u64, n: u32, msr: Msr) -> bool {
    let bit = 9 * (n - 1) + msr.contains(Msr::PR) as u32;
    mmcr2 >> (63 - bit) & 1 != 0
}

/// Whether anything counts while the guest runs in the state that `msr` names.
#[inline]
pub const fn counts(mmcr0: Mmcr0, msr: Msr) -> bool {
    let frozen = if msr.contains(Msr::PR) {
        Mmcr0::FCP
    } else {
        Mmcr0::FCS
    };
    !mmcr0.intersects(Mmcr0::FC.with(Mmcr0::FC56).with(frozen))
}

impl Counters {
    /// Adds what happened while the guest ran in the state that `msr` names, in which [`counts`] is true.
    pub const fn count(self, mmcr2: u64, msr: Msr, by: Self) -> Self {
        let mut new = self;
        if !frozen_by_mmcr2(mmcr2, 5, msr) {
            new.pmc5 = new.pmc5.wrapping_add(by.pmc5);
        }
        if !frozen_by_mmcr2(mmcr2, 6, msr) {
            new.pmc6 = new.pmc6.wrapping_add(by.pmc6);
        }
        new
    }

    /// MMCR0 as it is after an alert, if the counters raise one.
    pub const fn alert(self, mmcr0: Mmcr0) -> Option<Mmcr0> {
        let enabled = Mmcr0::PMAE.with(Mmcr0::PMCJCE);
        let negative = (self.pmc5 | self.pmc6) & NEGATIVE != 0;
        if !negative || !mmcr0.contains(enabled) || mmcr0.pmcc() == 3 {
            return None;
        }
        let frozen = mmcr0.contains(Mmcr0::FCECE) || mmcr0.contains(Mmcr0::FC);
        Some(
            mmcr0
                .without(Mmcr0::PMAE)
                .with(Mmcr0::PMAO)
                .set(Mmcr0::FC, frozen),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Counters = Counters { pmc5: 3, pmc6: 7 };

    #[test]
    fn what_freezes() {
        let (kernel, user) = (Msr::EMPTY, Msr::PR);
        for (mmcr0, in_kernel, in_user) in [
            (Mmcr0::EMPTY, true, true),
            (Mmcr0::FC, false, false),
            (Mmcr0::FC56, false, false),
            (Mmcr0::FCS, false, true),
            (Mmcr0::FCP, true, false),
            (Mmcr0::PMAE | Mmcr0::PMCJCE, true, true),
        ] {
            assert_eq!(counts(mmcr0, kernel), in_kernel, "{mmcr0:?}");
            assert_eq!(counts(mmcr0, user), in_user, "{mmcr0:?}");
        }
    }

    #[test]
    fn mmcr2_freezes_one_in_one_state() {
        // Linux has MMCR2_FCS(pmc) at bit 9 * (pmc - 1) from the left, and MMCR2_FCP(pmc) behind it.
        for (mmcr2, msr, left) in [
            (1 << (63 - 36), Msr::EMPTY, Counters { pmc5: 0, pmc6: 7 }),
            (1 << (63 - 36), Msr::PR, BOTH),
            (1 << (63 - 37), Msr::PR, Counters { pmc5: 0, pmc6: 7 }),
            (1 << (63 - 45), Msr::EMPTY, Counters { pmc5: 3, pmc6: 0 }),
            (1 << (63 - 46), Msr::PR, Counters { pmc5: 3, pmc6: 0 }),
            (1 << (63 - 46), Msr::EMPTY, BOTH),
        ] {
            assert_eq!(Counters::default().count(mmcr2, msr, BOTH), left);
        }
    }

    #[test]
    fn alerts() {
        let on = Mmcr0::PMAE | Mmcr0::PMCJCE;
        let over = Counters {
            pmc5: 1 << 31,
            pmc6: 0,
        };
        assert_eq!(BOTH.alert(on), None);
        assert_eq!(over.alert(on), Some(Mmcr0::PMAO | Mmcr0::PMCJCE));
        assert_eq!(over.alert(Mmcr0::PMAE), None);
        assert_eq!(over.alert(Mmcr0::PMCJCE), None);
        assert_eq!(over.alert(on.with_pmcc(3)), None);
        let frozen = over.alert(on | Mmcr0::FCECE);
        assert_eq!(
            frozen,
            Some(Mmcr0::PMAO | Mmcr0::PMCJCE | Mmcr0::FCECE | Mmcr0::FC)
        );
    }
}
