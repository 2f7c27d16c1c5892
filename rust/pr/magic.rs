// SPDX-License-Identifier: GPL-2.0

//! The magic page: privileged registers in a page that a vCPU shares with its guest's kernel, which then reads and
//! writes them without exits. The guest asks for it, and rewrites its own instructions.
//!
//! Source: `Documentation/virt/kvm/ppc-pv.rst`. The layout is `struct kvm_vcpu_arch_shared`.

use super::{
    mmu::{SegmentKey, PAGE_4K},
    state::{ordered_word, Magic},
    translate::unmap_all,
    vcpu::PrVcpu,
    vm::Pr,
};
use crate::{
    bindings::kvm_vcpu_arch_shared as Shared,
    host::{
        hash::{Frame, Permission},
        page::{Field, SharedPage},
    },
    isa::{
        hpte::{Hpte, HpteR},
        lpcr::Lpcr,
        msr::Msr,
        radix_walk::{real_mode_address, truncated, Access},
    },
    vm::Vcpu,
};
use core::mem::offset_of;
use kernel::{prelude::*, sync::Arc};

/// The page has 4 KB.
const PAGE: u64 = PAGE_4K;
const SEGMENT_SHIFT: u32 = 28;
/// A flag in the effective address that the guest gives: its kernel executes nothing that its page table has as
/// no-execute.
const NOT_MAPPED_NX: u64 = 1;

macro_rules! field {
    ($name:ident) => {
        const { Field::new(offset_of!(Shared, $name)) }
    };
}

/// The guest wants the page at `ea` and, without relocation, at `real`. `ENOMEM`.
pub(crate) fn map(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, real: u64, ea: u64) -> Result {
    // In 32-bit mode the upper halves of registers are no part of an address.
    let (real, ea) = (truncated(real, st.msr()), truncated(ea, st.msr()));
    let page = match &st.magic {
        Some(magic) => magic.page.clone(),
        None => {
            let page = Arc::new(SharedPage::new()?, GFP_KERNEL_ACCOUNT)?;
            let mut pages = vcpu.vm().arch.magic_pages.lock();
            pages.push(page.clone(), GFP_KERNEL_ACCOUNT)?;
            page
        }
    };
    st.magic = Some(Magic {
        page,
        ea: ea & PAGE,
        real: real_mode_address(real) & PAGE,
        big_endian: !st.lpcr.contains(Lpcr::ILE),
        code_is_no_execute: ea & NOT_MAPPED_NX == 0,
    });
    // What was shadowed where the page was before, and where it is now, is not valid any more.
    st.forget_segments();
    unmap_all(vcpu.vm());
    Ok(())
}

/// The segment at `ea`, given the one by the guest's SLB, `key`. The segment that has the magic page is this vCPU's
/// alone, and exists even if the guest's SLB has none.
#[inline]
pub(crate) fn segment(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    ea: u64,
    key: Option<SegmentKey>,
) -> Option<SegmentKey> {
    match &st.magic {
        Some(magic) if reachable(st) && magic.distance(ea, relocated(st)) >> SEGMENT_SHIFT == 0 => {
            let key = key.unwrap_or_else(|| SegmentKey::real(ea, false, false));
            Some(key.of_vcpu(vcpu.id))
        }
        _ => key,
    }
}

/// The magic page, and what the guest may do with it, if that is what an access is to.
pub(crate) fn page(st: &PrVcpu, ea: u64, access: Access) -> Option<(Frame, Permission)> {
    let magic = st.magic.as_ref()?;
    let fetch = matches!(access, Access::Fetch);
    if fetch || !reachable(st) || magic.distance(ea, relocated(st)) & PAGE != 0 {
        return None;
    }
    let permission = Permission {
        write: true,
        execute: false,
        cache_inhibited: false,
    };
    Some((Frame::of_shared_page(&magic.page), permission))
}

/// The entry with the protection that applies: unless the guest's kernel has said that it respects no-execute, it may
/// execute everything.
pub(crate) fn protection(st: &PrVcpu, hpte: Hpte) -> Hpte {
    match &st.magic {
        Some(magic) if magic.code_is_no_execute && reachable(st) => Hpte {
            r: hpte.r.without(HpteR::N),
            ..hpte
        },
        _ => hpte,
    }
}

fn relocated(st: &PrVcpu) -> bool {
    st.msr().contains(Msr::DR)
}

/// The page is there in privileged state only.
fn reachable(st: &PrVcpu) -> bool {
    !st.msr().contains(Msr::PR)
}

/// Can the guest's SLB entry for `ea` change how the magic page is mapped?
#[inline]
pub(crate) fn touched(st: &PrVcpu, ea: u64) -> bool {
    // The entry may be of a segment of 1 TB.
    matches!(&st.magic, Some(magic) if (magic.ea ^ ea) >> 40 == 0)
}

/// Is the guest's kernel in a critical section, in which it must not be interrupted? It is if `critical` equals r1.
#[inline]
pub(crate) fn critical(st: &PrVcpu) -> bool {
    match &st.magic {
        Some(magic) => magic.critical(st),
        None => false,
    }
}

/// Before the guest runs: writes the registers to the page, and whether an interrupt waits for MSR[EE].
#[inline]
pub(crate) fn put(st: &PrVcpu, interrupt: bool) {
    if let Some(magic) = &st.magic {
        magic.put(st, interrupt);
    }
}

/// After the guest has run: reads the registers from the page.
#[inline]
pub(crate) fn take(st: &mut PrVcpu) {
    match &st.magic {
        Some(magic) if magic.swapped() => take_swapped(st),
        Some(_) => take_as::<false>(st),
        None => {}
    }
}

// Most processors need many instructions to swap bytes, so there is a path without for guests of the host's byte order.
impl Magic {
    #[inline]
    fn critical(&self, st: &PrVcpu) -> bool {
        match self.swapped() {
            true => self.critical_swapped(st),
            false => self.critical_as::<false>(st),
        }
    }

    #[inline(never)]
    fn critical_swapped(&self, st: &PrVcpu) -> bool {
        self.critical_as::<true>(st)
    }

    #[inline(always)]
    fn critical_as<const SWAPPED: bool>(&self, st: &PrVcpu) -> bool {
        let differs = self.read::<SWAPPED>(field!(critical)) ^ st.gpr(1);
        let differs = match st.msr().contains(Msr::SF) {
            true => differs,
            false => differs & 0xffff_ffff,
        };
        differs == 0 && reachable(st)
    }

    #[inline]
    fn put(&self, st: &PrVcpu, interrupt: bool) {
        match self.swapped() {
            true => self.put_swapped(st, interrupt),
            false => self.put_as::<false>(st, interrupt),
        }
    }

    #[inline(never)]
    fn put_swapped(&self, st: &PrVcpu, interrupt: bool) {
        self.put_as::<true>(st, interrupt);
    }

    #[inline(always)]
    fn put_as<const SWAPPED: bool>(&self, st: &PrVcpu, interrupt: bool) {
        let [sprg0, sprg1, sprg2, ..] = st.sprg;
        self.write::<SWAPPED>(field!(sprg0), sprg0);
        self.write::<SWAPPED>(field!(sprg1), sprg1);
        self.write::<SWAPPED>(field!(sprg2), sprg2);
        self.write::<SWAPPED>(field!(sprg3), st.switch.sprg3());
        self.write::<SWAPPED>(field!(srr0), st.srr0);
        self.write::<SWAPPED>(field!(srr1), st.srr1);
        self.write::<SWAPPED>(field!(dar), st.dar);
        self.write::<SWAPPED>(field!(msr), st.msr().raw());
        let word = |field, val| self.page.write(field, ordered_word::<SWAPPED>(val));
        word(field!(dsisr), st.dsisr);
        word(field!(int_pending), interrupt.into());
    }
}

#[inline(never)]
fn take_swapped(st: &mut PrVcpu) {
    take_as::<true>(st);
}

#[inline(always)]
fn take_as<const SWAPPED: bool>(st: &mut PrVcpu) {
    let Some(magic) = &st.magic else {
        return;
    };
    let [sprg0, sprg1, sprg2, ..] = &mut st.sprg;
    *sprg0 = magic.read::<SWAPPED>(field!(sprg0));
    *sprg1 = magic.read::<SWAPPED>(field!(sprg1));
    *sprg2 = magic.read::<SWAPPED>(field!(sprg2));
    let sprg3 = magic.read::<SWAPPED>(field!(sprg3));
    st.switch.set_sprg3(sprg3);
    st.srr0 = magic.read::<SWAPPED>(field!(srr0));
    st.srr1 = magic.read::<SWAPPED>(field!(srr1));
    st.dar = magic.read::<SWAPPED>(field!(dar));
    st.dsisr = ordered_word::<SWAPPED>(magic.page.read(field!(dsisr)));
    let msr = Msr::from_raw(magic.read::<SWAPPED>(field!(msr)));
    // The bits that the guest may change without an exit. The way it is run does not depend on them.
    let untrapped = Msr::EE | Msr::RI;
    st.switch.msr = st.switch.msr.without(untrapped) | msr.masked(untrapped);
}
