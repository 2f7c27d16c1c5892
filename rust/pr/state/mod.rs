// SPDX-License-Identifier: GPL-2.0

//! The parts of a vCPU that know nothing of the rest of it.

mod checkpoint;
mod futile;
mod magic;
mod mmu32;
mod reserve;
mod utilization;

pub(crate) use self::{
    checkpoint::Checkpoint,
    futile::Futile,
    magic::{ordered_word, Magic},
    mmu32::Mmu32,
    reserve::{Reservation, Reserve},
    utilization::Utilization,
};
