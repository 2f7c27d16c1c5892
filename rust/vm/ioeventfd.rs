// SPDX-License-Identifier: GPL-2.0

//! Eventfds on a VM's bus, and stores to the bus.

use super::{
    backend::Backend,
    io_bus::{BusChange, IoEvent, NewEvent, Space, DATAMATCH, DEASSIGN, VALID_FLAGS},
    vm::Vm,
};
use crate::{bindings, host::eventfd::EventFd};
use kernel::{
    prelude::*,
    sync::{
        atomic::{AtomicFlag, Release},
        Arc,
    },
};

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
    // A value can only be compared if there is a size.
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
    if event.takes_any_length() {
        vm.any_length.store(true, Release);
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
        // The readers' copy has all events that are not removed. Getting the other copy could mean to wait.
        let bus = vm.bus.read();
        let found = bus.events_at(event.addr).find(|e| e.same(event)).cloned();
        found.ok_or(ENOENT)?
    };
    gone.gone.store(true, Release);
    // When this returns, no more stores signal the eventfd.
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

    /// A store to the guest physical address `gpa`, outside memory, of which no more is known. Returns whether it is
    /// done: it is if there is an eventfd that takes one of any length.
    #[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
    #[inline]
    pub(crate) fn mmio_store_of_any_length(&self, gpa: u64) -> bool {
        use kernel::sync::atomic::Relaxed;
        // Most VMs have no such eventfd, and then nothing is searched here.
        self.any_length.load(Relaxed) && self.signal_any_length(gpa)
    }

    #[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
    #[inline(never)]
    fn signal_any_length(&self, gpa: u64) -> bool {
        let bus = self.bus.read();
        let event = bus.events_at(gpa).find(|e| e.takes_any_length());
        if let Some(event) = event {
            event.eventfd.signal();
        }
        event.is_some()
    }

    /// A load from the guest physical address `gpa`, outside memory: nothing here can answer one,
    /// so it always is an MMIO exit.
    pub(crate) fn mmio_read(&self, _gpa: u64, _data: &mut [u8]) -> bool {
        false
    }
}
