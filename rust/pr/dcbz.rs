// SPDX-License-Identifier: GPL-2.0

//! `dcbz` of guests whose cache blocks have 32 bytes, on a processor whose blocks have 128.
//!
//! The host's `dcbz` clears too much, and no bit of the processor makes it trap. So such a guest executes a page that
//! has the instruction in it from a copy, in which a reserved word that traps is in its place. The guest's memory stays
//! as it is, but what it loads from the page while it executes it is from the copy: an image of a kernel that copies
//! itself elsewhere takes the word along. So that word is `dcbz` to such a guest, wherever it is.
//!
//! No page is mapped for execution and for writing at once: a store to a page takes away what maps it for execution,
//! and before the page is searched for the instruction, what maps it for writing is taken away. Stores by userspace
//! are not seen.

use super::{
    hpt,
    mmu::{ShadowPage, PAGE_4K},
    translate::{lock, unmap_all, Absent, HptGuard, Miss, Translated},
    vcpu::PrVcpu,
    vm::{request, Pr},
};
use crate::{
    host::{
        code_page::CodePage,
        hash::{Frame, Permission},
        wait::cond_resched,
    },
    isa::{
        insn::Insn,
        radix_walk::{truncated, Access},
    },
    vm::Vcpu,
};
use kernel::{prelude::*, sync::atomic::Relaxed};

/// `dcbz` without its operands; and the bits that are not operands or reserved.
const DCBZ: u32 = 0x7c00_07ec;
pub(crate) const OPCODE: u32 = 0xffe0_07ff;
/// The bit in which the word that takes its place, which is no instruction, differs from it.
const TRAPPING: u32 = 8;

/// Is it `dcbz`, and not `dcbzl`?
const fn is_dcbz(word: u32) -> bool {
    word & OPCODE == DCBZ
}

/// The `dcbz` that this word is in the place of.
pub(crate) fn replaced(vcpu: &Vcpu<Pr>, insn: Insn) -> Option<Insn> {
    let word = insn.raw() ^ TRAPPING;
    (is_dcbz(word) && vcpu.vm().arch.dcbz_traps.load(Relaxed)).then_some(Insn::word(word))
}

/// Replaces each `dcbz` by the word that traps. Says whether there were any.
fn replace(code: &mut [u8]) -> bool {
    let mut any = false;
    for bytes in code.chunks_exact_mut(4) {
        let Some(bytes) = bytes.first_chunk_mut() else {
            continue;
        };
        let word = u32::from_be_bytes(*bytes);
        if is_dcbz(word) {
            *bytes = (word ^ TRAPPING).to_be_bytes();
            any = true;
        }
    }
    any
}

/// Makes each `dcbz` of the VM's guests trap from now on.
pub(crate) fn trap(vcpu: &Vcpu<Pr>) {
    let vm = vcpu.vm();
    {
        // With this lock held, no vCPU maps a page.
        let _locked = lock(&vm.arch.hpt);
        if vm.arch.dcbz_traps.load(Relaxed) {
            return;
        }
        vm.arch.dcbz_traps.store(true, Relaxed);
        vm.mmu.lock().watch_code();
    }
    unmap_all(vm);
    vm.request_all(request::SEGMENTS);
}

/// The result of searching a page's code.
pub(crate) enum Code {
    /// Nothing in it has to trap. The number says how often its frame had been mapped for writing when it was searched.
    Plain(u64),
    /// The copy to be executed, and how often the frame had been mapped for writing when the copy was made.
    Copy(KBox<CodePage>, u64),
}

/// Looks at the code in the page of `gpa`; `None` if that is not memory any more. `EFAULT` if it cannot be read,
/// `ENOMEM` without memory.
#[cold]
#[inline(never)]
pub(crate) fn look(vcpu: &Vcpu<Pr>, gpa: u64) -> Result<Option<Code>> {
    let vm = vcpu.vm();
    let mut page = CodePage::new()?;
    let count = loop {
        let taken = vm.mmu.lock().take_writers(gpa);
        if let Some(count) = taken {
            break count;
        }
        cond_resched();
    };
    if !vm.read_if_memory(gpa & PAGE_4K, page.bytes_mut())? {
        return Ok(None);
    }
    Ok(Some(match replace(page.bytes_mut()) {
        true => Code::Copy(page, count),
        false => Code::Plain(count),
    }))
}

/// Maps the copy of a page at `ea`; `count` as in [`Code::Copy`]. If that is not possible, the guest faults again.
#[cold]
#[inline(never)]
pub(crate) fn map(vcpu: &Vcpu<Pr>, to: &Translated, ea: u64, copy: KBox<CodePage>, count: u64) {
    let shadow = ShadowPage {
        ea,
        gpa: to.gpa,
        frame: Frame::of_code_page(&copy),
        permission: Permission {
            write: false,
            execute: to.execute,
            cache_inhibited: false,
        },
        looked: Some(count),
    };
    let unused = vcpu.vm().mmu.lock().map_copy(to.key, shadow, copy);
    drop(unused);
}

/// The effective address in the block that `insn` clears.
pub(crate) fn operand(st: &PrVcpu, insn: Insn) -> u64 {
    let base = match insn.ra() {
        0 => 0,
        ra => st.gpr(ra),
    };
    truncated(base.wrapping_add(st.gpr(insn.rb())), st.msr())
}

/// Is the instruction that stores to `gpa` in the same page?
#[cold]
#[inline(never)]
pub(crate) fn is_own(
    vcpu: &Vcpu<Pr>,
    st: &PrVcpu,
    locked: &HptGuard<'_>,
    gpa: u64,
) -> Result<bool, Absent> {
    match hpt::translate(vcpu, st, locked, st.nip(), Access::Fetch) {
        Ok(code) => Ok((code.gpa ^ gpa) & PAGE_4K == 0),
        Err(Miss::Fault(_)) => Ok(false),
        Err(Miss::Absent(absent)) => Err(absent),
    }
}

/// The module has written memory at `ea` for the guest, whether or not its guests' `dcbz` traps.
pub(crate) fn stored(vcpu: &Vcpu<Pr>, st: &PrVcpu, ea: u64) {
    if vcpu.vm().arch.dcbz_traps.load(Relaxed) {
        written(vcpu, st, ea);
    }
}

/// The module has written at `ea` for the guest: what maps that page for execution is taken away, so that it is
/// searched again.
pub(crate) fn written(vcpu: &Vcpu<Pr>, st: &PrVcpu, ea: u64) {
    if let Ok(gpa) = hpt::real_address(vcpu, st, ea, Access::Store) {
        while !vcpu.vm().mmu.lock().take_code(gpa) {
            cond_resched();
        }
    }
}
