// SPDX-License-Identifier: GPL-2.0

//! The naive model of the 440's two TLBs, and what is done to both.

use kvm_ppc_pure::{
    emulate::e44x::{
        guest_tlb::GuestTlb,
        shadow::{Context, Hardware, Mapping, ShadowPid, ShadowTlb, Slot, CONTEXTS},
    },
    isa::e44x::tlbe::{Attributes, Permissions, Space, Tlbe, PAGE_SHIFTS, TLB_SIZE},
};
use std::collections::{hash_map::Entry, HashMap};

/// Entries that the model's host has pinned, at the end of the TLB.
const PINNED: usize = 3;

/// A TLB of 64 entries, of which the host takes some now and then.
pub(crate) struct Tlb {
    entries: [Tlbe; TLB_SIZE],
    pub(crate) writes: u64,
    /// The instruction cache: for whom, and from where, what lies under a tag was fetched. A tag is a PID and an
    /// address, here to the smallest page.
    cache: HashMap<(u8, u32), (Context, u64)>,
}

impl Hardware for Tlb {
    fn write(&mut self, index: usize, tlbe: &Tlbe) {
        assert!(index < TLB_SIZE - PINNED, "a pinned entry was overwritten");
        assert!(tlbe.valid() && tlbe.ts() && tlbe.tid != 0);
        self.writes += 1;
        self.entries[index] = *tlbe;
    }

    fn invalidate(&mut self, index: usize) {
        assert!(index < TLB_SIZE - PINNED, "a pinned entry was overwritten");
        self.writes += 1;
        self.entries[index] = Tlbe::INVALID;
    }
}

impl Tlb {
    fn new() -> Self {
        Self {
            entries: [Tlbe::INVALID; TLB_SIZE],
            writes: 0,
            cache: HashMap::new(),
        }
    }

    /// The host's miss handler puts an entry of its own, in address space 0, into any place that is not pinned.
    fn host_takes(&mut self, index: usize) {
        let space = Space { ts: false, pid: 9 };
        self.entries[index % (TLB_SIZE - PINNED)] = Tlbe::new(0x1000, 12, space, 0, 1).unwrap();
    }

    /// The entries that translate an address for a guest: more than one would be a machine check.
    pub(crate) fn find(&self, ea: u32, pid: u8) -> Vec<Tlbe> {
        let space = Space { ts: true, pid };
        let hits = self.entries.iter().filter(|e| e.translates(ea, space));
        hits.copied().collect()
    }
}

/// Where the numbers that choose the operations come from.
pub(crate) trait Numbers {
    /// A random number less than `below`.
    fn next(&mut self, below: u64) -> u64;

    /// One of two.
    fn bool(&mut self) -> bool {
        self.next(2) == 1
    }
}

/// Where the host has a page of guest physical memory: nowhere near, so that mixing them up shows.
fn host_real(gpa: u64) -> u64 {
    gpa ^ 0x7_0000_0000
}

/// A guest's TLB entry of the model: the words as the guest wrote them.
type Naive = [Option<Tlbe>; TLB_SIZE];

fn naive_find(tlb: &Naive, ea: u32, space: Space) -> Option<(usize, Tlbe)> {
    tlb.iter().enumerate().rev().find_map(|(i, e)| {
        let e = (*e)?;
        let size = 1u64 << e.shift()?;
        let first = u64::from(e.word0 & 0xffff_fc00) / size * size;
        let inside = u64::from(ea) >= first && u64::from(ea) < first + size;
        let matches = (e.word0 & 0x100 != 0) == space.ts && (e.tid == 0 || e.tid == space.pid);
        (inside && matches).then_some((i, e))
    })
}

/// The two TLBs, the model, and the hardware.
pub(crate) struct Machine<N> {
    random: N,
    pub(crate) hw: Tlb,
    pub(crate) shadow: ShadowTlb<Vec<Option<Slot>>, Vec<Option<Context>>>,
    guests: Vec<GuestTlb<Vec<Tlbe>>>,
    naive: Vec<Naive>,
    /// What each context's number was last, to see that numbers of two contexts never mix.
    numbers: HashMap<u8, Context>,
    /// Checks that found something.
    pub(crate) hits: u64,
    /// Instructions that were found in the cache.
    pub(crate) cached: u64,
}

const VCPUS: u64 = 2;

impl<N: Numbers> Machine<N> {
    pub(crate) fn new(random: N) -> Self {
        Self {
            random,
            hw: Tlb::new(),
            shadow: ShadowTlb::new(
                vec![None; TLB_SIZE],
                vec![None; CONTEXTS],
                TLB_SIZE - PINNED,
            ),
            guests: vec![GuestTlb::new(vec![Tlbe::INVALID; TLB_SIZE]); VCPUS as usize],
            naive: vec![[None; TLB_SIZE]; VCPUS as usize],
            numbers: HashMap::new(),
            hits: 0,
            cached: 0,
        }
    }

    fn context(&mut self) -> Context {
        // Few, so that they meet again; now and then one of many, so that numbers run out.
        let many = self.random.next(20) == 0;
        let ts = self.random.bool();
        Context {
            vcpu: self.random.next(VCPUS) as u32,
            pid: self.random.next(if many { 256 } else { 3 }) as u8,
            user: self.random.bool(),
            is: ts,
            ds: ts,
            step: self.random.bool(),
        }
    }

    /// Addresses that collide: a few megabytes of each size's multiples.
    fn ea(&mut self) -> u32 {
        (self.random.next(2) << 28 | self.random.next(32) << 10 | self.random.next(2) << 20) as u32
    }

    pub(crate) fn number(&mut self, context: Context) -> ShadowPid {
        let before = self.hw.writes;
        let pid = self.shadow.context(context, &mut self.hw);
        assert_ne!(pid.pid, 0);
        match self.numbers.insert(pid.pid, context) {
            Some(old) if old != context => {
                // The number stood for something else: all that was mapped by it has to be gone.
                let mine = |e: &Tlbe| e.valid() && e.ts() && e.tid == pid.pid;
                assert!(!self.hw.entries.iter().any(mine));
            }
            Some(_) => assert_eq!(before, self.hw.writes, "a known context cost a write"),
            None => {}
        }
        pid
    }

    /// `tlbwe` of a whole entry that translates what no other of the vCPU's does, as the architecture wants it.
    fn write_entry(&mut self) {
        let vcpu = self.random.next(VCPUS) as usize;
        let index = self.random.next(TLB_SIZE as u64) as u32;
        let ts = self.random.bool();
        let pid = self.random.next(3) as u8;
        let shift = PAGE_SHIFTS[self.random.next(PAGE_SHIFTS.len() as u64) as usize];
        let ea = self.ea();
        let real = self.random.next(1 << 26) << 10;
        let attributes = self.random.next(64) as u32;
        let space = Space { ts, pid };
        let new = Tlbe::new(ea, shift, space, real, attributes).unwrap();
        let first = u64::from(new.ea());
        let taken = self.naive[vcpu].iter().enumerate().any(|(i, old)| {
            old.is_some_and(|old| {
                let start = u64::from(old.ea());
                i != index as usize
                    && start < first + (1 << shift)
                    && first < start + (1 << old.shift().unwrap())
                    && old.ts() == ts
                    && (old.tid == 0 || pid == 0 || old.tid == pid)
            })
        });
        let invalid = taken || self.random.next(4) == 0;
        let word0 = if invalid { 0 } else { new.word0 };
        for (ws, value) in [(1, new.word1), (0, word0), (2, new.word2)] {
            if self.guests[vcpu]
                .write_word(index, ws, value, pid.into())
                .is_some()
            {
                self.shadow
                    .remove_entry(vcpu as u32, index as u8, &mut self.hw);
            }
        }
        self.naive[vcpu][index as usize] = (!invalid).then_some(new);
    }

    /// A miss, resolved as the backend does it.
    fn miss(&mut self) {
        let (context, ea) = (self.context(), self.ea());
        self.miss_at(context, ea);
    }

    fn miss_at(&mut self, context: Context, ea: u32) {
        let space = Space {
            ts: context.is,
            pid: context.pid,
        };
        let found = self.guests[context.vcpu as usize].find(ea, space);
        let expected = naive_find(&self.naive[context.vcpu as usize], ea, space);
        assert_eq!(
            found.map(|f| (usize::from(f.index), f.tlbe)),
            expected,
            "the guest's TLB"
        );
        let Some(found) = found else { return };
        let pid = self.number(context);
        let sizes: Vec<u32> = PAGE_SHIFTS
            .into_iter()
            .filter(|s| *s <= found.tlbe.shift().unwrap() && *s <= 20)
            .collect();
        let shift = sizes[self.random.next(sizes.len() as u64) as usize];
        let gpa = found.tlbe.real_of(ea);
        let permissions = found.tlbe.attributes().permissions(context.user);
        let before = self.hw.writes;
        self.shadow.insert(
            &Mapping {
                pid,
                vcpu: context.vcpu,
                entry: found.index,
                ea,
                shift,
                gpa,
                real: host_real(gpa),
                permissions,
                attributes: Attributes(0),
            },
            &mut self.hw,
        );
        assert!(self.hw.writes > before);
        assert_eq!(self.hw.find(ea, pid.pid).len(), 1);
    }

    /// What the hardware translates now is right, for an address and a context.
    fn check(&mut self) {
        let context = self.context();
        let ea = self.ea();
        let space = Space {
            ts: context.is,
            pid: context.pid,
        };
        let pid = self.number(context);
        if self.shadow.entering(pid) {
            self.hw.cache.clear();
        }
        let hits = self.hw.find(ea, pid.pid);
        assert!(hits.len() <= 1, "two entries translate {ea:#x}: {hits:?}");
        let Some(hit) = hits.first() else { return };
        self.hits += 1;
        let (_, guest) = naive_find(&self.naive[context.vcpu as usize], ea, space)
            .expect("the guest's TLB does not translate what the hardware does");
        assert_eq!(hit.real_of(ea), host_real(guest.real_of(ea)));
        let allowed: Permissions = guest.attributes().permissions(context.user);
        let given = hit.attributes().permissions(true);
        assert_eq!(given, allowed);
        if given.execute {
            self.fetch(context, pid, ea, hit.real_of(ea));
        }
    }

    /// An instruction is fetched, which an entry translates to `real`: from the cache, if there is something under its
    /// tag.
    fn fetch(&mut self, context: Context, pid: ShadowPid, ea: u32, real: u64) {
        let fetched = (context, real >> 10);
        let line = self.hw.cache.entry((pid.pid, ea >> 10));
        self.cached += u64::from(matches!(line, Entry::Occupied(_)));
        let line = line.or_insert(fetched);
        assert_eq!(*line, fetched, "stale instructions at {ea:#x}");
    }

    /// One address is executed again and again, under one number or two, while now and then its translation changes.
    fn run(&mut self) {
        let (context, ea) = (self.context(), self.ea());
        let other = Context {
            user: !context.user,
            ..context
        };
        for _ in 0..8 {
            let context = if self.random.next(4) == 0 {
                other
            } else {
                context
            };
            match self.random.next(4) {
                0 => self.miss_at(context, ea),
                1 => self.move_page(context, ea),
                _ => {}
            }
            let pid = self.number(context);
            if self.shadow.entering(pid) {
                self.hw.cache.clear();
            }
            let hit = self.hw.find(ea, pid.pid).first().copied();
            let executable = |e: &Tlbe| e.attributes().permissions(true).execute;
            if let Some(hit) = hit.filter(executable) {
                self.fetch(context, pid, ea, hit.real_of(ea));
            }
        }
    }

    /// The guest's kernel has another page at this address, in the entry that it has already.
    fn move_page(&mut self, context: Context, ea: u32) {
        let vcpu = context.vcpu as usize;
        let space = Space {
            ts: context.is,
            pid: context.pid,
        };
        let Some((index, mut entry)) = naive_find(&self.naive[vcpu], ea, space) else {
            return;
        };
        entry.word1 = Tlbe::new(0, 10, space, self.random.next(1 << 26) << 10, 0)
            .unwrap()
            .word1;
        let written = self.guests[vcpu].write_word(index as u32, 1, entry.word1, 0);
        if written.is_some() {
            self.shadow
                .remove_entry(context.vcpu, index as u8, &mut self.hw);
        }
        self.naive[vcpu][index] = Some(entry);
    }

    /// Memory is taken away from the host's side.
    fn invalidate(&mut self) {
        let gpa = self.random.next(1 << 26) << 10;
        let gpas = gpa..gpa + (1 << (10 + self.random.next(14)));
        let only_writable = self.random.bool();
        self.shadow
            .remove_range(&gpas, only_writable, &mut self.hw, |page| {
                assert!(page.writable || !only_writable)
            });
        for e in self.hw.entries.iter().filter(|e| e.valid() && e.ts()) {
            let first = host_real(e.real()) & !((1 << e.shift().unwrap()) - 1);
            let end = first + (1 << e.shift().unwrap());
            let hit = first < gpas.end && gpas.start < end;
            let writable = e.attributes().permissions(true).write;
            assert!(!hit || only_writable && !writable, "{gpas:x?} {e:x?}");
        }
        assert!(only_writable || !self.shadow.maps(&gpas));
    }

    /// One operation, with its checks.
    pub(crate) fn step(&mut self) {
        match self.random.next(1000) {
            0..=299 => self.miss(),
            300..=399 => self.write_entry(),
            400..=449 => {
                let index = self.random.next(64) as usize;
                self.hw.host_takes(index);
            }
            450..=499 => self.invalidate(),
            500 if self.random.next(40) == 0 => {
                // Another VM had the TLB meanwhile.
                self.hw.entries = [Tlbe::INVALID; TLB_SIZE];
                self.shadow.forget();
            }
            501..=519 => self.run(),
            _ => self.check(),
        }
    }
}
