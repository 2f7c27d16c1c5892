// SPDX-License-Identifier: GPL-2.0

//! A guest's process-scoped radix translation in software: effective to guest real address.
//!
//! Source: ISA Book III, "Radix Tree Translation", "Storage Protection" and "Reference and Change Recording", and the
//! POWER9 and POWER10 user manuals for the trees that those processors support. As the processors do, the walk ignores
//! reserved bits of the tables and the bits of a table's or page's address that lie below its size.

use super::dsisr::Dsisr;
use super::msr::Msr;
use super::rpte::{Attribute, Patb0, Patb1, Rpte, TABLE_ENTRY_BYTES};

/// What an access wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Instruction fetch.
    Fetch,
    /// Load.
    Load,
    /// Store.
    Store,
}

/// The registers of a guest's thread that its translation depends on.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The process table, as the second doubleword of the guest's partition table entry has it.
    pub process_table: Patb1,
    /// PIDR.
    pub pid: u32,
    /// `MSR[PR]`.
    pub problem_state: bool,
    /// AMR.
    pub amr: u64,
    /// IAMR.
    pub iamr: u64,
}

/// A page that a walk found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// Guest real address of the byte that was looked up.
    pub real: u64,
    /// Shift of the page's size.
    pub shift: u32,
    /// The leaf.
    pub pte: Rpte,
    /// Guest real address of the leaf.
    pub pte_address: u64,
}

/// Why there is no translation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Data or instruction segment interrupt: the effective address is in a quadrant or range that has no meaning for
    /// a guest.
    Segment,
    /// Data or instruction storage interrupt with these bits of DSISR (for a fetch, of SRR1).
    Storage(Dsisr),
    /// The tables could not be read at this guest real address: the host has no page there at the moment, or the table
    /// lies outside the guest's memory (on hardware, a hypervisor storage interrupt with [`Dsisr::PRTABLE_FAULT`]).
    Unreadable(u64),
}

/// Bits 2:11 of an effective address, which must be zero.
const EA_UNUSED: u64 = 0x3ff0_0000_0000_0000;

/// An effective address without its quadrant.
const EA_OFFSET: u64 = 0x000f_ffff_ffff_ffff;

/// Which process an effective address belongs to, or [`Fault::Segment`]: quadrant 0 is the process's own (PIDR),
/// quadrant 3 the kernel's (process 0), 1 and 2 are the hypervisor's.
pub const fn effective_pid(ea: u64, pid: u32) -> Result<u32, Fault> {
    if ea & EA_UNUSED != 0 {
        return Err(Fault::Segment);
    }
    match ea >> 62 {
        0 => Ok(pid),
        3 => Ok(0),
        _ => Err(Fault::Segment),
    }
}

/// Whether accesses of this kind are translated with this MSR.
#[inline]
pub const fn relocated(msr: Msr, access: Access) -> bool {
    msr.contains(match access {
        Access::Fetch => Msr::IR,
        _ => Msr::DR,
    })
}

/// The guest real address of an access with relocation off: the high 4 bits of the effective address do not count.
pub const fn real_mode_address(ea: u64) -> u64 {
    ea & 0x0fff_ffff_ffff_ffff
}

/// An effective address as the processor computes it: truncated to 32 bits unless `MSR[SF]`, ISA Book I, "Effective
/// Address Calculation".
pub const fn truncated(ea: u64, msr: Msr) -> u64 {
    if msr.contains(Msr::SF) {
        ea
    } else {
        ea & 0xffff_ffff
    }
}

/// Finds the page of an effective address, whatever may be done with it.
///
/// `read` gives the doubleword (in the processor's byte order: the tables are big-endian) at a guest real address, a
/// multiple of 8; `None` ends the walk with [`Fault::Unreadable`].
pub fn walk<F>(context: &Context, ea: u64, mut read: F) -> Result<Page, Fault>
where
    F: FnMut(u64) -> Option<u64>,
{
    let unsupported = Err(Fault::Storage(Dsisr::UNSUPP_MMU));
    let pid = effective_pid(ea, context.pid)?;

    let table = context.process_table;
    let Some(bytes) = table.table_bytes() else {
        return unsupported;
    };
    let offset = u64::from(pid) * TABLE_ENTRY_BYTES;
    if table.base() & (bytes - 1) != 0 {
        return unsupported;
    }
    if offset >= bytes {
        return Err(Fault::Storage(Dsisr::NOPTE));
    }
    let entry_address = table.base() | offset;
    let entry = Patb0::from_raw(read(entry_address).ok_or(Fault::Unreadable(entry_address))?);
    if entry.address_bits() != 52 {
        return unsupported;
    }

    walk_tree(entry.root(), entry.rpds(), ea & EA_OFFSET, read)
}

/// Walks a tree of 52 bits of address from its root directory of 2^`bits` entries.
///
/// `address` is what the tree translates (its low 52 bits), `read` as for [`walk`]. Also fits a partition-scoped tree
/// in guest memory, with a guest real address.
pub fn walk_tree<F>(root: u64, bits: u64, address: u64, mut read: F) -> Result<Page, Fault>
where
    F: FnMut(u64) -> Option<u64>,
{
    let unsupported = Err(Fault::Storage(Dsisr::UNSUPP_MMU));
    let mut base = root;
    let mut bits = bits;
    let mut shift: u32 = 52;

    // From the root down; the number of index bits that the processors support at each level.
    for (level, supported) in [(3, [13, 13]), (2, [9, 9]), (1, [9, 9]), (0, [9, 5])] {
        if !supported.contains(&bits) {
            return unsupported;
        }
        // This does not underflow: the levels have at most 13 + 9 + 9 + 9 of the 52 bits.
        shift -= bits as u32;
        let index = (address >> shift) & ((1 << bits) - 1);
        let entry_address = (base & !((8 << bits) - 1)) | (index * 8);
        let entry = Rpte::from_raw(read(entry_address).ok_or(Fault::Unreadable(entry_address))?);
        if !entry.is_valid() {
            return Err(Fault::Storage(Dsisr::NOPTE));
        }
        if entry.is_leaf() {
            if level == 3 {
                return unsupported;
            }
            let within = (1 << shift) - 1;
            return Ok(Page {
                real: (entry.real() & !within) | (address & within),
                shift,
                pte: entry,
                pte_address: entry_address,
            });
        }
        base = entry.table();
        bits = entry.nls();
    }

    // The lowest level's entry was a directory entry.
    unsupported
}

impl Page {
    /// Whether this access may be made to the page: attributes, encoded access authority, AMR and IAMR, and reference
    /// and change bits, which a guest's own tables must have set already.
    pub const fn check(&self, context: &Context, access: Access) -> Result<(), Fault> {
        let pte = self.pte;
        let privileged_page = pte.intersects(Rpte::PRIV);

        // Privileged code that reaches into a problem-state page is subject to key 0 of AMR and IAMR.
        let keyed = !context.problem_state && !privileged_page;
        let write_denied = keyed && context.amr >> 63 & 1 != 0;
        let read_denied = keyed && context.amr >> 62 & 1 != 0;
        let fetch_denied = keyed && context.iamr >> 62 & 1 != 0;

        let hidden = context.problem_state && privileged_page;
        match access {
            Access::Fetch => {
                let guarded = matches!(pte.attribute(), Attribute::NonIdempotent);
                if guarded || hidden || fetch_denied || !pte.may_execute() {
                    return Err(Fault::Storage(Dsisr::NOEXEC_OR_G));
                }
            }
            Access::Load => {
                if hidden || read_denied || !pte.may_read() {
                    return Err(Fault::Storage(Dsisr::PROTFAULT));
                }
            }
            Access::Store => {
                if hidden || write_denied || !pte.may_write() {
                    return Err(Fault::Storage(Dsisr::PROTFAULT.with(Dsisr::ISSTORE)));
                }
            }
        }

        let recorded = match access {
            Access::Store => pte.contains(Rpte::RC),
            _ => pte.contains(Rpte::R),
        };
        if recorded {
            Ok(())
        } else {
            Err(Fault::Storage(store_bit(Dsisr::SET_RC, access)))
        }
    }
}

/// `dsisr` with ISSTORE for a store.
const fn store_bit(dsisr: Dsisr, access: Access) -> Dsisr {
    dsisr.set(Dsisr::ISSTORE, matches!(access, Access::Store))
}

/// Translates an effective address for an access with relocation on: [`walk`], then [`Page::check`].
///
/// `read` as for [`walk`].
pub fn translate<F>(context: &Context, ea: u64, access: Access, read: F) -> Result<Page, Fault>
where
    F: FnMut(u64) -> Option<u64>,
{
    let page = walk(context, ea, read).map_err(|fault| match fault {
        Fault::Storage(dsisr) => Fault::Storage(store_bit(dsisr, access)),
        other => other,
    })?;
    page.check(context, access)?;
    Ok(page)
}
