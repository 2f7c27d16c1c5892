// SPDX-License-Identifier: GPL-2.0

//! `KVM_IRQFD`: eventfds that are interrupts of the guest.

use super::{backend::Backend, vm::Vm};
use crate::{
    bindings::{self, kvm_irqfd},
    host::{
        eventfd::EventFd,
        irqfd::{IrqFd, Target},
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

const DEASSIGN: u32 = bindings::KVM_IRQFD_FLAG_DEASSIGN;

/// A source of the VM's interrupt controller. An eventfd's signal is a message of it, or a pulse of its line; with
/// `KVM_IRQFD_FLAG_RESAMPLE`, its line is on from then until the guest ends the interrupt.
struct Line<B: Backend> {
    vm: Arc<Vm<B>>,
    gsi: u32,
    // Signalled at that end.
    resample: Option<Arc<EventFd>>,
}

impl<B: Backend> Target for Line<B> {
    fn fire(&self) {
        // If the controller is gone, so is who would be told.
        let _ = B::set_irq(&self.vm, self.gsi, true);
        if self.resample.is_none() {
            let _ = B::set_irq(&self.vm, self.gsi, false);
        }
    }
}

impl<B: Backend> Drop for Line<B> {
    fn drop(&mut self) {
        if let Some(eventfd) = &self.resample {
            // Nobody is left who would take the line away.
            if self.vm.resamplers.remove(self.gsi, eventfd) {
                let _ = B::set_irq(&self.vm, self.gsi, false);
            }
        }
    }
}

type Watched<B> = Pin<KBox<IrqFd<Line<B>>>>;

/// All of a VM's, which its descriptor keeps.
#[pin_data]
pub(super) struct IrqFds<B: Backend> {
    #[pin]
    all: Mutex<KVec<Watched<B>>>,
}

impl<B: Backend> IrqFds<B> {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            all <- new_mutex!(KVec::new(), "kvm_ppc_irqfds"),
        })
    }

    /// `KVM_IRQFD`. `EINVAL` for flags that are not offered, `EAGAIN` as long as there is no interrupt controller, `EBADF`
    /// and `EINVAL` for what is no eventfd, `EBUSY` for one that is an interrupt already. To take away one that is none
    /// is no error.
    pub(super) fn ioctl(&self, vm: &Arc<Vm<B>>, args: &kvm_irqfd) -> Result {
        const RESAMPLE: u32 = bindings::KVM_IRQFD_FLAG_RESAMPLE;
        if args.flags & !(DEASSIGN | RESAMPLE) != 0 {
            return Err(EINVAL);
        }
        let fd = args.fd as i32;
        let mut all = self.all.lock();
        if args.flags & DEASSIGN != 0 {
            let eventfd = EventFd::from_fd(fd)?;
            remove(&mut all, |i| {
                !i.is_open() || i.is_of(&eventfd) && i.target().gsi == args.gsi
            });
            return Ok(());
        }
        if !vm.irqchip.is_open() {
            return Err(EAGAIN);
        }
        // Those whose eventfd is closed have waited for this.
        remove(&mut all, |i| !i.is_open());
        all.reserve(1, GFP_KERNEL_ACCOUNT)?;
        let mut target = Line {
            vm: vm.clone(),
            gsi: args.gsi,
            resample: None,
        };
        if args.flags & RESAMPLE != 0 {
            if !vm.irqchip.resamples() {
                return Err(EINVAL);
            }
            // As kvm.ko does, which looks at this one first.
            drop(EventFd::from_fd(fd)?);
            let eventfd = EventFd::from_fd(args.resamplefd as i32)?;
            let eventfd = Arc::new(eventfd, GFP_KERNEL_ACCOUNT)?;
            vm.resamplers.add(args.gsi, eventfd.clone())?;
            target.resample = Some(eventfd);
        }
        all.push(IrqFd::watch(fd, target)?, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }
}

fn remove<B: Backend>(all: &mut KVec<Watched<B>>, which: impl Fn(&IrqFd<Line<B>>) -> bool) {
    while let Some(at) = all.iter().position(|i| which(i)) {
        let _ = all.remove(at);
    }
}
