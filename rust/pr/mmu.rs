// SPDX-License-Identifier: GPL-2.0

//! The shadow MMU of a VM: which segment of the host's stands for which of the guest's, and the entries of the
//! host's page table that were made for the guest, found by guest page, by guest frame and by host page.
//!
//! All of it is under [`Vm::mmu`](crate::vm::Vm), so nothing here sleeps or allocates, and what may take long is done
//! in parts. Entries are in a pool of fixed size; when it is full, the oldest go first.

mod key;
mod map;
mod pool;
mod shadow;
mod watch;

pub(crate) use self::{
    key::{SegmentKey, SegmentState},
    shadow::{PrMmu, ShadowPage, NO_GPA, PAGE_4K},
};
