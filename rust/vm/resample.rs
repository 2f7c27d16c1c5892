// SPDX-License-Identifier: GPL-2.0

//! Eventfds that are signalled when the guest has ended an interrupt, `KVM_IRQFD_FLAG_RESAMPLE`: then whoever has a line
//! looks at it again.

use crate::host::eventfd::EventFd;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, SpinLock,
    },
};

/// Those of a VM.
#[pin_data]
pub(crate) struct Resamplers {
    // How many there are. Most VMs have none, which has to be found out at each end of an interrupt.
    count: Atomic<usize>,
    #[pin]
    all: SpinLock<KVec<(u32, Arc<EventFd>)>>,
}

impl Resamplers {
    /// None.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            count: Atomic::new(0),
            all <- new_spinlock!(KVec::new(), "kvm_ppc_resamplers"),
        })
    }

    /// One for the end of interrupt `gsi`. `ENOMEM`.
    pub(super) fn add(&self, gsi: u32, eventfd: Arc<EventFd>) -> Result {
        // Nothing is allocated or freed with the lock held. Others may add some meanwhile.
        loop {
            let room = self.count.load(Relaxed) + 1;
            let mut new = KVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
            let mut all = self.all.lock();
            if all.len() + 1 > new.capacity() {
                continue;
            }
            for one in all.drain_all() {
                new.push_within_capacity(one).map_err(|_| ENOMEM)?;
            }
            new.push_within_capacity((gsi, eventfd))
                .map_err(|_| ENOMEM)?;
            self.count.store(new.len(), Relaxed);
            core::mem::swap(&mut *all, &mut new);
            drop(all);
            return Ok(());
        }
    }

    /// Takes one away that was added. Says whether it was the last one of its interrupt.
    pub(super) fn remove(&self, gsi: u32, eventfd: &Arc<EventFd>) -> bool {
        let mut all = self.all.lock();
        let at = all
            .iter()
            .position(|(_, other)| Arc::ptr_eq(other, eventfd));
        let one = at.and_then(|at| all.remove(at).ok());
        self.count.store(all.len(), Relaxed);
        let last = one.is_some() && all.iter().all(|(other, _)| *other != gsi);
        drop(all);
        last
    }

    /// Is there one for the end of `gsi`?
    #[inline]
    pub(super) fn has(&self, gsi: u32) -> bool {
        self.count.load(Relaxed) != 0 && self.all.lock().iter().any(|(g, _)| *g == gsi)
    }

    /// The interrupt has ended. Comes with no lock held that is taken when an eventfd is signalled.
    pub(super) fn signal(&self, gsi: u32) {
        for (_, eventfd) in self.all.lock().iter().filter(|(g, _)| *g == gsi) {
            eventfd.signal();
        }
    }
}
