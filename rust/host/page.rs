// SPDX-License-Identifier: GPL-2.0

//! A page that userspace has mapped and may write at any moment.

use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    page::{Page, PAGE_SIZE},
    prelude::*,
};

mod sealed {
    /// # Safety
    ///
    /// Any bit pattern is a value, and the type has no padding.
    pub(crate) unsafe trait Scalar: Copy + Default {}
}
use sealed::Scalar;

macro_rules! scalar {
    ($($t:ty)*) => {
        $(
            // SAFETY: An integer.
            unsafe impl Scalar for $t {}
        )*
    };
}
scalar!(u8 u16 u32 u64);

/// The place of a value of type `T` in the page.
///
/// # Invariants
///
/// `offset` is aligned for `T`, and `offset + size_of::<T>() <= PAGE_SIZE`.
pub(crate) struct Field<T> {
    offset: usize,
    _type: PhantomData<T>,
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Field<T> {}

impl<T> Field<T> {
    /// The field at `offset`, or `None` if it is not aligned or does not fit into the page.
    pub(crate) const fn checked(offset: usize) -> Option<Self> {
        if offset % align_of::<T>() == 0
            && size_of::<T>() <= PAGE_SIZE
            && offset <= PAGE_SIZE - size_of::<T>()
        {
            // INVARIANT: Just checked.
            Some(Self {
                offset,
                _type: PhantomData,
            })
        } else {
            None
        }
    }

    /// The field at `offset`, for constants: a wrong offset does not compile.
    pub(crate) const fn new(offset: usize) -> Self {
        match Self::checked(offset) {
            Some(f) => f,
            None => panic!("the field is not in the page"),
        }
    }
}

/// A zeroed page shared with userspace.
///
/// Userspace may write it at any time, so each access is one volatile access of a scalar, and no
/// reference into it exists.
pub(crate) struct SharedPage {
    page: Page,
    // The page's address in the linear mapping.
    addr: *mut u8,
}

// SAFETY: The page is owned, and all access is by volatile accesses of scalars.
unsafe impl Send for SharedPage {}
// SAFETY: As above.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// Allocates a page. Returns `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let page = Page::alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        // SAFETY: A page of GFP_KERNEL lies in the linear mapping.
        let addr = unsafe { bindings::kvm_ppc_page_address(page.as_ptr()) }.cast();
        Ok(Self { page, addr })
    }

    /// The page, for a fault handler to map.
    pub(super) fn as_page(&self) -> *mut kernel::bindings::page {
        self.page.as_ptr()
    }

    /// Its physical address.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn phys(&self) -> u64 {
        // SAFETY: An address of the linear mapping.
        unsafe { bindings::kvm_ppc_pa(self.addr.cast()) as u64 }
    }

    pub(crate) fn read<T: Scalar>(&self, field: Field<T>) -> T {
        // SAFETY: By `Field`'s invariants this lies in the page and is aligned; a scalar has no
        // invalid values.
        unsafe { self.addr.add(field.offset).cast::<T>().read_volatile() }
    }

    pub(crate) fn write<T: Scalar>(&self, field: Field<T>, val: T) {
        // SAFETY: By `Field`'s invariants this lies in the page and is aligned.
        unsafe { self.addr.add(field.offset).cast::<T>().write_volatile(val) }
    }

    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn read_array<T: Scalar, const N: usize>(&self, field: Field<[T; N]>) -> [T; N] {
        let mut out = [T::default(); N];
        for (i, v) in out.iter_mut().enumerate() {
            // SAFETY: By `Field`'s invariants the array lies in the page and is aligned, and
            // `i < N`.
            *v = unsafe {
                self.addr
                    .add(field.offset)
                    .cast::<T>()
                    .add(i)
                    .read_volatile()
            };
        }
        out
    }

    pub(crate) fn write_array<T: Scalar, const N: usize>(
        &self,
        field: Field<[T; N]>,
        val: &[T; N],
    ) {
        for (i, v) in val.iter().enumerate() {
            // SAFETY: By `Field`'s invariants the array lies in the page and is aligned, and
            // `i < N`.
            unsafe {
                self.addr
                    .add(field.offset)
                    .cast::<T>()
                    .add(i)
                    .write_volatile(*v)
            };
        }
    }
}
