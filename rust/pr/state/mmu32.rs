// SPDX-License-Identifier: GPL-2.0

//! Segments and blocks of a 32-bit guest.

use crate::isa::book3s32::Mmu;

/// The registers of a 32-bit guest that translate.
pub(crate) struct Mmu32 {
    pub(crate) regs: Mmu,
    /// Changes with the blocks.
    pub(crate) blocks: u32,
}

impl Mmu32 {
    /// Nothing is translated.
    pub(crate) fn new() -> Self {
        Self {
            regs: Mmu::default(),
            blocks: 0,
        }
    }

    /// The blocks are no longer those that pages were shadowed by.
    pub(crate) fn blocks_changed(&mut self) {
        self.blocks = self.blocks.wrapping_add(1);
    }
}
