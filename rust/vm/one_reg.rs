// SPDX-License-Identifier: GPL-2.0

//! The value of one register, as `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG` carry it.
//!
//! api.rst, section 4.68: bits 52..55 of a register's id hold log2 of its size in bytes.

use crate::bindings;
use kernel::prelude::*;

/// Ids: `KVM_REG_PPC`, the size, the number.
pub(crate) mod id {
    pub(super) const PPC: u64 = 0x1000_0000_0000_0000;
    const fn u32(n: u64) -> u64 {
        PPC | 2 << 52 | n
    }
    const fn u64(n: u64) -> u64 {
        PPC | 3 << 52 | n
    }
    const fn u128(n: u64) -> u64 {
        PPC | 4 << 52 | n
    }

    macro_rules! ids {
        ($($name:ident = $size:ident($n:literal),)*) => {
            $( pub(crate) const $name: u64 = $size($n); )*
        };
    }
    ids! {
        HIOR = u64(0x01), DABR = u64(0x08), DSCR = u64(0x09), PURR = u64(0x0a), SPURR = u64(0x0b),
        DAR = u64(0x0c), DSISR = u32(0x0d), AMR = u64(0x0e), UAMOR = u64(0x0f),
        MMCR0 = u64(0x10), MMCR1 = u64(0x11), MMCRA = u64(0x12), MMCR2 = u64(0x13), MMCRS = u64(0x14),
        SIAR = u64(0x15), SDAR = u64(0x16), SIER = u64(0x17), PMC1 = u32(0x18), PMC8 = u32(0x1f),
        FPR0 = u64(0x20), FPR31 = u64(0x3f), VR0 = u128(0x40), VR31 = u128(0x5f),
        VSR0 = u128(0x60), VSR31 = u128(0x7f), FPSCR = u64(0x80), VSCR = u32(0x81),
        VPA_ADDR = u64(0x82), VPA_SLB = u128(0x83), VPA_DTL = u128(0x84), DEBUG_INST = u32(0x8b),
        ICP_STATE = u64(0x8c), VP_STATE = u128(0x8d), TB_OFFSET = u64(0x9c), SPMC1 = u32(0x9d),
        SPMC2 = u32(0x9e), IAMR = u64(0x9f), TFHAR = u64(0xa0), TFIAR = u64(0xa1), TEXASR = u64(0xa2),
        FSCR = u64(0xa3), PSPB = u32(0xa4), EBBHR = u64(0xa5), EBBRR = u64(0xa6), BESCR = u64(0xa7),
        TAR = u64(0xa8), DPDES = u64(0xa9), DAWR = u64(0xaa), DAWRX = u64(0xab), CIABR = u64(0xac),
        IC = u64(0xad), VTB = u64(0xae), CSIGR = u64(0xaf), TACR = u64(0xb0), TCSCR = u64(0xb1),
        PID = u64(0xb2), ACOP = u64(0xb3), VRSAVE = u32(0xb4), LPCR = u32(0xb5), LPCR_64 = u64(0xb5),
        PPR = u64(0xb6), ARCH_COMPAT = u32(0xb7), DABRX = u32(0xb8), WORT = u64(0xb9),
        TIDR = u64(0xbc), PSSCR = u64(0xbd), DEC_EXPIRY = u64(0xbe), ONLINE = u32(0xbf),
        PTCR = u64(0xc0), MMCR3 = u64(0xc1), SIER2 = u64(0xc2), SIER3 = u64(0xc3), DAWR1 = u64(0xc4),
        DAWRX1 = u64(0xc5), DEXCR = u64(0xc6), HASHKEYR = u64(0xc7), HASHPKEYR = u64(0xc8),
    }
    /// Bit of the checkpointed registers of transactional memory.
    pub(crate) const TM: u64 = 0x8000_0000;
}

/// The word that `KVM_REG_PPC_DEBUG_INST` names, an illegal instruction.
pub(crate) const SW_BREAKPOINT: u32 = 0x00dd_dd00;

/// The registers of transactional memory: three of its state, and the checkpointed ones, whose ids have [`id::TM`].
pub(crate) mod tm {
    use super::id;
    use kernel::prelude::*;

    pub(crate) const GPR31: u64 = 0x1f;
    pub(crate) const VSR0: u64 = 0x20;
    pub(crate) const VSR63: u64 = 0x5f;
    /// The first of CR, LR, CTR, FPSCR, AMR, PPR, VRSAVE, VSCR, DSCR, TAR, XER.
    pub(crate) const CR: u64 = 0x60;
    pub(crate) const VRSAVE: u64 = 0x66;
    pub(crate) const VSCR: u64 = 0x67;
    pub(crate) const XER: u64 = 0x6a;

    /// Is `reg` a register of transactional memory?
    pub(crate) fn transactional(reg: u64) -> bool {
        reg & id::TM != 0 || matches!(reg, id::TFHAR | id::TFIAR | id::TEXASR)
    }

    /// The number within this set of the register with the id `reg`, whose value has `size` bytes (4, 8 or 16). Fails
    /// with `EINVAL` if there is no such register of that size.
    pub(crate) fn number(reg: u64, size: usize) -> Result<u64> {
        let n = reg & 0xff;
        let expected = match n {
            VSR0..=VSR63 => 4,
            VSCR => 2,
            _ => 3,
        };
        let whole = id::PPC | expected << 52 | id::TM | n;
        if reg == whole && size == 1 << expected {
            Ok(n)
        } else {
            Err(EINVAL)
        }
    }
}

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

    /// The bytes as userspace sees them.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.size()).unwrap_or(&[])
    }

    /// The bytes as userspace sees them, to be filled in.
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

    /// Two doublewords, the one at the lower address first: VPA, SLB shadow and DTL
    /// (`addr`, `length`).
    pub(crate) fn from_u64_pair(val: [u64; 2]) -> Self {
        Self::from_pair(val, 16)
    }

    /// A VSX register, its more significant doubleword first.
    pub(crate) fn from_vsr([high, low]: [u64; 2]) -> Self {
        let val = u128::from(high) << 64 | u128::from(low);
        Self {
            bytes: val.to_ne_bytes(),
            size: 16,
        }
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

    /// As [`from_vsr`](Self::from_vsr) takes it. `EINVAL` unless it has 16 bytes.
    pub(crate) fn vsr(&self) -> Result<[u64; 2]> {
        match self.size {
            16 => {
                let val = u128::from_ne_bytes(self.bytes);
                Ok([(val >> 64) as u64, val as u64])
            }
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
