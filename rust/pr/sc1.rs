// SPDX-License-Identifier: GPL-2.0

//! Hypercalls in a partition, where `sc 1` in problem state goes to the hypervisor below: in pages that the guest's
//! kernel executes, the reserved word that traps takes its place, for good. Documentation/pr.rst.

use super::{hpt::Translated, vcpu::PrVcpu, Pr};
use crate::{
    isa::{insn, msr::Msr, radix_walk::Access},
    vm::Vcpu,
};
use core::ops::Range;
use kernel::prelude::*;

/// Bytes of a page that are looked at at a time.
const CHUNK: usize = 4096;

/// So often a page is taken for either code or data; one that is both cannot be watched for new code.
const FLIPS: u8 = 16;

/// What may be shadowed of the page that an access was translated to, so that no `sc 1` is executed: pages are
/// executable once they were searched, and searched again after they were written.
#[inline]
pub(crate) fn restrict(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    to: &mut Translated,
    ea: u64,
    access: Access,
) -> Result {
    if vcpu.vm().arch.features.hvmode() || !st.papr || st.msr().contains(Msr::PR) {
        return Ok(());
    }
    restrict_in_partition(vcpu, st, to, ea, access)
}

#[inline(never)]
fn restrict_in_partition(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    to: &mut Translated,
    ea: u64,
    access: Access,
) -> Result {
    let vm = vcpu.vm();
    let mut mmu = vm.mmu.lock();
    let both = mmu.flips(to.key, ea) >= FLIPS;
    match access {
        Access::Fetch => {
            to.write &= both;
            // No other vCPU stores there until the page is mapped again, for which `PrVm::hpt` is needed.
            mmu.withdraw(to.key, ea);
            drop(mmu);
            let size = 1u64 << if to.key.large() { 16 } else { 12 };
            let page = to.gpa & !(size - 1);
            rewrite(vcpu, page..page + size, st.msr().contains(Msr::LE))
        }
        _ => {
            to.execute &= both;
            Ok(())
        }
    }
}

/// Replaces each `sc 1`. `ENOMEM`; of what cannot be read or written, nothing.
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
