// SPDX-License-Identifier: GPL-2.0

//! A TLB entry of the 440 (UM, "TLB Entry Fields"), and what it translates.

/// Entries in the TLB.
pub const TLB_SIZE: usize = 64;

/// Word 0: EPN, the address bits above 1 KB.
const EPN: u32 = 0xffff_fc00;
/// Word 0: the entry is valid.
const V: u32 = 0x200;
/// Word 0: the address space it translates.
const TS: u32 = 0x100;
/// Word 0: size.
const SIZE_SHIFT: u32 = 4;
/// Word 1: RPN, the real address bits above 1 KB.
const RPN: u32 = 0xffff_fc00;
/// Word 1: the real address bits above 4 GB.
const ERPN: u32 = 0xf;
/// Word 2: user-defined bits, storage attributes and permissions; the rest is reserved.
const ATTRIBUTES: u32 = 0xffbf;

/// Storage attributes and permissions, word 2 of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attributes(pub u32);

impl Attributes {
    /// Write-through.
    pub const W: u32 = 0x800;
    /// Caching inhibited.
    pub const I: u32 = 0x400;
    /// Memory coherence required.
    pub const M: u32 = 0x200;
    /// Guarded.
    pub const G: u32 = 0x100;
    /// Little-endian.
    pub const E: u32 = 0x80;
    /// Problem state may execute.
    pub const UX: u32 = 0x20;
    /// Problem state may write.
    pub const UW: u32 = 0x10;
    /// Problem state may read.
    pub const UR: u32 = 0x8;
    /// Supervisor state may execute.
    pub const SX: u32 = 0x4;
    /// Supervisor state may write.
    pub const SW: u32 = 0x2;
    /// Supervisor state may read.
    pub const SR: u32 = 0x1;

    /// What is permitted in problem (`user`) or supervisor state.
    pub const fn permissions(self, user: bool) -> Permissions {
        let bits = if user { self.0 >> 3 } else { self.0 };
        Permissions {
            execute: bits & Self::SX != 0,
            write: bits & Self::SW != 0,
            read: bits & Self::SR != 0,
        }
    }

    /// Are multi-byte data in little-endian order?
    pub const fn little_endian(self) -> bool {
        self.0 & Self::E != 0
    }
}

/// What a state may do with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permissions {
    /// Fetch instructions.
    pub execute: bool,
    /// Store.
    pub write: bool,
    /// Load.
    pub read: bool,
}

/// What an access wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// An instruction.
    Fetch,
    /// To read.
    Load,
    /// To write.
    Store,
}

impl Permissions {
    /// Is the access permitted?
    pub const fn allow(self, access: Access) -> bool {
        match access {
            Access::Fetch => self.execute,
            Access::Load => self.read,
            Access::Store => self.write,
        }
    }
}

/// One entry: its three words and the process that it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tlbe {
    /// EPN, V, TS, SIZE.
    pub word0: u32,
    /// RPN, ERPN.
    pub word1: u32,
    /// Attributes and permissions.
    pub word2: u32,
    /// TID; 0 is for all processes.
    pub tid: u8,
}

/// The address space an access is in, and the process that makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// MSR[IS] for fetches, MSR[DS] for data.
    pub ts: bool,
    /// The PID register.
    pub pid: u8,
}

/// The shifts of the page sizes that exist. SIZE n stands for 4^n KB, and not every n exists.
pub const PAGE_SHIFTS: [u32; 8] = [10, 12, 14, 16, 18, 20, 24, 28];

impl Tlbe {
    /// An entry that translates nothing.
    pub const INVALID: Self = Self {
        word0: 0,
        word1: 0,
        word2: 0,
        tid: 0,
    };

    /// A valid entry for the page of 2^`shift` bytes at `ea`. `None` if there is no such page size.
    pub const fn new(
        ea: u32,
        shift: u32,
        space: Space,
        real: u64,
        attributes: u32,
    ) -> Option<Self> {
        let Some(size) = encode_size(shift) else {
            return None;
        };
        let offset = (1u32 << shift).wrapping_sub(1);
        let ts = if space.ts { TS } else { 0 };
        Some(Self {
            word0: ea & !offset | V | ts | size << SIZE_SHIFT,
            word1: real as u32 & !offset & RPN | (real >> 32) as u32 & ERPN,
            word2: attributes & ATTRIBUTES,
            tid: space.pid,
        })
    }

    /// Does it translate anything? An entry of a size that does not exist translates nothing.
    pub const fn valid(&self) -> bool {
        self.word0 & V != 0 && self.shift().is_some()
    }

    /// log2 of the page's size.
    pub const fn shift(&self) -> Option<u32> {
        match (self.word0 >> SIZE_SHIFT) & 15 {
            n @ (0..=5 | 7 | 9) => Some(10 + 2 * n),
            _ => None,
        }
    }

    /// Address bits within the page.
    const fn offset_mask(&self) -> u32 {
        match self.shift() {
            Some(shift) => (1u32 << shift).wrapping_sub(1),
            None => 0,
        }
    }

    /// The page's first effective address.
    pub const fn ea(&self) -> u32 {
        self.word0 & EPN & !self.offset_mask()
    }

    /// The address space it translates.
    pub const fn ts(&self) -> bool {
        self.word0 & TS != 0
    }

    /// The page's first real address, 36 bits.
    pub const fn real(&self) -> u64 {
        ((self.word1 & ERPN) as u64) << 32 | (self.word1 & RPN & !self.offset_mask()) as u64
    }

    /// Storage attributes and permissions.
    pub const fn attributes(&self) -> Attributes {
        Attributes(self.word2 & ATTRIBUTES)
    }

    /// Does it translate `ea` in that space?
    pub const fn translates(&self, ea: u32, space: Space) -> bool {
        self.valid()
            && (ea ^ self.word0) & EPN & !self.offset_mask() == 0
            && self.ts() == space.ts
            && (self.tid == 0 || self.tid == space.pid)
    }

    /// The real address of `ea`, which it translates.
    pub const fn real_of(&self, ea: u32) -> u64 {
        self.real() | (ea & self.offset_mask()) as u64
    }
}

/// SIZE of a page of 2^`shift` bytes.
const fn encode_size(shift: u32) -> Option<u32> {
    match shift {
        10 | 12 | 14 | 16 | 18 | 20 | 24 | 28 => Some((shift - 10) / 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: Space = Space { ts: false, pid: 0 };

    /// The mapping that Linux pins: 256 MB at `0xc0000000`, to real address 0.
    #[test]
    fn the_kernels_own() {
        let e = Tlbe {
            word0: 0xc000_0290,
            word1: 0,
            word2: 0x107,
            tid: 0,
        };
        assert_eq!(e.shift(), Some(28));
        assert_eq!(e, Tlbe::new(0xc012_3456, 28, KERNEL, 0, 0x107).unwrap());
        let user = Space { ts: false, pid: 7 };
        assert!(e.translates(0xcfff_ffff, user));
        assert!(!e.translates(0xbfff_ffff, user));
        assert!(!e.translates(0xc000_0000, Space { ts: true, pid: 7 }));
        assert_eq!(e.real_of(0xc123_4567), 0x0123_4567);
        let p = e.attributes().permissions(false);
        assert!(p.allow(Access::Fetch) && p.allow(Access::Load) && p.allow(Access::Store));
        assert_eq!(e.attributes().permissions(true), Permissions::default());
    }

    #[test]
    fn a_device_above_4_gb() {
        // UART0 of a 440GX: 0x1_40000200, a page of 1 KB, for process 3.
        let space = Space { ts: true, pid: 3 };
        let e = Tlbe::new(0xd100_0200, 10, space, 0x1_4000_0200, 0x503).unwrap();
        assert_eq!((e.word0, e.word1, e.tid), (0xd100_0300, 0x4000_0001, 3));
        assert_eq!(e.real_of(0xd100_0203), 0x1_4000_0203);
        assert!(e.translates(0xd100_03ff, space) && !e.translates(0xd100_0400, space));
        assert!(!e.translates(0xd100_0200, Space { ts: true, pid: 4 }));
    }

    #[test]
    fn sizes() {
        for shift in 0..32 {
            let made = Tlbe::new(0, shift, KERNEL, 0, 0);
            assert_eq!(made.is_some(), PAGE_SHIFTS.contains(&shift));
            assert!(made.is_none_or(|e| e.shift() == Some(shift)));
        }
        // SIZE 6, 8, 10 and above do not exist.
        for size in [6, 8, 10, 15] {
            let e = Tlbe {
                word0: V | size << SIZE_SHIFT,
                ..Tlbe::INVALID
            };
            assert!(!e.valid() && !e.translates(0, KERNEL));
        }
    }
}
