// SPDX-License-Identifier: GPL-2.0

//! Tests how the bits of `need_tlb_flush` may be set while threads of a core test them (Documentation/memory.rst,
//! "Translations that tlbiel leaves behind"). A model goes through every order of the steps of two threads that enter
//! and leave a guest and of two vCPUs that have left the core.

use std::collections::HashSet;

/// How the bits are set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One after the other.
    OneByOne,
    /// All at once.
    AtOnce,
    /// All at once, while no thread of the core is in the test.
    Closed,
}

const ENTRIES: u8 = 2;

/// A thread of the core, by its next step.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Thread {
    /// Outside, with this many entries to come.
    Outside(u8),
    /// It has announced its entry.
    Entering(u8),
    /// Tests its own bit.
    TestOwn(u8),
    /// Tests the other's.
    TestOther(u8),
    /// Flushes, or not.
    Flush(u8, bool),
    /// Clears its own bit.
    Clear(u8),
    /// In the guest.
    Guest(u8),
}

/// A thread that has moved a vCPU away, by its next step.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mover {
    Idle,
    /// Has closed the core.
    Closed,
    /// Tests whether this thread is in the guest.
    Look(u8),
    Wait(u8),
    SetFirst,
    SetSecond,
    SetBoth,
    /// Interrupts this thread, and waits until it has been outside.
    Kick(u8),
    WaitKick(u8),
    Open,
    Done,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    threads: [Thread; 2],
    /// Whether the thread was outside since a mover began to wait for that.
    was_outside: [[bool; 2]; 2],
    movers: [Mover; 2],
    bits: [bool; 2],
    closed: u8,
    /// Whether the core has stale translations of that vCPU.
    stale: [bool; 2],
}

impl State {
    fn in_guest(&self, thread: usize) -> bool {
        !matches!(self.threads[thread], Thread::Outside(_))
    }

    fn leave(&mut self, thread: usize, left: u8) {
        self.threads[thread] = Thread::Outside(left);
        for mover in 0..2 {
            self.was_outside[mover][thread] = true;
        }
    }

    /// The step of a thread, if it has one.
    fn thread(&self, t: usize, way: Way) -> Option<Self> {
        let mut s = self.clone();
        s.threads[t] = match self.threads[t] {
            Thread::Outside(0) => return None,
            Thread::Outside(n) => Thread::Entering(n - 1),
            Thread::Entering(n) if way == Way::Closed && self.closed != 0 => {
                s.leave(t, n + 1);
                return Some(s);
            }
            Thread::Entering(n) => Thread::TestOwn(n),
            Thread::TestOwn(n) if self.bits[t] => Thread::TestOther(n),
            Thread::TestOwn(n) => Thread::Guest(n),
            Thread::TestOther(n) => Thread::Flush(n, self.bits[1 - t]),
            Thread::Flush(n, all) => {
                if all {
                    s.stale = [false; 2];
                }
                Thread::Clear(n)
            }
            Thread::Clear(n) => {
                s.bits[t] = false;
                Thread::Guest(n)
            }
            Thread::Guest(n) => {
                s.leave(t, n);
                return Some(s);
            }
        };
        Some(s)
    }

    /// The step of who has moved a vCPU away, if it has one.
    fn mover(&self, m: usize, way: Way) -> Option<Self> {
        let mut s = self.clone();
        s.movers[m] = match self.movers[m] {
            Mover::Idle => {
                s.stale[m] = true;
                match way {
                    Way::Closed => {
                        s.closed += 1;
                        Mover::Closed
                    }
                    Way::OneByOne => Mover::SetFirst,
                    Way::AtOnce => Mover::SetBoth,
                }
            }
            Mover::Closed => Mover::Look(0),
            Mover::Look(2) => Mover::SetBoth,
            Mover::Look(t) if self.in_guest(t.into()) => {
                s.was_outside[m][usize::from(t)] = false;
                Mover::Wait(t)
            }
            Mover::Look(t) => Mover::Look(t + 1),
            Mover::Wait(t) if self.was_outside[m][usize::from(t)] => Mover::Look(t + 1),
            Mover::Wait(_) => return None,
            Mover::SetFirst => {
                s.bits[0] = true;
                Mover::SetSecond
            }
            Mover::SetSecond => {
                s.bits[1] = true;
                Mover::Kick(0)
            }
            Mover::SetBoth => {
                s.bits = [true; 2];
                match way {
                    Way::Closed => Mover::Open,
                    _ => Mover::Kick(0),
                }
            }
            Mover::Kick(2) => Mover::Done,
            Mover::Kick(t) if self.in_guest(t.into()) => {
                s.was_outside[m][usize::from(t)] = false;
                Mover::WaitKick(t)
            }
            Mover::Kick(t) => Mover::Kick(t + 1),
            Mover::WaitKick(t) if self.was_outside[m][usize::from(t)] => Mover::Kick(t + 1),
            Mover::WaitKick(_) => return None,
            Mover::Open => {
                s.closed -= 1;
                Mover::Done
            }
            Mover::Done => return None,
        };
        Some(s)
    }

    /// Is a thread in the guest with stale translations of a vCPU that already runs elsewhere?
    fn wrong(&self) -> bool {
        let running = |t: &Thread| matches!(t, Thread::Guest(_));
        (0..2).any(|m| self.stale[m] && self.movers[m] == Mover::Done)
            && self.threads.iter().any(running)
    }
}

/// Is there an order of steps in which a flush is lost? And how many states are there?
fn loses(way: Way) -> (bool, usize) {
    let mut seen = HashSet::new();
    let mut todo = vec![State {
        threads: [Thread::Outside(ENTRIES); 2],
        was_outside: [[true; 2]; 2],
        movers: [Mover::Idle; 2],
        bits: [false; 2],
        closed: 0,
        stale: [false; 2],
    }];
    while let Some(s) = todo.pop() {
        if !seen.insert(s.clone()) {
            continue;
        }
        if s.wrong() {
            return (true, seen.len());
        }
        todo.extend((0..2).filter_map(|t| s.thread(t, way)));
        todo.extend((0..2).filter_map(|m| s.mover(m, way)));
    }
    (false, seen.len())
}

#[test]
fn one_by_one_loses() {
    assert!(loses(Way::OneByOne).0);
}

#[test]
fn at_once_loses() {
    assert!(loses(Way::AtOnce).0);
}

#[test]
fn closed_does_not() {
    let (lost, states) = loses(Way::Closed);
    assert!(!lost && states > 1000, "{states} states");
}
