// SPDX-License-Identifier: GPL-2.0

//! What userspace has asked for by `KVM_SET_GUEST_DEBUG`.

/// Kinds of a [`Point`], `KVMPPC_DEBUG_…`.
pub const BREAKPOINT: u32 = 1 << 1;
/// A store.
pub const WATCH_WRITE: u32 = 1 << 2;
/// A load.
pub const WATCH_READ: u32 = 1 << 3;

/// An address that userspace looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// The effective address.
    pub ea: u32,
    /// What is looked for there: the bits above.
    pub kind: u32,
}

/// What `KVM_SET_GUEST_DEBUG` has set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GuestDebug {
    /// Each instruction.
    pub single_step: bool,
    /// The instruction of `KVM_REG_PPC_DEBUG_INST`.
    pub software: bool,
    /// Addresses.
    pub points: [Option<Point>; 16],
}

impl GuestDebug {
    /// Those of some kind.
    pub(super) fn points(&self, kind: u32) -> impl Iterator<Item = &Point> {
        let points = self.points.iter().flatten();
        points.filter(move |point| point.kind & kind != 0)
    }
}
