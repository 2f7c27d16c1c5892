// SPDX-License-Identifier: GPL-2.0

//! `lwarx`, `stwcx.` and similar instructions where the guest cannot keep a reservation, since an exit loses it.
//!
//! In a loop of the two with an instruction between them that is emulated, each `stwcx.` would fail, and the loop
//! would never end. So behind such an instruction the guest is run one instruction at a time, and both are emulated:
//! the first `stwcx.` still fails, the program goes back to its `lwarx`, and that makes a reservation that an exit
//! does not lose. The next `stwcx.` stores if what was loaded is still there. Documentation/pr.rst.
//!
//! Both are emulated, too, when a guest is run one instruction at a time for another reason.

use super::{
    dcbz, debug,
    fetch::{self, as_fetched},
    hpt, magic,
    state::Reservation,
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    emulate::{
        regs::Regs,
        reservation::{concludes, is_concluded, ordered, reserves, QUADWORD},
    },
    host::user_word,
    isa::{
        insn::Insn,
        msr::Msr,
        radix_walk::{truncated, Access},
        srr1::Srr1,
        trap::Trap,
    },
    vm::{memslot::MemSlot, run_loop::Next, run_page::RunPage, Vcpu},
};
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
};

/// The most instructions that are executed one by one for one loop.
const STEPS: u32 = 96;

/// How many instructions behind an emulated one are searched for a store conditional.
const WORDS: usize = 24;

/// Whether to look for such a loop around the emulated instruction that the guest is at.
#[inline]
pub(crate) fn suspects(vcpu: &Vcpu<Pr>, st: &PrVcpu) -> bool {
    is_suspect(st, vcpu.arch_stats.emulated_inst_exits.get())
}

/// Whether to look for such a loop around a load or store to a device, which userspace completes.
#[inline]
pub(crate) fn suspects_access(vcpu: &Vcpu<Pr>, st: &PrVcpu) -> bool {
    is_suspect(st, vcpu.arch_stats.mmio_exits.get())
}

/// It is if the instruction is known to be in such a loop, and otherwise now and then: a loop that never ends comes
/// here again and again.
#[inline]
fn is_suspect(st: &PrVcpu, count: u64) -> bool {
    // Every 257th, so that it is not always the same instruction of a small loop.
    if (count >> 8 ^ count) & 0xff == 0 {
        return true;
    }
    st.reserve.found != 0 && st.reserve.known.contains(&st.nip())
}

/// The instruction at `ea` was emulated, or is about to be, and was suspected of being in a loop.
#[cold]
#[inline(never)]
pub(crate) fn emulated(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, ea: u64) {
    if st.switch.trace {
        return;
    }
    if !st.reserve.known.contains(&ea) {
        if !is_concluded(code(vcpu, st).into_iter().flatten()) {
            return;
        }
        vcpu.arch_stats.reserving_loops.inc();
        st.reserve.remember(ea);
    }
    let reserve = &mut st.reserve;
    reserve.steps = STEPS;
    reserve.origin = ea;
    reserve.concluded = false;
    st.trace();
}

/// The code from the guest's next instruction on, up to the end of the page.
fn code(vcpu: &Vcpu<Pr>, st: &PrVcpu) -> [Option<u32>; WORDS] {
    let mut words = [None; WORDS];
    let ea = truncated(st.nip(), st.msr());
    let Ok(gpa) = hpt::real_address(vcpu, st, ea, Access::Fetch) else {
        return words;
    };
    let mut bytes = [0; 4 * WORDS];
    let left = 0x1000 - (ea as usize & 0xfff);
    let Some(bytes) = bytes.get_mut(..left.min(4 * WORDS)) else {
        return words;
    };
    if vcpu.vm().read_guest(gpa, bytes).is_err() {
        return words;
    }
    for (to, from) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        let word = from.first_chunk().map(|word| u32::from_ne_bytes(*word));
        *to = word.map(|word| as_fetched(st, word).raw());
    }
    words
}

/// Before the guest goes on one instruction at a time: emulates what makes a reservation, and what depends on one.
/// `EFAULT` if memory that it accesses cannot be reached.
#[inline]
pub(crate) fn go_on(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, next: Next) -> Result<Next> {
    match (next, st.switch.trace) {
        (Next::Guest, true) => step(vcpu, st, run),
        (next, _) => Ok(next),
    }
}

#[inline(never)]
fn step(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage) -> Result<Next> {
    while st.switch.trace {
        if st.reserve.stepping() {
            st.reserve.steps = st.reserve.steps.saturating_sub(1);
            if st.reserve.steps == 0 {
                if !st.reserve.concluded {
                    st.reserve.forget(st.reserve.origin);
                }
                st.trace();
                break;
            }
        }
        // If it cannot be fetched, the processor finds that, too, and the guest gets its interrupt.
        let Some(insn) = fetch::walked(vcpu, st) else {
            break;
        };
        let made = match (reserves(insn), concludes(insn)) {
            (Some(bytes), _) => load(vcpu, st, insn, bytes)?,
            (_, Some(bytes)) => store(vcpu, st, insn, bytes)?,
            _ => false,
        };
        if !made {
            break;
        }
        let what = match concludes(insn) {
            Some(_) => Srr1::TRACE_STORE,
            None => Srr1::TRACE_LOAD,
        };
        st.switch.advance(4);
        let own = st.msr().contains(Msr::SE);
        if own {
            st.inject(Trap::TRACE, Srr1::TRACE | what);
        }
        if st.single_step() {
            return Ok(debug::report(st, run));
        }
    }
    Ok(Next::Guest)
}

/// The effective and the guest real address of an access that can be emulated. `None` if the processor has to execute
/// the instruction, because it is to fault or does not access ordinary memory.
fn place(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    insn: Insn,
    bytes: u32,
    access: Access,
) -> Option<(u64, u64)> {
    let base = match insn.ra() {
        0 => 0,
        ra => st.gpr(ra),
    };
    let ea = truncated(base.wrapping_add(st.gpr(insn.rb())), st.msr());
    if ea & u64::from(bytes.wrapping_sub(1)) != 0 || magic::page(st, ea, access).is_some() {
        return None;
    }
    let gpa = hpt::real_address(vcpu, st, ea, access).ok()?;
    Some((ea, gpa))
}

fn hva(slot: &MemSlot, gpa: u64) -> usize {
    let within = gpa as usize & (PAGE_SIZE - 1);
    slot.hva(gpa >> PAGE_SHIFT).wrapping_add(within)
}

/// Is the guest's byte order not the host's?
fn swaps(st: &PrVcpu) -> bool {
    st.msr().contains(Msr::LE) != cfg!(target_endian = "little")
}

/// `lwarx` and its kin. False if the processor is to execute it. Errors as [`go_on`].
fn load(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, insn: Insn, bytes: u32) -> Result<bool> {
    st.reserve.reserved = None;
    let Some((_, gpa)) = place(vcpu, st, insn, bytes, Access::Load) else {
        return Ok(false);
    };
    let value = {
        let slots = vcpu.vm().slots.read();
        let Some(slot) = slots.find(gpa >> PAGE_SHIFT) else {
            return Ok(false);
        };
        user_word::load(hva(slot, gpa), bytes)?
    };
    let [high, low] = ordered(value, bytes, swaps(st));
    match bytes {
        QUADWORD => {
            st.set_gpr(insn.rt(), high);
            st.set_gpr(insn.rt() | 1, low);
        }
        _ => st.set_gpr(insn.rt(), low),
    }
    st.reserve.reserved = Some(Reservation { gpa, bytes, value });
    Ok(true)
}

/// `stwcx.` and its kin. False if the processor is to execute it. Errors as [`go_on`].
fn store(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, insn: Insn, bytes: u32) -> Result<bool> {
    st.reserve.concluded = true;
    let mut stored = false;
    if let Some(reserved) = st.reserve.reserved.take() {
        let Some((ea, gpa)) = place(vcpu, st, insn, bytes, Access::Store) else {
            return Ok(false);
        };
        let new = match bytes {
            QUADWORD => [st.gpr(insn.rt()), st.gpr(insn.rt() | 1)],
            _ => [0, st.gpr(insn.rt())],
        };
        let new = ordered(new, bytes, swaps(st));
        // A store to another address than the reserved one, or of another size, always fails.
        if reserved.gpa == gpa && reserved.bytes == bytes {
            // The slots are held until the write is noted, so that dirty logging cannot begin in between.
            let slots = vcpu.vm().slots.read();
            let slot = slots.find(gpa >> PAGE_SHIFT).filter(|s| !s.readonly());
            let Some(slot) = slot else {
                return Ok(false);
            };
            stored = user_word::exchange(hva(slot, gpa), bytes, reserved.value, new)?;
            if stored {
                slot.mark_dirty(gpa >> PAGE_SHIFT);
            }
        }
        if stored {
            dcbz::stored(vcpu, st, ea);
            // The loop has ended.
            st.reserve.lose();
            st.trace();
        }
    }
    st.set_cr0_equal(stored);
    Ok(true)
}
