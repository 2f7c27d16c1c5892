// SPDX-License-Identifier: GPL-2.0

//! Radix page tables: entries, geometry, and the tables that lead to them.
//!
//! Source: ISA Book III, "Radix Tree Translation", and the POWER9 and POWER10 user manuals' supported radix tree
//! configurations. Entries are big-endian in memory; every value here is in the processor's byte order.

register! {
    /// An entry of a radix table: a page directory entry, or a page table entry where `LEAF` is set.
    Rpte {
        /// Valid.
        V = 0,
        /// Leaf: the entry maps a page.
        LEAF = 1,
        /// Software bit 0.
        SW0 = 2,
        /// Software bit 1.
        SW1 = 52,
        /// Software bit 2.
        SW2 = 53,
        /// Software bit 3.
        SW3 = 54,
        /// Reference.
        R = 55,
        /// Change.
        C = 56,
        /// Privileged: no access in problem state (process-scoped entries only).
        PRIV = 60,
        /// Read permitted.
        READ = 61,
        /// Read and write permitted.
        WRITE = 62,
        /// Execute permitted.
        EXEC = 63,
    }
    fields {
        /// Attributes, see [`Attribute`].
        att / with_att = 58..59,
        /// Encoded access authority: PRIV, READ, WRITE, EXEC.
        eaa / with_eaa = 60..63,
        /// Next level's size: the next table has 2^nls entries (directory entries).
        nls / with_nls = 59..63,
    }
}

/// Storage control attributes of a page, `Rpte::att`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attribute {
    /// Normal memory.
    Normal = 0,
    /// Strong access order (reserved since ISA 3.1).
    StrongAccessOrder = 1,
    /// Non-idempotent I/O: caching inhibited and guarded.
    NonIdempotent = 2,
    /// Tolerant I/O: caching inhibited.
    Tolerant = 3,
}

/// Bits 7:51 of a leaf: the real page number, in place (the address of a 4 KB page).
const RPN_MASK: u64 = 0x01ff_ffff_ffff_f000;

/// Bits 4:55 of a directory entry and of a table entry's first doubleword: the next table's address.
const NLB_MASK: u64 = 0x0fff_ffff_ffff_ff00;

impl Rpte {
    /// Reference and change.
    pub const RC: Self = Self(Self::R.0 | Self::C.0);

    /// A leaf that maps the page at `real`, of which the low 12 bits and those above the 57th must be 0 and are
    /// ignored. R, C, the authority and the rest come from `bits`.
    pub const fn leaf(real: u64, bits: Self) -> Self {
        Self((real & RPN_MASK) | bits.0 | Self::V.0 | Self::LEAF.0)
    }

    /// A directory entry for the table of 2^`bits` entries at `table`, which must be aligned to its size and to 256.
    pub const fn directory(table: u64, bits: u32) -> Self {
        Self((table & NLB_MASK) | Self::V.0).with_nls(bits as u64)
    }

    /// Whether this is valid.
    pub const fn is_valid(self) -> bool {
        self.contains(Self::V)
    }

    /// Whether this is valid and a leaf.
    pub const fn is_leaf(self) -> bool {
        self.contains(Self(Self::V.0 | Self::LEAF.0))
    }

    /// Whether this is valid and a directory entry.
    pub const fn is_directory(self) -> bool {
        self.is_valid() && !self.intersects(Self::LEAF)
    }

    /// A leaf's real address.
    pub const fn real(self) -> u64 {
        self.0 & RPN_MASK
    }

    /// A directory entry's next table.
    pub const fn table(self) -> u64 {
        self.0 & NLB_MASK
    }

    /// A leaf's attributes.
    pub const fn attribute(self) -> Attribute {
        match self.att() {
            0 => Attribute::Normal,
            1 => Attribute::StrongAccessOrder,
            2 => Attribute::NonIdempotent,
            _ => Attribute::Tolerant,
        }
    }

    /// With these attributes.
    pub const fn with_attribute(self, attribute: Attribute) -> Self {
        self.with_att(attribute as u64)
    }

    /// Whether a leaf permits reading (WRITE implies it).
    pub const fn may_read(self) -> bool {
        self.intersects(Self(Self::READ.0 | Self::WRITE.0))
    }

    /// Whether a leaf permits writing.
    pub const fn may_write(self) -> bool {
        self.intersects(Self::WRITE)
    }

    /// Whether a leaf permits execution.
    pub const fn may_execute(self) -> bool {
        self.intersects(Self::EXEC)
    }
}

/// How a radix tree splits an address: how many bits of it index each level's table.
///
/// Level 0 is the lowest, whose entries map the smallest pages; [`Geometry::ROOT`] is the highest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Shift of the smallest page: 12 or 16.
    page_shift: u32,
    /// Index bits of levels 0 to 3.
    bits: [u32; 4],
}

/// A level of a radix tree, 0 (smallest pages) to 3 (root).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Page table: 4 KB or 64 KB pages.
    L0 = 0,
    /// Page middle directory: its leaves map 2 MB.
    L1 = 1,
    /// Page upper directory: its leaves map 1 GB.
    L2 = 2,
    /// Root: its leaves would map 512 GB, which no processor supports.
    L3 = 3,
}

impl Level {
    /// The next lower level, `None` under [`Level::L0`].
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::L0 => None,
            Self::L1 => Some(Self::L0),
            Self::L2 => Some(Self::L1),
            Self::L3 => Some(Self::L2),
        }
    }
}

impl Geometry {
    /// Lowest level of 9 bits under 2 MB: 4 KB pages.
    pub const PAGES_4K: Self = Self {
        page_shift: 12,
        bits: [9, 9, 9, 13],
    };

    /// Lowest level of 5 bits under 2 MB: 64 KB pages.
    pub const PAGES_64K: Self = Self {
        page_shift: 16,
        bits: [5, 9, 9, 13],
    };

    /// The root's level.
    pub const ROOT: Level = Level::L3;

    /// Bits of address a tree translates.
    pub const ADDRESS_BITS: u32 = 52;

    /// The geometry whose smallest page is this one, `None` unless 12 or 16.
    pub const fn for_page_shift(page_shift: u32) -> Option<Self> {
        match page_shift {
            12 => Some(Self::PAGES_4K),
            16 => Some(Self::PAGES_64K),
            _ => None,
        }
    }

    /// Shift of the smallest page.
    pub const fn page_shift(self) -> u32 {
        self.page_shift
    }

    /// Index bits of a level: its table has 2^bits entries.
    pub const fn index_bits(self, level: Level) -> u32 {
        let [l0, l1, l2, l3] = self.bits;
        match level {
            Level::L0 => l0,
            Level::L1 => l1,
            Level::L2 => l2,
            Level::L3 => l3,
        }
    }

    /// Entries of a level's table.
    pub const fn entries(self, level: Level) -> usize {
        1 << self.index_bits(level)
    }

    /// Bytes of a level's table, which is also its alignment (at least 256).
    pub const fn table_bytes(self, level: Level) -> usize {
        8 << self.index_bits(level)
    }

    /// Shift of what one entry of a level covers: the page's if it is a leaf.
    pub const fn shift(self, level: Level) -> u32 {
        match level {
            Level::L0 => self.page_shift,
            Level::L1 => 21,
            Level::L2 => 30,
            Level::L3 => 39,
        }
    }

    /// The index of `address` in a level's table; bits above the tree's are ignored.
    pub const fn index(self, level: Level, address: u64) -> usize {
        ((address >> self.shift(level)) as usize) & (self.entries(level) - 1)
    }

    /// The level whose leaves map pages of this shift, `None` if there is none.
    pub const fn level_of_page(self, shift: u32) -> Option<Level> {
        match shift {
            21 => Some(Level::L1),
            30 => Some(Level::L2),
            _ if shift == self.page_shift => Some(Level::L0),
            _ => None,
        }
    }

    /// The directory entry, in a table of the level above `level`, for a `level` table at real address `table`.
    pub const fn directory(self, level: Level, table: u64) -> Rpte {
        Rpte::directory(table, self.index_bits(level))
    }
}

register! {
    /// First doubleword of a partition table entry (radix: as of a process table entry, plus HR).
    Patb0 {
        /// The partition-scoped translation is radix.
        HR = 0,
    }
    fields {
        /// Hash: base page size of the virtual real mode area, as L and LP of a segment.
        ps / with_ps = 56..58,
        /// Hash: the table has 2^(18 + size) bytes.
        htab_size / with_htab_size = 59..63,
        /// Radix tree size, high two bits.
        rts_high / with_rts_high = 1..2,
        /// Radix tree size, low three bits.
        rts_low / with_rts_low = 56..58,
        /// Root page directory size: 2^rpds entries.
        rpds / with_rpds = 59..63,
    }
}

register! {
    /// Second doubleword of a partition table entry.
    Patb1 {
        /// The guest's process-scoped translation is radix.
        GR = 0,
    }
    fields {
        /// Size of the process table: 2^(12 + prts) bytes.
        prts / with_prts = 59..63,
    }
}

impl Patb0 {
    /// For a radix tree of [`Geometry::ADDRESS_BITS`] whose root directory is at real address `root`.
    pub const fn radix(root: u64, geometry: Geometry) -> Self {
        Self(prtb0(root, geometry)).with(Self::HR)
    }

    /// For a hashed page table of 2^`order` bytes (18 to 46) at real address `table`; `ps` is the base page size of the
    /// virtual real mode area.
    pub const fn hash(table: u64, order: u32, ps: u64) -> Self {
        Self(table & HTABORG_MASK)
            .with_ps(ps)
            .with_htab_size(order.wrapping_sub(18) as u64)
    }

    /// The root directory's real address.
    pub const fn root(self) -> u64 {
        self.0 & NLB_MASK
    }

    /// Bytes of the root directory.
    pub const fn root_bytes(self) -> u64 {
        8 << self.rpds()
    }

    /// Bits of address that the tree translates.
    pub const fn address_bits(self) -> u32 {
        (self.rts_high() << 3 | self.rts_low()) as u32 + 31
    }
}

impl Patb1 {
    /// For a process table of 2^`shift` bytes (12 to 36) at `base`, for a guest that uses radix.
    pub const fn radix(base: u64, shift: u32) -> Self {
        Self(base & PRTB_MASK)
            .with_prts(shift.wrapping_sub(12) as u64)
            .with(Self::GR)
    }

    /// The process table's address (a guest real address, for a guest).
    pub const fn base(self) -> u64 {
        self.0 & PRTB_MASK
    }

    /// The process table's size in bytes, `None` if the field is above 24, the largest there is.
    pub const fn table_bytes(self) -> Option<u64> {
        if self.prts() > 24 {
            None
        } else {
            Some(1 << (12 + self.prts()))
        }
    }
}

/// Bits 4:45: a hashed page table's address.
const HTABORG_MASK: u64 = 0x0fff_ffff_fffc_0000;

/// Bits 4:51: a process table's address.
const PRTB_MASK: u64 = 0x0fff_ffff_ffff_f000;

/// Bytes of a process or partition table entry.
pub const TABLE_ENTRY_BYTES: u64 = 16;

/// First doubleword of a process table entry for a tree whose root directory is at `root`.
pub const fn prtb0(root: u64, geometry: Geometry) -> u64 {
    let size = (Geometry::ADDRESS_BITS - 31) as u64;
    Patb0::from_raw(root & NLB_MASK)
        .with_rts_high(size >> 3)
        .with_rts_low(size)
        .with_rpds(geometry.index_bits(Geometry::ROOT) as u64)
        .raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_the_sums_of_the_bits_below() {
        for geometry in [Geometry::PAGES_4K, Geometry::PAGES_64K] {
            let mut shift = geometry.page_shift();
            for level in [Level::L0, Level::L1, Level::L2, Level::L3] {
                assert_eq!(geometry.shift(level), shift);
                assert_eq!(geometry.table_bytes(level), geometry.entries(level) * 8);
                shift += geometry.index_bits(level);
            }
            assert_eq!(shift, Geometry::ADDRESS_BITS);
        }
    }

    #[test]
    fn an_address_is_its_indices() {
        let geometry = Geometry::PAGES_64K;
        let address = 0x000a_bcde_f123_4567u64;
        let rebuilt = [Level::L0, Level::L1, Level::L2, Level::L3]
            .into_iter()
            .map(|level| (geometry.index(level, address) as u64) << geometry.shift(level))
            .sum::<u64>();
        assert_eq!(rebuilt, address & !0xffff);
        assert_eq!(
            geometry.index(Level::L3, u64::MAX),
            geometry.entries(Level::L3) - 1
        );
    }

    #[test]
    fn entries() {
        let pde = Geometry::PAGES_64K.directory(Level::L0, 0x1234_5600);
        assert_eq!(pde.raw(), 0x8000_0000_1234_5605);
        assert!(pde.is_directory() && !pde.is_leaf());
        assert_eq!(pde.table(), 0x1234_5600);
        let pte = Rpte::leaf(0x7654_3000, Rpte::RC | Rpte::WRITE | Rpte::EXEC);
        assert_eq!(pte.raw(), 0xc000_0000_7654_3183);
        assert!(pte.is_leaf() && !pte.is_directory());
        assert!(pte.may_read() && pte.may_write() && pte.may_execute());
        assert_eq!(pte.real(), 0x7654_3000);
        assert!(!Rpte::EMPTY.is_leaf() && !Rpte::EMPTY.is_directory());
        let io = pte.with_attribute(Attribute::NonIdempotent);
        assert_eq!(io.attribute(), Attribute::NonIdempotent);
        assert_eq!(io.raw() & 0x30, 0x20);
    }

    #[test]
    fn table_entries() {
        let patb0 = Patb0::radix(0x1_0000, Geometry::PAGES_64K);
        assert_eq!(patb0.raw(), 0xc000_0000_0001_00ad);
        assert_eq!(patb0.address_bits(), 52);
        assert_eq!(patb0.rpds(), 13);
        assert_eq!(patb0.root_bytes(), 65536);
        assert_eq!(patb0.root(), 0x1_0000);
        let hash = Patb0::hash(0x12_3400_0000, 24, 5);
        assert_eq!(hash.raw(), 0x12_3400_00a6);
        let patb1 = Patb1::radix(0x2_0000, 24);
        assert_eq!(patb1.raw(), 0x8000_0000_0002_000c);
        assert_eq!(patb1.table_bytes(), Some(1 << 24));
        assert_eq!(patb1.with_prts(25).table_bytes(), None);
    }
}
