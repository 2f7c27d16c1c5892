// SPDX-License-Identifier: GPL-2.0

//! A page of 4 KB that guests execute instead of one of their own.

use crate::bindings;
use core::ptr;
use kernel::{alloc::flags::__GFP_ZERO, prelude::*};

/// Its size in bytes.
pub(crate) const CODE_PAGE: usize = 1 << 12;

/// The page, aligned to its size so that one entry can map it.
#[repr(C, align(4096))]
pub(crate) struct CodePage([u8; CODE_PAGE]);

impl CodePage {
    /// A zeroed page in the linear mapping. Returns `ENOMEM`.
    pub(crate) fn new() -> Result<KBox<Self>> {
        let page = KBox::<Self>::new_uninit(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        // SAFETY: The memory is zeroed, which is a value of these bytes.
        Ok(unsafe { page.assume_init() })
    }

    /// Its bytes, to be changed while no guest executes them.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; CODE_PAGE] {
        &mut self.0
    }

    /// Its physical address.
    pub(crate) fn phys(&self) -> u64 {
        // SAFETY: Arithmetic; kmalloc's memory is in the linear mapping.
        unsafe { bindings::kvm_ppc_pa(ptr::from_ref(self).cast()) as u64 }
    }
}
