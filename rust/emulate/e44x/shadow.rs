// SPDX-License-Identifier: GPL-2.0

//! The record of the entries that guests have in the hardware's TLB.
//!
//! Guests run in address space 1 under shadow PIDs, each of which stands for one [`Context`] of one vCPU. The host uses
//! address space 0 only. So the TLB can hold entries of all contexts and of the host at the same time, and a change
//! from one to another writes no entry.
//!
//! The host's TLB miss handler may replace any of these entries by one of its own without notice. So the record says
//! what *may* be in the hardware: **an entry for a guest that is in the hardware is also in the record, at the same
//! index.** A translation that is only in the record costs a miss, and is then written again to the same index. If an
//! entry of the host's is overwritten or invalidated by mistake, the host has a miss.
//!
//! The instruction cache's lines are tagged by effective address, address space and PID (UM, "Instruction Cache
//! Synonyms"). A fetch hits a line with that tag whatever the memory that the TLB entry leads to now holds. So
//! [`ShadowTlb::entering`] says when the instruction cache has to be invalidated.

use crate::isa::e44x::tlbe::{Attributes, Permissions, Space, Tlbe, TLB_SIZE};
use core::ops::{DerefMut, Range};

/// The hardware's TLB. Entries are in address space 1.
pub trait Hardware {
    /// Writes an entry.
    fn write(&mut self, index: usize, tlbe: &Tlbe);
    /// Makes an entry invalid, whether it is a guest's or the host's.
    fn invalidate(&mut self, index: usize);
}

/// What a shadow PID stands for: a vCPU, and all the state that decides which entries of its TLB translate, and with
/// which permissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Context {
    /// The vCPU.
    pub vcpu: u32,
    /// Its PID.
    pub pid: u8,
    /// MSR[PR].
    pub user: bool,
    /// MSR[IS].
    pub is: bool,
    /// MSR[DS].
    pub ds: bool,
    /// Whether one instruction is executed in a page that is otherwise not executable.
    pub step: bool,
}

/// A context's number in the hardware's PID register. It is valid until the generation ends, when all numbers are taken
/// back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShadowPid {
    /// 1 to 255.
    pub pid: u8,
    generation: u64,
}

/// A page that is to be mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The context's number.
    pub pid: ShadowPid,
    /// The vCPU.
    pub vcpu: u32,
    /// The entry of the vCPU's TLB that the mapping comes from.
    pub entry: u8,
    /// The effective address.
    pub ea: u32,
    /// log2 of the page's size, which the hardware must have.
    pub shift: u32,
    /// The guest's physical address.
    pub gpa: u64,
    /// The host's real address.
    pub real: u64,
    /// What the guest may do.
    pub permissions: Permissions,
    /// W, I, M, G and E.
    pub attributes: Attributes,
}

/// An entry that may be in the hardware.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    tlbe: Tlbe,
    vcpu: u32,
    entry: u8,
    gpa: u64,
}

/// A page that was unmapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Guest physical address of the page, a multiple of its size.
    pub gpa: u64,
    /// Could the guest write it?
    pub writable: bool,
}

/// One more than the number of contexts that can have a number at a time, because no context has number 0.
pub const CONTEXTS: usize = 256;

/// The record. `S` and `C` say where it is kept, because it is too large for a kernel's stack.
#[derive(Clone, Debug)]
pub struct ShadowTlb<S, C> {
    slots: S,
    /// Entries from here on are the host's pinned ones.
    limit: usize,
    /// The next victim.
    next: usize,
    contexts: C,
    generation: u64,
    /// The number under which all instructions in the cache were fetched. `None` if some may have been fetched under
    /// another number, or by a translation that has changed since.
    fetched_under: Option<ShadowPid>,
}

const STORAGE: u32 = Attributes::W | Attributes::I | Attributes::M | Attributes::G | Attributes::E;

impl<S, C> ShadowTlb<S, C>
where
    S: DerefMut<Target = [Option<Slot>]>,
    C: DerefMut<Target = [Option<Context>]>,
{
    /// A record without mappings that may use entries 0 to `limit - 1`. `slots` has to be [`TLB_SIZE`] and `contexts`
    /// [`CONTEXTS`] empty elements.
    pub fn new(slots: S, contexts: C, limit: usize) -> Self {
        Self {
            slots,
            limit: limit.min(TLB_SIZE),
            next: 0,
            contexts,
            generation: 0,
            fetched_under: None,
        }
    }

    /// Handles that the guest is about to run under this number. Returns whether the whole instruction cache has to be
    /// invalidated first. That is so if the guest last ran under another number, if a page that is executable was
    /// mapped since, or if [`ShadowTlb::forget_code`] was called. So `icbi` reaches every line that the guest can hit.
    pub fn entering(&mut self, pid: ShadowPid) -> bool {
        let current = self.fetched_under == Some(pid);
        self.fetched_under = Some(pid);
        !current
    }

    /// Makes the next [`ShadowTlb::entering`] ask for an invalidation of the instruction cache.
    pub fn forget_code(&mut self) {
        self.fetched_under = None;
    }

    /// The number of a context. If all numbers are in use, everything is unmapped first.
    pub fn context(&mut self, context: Context, hw: &mut impl Hardware) -> ShadowPid {
        let mut free = None;
        // Entries with TID 0 match every PID, so no context gets number 0.
        for pid in 1..=u8::MAX {
            match self.contexts.get(usize::from(pid)) {
                Some(Some(c)) if *c == context => return self.shadow_pid(pid),
                Some(Some(_)) => (),
                _ => {
                    free = Some(pid);
                    break;
                }
            }
        }
        let pid = free.unwrap_or_else(|| {
            self.clear(hw);
            1
        });
        if let Some(c) = self.contexts.get_mut(usize::from(pid)) {
            *c = Some(context);
        }
        self.shadow_pid(pid)
    }

    fn shadow_pid(&self, pid: u8) -> ShadowPid {
        ShadowPid {
            pid,
            generation: self.generation,
        }
    }

    /// Does the number still stand for the context that it was given to?
    pub fn is_current(&self, pid: ShadowPid) -> bool {
        pid.generation == self.generation
    }

    /// Maps a page, and unmaps what was mapped at its address in this context before. Does nothing if the context's
    /// number is out of date or the page's size does not exist.
    pub fn insert(&mut self, m: &Mapping, hw: &mut impl Hardware) {
        let space = Space {
            ts: true,
            pid: m.pid.pid,
        };
        let attributes = m.attributes.0 & STORAGE | shadow_permissions(m.permissions);
        let Some(tlbe) = Tlbe::new(m.ea, m.shift, space, m.real, attributes) else {
            return;
        };
        if !self.is_current(m.pid) {
            return;
        }
        let size = 1u64.wrapping_shl(m.shift);
        let first = u64::from(tlbe.ea());
        let end = first.wrapping_add(size);
        let mut place = None;
        let mut same = false;
        for i in 0..TLB_SIZE {
            let Some(slot) = self.slots.get_mut(i) else {
                break;
            };
            let Some(old) = slot else { continue };
            same |= old.tlbe == tlbe;
            let old_first = u64::from(old.tlbe.ea());
            let old_end = old_first.wrapping_add(old.size());
            if old.tlbe.tid == m.pid.pid && old_first < end && first < old_end {
                *slot = None;
                // The new entry overwrites the first of them.
                if place.is_none() {
                    place = Some(i);
                } else {
                    hw.invalidate(i);
                }
            }
        }
        // If it is not the same mapping again, whose entry the host's TLB miss handler has replaced, instructions
        // fetched before may be others than those in the page.
        if m.permissions.execute && !same {
            self.forget_code();
        }
        let index = self.victim(place);
        let slot = Slot {
            tlbe,
            vcpu: m.vcpu,
            entry: m.entry,
            gpa: m.gpa & size.wrapping_neg(),
        };
        if let Some(s) = self.slots.get_mut(index) {
            *s = Some(slot);
            hw.write(index, &tlbe);
        }
    }

    fn victim(&mut self, place: Option<usize>) -> usize {
        place.unwrap_or_else(|| {
            let index = self.next;
            let next = index.wrapping_add(1);
            self.next = if next < self.limit { next } else { 0 };
            index
        })
    }

    /// Unmaps what was mapped from entry `entry` of a vCPU's TLB.
    pub fn remove_entry(&mut self, vcpu: u32, entry: u8, hw: &mut impl Hardware) {
        self.remove(hw, |s| s.vcpu == vcpu && s.entry == entry, |_| ());
    }

    /// Unmaps what translates to these guest physical addresses, and calls `f` for each page.
    pub fn remove_range(
        &mut self,
        gpas: &Range<u64>,
        only_writable: bool,
        hw: &mut impl Hardware,
        removed: impl FnMut(Removed),
    ) {
        let hit = |s: &Slot| s.overlaps(gpas) && (!only_writable || s.writable());
        self.remove(hw, hit, removed);
    }

    /// Is any of these guest physical addresses mapped?
    pub fn maps(&self, gpas: &Range<u64>) -> bool {
        self.slots.iter().flatten().any(|s| s.overlaps(gpas))
    }

    fn remove(
        &mut self,
        hw: &mut impl Hardware,
        hit: impl Fn(&Slot) -> bool,
        mut removed: impl FnMut(Removed),
    ) {
        for i in 0..TLB_SIZE {
            let Some(slot) = self.slots.get_mut(i) else {
                break;
            };
            if let Some(old) = slot.take_if(|s| hit(s)) {
                hw.invalidate(i);
                removed(Removed {
                    gpa: old.gpa,
                    writable: old.writable(),
                });
            }
        }
    }

    /// Unmaps everything, and takes back all contexts' numbers.
    pub fn clear(&mut self, hw: &mut impl Hardware) {
        self.remove(hw, |_| true, |_| ());
        self.forget_contexts();
    }

    /// Notes that another user of the hardware's TLB has invalidated or replaced all entries.
    pub fn forget(&mut self) {
        self.slots.fill(None);
        self.forget_contexts();
    }

    fn forget_contexts(&mut self) {
        self.contexts.fill(None);
        self.generation = self.generation.wrapping_add(1);
    }
}

impl Slot {
    fn writable(&self) -> bool {
        self.tlbe.word2 & Attributes::UW != 0
    }

    /// The size of its page.
    fn size(&self) -> u64 {
        1u64.wrapping_shl(self.tlbe.shift().unwrap_or(0))
    }

    fn overlaps(&self, gpas: &Range<u64>) -> bool {
        self.gpa < gpas.end && gpas.start < self.gpa.saturating_add(self.size())
    }
}

/// The permissions in the hardware's entry. The guest always runs in problem state, also when its MSR says supervisor
/// state. The world switch reads the guest's instructions in supervisor state.
fn shadow_permissions(p: Permissions) -> u32 {
    let bit = |on, bit| if on { bit } else { 0 };
    bit(p.execute, Attributes::UX | Attributes::SR)
        | bit(p.write, Attributes::UW)
        | bit(p.read, Attributes::UR)
}
