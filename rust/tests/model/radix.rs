// SPDX-License-Identifier: GPL-2.0

//! A guest's memory with radix trees in it, built page by page, and beside it the plain list of pages.

use std::collections::BTreeMap;

/// A page that a test maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    pub pid: u32,
    /// Address within the 52 bits that a tree translates, aligned to the page.
    pub address: u64,
    pub shift: u32,
    pub real: u64,
    /// The leaf's low bits: R 0x100, C 0x80, attributes 0x30, authority 0xf.
    pub bits: u64,
}

/// Guest memory as doublewords by address, with a process table and trees in it.
#[derive(Clone, Debug)]
pub struct Tables {
    pub memory: BTreeMap<u64, u64>,
    pub process_table: u64,
    /// Log 2 of the process table's bytes.
    pub process_table_shift: u32,
    pub mappings: Vec<Mapping>,
    next_table: u64,
}

impl Tables {
    pub fn new(process_table_shift: u32) -> Self {
        Self {
            memory: BTreeMap::new(),
            process_table: 1 << 40,
            process_table_shift,
            mappings: Vec::new(),
            next_table: 1 << 32,
        }
    }

    /// The process table as a partition table entry's second doubleword has it.
    pub fn partition_table_entry(&self) -> u64 {
        1 << 63 | self.process_table | u64::from(self.process_table_shift - 12)
    }

    fn new_table(&mut self, bits: u32) -> u64 {
        let bytes = 8 << bits;
        let table = (self.next_table + bytes - 1) & !(bytes - 1);
        self.next_table = table + bytes;
        table
    }

    fn doubleword(&self, address: u64) -> u64 {
        self.memory.get(&address).copied().unwrap_or(0)
    }

    /// Maps a page unless it overlaps with another.
    pub fn map(&mut self, mapping: Mapping) {
        let entry = self.process_table + 16 * u64::from(mapping.pid);
        if self.doubleword(entry) == 0 {
            let root = self.new_table(13);
            // 52 - 31 = 0b10_101 bits of tree.
            self.memory
                .insert(entry, 0b10 << 61 | 0b101 << 5 | root | 13);
        }
        let mut table = self.doubleword(entry) & 0x0fff_ffff_ffff_ff00;
        let mut below = 39;
        let mut bits = 13;
        loop {
            let index = mapping.address >> below & ((1 << bits) - 1);
            let slot = table + 8 * index;
            let found = self.doubleword(slot);
            if below == mapping.shift {
                if found == 0 {
                    self.memory
                        .insert(slot, 3 << 62 | mapping.real | mapping.bits);
                    self.mappings.push(mapping);
                }
                return;
            }
            if found == 0 {
                // Under 2 MB the page's size decides the table's.
                let next_bits = match (below, mapping.shift) {
                    (21, 16) => 5,
                    _ => 9,
                };
                let next = self.new_table(next_bits);
                self.memory
                    .insert(slot, 1 << 63 | next | u64::from(next_bits));
            } else if found >> 62 == 3 {
                return;
            }
            let entry = self.doubleword(slot);
            table = entry & 0x0fff_ffff_ffff_ff00;
            bits = (entry & 0x1f) as u32;
            below -= bits;
            // A table of the other page size is there already.
            if below < mapping.shift || below == 16 && mapping.shift == 12 {
                return;
            }
        }
    }

    /// The page that maps an address of a process.
    pub fn find(&self, pid: u32, address: u64) -> Option<Mapping> {
        self.mappings
            .iter()
            .find(|m| m.pid == pid && m.address >> m.shift == address >> m.shift)
            .copied()
    }
}
