// SPDX-License-Identifier: GPL-2.0

//! Executes the instructions after one that was emulated. Kernels read and write several registers in a row, above all
//! SRR0 and SRR1, and each of these instructions would be an exit of its own.

use super::{emulate, fetch::as_fetched, outcome::Outcome, vcpu::PrVcpu, vm::Pr};
use crate::{
    emulate::{regs::Regs, trapped::Executing},
    vm::Vcpu,
};

/// The number of instructions that are looked at.
const WORDS: usize = 4;

/// Executes the instructions that follow, as long as they need nothing but the vCPU's registers and leave MSR as it is.
/// Interrupts are disabled.
#[inline]
pub(crate) fn go_on(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) {
    let ea = st.nip();
    if st.futile.contains(ea) {
        return;
    }
    if !look(vcpu, st) {
        st.futile.insert(ea);
    }
}

/// Executes them, and returns whether it is worth trying again at this address.
#[inline(never)]
fn look(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) -> bool {
    let Some(words) = code(vcpu, st) else {
        return true;
    };
    let (msr, mut done) = (st.msr(), false);
    for word in words {
        let executing = Executing::next(as_fetched(st, word), msr);
        let jumped = match emulate::registers(vcpu, st, executing) {
            Some(Outcome::Done) => {
                st.switch.advance(4);
                false
            }
            Some(Outcome::Jumped) => true,
            // It was not executed, or it is to cause an interrupt.
            _ => return done,
        };
        done = true;
        vcpu.arch_stats.emulated_ahead.inc();
        if jumped || st.msr() != msr {
            break;
        }
    }
    done
}

/// The code at the guest's next instruction, from the page that the processor executes. `None` if that page is not
/// known for certain, or if the lock is taken: interrupts are disabled, so this does not wait for it.
fn code(vcpu: &Vcpu<Pr>, st: &PrVcpu) -> Option<[u32; WORDS]> {
    if st.shadow.mode().is_split() {
        return None;
    }
    let vm = vcpu.vm();
    let ea = st.nip();
    let half = st.shadow.find(ea)?;
    let large = half.raw() & vm.arch.mmu.large_bits != 0;
    let mmu = vm.mmu.try_lock()?;
    let quiet = mmu.quiet()?;
    mmu.code(half.vsid_field(), ea, large, &quiet)
}
