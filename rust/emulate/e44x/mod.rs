// SPDX-License-Identifier: GPL-2.0

//! A 440 as a guest's kernel sees it: privileged registers and instructions, the TLB, timers and interrupts; and the
//! record of the entries of the hardware's TLB that stand for the guest's.

pub mod debug;
pub mod guest_debug;
pub mod guest_tlb;
pub mod interrupt;
pub mod privileged;
pub mod shadow;
pub mod state;
pub mod timer;
