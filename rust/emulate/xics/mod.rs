// SPDX-License-Identifier: GPL-2.0

//! PAPR's interrupt controller: sources, and one presentation controller (ICP) for each server, which is a vCPU.
//!
//! A source sends its interrupt with a priority to a server, 0 being the most favoured. The server's ICP presents the
//! most favoured one that is more favoured than what the processor does at present (CPPR). `H_XIRR` accepts it, and
//! `H_EOI` ends it. An interrupt that the ICP has not accepted waits in its queue, and so does one that a more favoured
//! one takes the place of, before it is accepted. Each ICP also has an interrupt of its own, which other processors
//! raise by writing its priority (MFRR) with `H_IPI`.
//!
//! Everything here is done by who has exclusive access to a [`Controller`]; no operation takes longer the more sources
//! there are. Source: PAPR, "Interrupt Controller" and "Interrupt Support".

mod controller;
mod icp;
pub mod number;
mod queue;
mod ring;
mod source;
mod store;

// A module for the 440 has no use for any of it.
#[allow(unused_imports)]
pub use self::{
    controller::{Controller, Unknown},
    icp::Icp,
    number::{Irq, Server},
    source::{Source, SourceState},
    store::Store,
};
