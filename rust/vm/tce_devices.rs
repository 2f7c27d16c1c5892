// SPDX-License-Identifier: GPL-2.0

//! The TCE tables of the host's devices that a guest has: what the guest writes into its table is written there, too.

use super::{guest_memory::gfn_of, memslot::MemSlots};
use crate::{
    host::vfio::DeviceTable,
    isa::tce::{Tce, Window},
};
use kernel::{
    mm::Mm,
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
    /// cannot be done here; then userspace has to do it.
    pub(super) fn put(
        &self,
        mm: &Mm,
        slots: &MemSlots,
        window: &Window,
        index: u64,
        tce: Tce,
    ) -> bool {
        if !self.any.load(Relaxed) {
            return true;
        }
        let hva = match tce.permits() {
            true => hva(slots, tce.address()),
            false => Some(0),
        };
        let Some(hva) = hva else {
            return false;
        };
        let permissions = tce.masked(Tce::PERMISSIONS).raw();
        let mut tables = self.tables.lock();
        tables.iter_mut().all(|attached| {
            let page = window.page(index);
            let table = &mut attached.table;
            table.put(mm, page, window.page_shift(), hva, permissions)
        })
    }

    /// Whether an entry that is removed has to be removed from devices' tables.
    pub(super) fn any(&self) -> bool {
        self.any.load(Relaxed)
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
        tables.retain(|attached| {
            if attached.table.key() == key {
                attached.groups = attached.groups.saturating_sub(1);
            }
            attached.groups != 0
        });
        self.any.store(!tables.is_empty(), Relaxed);
    }

    /// No device uses them any more.
    pub(super) fn clear(&self) {
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
