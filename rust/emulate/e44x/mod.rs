// SPDX-License-Identifier: GPL-2.0

//! A 440 as its kernel sees it: privileged registers and instructions, its TLB, timers and interrupts; and which entries
//! of the host's TLB stand for it.

pub mod debug;
pub mod guest_debug;
pub mod guest_tlb;
pub mod interrupt;
pub mod privileged;
pub mod shadow;
pub mod state;
pub mod timer;
