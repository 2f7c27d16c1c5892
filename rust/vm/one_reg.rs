// SPDX-License-Identifier: GPL-2.0

//! The value of one register, as `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` carry it.
//!
//! api.rst, section 4.68: bits 52..55 of a register's id hold log2 of its size in bytes.

use crate::bindings;
use kernel::prelude::*;

/// Size in bytes of the register `id`: 1 to 32768.
pub(crate) const fn size_of_id(id: u64) -> usize {
    1 << ((id & bindings::KVM_REG_SIZE_MASK) >> bindings::KVM_REG_SIZE_SHIFT)
}

/// A register's value of up to 16 bytes, with its size.
///
/// In userspace's memory it is an integer of that size in the host's byte order; a 16-byte vector
/// register is the 16 bytes as the host's own registers are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RegValue {
    bytes: [u8; 16],
    size: u8,
}

impl RegValue {
    /// Largest size in bytes.
    pub(crate) const MAX_SIZE: usize = 16;

    /// A zero of `size` bytes. `EINVAL` if a value cannot have that size.
    pub(crate) fn zero(size: usize) -> Result<Self> {
        match size {
            1 | 2 | 4 | 8 | 16 => Ok(Self {
                bytes: [0; 16],
                size: size as u8,
            }),
            _ => Err(EINVAL),
        }
    }

    /// Size in bytes.
    pub(crate) const fn size(&self) -> usize {
        self.size as usize
    }

    /// As userspace sees it.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.size()).unwrap_or(&[])
    }

    /// As userspace sees it, to be filled in.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        let size = self.size();
        self.bytes.get_mut(..size).unwrap_or(&mut [])
    }

    /// An integer of 4 or 8 bytes for the register `id`, cut to the id's size. `EINVAL` for other
    /// sizes.
    pub(crate) fn new(id: u64, val: u64) -> Result<Self> {
        match size_of_id(id) {
            4 => Ok(Self::from_u32(val as u32)),
            8 => Ok(Self::from_u64(val)),
            _ => Err(EINVAL),
        }
    }

    pub(crate) fn from_u32(val: u32) -> Self {
        let mut bytes = [0; 16];
        let [b0, b1, b2, b3, ..] = &mut bytes;
        [*b0, *b1, *b2, *b3] = val.to_ne_bytes();
        Self { bytes, size: 4 }
    }

    pub(crate) fn from_u64(val: u64) -> Self {
        Self::from_pair([val, 0], 8)
    }

    pub(crate) fn from_u128(val: u128) -> Self {
        Self {
            bytes: val.to_ne_bytes(),
            size: 16,
        }
    }

    /// Two doublewords, the one at the lower address first: VPA, SLB shadow and DTL
    /// (`addr`, `length`).
    pub(crate) fn from_u64_pair(val: [u64; 2]) -> Self {
        Self::from_pair(val, 16)
    }

    fn from_pair([a, b]: [u64; 2], size: u8) -> Self {
        let mut bytes = [0; 16];
        let (lo, hi) = bytes.split_at_mut(8);
        lo.copy_from_slice(&a.to_ne_bytes());
        hi.copy_from_slice(&b.to_ne_bytes());
        Self { bytes, size }
    }

    /// `EINVAL` unless it has 4 bytes.
    pub(crate) fn u32(&self) -> Result<u32> {
        match (self.size, self.bytes) {
            (4, [a, b, c, d, ..]) => Ok(u32::from_ne_bytes([a, b, c, d])),
            _ => Err(EINVAL),
        }
    }

    /// `EINVAL` unless it has 8 bytes.
    pub(crate) fn u64(&self) -> Result<u64> {
        match self.size {
            8 => Ok(self.pair()[0]),
            _ => Err(EINVAL),
        }
    }

    /// An integer of 4 or 8 bytes, zero-extended. `EINVAL` for other sizes.
    pub(crate) fn int(&self) -> Result<u64> {
        match self.size {
            4 => Ok(self.u32()?.into()),
            _ => self.u64(),
        }
    }

    /// `EINVAL` unless it has 16 bytes.
    pub(crate) fn u128(&self) -> Result<u128> {
        match self.size {
            16 => Ok(u128::from_ne_bytes(self.bytes)),
            _ => Err(EINVAL),
        }
    }

    /// Two doublewords, the one at the lower address first. `EINVAL` unless it has 16 bytes.
    pub(crate) fn u64_pair(&self) -> Result<[u64; 2]> {
        match self.size {
            16 => Ok(self.pair()),
            _ => Err(EINVAL),
        }
    }

    fn pair(&self) -> [u64; 2] {
        let (lo, hi) = self.bytes.split_at(8);
        let word = |b: &[u8]| b.try_into().map_or(0, u64::from_ne_bytes);
        [word(lo), word(hi)]
    }
}
