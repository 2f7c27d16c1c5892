// SPDX-License-Identifier: GPL-2.0

//! Reads structs of the KVM API from userspace and writes them to userspace.

//!
//! What is written to userspace is [`AsBytes`], that is, without padding, whose bytes would show userspace what the
//! kernel had in that memory before. This is checked when the module is compiled. `struct kvm_sregs` has padding, so it
//! is a type of its own, [`Sregs`].

use crate::bindings;
use core::mem::MaybeUninit;
use kernel::{
    alloc::flags::__GFP_ZERO,
    error::to_result,
    prelude::*,
    transmute::{AsBytes, FromBytes},
    uaccess::UserSlice,
};

macro_rules! from_userspace {
    ($($name:ident)*) => {
        $(
            // SAFETY: A C struct or union of integers, user addresses and arrays of them.
            unsafe impl FromBytes for bindings::$name {}
        )*
    };
}
from_userspace! {
    kvm_clear_dirty_log
    kvm_coalesced_mmio_zone
    kvm_create_device
    kvm_device_attr
    kvm_create_spapr_tce
    kvm_create_spapr_tce_64
    kvm_dirty_log
    kvm_enable_cap
    kvm_fpu
    kvm_get_htab_fd
    kvm_guest_debug
    kvm_interrupt
    kvm_ioeventfd
    kvm_irq_level
    kvm_irqfd
    kvm_mp_state
    kvm_one_reg
    kvm_ppc_mmuv3_cfg
    kvm_ppc_resize_hpt
    kvm_regs
    kvm_translation
    kvm_userspace_memory_region
    kvm_userspace_memory_region2
}

/// Reads the argument of `KVM_GET_ONE_REG`, at `addr` of the current process. `EFAULT` if it is not there.
pub(crate) fn read_one_reg(addr: usize) -> Result<bindings::kvm_one_reg> {
    let mut pair = [0; 2];
    // SAFETY: `pair` is valid for writes of two doublewords, and the address is checked.
    to_result(unsafe { bindings::kvm_ppc_load_user_pair(addr, pair.as_mut_ptr()) })?;
    let [id, addr] = pair;
    Ok(bindings::kvm_one_reg { id, addr })
}

/// Writes the bytes of a register to `addr` of the current process. `EFAULT` if it cannot be written there.
pub(crate) fn write_register(addr: usize, bytes: &[u8]) -> Result {
    let size = u32::try_from(bytes.len()).map_err(|_| EINVAL)?;
    // SAFETY: `bytes` is valid for reads of its length, and the address is checked.
    to_result(unsafe { bindings::kvm_ppc_store_user(addr, bytes.as_ptr().cast(), size) })
}

/// The size of a struct's field that has no padding.
const fn bytes_of<S, F: AsBytes>(_field: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// Declares structs that are written to userspace, with all their fields.
macro_rules! to_userspace {
    ($($name:ident { $($field:ident)* })*) => {
        $(
            const _: () = assert!(
                size_of::<bindings::$name>() == 0 $(+ bytes_of(|s: &bindings::$name| &s.$field))*,
                "a field is missing, or there is padding",
            );
            // SAFETY: The fields are all of it, and they have no padding either.
            unsafe impl AsBytes for bindings::$name {}
        )*
    };
}
#[cfg(CONFIG_PPC_BOOK3S_64)]
from_userspace! { kvm_ppc_xive_eq kvm_rtas_token_args }

#[cfg(CONFIG_PPC_BOOK3S_64)]
to_userspace! { kvm_ppc_xive_eq { flags qshift qaddr qtoggle qindex pad } }

to_userspace! {
    kvm_create_device { type_ fd flags }
    kvm_fpu { fpr }
    kvm_mp_state { mp_state }
    kvm_ppc_cpu_char { character behaviour character_mask behaviour_mask }
    kvm_ppc_one_page_size { page_shift pte_enc }
    kvm_ppc_one_seg_page_size { page_shift slb_enc enc }
    kvm_ppc_pvinfo { flags hcall pad }
    kvm_ppc_rmmu_info { geometries ap_encodings }
    kvm_ppc_rmmu_info_kvm_ppc_radix_geom { page_shift level_bits pad }
    kvm_ppc_smmu_info { flags slb_size data_keys instr_keys sps }
    kvm_regs {
        pc cr ctr lr xer msr srr0 srr1 pid sprg0 sprg1 sprg2 sprg3 sprg4 sprg5 sprg6 sprg7 gpr
    }
    kvm_translation { linear_address physical_address valid writeable usermode pad }
}

/// The struct at the user address `addr`. `EFAULT` if it cannot be read.
pub(crate) fn read<T: FromBytes>(addr: usize) -> Result<T> {
    UserSlice::new(UserPtr::from_addr(addr), size_of::<T>())
        .reader()
        .read()
}

/// Writes the struct to the user address `addr`. `EFAULT` if it cannot be written.
pub(crate) fn write<T: AsBytes>(addr: usize, val: &T) -> Result {
    UserSlice::new(UserPtr::from_addr(addr), size_of::<T>())
        .writer()
        .write(val)
}

/// A `struct kvm_sregs`, which has padding and views of different sizes.
///
/// # Invariants
///
/// All of its bytes are initialized. So neither the struct nor one of its views that has padding is ever assigned to as
/// a whole; only fields are.
pub(crate) struct Sregs(KBox<bindings::kvm_sregs>);

impl Sregs {
    /// A struct with all bytes 0. Returns `ENOMEM`.
    pub(crate) fn zeroed() -> Result<Self> {
        let new = KBox::<bindings::kvm_sregs>::new_uninit(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        // SAFETY: Zeroes are a value of a struct of integers.
        // INVARIANT: Zeroed memory, which only changes its owner.
        Ok(Self(unsafe { new.assume_init() }))
    }

    /// Reads the struct at the user address `addr`. Returns `EFAULT` if it cannot be read, and `ENOMEM`.
    pub(crate) fn read(addr: usize) -> Result<Self> {
        let mut new = Self::zeroed()?;
        let bytes = core::ptr::from_mut(&mut *new.0).cast::<MaybeUninit<u8>>();
        // SAFETY: The slice covers exactly the struct, which any bytes may be written to.
        let bytes =
            unsafe { core::slice::from_raw_parts_mut(bytes, size_of::<bindings::kvm_sregs>()) };
        UserSlice::new(UserPtr::from_addr(addr), bytes.len())
            .reader()
            .read_raw(bytes)?;
        Ok(new)
    }

    /// Writes the struct to the user address `addr`. Returns `EFAULT` if it cannot be written.
    pub(crate) fn write(&self, addr: usize) -> Result {
        let bytes = core::ptr::from_ref(&*self.0).cast::<u8>();
        // SAFETY: The slice covers exactly the struct; by the invariants all of it is initialized.
        let bytes = unsafe { core::slice::from_raw_parts(bytes, size_of::<bindings::kvm_sregs>()) };
        UserSlice::new(UserPtr::from_addr(addr), bytes.len())
            .writer()
            .write_slice(bytes)
    }

    /// Sets the processor version register.
    pub(crate) fn set_pvr(&mut self, pvr: u32) {
        self.0.pvr = pvr;
    }

    /// The part that depends on the kind of processor, to be filled in.
    ///
    /// # Safety
    ///
    /// The caller may only assign to parts that have no padding, and may pass on references only to such parts.
    pub(super) unsafe fn views_mut(&mut self) -> &mut bindings::kvm_sregs__bindgen_ty_1 {
        &mut self.0.u
    }
}

impl core::ops::Deref for Sregs {
    type Target = bindings::kvm_sregs;

    fn deref(&self) -> &bindings::kvm_sregs {
        &self.0
    }
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
