// SPDX-License-Identifier: GPL-2.0

//! Saving and restoring a guest's hashed page table: `KVM_PPC_GET_HTAB_FD` (api.rst, section 4.78).
//!
//! A file to read gives all entries first, and from then on those that have changed since they were read. Both
//! kinds of file have records of a header, valid entries of two big-endian doublewords, and a number of invalid ones.

use super::{hcalls, mode, table::Hpt};
use crate::{
    bindings::{kvm_get_htab_fd, kvm_get_htab_header},
    host::{
        file::{Descriptor, NewFd},
        wait::cond_resched,
    },
    hv::Hv,
    isa::{
        hcall::HReturn,
        hcall_args::PageFlags,
        hpte::{Hpte, HpteR, HpteV, ENTRY_BYTES},
    },
    vm::Vm,
};
use core::mem::size_of;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
    uaccess::{UserSliceReader, UserSliceWriter},
};

/// Flag of a file: only entries with [`HpteV::BOLTED`] count as valid.
const KVM_GET_HTAB_BOLTED_ONLY: u64 = 1;
/// Flag of a file: it is to be written.
const KVM_GET_HTAB_WRITE: u64 = 2;

/// Bytes of a header: index, number of valid and number of invalid entries.
const HEADER: usize = size_of::<kvm_get_htab_header>();

/// Bytes of an entry.
const ENTRY: usize = ENTRY_BYTES as usize;

/// How many valid entries are in a record at most, for which memory is on the stack.
const VALID: usize = 16;

/// How many entries are looked at before the lock is dropped.
const LOOKED_AT: u64 = 4096;

/// Makes a file. Returns `EINVAL` for flags that do not exist, `EOPNOTSUPP` where guests cannot use hash, what
/// `NewFd` returns, and `ENOMEM`.
pub(crate) fn open(vm: Arc<Vm<Hv>>, request: &kvm_get_htab_fd) -> Result<isize> {
    const KNOWN: u64 = KVM_GET_HTAB_BOLTED_ONLY | KVM_GET_HTAB_WRITE;
    if !mode::possible(vm.arch.features) {
        return Err(EOPNOTSUPP);
    }
    if request.flags & !KNOWN != 0 {
        return Err(EINVAL);
    }
    let fd = NewFd::reserve()?;
    if request.flags & KVM_GET_HTAB_WRITE != 0 {
        return fd.open(c"kvm-htab", Arc::new(Restore(vm), GFP_KERNEL_ACCOUNT)?);
    }
    let position = Position {
        index: request.start_index,
        all: true,
    };
    let file = try_pin_init!(Save {
        vm,
        bolted: request.flags & KVM_GET_HTAB_BOLTED_ONLY != 0,
        position <- new_mutex!(position, "kvm_ppc_htab"),
    });
    fd.open(c"kvm-htab", Arc::pin_init(file, GFP_KERNEL_ACCOUNT)?)
}

/// A file to read.
#[pin_data]
struct Save {
    vm: Arc<Vm<Hv>>,
    /// Whether entries without [`HpteV::BOLTED`] count as invalid.
    bolted: bool,
    #[pin]
    position: Mutex<Position>,
}

/// How far a file was read.
struct Position {
    /// The next entry.
    index: u64,
    /// Whether this is the first pass, which has all entries.
    all: bool,
}

/// A record that is being made.
#[derive(Default)]
struct Record {
    index: u64,
    entries: [[u64; 2]; VALID],
    valid: usize,
    invalid: u16,
}

impl Save {
    fn is_valid(&self, v: HpteV) -> bool {
        v.contains(HpteV::V) && (!self.bolted || v.contains(HpteV::BOLTED))
    }

    /// Collects entries from `at` on into a record with room for `room` valid ones. The record may be empty if there
    /// was too much to look at.
    fn collect(&self, hpt: &mut Hpt, at: &mut Position, room: usize) -> Record {
        let mut record = Record::default();
        for _ in 0..LOOKED_AT {
            let Some(entry) = hpt.get(at.index) else {
                break;
            };
            let valid = self.is_valid(entry.hpte.v);
            if !at.all && !hpt.changed(at.index) {
                if record.valid != 0 || record.invalid != 0 {
                    break;
                }
                at.index += 1;
                continue;
            }
            if record.valid == 0 && record.invalid == 0 {
                record.index = at.index;
            }
            if valid {
                // Invalid ones come behind valid ones.
                if record.invalid != 0 || record.valid >= room.min(VALID) {
                    break;
                }
                if let Some(place) = record.entries.get_mut(record.valid) {
                    *place = [entry.hpte.v.raw().to_be(), entry.hpte.r.raw().to_be()];
                }
                record.valid += 1;
            } else {
                let Some(more) = record.invalid.checked_add(1) else {
                    break;
                };
                record.invalid = more;
            }
            hpt.saved(at.index);
            at.index += 1;
        }
        record
    }
}

impl Descriptor for Save {
    const READ: bool = true;

    fn read(&self, _offset: &mut i64, to: &mut UserSliceWriter) -> Result<usize> {
        let mut at = self.position.lock();
        let mut written = 0;
        // As kvm-hv does, it leaves less than a header and an entry.
        while let Some(room) = to.len().checked_sub(HEADER + 1).filter(|n| *n >= ENTRY) {
            let mut mmu = self.vm.mmu.lock();
            // A guest that uses radix has no entries.
            let Some(hpt) = mmu.hash.as_deref_mut() else {
                break;
            };
            let record = self.collect(hpt, &mut at, room / ENTRY);
            let end = hpt.get(at.index).is_none();
            drop(mmu);
            if record.valid != 0 || record.invalid != 0 {
                to.write(&(record.index as u32))?;
                to.write(&(record.valid as u16))?;
                to.write(&record.invalid)?;
                for entry in record.entries.iter().take(record.valid) {
                    to.write(entry)?;
                }
                written += HEADER + record.valid * ENTRY;
            }
            if end {
                *at = Position {
                    index: 0,
                    all: false,
                };
                break;
            }
            cond_resched();
        }
        Ok(written)
    }
}

/// A file to write.
struct Restore(Arc<Vm<Hv>>);

impl Restore {
    /// Replaces the entry at `index` by this one, or removes it.
    fn put(&self, index: u64, new: Option<Hpte>) -> Result {
        let vm = &*self.0;
        match hcalls::remove(vm, PageFlags::EMPTY, index, 0) {
            Ok(_) | Err(HReturn::H_NOT_FOUND) => {}
            Err(_) => return Err(EINVAL),
        }
        let Some(hpte) = new else {
            return Ok(());
        };
        hcalls::enter(vm, PageFlags::EXACT, index, hpte).map_err(|_| EIO)?;
        Ok(())
    }

    fn write_record(&self, from: &mut UserSliceReader) -> Result {
        let index: u32 = from.read()?;
        let (valid, invalid): (u16, u16) = (from.read()?, from.read()?);
        let index = u64::from(index);
        let count = u64::from(valid) + u64::from(invalid);
        {
            let mmu = self.0.mmu.lock();
            let hpt = mmu.hash.as_deref().ok_or(EINVAL)?;
            if index + count > hpt.entries() {
                return Err(EINVAL);
            }
        }
        for n in 0..u64::from(valid) {
            let [v, r]: [u64; 2] = from.read()?;
            let hpte = Hpte {
                v: HpteV::from_raw(u64::from_be(v)),
                r: HpteR::from_raw(u64::from_be(r)),
            };
            if !hpte.v.contains(HpteV::V) {
                return Err(EINVAL);
            }
            self.put(index + n, Some(hpte))?;
            cond_resched();
        }
        for n in u64::from(valid)..count {
            self.put(index + n, None)?;
        }
        Ok(())
    }
}

impl Descriptor for Restore {
    const WRITE: bool = true;

    /// Takes whole records. Errors: `EINVAL` for entries that are not valid or not in the table, or if the guest uses
    /// radix; `EIO` for entries that no guest could make; `EBUSY` while a vCPU is in an ioctl.
    fn write(&self, from: &mut UserSliceReader) -> Result<usize> {
        let len = from.len();
        mode::while_stopped(&self.0, || {
            while from.len() >= HEADER {
                self.write_record(from)?;
            }
            Ok(len - from.len())
        })
    }
}
