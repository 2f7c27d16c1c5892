// SPDX-License-Identifier: GPL-2.0

//! The TCE tables of the host's devices that a guest has: what the guest writes into its table is written there, too.

use super::{guest_memory::gfn_of, memslot::MemSlots};
use crate::{
    host::vfio::DeviceTable,
    isa::tce::{Tce, Window},
};
use kernel::{
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Mutex,
    },
};

/// Can there be such devices?
pub(crate) const POSSIBLE: bool = true;

/// The devices' tables that have the entries of one of the guest's.
#[pin_data]
pub(super) struct Devices {
    /// Whether there are any.
    any: Atomic<bool>,
    /// Held while entries are written to them.
    #[pin]
    tables: Mutex<KVec<Attached>>,
}

struct Attached {
    table: DeviceTable,
    /// How many groups of devices use it.
    groups: usize,
}

impl Devices {
    /// None.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            any: Atomic::new(false),
            tables <- new_mutex!(KVec::new(), "kvm_ppc_tce_devices"),
        })
    }

    /// Writes the entry at `index` of the guest's table, which is valid, to the devices' as well. Returns false if that
    /// cannot be done here, for one of them at least; then userspace has to do it for all.
    pub(super) fn put(&self, slots: &MemSlots, window: &Window, index: u64, tce: Tce) -> bool {
        if !self.any.load(Relaxed) {
            return true;
        }
        if !tce.permits() {
            return self.clear(window, index, 1);
        }
        let Some(hva) = hva(slots, tce.address()) else {
            return false;
        };
        let permissions = tce.masked(Tce::PERMISSIONS).raw();
        let (page, shift) = (window.page(index), window.page_shift());
        let tables = self.tables.lock();
        tables
            .iter()
            .all(|attached| attached.table.map(page, shift, hva, permissions))
    }

    /// Removes `count` entries from `index` on from the devices' tables. Returns false as [`put`](Self::put), and if the
    /// process is killed.
    pub(super) fn clear(&self, window: &Window, index: u64, count: u64) -> bool {
        if !self.any.load(Relaxed) {
            return true;
        }
        let (page, shift) = (window.page(index), window.page_shift());
        let tables = self.tables.lock();
        tables
            .iter()
            .all(|attached| attached.table.unmap(page, shift, count))
    }

    /// One more group of devices uses `table`. Returns what [`detach`](Self::detach) takes; `ENOMEM`.
    pub(super) fn attach(&self, table: DeviceTable) -> Result<usize> {
        let key = table.key();
        let mut tables = self.tables.lock();
        match tables.iter_mut().find(|a| a.table.key() == key) {
            Some(attached) => attached.groups = attached.groups.saturating_add(1),
            None => tables.push(Attached { table, groups: 1 }, GFP_KERNEL_ACCOUNT)?,
        }
        self.any.store(true, Relaxed);
        Ok(key)
    }

    /// One group less uses the table. What is mapped in it stays so.
    pub(super) fn detach(&self, key: usize) {
        let mut tables = self.tables.lock();
        let Some(at) = tables.iter().position(|a| a.table.key() == key) else {
            return;
        };
        let left = tables.get_mut(at).map_or(0, |attached| {
            attached.groups = attached.groups.saturating_sub(1);
            attached.groups
        });
        let gone = match left {
            0 => tables.remove(at).ok(),
            _ => None,
        };
        self.any.store(!tables.is_empty(), Relaxed);
        drop(tables);
        drop(gone);
    }

    /// No device uses them any more.
    pub(super) fn end(&self) {
        let tables = core::mem::take(&mut *self.tables.lock());
        self.any.store(false, Relaxed);
        drop(tables);
    }
}

/// Where the process has what is at `address` in the guest.
fn hva(slots: &MemSlots, address: u64) -> Option<usize> {
    let gfn = gfn_of(address);
    let within = address as usize & (PAGE_SIZE - 1);
    Some(slots.find(gfn)?.hva(gfn) | within)
}
