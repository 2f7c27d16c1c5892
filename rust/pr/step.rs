// SPDX-License-Identifier: GPL-2.0

//! Guests that are run one instruction at a time: what the processor may not execute is emulated before they go on.

use super::{
    debug, fetch, reserve,
    split::{self, Todo},
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::vm::{mmio, run_loop::Next, run_page::RunPage, Vcpu};
use kernel::prelude::*;

/// Before the guest goes on: emulates what makes or needs a reservation, and what accesses a page that is run
/// instruction by instruction. Errors as [`mmio::start`].
#[inline]
pub(crate) fn go_on(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, next: Next) -> Result<Next> {
    let next = reserve::go_on(vcpu, st, run, next)?;
    match (next, st.stepped()) {
        (Next::Guest, Some(page)) => in_page(vcpu, st, run, page),
        (next, _) => Ok(next),
    }
}

/// The same, in a page that is run instruction by instruction.
#[inline(never)]
fn in_page(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, run: &RunPage, page: u64) -> Result<Next> {
    // An interrupt or the end of the page ends the loop. It is finite, since branches are left to the processor.
    while st.stepped() == Some(page) {
        // Loads and stores with reservation come first, since the processor would lose the reservation.
        let Next::Guest = reserve::go_on(vcpu, st, run, Next::Guest)? else {
            return Ok(Next::Userspace);
        };
        if !split::is_in(st, page) {
            st.step_in(None);
            break;
        }
        // If it cannot be fetched, the processor finds that, too, and the guest gets its interrupt.
        let Some(insn) = fetch::walked(vcpu, st) else {
            break;
        };
        match split::todo(st, insn, page) {
            Todo::Emulate(ea) => {
                let next = mmio::start_anywhere(vcpu, st, run, insn, ea)?;
                let Next::Guest = next else {
                    return Ok(next);
                };
                if st.single_step() {
                    return Ok(debug::report(st, run));
                }
            }
            Todo::Refuse(ea, why) => {
                st.inject_data_storage(ea, why);
                break;
            }
            Todo::Execute => break,
        }
    }
    Ok(Next::Guest)
}
