// SPDX-License-Identifier: GPL-2.0

//! How a register with named bits is declared.

/// Declares a `Copy` type over `u64` for a register or a table's doubleword.
///
/// Bit numbers are the ISA's for a 64-bit register: 0 is the most significant bit, and a register of
/// 32 bits has bits 32 to 63. A single bit becomes an associated constant of the type; a field of several bits
/// becomes a getter and a `with_` function (which takes the low bits of its argument).
macro_rules! register {
    (
        $(#[$attr:meta])*
        $name:ident {
            $( $(#[$battr:meta])* $bit:ident = $n:literal, )*
        }
        $( fields {
            $( $(#[$fattr:meta])* $get:ident / $with:ident = $first:literal .. $last:literal, )*
        } )?
    ) => {
        $(#[$attr])*
        #[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
        #[repr(transparent)]
        pub struct $name(u64);

        impl $name {
            $(
                $(#[$battr])*
                pub const $bit: Self = Self(1 << (63 - $n));
            )*

            /// No bit set.
            pub const EMPTY: Self = Self(0);

            /// The register with this value, reserved bits and all.
            #[inline]
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// The register's value.
            #[inline]
            pub const fn raw(self) -> u64 {
                self.0
            }

            /// Whether every bit of `bits` is set here.
            #[inline]
            pub const fn contains(self, bits: Self) -> bool {
                self.0 & bits.0 == bits.0
            }

            /// Whether any bit of `bits` is set here.
            #[inline]
            pub const fn intersects(self, bits: Self) -> bool {
                self.0 & bits.0 != 0
            }

            /// With the bits of `bits` set.
            #[inline]
            pub const fn with(self, bits: Self) -> Self {
                Self(self.0 | bits.0)
            }

            /// With the bits of `bits` cleared.
            #[inline]
            pub const fn without(self, bits: Self) -> Self {
                Self(self.0 & !bits.0)
            }

            /// With the bits of `bits` set if `on`, else cleared.
            #[inline]
            pub const fn set(self, bits: Self, on: bool) -> Self {
                if on {
                    self.with(bits)
                } else {
                    self.without(bits)
                }
            }

            /// Only the bits that are also in `mask`.
            #[inline]
            pub const fn masked(self, mask: Self) -> Self {
                Self(self.0 & mask.0)
            }

            /// With the bits in `mask` taken from `from`, the others from here.
            #[inline]
            pub const fn replaced(self, mask: Self, from: Self) -> Self {
                Self((self.0 & !mask.0) | (from.0 & mask.0))
            }

            $($(
                $(#[$fattr])*
                #[inline]
                pub const fn $get(self) -> u64 {
                    (self.0 >> (63 - $last)) & ((1 << ($last - $first + 1)) - 1)
                }

                #[doc = concat!("With the field that `", stringify!($get), "` reads set to the low bits of `value`.")]
                #[inline]
                pub const fn $with(self, value: u64) -> Self {
                    const MASK: u64 = ((1 << ($last - $first + 1)) - 1) << (63 - $last);
                    Self((self.0 & !MASK) | ((value << (63 - $last)) & MASK))
                }
            )*)?
        }

        impl core::ops::BitOr for $name {
            type Output = Self;

            #[inline]
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl core::fmt::Debug for $name {
            // Inlined, as it is not in the module then, which prints none.
            #[inline]
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x}"), self.0)?;
                let mut names: &[(&str, Self)] = &[$( (stringify!($bit), Self::$bit), )*];
                while let [(name, bit), rest @ ..] = names {
                    if self.contains(*bit) {
                        write!(f, " {name}")?;
                    }
                    names = rest;
                }
                f.write_str(")")
            }
        }
    };
}
