// SPDX-License-Identifier: GPL-2.0

//! Access as doublewords to fields of the kernel's structures that have different widths.

/// An integer type that a field of the saved state has in the kernel.
pub(crate) trait Field: Copy {
    /// The field's value, zero-extended.
    fn get(self) -> u64;
    /// A field that holds the low bits of `val`.
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
