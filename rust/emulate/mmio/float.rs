// SPDX-License-Identifier: GPL-2.0

//! Conversion between single and double format as floating-point loads and stores do it. It is done in integers,
//! because the kernel must not use floating point, and because these conversions of the ISA cause no exceptions and do
//! not round.

/// DOUBLE(WORD), ISA Book I, "Floating-Point Load Instructions".
pub(super) const fn double(single: u32) -> u64 {
    let sign = (single as u64 >> 31) << 63;
    let exponent = (single >> 23) & 0xff;
    let fraction = (single & 0x7f_ffff) as u64;
    match exponent {
        // Zero, or a denormal, which becomes a normal double.
        0 => {
            if fraction == 0 {
                sign
            } else {
                // The leading 1 goes to bit 23 (from the right) and is dropped there.
                let shift = fraction.leading_zeros() - 40;
                let normal = (fraction << shift) & 0x7f_ffff;
                sign | ((897 - shift as u64) << 52) | normal << 29
            }
        }
        // Infinity or not a number.
        0xff => sign | 0x7ff << 52 | fraction << 29,
        _ => sign | (exponent as u64 + 896) << 52 | fraction << 29,
    }
}

/// SINGLE(FRS), ISA Book I, "Floating-Point Store Instructions". A double that is too small for a denormal single,
/// for which the ISA leaves the result undefined, becomes zero with its sign.
pub(super) const fn single(double: u64) -> u32 {
    let sign = ((double >> 63) << 31) as u32;
    let exponent = ((double >> 52) & 0x7ff) as u32;
    if exponent > 896 || double << 1 == 0 {
        ((double >> 32) as u32 & 0xc000_0000) | (double >> 29) as u32 & 0x3fff_ffff
    } else if exponent >= 874 {
        let fraction = 1 << 52 | double & 0xf_ffff_ffff_ffff;
        sign | (fraction >> (29 + 897 - exponent)) as u32
    } else {
        sign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_becomes_the_double_of_the_same_value() {
        // Every exponent with fractions at the edges and in between.
        for high in 0..=0x1ffu32 {
            for fraction in [
                0, 1, 2, 0x12345, 0x3f_ffff, 0x40_0000, 0x55_5555, 0x7f_fffe, 0x7f_ffff,
            ] {
                let bits = high << 23 | fraction;
                let value = f32::from_bits(bits);
                let widened = double(bits);
                if value.is_nan() {
                    // The host's conversion quiets a signaling NaN, a load does not.
                    assert!(f64::from_bits(widened).is_nan());
                    assert_eq!((widened >> 29) as u32 & 0x7f_ffff, fraction);
                } else {
                    assert_eq!(widened, f64::from(value).to_bits(), "{bits:#x}");
                }
                assert_eq!(single(widened), bits, "{bits:#x}");
            }
        }
    }

    #[test]
    fn a_double_is_truncated() {
        assert_eq!(single(0x3fff_ffff_ffff_ffff), 0x3fff_ffff);
        // A number too large for a single gives bits 0:1 and 5:34, as the ISA says.
        assert_eq!(single(0x7fe1_2345_6789_abcd), 0x7f09_1a2b);
        // The smallest denormal, half of it, and zeros.
        assert_eq!(single(874 << 52), 1);
        assert_eq!(single(873 << 52), 0);
        assert_eq!(single(1 << 63 | 873 << 52), 1 << 31);
        assert_eq!(single(1 << 63), 1 << 31);
        assert_eq!(single(896 << 52), 0x40_0000);
        assert_eq!(single(897 << 52), 0x80_0000);
    }
}
