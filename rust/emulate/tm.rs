// SPDX-License-Identifier: GPL-2.0

//! Transactional memory in which each transaction fails as soon as it begins, with a persistent,
//! implementation-specific cause. The architecture permits that, and programs must have another way without
//! transactions.
//!
//! So no thread is ever in transactional state. A thread is in suspended state only after `trechkpt.`, with a
//! transaction that has failed. When it would become transactional again, it goes to the failure handler. Source: ISA
//! 2.07 Book II, "Transactional Memory Facility", Book III-S, "Transactional Memory".

use crate::isa::insn::Insn;
use crate::isa::msr::{Msr, TransactionState};
use crate::isa::transaction::Texasr;

/// A thread's registers before an instruction of transactional memory.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// The instruction's address.
    pub nip: u64,
    /// MSR.
    pub msr: Msr,
    /// TEXASR.
    pub texasr: Texasr,
    /// The GPR in the instruction's RA field (`treclaim.`).
    pub ra: u64,
}

/// What an instruction does with the checkpointed registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checkpoint {
    /// They do not change.
    Keep,
    /// They are copied to the thread's registers.
    Restore,
    /// The thread's registers are copied to them.
    Take,
}

/// The effects of an instruction. The thread goes on with the next instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// The new MSR. If that is in transactional state, the thread goes on at the failure handler instead, outside of a
    /// transaction, with the checkpointed registers and with [`FAILED`] in CR0.
    pub msr: Msr,
    /// A field of CR and its new value. It is set after the checkpointed registers are restored or taken, so that it is
    /// not part of what is taken.
    pub cr: (u8, u8),
    /// TFHAR, if a transaction began.
    pub tfhar: Option<u64>,
    /// TEXASR and TFIAR, if a failure is recorded.
    pub failure: Option<(Texasr, u64)>,
    /// The checkpointed registers.
    pub checkpoint: Checkpoint,
}

/// The result of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was executed.
    Done(Done),
    /// A transactional memory "bad thing" program interrupt.
    BadThing,
    /// It is not an instruction of transactional memory.
    Other,
}

/// The value of CR0 at the failure handler.
pub const FAILED: u8 = 0b1010;

impl State {
    /// A field of CR as most of the instructions set it, to the transaction state before the instruction.
    const fn cr(&self, field: u8) -> (u8, u8) {
        (field, (self.msr.ts() << 1) as u8)
    }

    /// The effects of an instruction that changes only MSR and CR0.
    const fn next(&self, msr: Msr) -> Done {
        Done {
            msr,
            cr: self.cr(0),
            tfhar: None,
            failure: None,
            checkpoint: Checkpoint::Keep,
        }
    }

    /// TEXASR and TFIAR for a failure at this instruction. TEXASR has the bits of `why` too.
    const fn failure(&self, why: Texasr) -> (Texasr, u64) {
        let suspended = matches!(self.msr.transaction_state(), TransactionState::Suspended);
        let problem = self.msr.contains(Msr::PR);
        let texasr = why
            .with(Texasr::FS)
            .with(Texasr::EXACT)
            .set(Texasr::SUSPENDED, suspended)
            .set(Texasr::PR, problem);
        (texasr, self.nip & !3 | problem as u64)
    }

    const fn begin(&self, insn: Insn) -> Done {
        let why = Texasr::PERSISTENT
            .with(Texasr::IMPLEMENTATION)
            .set(Texasr::ROT, insn.raw() & 1 << 21 != 0)
            .with_level(1);
        Done {
            cr: (0, FAILED),
            tfhar: Some(self.nip.wrapping_add(4)),
            failure: Some(self.failure(why)),
            ..self.next(self.msr)
        }
    }

    const fn reclaim(&self, insn: Insn) -> Done {
        let code = match insn.ra() {
            0 => 0,
            _ => self.ra & 0xff,
        };
        // The rollback-only bit and the nesting level are kept.
        let kept = Texasr::ROT.raw() | Texasr::EMPTY.with_level(0xfff).raw();
        let why = Texasr::from_raw(self.texasr.raw() & kept)
            .with_code(code)
            .with(Texasr::ABORT);
        Done {
            failure: match self.texasr.contains(Texasr::FS) {
                true => None,
                false => Some(self.failure(why)),
            },
            checkpoint: Checkpoint::Restore,
            ..self.next(self.msr.without(Msr::TS))
        }
    }
}

/// Executes an instruction. `MSR[TM]` is 1, and the thread in privileged state for `treclaim.` and `trechkpt.`
pub const fn execute(insn: Insn, state: &State) -> Outcome {
    if insn.prefix().is_some() || insn.po() != 31 {
        return Outcome::Other;
    }
    let none = matches!(state.msr.transaction_state(), TransactionState::None);
    Outcome::Done(match insn.xo() {
        // tbegin.
        654 if none => state.begin(insn),
        // tbegin. in a transaction that has failed already; tabortwc., tabortdc., tabortwci., tabortdci., tabort.
        654 | 782 | 814 | 846 | 878 | 910 => state.next(state.msr),
        // tend.
        686 if none => state.next(state.msr),
        686 => return Outcome::BadThing,
        // tcheck
        718 => {
            let (field, cr) = state.cr((insn.raw() >> 23 & 7) as u8);
            let doomed = if none { 0 } else { 0b1000 };
            Done {
                cr: (field, cr | doomed),
                ..state.next(state.msr)
            }
        }
        // tresume. with L, tsuspend. without
        750 if !none && insn.raw() & 1 << 21 != 0 => {
            state.next(state.msr.replaced(Msr::TS, Msr::TS_T))
        }
        750 => state.next(state.msr),
        // treclaim.
        942 if !none => state.reclaim(insn),
        // trechkpt.
        1006 if none && state.texasr.contains(Texasr::FS) => Done {
            checkpoint: Checkpoint::Take,
            ..state.next(state.msr.with(Msr::TS_S))
        },
        942 | 1006 => return Outcome::BadThing,
        _ => return Outcome::Other,
    })
}

/// May an instruction that writes MSR (`rfid`, `mtmsrd`) change it from `old` to `new`? If not, it is a "bad thing".
pub const fn permitted(old: Msr, new: Msr) -> bool {
    matches!(
        (old.transaction_state(), new.transaction_state()),
        (TransactionState::None, TransactionState::None)
            | (
                TransactionState::Suspended,
                TransactionState::Suspended | TransactionState::Transactional
            )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TBEGIN: u32 = 0x7c00_051d;
    const TBEGIN_ROT: u32 = 0x7c20_051d;
    const TEND: u32 = 0x7c00_055d;
    const TCHECK_CR3: u32 = 0x7d80_059c;
    const TABORTS: [u32; 5] = [
        0x7c04_2e1d,
        0x7c04_2e5d,
        0x7c04_2e9d,
        0x7c04_2edd,
        0x7c04_071d,
    ];
    const TSUSPEND: u32 = 0x7c00_05dd;
    const TRESUME: u32 = 0x7c20_05dd;
    const TRECLAIM_R3: u32 = 0x7c03_075d;
    const TRECHKPT: u32 = 0x7c00_07dd;

    fn state(ts: u64) -> State {
        State {
            nip: 0x1000,
            msr: (Msr::SF | Msr::ME | Msr::TM | Msr::LE).with_ts(ts),
            texasr: Texasr::ROT.with_level(3),
            ra: 0x1ab,
        }
    }

    fn done(word: u32, state: &State) -> Done {
        match execute(Insn::word(word), state) {
            Outcome::Done(done) => done,
            other => panic!("{word:#x}: {other:?}"),
        }
    }

    fn bad(word: u32, state: &State) {
        assert_eq!(execute(Insn::word(word), state), Outcome::BadThing);
    }

    #[test]
    fn begin() {
        for (word, rot) in [(TBEGIN, false), (TBEGIN_ROT, true)] {
            for pr in [Msr::EMPTY, Msr::PR] {
                let state = State {
                    msr: state(0).msr | pr,
                    ..state(0)
                };
                let begun = done(word, &state);
                assert_eq!((begun.msr, begun.cr), (state.msr, (0, 0b1010)));
                assert_eq!(begun.tfhar, Some(0x1004));
                let (texasr, tfiar) = begun.failure.unwrap();
                assert_eq!(tfiar, 0x1000 | u64::from(pr == Msr::PR));
                assert_eq!(texasr.level(), 1);
                assert_eq!(texasr.contains(Texasr::ROT), rot);
                assert_eq!(texasr.contains(Texasr::PR), pr == Msr::PR);
                assert!(texasr.contains(Texasr::FS | Texasr::EXACT | Texasr::PERSISTENT));
                assert!(!texasr.intersects(Texasr::ABORT | Texasr::SUSPENDED));
            }
        }
        let nested = done(TBEGIN, &state(1));
        assert_eq!(nested, state(1).next(state(1).msr));
    }

    #[test]
    fn without_effect() {
        for word in TABORTS {
            for ts in [0, 1] {
                let done = done(word, &state(ts));
                assert_eq!((done.msr, done.cr.1), (state(ts).msr, (ts as u8) << 1));
                assert_eq!((done.failure, done.tfhar), (None, None));
            }
        }
        assert_eq!(done(TEND, &state(0)).cr, (0, 0));
        bad(TEND, &state(1));
        assert_eq!(done(TCHECK_CR3, &state(0)).cr, (3, 0));
        assert_eq!(done(TCHECK_CR3, &state(1)).cr, (3, 0b1010));
    }

    #[test]
    fn suspend_and_resume() {
        // (instruction, TS before, TS after)
        for (word, before, after) in [
            (TSUSPEND, 1, 1),
            (TSUSPEND, 0, 0),
            (TRESUME, 1, 2),
            (TRESUME, 0, 0),
        ] {
            let done = done(word, &state(before));
            assert_eq!(done.msr, state(after).msr);
            assert_eq!(done.cr, (0, (before as u8) << 1));
            assert_eq!(done.checkpoint, Checkpoint::Keep);
        }
    }

    #[test]
    fn reclaim() {
        let reclaimed = done(TRECLAIM_R3, &state(1));
        assert_eq!(reclaimed.checkpoint, Checkpoint::Restore);
        assert_eq!((reclaimed.cr, reclaimed.msr.ts()), ((0, 0b0010), 0));
        let (texasr, tfiar) = reclaimed.failure.unwrap();
        assert_eq!(tfiar, 0x1000);
        assert_eq!((texasr.code(), texasr.level()), (0xab, 3));
        assert!(texasr.contains(
            Texasr::FS | Texasr::ABORT | Texasr::EXACT | Texasr::SUSPENDED | Texasr::ROT
        ));
        // A recorded failure is not overwritten; RA=0 gives code 0; treclaim. without a transaction is a bad thing.
        let recorded = State {
            texasr: Texasr::FS,
            ..state(1)
        };
        assert_eq!(done(TRECLAIM_R3, &recorded).failure, None);
        let (texasr, _) = done(TRECLAIM_R3 & !(31 << 16), &state(1)).failure.unwrap();
        assert_eq!(texasr.code(), 0);
        bad(TRECLAIM_R3, &state(0));
    }

    #[test]
    fn recheckpoint() {
        let failed = |ts| State {
            texasr: Texasr::FS,
            ..state(ts)
        };
        bad(TRECHKPT, &state(0));
        bad(TRECHKPT, &failed(1));
        let taken = done(TRECHKPT, &failed(0));
        assert_eq!(taken.checkpoint, Checkpoint::Take);
        assert_eq!((taken.cr, taken.msr.ts()), ((0, 0), 1));
    }

    #[test]
    fn changes_of_state() {
        let allowed = |old, new| permitted(state(old).msr, state(new).msr);
        let all: Vec<_> = (0..4)
            .flat_map(|old| (0..4).map(move |new| (old, new)))
            .filter(|(old, new)| allowed(*old, *new))
            .collect();
        assert_eq!(all, [(0, 0), (1, 1), (1, 2)]);
    }

    #[test]
    fn others() {
        for word in [0x4c00_0024, 0x7c60_00a6, 0x6000_0000, 0x7c00_04ac] {
            assert_eq!(execute(Insn::word(word), &state(0)), Outcome::Other);
        }
        let prefixed = Insn::prefixed(0x0400_0000, TBEGIN);
        assert_eq!(execute(prefixed, &state(0)), Outcome::Other);
    }
}
