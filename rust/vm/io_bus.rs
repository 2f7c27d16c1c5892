// SPDX-License-Identifier: GPL-2.0

//! Guest physical addresses at which a store need not end in userspace: ioeventfds and coalesced
//! zones.

use super::{backend::Backend, coalesced::Zone, published::Changed, vm::Vm};
use crate::{
    bindings,
    host::{
        eventfd::EventFd,
        range_map::{Prepared, RangeMap},
    },
};
use core::ops::Range;
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, AtomicFlag, Release},
        Arc,
    },
};

/// Most coalesced zones of a VM. Eventfds are limited by memory alone, as with kvm.ko, since one may
/// be at any number of addresses; each is charged to the owner's memory cgroup.
const MAX_ZONES: usize = 1000;

// `KVM_IOEVENTFD_FLAG_…`
const DATAMATCH: u32 = 1 << 0;
const PIO: u32 = 1 << 1;
const DEASSIGN: u32 = 1 << 2;
const VIRTIO_CCW: u32 = 1 << 3;
const VALID_FLAGS: u32 = PIO | DATAMATCH | DEASSIGN | VIRTIO_CCW;

/// The kinds of addresses of the interface. Only MMIO is ever written by a PowerPC guest; the
/// others can be registered, as everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Mmio,
    Pio,
    VirtioCcw,
}

impl Space {
    fn from_flags(flags: u32) -> Self {
        if flags & PIO != 0 {
            Self::Pio
        } else if flags & VIRTIO_CCW != 0 {
            Self::VirtioCcw
        } else {
            Self::Mmio
        }
    }
}

/// A store to `addr` signals the eventfd.
pub(super) struct IoEvent {
    /// Which one of the VM's.
    number: usize,
    gone: AtomicFlag,
    eventfd: EventFd,
    space: Space,
    addr: u64,
    /// 0: whatever the store's size.
    len: u32,
    /// Only a store of this value.
    datamatch: Option<u64>,
}

impl IoEvent {
    fn hit(&self, addr: u64, data: &[u8]) -> bool {
        if self.space != Space::Mmio || addr != self.addr {
            return false;
        }
        if self.len == 0 {
            return true;
        }
        if data.len() != self.len as usize {
            return false;
        }
        match self.datamatch {
            None => true,
            Some(val) => match *data {
                [a] => val == u64::from(a),
                [a, b] => val == u64::from(u16::from_ne_bytes([a, b])),
                [a, b, c, d] => val == u64::from(u32::from_ne_bytes([a, b, c, d])),
                [a, b, c, d, e, f, g, h] => val == u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
                _ => false,
            },
        }
    }

    // Would a store hit both?
    fn collides(&self, other: &Self) -> bool {
        self.space == other.space
            && self.addr == other.addr
            && (self.len == 0
                || other.len == 0
                || (self.len == other.len
                    && (self.datamatch.is_none()
                        || other.datamatch.is_none()
                        || self.datamatch == other.datamatch)))
    }

    fn same(&self, other: &Self) -> bool {
        self.eventfd == other.eventfd
            && self.space == other.space
            && self.addr == other.addr
            && self.len == other.len
            && self.datamatch == other.datamatch
    }
}

/// What is on a VM's bus at one moment.
#[derive(Default)]
pub(super) struct IoBus {
    // Each has its number for a key; some have the same address.
    events: RangeMap<Arc<IoEvent>>,
    pub(super) zones: KVec<Zone>,
}

/// An eventfd that is about to be inserted.
pub(super) struct NewEvent(Prepared<Arc<IoEvent>>);

impl NewEvent {
    /// `ENOMEM` without memory.
    fn new(event: &Arc<IoEvent>) -> Result<Self> {
        let number = event.number..event.number.saturating_add(1);
        let place = place(event.addr);
        Ok(Self(Prepared::new(
            &number,
            &place,
            event.clone(),
            GFP_KERNEL_ACCOUNT,
        )?))
    }
}

/// What becomes of the bus.
pub(super) enum BusChange {
    Insert(NewEvent),
    /// Of the eventfd with this number.
    Remove(usize),
    /// These are the zones.
    Zones(KVec<Zone>),
}

impl Changed for IoBus {
    type Change = BusChange;

    fn apply(&mut self, change: BusChange) {
        match change {
            BusChange::Insert(NewEvent(new)) => self.events.insert(new),
            BusChange::Remove(number) => drop(self.events.remove(number, |e| e.number == number)),
            BusChange::Zones(zones) => self.zones = zones,
        }
    }
}

// Where to look for an address: whose other bits do not fit, if any, are compared.
fn place(addr: u64) -> Range<usize> {
    let place = addr as usize & (usize::MAX >> 1);
    place..place + 1
}

impl IoBus {
    fn events_at(&self, addr: u64) -> impl Iterator<Item = &Arc<IoEvent>> {
        self.events
            .at_addresses(&place(addr))
            .filter(move |e| e.addr == addr && !e.gone.load(Acquire))
    }

    /// `ENOSPC` if there are as many zones as there may be.
    pub(super) fn check_room(&self) -> Result {
        if self.zones.len() >= MAX_ZONES {
            return Err(ENOSPC);
        }
        Ok(())
    }
}

/// `KVM_IOEVENTFD` (api.rst, section 4.59).
pub(super) fn ioeventfd<B: Backend>(vm: &Vm<B>, args: &bindings::kvm_ioeventfd) -> Result {
    let matches = args.flags & DATAMATCH != 0;
    let event = |eventfd, number| IoEvent {
        number,
        gone: AtomicFlag::new(false),
        eventfd,
        space: Space::from_flags(args.flags),
        addr: args.addr,
        len: args.len,
        datamatch: matches.then_some(args.datamatch),
    };
    if args.flags & DEASSIGN != 0 {
        let event = event(EventFd::from_fd(args.fd)?, 0);
        return deassign(vm, &event);
    }

    if !matches!(args.len, 0 | 1 | 2 | 4 | 8) {
        return Err(EINVAL);
    }
    args.addr.checked_add(args.len.into()).ok_or(EINVAL)?;
    if args.flags & !VALID_FLAGS != 0 {
        return Err(EINVAL);
    }
    // Without a size there is no value to compare.
    if args.len == 0 && matches {
        return Err(EINVAL);
    }
    let eventfd = EventFd::from_fd(args.fd)?;
    assign(vm, |number| event(eventfd, number))
}

fn assign<B: Backend>(vm: &Vm<B>, event: impl FnOnce(usize) -> IoEvent) -> Result {
    let mut state = vm.slots_lock.lock();
    let number = state.next_event;
    let event = Arc::new(event(number), GFP_KERNEL_ACCOUNT)?;
    let mut bus = vm.bus.change()?;
    if bus.set().events_at(event.addr).any(|e| e.collides(&event)) {
        return Err(EEXIST);
    }
    let insert = || Ok::<_, Error>(BusChange::Insert(NewEvent::new(&event)?));
    bus.publish(insert()?, insert()?, || ());
    state.next_event = number.checked_add(1).ok_or(ENOSPC)?;
    Ok(())
}

fn deassign<B: Backend>(vm: &Vm<B>, event: &IoEvent) -> Result {
    let _lock = vm.slots_lock.lock();
    let mut bus = vm.bus.change()?;
    let gone = {
        // Readers find all that are not gone; the other copy may not be there without waiting.
        let bus = vm.bus.read();
        let found = bus.events_at(event.addr).find(|e| e.same(event)).cloned();
        found.ok_or(ENOENT)?
    };
    gone.gone.store(true, Release);
    // Nobody signals it any more when this returns.
    bus.wait();
    let remove = || BusChange::Remove(gone.number);
    bus.postpone(remove(), remove(), || ());
    Ok(())
}

impl<B: Backend> Vm<B> {
    /// A store of `data` (1 to 8 bytes, as they are in the guest's memory) to the guest physical
    /// address `gpa`, outside memory. Returns whether it is done; if not, it is an MMIO exit.
    pub(crate) fn mmio_write(&self, gpa: u64, data: &[u8]) -> bool {
        let bus = self.bus.read();
        if let Some(event) = bus.events_at(gpa).find(|e| e.hit(gpa, data)) {
            event.eventfd.signal();
            return true;
        }
        bus.zones.iter().any(|z| z.holds(gpa, data.len())) && self.coalesced.push(gpa, data)
    }

    /// A load from the guest physical address `gpa`, outside memory: nothing here can answer one,
    /// so it always is an MMIO exit.
    pub(crate) fn mmio_read(&self, _gpa: u64, _data: &mut [u8]) -> bool {
        false
    }
}
