// SPDX-License-Identifier: GPL-2.0

//! What userspace has asked for by `KVM_SET_GUEST_DEBUG`.

/// Kinds of a [`Point`], `KVMPPC_DEBUG_…`.
pub const BREAKPOINT: u32 = 1 << 1;
/// A store to the address.
pub const WATCH_WRITE: u32 = 1 << 2;
/// A load from the address.
pub const WATCH_READ: u32 = 1 << 3;

/// A breakpoint or watchpoint of userspace's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// The effective address.
    pub ea: u32,
    /// Which accesses it is for: the constants above, combined.
    pub kind: u32,
}

/// What `KVM_SET_GUEST_DEBUG` has set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GuestDebug {
    /// Every instruction ends in an exit.
    pub single_step: bool,
    /// The instruction of `KVM_REG_PPC_DEBUG_INST` exits to userspace.
    pub software: bool,
    /// The breakpoints and watchpoints.
    pub points: [Option<Point>; 16],
}

impl GuestDebug {
    /// The points that have any of these kinds.
    pub(super) fn points(&self, kind: u32) -> impl Iterator<Item = &Point> {
        let points = self.points.iter().flatten();
        points.filter(move |point| point.kind & kind != 0)
    }
}
