// SPDX-License-Identifier: GPL-2.0

//! The guest's interrupt sources.

use crate::{
    host::{irq, wait, xive::Source},
    vm::blocks::{Block, Blocks},
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, SpinLock,
    },
};

/// One more than the largest number of a source.
pub(super) const IRQS: u64 = 1 << 20;
const NO_SERVER: u32 = u32::MAX;

/// A source, and to whom it goes.
pub(super) struct Entry {
    pub(super) source: Source,
    server: Atomic<u32>,
}

impl Entry {
    /// `None` while it is not routed. Changed with the controller locked.
    pub(super) fn server(&self) -> Option<u32> {
        match self.server.load(Relaxed) {
            NO_SERVER => None,
            server => Some(server),
        }
    }

    pub(super) fn set_server(&self, server: Option<u32>) {
        self.server.store(server.unwrap_or(NO_SERVER), Relaxed);
    }

    /// Off, and not routed.
    pub(super) fn reset(&self) {
        self.source.turn_off();
        self.set_server(None);
    }
}

type Table = Blocks<Arc<Entry>>;

/// Why there is none.
pub(super) enum Missing {
    /// Nor is there any with a number near it.
    Block,
    Source,
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Block => ENOENT,
            Missing::Source => EINVAL,
        }
    }
}

/// All of a VM's. The lock is held for a moment only, since who signals an eventfd takes it, in any context.
#[pin_data]
pub(super) struct Sources {
    #[pin]
    table: SpinLock<Table>,
}

impl Sources {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self { table <- new_spinlock!(Table::none(), "kvm_ppc_xive_sources") })
    }

    fn locked<R>(&self, f: impl FnOnce(&mut Table) -> R) -> R {
        irq::without(|| f(&mut self.table.lock()))
    }

    /// Room for all, and none. `ENOMEM`.
    pub(super) fn open(&self) -> Result {
        let mut table = Table::new(IRQS as usize)?;
        // What is not used is given back outside of the lock.
        self.locked(|now| core::mem::swap(now, &mut table));
        Ok(())
    }

    /// Does `f` with a source. It must not sleep.
    pub(super) fn with<R>(
        &self,
        number: u64,
        f: impl FnOnce(&Arc<Entry>) -> R,
    ) -> Result<R, Missing> {
        self.locked(|table| {
            let at = usize::try_from(number).map_err(|_| Missing::Block)?;
            let entry = table.place(at).ok_or(Missing::Block)?;
            entry.as_ref().map(f).ok_or(Missing::Source)
        })
    }

    pub(super) fn get(&self, number: u64) -> Result<Arc<Entry>, Missing> {
        self.with(number, Arc::clone)
    }

    /// A new source, off and not routed, if there is none of that number. `ENXIO` if the host has no more, `ENOMEM`.
    /// To be called with the controller locked. Sleeps.
    pub(super) fn make(&self, number: u64) -> Result {
        let at = usize::try_from(number)?;
        let mut block = match self.locked(|table| table.misses(at)) {
            true => Some(Block::new()?),
            false => None,
        };
        let entry = Entry {
            source: Source::new()?,
            server: Atomic::new(NO_SERVER),
        };
        let entry = Arc::new(entry, GFP_KERNEL_ACCOUNT)?;
        self.locked(|table| {
            table.add(at, &mut block);
            *table.place(at).ok_or(E2BIG)? = Some(entry);
            Ok(())
        })
    }

    /// Calls `f` for each. It may sleep. To be called with the controller locked.
    pub(super) fn for_each(&self, f: impl Fn(&Entry)) {
        let mut from = 0;
        while let Some((at, entry)) = self.locked(|table| {
            let (at, entry) = table.next(from)?;
            Some((at, entry.clone()))
        }) {
            f(&entry);
            from = at + 1;
            let _ = wait::cond_resched();
        }
    }

    /// All go, and there is no room any more.
    pub(super) fn close(&self) {
        let all = self.locked(|table| core::mem::replace(table, Table::none()));
        for entry in all.into_iter() {
            // Each asks the firmware.
            drop(entry);
            let _ = wait::cond_resched();
        }
    }
}
