// SPDX-License-Identifier: GPL-2.0

//! Emulation of instructions over a small trait for the registers: no kernel types, no memory, no allocation.

pub mod doorbell;
pub mod e44x;
pub mod hpt;
pub mod mmio;
pub mod privileged;
pub mod regs;
pub mod reservation;
pub mod tm;
pub mod trapped;
pub mod xics;
