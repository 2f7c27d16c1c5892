// SPDX-License-Identifier: GPL-2.0

//! Numbers of sources, servers and priorities.

/// A number of an interrupt source, 24 bits.
pub type Irq = u32;

/// A number of a server.
pub type Server = u32;

/// The source that an ICP's own interrupt says it comes from.
pub const IPI: Irq = 2;

/// The priority of what is not sent, and the one that favours all others.
pub const MASKED: u8 = 0xff;
