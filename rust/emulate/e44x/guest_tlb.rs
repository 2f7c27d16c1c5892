// SPDX-License-Identifier: GPL-2.0

//! The guest's TLB, as the guest's kernel writes it.

use core::ops::DerefMut;

use crate::isa::e44x::{
    spr::{MMUCR_STID, MMUCR_STS},
    tlbe::{Space, Tlbe, TLB_SIZE},
};

/// The 64 entries. `S` says where they are kept, because they are too large for a kernel's stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestTlb<S>(S);

/// What a search found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Number of the entry.
    pub index: u8,
    /// The entry.
    pub tlbe: Tlbe,
}

impl<S: DerefMut<Target = [Tlbe]>> GuestTlb<S> {
    /// A TLB with these entries, which should be [`TLB_SIZE`] many; missing ones are always invalid.
    pub fn new(entries: S) -> Self {
        Self(entries)
    }

    /// The entry that translates `ea`. If there are several, which the architecture forbids, it is the last.
    pub fn find(&self, ea: u32, space: Space) -> Option<Found> {
        // Systems have their kernel's pages, which are translated most often, in the last entries.
        let index = self.0.iter().rposition(|e| e.translates(ea, space))?;
        Some(Found {
            index: index as u8,
            tlbe: *self.0.get(index)?,
        })
    }

    /// Entry `index`, of which only the low 6 bits are used, as in the hardware.
    pub fn get(&self, index: u32) -> Tlbe {
        self.0.get(wrap(index)).copied().unwrap_or_default()
    }

    /// Replaces an entry.
    pub fn set(&mut self, index: u32, tlbe: Tlbe) {
        if let Some(e) = self.0.get_mut(wrap(index)) {
            *e = tlbe;
        }
    }

    /// `tlbwe`: writes word `ws` (0 to 2) of an entry; word 0 takes the TID from MMUCR. Returns the old entry if it was
    /// valid and has changed, so that shadow entries made from it have to be removed.
    pub fn write_word(&mut self, index: u32, ws: u8, value: u32, mmucr: u32) -> Option<Tlbe> {
        let old = self.get(index);
        let mut new = old;
        match ws {
            0 => {
                new.word0 = value & 0xffff_fff0;
                new.tid = (mmucr & MMUCR_STID) as u8;
            }
            1 => new.word1 = value & 0xffff_fc0f,
            2 => new.word2 = value & 0xffbf,
            _ => return None,
        }
        self.set(index, new);
        (old.valid() && old != new).then_some(old)
    }

    /// `tlbre`: reads word `ws` of an entry. Returns the word, and the new MMUCR, which gets the entry's TID if `ws` is
    /// 0. `None` if there is no such word.
    pub fn read_word(&self, index: u32, ws: u8, mmucr: u32) -> Option<(u32, u32)> {
        let e = self.get(index);
        Some(match ws {
            0 => (e.word0, mmucr & !MMUCR_STID | u32::from(e.tid)),
            1 => (e.word1, mmucr),
            2 => (e.word2, mmucr),
            _ => return None,
        })
    }

    /// `tlbsx`: the number of the entry that translates `ea` in the space and for the process that MMUCR names.
    pub fn search(&self, ea: u32, mmucr: u32) -> Option<u8> {
        let space = Space {
            ts: mmucr & MMUCR_STS != 0,
            pid: (mmucr & MMUCR_STID) as u8,
        };
        Some(self.find(ea, space)?.index)
    }
}

const fn wrap(index: u32) -> usize {
    index as usize & (TLB_SIZE - 1)
}
