// SPDX-License-Identifier: GPL-2.0

//! Loads and stores to what is not memory: emulated access by access, by the VM's own bus or by userspace.
//!
//! This is the same for all backends whose guests run a Book III processor's loads and stores. Each backend says how an
//! instruction is fetched, an address translated and an interrupt delivered ([`MmioBackend`]).

use super::{access::access_in_kernel, backend::Backend, run_loop::Next, run_page::RunPage, Vcpu};
use crate::{
    emulate::{
        mmio::{Plan, Reason, Step},
        regs::Regs,
        trapped::Doubt,
    },
    isa::{
        dsisr::Dsisr,
        insn::Insn,
        msr::Msr,
        radix_walk::{Access, Fault},
        srr1::Srr1,
        trap::Trap,
    },
};
use kernel::prelude::*;

/// What emulation needs of a backend.
pub(crate) trait MmioBackend: Backend {
    /// The guest's registers.
    type Regs: Regs;

    /// The instruction that is being emulated, and the guest's registers.
    fn mmio(st: &mut Self::Vcpu) -> (&mut Pending, &mut Self::Regs);
    /// Fetches the instruction the guest is at; `None` if the guest has to run it again. The backend counts that.
    fn fetch(vcpu: &Vcpu<Self>, st: &mut Self::Vcpu) -> Option<Insn>;
    /// The guest real address that an access by the guest would have.
    fn real_address(
        vcpu: &Vcpu<Self>,
        st: &mut Self::Vcpu,
        ea: u64,
        access: Access,
    ) -> Result<u64, Fault>;
    /// The guest takes interrupt `trap` next, with these bits of SRR1, and of DAR and DSISR if they are given.
    fn inject(
        vcpu: &Vcpu<Self>,
        st: &mut Self::Vcpu,
        trap: Trap,
        why: Srr1,
        dar: Option<u64>,
        dsisr: Option<Dsisr>,
    );
    /// Notes that userspace makes the access, and that [`complete`] has to be called next.
    fn owes_access(st: &mut Self::Vcpu);
    /// Counts an instruction that has changed since it faulted, and that is executed again.
    fn changed(vcpu: &Vcpu<Self>);
}

/// An instruction in the middle of its accesses; kept where it is, because it is large.
pub(crate) struct Pending {
    plan: Plan,
    /// The effective address that faulted and its guest real address. Accesses to the same page need no translation.
    known: (u64, u64),
    /// The instruction's address. While userspace makes an access, the guest's registers show the address of the next
    /// instruction.
    nip: u64,
    next: u64,
    /// The length of the instruction in bytes.
    length: u64,
    /// Instructions that cannot have caused the fault.
    doubt: Doubt,
}

impl Pending {
    /// No instruction is being emulated.
    pub(crate) const NONE: Self = Self {
        plan: Plan::IDLE,
        known: (0, 0),
        nip: 0,
        next: 0,
        length: 4,
        doubt: Doubt::NONE,
    };

    /// The instruction's address, which a trace interrupt after it reports.
    pub(crate) fn traced(&self) -> u64 {
        self.nip
    }

    /// The effective address of the access that faulted first, which a trace interrupt reports too.
    pub(crate) fn operand(&self) -> u64 {
        self.known.0
    }
}

/// Addresses of one 4 KB page translate alike.
const SAME_PAGE: u64 = !0xfff;

/// Emulates the instruction that the guest is at, which faulted at effective address `ea`, guest real address
/// `gpa`, as a store or a load. Returns `EFAULT` if memory that the instruction also touches cannot be reached.
pub(crate) fn start<B: MmioBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    run: &RunPage,
    ea: u64,
    gpa: u64,
    store: bool,
) -> Result<Next> {
    let Some(insn) = B::fetch(vcpu, st) else {
        return Ok(Next::Guest);
    };
    emulate(vcpu, st, run, insn, (ea, gpa), Some(store))
}

/// Emulates `insn`, a load or store that the guest is at, wherever it goes to, memory included. Fails as [`start`]
/// does.
pub(crate) fn start_anywhere<B: MmioBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    run: &RunPage,
    insn: Insn,
    ea: u64,
) -> Result<Next> {
    // Nothing is known of the addresses that it accesses.
    emulate(vcpu, st, run, insn, (!ea, 0), None)
}

fn emulate<B: MmioBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    run: &RunPage,
    insn: Insn,
    known: (u64, u64),
    store: Option<bool>,
) -> Result<Next> {
    let (mmio, regs) = B::mmio(st);
    let (ea, _) = known;
    mmio.known = known;
    mmio.length = insn.length();
    let plan = &mut mmio.plan;
    let why = match plan.prepare(insn, regs) {
        Ok(())
            if plan.bytes() != 0
                && store.is_some_and(|s| s != plan.is_store() || !plan.touches(ea)) =>
        {
            // Another processor has changed the instruction since, and this is not the access that faulted.
            B::changed(vcpu);
            return Ok(Next::Guest);
        }
        Ok(()) => {
            mmio.doubt.dispel();
            return go_on(vcpu, st, run);
        }
        Err(why) => why,
    };
    let nip = regs.nip();
    if matches!(why, Reason::NotStorageAccess) && !mmio.doubt.insists(nip, insn) {
        // So it was another instruction that faulted.
        B::changed(vcpu);
        return Ok(Next::Guest);
    }
    let none = Srr1::EMPTY;
    let storage = |st: &mut B::Vcpu, why| {
        B::inject(vcpu, st, Trap::DATA_STORAGE, none, Some(ea), Some(why));
    };
    match why {
        Reason::InvalidForm => B::inject(vcpu, st, Trap::PROGRAM, Srr1::PROG_ILL, None, None),
        Reason::Alignment => B::inject(vcpu, st, Trap::ALIGNMENT, none, Some(ea), None),
        Reason::Storage(why) => storage(st, why),
        Reason::Unavailable(trap) => B::inject(vcpu, st, trap, none, None, None),
        Reason::NotStorageAccess => {
            let store = store.unwrap_or(false);
            storage(st, Dsisr::BADACCESS.set(Dsisr::ISSTORE, store))
        }
    }
    Ok(Next::Guest)
}

/// Userspace has made the access: goes on with the instruction.
pub(crate) fn complete<B: MmioBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    run: &RunPage,
) -> Result<Next> {
    let (mmio, regs) = B::mmio(st);
    let plan = &mut mmio.plan;
    if plan.is_store() {
        plan.wrote();
    } else {
        // The plan takes as many of the bytes as it asked for.
        plan.supply(&run.mmio_data());
    }
    let chosen = regs.nip();
    if chosen != mmio.next {
        // Userspace has set another address for the guest, so the remaining accesses are not made.
        if matches!(plan.step(), Step::Done) {
            let _ = plan.finish(regs);
        }
        regs.set_nip(chosen);
        return Ok(Next::Guest);
    }
    regs.set_nip(mmio.nip);
    go_on(vcpu, st, run)
}

fn go_on<B: MmioBackend>(vcpu: &Vcpu<B>, st: &mut B::Vcpu, run: &RunPage) -> Result<Next> {
    loop {
        let (pending, regs) = B::mmio(st);
        let (ea, len, write) = match pending.plan.step() {
            Step::Done => {
                // All accesses are made, so this cannot be incomplete.
                let _ = pending.plan.finish(regs);
                if regs.msr().contains(Msr::SE) {
                    // The guest single-steps, and this was a step.
                    let what = if pending.plan.is_store() {
                        Srr1::TRACE_STORE
                    } else {
                        Srr1::TRACE_LOAD
                    };
                    let prefixed = Srr1::EMPTY.set(Srr1::PREFIXED, pending.length == 8);
                    let why = Srr1::TRACE | what | prefixed;
                    B::inject(vcpu, st, Trap::TRACE, why, None, None);
                }
                break;
            }
            Step::Read { ea, len, .. } => (ea, len, None),
            Step::Write { ea, len, data, .. } => (ea, len, Some(data)),
        };
        let len = usize::from(len);
        let (known_ea, known_gpa) = pending.known;
        let faulted = ea & SAME_PAGE == known_ea & SAME_PAGE;
        let gpa = if faulted {
            known_gpa & SAME_PAGE | ea & !SAME_PAGE
        } else {
            let access = match write {
                Some(_) => Access::Store,
                None => Access::Load,
            };
            match B::real_address(vcpu, st, ea, access) {
                Ok(gpa) => gpa,
                Err(fault) => {
                    reflect(vcpu, st, ea, fault);
                    break;
                }
            }
        };
        let (mmio, _) = B::mmio(st);
        if access_in_kernel(
            vcpu.vm(),
            &mut mmio.plan,
            !faulted,
            gpa,
            len,
            write.as_ref(),
        )? {
            continue;
        }
        run.set_mmio(gpa, &write.unwrap_or_default(), len as u32, write.is_some());
        // Userspace sees the address of the next instruction, as with kvm-hv.
        let (mmio, regs) = B::mmio(st);
        mmio.nip = regs.nip();
        regs.advance(mmio.length);
        mmio.next = regs.nip();
        B::owes_access(st);
        return Ok(Next::Userspace);
    }
    Ok(Next::Guest)
}

/// The guest's tables have no translation for a part of what the instruction accesses.
fn reflect<B: MmioBackend>(vcpu: &Vcpu<B>, st: &mut B::Vcpu, ea: u64, fault: Fault) {
    let (trap, why) = match fault {
        Fault::Segment => (Trap::DATA_SEGMENT, None),
        Fault::Storage(why) => (Trap::DATA_STORAGE, Some(why)),
        Fault::Unreadable(_) => (
            Trap::DATA_STORAGE,
            Some(Dsisr::NOPTE | Dsisr::PRTABLE_FAULT),
        ),
    };
    B::inject(vcpu, st, trap, Srr1::EMPTY, Some(ea), why);
}
