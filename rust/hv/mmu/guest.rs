// SPDX-License-Identifier: GPL-2.0

//! Walking a guest's own tables, and fetching its instructions, in software.
//!
//! Memory that the partition-scoped tree maps is read directly, with the tree locked. Other memory is read through
//! userspace's mapping.

use super::{
    tree::{GEOMETRY, LINEAR},
    HvMmu,
};
use crate::{
    host::table::{read_real, Word},
    hv::{hash, vcpu::HvVcpu, Hv},
    isa::{
        insn::Insn,
        msr::Msr,
        radix_walk::{real_mode_address, relocated, truncated, walk, Access, Context, Fault},
    },
    vm::Vcpu,
};
use core::mem::size_of;
use kernel::prelude::*;

impl HvMmu {
    /// Reads a word at `gpa`, which must be aligned for it. `None` if the tree does not map normal memory there, or if
    /// the memory has an error.
    #[inline]
    fn read<T: Word>(&self, gpa: u64) -> Option<T> {
        let leaf = self.tree.find(gpa)?;
        if !leaf.pte.contains(LINEAR) || !leaf.pte.may_read() {
            return None;
        }
        let within = (1u64 << GEOMETRY.shift(leaf.level)) - 1;
        // SAFETY: The leaf was found in the tree, which does not change while `&self` shows that the lock is held: the
        // notifier needs the lock to take the page away. The mask aligns the address.
        unsafe { read_real(leaf.pte.real() | (gpa & within & !(size_of::<T>() as u64 - 1))) }
    }
}

/// Reads the word of the instruction at `ea` by a present entry of the guest's hashed table, which the hardware would
/// use, too. `None` if there is none.
fn read_by_hash(mmu: &HvMmu, st: &mut HvVcpu, ea: u64) -> Option<u32> {
    let real = hash::walk::fetched_from(mmu.hash.as_deref()?, st, ea)?;
    // SAFETY: An entry that is present maps it, as ordinary memory, and `mmu` shows that the lock is held: the notifier
    // needs the lock to take the page away. The mask aligns the address.
    unsafe { read_real(real & !3) }
}

/// Copies a word of guest memory through userspace's mapping.
fn copy_guest<T: Word>(vcpu: &Vcpu<Hv>, gpa: u64) -> Option<T> {
    let mut bytes = [0; 8];
    vcpu.vm()
        .read_guest(gpa, bytes.get_mut(..size_of::<T>())?)
        .ok()?;
    Some(T::of_bytes(bytes))
}

/// Reads a word of guest memory at `gpa`, which is aligned for it, from the tree or else through userspace's mapping.
#[inline]
fn read_guest<T: Word>(vcpu: &Vcpu<Hv>, gpa: u64, little: bool) -> Option<T> {
    if let Some(word) = vcpu.vm().mmu.lock().read::<T>(gpa) {
        return Some(word.of_memory(little));
    }
    // A copy from userspace may load a word in several pieces, and the word may change between them. Two copies that
    // differ show that, and then the guest has to try again.
    let first: T = copy_guest(vcpu, gpa)?;
    (copy_guest(vcpu, gpa) == Some(first)).then(|| first.of_memory(little))
}

/// Guest effective to guest real address, as an access by the guest would be translated now.
///
/// The leaf's R and C bits are not looked at: either the hardware has translated the access already and has set them,
/// or it will set them when the guest makes the access.
pub(crate) fn translate(
    vcpu: &Vcpu<Hv>,
    st: &HvVcpu,
    ea: u64,
    access: Access,
) -> Result<u64, Fault> {
    if !vcpu.vm().arch.is_radix() {
        return hash::walk::translate(vcpu, st, ea, access);
    }
    translate_by(vcpu, st, ea, access, |gpa| {
        read_guest::<u64>(vcpu, gpa, false)
    })
}

/// [`translate`] with a function that reads big-endian doublewords of the guest's tables.
#[inline(always)]
fn translate_by(
    vcpu: &Vcpu<Hv>,
    st: &HvVcpu,
    ea: u64,
    access: Access,
    read: impl FnMut(u64) -> Option<u64>,
) -> Result<u64, Fault> {
    let msr = st.msr();
    let ea = truncated(ea, msr);
    if !relocated(msr, access) {
        return Ok(real_mode_address(ea));
    }
    let (pid, amr, iamr) = st.switch.translation();
    let context = Context {
        process_table: vcpu.vm().arch.process_table(),
        pid,
        problem_state: msr.contains(Msr::PR),
        amr,
        iamr,
    };
    let page = walk(&context, ea, read)?;
    match page.check(&context, access) {
        Err(Fault::Storage(why)) if !why.contains(crate::isa::dsisr::Dsisr::SET_RC) => {
            Err(Fault::Storage(why))
        }
        _ => Ok(page.real),
    }
}

/// Fetches the instruction that the guest is at from memory that the tree maps, taking the lock once. `None` if that
/// memory is not all mapped, or if the instruction has a prefix.
pub(crate) fn fetch_at_once(vcpu: &Vcpu<Hv>, st: &mut HvVcpu) -> Option<Insn> {
    let mmu = vcpu.vm().mmu.try_lock()?;
    let table = |gpa| Some(mmu.read::<u64>(gpa)?.of_memory(false));
    let gpa = translate_by(vcpu, st, st.nip(), Access::Fetch, table).ok()?;
    fetched(vcpu, st, mmu.read::<u32>(gpa)?)
}

/// The same for a guest that uses hash, by the entry that the hardware has fetched it by.
pub(crate) fn fetch_by_hash(vcpu: &Vcpu<Hv>, st: &mut HvVcpu) -> Option<Insn> {
    let mmu = vcpu.vm().mmu.try_lock()?;
    let nip = st.nip();
    let word = read_by_hash(&mmu, st, nip)?;
    fetched(vcpu, st, word)
}

/// The instruction of this word, as loaded from memory. `None` if it is a prefix.
#[inline(always)]
fn fetched(vcpu: &Vcpu<Hv>, st: &HvVcpu, word: u32) -> Option<Insn> {
    let word = word.of_memory(st.msr().contains(Msr::LE));
    let prefixed = vcpu.vm().arch.features.arch_31() && Insn::is_prefix(word);
    (!prefixed).then(|| Insn::word(word))
}

/// Fetches the instruction that the guest is at. `None` if another processor of the guest has changed its tables
/// meanwhile, so that the fetch fails: the guest has to try again.
pub(crate) fn fetch(vcpu: &Vcpu<Hv>, st: &HvVcpu) -> Option<Insn> {
    let nip = st.nip();
    let gpa = translate(vcpu, st, nip, Access::Fetch).ok()?;
    let little = st.msr().contains(Msr::LE);
    let word = |gpa| read_guest::<u32>(vcpu, gpa, little);
    let first = word(gpa)?;
    if !vcpu.vm().arch.features.arch_31() || !Insn::is_prefix(first) {
        return Some(Insn::word(first));
    }
    // A prefixed instruction does not cross a 64-byte boundary, so both words are in one page.
    Some(Insn::prefixed(first, word(gpa + 4)?))
}
