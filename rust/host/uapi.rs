// SPDX-License-Identifier: GPL-2.0

//! The structs of the KVM API: reading them from userspace and writing them there.

use crate::bindings;
use core::mem::MaybeUninit;
use kernel::{prelude::*, uaccess::UserSlice};

/// A struct of the API, all integers.
///
/// # Safety
///
/// Any bit pattern is a value, and values are made so that padding is initialized: by
/// [`read`] or [`zeroed`].
pub(crate) unsafe trait Uapi: Copy {}

macro_rules! uapi {
    ($($name:ident)*) => {
        $(
            // SAFETY: A C struct or union of integers and arrays of them.
            unsafe impl Uapi for bindings::$name {}
        )*
    };
}
uapi! {
    kvm_clear_dirty_log
    kvm_coalesced_mmio_zone
    kvm_create_device
    kvm_create_spapr_tce
    kvm_create_spapr_tce_64
    kvm_dirty_log
    kvm_enable_cap
    kvm_fpu
    kvm_guest_debug
    kvm_interrupt
    kvm_ioeventfd
    kvm_irq_level
    kvm_irqfd
    kvm_mp_state
    kvm_msi
    kvm_one_reg
    kvm_ppc_compat_caps
    kvm_ppc_cpu_char
    kvm_ppc_mmuv3_cfg
    kvm_ppc_pvinfo
    kvm_ppc_rmmu_info
    kvm_ppc_smmu_info
    kvm_regs
    kvm_sregs
    kvm_translation
    kvm_userspace_memory_region
    kvm_userspace_memory_region2
}
// SAFETY: Integers.
unsafe impl Uapi for u32 {}
// SAFETY: Integers.
unsafe impl Uapi for u64 {}

/// All bytes 0, padding too.
pub(crate) fn zeroed<T: Uapi>() -> T {
    // SAFETY: By the trait's promise, all zeroes is a value.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// A zeroed `T` on the heap, for what is too large for the stack. `ENOMEM` without memory.
pub(crate) fn boxed<T: Uapi>() -> Result<KBox<T>> {
    let mut new = KBox::<T>::new_uninit(GFP_KERNEL)?;
    // SAFETY: The box is writable and as large as `T`.
    unsafe { new.as_mut_ptr().write_bytes(0, 1) };
    // SAFETY: By the trait's promise, all zeroes is a value.
    Ok(unsafe { new.assume_init() })
}

fn bytes_mut<T: Uapi>(val: &mut T) -> &mut [MaybeUninit<u8>] {
    // SAFETY: The slice covers exactly `val`, which any bytes may be written to.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(val).cast(), size_of::<T>()) }
}

/// The struct at the user address `addr`. `EFAULT` if it cannot be read.
pub(crate) fn read<T: Uapi>(addr: usize) -> Result<T> {
    let mut val = zeroed();
    read_into(addr, &mut val)?;
    Ok(val)
}

/// As [`read`], in place.
pub(crate) fn read_into<T: Uapi>(addr: usize, val: &mut T) -> Result {
    UserSlice::new(UserPtr::from_addr(addr), size_of::<T>())
        .reader()
        .read_raw(bytes_mut(val))
}

/// Writes the struct to the user address `addr`. `EFAULT` if it cannot be written.
pub(crate) fn write<T: Uapi>(addr: usize, val: &T) -> Result {
    // SAFETY: The slice covers exactly `val`; by the trait's promise all of it is initialized.
    let bytes =
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(val).cast(), size_of::<T>()) };
    UserSlice::new(UserPtr::from_addr(addr), size_of::<T>())
        .writer()
        .write_slice(bytes)
}

/// User address of the bitmap of `KVM_GET_DIRTY_LOG`.
pub(crate) fn dirty_bitmap_address(log: &bindings::kvm_dirty_log) -> usize {
    // SAFETY: All of the struct was read from userspace, and the member is an address.
    unsafe { log.__bindgen_anon_1.dirty_bitmap }.addr()
}

/// User address of the bitmap of `KVM_CLEAR_DIRTY_LOG`.
pub(crate) fn clear_dirty_bitmap_address(log: &bindings::kvm_clear_dirty_log) -> usize {
    // SAFETY: All of the struct was read from userspace, and the member is an address.
    unsafe { log.__bindgen_anon_1.dirty_bitmap }.addr()
}

/// The `pio` member of a coalesced zone.
pub(crate) fn zone_pio(zone: &bindings::kvm_coalesced_mmio_zone) -> u32 {
    // SAFETY: Both members of the union are a word that was read from userspace.
    unsafe { zone.__bindgen_anon_1.pio }
}

/// Is all of the address range userspace's?
pub(crate) fn access_ok(addr: usize, size: usize) -> bool {
    // SAFETY: Only compares numbers.
    unsafe { bindings::kvm_ppc_access_ok(addr, size) }
}
