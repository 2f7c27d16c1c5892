// SPDX-License-Identifier: GPL-2.0

//! The instructions behind one that was emulated. A kernel reads and writes registers in a row, SRR0 and SRR1 above all;
//! each would be an exit of its own, and the next is known before the guest gets there.

use super::{emulate, fetch::as_fetched, outcome::Outcome, vcpu::PrVcpu, vm::Pr};
use crate::{
    emulate::{regs::Regs, trapped::Executing},
    vm::Vcpu,
};

/// So many are looked at.
const WORDS: usize = 4;

/// Executes what follows as long as the vCPU's registers are enough for it, and MSR stays as it is. With interrupts off.
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

/// The same; is it worth trying again?
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
            // Not done, or an interrupt.
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

/// The code where the guest is, in the page that the processor executes. `None` if that is not certain, or somebody has
/// the lock: this CPU serves no interrupt meanwhile.
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
