// SPDX-License-Identifier: GPL-2.0

//! Shadow segments of a vCPU.

use super::{
    magic,
    mmu::SegmentKey,
    slb::Mode,
    vcpu::PrVcpu,
    vm::{request, Pr},
};
use crate::{
    host::wait::cond_resched,
    isa::slb::{SegmentSize, Slbe},
    vm::Vcpu,
};

/// The guest has put this into its SLB and will use it, in problem state or before: a miss costs more than an entry
/// in vain. Of a larger segment, where is not known.
pub(crate) fn expected(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, slbe: Slbe) {
    let (Some(SegmentSize::Mb256), Some(page)) = (slbe.segment(), slbe.base_page_shift()) else {
        return;
    };
    let large = vcpu.vm().arch.large_pages() && page >= 16;
    let ea = slbe.esid.raw();
    for problem_state in [false, true] {
        if let Some(key) = SegmentKey::of_slbe(slbe, ea, problem_state, large) {
            known(vcpu, st, problem_state, ea, key);
        }
    }
}

/// The guest has this segment at `ea` in problem state or before, and will use it.
pub(crate) fn known(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    problem_state: bool,
    ea: u64,
    key: SegmentKey,
) {
    let mode = Mode::relocated(problem_state);
    if st.shadow.keeps(mode) && !magic::touched(st, ea) {
        shadow(vcpu, st, mode, ea, key);
    }
}

/// The guest runs in `mode` with the segment `key` at `ea`.
pub(crate) fn shadow(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, mode: Mode, ea: u64, key: SegmentKey) {
    let vm = vcpu.vm();
    let (vsid, stale, generation) = loop {
        let mut mmu = vm.mmu.lock();
        if let Some((vsid, stale)) = mmu.segment(key) {
            break (vsid, stale, mmu.generation());
        }
        drop(mmu);
        cond_resched();
    };
    if stale {
        // All vCPUs drop what they have before they enter again, and those in their guests come out.
        vm.arch_stats.segment_flushes.inc();
        vm.request_all(request::SEGMENTS);
    }
    if st.shadow.generation != generation {
        st.forget_segments();
        st.shadow.generation = generation;
    }
    let large_bits = vm.arch.mmu.large_bits;
    st.shadow.add(mode, ea, key, vsid, large_bits);
    st.slb_changed = true;
}
