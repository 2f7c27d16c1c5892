// SPDX-License-Identifier: GPL-2.0

//! What is known about the instruction that caused an interrupt, for guests that run in problem state.
//!
//! The processor does not say which instruction it was, so the instruction is loaded from storage after the interrupt.
//! Another processor may have replaced it meanwhile. Therefore it is emulated only if it can have caused the interrupt,
//! and only with the privilege that the thread had.

use super::privileged::{decode, is_system_call, of_registers, Privileged};
use crate::isa::fscr::Facility;
use crate::isa::insn::Insn;
use crate::isa::msr::Msr;
use crate::isa::privilege::PrivilegeState;
use crate::isa::spr::Privilege;

/// Why the processor did not execute an instruction in problem state.
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
    /// The decoded instruction, if it had to be decoded.
    what: Option<Privileged>,
}

impl Trapped {
    /// An interrupt with this cause, taken by a thread whose guest MSR was `msr`.
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

    /// The instruction that caused the interrupt, if `fetched` can be that instruction. If not, the thread has to go on
    /// with executing what is in storage now.
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

    /// A quicker form of [`instruction`](Self::instruction) that knows only `rfid` and accesses to MSR and to
    /// privileged SPRs; `None` for all other instructions.
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

/// Is it known that the processor does not execute the instruction in problem state?
#[inline]
const fn is_refused(what: &Privileged) -> bool {
    match what {
        Privileged::ReservedHypercall => true,
        // No privilege suffices for a register that does not exist.
        what => !matches!(what.privilege(), Some(Privilege::Problem)),
    }
}

impl Executing {
    /// The instruction that the thread executes next, with this MSR. There was no interrupt.
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

    /// The decoded instruction, if problem state may not execute it or if it calls a more privileged state.
    #[inline]
    pub const fn privileged(self) -> Option<Privileged> {
        match self.what {
            Some(what) => Some(what),
            None => decode(self.insn),
        }
    }

    /// The privilege state of the thread that executes it.
    #[inline]
    pub const fn state(self) -> PrivilegeState {
        self.state
    }
}

/// The last instruction that was fetched and could not have caused the interrupt, and how often in a row.
///
/// The thread then executes what is in storage. If the same happens again and again, no other processor is storing
/// there: the processor has an instruction that is not known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubt {
    nip: u64,
    insn: Insn,
    times: u8,
}

impl Doubt {
    /// No such instruction yet.
    pub const NONE: Self = Self {
        nip: 0,
        insn: Insn::word(0),
        times: 0,
    };

    /// After this many times in a row it is no coincidence.
    const INSISTS: u8 = 64;

    /// Notes that `insn` at `nip` could not have caused the interrupt. Returns whether that has happened so often in a
    /// row that the instruction is to be believed.
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

    /// Forgets the instruction, because something else has happened in between.
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
        // Counting starts anew after the instruction was believed, at another address, and with another instruction.
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
        // The decoded instruction does not depend on the privilege state, and that state is kept.
        assert_eq!(privileged.is_some(), problem.is_some(), "{insn:?}");
        if let (Some(privileged), Some(problem)) = (privileged, problem) {
            assert_eq!((privileged.insn(), problem.insn()), (insn, insn));
            assert!(!privileged.state().is_problem() && problem.state().is_problem());
        }
        privileged.is_some()
    }

    /// After a facility unavailable interrupt only the registers of the facility can be accessed, and by a program only
    /// those that problem state may access.
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

    /// A program cannot write registers that problem state may not write, whatever caused the interrupt: here SPRG1,
    /// SRR0, FSCR and DEC take the place of DSCR.
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
        // sc, scv, nop, lwz, blr, and words that are no instructions
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

    /// The quick form accepts only what `instruction` accepts, and all accesses to registers that a kernel uses.
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
