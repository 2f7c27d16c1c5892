// SPDX-License-Identifier: GPL-2.0

//! Which entries of the hardware's TLB stand for a guest's.
//!
//! Guests run in address space 1 under shadow PIDs, of which each stands for one [`Context`] of one vCPU; the host
//! uses address space 0 only. So entries of all contexts, and the host's own, lie in the TLB side by side, and nothing
//! has to be written to go from one to the other.
//!
//! The host's TLB miss handler may replace any of these entries by one of its own without notice. So what is kept here
//! is what *may* be in the hardware: **an entry for a guest that is in the hardware is also here, at the same index.**
//! A translation that is here and not in the hardware costs a miss, and is written again, to the same place. An entry
//! of the host's that is overwritten or invalidated by mistake costs the host a miss.
//!
//! The instruction cache has no translations: its lines are tagged by effective address, address space and PID (UM,
//! "Instruction Cache Synonyms"), and a fetch that an entry translates takes a line of that tag, whatever is in memory
//! where the entry leads. So [`ShadowTlb::entering`] says when nothing may be left of it.

use crate::isa::e44x::tlbe::{Attributes, Permissions, Space, Tlbe, TLB_SIZE};
use core::ops::{DerefMut, Range};

/// The hardware's TLB. Entries are in address space 1.
pub trait Hardware {
    /// Writes an entry.
    fn write(&mut self, index: usize, tlbe: &Tlbe);
    /// Makes an entry invalid, whether it is a guest's or the host's.
    fn invalidate(&mut self, index: usize);
}

/// What a shadow PID stands for: a vCPU, and all that says which of its TLB's entries translate, and what for.
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
    /// One instruction of a page that is not executable otherwise is executed.
    pub step: bool,
}

/// A context's number in the hardware's PID register, as long as the generation lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShadowPid {
    /// 1 to 255.
    pub pid: u8,
    generation: u64,
}

/// What is to be mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The context's.
    pub pid: ShadowPid,
    /// The vCPU, and which of its TLB's entries this comes from.
    pub vcpu: u32,
    /// See above.
    pub entry: u8,
    /// The effective address.
    pub ea: u32,
    /// log2 of the page's size; one that the hardware has.
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

/// What was taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Guest physical address of the page, a multiple of its size.
    pub gpa: u64,
    /// Could the guest write it?
    pub writable: bool,
}

/// Contexts that have a number at a time, and one more: 0 stands for none.
pub const CONTEXTS: usize = 256;

/// The record. It lies wherever its owner likes, because it is too large for a kernel's stack.
#[derive(Clone, Debug)]
pub struct ShadowTlb<S, C> {
    slots: S,
    /// Entries from here on are the host's pinned ones.
    limit: usize,
    /// The next victim.
    next: usize,
    contexts: C,
    generation: u64,
    /// Under which number the instructions in the cache were fetched; `None` if some may be there of another, or of
    /// what an entry translated to before.
    fetched_under: Option<ShadowPid>,
}

const STORAGE: u32 = Attributes::W | Attributes::I | Attributes::M | Attributes::G | Attributes::E;

impl<S, C> ShadowTlb<S, C>
where
    S: DerefMut<Target = [Option<Slot>]>,
    C: DerefMut<Target = [Option<Context>]>,
{
    /// Nothing is mapped; entries 0 to `limit - 1` may be used. `slots` are [`TLB_SIZE`] and `contexts` [`CONTEXTS`]
    /// times nothing.
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

    /// The guest is about to run under this number. Returns whether all of the instruction cache has to be made invalid
    /// first: because something else ran since the last time, so that `icbi` reaches every line of the guest's; because
    /// a page to be executed was mapped; or because [`ShadowTlb::forget_code`] says so.
    pub fn entering(&mut self, pid: ShadowPid) -> bool {
        let current = self.fetched_under == Some(pid);
        self.fetched_under = Some(pid);
        !current
    }

    /// What was fetched so far must not be executed any more.
    pub fn forget_code(&mut self) {
        self.fetched_under = None;
    }

    /// The number of a context. If there is none left, all that is mapped goes first.
    pub fn context(&mut self, context: Context, hw: &mut impl Hardware) -> ShadowPid {
        let mut free = None;
        // 0 would match the entries of all.
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

    /// Does the number still stand for what it was given for?
    pub fn is_current(&self, pid: ShadowPid) -> bool {
        pid.generation == self.generation
    }

    /// Maps a page. What was mapped at its address in this context is gone. Does nothing if the context's number is out
    /// of date or the page's size does not exist.
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
                // The first is overwritten.
                if place.is_none() {
                    place = Some(i);
                } else {
                    hw.invalidate(i);
                }
            }
        }
        // Unless the host has only taken the entry, it may translate to something else than what was fetched there.
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

    /// Takes away what comes from entry `entry` of a vCPU's TLB.
    pub fn remove_entry(&mut self, vcpu: u32, entry: u8, hw: &mut impl Hardware) {
        self.remove(hw, |s| s.vcpu == vcpu && s.entry == entry, |_| ());
    }

    /// Takes away what translates to these guest physical addresses, and tells of each.
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

    /// Takes everything away, and every number of a context.
    pub fn clear(&mut self, hw: &mut impl Hardware) {
        self.remove(hw, |_| true, |_| ());
        self.forget_contexts();
    }

    /// All entries of the hardware's TLB have been invalidated or replaced by another user of it.
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

    /// Of its page.
    fn size(&self) -> u64 {
        1u64.wrapping_shl(self.tlbe.shift().unwrap_or(0))
    }

    fn overlaps(&self, gpas: &Range<u64>) -> bool {
        self.gpa < gpas.end && gpas.start < self.gpa.saturating_add(self.size())
    }
}

/// The guest runs in problem state, whatever it believes. The world switch reads its instructions from supervisor
/// state.
fn shadow_permissions(p: Permissions) -> u32 {
    let bit = |on, bit| if on { bit } else { 0 };
    bit(p.execute, Attributes::UX | Attributes::SR)
        | bit(p.write, Attributes::UW)
        | bit(p.read, Attributes::UR)
}
