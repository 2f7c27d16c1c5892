// SPDX-License-Identifier: GPL-2.0

//! Transactional memory, for guests of a processor that has it: by the facility unavailable interrupt, since the guest
//! runs with `MSR[TM]` off. Each transaction fails as it begins ([`crate::emulate::tm`]).

use super::{outcome::Outcome, vcpu::PrVcpu};
use crate::{
    emulate::{
        privileged::{decode, Privileged},
        regs::Regs,
        tm::{self, execute, permitted, State, FAILED},
        trapped::Executing,
    },
    isa::{
        fscr::{Facility, Fscr},
        msr::{Msr, TransactionState},
        spr::Spr,
        srr1::Srr1,
        transaction::Texasr,
        trap::Trap,
    },
};
impl PrVcpu {
    /// The thread's registers become the checkpointed ones.
    fn take_checkpoint(&mut self) {
        let (amr, dscr) = (self.kept(Spr::AMR), self.kept(Spr::DSCR));
        let Self { tm, switch, .. } = self;
        for (to, n) in tm.gprs.iter_mut().zip(0..) {
            *to = switch.gpr(n);
        }
        for (to, n) in tm.vsrs.iter_mut().zip(0..) {
            *to = switch.vsr(n);
        }
        let s = switch;
        tm.others = [
            s.cr.into(),
            s.lr,
            s.ctr,
            s.fpscr(),
            amr,
            s.ppr(),
            s.vrsave().into(),
            s.vscr().into(),
            dscr,
            s.tar(),
            s.xer,
        ];
    }

    /// The checkpointed registers become the thread's.
    fn restore_checkpoint(&mut self) {
        let Self { tm, switch, .. } = self;
        for (from, n) in tm.gprs.iter().zip(0..) {
            switch.set_gpr(n, *from);
        }
        for (from, n) in tm.vsrs.iter().zip(0..) {
            switch.set_vsr(n, *from);
        }
        let [cr, lr, ctr, fpscr, amr, ppr, vrsave, vscr, dscr, tar, xer] = tm.others;
        let s = switch;
        (s.cr, s.lr, s.ctr, s.xer) = (cr as u32, lr, ctr, xer);
        s.set_fpscr(fpscr);
        s.set_ppr(ppr);
        s.set_vrsave(vrsave as u32);
        s.set_vscr(vscr as u32);
        s.set_tar(tar);
        self.keep(Spr::AMR, amr);
        self.keep(Spr::DSCR, dscr);
    }

    /// With `msr`, the thread would be in transactional state: its transaction fails at once.
    fn roll_back(&mut self, msr: Msr) {
        self.restore_checkpoint();
        self.set_cr_field(0, FAILED);
        self.switch.nip = self.kept(Spr::TFHAR) & !3;
        self.set_msr(msr.without(Msr::TS));
    }

    fn read_register(&mut self, spr: Spr, rt: u8) -> Outcome {
        let val = match spr {
            Spr::TFHAR | Spr::TFIAR | Spr::TEXASR => self.kept(spr),
            Spr::TEXASRU => self.kept(Spr::TEXASR) >> 32,
            _ => return Outcome::Illegal,
        };
        self.set_gpr(rt, val);
        Outcome::Done
    }

    fn write_register(&mut self, spr: Spr, val: u64) -> Outcome {
        match spr {
            Spr::TFHAR | Spr::TFIAR | Spr::TEXASR => self.keep(spr, val),
            Spr::TEXASRU => {
                let low = self.kept(Spr::TEXASR) & 0xffff_ffff;
                self.keep(Spr::TEXASR, val << 32 | low);
            }
            _ => return Outcome::Illegal,
        }
        Outcome::Done
    }

    fn set_cr_field(&mut self, field: u8, val: u8) {
        let shift = 28 - 4 * u32::from(field & 7);
        self.switch.cr = self.switch.cr & !(0xf << shift) | u32::from(val & 0xf) << shift;
    }
}

/// At `KVM_RUN`: userspace may have set the registers of a thread in a transaction, which came from another host. That
/// transaction fails.
pub(crate) fn resumed(st: &mut PrVcpu) {
    let msr = st.msr();
    if msr.transaction_state() == TransactionState::Transactional {
        st.roll_back(msr);
    }
}

/// An instruction sets MSR, and perhaps the transaction state with it. `None` if MSR can be set as usual.
#[cold]
#[inline(never)]
pub(crate) fn change_msr(st: &mut PrVcpu, msr: Msr) -> Option<Outcome> {
    let msr = msr.masked(st.msr_allowed);
    if !permitted(st.msr(), msr) {
        return Some(Outcome::BadThing);
    }
    if msr.transaction_state() == TransactionState::Transactional {
        st.roll_back(msr);
        return Some(Outcome::Jumped);
    }
    None
}

/// `treclaim.` and `trechkpt.`, which the processor has refused.
#[cold]
#[inline(never)]
pub(crate) fn privileged(st: &mut PrVcpu, executing: Executing) -> Outcome {
    match (st.has_transactions(), st.msr().contains(Msr::TM)) {
        (false, _) => Outcome::Illegal,
        (true, false) => inject_unavailable(st),
        (true, true) => run(st, executing),
    }
}

/// A facility unavailable interrupt because of transactional memory, which this instruction caused.
#[cold]
#[inline(never)]
pub(crate) fn unavailable(st: &mut PrVcpu, executing: Executing) -> Outcome {
    if !st.msr().contains(Msr::TM) {
        return inject_unavailable(st);
    }
    match decode(executing.insn()) {
        // Only TFHAR can be written in a transaction, if that is suspended.
        Some(Privileged::WriteSpr { spr, .. })
            if st.msr().intersects(Msr::TS) && spr != Spr::TFHAR =>
        {
            Outcome::BadThing
        }
        Some(Privileged::WriteSpr { spr, rs }) => st.write_register(spr, st.gpr(rs)),
        Some(Privileged::ReadSpr { spr, rt }) => st.read_register(spr, rt),
        _ => run(st, executing),
    }
}

/// The guest's kernel has transactional memory off.
fn inject_unavailable(st: &mut PrVcpu) -> Outcome {
    const CAUSE: Fscr = Fscr::EMPTY.with_cause(5);
    const _: () = assert!(matches!(CAUSE.facility(), Facility::Tm));
    st.set_fscr(st.fscr().with_cause(CAUSE.cause()));
    st.inject(Trap::FAC_UNAVAIL, Srr1::EMPTY);
    Outcome::Jumped
}

/// An instruction of transactional memory, which is on.
fn run(st: &mut PrVcpu, executing: Executing) -> Outcome {
    let insn = executing.insn();
    let privileged = matches!(
        decode(insn),
        Some(Privileged::TransactionReclaim { .. } | Privileged::TransactionRecheckpoint)
    );
    if privileged && executing.state().is_problem() {
        return Outcome::NotPrivileged;
    }
    let state = State {
        nip: st.nip(),
        msr: st.msr(),
        texasr: Texasr::from_raw(st.kept(Spr::TEXASR)),
        ra: st.gpr(insn.ra()),
    };
    let done = match execute(insn, &state) {
        tm::Outcome::Done(done) => done,
        tm::Outcome::BadThing => return Outcome::BadThing,
        tm::Outcome::Other => return Outcome::Illegal,
    };
    if let Some(tfhar) = done.tfhar {
        st.keep(Spr::TFHAR, tfhar);
    }
    if let Some((texasr, tfiar)) = done.failure {
        st.keep(Spr::TEXASR, texasr.raw());
        st.keep(Spr::TFIAR, tfiar);
    }
    if done.msr.transaction_state() == TransactionState::Transactional {
        st.roll_back(done.msr);
        return Outcome::Jumped;
    }
    match done.checkpoint {
        tm::Checkpoint::Keep => {}
        tm::Checkpoint::Take => st.take_checkpoint(),
        tm::Checkpoint::Restore => st.restore_checkpoint(),
    }
    let (field, val) = done.cr;
    st.set_cr_field(field, val);
    st.set_msr(done.msr);
    Outcome::Done
}
