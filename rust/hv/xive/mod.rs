// SPDX-License-Identifier: GPL-2.0

//! The host's XIVE interrupt controller in the guest's hands: `KVM_DEV_TYPE_XIVE`
//! (`Documentation/virt/kvm/devices/xive.rst`).
//!
//! Each source of the guest's is one of the host's, each server a virtual processor, and queues are in the guest's own
//! memory: the guest triggers, takes and ends interrupts without an exit. Userspace handles the hypercalls that set
//! these up, and tells the device. `Documentation/interrupts.rst` has the way of an interrupt.
//!
//! | file | what |
//! |---|---|
//! | `sources` | the guest's interrupt sources, by number |
//! | `server` | a vCPU as one that takes interrupts: its queues and escalation interrupts |
//! | `state` | the servers and sources of a VM |
//! | `controller` | what concerns the VM's vCPUs and memory |
//! | `device` | the descriptor |
//! | `vp_state` | `KVM_REG_PPC_VP_STATE` |

mod controller;
pub(crate) mod device;
mod server;
mod sources;
pub(super) mod state;
pub(crate) mod vp_state;
