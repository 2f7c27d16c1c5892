// SPDX-License-Identifier: GPL-2.0

//! Calls to the hypervisor below that flush what it has cached of a guest's translations.

use super::{
    api::{Api, LPID_BITS},
    emulated::emulated,
    hcall::call_busy,
};
use crate::{
    bindings,
    host::features::page_ap,
    isa::{
        hcall::{HReturn, Hcall},
        hcall_args::{RptPages, RptTarget, RptType, TlbInvalidate, TlbieRb},
    },
};

/// What of a guest's cached partition-scoped state is to be flushed.
#[derive(Clone, Copy)]
pub(crate) enum Flush {
    /// The translations of a page: guest real address and shift.
    Page(u64, u32),
    /// Directory entries.
    Directories,
    /// All translations and directory entries.
    Translations,
    /// The same, and the partition table entry.
    All,
}

/// Flushes on all of the partition's processors, and waits until no access uses what is flushed. Interrupts have to be
/// enabled. Does not sleep. Returns false if the hypervisor does not do it.
#[must_use]
pub(crate) fn flush(api: Api, guest: u64, what: Flush) -> bool {
    // SAFETY: Reads the firmware's features, which do not change.
    if unsafe { bindings::kvm_ppc_has_rpt_invalidate() } {
        return flush_by(rpt_invalidate, guest, what);
    }
    let done = match api {
        Api::V1 => flush_by(tlb_invalidate, guest, what),
        // This interface has no other call.
        Api::V2 => emulated(),
    };
    if emulated() {
        // QEMU's emulation flushes when a guest exits, but not on such a call.
        exit_guests();
    }
    done
}

/// Makes all CPUs leave the guests that they are in, and waits until they have. Interrupts have to be enabled.
pub(crate) fn exit_guests() {
    // SAFETY: Sends interrupts that do nothing.
    unsafe { bindings::kvm_ppc_exit_guests() };
}

/// Flushes by one of the calls below, or else all of the guest. Returns false if the hypervisor refuses both.
fn flush_by(invalidate: fn(u64, Flush) -> HReturn, guest: u64, what: Flush) -> bool {
    [what, Flush::All]
        .into_iter()
        .any(|what| invalidate(guest, what) == HReturn::H_SUCCESS)
}

/// Does the hypervisor have `H_TLB_INVALIDATE`? It is asked to flush what there is of a guest that there is not.
pub(super) fn offered() -> bool {
    tlb_invalidate((1 << LPID_BITS) - 1, Flush::All) != HReturn::H_FUNCTION
}

/// `H_RPT_INVALIDATE`, whose first argument is the guest if the type is nested, else a process.
fn rpt_invalidate(guest: u64, what: Flush) -> HReturn {
    let (kind, pages, start, end) = match what {
        Flush::Page(gpa, shift) => {
            let start = gpa & !((1 << shift) - 1);
            let end = start + (1 << shift);
            (RptType::TLB, RptPages::of_shift(shift), start, end)
        }
        Flush::Directories => (RptType::PWC, RptPages::ALL, 0, u64::MAX),
        Flush::Translations => (RptType::TLB | RptType::PWC, RptPages::ALL, 0, u64::MAX),
        Flush::All => (
            RptType::TLB | RptType::PWC | RptType::TABLE,
            RptPages::ALL,
            0,
            u64::MAX,
        ),
    };
    let kind = kind | RptType::NESTED;
    let target = RptTarget::CMMU.raw();
    let args = [guest, target, kind.raw(), pages.raw(), start, end];
    // SAFETY: Invalidating is always safe.
    unsafe { call_busy(Hcall::H_RPT_INVALIDATE, args).0 }
}

/// RB that means all of a partition.
const PARTITION: TlbieRb = TlbieRb::EMPTY.with_is(2);

/// `H_TLB_INVALIDATE`, which older hypervisors have.
fn tlb_invalidate(guest: u64, what: Flush) -> HReturn {
    let (ric, rb) = match what {
        Flush::Page(gpa, shift) => match page_ap(shift) {
            Some(ap) => {
                let first = gpa & !((1 << shift) - 1);
                let rb = TlbieRb::EMPTY.with_epn(first >> 12).with_ap(ap.into());
                (0, rb)
            }
            None => (0, PARTITION),
        },
        Flush::Directories => (1, PARTITION),
        Flush::Translations | Flush::All => (2, PARTITION),
    };
    let tlbie = TlbInvalidate::R.with_ric(ric);
    let args = [tlbie.raw(), guest, rb.raw(), 0, 0, 0];
    // SAFETY: Invalidating is always safe.
    unsafe { call_busy(Hcall::H_TLB_INVALIDATE, args).0 }
}
