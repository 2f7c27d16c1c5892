// SPDX-License-Identifier: GPL-2.0

//! The MMU of a 32-bit guest: its segments and blocks, and its page table, which is in its memory.

use super::{
    mmu::{SegmentKey, SegmentState},
    segment as shadow_segment,
    translate::{read_guest, store_guest, Absent, HptGuard, Miss, Translated},
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    isa::{
        bare::BatHalf,
        book3s32::{Found, Pte, SegmentRegister, Translation, GROUP_BYTES},
        msr::Msr,
        radix_walk::{Access, Fault},
    },
    vm::Vcpu,
};
use kernel::prelude::*;

/// The segment that an effective address is in, in this privilege state. What it stands for includes the blocks in it.
#[cold]
#[inline(never)]
pub(crate) fn segment(vcpu: &Vcpu<Pr>, st: &PrVcpu, ea: u64, problem_state: bool) -> SegmentKey {
    let (mmu, at) = (&st.mmu32, ea as u32);
    let sr = mmu.regs.segment(at);
    let blocks = mmu.regs.blocks_in_segment(at, problem_state);
    SegmentKey::book3s32(&SegmentState {
        vsid: sr.vsid(),
        problem_state,
        key: sr.key(problem_state),
        no_execute: sr.no_execute(),
        direct_store: sr.direct_store(),
        blocks: blocks.then_some((vcpu.id, mmu.blocks)),
    })
}

/// Translates an access, and notes reference and change in the page table.
#[cold]
#[inline(never)]
pub(crate) fn translate(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    locked: &HptGuard<'_>,
    ea: u64,
    access: Access,
    key: SegmentKey,
) -> Result<Translated, Miss> {
    let problem_state = st.msr().contains(Msr::PR);
    let at = ea as u32;
    let mmu = &st.mmu32.regs;
    let mut absent = None;
    let found = mmu.find(st.sdr1 as u32, at, problem_state, access, |group| {
        read_guest::<GROUP_BYTES>(vcpu.vm(), group.into(), locked).unwrap_or_else(|why| {
            absent = Some(why);
            None
        })
    });
    if let Some(absent) = absent {
        return Err(absent.into());
    }
    let found = found?;
    let check = |access| found.check(problem_state, access);
    check(access).map_err(Fault::Storage)?;
    let store = access == Access::Store;
    let mut write = check(Access::Store).is_ok();
    if let Translation::Page(_, page) = found {
        note(vcpu, page, store, locked)?;
        write &= store || page.pte.second & Pte::C != 0;
    }
    Ok(Translated {
        gpa: found.real(at).into(),
        write,
        execute: check(Access::Fetch).is_ok(),
        key,
        looked: None,
    })
}

/// Sets reference and, if asked to, change, each by a store of the byte that it is in, as the hardware does.
fn note(vcpu: &Vcpu<Pr>, found: Found, change: bool, locked: &HptGuard<'_>) -> Result<(), Absent> {
    let [.., with_r, with_c] = (found.pte.second | Pte::R | Pte::C).to_be_bytes();
    let second = u64::from(found.at) + 4;
    if found.pte.second & Pte::R == 0 {
        store_guest(vcpu.vm(), second + 2, with_r, locked)?;
    }
    if change && found.pte.second & Pte::C == 0 {
        store_guest(vcpu.vm(), second + 3, with_c, locked)?;
    }
    Ok(())
}

/// `mtsr`.
pub(crate) fn write_segment(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, number: u8, val: u32) {
    let Some(sr) = st.mmu32.regs.sr.get_mut(usize::from(number)) else {
        return;
    };
    let new = SegmentRegister::from_raw(val);
    if *sr == new {
        return;
    }
    *sr = new;
    let ea = u64::from(number) << 28;
    st.shadow.forget_translated(ea);
    st.slb_changed = true;
    // The guest will use the segment soon, and a miss costs more than to shadow it now.
    for problem_state in [false, true] {
        let key = segment(vcpu, st, ea, problem_state);
        shadow_segment::known(vcpu, st, problem_state, ea, key);
    }
}

/// `mtspr` of a BAT register.
pub(crate) fn write_block(st: &mut PrVcpu, half: BatHalf, val: u32) {
    let regs = &mut st.mmu32.regs;
    let bats = match half.data {
        true => &mut regs.dbat,
        false => &mut regs.ibat,
    };
    if let Some(bat) = bats.get_mut(usize::from(half.number)) {
        let to = match half.lower {
            true => &mut bat.lower,
            false => &mut bat.upper,
        };
        if *to == val {
            return;
        }
        *to = val;
    }
    st.mmu32.blocks_changed();
    st.forget_segments();
}

/// `mfspr` of a BAT register.
pub(crate) fn read_block(st: &PrVcpu, half: BatHalf) -> u32 {
    let regs = &st.mmu32.regs;
    let bats = match half.data {
        true => &regs.dbat,
        false => &regs.ibat,
    };
    let bat = bats.get(usize::from(half.number)).copied();
    bat.map_or(0, |bat| match half.lower {
        true => bat.lower,
        false => bat.upper,
    })
}
