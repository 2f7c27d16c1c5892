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
    let mut word = [0; 4];
    let word_of = read(vcpu, st, nip, &mut word)?;
    Some(Insn::word(word_of(word)))
}

/// The words of the `N` instructions before this address, or of as many as can be fetched. The nearest comes first.
pub(crate) fn before<const N: usize>(
    vcpu: &Vcpu<E44x>,
    st: &E44xVcpu,
    nip: u32,
) -> impl Iterator<Item = u32> {
    let (mut words, mut n) = ([0; N], 0);
    while let Some(room) = words.get_mut(n..).filter(|room| !room.is_empty()) {
        let mut bytes = [[0; 4]; N];
        let end = nip.wrapping_sub(4 * n as u32);
        // A block of the smallest page size is translated as a whole.
        let in_block = (end.wrapping_sub(4) % SMALLEST_PAGE / 4) as usize + 1;
        let count = in_block.min(room.len());
        let Some(bytes) = bytes.get_mut(..count) else {
            break;
        };
        let begin = end.wrapping_sub(4 * count as u32);
        let Some(word_of) = read(vcpu, st, begin, bytes.as_flattened_mut()) else {
            break;
        };
        for (to, from) in room.iter_mut().zip(bytes.iter().rev()) {
            *to = word_of(*from);
        }
        n += count;
    }
    words.into_iter().take(n)
}

/// The size of the smallest pages that a 440's TLB has.
const SMALLEST_PAGE: u32 = 1024;

/// Reads code of one page, and tells how a word of it is made from its bytes.
fn read(
    vcpu: &Vcpu<E44x>,
    st: &E44xVcpu,
    nip: u32,
    bytes: &mut [u8],
) -> Option<fn([u8; 4]) -> u32> {
    let found = st.state.tlb.find(nip, st.state.fetch_space())?;
    let attributes = found.tlbe.attributes();
    if !attributes.permissions(st.state.user()).execute {
        return None;
    }
    vcpu.vm().read_guest(found.tlbe.real_of(nip), bytes).ok()?;
    Some(if attributes.little_endian() {
        u32::from_le_bytes
    } else {
        u32::from_be_bytes
    })
}
