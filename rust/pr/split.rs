// SPDX-License-Identifier: GPL-2.0

//! MSR[IR] unlike MSR[DR]: fetches are translated and loads and stores are not, or the other way round, so that an
//! effective address may mean two different things. The processor has one translation for both.
//!
//! The same may happen in a 32-bit guest with blocks, since code and data have BATs of their own.
//!
//! A page that both translate to the same address is mapped as usual. Where they differ, data is mapped without the
//! right to execute it, which tells fetches apart; but code that can be executed can be loaded, too. So code from such
//! a page is run one instruction at a time, in a segment of its own in which nothing else of that page is mapped, and
//! an instruction that would load from or store to the page itself is emulated.

use super::{
    hpt,
    mmu::PAGE_4K,
    translate::{Absent, HptGuard, Miss, Translated},
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    emulate::{
        mmio::{decode, Reason},
        regs::Regs,
    },
    isa::{
        dsisr::Dsisr,
        insn::Insn,
        radix_walk::{truncated, Access},
    },
    vm::Vcpu,
};

/// Two translations are compared by pages of 4 KB, and shadowed so.
const PAGE: u64 = PAGE_4K;

/// The most bytes that an instruction loads or stores.
const LONGEST: u64 = 128;

/// What may be shadowed of the page that an access was translated to, considering the other kind of access. `None` if
/// the guest has to repeat the access in another mode, or gets an interrupt. The error is what has to be faulted in
/// first. Without effect unless MSR[IR] and MSR[DR] differ or a 32-bit guest has a block there.
pub(crate) fn combine(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    locked: &HptGuard<'_>,
    mut to: Translated,
    ea: u64,
    access: Access,
) -> Result<Option<Translated>, Absent> {
    let split = st.msr().is_split();
    if !split && !st.in_block(ea) {
        return Ok(Some(to));
    }
    let stepped = st.stepped() == Some(ea & PAGE);
    let other = match access {
        Access::Fetch => Access::Load,
        _ => Access::Fetch,
    };
    let other = match hpt::translate(vcpu, st, locked, ea, other) {
        Ok(other) => Some(other),
        Err(Miss::Fault(_)) => None,
        Err(Miss::Absent(absent)) => return Err(absent),
    };
    let none = other.is_none();
    let same = other.filter(|o| o.gpa & PAGE == to.gpa & PAGE && !stepped);
    match (access, same) {
        (Access::Fetch, Some(data)) => to.write = data.write,
        (Access::Fetch, None) if stepped => to.write = false,
        // That there is no data is not worth the time: Linux takes interrupts with only its data translated.
        (Access::Fetch, None) if none && st.is_32bit() => to.write = false,
        (Access::Fetch, None) => {
            vcpu.arch_stats.split_pages.inc();
            st.step_in(Some(ea & PAGE));
            return Ok(None);
        }
        // The page's code is mapped. Loads and stores to it are emulated before they are executed, and only one that
        // the emulation does not know comes here.
        (_, _) if stepped => {
            st.inject_data_storage(ea, Dsisr::BADACCESS.set(Dsisr::ISSTORE, to.write));
            return Ok(None);
        }
        (_, Some(code)) => to.execute = code.execute,
        (_, None) => to.execute = false,
    }
    Ok(Some(to))
}

/// What is to be done about an instruction of a page that is run instruction by instruction.
pub(crate) enum Todo {
    /// The processor executes it.
    Execute,
    /// It loads or stores in the page, at this effective address, and has to be emulated.
    Emulate(u64),
    /// It is an atomic access to the page, which cannot be emulated: the page is storage that does not permit it.
    Refuse(u64, Dsisr),
}

/// What is to be done about `insn`, where the guest is, in `page`.
pub(crate) fn todo(st: &PrVcpu, insn: Insn, page: u64) -> Todo {
    match decode(insn, &st.switch) {
        Ok(plan) if plan.bytes() != 0 && near(plan.ea(), page) => Todo::Emulate(plan.ea()),
        Err(Reason::Storage(why)) => match atomic(insn, st).filter(|ea| near(*ea, page)) {
            Some(ea) => Todo::Refuse(ea, why),
            None => Todo::Execute,
        },
        _ => Todo::Execute,
    }
}

/// Is the guest in `page`?
pub(crate) fn is_in(st: &PrVcpu, page: u64) -> bool {
    truncated(st.nip(), st.msr()) & PAGE == page
}

/// May an access at `ea` touch the page?
fn near(ea: u64, page: u64) -> bool {
    ea.wrapping_sub(page).wrapping_add(LONGEST) < !PAGE + 1 + LONGEST
}

/// The effective address of a load or store that has to be atomic.
fn atomic(insn: Insn, st: &PrVcpu) -> Option<u64> {
    let base = match insn.ra() {
        0 => 0,
        ra => st.gpr(ra),
    };
    let ea = match insn.po() {
        31 => base.wrapping_add(st.gpr(insn.rb())),
        56 => base.wrapping_add_signed(insn.dq()),
        62 => base.wrapping_add_signed(insn.ds()),
        _ => return None,
    };
    Some(truncated(ea, st.switch.msr()))
}
