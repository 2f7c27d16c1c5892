// SPDX-License-Identifier: GPL-2.0

//! A second, naive reading of the ISA to compare the library with. It shares no code with it.

#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod instructions;
pub mod loadstore;
pub mod radix;
