// SPDX-License-Identifier: GPL-2.0

//! What an interrupt says of the instruction that caused it, for guests that run in problem state.
//!
//! The processor does not say which instruction it was: that is loaded from storage after the interrupt. Another
//! processor may have stored there meanwhile, so what is loaded is executed only if it can be what caused the
//! interrupt, and by the right of the state that the thread was in.

use super::privileged::{decode, is_system_call, of_registers, Privileged};
use crate::isa::fscr::Facility;
use crate::isa::insn::Insn;
use crate::isa::msr::Msr;
use crate::isa::privilege::PrivilegeState;
use crate::isa::spr::Privilege;

/// Why the processor, in problem state, did not execute an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A program interrupt of the privileged or of the illegal instruction type, or hypervisor emulation assistance.
    Refused,
    /// A facility unavailable interrupt with this cause.
    Unavailable(Facility),
    /// A system call interrupt.
    SystemCall,
}

/// An interrupt that an instruction caused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trapped {
    state: PrivilegeState,
    cause: Cause,
}

/// An instruction, and the state of the thread that executes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Executing {
    insn: Insn,
    state: PrivilegeState,
    /// What it is, where that had to be found out.
    what: Option<Privileged>,
}

impl Trapped {
    /// An interrupt with this cause, of a thread whose own MSR was `msr`.
    #[inline]
    pub const fn new(msr: Msr, cause: Cause) -> Self {
        Self {
            state: PrivilegeState::of(msr),
            cause,
        }
    }

    /// The thread's state.
    #[inline]
    pub const fn state(self) -> PrivilegeState {
        self.state
    }

    /// The instruction that caused the interrupt, if `fetched` can be that. If not, the thread has to execute what is
    /// there now.
    #[inline(always)]
    pub const fn instruction(self, fetched: Insn) -> Option<Executing> {
        let (can_be, what) = match self.cause {
            Cause::Refused => match decode(fetched) {
                Some(what) => (is_refused(&what), Some(what)),
                None => (false, None),
            },
            Cause::Unavailable(facility) => (facility.can_be_needed_by(fetched), None),
            Cause::SystemCall => (is_system_call(fetched), None),
        };
        match can_be {
            true => Some(self.executing(fetched, what)),
            false => None,
        }
    }

    /// The same for those that read or write a privileged register, MSR or SPR, and `rfid`; `None` for all others.
    /// Quicker.
    #[inline]
    pub const fn register_instruction(self, fetched: Insn) -> Option<Executing> {
        if !matches!(self.cause, Cause::Refused) || !of_registers(fetched) {
            return None;
        }
        let refused = match (fetched.po(), fetched.xo()) {
            (31, 339 | 371 | 467) => fetched.spr().number_is_privileged(),
            _ => true,
        };
        match refused {
            true => Some(self.executing(fetched, None)),
            false => None,
        }
    }

    #[inline]
    const fn executing(self, insn: Insn, what: Option<Privileged>) -> Executing {
        Executing {
            insn,
            state: self.state,
            what,
        }
    }
}

/// Does problem state not execute an instruction, as far as that is known?
#[inline]
const fn is_refused(what: &Privileged) -> bool {
    match what {
        Privileged::ReservedHypercall => true,
        // No privilege: there is no such register.
        what => !matches!(what.privilege(), Some(Privilege::Problem)),
    }
}

impl Executing {
    /// An instruction that lies where the thread executes, and that it comes to with this MSR. There was no interrupt.
    #[inline]
    pub const fn next(insn: Insn, msr: Msr) -> Self {
        Self {
            insn,
            state: PrivilegeState::of(msr),
            what: None,
        }
    }

    /// The instruction.
    #[inline]
    pub const fn insn(self) -> Insn {
        self.insn
    }

    /// What it is, if it is one that problem state may not execute or that calls a more privileged state.
    #[inline]
    pub const fn privileged(self) -> Option<Privileged> {
        match self.what {
            Some(what) => Some(what),
            None => decode(self.insn),
        }
    }

    /// Who executes it.
    #[inline]
    pub const fn state(self) -> PrivilegeState {
        self.state
    }
}

/// What was fetched the last time that it could not have caused the interrupt.
///
/// The thread executes what is there now. If the same comes again and again, nobody stores there: the processor has an
/// instruction that is not known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubt {
    nip: u64,
    insn: Insn,
    times: u8,
}

impl Doubt {
    /// There was none.
    pub const NONE: Self = Self {
        nip: 0,
        insn: Insn::word(0),
        times: 0,
    };

    /// So often in a row is no coincidence.
    const INSISTS: u8 = 64;

    /// There it is, once more. Does the processor insist on it?
    pub fn insists(&mut self, nip: u64, insn: Insn) -> bool {
        let before = match self.nip == nip && self.insn == insn {
            true => self.times,
            false => 0,
        };
        *self = Self {
            nip,
            insn,
            times: before.saturating_add(1),
        };
        if self.times < Self::INSISTS {
            return false;
        }
        self.times = 0;
        true
    }

    /// Something else came between.
    #[inline]
    pub const fn dispel(&mut self) {
        self.times = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::spr::Spr;

    #[test]
    fn doubts() {
        let (nop, lwz) = (Insn::word(0x6000_0000), Insn::word(0x8060_0000));
        let mut doubt = Doubt::NONE;
        let mut insists = |n: usize, nip, insn| (0..n).any(|_| doubt.insists(nip, insn));
        assert!(!insists(63, 0x100, nop));
        assert!(insists(1, 0x100, nop));
        // Once it was believed it starts anew; so it does at another place, and with another instruction.
        assert!(!insists(63, 0x100, nop));
        assert!(!insists(63, 0x104, nop));
        assert!(!insists(63, 0x104, lwz));
        assert!(!insists(63, 0x104, nop));
        doubt.dispel();
        assert!(!(0..63).any(|_| doubt.insists(0x104, nop)));
        assert!(doubt.insists(0x104, nop));
        assert!(!(0..99).any(|_| Doubt::NONE.clone().insists(0, Insn::word(0))));
    }

    const STATES: [Msr; 2] = [Msr::EMPTY, Msr::PR];

    fn spr_word(xo: u32, n: u32) -> Insn {
        Insn::word(31 << 26 | 3 << 21 | (n & 31) << 16 | (n >> 5) << 11 | xo << 1)
    }

    fn admits(cause: Cause, insn: Insn) -> bool {
        let [privileged, problem] = STATES.map(|msr| Trapped::new(msr, cause).instruction(insn));
        // What it was does not depend on who it was, and who it was is kept.
        assert_eq!(privileged.is_some(), problem.is_some(), "{insn:?}");
        if let (Some(privileged), Some(problem)) = (privileged, problem) {
            assert_eq!((privileged.insn(), problem.insn()), (insn, insn));
            assert!(!privileged.state().is_problem() && problem.state().is_problem());
        }
        privileged.is_some()
    }

    /// After a facility unavailable interrupt, of all registers only the facility's are accessed, and by a program none
    /// that its state does not reach.
    #[test]
    fn facility_registers() {
        for cause in 0..=255 {
            let facility = crate::isa::fscr::Fscr::EMPTY.with_cause(cause).facility();
            let known = !matches!(
                facility,
                Facility::Fp | Facility::VecVsx | Facility::Unknown(_)
            );
            for n in (0..1024).filter(|_| known) {
                let spr = Spr::from_raw(n as u16);
                for xo in [339, 467] {
                    let word = spr_word(xo, n);
                    let trapped = Trapped::new(Msr::PR, Cause::Unavailable(facility));
                    let Some(executing) = trapped.instruction(word) else {
                        continue;
                    };
                    assert!(facility.has_register(spr), "{facility:?} {spr:?}");
                    let reached = executing.state().permits(Privilege::Problem)
                        && spr.read_privilege() == Some(Privilege::Problem);
                    assert!(reached || facility == Facility::Msgp, "{spr:?}");
                }
            }
        }
    }

    /// What the state of a program may not write it does not write, whatever caused the interrupt: SPRG1, SRR0, FSCR,
    /// DEC in the place of DSCR.
    #[test]
    fn what_took_its_place() {
        let dscr = Cause::Unavailable(Facility::Dscr);
        assert!(admits(dscr, spr_word(467, 3)) && admits(dscr, spr_word(339, 3)));
        for n in [273, 26, 153, 22, 17, 815, 806, 8] {
            assert!(!admits(dscr, spr_word(467, n)), "{n}");
            assert!(!admits(dscr, spr_word(339, n)), "{n}");
        }
        for word in [
            0x7c60_0124,
            0x4c00_0024,
            0x7c60_00a6,
            0x6000_0000,
            0x4400_0002,
        ] {
            assert!(!admits(dscr, Insn::word(word)), "{word:#x}");
        }
    }

    #[test]
    fn refused() {
        // mfmsr, mtmsrd, rfid, slbmte, tlbie, the reserved hypercall, stop
        for word in [
            0x7c60_00a6,
            0x7c61_0164,
            0x4c00_0024,
            0x7c60_2324,
            0x7c00_1a64,
            0x7c00_0268,
            0x4c00_02e4,
        ] {
            assert!(admits(Cause::Refused, Insn::word(word)), "{word:#x}");
        }
        // sc, scv, nop, lwz, blr, and words that are nothing at all
        for word in [
            0x4400_0002,
            0x4400_0001,
            0x6000_0000,
            0x8060_0000,
            0x4e80_0020,
            0,
            u32::MAX,
        ] {
            assert!(!admits(Cause::Refused, Insn::word(word)), "{word:#x}");
        }
        for n in 0..1024 {
            let spr = Spr::from_raw(n as u16);
            for (xo, least) in [(339, spr.read_privilege()), (467, spr.write_privilege())] {
                let executed = least == Some(Privilege::Problem);
                assert_eq!(
                    admits(Cause::Refused, spr_word(xo, n)),
                    !executed,
                    "{spr:?}"
                );
            }
        }
    }

    /// The quick way admits nothing else, and everything that a kernel has a register for.
    #[test]
    fn register_instructions() {
        let low = (0..1 << 11).flat_map(|low| [19 << 26 | low, 31 << 26 | low]);
        let registers = (0..1024).flat_map(|n| [339, 371, 467].map(|xo| spr_word(xo, n).raw()));
        for word in low.chain(registers).map(Insn::word) {
            for cause in [
                Cause::Refused,
                Cause::SystemCall,
                Cause::Unavailable(Facility::Tar),
            ] {
                let trapped = Trapped::new(Msr::EMPTY, cause);
                let quick = trapped.register_instruction(word);
                if let Some(quick) = quick {
                    let same = trapped.instruction(word).map(|e| (e.insn(), e.state()));
                    assert_eq!(Some((quick.insn(), quick.state())), same, "{word:?}");
                }
                let least = decode(word).and_then(Privileged::privilege);
                let privileged =
                    matches!(least, Some(Privilege::Privileged | Privilege::Hypervisor));
                if cause == Cause::Refused && of_registers(word) && privileged {
                    assert!(quick.is_some(), "{word:?}");
                }
            }
        }
    }

    #[test]
    fn system_calls() {
        assert!(admits(Cause::SystemCall, Insn::word(0x4400_0002)));
        assert!(admits(Cause::SystemCall, Insn::word(0x4400_0022)));
        for word in [0x4400_0001, 0x6000_0000, 0x7c00_0268, 0x4c00_0024] {
            assert!(!admits(Cause::SystemCall, Insn::word(word)), "{word:#x}");
        }
    }
}
