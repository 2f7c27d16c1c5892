// SPDX-License-Identifier: GPL-2.0

//! The privilege state of a thread, which decides what the thread may access. It can be made only from an MSR.

use super::msr::Msr;
use super::spr::{Privilege, Spr};

/// The privilege state of a guest's thread, ISA Book III, "Machine State Register", HV and PR. A guest is in problem
/// state or in privileged non-hypervisor state, and never in hypervisor state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrivilegeState {
    problem: bool,
}

/// The result of `mfspr` or `mtspr`, ISA Book III, "Move To/From System Register Instructions".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SprAccess {
    /// The access is made.
    Permitted,
    /// It causes a privileged instruction type program interrupt.
    Privileged,
    /// The register does not exist, and nothing happens.
    NoOperation,
    /// The register does not exist, and the instruction is an illegal one: a hypervisor emulation assistance interrupt,
    /// or an illegal instruction type program interrupt.
    Illegal,
}

impl PrivilegeState {
    /// The state of a thread with this MSR.
    #[inline]
    pub const fn of(msr: Msr) -> Self {
        Self {
            problem: msr.contains(Msr::PR),
        }
    }

    /// MSR[PR] is 1.
    #[inline]
    pub const fn is_problem(self) -> bool {
        self.problem
    }

    /// May a thread in this state do what needs the privilege `least`?
    #[inline]
    pub const fn permits(self, least: Privilege) -> bool {
        match least {
            Privilege::Problem => true,
            Privilege::Privileged => !self.problem,
            Privilege::Hypervisor | Privilege::None => false,
        }
    }

    /// `mfspr` in this state.
    #[inline]
    pub const fn read(self, spr: Spr) -> SprAccess {
        self.access(spr, spr.read_privilege())
    }

    /// `mtspr` in this state.
    #[inline]
    pub const fn write(self, spr: Spr) -> SprAccess {
        self.access(spr, spr.write_privilege())
    }

    #[inline]
    const fn access(self, spr: Spr, least: Option<Privilege>) -> SprAccess {
        match least {
            Some(Privilege::None) | None => self.undefined(spr),
            Some(least) if self.permits(least) => SprAccess::Permitted,
            Some(_) => SprAccess::Privileged,
        }
    }

    /// The result of an access to a register that the processor does not have. In problem state, bit 0 of the number
    /// decides; in privileged state, all but four numbers are ignored.
    pub const fn undefined(self, spr: Spr) -> SprAccess {
        match (self.problem, spr.raw()) {
            (true, _) if spr.number_is_privileged() => SprAccess::Privileged,
            (true, _) | (false, 0 | 4 | 5 | 6) => SprAccess::Illegal,
            (false, _) => SprAccess::NoOperation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: PrivilegeState = PrivilegeState::of(Msr::PR);
    const PRIVILEGED: PrivilegeState = PrivilegeState::of(Msr::EMPTY);

    #[test]
    fn only_pr_counts() {
        let all = Msr::from_raw(u64::MAX);
        assert!(PrivilegeState::of(all).is_problem());
        assert!(!PrivilegeState::of(all.without(Msr::PR)).is_problem());
    }

    /// Every number, in both states, for both kinds of access.
    #[test]
    fn every_register() {
        for spr in (0..1024).map(Spr::from_raw) {
            let table = [
                (
                    spr.read_privilege(),
                    PROBLEM.read(spr),
                    PRIVILEGED.read(spr),
                ),
                (
                    spr.write_privilege(),
                    PROBLEM.write(spr),
                    PRIVILEGED.write(spr),
                ),
            ];
            let missing = match spr.raw() {
                0 | 4 | 5 | 6 => SprAccess::Illegal,
                _ => SprAccess::NoOperation,
            };
            let refused = match spr.raw() & 0x10 {
                0 => SprAccess::Illegal,
                _ => SprAccess::Privileged,
            };
            for (least, problem, privileged) in table {
                let expected = match least {
                    Some(Privilege::Problem) => (SprAccess::Permitted, SprAccess::Permitted),
                    Some(Privilege::Privileged) => (SprAccess::Privileged, SprAccess::Permitted),
                    Some(Privilege::Hypervisor) => (SprAccess::Privileged, SprAccess::Privileged),
                    Some(Privilege::None) | None => (refused, missing),
                };
                assert_eq!((problem, privileged), expected, "{spr:?}");
            }
        }
    }

    /// Registers that a program must never reach, by name: this test does not depend on the table of registers.
    #[test]
    fn registers_of_the_kernel() {
        for number in [
            17, 18, 19, 22, 26, 27, 28, 29, 48, 61, 152, 153, 157, 159, 176, 272, 273, 274, 275,
            795,
        ] {
            let spr = Spr::from_raw(number);
            assert_ne!(PROBLEM.read(spr), SprAccess::Permitted, "{spr:?}");
            assert_ne!(PROBLEM.write(spr), SprAccess::Permitted, "{spr:?}");
        }
    }
}
