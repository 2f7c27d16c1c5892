// SPDX-License-Identifier: GPL-2.0

//! Guest frames.

/// Guest frame number, in units of the host's `PAGE_SIZE`.
pub(crate) type Gfn = u64;

/// Pages whose tables are looked at in one go with the lock held and preemption off.
pub(super) const CHUNK: Gfn = 1 << 11;
