// SPDX-License-Identifier: GPL-2.0

//! Fields of the kernel's structures, whatever their width.

/// A field of the saved state, as wide as the kernel has made it.
pub(super) trait Field: Copy {
    /// Its value, zero-extended.
    fn get(self) -> u64;
    /// The field with the low bits of `val`.
    fn of(val: u64) -> Self;
}

macro_rules! field {
    ($($t:ty)*) => {
        $(
            impl Field for $t {
                #[allow(clippy::cast_lossless)]
                fn get(self) -> u64 {
                    self as u64
                }

                fn of(val: u64) -> Self {
                    val as $t
                }
            }
        )*
    };
}
field!(u32 u64 usize);
