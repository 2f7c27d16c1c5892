// SPDX-License-Identifier: GPL-2.0

//! Translating a guest's effective addresses by its SLB and its table, in software.

use super::{
    recent::{Key, Seen},
    table::{vrma_segment, Hpt},
};
use crate::{
    emulate::hpt::table::Entry,
    hv::{vcpu::HvVcpu, Hv},
    isa::{
        dsisr::Dsisr,
        msr::Msr,
        radix_walk::{real_mode_address, relocated, truncated, Access, Fault},
        slb::{self, SlbEsid, SlbVsid, Slbe},
    },
    vm::Vcpu,
};
use kernel::prelude::*;

/// The guest's segments.
fn segments(st: &HvVcpu) -> impl Iterator<Item = Slbe> + '_ {
    let arch = st.switch.arch();
    let used = arch.slb.iter().take(arch.slb_max.max(0) as usize);
    used.map(|entry| Slbe {
        esid: SlbEsid::from_raw(entry.orige),
        vsid: SlbVsid::from_raw(entry.origv),
    })
}

/// The guest's segment that `ea` is in.
fn segment(st: &HvVcpu, ea: u64) -> Option<Slbe> {
    slb::find(segments(st), ea)
}

/// What is wrong with an access by this entry in this segment, as the hardware would find it: in the virtual real mode
/// area there are no keys.
pub(super) fn check(st: &HvVcpu, slbe: Slbe, entry: &Entry, access: Access) -> Result<(), Dsisr> {
    let msr = st.msr();
    let (_, amr, iamr) = st.switch.translation();
    let (amr, iamr) = match relocated(msr, access) {
        true => (amr, iamr),
        false => (0, 0),
    };
    let problem_state = msr.contains(Msr::PR);
    entry
        .hpte
        .check(slbe.vsid, problem_state, amr, iamr, access)
}

/// Guest effective to guest real address, as an access by the guest would be translated now.
pub(crate) fn translate(
    vcpu: &Vcpu<Hv>,
    st: &HvVcpu,
    ea: u64,
    access: Access,
) -> Result<u64, Fault> {
    let msr = st.msr();
    let ea = truncated(ea, msr);
    if !relocated(msr, access) {
        return Ok(real_mode_address(ea));
    }
    let slbe = segment(st, ea).ok_or(Fault::Segment)?;
    let store = access == Access::Store;
    let none = Fault::Storage(Dsisr::NOPTE.set(Dsisr::ISSTORE, store));
    let mmu = vcpu.vm().mmu.lock();
    let hpt = mmu.hash.as_deref().ok_or(none)?;
    let (_, entry) = hpt.find(slbe, ea).ok_or(none)?;
    check(st, slbe, &entry, access).map_err(Fault::Storage)?;
    entry.hpte.real(ea).ok_or(none)
}

/// Where the hardware fetches the instruction at `ea` from, if a present entry has it.
pub(crate) fn fetched_from(hpt: &Hpt, st: &mut HvVcpu, ea: u64) -> Option<u64> {
    let ea = truncated(ea, st.msr());
    if let Some(seen) = &st.recent.fetch {
        let slbe = segments(st).nth(seen.segment);
        if slbe.is_some_and(|slbe| fetch_key(st, ea, slbe) == seen.key) {
            if let Some(real) = seen.real(hpt, ea) {
                return Some(real);
            }
        }
    }
    search(hpt, st, ea)
}

/// The same, by a search. Notes what it has found, if that was in a segment of the guest's.
#[inline(never)]
fn search(hpt: &Hpt, st: &mut HvVcpu, ea: u64) -> Option<u64> {
    let (place, slbe) = match relocated(st.msr(), Access::Fetch) {
        true => {
            let mut all = segments(st).enumerate();
            let (place, slbe) = all.find(|(_, slbe)| slbe.matches(ea))?;
            (Some(place), slbe)
        }
        false => (None, vrma_segment(real_mode_address(ea))),
    };
    let (index, entry) = hpt.find(slbe, ea)?;
    check(st, slbe, &entry, Access::Fetch).ok()?;
    let real = hpt.memory(index, ea)?;
    let seen = place.map(|place| Seen::new(hpt, fetch_key(st, ea, slbe), place, index, real));
    st.recent.fetch = seen;
    Some(real)
}

fn fetch_key(st: &HvVcpu, ea: u64, slbe: Slbe) -> Key {
    let (_, _, iamr) = st.switch.translation();
    Key {
        page: ea >> 12,
        slbe,
        msr: st.msr().masked(Msr::PR | Msr::IR).raw(),
        keys: iamr,
        dsisr: 0,
    }
}

/// The segment by which the hardware has looked for an entry: ASDR has its second doubleword, unless the access was not
/// translated.
pub(super) fn faulting_segment(msr: Msr, ea: u64, access: Access, asdr: u64) -> Slbe {
    if !relocated(msr, access) {
        return vrma_segment(ea);
    }
    let vsid = SlbVsid::from_raw(asdr);
    let shift = slb::SegmentSize::from_b(vsid.b()).map_or(28, slb::SegmentSize::shift);
    Slbe {
        esid: SlbEsid::from_raw(ea >> shift << shift).with(SlbEsid::V),
        vsid,
    }
}

/// The entry for an access, if it is still the one at `index` with these doublewords.
pub(super) fn still(hpt: &Hpt, index: u64, was: &Entry) -> Option<Entry> {
    let same_bits = crate::isa::hpte::HpteR::R | crate::isa::hpte::HpteR::C;
    let now = hpt.get(index)?;
    let same =
        now.hpte.v == was.hpte.v && now.hpte.r.without(same_bits) == was.hpte.r.without(same_bits);
    same.then_some(now)
}
