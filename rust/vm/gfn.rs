// SPDX-License-Identifier: GPL-2.0

//! Guest frames.

/// Guest frame number, in units of the host's `PAGE_SIZE`.
pub(crate) type Gfn = u64;

/// How many pages are handled at most while the lock is held, with preemption off.
pub(super) const CHUNK: Gfn = 1 << 11;
