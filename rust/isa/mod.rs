// SPDX-License-Identifier: GPL-2.0

//! The Power ISA, PAPR and their numbers as pure data and functions.
//!
//! Nothing here touches memory, allocates, or knows the kernel: every function takes values (or a closure that reads
//! guest memory) and gives values. The same files build as a cargo library for unit, property and fuzz tests.
//! "ISA" in a source reference is the Power ISA version 3.0B unless another version is named.

#[macro_use]
mod register;

pub mod bare;
pub mod book3s32;
pub mod dsisr;
pub mod e44x;
pub mod fscr;
pub mod gsb;
pub mod hcall;
pub mod hcall_args;
pub mod hpt_tlbie;
pub mod hpte;
pub mod insn;
pub mod lpcr;
pub mod msr;
pub mod pmu;
pub mod privilege;
pub mod pvr;
pub mod radix_walk;
pub mod rpte;
pub mod slb;
pub mod spr;
pub mod spr_bits;
pub mod srr1;
pub mod tce;
pub mod timebase;
pub mod transaction;
pub mod trap;
pub mod vpa;
pub mod xive;
