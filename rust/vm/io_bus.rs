// SPDX-License-Identifier: GPL-2.0

//! Guest physical addresses at which a store need not end in userspace: ioeventfds and coalesced
//! zones.

use super::{published::Changed, ring::Zone};
use crate::host::{
    eventfd::EventFd,
    range_map::{Prepared, RangeMap},
};
use core::ops::Range;
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, AtomicFlag},
        Arc,
    },
};

/// Most coalesced zones of a VM. Eventfds are limited by memory alone, as with kvm.ko, since one may
/// be at any number of addresses; each is charged to the owner's memory cgroup.
const MAX_ZONES: usize = 1000;

// `KVM_IOEVENTFD_FLAG_…`
pub(super) const DATAMATCH: u32 = 1 << 0;
const PIO: u32 = 1 << 1;
pub(super) const DEASSIGN: u32 = 1 << 2;
const VIRTIO_CCW: u32 = 1 << 3;
pub(super) const VALID_FLAGS: u32 = PIO | DATAMATCH | DEASSIGN | VIRTIO_CCW;

/// The kinds of addresses of the interface. Only MMIO is ever written by a PowerPC guest; the
/// others can be registered, as everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Mmio,
    Pio,
    VirtioCcw,
}

impl Space {
    /// The space that the flags `KVM_IOEVENTFD_FLAG_…` name.
    pub(super) fn from_flags(flags: u32) -> Self {
        if flags & PIO != 0 {
            Self::Pio
        } else if flags & VIRTIO_CCW != 0 {
            Self::VirtioCcw
        } else {
            Self::Mmio
        }
    }
}

/// An eventfd that a store to `addr` signals.
pub(super) struct IoEvent {
    /// Its number in the VM.
    pub(super) number: usize,
    pub(super) gone: AtomicFlag,
    pub(super) eventfd: EventFd,
    pub(super) space: Space,
    pub(super) addr: u64,
    /// The store's size; 0 for stores of any size.
    pub(super) len: u32,
    /// If given, only a store of this value signals the eventfd.
    pub(super) datamatch: Option<u64>,
}

impl IoEvent {
    /// Does any store to its address signal it, whatever its size and value?
    pub(super) fn takes_any_length(&self) -> bool {
        self.space == Space::Mmio && self.len == 0
    }

    /// Does a store of `data` to `addr` signal it?
    pub(super) fn hit(&self, addr: u64, data: &[u8]) -> bool {
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

    /// Would a store signal both?
    pub(super) fn collides(&self, other: &Self) -> bool {
        self.space == other.space
            && self.addr == other.addr
            && (self.len == 0
                || other.len == 0
                || (self.len == other.len
                    && (self.datamatch.is_none()
                        || other.datamatch.is_none()
                        || self.datamatch == other.datamatch)))
    }

    /// Do the same arguments of userspace name both?
    pub(super) fn same(&self, other: &Self) -> bool {
        self.eventfd == other.eventfd
            && self.space == other.space
            && self.addr == other.addr
            && self.len == other.len
            && self.datamatch == other.datamatch
    }
}

/// The contents of a VM's bus.
#[derive(Default)]
pub(super) struct IoBus {
    // The keys are the events' numbers. Several events may have the same address.
    events: RangeMap<Arc<IoEvent>>,
    pub(super) zones: KVec<Zone>,
}

/// An eventfd that is about to be inserted.
pub(super) struct NewEvent(Prepared<Arc<IoEvent>>);

impl NewEvent {
    /// `ENOMEM` without memory.
    pub(super) fn new(event: &Arc<IoEvent>) -> Result<Self> {
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

/// A change of the bus.
pub(super) enum BusChange {
    Insert(NewEvent),
    /// Remove the eventfd with this number.
    Remove(usize),
    /// Replace the zones by these.
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

// The range in the map for an address. On 32-bit hosts only its low bits are in the map; the others are compared
// afterwards.
fn place(addr: u64) -> Range<usize> {
    let place = addr as usize & (usize::MAX >> 1);
    place..place + 1
}

impl IoBus {
    /// The events at `addr`.
    pub(super) fn events_at(&self, addr: u64) -> impl Iterator<Item = &Arc<IoEvent>> {
        self.events
            .at_addresses(&place(addr))
            .filter(move |e| e.addr == addr && !e.gone.load(Acquire))
    }

    /// Returns `ENOSPC` if there is no room for another zone.
    pub(super) fn check_room(&self) -> Result {
        if self.zones.len() >= MAX_ZONES {
            return Err(ENOSPC);
        }
        Ok(())
    }
}
