// SPDX-License-Identifier: GPL-2.0

//! The parts of kvm_ppc that know nothing of the kernel, as a library for tests on any machine.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), no_std)]
// No panic paths in the module.
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::todo,
    clippy::unreachable,
    clippy::unwrap_used
)]

pub mod emulate;
pub mod isa;
