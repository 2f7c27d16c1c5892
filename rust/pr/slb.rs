// SPDX-License-Identifier: GPL-2.0

//! The guest's SLB, and the segments that stand for it while the guest runs.

use super::mmu::SegmentKey;
use crate::{
    host::{hash::HostVsid, shadow::SHADOW_SLB},
    isa::{
        msr::Msr,
        slb::{self, SegmentSize, SlbEsid, SlbVsid, Slbe},
    },
};

/// Entries of the guest's SLB.
pub(crate) const SLB_ENTRIES: usize = 64;

/// The guest's SLB.
pub(crate) struct GuestSlb {
    entries: [Slbe; SLB_ENTRIES],
    /// Which of them are valid. A guest has few valid entries and often searches them.
    valid: u64,
}

/// The bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (lowest < u64::BITS).then_some(lowest as usize)
    })
}

impl GuestSlb {
    /// Nothing valid.
    pub(crate) fn new() -> Self {
        Self {
            entries: [Slbe::default(); SLB_ENTRIES],
            valid: 0,
        }
    }

    /// The entry that translates `ea`.
    pub(crate) fn find(&self, ea: u64) -> Option<Slbe> {
        slb::find(self.of(self.valid), ea)
    }

    /// Entry `n`; none if there is none.
    pub(crate) fn entry(&self, n: u64) -> Slbe {
        let entry = usize::try_from(n).ok().and_then(|n| self.entries.get(n));
        entry.copied().unwrap_or_default()
    }

    /// The entries whose bits are set in `set`.
    #[inline]
    fn of(&self, set: u64) -> impl Iterator<Item = Slbe> + '_ {
        bits(set).filter_map(|n| self.entries.get(n).copied())
    }

    /// Invalidates the entries whose bits are set in `set`, and calls `gone` with each.
    #[inline]
    fn take(&mut self, set: u64, mut gone: impl FnMut(Slbe)) {
        self.valid &= !set;
        for n in bits(set) {
            if let Some(entry) = self.entries.get_mut(n) {
                gone(core::mem::take(entry));
            }
        }
    }

    /// The bits of `set` for whose entries `which` is true.
    #[inline]
    fn filter(&self, set: u64, which: impl Fn(Slbe) -> bool) -> u64 {
        let mut found = 0;
        for n in bits(set) {
            if self.entries.get(n).is_some_and(|entry| which(*entry)) {
                found |= 1 << n;
            }
        }
        found
    }

    /// `slbmte`: RB and RS.
    pub(crate) fn write(&mut self, esid: u64, vsid: u64) {
        let esid = SlbEsid::from_raw(esid);
        let n = esid.index() as usize;
        if let Some(entry) = self.entries.get_mut(n) {
            *entry = Slbe {
                esid: esid.with_index(0),
                vsid: SlbVsid::from_raw(vsid),
            };
            self.valid = self.valid & !(1 << n) | u64::from(esid.contains(SlbEsid::V)) << n;
        }
    }

    /// `slbie`: invalidates what translates RB's address, and calls `gone` with it.
    pub(crate) fn invalidate(&mut self, rb: u64, gone: impl FnMut(Slbe)) {
        self.take(self.filter(self.valid, |e| e.matches(rb)), gone);
    }

    /// `slbia`: invalidates the entries that its IH selects, and calls `gone` with each that was valid.
    ///
    /// Source: ISA 3.0 Book III, `slbia`.
    pub(crate) fn invalidate_all(&mut self, ih: u8, gone: impl FnMut(Slbe)) {
        let set = match ih {
            // Invalidates lookaside information only, and no entry.
            7 => return,
            3 => self.filter(self.valid, |e| e.vsid.contains(SlbVsid::C)),
            4 => self.valid,
            _ => self.valid & !1,
        };
        self.take(set, gone);
    }

    /// As [`GuestSlb::new`].
    pub(crate) fn clear(&mut self) {
        self.entries.fill(Slbe::default());
        self.valid = 0;
    }

    /// All entries.
    pub(crate) fn entries(&self) -> &[Slbe; SLB_ENTRIES] {
        &self.entries
    }
}

/// What a shadow segment depends on besides the guest's SLB: problem state, the two kinds of relocation, and, if these
/// differ, the page that is run instruction by instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mode {
    msr: u64,
    stepped: Option<u64>,
}

impl Mode {
    /// Of a guest with this MSR.
    pub(crate) fn of(msr: Msr, stepped: Option<u64>) -> Self {
        let msr = msr.masked(Msr::PR | Msr::IR | Msr::DR).raw();
        Self { msr, stepped }
    }

    /// Is one kind of access translated and the other not?
    pub(crate) fn is_split(self) -> bool {
        Msr::from_raw(self.msr).is_split()
    }

    /// Is any kind of access translated?
    fn translates(self) -> bool {
        Msr::from_raw(self.msr).intersects(Msr::IR | Msr::DR)
    }

    /// With both relocations on: in privileged or in problem state.
    pub(crate) fn relocated(problem_state: bool) -> Self {
        let relocated = Msr::IR | Msr::DR;
        let msr = match problem_state {
            true => relocated | Msr::PR,
            false => relocated,
        };
        Self::of(msr, None)
    }
}

/// SLB entries for one mode of the guest.
#[derive(Clone, Copy)]
struct Set {
    mode: Mode,
    entries: [(u64, u64); SHADOW_SLB],
    used: usize,
    /// Which goes next when all are used.
    victim: usize,
}

impl Set {
    /// Drops the entries for whose address `gone` is true. The last entry moves to the place of a dropped one.
    fn forget(&mut self, gone: impl Fn(u64) -> bool) {
        let mut at = 0;
        while at < self.used {
            match self.entries.get(at) {
                Some(entry) if gone(entry.0) => {
                    self.used -= 1;
                    let last = self.entries.get(self.used).copied().unwrap_or_default();
                    if let Some(entry) = self.entries.get_mut(at) {
                        let esid = SlbEsid::from_raw(last.0).with_index(at as u64);
                        *entry = (esid.raw(), last.1);
                    }
                }
                _ => at += 1,
            }
        }
    }
}

/// How many modes' segments are kept, so that a system call or an interrupt of the guest causes no segment misses.
const SETS: usize = 4;

/// The segments that the guest runs with, for its last modes.
pub(crate) struct ShadowSlb {
    sets: [Set; SETS],
    current: usize,
    /// Which is given up when another mode comes.
    oldest: usize,
    /// The guest has been in a mode with one kind of access translated and the other not.
    split: bool,
    /// Entries that the processor has.
    capacity: usize,
    /// [`PrMmu::generation`](super::mmu::PrMmu::generation) of what is in here.
    pub(crate) generation: u64,
}

const SEGMENT: u64 = !((1 << 28) - 1);

impl ShadowSlb {
    /// None, for a processor with `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        let none = Set {
            mode: Mode::of(Msr::EMPTY, None),
            entries: [(0, 0); SHADOW_SLB],
            used: 0,
            victim: 0,
        };
        Self {
            sets: [none; SETS],
            current: 0,
            oldest: 0,
            split: false,
            capacity: capacity.clamp(1, SHADOW_SLB),
            generation: 0,
        }
    }

    /// The guest is now in this mode. Says whether the entries differ from those of the mode before.
    pub(crate) fn select(&mut self, mode: Mode) -> bool {
        if self.sets.get(self.current).is_some_and(|s| s.mode == mode) {
            return false;
        }
        self.split |= mode.is_split();
        self.current = match self.sets.iter().position(|s| s.mode == mode) {
            Some(at) => at,
            None => {
                let at = self.oldest;
                self.oldest = (at + 1) % SETS;
                if let Some(set) = self.sets.get_mut(at) {
                    (set.mode, set.used, set.victim) = (mode, 0, 0);
                }
                at
            }
        };
        true
    }

    /// The mode that the guest is in.
    pub(crate) fn mode(&self) -> Mode {
        self.sets
            .get(self.current)
            .map_or(Mode::of(Msr::EMPTY, None), |s| s.mode)
    }

    /// Has the guest been in this mode of late?
    pub(crate) fn keeps(&self, mode: Mode) -> bool {
        self.sets.iter().any(|s| s.mode == mode)
    }

    /// Adds the segment of `ea` to those of `mode`, if these are kept. If the set is full, it replaces another one.
    pub(crate) fn add(
        &mut self,
        mode: Mode,
        ea: u64,
        key: SegmentKey,
        vsid: HostVsid,
        large_bits: u64,
    ) {
        let capacity = self.capacity.max(1);
        let Some(set) = self.sets.iter_mut().find(|s| s.mode == mode) else {
            return;
        };
        let esid = SlbEsid::from_raw(ea & SEGMENT);
        let same = |e: &(u64, u64)| e.0 & SEGMENT == esid.raw();
        let at = match set.entries.iter().take(set.used).position(same) {
            Some(at) => at,
            None if set.used < capacity => {
                set.used += 1;
                set.used - 1
            }
            None => {
                set.victim = (set.victim + 1) % capacity;
                set.victim
            }
        };
        // Kp is 0, so that the PTE's own protection applies; the class is that of the host's user segments.
        let mut half = SlbVsid::EMPTY
            .with_vsid_field(vsid.raw())
            .with(SlbVsid::KS | SlbVsid::C)
            .raw();
        if key.large() {
            half |= large_bits;
        }
        if let Some(entry) = set.entries.get_mut(at) {
            *entry = (esid.with(SlbEsid::V).with_index(at as u64).raw(), half);
        }
    }

    /// What stands for the segment of `ea` in the current mode.
    pub(crate) fn find(&self, ea: u64) -> Option<SlbVsid> {
        let mut entries = self.entries();
        let found = entries.find(|e| (e.0 ^ ea) & SEGMENT == 0)?;
        Some(SlbVsid::from_raw(found.1))
    }

    /// The entries for the current mode.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.sets
            .get(self.current)
            .into_iter()
            .flat_map(|s| s.entries.iter().take(s.used).copied())
    }

    /// Drops all entries, because the guest has changed its SLB.
    pub(crate) fn forget(&mut self) {
        for set in &mut self.sets {
            set.used = 0;
        }
    }

    /// Drops the entries of split modes, because the guest has changed its SLB. In these, an address without a guest's
    /// entry has a shadow segment, too, for its real address.
    #[inline]
    pub(crate) fn forget_split(&mut self) {
        if !self.split {
            return;
        }
        for set in self.sets.iter_mut().filter(|s| s.mode.is_split()) {
            set.used = 0;
        }
    }

    /// Drops the entry for the 256 MB around `ea` in modes that translate: it is another segment of the guest's now.
    pub(crate) fn forget_translated(&mut self, ea: u64) {
        for set in self.sets.iter_mut().filter(|s| s.mode.translates()) {
            set.forget(|e| (e ^ ea) & SEGMENT == 0);
        }
    }

    /// Drops what was made from this entry of the guest's SLB, which is gone.
    pub(crate) fn forget_entry(&mut self, entry: Slbe) {
        let shift = entry.segment().unwrap_or(SegmentSize::Tb1).shift();
        for set in &mut self.sets {
            set.forget(|ea| (ea ^ entry.esid.raw()) >> shift == 0);
        }
    }
}
