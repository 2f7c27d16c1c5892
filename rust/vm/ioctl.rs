// SPDX-License-Identifier: GPL-2.0

//! The numbers of the KVM API's ioctls that the core serves (include/uapi/linux/kvm.h).

use crate::bindings::*;
use kernel::ioctl::{_IO, _IOC_TYPE, _IOR, _IOW, _IOWR};

const KVM: u32 = KVMIO;

/// Is `cmd` an ioctl of KVM's?
pub(super) const fn is_kvm(cmd: u32) -> bool {
    _IOC_TYPE(cmd) == KVM
}

// /dev/kvm
pub(super) const GET_API_VERSION: u32 = _IO(KVM, 0x00);
pub(super) const CREATE_VM: u32 = _IO(KVM, 0x01);
pub(super) const CHECK_EXTENSION: u32 = _IO(KVM, 0x03);
pub(super) const GET_VCPU_MMAP_SIZE: u32 = _IO(KVM, 0x04);

// VM
pub(super) const CREATE_VCPU: u32 = _IO(KVM, 0x41);
pub(super) const GET_DIRTY_LOG: u32 = _IOW::<kvm_dirty_log>(KVM, 0x42);
pub(super) const SET_USER_MEMORY_REGION: u32 = _IOW::<kvm_userspace_memory_region>(KVM, 0x46);
pub(super) const SET_USER_MEMORY_REGION2: u32 = _IOW::<kvm_userspace_memory_region2>(KVM, 0x49);
pub(super) const IRQ_LINE: u32 = _IOW::<kvm_irq_level>(KVM, 0x61);
pub(super) const IRQ_LINE_STATUS: u32 = _IOWR::<kvm_irq_level>(KVM, 0x67);
pub(super) const REGISTER_COALESCED_MMIO: u32 = _IOW::<kvm_coalesced_mmio_zone>(KVM, 0x67);
pub(super) const UNREGISTER_COALESCED_MMIO: u32 = _IOW::<kvm_coalesced_mmio_zone>(KVM, 0x68);
pub(super) const IRQFD: u32 = _IOW::<kvm_irqfd>(KVM, 0x76);
pub(super) const IOEVENTFD: u32 = _IOW::<kvm_ioeventfd>(KVM, 0x79);
pub(super) const CLEAR_DIRTY_LOG: u32 = _IOWR::<kvm_clear_dirty_log>(KVM, 0xc0);
pub(super) const RESET_DIRTY_RINGS: u32 = _IO(KVM, 0xc7);
pub(super) const CREATE_DEVICE: u32 = _IOWR::<kvm_create_device>(KVM, 0xe0);

// VM and vCPU
pub(super) const ENABLE_CAP: u32 = _IOW::<kvm_enable_cap>(KVM, 0xa3);
pub(super) const GET_STATS_FD: u32 = _IO(KVM, 0xce);

// vCPU
pub(super) const RUN: u32 = _IO(KVM, 0x80);
pub(super) const GET_REGS: u32 = _IOR::<kvm_regs>(KVM, 0x81);
pub(super) const SET_REGS: u32 = _IOW::<kvm_regs>(KVM, 0x82);
pub(super) const GET_SREGS: u32 = _IOR::<kvm_sregs>(KVM, 0x83);
pub(super) const SET_SREGS: u32 = _IOW::<kvm_sregs>(KVM, 0x84);
pub(super) const TRANSLATE: u32 = _IOWR::<kvm_translation>(KVM, 0x85);
pub(super) const INTERRUPT: u32 = _IOW::<kvm_interrupt>(KVM, 0x86);
pub(super) const SET_SIGNAL_MASK: u32 = _IOW::<kvm_signal_mask>(KVM, 0x8b);
pub(super) const GET_FPU: u32 = _IOR::<kvm_fpu>(KVM, 0x8c);
pub(super) const SET_FPU: u32 = _IOW::<kvm_fpu>(KVM, 0x8d);
pub(super) const GET_MP_STATE: u32 = _IOR::<kvm_mp_state>(KVM, 0x98);
pub(super) const SET_MP_STATE: u32 = _IOW::<kvm_mp_state>(KVM, 0x99);
pub(super) const SET_GUEST_DEBUG: u32 = _IOW::<kvm_guest_debug>(KVM, 0x9b);
pub(super) const GET_ONE_REG: u32 = _IOW::<kvm_one_reg>(KVM, 0xab);
pub(super) const SET_ONE_REG: u32 = _IOW::<kvm_one_reg>(KVM, 0xac);
