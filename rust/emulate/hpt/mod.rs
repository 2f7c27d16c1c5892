// SPDX-License-Identifier: GPL-2.0

//! Page tables of partitions with the hash MMU: what the hypercalls on them ask for, and a table that the hardware
//! searches.

pub mod request;
pub mod stale;
pub mod table;
