// SPDX-License-Identifier: GPL-2.0

//! TCE tables: `KVM_CREATE_SPAPR_TCE` and `KVM_CREATE_SPAPR_TCE_64` (api.rst, sections 4.62 and 4.98).
//!
//! A table belongs to its descriptor: the VM's hypercalls find the table as long as the descriptor or a mapping of it
//! exists. The table neither keeps the VM alive nor needs it. Userspace decides what the entries do for devices that it
//! emulates; it reads and writes them in its mapping at any time. Those of the host's devices are beside them
//! ([`tce_devices`](super::tce_devices)).

use super::{memslot::MemSlots, tce_devices::Devices};
use crate::{
    bindings::{kvm_create_spapr_tce, kvm_create_spapr_tce_64, KVMIO},
    host::{
        file::{self, Descriptor, NewFd},
        mm::LockedPages,
        page::{Field, SharedPage},
        srcu_cell::SrcuCell,
        uapi, wait,
    },
    isa::tce::{Tce, Window, ENTRY_BYTES},
};
use kernel::{
    alloc::flags::__GFP_NOWARN,
    ioctl::_IOW,
    mm::Mm,
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{Atomic, Relaxed},
        Arc, Mutex, SetOnce,
    },
};

/// The number of `KVM_CREATE_SPAPR_TCE`.
pub(crate) const CREATE: u32 = _IOW::<kvm_create_spapr_tce>(KVMIO, 0xa8);
/// The number of `KVM_CREATE_SPAPR_TCE_64`.
pub(crate) const CREATE_64: u32 = _IOW::<kvm_create_spapr_tce_64>(KVMIO, 0xa8);

/// Entries of a page of a table.
const PER_PAGE: u64 = PAGE_SIZE as u64 / ENTRY_BYTES;

/// The most pages that a table may have: 128 GB of 64K pages, for which few hosts have the memory.
const MAX_PAGES: u64 = 1 << 21;

/// How many tables there have been.
static NUMBERS: Atomic<u64> = Atomic::new(0);

type Pages = KVVec<SetOnce<SharedPage>>;

/// One table. Its pages are made when they are first touched, and stay.
#[pin_data]
pub(super) struct Table {
    /// No other table, of any VM, has or had this.
    number: u64,
    liobn: u64,
    /// What its descriptor's file is known by.
    file: SetOnce<usize>,
    window: Window,
    /// Tables of devices that have the same entries.
    #[pin]
    devices: Devices,
    pages: Pages,
    // Held while a page is made.
    #[pin]
    making: Mutex<()>,
    // Set when the descriptor is gone, so that the table is no longer found.
    closed: Atomic<bool>,
    _locked: LockedPages,
}

impl Table {
    /// Fails with `ENOMEM` if there is no memory or the process may not lock so much.
    fn new(mm: &ARef<Mm>, liobn: u64, window: Window) -> Result<Arc<Self>> {
        let npages = window.entries().div_ceil(PER_PAGE);
        if npages > MAX_PAGES {
            return Err(ENOMEM);
        }
        let npages = npages as usize;
        // The whole table may come to be used, and it cannot be paged out, so all its pages count. As in kvm-hv, the
        // list of pages counts too.
        let list_bytes = size_of::<Self>() + npages * size_of::<SetOnce<SharedPage>>();
        let locked = LockedPages::count(mm, npages + list_bytes.div_ceil(PAGE_SIZE))?;
        let mut pages = Pages::with_capacity(npages, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
        for _ in 0..npages {
            pages.push(SetOnce::new(), GFP_KERNEL_ACCOUNT)?;
        }
        Arc::pin_init(
            try_pin_init!(Self {
                number: NUMBERS.fetch_add(1, Relaxed),
                liobn,
                file: SetOnce::new(),
                window,
                devices <- Devices::new(),
                pages,
                making <- new_mutex!((), "kvm_ppc_tce_page"),
                closed: Atomic::new(false),
                _locked: locked,
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// The addresses that it translates.
    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    /// What it is told from all others by.
    #[cfg(all(CONFIG_VFIO, CONFIG_SPAPR_TCE_IOMMU))]
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Tables of devices that have the same entries.
    #[cfg(all(CONFIG_VFIO, CONFIG_SPAPR_TCE_IOMMU))]
    pub(super) fn devices(&self) -> &Devices {
        &self.devices
    }

    /// Page `nr`, which is made if it does not exist yet. Fails with `EFAULT` if the table has fewer pages, and with
    /// `ENOMEM` without memory. May sleep.
    fn page(&self, nr: usize) -> Result<&SharedPage> {
        let slot = self.pages.get(nr).ok_or(EFAULT)?;
        if let Some(page) = slot.as_ref() {
            return Ok(page);
        }
        let _making = self.making.lock();
        if slot.as_ref().is_none() {
            slot.populate(SharedPage::new()?);
        }
        slot.as_ref().ok_or(EFAULT)
    }

    /// As [`Table::page`], for writing `tce` there. Returns `None` if that would change nothing, because a page that is
    /// not made yet holds zeroes.
    fn page_for(&self, nr: usize, tce: Tce) -> Result<Option<&SharedPage>> {
        match self.pages.get(nr).and_then(SetOnce::as_ref) {
            None if tce == Tce::EMPTY => Ok(None),
            Some(page) => Ok(Some(page)),
            None => self.page(nr).map(Some),
        }
    }

    /// The entry at `index`, empty if there is none.
    pub(super) fn get(&self, index: u64) -> Tce {
        let (nr, field) = place(index);
        match (self.pages.get(nr).and_then(SetOnce::as_ref), field) {
            (Some(page), Some(field)) => Tce::from_raw(page.read(field)),
            _ => Tce::EMPTY,
        }
    }

    /// Writes the valid entry at `index`, to the devices' tables, too. `None` if that cannot be done here. May sleep.
    pub(super) fn put(&self, slots: &MemSlots, index: u64, tce: Tce) -> Option<()> {
        let done = self.devices.put(slots, &self.window, index, tce);
        done.then_some(())?;
        self.set(index, tce).ok()
    }

    /// Writes `count` times an entry that permits nothing, from `index` on, to the devices' tables, too. `None` if that
    /// cannot be done here, or the process is killed meanwhile; some entries are written then. May sleep.
    pub(super) fn stuff(&self, index: u64, count: u64, tce: Tce) -> Option<()> {
        let done = self.devices.clear(&self.window, index, count);
        done.then_some(())?;
        self.fill(index, count, tce).ok()
    }

    /// Writes the entry at `index`. Fails with `EFAULT` if there is none, and with `ENOMEM` without memory. May sleep.
    fn set(&self, index: u64, tce: Tce) -> Result {
        let (nr, field) = place(index);
        if let Some(page) = self.page_for(nr, tce)? {
            page.write(field.ok_or(EFAULT)?, tce.raw());
        }
        Ok(())
    }

    /// Writes `count` entries from `index` on. Fails as [`Table::set`] does, and with `EINTR` if the process is killed
    /// meanwhile; some entries are written then.
    fn fill(&self, index: u64, count: u64, tce: Tce) -> Result {
        let (mut at, end) = (index, index.checked_add(count).ok_or(EFAULT)?);
        while at < end {
            let nr = place(at).0;
            let stop = end.min((at / PER_PAGE + 1) * PER_PAGE);
            if let Some(page) = self.page_for(nr, tce)? {
                for field in (at..stop).filter_map(|i| place(i).1) {
                    page.write(field, tce.raw());
                }
            }
            at = stop;
            if at < end && !wait::cond_resched() {
                return Err(EINTR);
            }
        }
        Ok(())
    }
}

// Which page the entry at `index` is in, and where there.
fn place(index: u64) -> (usize, Option<Field<u64>>) {
    let offset = (index % PER_PAGE * ENTRY_BYTES) as usize;
    ((index / PER_PAGE) as usize, Field::checked(offset))
}

// All tables at one moment.
struct List(KVVec<Arc<Table>>);

impl List {
    // Those that are not closed.
    fn open(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.0.iter().filter(|t| !t.closed.load(Relaxed))
    }

    fn find(&self, liobn: u64) -> Option<&Arc<Table>> {
        self.open().find(|t| t.liobn == liobn)
    }

    // A list of the tables that are not closed, and of `new`.
    fn with(&self, new: Option<&Arc<Table>>) -> Result<KBox<Self>> {
        let mut tables = KVVec::with_capacity(self.0.len() + 1, GFP_KERNEL_ACCOUNT)?;
        for table in Iterator::chain(self.open(), new) {
            tables.push(table.clone(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(KBox::new(Self(tables), GFP_KERNEL_ACCOUNT)?)
    }
}

/// A VM's tables.
#[pin_data]
pub(crate) struct Tables {
    #[pin]
    list: SrcuCell<List>,
    // Held while the list is changed. Its holder must not be reading the list, and does not access user memory.
    #[pin]
    lock: Mutex<()>,
}

impl Tables {
    /// Makes an empty list.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                list <- SrcuCell::new(KBox::new(List(KVVec::new()), GFP_KERNEL_ACCOUNT)?),
                lock <- new_mutex!((), "kvm_ppc_tce_tables"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// `KVM_CREATE_SPAPR_TCE` and `…_64`. Fails with `EINVAL` for flags and for arguments that describe no window, and
    /// otherwise as [`create`](Self::create) does.
    pub(crate) fn create_ioctl(
        this: &Arc<Self>,
        mm: &ARef<Mm>,
        cmd: u32,
        arg: usize,
    ) -> Result<isize> {
        let (liobn, window) = if cmd == CREATE {
            let args: kvm_create_spapr_tce = uapi::read(arg)?;
            let entries = u64::from(args.window_size) >> 12;
            (args.liobn, Window::new(12, 0, entries))
        } else {
            let args: kvm_create_spapr_tce_64 = uapi::read(arg)?;
            if args.flags != 0 {
                return Err(EINVAL);
            }
            let window = Window::new(args.page_shift, args.offset, args.size);
            (args.liobn, window)
        };
        Self::create(this, mm, liobn, window.ok_or(EINVAL)?)
    }

    /// Makes a table for bus `liobn` and a descriptor for it, whose number it gives. The table counts
    /// against the locked memory of `mm`, which is the current process's. `EBUSY` if the bus has one,
    /// `ENOMEM` without memory or if the process may not lock so much, `EMFILE`, `ENFILE`.
    fn create(this: &Arc<Self>, mm: &ARef<Mm>, liobn: u64, window: Window) -> Result<isize> {
        let table = Table::new(mm, liobn, window)?;
        // If creating the table fails below, dropping this removes the table after the lock is released.
        let open = Arc::new(
            TableFd {
                table,
                tables: this.clone(),
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        open.table.file.populate(file::identity(&open));
        let (fd, old) = {
            let _locked = this.lock.lock();
            if this.list.read().find(liobn).is_some() {
                return Err(EBUSY);
            }
            let fd = NewFd::reserve()?;
            let new = this.list.read().with(Some(&open.table))?;
            (fd, this.list.replace(new))
        };
        drop(old);
        fd.open(c"kvm-spapr-tce", open)
    }

    // Takes the table out of the list.
    fn remove(&self, table: &Arc<Table>) {
        table.closed.store(true, Relaxed);
        table.devices.end();
        let old = {
            let _locked = self.lock.lock();
            let present = self.list.read().0.iter().any(|t| Arc::ptr_eq(t, table));
            if !present {
                return;
            }
            // Without memory for a new list, the table stays in the old one until the next change; nobody finds it
            // there, since it is closed.
            let Ok(new) = self.list.read().with(None) else {
                return;
            };
            self.list.replace(new)
        };
        drop(old);
    }

    /// Calls `f` with the table of bus `liobn` and returns what it returns, or `None` if there is no such table. `f`
    /// must not access user memory, because a thread that closes a table would wait for that.
    pub(super) fn with<R>(&self, liobn: u64, f: impl FnOnce(&Table) -> Option<R>) -> Option<R> {
        f(self.list.read().find(liobn)?)
    }

    /// The table whose descriptor's file is known by `file`.
    #[cfg(all(CONFIG_VFIO, CONFIG_SPAPR_TCE_IOMMU))]
    pub(super) fn by_file(&self, file: usize) -> Option<Arc<Table>> {
        let list = self.list.read();
        let mut open = list.open();
        open.find(|t| t.file.as_ref() == Some(&file)).cloned()
    }

    /// The table with this number.
    #[cfg(all(CONFIG_VFIO, CONFIG_SPAPR_TCE_IOMMU))]
    pub(super) fn by_number(&self, number: u64) -> Option<Arc<Table>> {
        let list = self.list.read();
        let mut open = list.open();
        open.find(|t| t.number == number).cloned()
    }

    /// The table of bus `liobn`, to be kept for a while.
    pub(super) fn get(&self, liobn: u64) -> Option<Arc<Table>> {
        self.list.read().find(liobn).cloned()
    }
}

/// What a table's descriptor refers to.
struct TableFd {
    table: Arc<Table>,
    tables: Arc<Tables>,
}

impl Drop for TableFd {
    fn drop(&mut self) {
        self.tables.remove(&self.table);
    }
}

impl Descriptor for TableFd {
    const MMAP: bool = true;

    fn page(&self, pgoff: usize) -> Result<&SharedPage> {
        self.table.page(pgoff)
    }
}
