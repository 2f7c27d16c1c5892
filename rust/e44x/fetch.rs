// SPDX-License-Identifier: GPL-2.0

//! Instructions by the guest's own TLB.

use super::vcpu::{E44x, E44xVcpu};
use crate::{emulate::e44x::state::Registers, isa::insn::Insn, vm::Vcpu};

/// The instruction that the guest is at, by its own TLB; `None` if that does not translate it any more.
pub(crate) fn current(vcpu: &Vcpu<E44x>, st: &E44xVcpu) -> Option<Insn> {
    at(vcpu, st, st.switch.nip())
}

/// The same for any address.
pub(crate) fn at(vcpu: &Vcpu<E44x>, st: &E44xVcpu, nip: u32) -> Option<Insn> {
    let found = st.state.tlb.find(nip, st.state.fetch_space())?;
    let attributes = found.tlbe.attributes();
    if !attributes.permissions(st.state.user()).execute {
        return None;
    }
    let mut word = [0; 4];
    let gpa = found.tlbe.real_of(nip);
    vcpu.vm().read_guest(gpa, &mut word).ok()?;
    Some(Insn::word(if attributes.little_endian() {
        u32::from_le_bytes(word)
    } else {
        u32::from_be_bytes(word)
    }))
}
