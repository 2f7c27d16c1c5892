// SPDX-License-Identifier: GPL-2.0

//! Transactional memory instructions that POWER9 leaves to the hypervisor.
//!
//! POWER9 has no suspended state that outlives everything, so its hypervisor gets a softpatch interrupt (0x1500) for
//! each instruction that would enter or leave one in a way that the hardware has not: `rfid`, `rfebb`, `mtmsrd`,
//! `tsr.`, `treclaim.`, `trechkpt.`. [`emulate`] says what the instruction does to a guest whose checkpointed registers are
//! in the hypervisor's hands. Source: ISA 2.07 and 3.0B Book II, "Transactional Memory Facility", Book III, "Transaction
//! State Transitions"; POWER9 user manual, "Transactional Memory" (bit 31 of the instructions is ignored).

use crate::isa::fscr::{Facility, Fscr};
use crate::isa::insn::Insn;
use crate::isa::msr::{Msr, TransactionState};
use crate::isa::srr1::Srr1;
use crate::isa::transaction::{Bescr, Texasr};

/// A guest's registers at the softpatch interrupt.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// The instruction's address. (The interrupt saves the next one's.)
    pub nip: u64,
    /// MSR.
    pub msr: Msr,
    /// SRR0.
    pub srr0: u64,
    /// SRR1.
    pub srr1: u64,
    /// HFSCR.
    pub hfscr: Fscr,
    /// FSCR.
    pub fscr: Fscr,
    /// Whether PCR makes the processor an architecture 2.06 one or older in problem state.
    pub before_207: bool,
    /// BESCR.
    pub bescr: Bescr,
    /// EBBRR.
    pub ebbrr: u64,
    /// TEXASR.
    pub texasr: Texasr,
    /// TEXASR before the hypervisor reclaimed the transaction.
    pub texasr_before: Texasr,
    /// The GPR in the instruction's RS field (`mtmsrd`).
    pub rs: u64,
    /// The GPR in the instruction's RA field (`treclaim.`).
    pub ra: u64,
}

/// What becomes of the checkpointed registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checkpoint {
    /// Nothing.
    Keep,
    /// `treclaim.`: they become the thread's.
    Restore,
    /// `trechkpt.`: they are made from the thread's.
    Take,
}

/// What the instruction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// Address of the next instruction.
    pub nip: u64,
    /// MSR.
    pub msr: Msr,
    /// CFAR, if the instruction is a branch.
    pub cfar: Option<u64>,
    /// CR field 0, if it is set: 0 || TS || 0.
    pub cr0: Option<u8>,
    /// BESCR, if it is set.
    pub bescr: Option<Bescr>,
    /// TEXASR and TFIAR, if a failure is recorded.
    pub failure: Option<(Texasr, u64)>,
    /// The checkpointed registers. CR0 is set after they are restored, before they are taken it is not.
    pub checkpoint: Checkpoint,
}

/// What comes of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was executed.
    Done(Done),
    /// A program interrupt to the guest at the instruction, with this in SRR1.
    Program(Srr1),
    /// A facility unavailable interrupt to the guest's kernel: FSCR with its cause.
    Unavailable(Fscr),
    /// A hypervisor facility unavailable interrupt, as if it had come instead: HFSCR with its cause.
    HypervisorUnavailable(Fscr),
}

impl State {
    const fn unavailable(&self, facility: u64) -> Outcome {
        Outcome::Unavailable(self.fscr.with_cause(facility))
    }

    const fn hypervisor_unavailable(&self, facility: u64) -> Outcome {
        Outcome::HypervisorUnavailable(self.hfscr.with_cause(facility))
    }

    /// The transactional instructions' own checks: `HFSCR[TM]`, then `MSR[TM]`.
    const fn tm_check(&self) -> Option<Outcome> {
        if !self.hfscr.contains(Fscr::TM) {
            Some(self.hypervisor_unavailable(TM))
        } else if !self.msr.contains(Msr::TM) {
            Some(self.unavailable(TM))
        } else {
            None
        }
    }

    /// An instruction without effect but for MSR, going on after it.
    const fn next(&self, msr: Msr) -> Done {
        Done {
            nip: self.nip.wrapping_add(4),
            msr,
            cfar: None,
            cr0: None,
            bescr: None,
            failure: None,
            checkpoint: Checkpoint::Keep,
        }
    }

    /// The same, with CR0 saying the transaction state before.
    const fn next_cr0(&self, msr: Msr) -> Done {
        Done {
            cr0: Some((self.msr.ts() << 1) as u8),
            ..self.next(msr)
        }
    }

    /// A branch to `target`.
    const fn branch(&self, target: u64, msr: Msr) -> Done {
        Done {
            nip: target & !3,
            cfar: Some(self.nip),
            ..self.next(msr)
        }
    }

    /// TEXASR and TFIAR for a failure recorded by `treclaim.` with this code.
    const fn failure(&self, code: u64) -> (Texasr, u64) {
        let suspended = matches!(self.msr.transaction_state(), TransactionState::Suspended);
        let problem = self.msr.contains(Msr::PR);
        // The rollback-only bit and nesting level stay.
        let kept = Texasr::from_raw(self.texasr.raw() & 0x3ff_ffff);
        let texasr = kept
            .with_code(code)
            .with(Texasr::ABORT)
            .with(Texasr::FS)
            .with(Texasr::EXACT)
            .set(Texasr::SUSPENDED, suspended)
            .set(Texasr::PR, problem);
        (texasr, (self.nip & !3) | problem as u64)
    }
}

/// `FSCR[IC]` and `HFSCR[IC]` of transactional memory and event-based branches, [`Facility`].
const TM: u64 = 5;
const EBB: u64 = 7;
const _: () = assert!(matches!(
    Fscr::EMPTY.with_cause(TM).facility(),
    Facility::Tm
));
const _: () = assert!(matches!(
    Fscr::EMPTY.with_cause(EBB).facility(),
    Facility::Ebb
));

/// Executes the instruction of a softpatch interrupt. One that is none of those is an illegal instruction.
pub const fn emulate(insn: Insn, state: &State) -> Outcome {
    let illegal = Outcome::Program(Srr1::PROG_ILL);
    let bad_thing = Outcome::Program(Srr1::PROG_TM);
    if insn.prefix().is_some() {
        return illegal;
    }
    let transaction = state.msr.transaction_state();
    let none = matches!(transaction, TransactionState::None);
    match (insn.po(), insn.xo()) {
        // rfid
        (19, 18) => Outcome::Done(state.branch(state.srr0, state.msr.after_rfid(state.srr1))),
        // rfebb
        (19, 146) => {
            if state.msr.contains(Msr::PR) && state.before_207 {
                return illegal;
            }
            if !state.hfscr.contains(Fscr::EBB) {
                return state.hypervisor_unavailable(EBB);
            }
            if state.msr.contains(Msr::PR) && !state.fscr.contains(Fscr::EBB) {
                return state.unavailable(EBB);
            }
            let enable = insn.raw() & (1 << 11) != 0;
            let msr = state.msr.with_ts(state.bescr.ts());
            Outcome::Done(Done {
                bescr: Some(state.bescr.set(Bescr::GE, enable)),
                ..state.branch(state.ebbrr, msr)
            })
        }
        // mtmsrd
        (31, 178) => Outcome::Done(state.next(if insn.l15() {
            state.msr.after_mtmsrd_l(state.rs)
        } else {
            state.msr.after_mtmsrd(state.rs)
        })),
        // tsr.: tresume. with L, tsuspend. without
        (31, 750) => {
            if state.msr.contains(Msr::PR) && state.before_207 {
                return illegal;
            }
            if let Some(outcome) = state.tm_check() {
                return outcome;
            }
            let resume = insn.raw() & (1 << 21) != 0;
            let ts = match (transaction, resume) {
                (TransactionState::Suspended, true) => Msr::TS_T,
                (TransactionState::Transactional, false) => Msr::TS_S,
                _ => state.msr.masked(Msr::TS),
            };
            Outcome::Done(state.next_cr0(state.msr.replaced(Msr::TS, ts)))
        }
        // treclaim.
        (31, 942) => {
            if let Some(outcome) = state.tm_check() {
                return outcome;
            }
            if none {
                return bad_thing;
            }
            let code = if insn.ra() == 0 { 0 } else { state.ra & 0xff };
            let failure = if state.texasr_before.contains(Texasr::FS) {
                None
            } else {
                Some(state.failure(code))
            };
            Outcome::Done(Done {
                failure,
                checkpoint: Checkpoint::Restore,
                ..state.next_cr0(state.msr.without(Msr::TS))
            })
        }
        // trechkpt.
        (31, 1006) => {
            if let Some(outcome) = state.tm_check() {
                return outcome;
            }
            if !none || !state.texasr.contains(Texasr::FS) {
                return bad_thing;
            }
            Outcome::Done(Done {
                checkpoint: Checkpoint::Take,
                ..state.next_cr0(state.msr.with(Msr::TS_S))
            })
        }
        _ => illegal,
    }
}

/// What a thread whose transaction failed while it was transactional resumes with: the checkpointed registers, then
/// MSR without a transaction, the address of the failure handler and CR0 = 0b1010 (ISA Book II, "Transaction Failure").
pub const fn rollback(msr: Msr, tfhar: u64) -> Done {
    Done {
        nip: tfhar,
        msr: msr.without(Msr::TS),
        cfar: None,
        cr0: Some(0b1010),
        bescr: None,
        failure: None,
        checkpoint: Checkpoint::Restore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFID: u32 = 0x4c00_0024;
    const RFEBB_1: u32 = 0x4c00_0924;
    const MTMSRD_R3: u32 = 0x7c60_0164;
    const TSUSPEND: u32 = 0x7c00_05dd;
    const TRESUME: u32 = 0x7c20_05dd;
    const TRECLAIM_R3: u32 = 0x7c03_075d;
    const TRECHKPT: u32 = 0x7c00_07dd;

    fn state(ts: u64) -> State {
        State {
            nip: 0x1000,
            msr: (Msr::SF | Msr::ME | Msr::TM | Msr::LE).with_ts(ts),
            srr0: 0x2003,
            srr1: (Msr::SF | Msr::TM | Msr::TS_T | Msr::PR).raw(),
            hfscr: Fscr::TM | Fscr::EBB,
            fscr: Fscr::EBB,
            before_207: false,
            bescr: Bescr::EMPTY.with_ts(2),
            ebbrr: 0x3000,
            texasr: Texasr::ROT.with_level(3),
            texasr_before: Texasr::EMPTY,
            rs: (Msr::SF | Msr::TM | Msr::TS_T).raw(),
            ra: 0x1ab,
        }
    }

    fn done(word: u32, state: &State) -> Done {
        match emulate(Insn::word(word), state) {
            Outcome::Done(done) => done,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn returns() {
        let rfid = done(RFID, &state(1));
        assert_eq!((rfid.nip, rfid.cfar), (0x2000, Some(0x1000)));
        assert_eq!(
            rfid.msr.transaction_state(),
            TransactionState::Transactional
        );
        assert!(rfid.msr.contains(Msr::PR | Msr::EE | Msr::ME));

        let rfebb = done(RFEBB_1, &state(1));
        assert_eq!((rfebb.nip, rfebb.cfar), (0x3000, Some(0x1000)));
        assert_eq!(rfebb.msr.ts(), 2);
        assert!(rfebb.bescr.unwrap().contains(Bescr::GE));
        assert_eq!(rfebb.bescr.unwrap().ts(), 2);

        let mtmsrd = done(MTMSRD_R3, &state(1));
        assert_eq!(mtmsrd.nip, 0x1004);
        assert!(mtmsrd.msr.contains(Msr::TS_T | Msr::TM | Msr::ME | Msr::LE));
    }

    #[test]
    fn suspend_and_resume() {
        // (instruction, TS before, TS after)
        for (word, before, after) in [
            (TSUSPEND, 2, 1),
            (TSUSPEND, 1, 1),
            (TSUSPEND, 0, 0),
            (TRESUME, 1, 2),
            (TRESUME, 2, 2),
            (TRESUME, 0, 0),
        ] {
            // With and without bit 31.
            for word in [word, word & !1] {
                let done = done(word, &state(before));
                assert_eq!(done.msr, state(after).msr);
                assert_eq!(done.cr0, Some((before as u8) << 1));
                assert_eq!((done.nip, done.checkpoint), (0x1004, Checkpoint::Keep));
            }
        }
    }

    #[test]
    fn reclaim() {
        let reclaimed = done(TRECLAIM_R3, &state(1));
        assert_eq!(reclaimed.checkpoint, Checkpoint::Restore);
        assert_eq!(reclaimed.cr0, Some(0b0010));
        assert_eq!(reclaimed.msr.ts(), 0);
        let (texasr, tfiar) = reclaimed.failure.unwrap();
        assert_eq!(tfiar, 0x1000);
        assert_eq!(texasr.code(), 0xab);
        assert_eq!(texasr.level(), 3);
        assert!(texasr.contains(
            Texasr::FS | Texasr::ABORT | Texasr::EXACT | Texasr::SUSPENDED | Texasr::ROT
        ));
        // One that is recorded stays; RA=0 is code 0; nothing to reclaim is a bad thing.
        let recorded = State {
            texasr_before: Texasr::FS,
            ..state(2)
        };
        assert_eq!(done(TRECLAIM_R3, &recorded).failure, None);
        let (texasr, _) = done(TRECLAIM_R3 & !(31 << 16), &state(2)).failure.unwrap();
        assert_eq!(texasr.code(), 0);
        assert!(!texasr.intersects(Texasr::SUSPENDED));
        assert_eq!(
            emulate(Insn::word(TRECLAIM_R3), &state(0)),
            Outcome::Program(Srr1::PROG_TM)
        );
    }

    #[test]
    fn recheckpoint() {
        let bad = Outcome::Program(Srr1::PROG_TM);
        assert_eq!(emulate(Insn::word(TRECHKPT), &state(0)), bad);
        let failed = |ts| State {
            texasr: Texasr::FS,
            ..state(ts)
        };
        for ts in [1, 2] {
            assert_eq!(emulate(Insn::word(TRECHKPT), &failed(ts)), bad);
        }
        let taken = done(TRECHKPT, &failed(0));
        assert_eq!(taken.checkpoint, Checkpoint::Take);
        assert_eq!((taken.cr0, taken.msr.ts()), (Some(0), 1));
    }

    #[test]
    fn facilities() {
        for word in [TSUSPEND, TRECLAIM_R3, TRECHKPT] {
            let no_hfscr = State {
                hfscr: Fscr::EBB,
                ..state(1)
            };
            assert_eq!(
                emulate(Insn::word(word), &no_hfscr),
                Outcome::HypervisorUnavailable(Fscr::EBB.with_cause(5))
            );
            let no_msr = State {
                msr: state(1).msr.without(Msr::TM),
                ..state(1)
            };
            assert_eq!(
                emulate(Insn::word(word), &no_msr),
                Outcome::Unavailable(Fscr::EBB.with_cause(5))
            );
        }
        let problem = State {
            msr: state(1).msr | Msr::PR,
            ..state(1)
        };
        let old = State {
            before_207: true,
            ..problem
        };
        for word in [TSUSPEND, RFEBB_1] {
            assert_eq!(
                emulate(Insn::word(word), &old),
                Outcome::Program(Srr1::PROG_ILL)
            );
        }
        let no_ebb = State {
            fscr: Fscr::EMPTY,
            ..problem
        };
        assert_eq!(
            emulate(Insn::word(RFEBB_1), &no_ebb),
            Outcome::Unavailable(Fscr::EMPTY.with_cause(7))
        );
    }

    #[test]
    fn rolled_back() {
        let back = rollback(state(2).msr, 0x4000);
        assert_eq!((back.nip, back.cr0), (0x4000, Some(0b1010)));
        assert_eq!(back.msr, state(0).msr);
        // add, and a prefix.
        let illegal = Outcome::Program(Srr1::PROG_ILL);
        assert_eq!(emulate(Insn::word(0x7c63_2214), &state(1)), illegal);
        let prefixed = Insn::prefixed(0x0600_0000, RFID);
        assert_eq!(emulate(prefixed, &state(1)), illegal);
    }
}
