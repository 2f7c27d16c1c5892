// SPDX-License-Identifier: GPL-2.0

//! `lwarx` and `stwcx.` where the hardware must not make the access: the way out of the guest would lose its reservation
//! between the two.

use super::{mmio::Fault, vcpu::E44xVcpu, E44x};
use crate::{
    emulate::e44x::{privileged::cr0, state::Registers},
    isa::{
        e44x::ivor::{esr, Ivor},
        insn::Insn,
    },
    vm::{run_loop::Next, Vcpu},
};
use kernel::prelude::*;

const LWARX: u32 = 20;
const STWCX: u32 = 150;

/// Is it one of the two?
pub(crate) fn is_one(insn: Insn) -> bool {
    insn.po() == 31 && matches!(insn.xo(), LWARX | STWCX)
}

/// Emulates it. There is one CPU, and a reservation is lost when the guest takes an interrupt; so who wrote there
/// meanwhile, if not the guest's program, is userspace, and is found out by the value. `EFAULT` as for other accesses.
pub(crate) fn emulate(
    vcpu: &Vcpu<E44x>,
    st: &mut E44xVcpu,
    insn: Insn,
    fault: &Fault,
) -> Result<Next> {
    let base = match insn.ra() {
        0 => 0,
        ra => st.switch.gpr(ra),
    };
    let ea = base.wrapping_add(st.switch.gpr(insn.rb()));
    let store = insn.xo() == STWCX;
    if ea != fault.ea || store != fault.store {
        // It changed after it faulted.
        vcpu.arch_stats.fetch_retries.inc();
        return Ok(Next::Guest);
    }
    if ea & 3 != 0 {
        let syndrome = if store { esr::ST } else { 0 };
        st.state
            .data_interrupt(&mut st.switch, Ivor::Alignment, ea, syndrome);
        return Ok(Next::Guest);
    }
    let vm = vcpu.vm();
    let mut now = [0; 4];
    vm.read_guest(fault.gpa, &mut now)?;
    let word = |bytes| {
        if fault.little_endian {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    };
    if store {
        let value = st.switch.gpr(insn.rt());
        let bytes = if fault.little_endian {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        };
        let kept = st.state.reservation.take() == Some((fault.gpa, now));
        if kept {
            vm.write_guest(fault.gpa, &bytes)?;
        }
        let cr = cr0(&st.switch, kept);
        st.switch.set_cr(cr);
    } else {
        st.state.reservation = Some((fault.gpa, now));
        st.switch.set_gpr(insn.rt(), word(now));
    }
    let next = st.switch.nip().wrapping_add(4);
    st.switch.set_nip(next);
    Ok(Next::Guest)
}
