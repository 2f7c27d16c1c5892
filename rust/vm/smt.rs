// SPDX-License-Identifier: GPL-2.0

//! How many threads the cores of a guest have (`KVM_CAP_PPC_SMT`).
//!
//! A guest's core is no core of the host: its threads run wherever the scheduler puts them, and what they share is
//! emulated. The threads of a core are the vCPUs whose ids differ in the lowest bits only.

use super::vm::VmLocked;
use crate::host::once;
use kernel::{
    prelude::*,
    sync::atomic::{ordering::Relaxed, Atomic},
};

/// Threads of each core of a guest.
pub(crate) struct Smt(Atomic<u64>);

impl Smt {
    /// Threads of a core at most.
    pub(crate) const MAX: u64 = 8;
    /// `KVM_CAP_PPC_SMT_POSSIBLE`: the numbers of threads that a core can have, each a bit.
    pub(crate) const POSSIBLE: i32 = 8 | 4 | 2 | 1;

    /// One thread.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(1))
    }

    /// Threads of a core.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        once::read_u64(&self.0)
    }

    /// May a VM of up to `vcpus` vCPUs have one with this id? VMMs leave gaps between the ids of cores that have fewer
    /// threads; an id that needs more cores than there can be vCPUs is a mistake.
    pub(crate) fn allows(&self, id: u32, vcpus: usize) -> bool {
        u64::from(id) < vcpus as u64 * self.get()
    }

    /// `KVM_ENABLE_CAP` of `KVM_CAP_PPC_SMT`. Returns `EINVAL` if there are flags, or if the number of threads is not a
    /// power of two up to [`MAX`](Self::MAX); `EBUSY` if there is a vCPU.
    pub(crate) fn enable(&self, vm: &VmLocked, threads: u64, flags: u64) -> Result {
        if flags != 0 || !threads.is_power_of_two() || threads > Self::MAX {
            return Err(EINVAL);
        }
        if vm.created_vcpus != 0 {
            return Err(EBUSY);
        }
        self.0.store(threads, Relaxed);
        Ok(())
    }
}
