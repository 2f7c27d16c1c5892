// SPDX-License-Identifier: GPL-2.0

//! What the hypercalls on a hashed page table ask for (PAPR, "Page Table Access"), wherever the table is.

use crate::{
    emulate::regs::Regs,
    isa::{
        hcall::HReturn,
        hcall_args::{BulkRemove, PageFlags},
        hpte::{Hpte, HpteR, HpteV, GROUP_ENTRIES},
    },
};
use core::ops::RangeInclusive;

/// The entries that `H_ENTER` may use: with `EXACT` this one, else those of its group.
pub fn slots(flags: PageFlags, index: u64) -> RangeInclusive<u64> {
    if flags.contains(PageFlags::EXACT) {
        return index..=index;
    }
    let first = index & !(GROUP_ENTRIES - 1);
    first..=first | (GROUP_ENTRIES - 1)
}

/// Whether a request may change an entry: it is valid, and matches the AVPN as `flags` ask.
pub fn selected(flags: PageFlags, avpn: u64, v: HpteV) -> bool {
    let differs = flags.contains(PageFlags::AVPN) && v.raw() & !0x7f != avpn;
    let excluded = flags.contains(PageFlags::ANDCOND) && v.raw() & avpn != 0;
    v.contains(HpteV::V) && !differs && !excluded
}

/// The second doubleword of an entry after `H_PROTECT` with these flags. The flag that says whether to compare the AVPN
/// is no part of it.
pub fn protected(flags: u64, r: HpteR) -> HpteR {
    let low = HpteR::N.with_pp_low(3).with_key_low(7);
    let pp0 = HpteR::PP0.raw() & flags << 55;
    let key_high = HpteR::EMPTY.with_key_high(3).raw() & flags << 48;
    let bits = HpteR::from_raw(flags).masked(low) | HpteR::from_raw(pp0 | key_high);
    r.replaced(low | HpteR::PP0.with_key_high(3), bits)
}

/// One entry that `H_BULK_REMOVE` is to remove.
#[derive(Clone, Copy)]
pub struct Removal {
    /// Which conditions there are.
    pub flags: PageFlags,
    /// Where the entry is.
    pub index: u64,
    /// What the conditions are about.
    pub avpn: u64,
    /// The entry that was removed, or why there is none; `None` if that was not tried.
    pub done: Option<Result<Hpte, HReturn>>,
}

/// `H_BULK_REMOVE`: up to four pairs of a specifier and an AVPN in r4 to r11. `remove` is called with what they ask for,
/// in order, up to the first that is malformed. It has to set what became of each, up to the first that failed with
/// anything but `H_NOT_FOUND`. Each specifier is replaced by the answer.
pub fn bulk_remove<R: Regs>(regs: &mut R, remove: impl FnOnce(&mut [Removal])) -> HReturn {
    const PAIRS: [u8; 4] = [4, 6, 8, 10];
    let mut removals = [Removal {
        flags: PageFlags::EMPTY,
        index: 0,
        avpn: 0,
        done: None,
    }; PAIRS.len()];
    let mut count = 0;
    let mut ret = HReturn::H_SUCCESS;
    for (removal, gpr) in removals.iter_mut().zip(PAIRS) {
        let request = BulkRemove::from_raw(regs.gpr(gpr));
        match request.kind() {
            1 => {}
            3 => break,
            _ => {
                ret = HReturn::H_PARAMETER;
                break;
            }
        }
        removal.flags = match request.flags() {
            0 => PageFlags::EMPTY,
            1 => PageFlags::ANDCOND,
            2 => PageFlags::AVPN,
            _ => {
                // It is answered, unless one before it fails.
                removal.done = Some(Err(HReturn::H_PARAMETER));
                break;
            }
        };
        removal.index = request.index();
        removal.avpn = regs.gpr(gpr + 1);
        count += 1;
    }
    if let Some(removals) = removals.get_mut(..count) {
        remove(removals);
    }
    for (removal, gpr) in removals.iter().zip(PAIRS) {
        let Some(done) = removal.done else {
            break;
        };
        let answer = BulkRemove::from_raw(regs.gpr(gpr)).with_kind(2).with_rc(0);
        let (answer, failed) = match done {
            Ok(hpte) => {
                let r = u64::from(hpte.r.contains(HpteR::R));
                let c = u64::from(hpte.r.contains(HpteR::C));
                (answer.with_code(0).with_rc(r << 1 | c), None)
            }
            Err(HReturn::H_NOT_FOUND) => (answer.with_code(1), None),
            Err(HReturn::H_PARAMETER) => (answer.with_code(2), Some(HReturn::H_PARAMETER)),
            Err(other) => (answer.with_code(3), Some(other)),
        };
        regs.set_gpr(gpr, answer.raw());
        if let Some(failed) = failed {
            return failed;
        }
    }
    ret
}

/// Has `remove` remove one after the other, for [`bulk_remove`].
pub fn one_by_one(
    removals: &mut [Removal],
    mut remove: impl FnMut(PageFlags, u64, u64) -> Result<Hpte, HReturn>,
) {
    for removal in removals {
        let done = remove(removal.flags, removal.index, removal.avpn);
        removal.done = Some(done);
        if done.is_err_and(|why| why != HReturn::H_NOT_FOUND) {
            break;
        }
    }
}
