// SPDX-License-Identifier: GPL-2.0

//! What the kernel crate has in different ways in different kernels, and only that. What is here looks as it does in
//! the newest crate. `rust/bindings/compat.h` is the same for C, and `Kbuild` sets the `cfg`s.

use kernel::{bindings, prelude::*, sync::barrier};

#[cfg(not(linux_before_7_3))]
pub(crate) use kernel::sync::{srcu, Srcu};
#[cfg(linux_before_7_3)]
pub(crate) mod srcu;
#[cfg(linux_before_7_3)]
pub(crate) use srcu::{new_srcu, Srcu};

/// A new [`Srcu`].
#[cfg(not(linux_before_7_3))]
pub(crate) fn new_srcu() -> impl PinInit<Srcu, Error> {
    kernel::new_srcu!()
}

/// `EOPNOTSUPP`.
#[cfg(linux_before_7_3)]
pub(crate) fn eopnotsupp() -> Error {
    Error::from_errno(-(bindings::EOPNOTSUPP as i32))
}

/// `EOPNOTSUPP`.
#[cfg(not(linux_before_7_3))]
pub(crate) fn eopnotsupp() -> Error {
    EOPNOTSUPP
}

/// `THIS_MODULE`, for the owner of a file's operations.
#[cfg(linux_before_7_3)]
pub(crate) const fn this_module() -> *mut bindings::module {
    crate::THIS_MODULE.as_ptr()
}

/// `THIS_MODULE`, for the owner of a file's operations.
#[cfg(not(linux_before_7_3))]
pub(crate) const fn this_module() -> *mut bindings::module {
    kernel::module::this_module::<crate::LocalModule>().as_ptr()
}

/// Loads that came before are done before those that come after.
#[inline(always)]
pub(crate) fn smp_rmb() {
    #[cfg(linux_before_7_3)]
    barrier::smp_rmb();
    #[cfg(not(linux_before_7_3))]
    barrier::smp_mb(barrier::Read);
}

/// Stores that came before are seen before those that come after.
#[inline(always)]
pub(crate) fn smp_wmb() {
    #[cfg(linux_before_7_3)]
    barrier::smp_wmb();
    #[cfg(not(linux_before_7_3))]
    barrier::smp_mb(barrier::Write);
}
