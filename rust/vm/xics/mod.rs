// SPDX-License-Identifier: GPL-2.0

//! PAPR's interrupt controller in the kernel: `KVM_DEV_TYPE_XICS`. What it does is in
//! [`emulate::xics`](crate::emulate::xics); here it is connected to vCPUs and to userspace.
//!
//! Each server is a vCPU, whose external interrupt is on as long as its presentation controller presents something.

pub(crate) mod device;
pub(crate) mod hcalls;
mod rtas;
mod state;
pub(super) mod tables;
pub(crate) mod tokens;
