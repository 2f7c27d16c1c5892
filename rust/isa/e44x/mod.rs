// SPDX-License-Identifier: GPL-2.0

//! The PowerPC 440: what differs from the server processors, as data.
//!
//! "UM" in a source reference is the PPC440x5 CPU Core User's Manual; it numbers bits of 32-bit registers from 0 to 31,
//! which masks here follow by value.

pub mod debug;
pub mod insn;
pub mod ivor;
pub mod msr;
pub mod registers;
pub mod spr;
pub mod tlbe;
