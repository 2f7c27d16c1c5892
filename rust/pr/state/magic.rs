// SPDX-License-Identifier: GPL-2.0

//! A magic page (`../magic.rs`).

use crate::{
    host::page::{Field, SharedPage},
    isa::radix_walk::real_mode_address,
};
use kernel::sync::Arc;

/// A vCPU's page, and where its guest has it.
pub(crate) struct Magic {
    pub(crate) page: Arc<SharedPage>,
    /// With data relocation on.
    pub(crate) ea: u64,
    /// With data relocation off.
    pub(crate) real: u64,
    pub(crate) big_endian: bool,
    /// The guest's kernel executes what its page table has as no-execute.
    pub(crate) code_is_no_execute: bool,
}

/// Between the host's byte order and the page's, which is the other one if `SWAPPED`.
#[inline(always)]
pub(crate) fn ordered<const SWAPPED: bool>(val: u64) -> u64 {
    match SWAPPED {
        true => val.swap_bytes(),
        false => val,
    }
}

/// The same for a word.
#[inline(always)]
pub(crate) fn ordered_word<const SWAPPED: bool>(val: u32) -> u32 {
    match SWAPPED {
        true => val.swap_bytes(),
        false => val,
    }
}

impl Magic {
    /// Is its byte order not the host's?
    #[inline]
    pub(crate) fn swapped(&self) -> bool {
        self.big_endian == cfg!(target_endian = "little")
    }

    /// A doubleword of it; `SWAPPED` is [`swapped`](Self::swapped).
    #[inline(always)]
    pub(crate) fn read<const SWAPPED: bool>(&self, field: Field<u64>) -> u64 {
        ordered::<SWAPPED>(self.page.read(field))
    }

    /// Sets a doubleword of it, as [`read`](Self::read).
    #[inline(always)]
    pub(crate) fn write<const SWAPPED: bool>(&self, field: Field<u64>, val: u64) {
        self.page.write(field, ordered::<SWAPPED>(val));
    }

    /// The bits in which `ea` differs from the page's address. `relocated` says whether data is.
    #[inline]
    pub(crate) fn distance(&self, ea: u64, relocated: bool) -> u64 {
        match relocated {
            true => ea ^ self.ea,
            false => real_mode_address(ea) ^ self.real,
        }
    }
}
