// SPDX-License-Identifier: GPL-2.0

//! The VM core: the KVM API as far as it is the same on all hosts.
//!
//! | file | what |
//! |---|---|
//! | `gfn`, `next` | guest frames; where a vCPU goes on |
//! | `ioctl`, `name` | numbers of ioctls; what descriptors and statistics are called |
//! | `one_reg` | register values |
//! | `stats`, `stats_fd` | statistics, and the descriptors that give them |
//! | `published` | slots and the bus, which change while they are looked into |
//! | `dirty_bitmap`, `memslot`, `slots_state` | which pages were written; memory slots, and what goes with them |
//! | `blocks` | tables by number of which little is used |
//! | `irqchip`, `resample` | the place for an interrupt controller; who is told when an interrupt has ended |
//! | `ring`, `io_bus` | stores that need no exit to userspace |
//! | `requests`, `poll`, `run_page` | getting a vCPU's attention; how long it polls; the page it shares with userspace |
//! | `invalidations` | keeps slots from changing while the owner's mappings do |
//! | `state` | what a backend keeps of a VM and a vCPU |
//! | `mmu_lock` | the lock of the translation tables, and faults that race with the owner's mappings |
//! | `vcpu`, `vm` | a vCPU; a VM |
//! | `backend` | what a backend has to supply |
//! | `memory`, `dirty_log`, `coalesced`, `ioeventfd` | changing memory slots and the bus, and asking for what was written |
//! | `irqfd`, `device` | eventfds that are interrupts; what interrupt controllers have in common |
//! | `notify` | changes of the owner's mappings |
//! | `create` | making VMs and vCPUs |
//! | `fault` | pages that guests fault on |
//! | `guest_memory` | the kernel's own accesses |
//! | `halt`, `run_loop` | halting a vCPU; `KVM_RUN` |
//! | `events` | what waits for a vCPU |
//! | `access`, `mmio` | what of an emulated load or store needs no exit; loads and stores |
//! | `papr`, `vpa` | hypervisor calls; the areas that PAPR guests register |
//! | `pvinfo` | how other guests call KVM |
//! | `tce`, `tce_hcalls` | TCE tables, and the hypercalls of PAPR guests that use them |
//! | `vfio`, `tce_devices` | the host's devices that the guest has, and their TCE tables |
//! | `xics` | PAPR's interrupt controller, emulated |
//! | `caps`, `debugfs` | capabilities; files of debugfs |
//! | `vcpu_fd`, `vm_fd`, `system` | the ioctls of a vCPU, of a VM and of /dev/kvm |
//!
//! The order is that of imports: a file imports those before it, not those behind.
//!
//! Nothing here is unsafe: what touches the host's C code is in [`host`](crate::host).
//!
//! Locks, outermost first: `Vm::lock`, a vCPU's mutex, `Vm::slots_lock`, reading `Vm::slots`,
//! [`mmu_lock::MmuLock`]. Mmu notifiers come with the kernel's own locks held and take the last two; so
//! no user memory is touched with the last one held, and no slot is changed by who reads slots. The lock of
//! [`invalidations::Invalidations`] is held for a moment only; when a change ends, the last two are taken in it.

pub(crate) mod access;
pub(crate) mod backend;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod blocks;
mod caps;
mod coalesced;
mod create;
mod debugfs;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod device;
mod dirty_bitmap;
mod dirty_log;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod doorbell;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod events;
pub(crate) mod fault;
pub(crate) mod gfn;
pub(crate) mod guest_memory;
mod halt;
mod invalidations;
mod io_bus;
mod ioctl;
mod ioeventfd;
pub(crate) mod irqchip;
mod irqfd;
mod memory;
pub(crate) mod memslot;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod mmio;
pub(crate) mod mmu_lock;
pub(crate) mod name;
mod next;
mod notify;
pub(crate) mod one_reg;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod papr;
pub(crate) mod poll;
mod published;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod pvinfo;
pub(crate) mod requests;
mod resample;
mod ring;
pub(crate) mod run_loop;
pub(crate) mod run_page;
mod slots_state;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod smt;
pub(crate) mod state;
pub(crate) mod stats;
mod stats_fd;
mod system;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod tce;
#[cfg(CONFIG_PPC_BOOK3S_64)]
#[cfg_attr(
    not(all(CONFIG_VFIO, CONFIG_SPAPR_TCE_IOMMU)),
    path = "tce_devices_none.rs"
)]
pub(crate) mod tce_devices;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod tce_hcalls;
mod vcpu;
mod vcpu_fd;
#[cfg(all(CONFIG_PPC_BOOK3S_64, CONFIG_VFIO))]
pub(crate) mod vfio;
#[allow(clippy::module_inception)]
mod vm;
mod vm_fd;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod vpa;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod xics;

#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) use vm::CountedVcpu;
pub(crate) use {
    system::Device,
    vm::{Vcpu, Vm},
};
