// SPDX-License-Identifier: GPL-2.0

//! Hypercalls in a partition, where `sc 1` in problem state goes to the hypervisor below: in pages that the guest's
//! kernel executes, the reserved word that traps takes its place, for good. Documentation/pr.rst.

use super::{translate::Translated, vcpu::PrVcpu, vm::Pr};
use crate::{
    isa::{insn, msr::Msr, radix_walk::Access},
    vm::Vcpu,
};
use core::ops::Range;
use kernel::{page::PAGE_SHIFT, prelude::*};

/// Bytes of a page that are read and searched at a time.
const CHUNK: usize = 4096;

/// How often a page may change between being executed and being written. One that changes more often is mapped for
/// both, and not searched again.
const FLIPS: u8 = 16;

/// A page whose `sc 1` were replaced, and how often its frame had been mapped for writing at that time.
#[derive(Clone, Copy)]
pub(crate) struct Searched {
    gpa: u64,
    writes: u64,
}

/// Restricts what may be shadowed of the page that an access was translated to, so that no `sc 1` is executed: a page
/// is executable only after it was searched, and is searched again after it was written. False if it has to be
/// searched first, by [`search`].
#[inline]
pub(crate) fn restrict(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    to: &mut Translated,
    ea: u64,
    access: Access,
    searched: Option<Searched>,
) -> bool {
    if vcpu.vm().arch.features.hvmode() || !st.papr || st.msr().contains(Msr::PR) {
        return true;
    }
    restrict_in_partition(vcpu, to, ea, access, searched)
}

/// The page that has to be searched as a whole.
fn page(to: &Translated) -> Range<u64> {
    let size = 1u64 << if to.key.large() { 16 } else { 12 };
    let page = to.gpa & !(size - 1);
    page..page + size
}

#[inline(never)]
fn restrict_in_partition(
    vcpu: &Vcpu<Pr>,
    to: &mut Translated,
    ea: u64,
    access: Access,
    searched: Option<Searched>,
) -> bool {
    let both = vcpu.vm().mmu.lock().flips(to.key, ea) >= FLIPS;
    if access != Access::Fetch {
        to.execute &= both;
        return true;
    }
    to.write &= both;
    match searched {
        Some(searched) if searched.gpa == page(to).start => {
            // If it is mapped for writing as well, stores to it are not noticed any more.
            to.looked = (!both).then_some(searched.writes);
            true
        }
        _ => false,
    }
}

/// Replaces each `sc 1` in the page that a fetch from `ea` was translated to. `ENOMEM`. Sleeps.
pub(crate) fn search(vcpu: &Vcpu<Pr>, st: &PrVcpu, to: &Translated, ea: u64) -> Result<Searched> {
    let vm = vcpu.vm();
    let page = page(to);
    let gpa = page.start;
    let writes = {
        let mut mmu = vm.mmu.lock();
        // From now on a store to it faults first, and that is counted.
        mmu.withdraw(to.key, ea);
        mmu.writes(to.gpa >> PAGE_SHIFT)
    };
    rewrite(vcpu, page, st.msr().contains(Msr::LE))?;
    Ok(Searched { gpa, writes })
}

/// Replaces each `sc 1`. `ENOMEM`. What cannot be read or written is left as it is.
fn rewrite(vcpu: &Vcpu<Pr>, gpas: Range<u64>, little: bool) -> Result {
    let vm = vcpu.vm();
    let bytes = |word: u32| match little {
        true => word.to_le_bytes(),
        false => word.to_be_bytes(),
    };
    let (wanted, instead) = (bytes(insn::SC_1), bytes(insn::RESERVED_HYPERCALL));
    let mut chunk = KVec::from_elem(0u8, CHUNK, GFP_KERNEL_ACCOUNT)?;
    for at in gpas.step_by(CHUNK) {
        if vm.read_guest(at, &mut chunk).is_err() {
            continue;
        }
        for (word, gpa) in chunk.chunks_exact(4).zip((at..).step_by(4)) {
            if word == wanted && vm.write_guest(gpa, &instead).is_ok() {
                vcpu.arch_stats.rewritten_calls.inc();
            }
        }
    }
    Ok(())
}
