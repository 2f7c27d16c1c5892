// SPDX-License-Identifier: GPL-2.0

//! What all ways of translating have in common: access to the guest's page table, and what comes of a translation.
//!
//! A PAPR guest's table is not in its memory: userspace allocates it and says in SDR1 where, in its own address space.
//! It is only read and written with `PrVm::hpt` held, which is a spinlock. If the memory is not present, the lock is
//! dropped, the memory is faulted in, and the operation begins anew ([`with_table`]).

use super::{mmu::SegmentKey, vm::Pr};
use crate::{
    host::{nofault, wait::cond_resched},
    isa::radix_walk::Fault,
    vm::Vm,
};
use kernel::{
    page::{PAGE_MASK, PAGE_SHIFT},
    prelude::*,
    sync::SpinLock,
};

/// `PrVm::hpt` is held.
pub(crate) type HptGuard<'a> =
    kernel::sync::lock::Guard<'a, (), kernel::sync::lock::spinlock::SpinLockBackend>;

/// Locks the guest's page table.
pub(crate) fn lock(table: &SpinLock<()>) -> HptGuard<'_> {
    table.lock()
}

/// An address of the process at which a part of the table is not present, or not writable, at the moment.
pub(crate) struct Absent {
    pub(crate) at: u64,
    pub(crate) write: bool,
}

impl Absent {
    /// Faults it in, and says whether that was possible. Sleeps.
    pub(crate) fn populate(&self) -> bool {
        nofault::populate(self.at, self.write).is_ok()
    }
}

/// Why an access was not translated.
pub(crate) enum Miss {
    /// The guest's own tables do not permit it, and it gets this interrupt.
    Fault(Fault),
    /// A part of the guest's table has to be faulted in first.
    Absent(Absent),
}

impl From<Fault> for Miss {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Absent> for Miss {
    fn from(absent: Absent) -> Self {
        Self::Absent(absent)
    }
}

/// How often memory that was just faulted in may be gone again.
const TRIES: usize = 16;

/// Calls `f` with the table locked, and again whenever a part of the table had to be faulted in. What `f` does before
/// it returns `Absent` has to do no harm when it is done again. The error is the part that cannot be faulted in, or
/// that was gone again too often. Sleeps.
pub(crate) fn with_table<T>(
    vm: &Vm<Pr>,
    mut f: impl FnMut(&HptGuard<'_>) -> Result<T, Absent>,
) -> Result<T, Absent> {
    let mut tries = 0;
    loop {
        let absent = {
            let locked = lock(&vm.arch.hpt);
            match f(&locked) {
                Ok(done) => return Ok(done),
                Err(absent) => absent,
            }
        };
        tries += 1;
        if tries > TRIES || !absent.populate() {
            return Err(absent);
        }
    }
}

/// Calls `f` with the process's address of a guest real address. `None` if that is no memory, or to be written and
/// read-only.
fn with_guest_memory<T>(
    vm: &Vm<Pr>,
    gpa: u64,
    write: bool,
    f: impl FnOnce(u64) -> Result<T, Absent>,
) -> Result<Option<T>, Absent> {
    let slots = vm.slots.read();
    let gfn = gpa >> PAGE_SHIFT;
    let Some(slot) = slots.find(gfn).filter(|s| !write || !s.readonly()) else {
        return Ok(None);
    };
    let done = f(slot.hva(gfn) as u64 + (gpa & !PAGE_MASK as u64))?;
    if write {
        slot.mark_dirty(gfn);
    }
    Ok(Some(done))
}

/// Reads of a table in userspace.
pub(crate) fn read_user(at: u64, bytes: &mut [u8]) -> Result<(), Absent> {
    match nofault::read(at, bytes) {
        true => Ok(()),
        false => Err(Absent { at, write: false }),
    }
}

/// Stores a byte of a table in userspace.
pub(crate) fn store_user(at: u64, byte: u8) -> Result<(), Absent> {
    match nofault::store_u8(at, byte) {
        true => Ok(()),
        false => Err(Absent { at, write: true }),
    }
}

/// Reads a group of entries in guest memory, which lies in one page. `None` if there is no memory.
pub(crate) fn read_guest<const N: usize>(
    vm: &Vm<Pr>,
    gpa: u64,
    _: &HptGuard<'_>,
) -> Result<Option<[u8; N]>, Absent> {
    let mut bytes = [0; N];
    let read = with_guest_memory(vm, gpa, false, |at| read_user(at, &mut bytes))?;
    Ok(read.map(|()| bytes))
}

/// Stores a byte of a table in guest memory, if there is any.
pub(crate) fn store_guest(
    vm: &Vm<Pr>,
    gpa: u64,
    byte: u8,
    _: &HptGuard<'_>,
) -> Result<Option<()>, Absent> {
    with_guest_memory(vm, gpa, true, |at| store_user(at, byte))
}

/// What an effective address of the guest's is translated to, and what of it may be shadowed.
pub(crate) struct Translated {
    /// Guest real address.
    pub(crate) gpa: u64,
    /// The guest may store. While its table does not have C set, this is so only for an access that is a store.
    pub(crate) write: bool,
    /// The guest may execute it.
    pub(crate) execute: bool,
    /// The segment it is in.
    pub(crate) key: SegmentKey,
    /// Its code was looked at when its frame had so often been mapped for writing (`PrMmu::writes`).
    pub(crate) looked: Option<u64>,
}

/// Takes away all that is shadowed, so that every access is translated by the guest's tables anew. Sleeps.
pub(crate) fn unmap_all(vm: &Vm<Pr>) {
    // A vCPU that has read the tables before now has finished shadowing what it read once it gives the lock back.
    drop(lock(&vm.arch.hpt));
    let mut next = Some(0);
    while let Some(from) = next {
        next = vm.mmu.lock().unmap_some(from);
        cond_resched();
    }
}
