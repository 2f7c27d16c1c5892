// SPDX-License-Identifier: GPL-2.0

//! The VM core: the KVM API as far as it is the same on all hosts.
//!
//! | file | what |
//! |---|---|
//! | `backend` | what a backend has to supply |
//! | `system` | /dev/kvm |
//! | `vm`, `vm_fd` | a VM, and its descriptor's ioctls |
//! | `vcpu`, `vcpu_fd`, `run_page`, `one_reg` | a vCPU, its ioctls, the page it shares with userspace, register values |
//! | `run_loop` | `KVM_RUN` |
//! | `requests`, `halt` | getting a vCPU's attention; halting it |
//! | `memslot`, `memory` | memory slots, and changing them |
//! | `published` | slots and the bus, which change while they are looked into |
//! | `invalidations` | keeps slots from changing while the owner's mappings do |
//! | `mmu_lock` | the lock of the translation tables, and faults that race with the owner's mappings |
//! | `guest_memory`, `dirty_log` | the kernel's own accesses; which pages were written |
//! | `events` | what waits for a vCPU |
//! | `mmio`, `access` | emulated loads and stores; what of them needs no exit |
//! | `papr`, `vpa` | hypervisor calls; the areas that PAPR guests register |
//! | `pvinfo` | how other guests call KVM |
//! | `io_bus`, `coalesced` | stores that need no exit to userspace |
//! | `tce`, `tce_hcalls` | TCE tables, and the hypercalls of PAPR guests that use them |
//! | `caps` | capabilities |
//! | `stats`, `stats_fd`, `debugfs` | statistics |
//! | `name` | what descriptors and statistics are called |
//!
//! Nothing here is unsafe: what touches the host's C code is in [`host`](crate::host).
//!
//! Locks, outermost first: `Vm::lock`, a vCPU's mutex, `Vm::slots_lock`, reading `Vm::slots`,
//! [`mmu_lock::MmuLock`]. Mmu notifiers come with the kernel's own locks held and take the last two; so
//! no user memory is touched with the last one held, and no slot is changed by who reads slots. The lock of
//! [`invalidations::Invalidations`] is held for a moment only, with none taken in it.

pub(crate) mod access;
pub(crate) mod backend;
mod caps;
mod coalesced;
mod debugfs;
mod dirty_log;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod events;
pub(crate) mod guest_memory;
pub(crate) mod halt;
mod invalidations;
mod io_bus;
mod ioctl;
mod memory;
pub(crate) mod memslot;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod mmio;
pub(crate) mod mmu_lock;
mod name;
pub(crate) mod one_reg;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod papr;
mod published;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod pvinfo;
pub(crate) mod requests;
pub(crate) mod run_loop;
pub(crate) mod run_page;
pub(crate) mod stats;
mod stats_fd;
mod system;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod tce;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod tce_hcalls;
mod vcpu;
mod vcpu_fd;
#[allow(clippy::module_inception)]
mod vm;
mod vm_fd;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod vpa;

pub(crate) use {system::Device, vcpu::Vcpu, vm::Vm};
