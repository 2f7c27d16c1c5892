// SPDX-License-Identifier: GPL-2.0

//! Guests that use the hash MMU: the table that the hardware searches for them, and faults in it.
//!
//! A VM begins as a radix one, with a tree ([`mmu`](super::mmu)). When userspace allocates a hashed page table
//! ([`mode`]), the tree is emptied and the hardware searches the table, until userspace configures radix again. All
//! of a VM's translation state is behind one lock, of either kind.

pub(crate) mod fault;
pub(crate) mod hcalls;
pub(crate) mod htab;
pub(crate) mod map;
pub(crate) mod mode;
pub(crate) mod notify;
pub(crate) mod recent;
pub(crate) mod resize;
pub(crate) mod table;
pub(crate) mod walk;
