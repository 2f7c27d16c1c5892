// SPDX-License-Identifier: GPL-2.0

//! PAPR's interrupt controller against a naive one.

mod naive;

use kvm_ppc_pure::emulate::xics::{
    number::{IPI, MASKED},
    Controller, Icp, Irq, Server, Source, SourceState, Store, Unknown,
};
use naive::Naive;
use proptest::prelude::*;
use std::collections::BTreeMap;

const SERVERS: u32 = 3;
const FIRST: Irq = 16;
const SOURCES: u32 = 12;

/// Sources and ICPs, and what processors were told.
#[derive(Default)]
struct Machine {
    sources: BTreeMap<Irq, Source>,
    icps: Vec<Icp>,
    outputs: Vec<bool>,
}

impl Machine {
    fn new() -> Self {
        let mut m = Self {
            icps: (0..SERVERS).map(|_| Icp::default()).collect(),
            outputs: vec![false; SERVERS as usize],
            ..Self::default()
        };
        for i in 0..SOURCES {
            let state = first_state(i);
            Controller(&mut m).set_source(FIRST + i, state);
        }
        m
    }

    fn state(&mut self, server: Server) -> u64 {
        self.icp(server).expect("a server").state()
    }
}

impl Store for Machine {
    fn source(&mut self, irq: Irq) -> Option<&mut Source> {
        self.sources.get_mut(&irq)
    }
    fn icp(&mut self, server: Server) -> Option<&mut Icp> {
        self.icps.get_mut(server as usize)
    }
    fn put(&mut self, irq: Irq, source: Source) {
        self.sources.insert(irq, source);
    }
    fn output(&mut self, server: Server, on: bool) {
        self.outputs[server as usize] = on;
    }
}

fn first_state(i: u32) -> SourceState {
    SourceState {
        server: i % SERVERS,
        priority: 5,
        level_sensitive: i.is_multiple_of(3),
        ..SourceState::default()
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Line(Irq, bool),
    SetXive(Irq, Server, u8),
    On(Irq),
    Off(Irq),
    Accept(Server),
    Cppr(Server, u8),
    /// Of what was accepted last there.
    Eoi(Server),
    /// Of anything.
    WrongEoi(Server, u32),
    Ipi(Server, u8),
}

/// Both controllers, and what their processors have accepted and not ended.
struct Pair {
    real: Machine,
    naive: Naive,
    accepted: Vec<Vec<u32>>,
}

impl Pair {
    fn new() -> Self {
        Self {
            real: Machine::new(),
            naive: Naive::new(),
            accepted: vec![Vec::new(); SERVERS as usize],
        }
    }

    fn accept(&mut self, server: Server) -> u32 {
        let xirr = Controller(&mut self.real).accept(server).expect("a server");
        assert_eq!(xirr, self.naive.accept(server));
        if xirr & 0xff_ffff != 0 {
            self.accepted[server as usize].push(xirr);
        }
        xirr
    }

    fn eoi(&mut self, server: Server, xirr: u32) {
        let known = self.naive.eoi(server, xirr);
        let ret = Controller(&mut self.real).eoi(server, xirr);
        assert_eq!(ret, known.then_some(()).ok_or(Unknown));
    }

    fn step(&mut self, op: Op) {
        let (real, naive) = (&mut Controller(&mut self.real), &mut self.naive);
        match op {
            Op::Line(irq, on) => {
                real.set_line(irq, on).expect("a source");
                naive.line(irq, on);
            }
            Op::SetXive(irq, server, priority) => {
                let ret = real.set_xive(irq, server, priority);
                assert_eq!(ret.is_ok(), server < SERVERS);
                if ret.is_ok() {
                    naive.redirect(irq, server, priority, priority);
                    assert_eq!(real.xive(irq), Ok((server, priority)));
                }
            }
            Op::On(irq) => {
                real.int_on(irq).expect("a source");
                let s = naive.sources[&irq];
                naive.redirect(irq, s.server, s.saved, s.saved);
            }
            Op::Off(irq) => {
                real.int_off(irq).expect("a source");
                let s = naive.sources[&irq];
                naive.redirect(irq, s.server, MASKED, s.priority);
            }
            Op::Accept(server) => {
                self.accept(server);
            }
            Op::Cppr(server, cppr) => {
                real.set_cppr(server, cppr).expect("a server");
                naive.cppr(server, cppr);
            }
            Op::Eoi(server) => {
                if let Some(xirr) = self.accepted[server as usize].pop() {
                    self.eoi(server, xirr);
                }
            }
            Op::WrongEoi(server, xirr) => self.eoi(server, xirr),
            Op::Ipi(server, mfrr) => {
                real.set_mfrr(server, mfrr).expect("a server");
                naive.mfrr(server, mfrr);
            }
        }
        self.compare(op);
    }

    fn compare(&mut self, op: Op) {
        for server in 0..SERVERS {
            let state = self.real.state(server);
            assert_eq!(
                state,
                self.naive.icp_state(server),
                "{op:?}: server {server}"
            );
            assert!(Icp::is_possible(state), "{op:?}: {state:#018x}");
            let on = self.real.outputs[server as usize];
            assert_eq!(on, Icp::presented(state) != 0, "{op:?}: output {server}");
        }
        for (irq, source) in &self.real.sources {
            let raw = source.state().raw();
            assert_eq!(SourceState::from_raw(raw), source.state());
            assert_eq!(
                source.state(),
                self.naive.source_state(*irq),
                "{op:?}: source {irq}"
            );
        }
    }

    /// All that was sent is accepted in the end, the most favoured first, and nothing twice.
    fn drain(&mut self) {
        for irq in FIRST..FIRST + SOURCES {
            if self.naive.sources[&irq].level {
                self.step(Op::Line(irq, false));
            }
            self.step(Op::On(irq));
            // One that was masked from the first has no other priority to return to.
            if self.naive.sources[&irq].priority == MASKED {
                self.step(Op::SetXive(irq, 0, 4));
            }
        }
        for server in 0..SERVERS {
            while !self.accepted[server as usize].is_empty() {
                self.step(Op::Eoi(server));
            }
            self.step(Op::Ipi(server, MASKED));
            self.step(Op::Cppr(server, MASKED));
        }
        let mut rounds = 0;
        loop {
            let mut idle = true;
            for server in 0..SERVERS {
                let xirr = self.accept(server);
                if xirr & 0xff_ffff != 0 {
                    idle = false;
                    self.step(Op::Eoi(server));
                }
            }
            if idle {
                break;
            }
            rounds += 1;
            assert!(rounds <= 3 * SOURCES, "interrupts without an end");
        }
        for irq in FIRST..FIRST + SOURCES {
            let state = self.real.sources[&irq].state();
            assert!(!state.pending && !state.queued, "source {irq}: {state:?}");
        }
        for server in 0..SERVERS {
            assert_eq!(self.real.state(server) >> 32 & 0xff_ffff, 0);
        }
    }
}

fn priority() -> impl Strategy<Value = u8> {
    prop_oneof![0..8u8, Just(MASKED), any::<u8>()]
}

fn op() -> impl Strategy<Value = Op> {
    let irq = FIRST..FIRST + SOURCES;
    let server = 0..SERVERS;
    prop_oneof![
        4 => (irq.clone(), any::<bool>()).prop_map(|(i, on)| Op::Line(i, on)),
        2 => (irq.clone(), 0..SERVERS + 1, priority()).prop_map(|(i, s, p)| Op::SetXive(i, s, p)),
        1 => irq.clone().prop_map(Op::On),
        1 => irq.prop_map(Op::Off),
        4 => server.clone().prop_map(Op::Accept),
        2 => (server.clone(), priority()).prop_map(|(s, p)| Op::Cppr(s, p)),
        4 => server.clone().prop_map(Op::Eoi),
        1 => (server.clone(), priority(), 0..FIRST + SOURCES + 2)
            .prop_map(|(s, p, i)| Op::WrongEoi(s, u32::from(p) << 24 | i)),
        2 => (server, priority()).prop_map(|(s, p)| Op::Ipi(s, p)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn like_a_naive_one(ops in proptest::collection::vec(op(), 1..200)) {
        let mut pair = Pair::new();
        for op in ops {
            pair.step(op);
        }
    }

    /// Software that ends what it accepts, in order, loses nothing.
    #[test]
    fn nothing_is_lost(ops in proptest::collection::vec(op(), 1..200)) {
        let mut pair = Pair::new();
        for op in ops {
            if !matches!(op, Op::WrongEoi(..)) {
                pair.step(op);
            }
        }
        pair.drain();
    }

    /// What was saved and is restored, in either order, goes on as it would have.
    #[test]
    fn saved_and_restored(ops in proptest::collection::vec(op(), 1..100), icps_first: bool) {
        let mut pair = Pair::new();
        for op in ops {
            if !matches!(op, Op::WrongEoi(..)) {
                pair.step(op);
            }
        }
        // Of a level-sensitive source whose line is on, its state does not tell whether its interrupt has been accepted.
        // Then it is sent once more, which a processor has to bear of such sources.
        let naive = &pair.naive;
        let ambiguous = |irq: &Irq| {
            let s = &naive.sources[irq];
            s.level && s.presented && !naive.is_out(*irq)
        };
        prop_assume!(!naive.sources.keys().any(ambiguous));
        let states: Vec<u64> = (0..SERVERS).map(|s| pair.real.state(s)).collect();
        let sources: Vec<(Irq, u64)> =
            pair.real.sources.iter().map(|(i, s)| (*i, s.state().raw())).collect();
        let mut new = Machine::new();
        for step in [icps_first, !icps_first] {
            let mut to = Controller(&mut new);
            if step {
                for (server, state) in (0..).zip(&states) {
                    to.set_icp(server, *state).expect("a state of ours");
                }
            } else {
                for (irq, raw) in &sources {
                    to.set_source(*irq, SourceState::from_raw(*raw));
                }
            }
        }
        for (server, state) in (0..).zip(&states) {
            prop_assert_eq!(new.state(server), *state);
        }
        for (irq, raw) in &sources {
            prop_assert_eq!(new.sources[irq].state().raw(), *raw, "source {}", irq);
        }
    }
}

#[test]
fn what_is_not_there() {
    let mut m = Machine::new();
    let mut c = Controller(&mut m);
    let (none, nobody) = (FIRST + SOURCES, SERVERS);
    assert_eq!(c.set_line(none, true), Err(Unknown));
    assert_eq!(c.set_xive(none, 0, 5), Err(Unknown));
    assert_eq!(c.set_xive(FIRST, nobody, 5), Err(Unknown));
    assert_eq!(c.xive(none), Err(Unknown));
    assert_eq!(c.int_on(none), Err(Unknown));
    assert_eq!(c.int_off(none), Err(Unknown));
    assert_eq!(c.accept(nobody), Err(Unknown));
    assert_eq!(c.poll(nobody), Err(Unknown));
    assert_eq!(c.set_cppr(nobody, 0), Err(Unknown));
    assert_eq!(c.set_mfrr(nobody, 0), Err(Unknown));
    assert_eq!(c.eoi(0, 0xff << 24 | none), Err(Unknown));
    assert_eq!(c.set_icp(nobody, Icp::default().state()), Err(Unknown));
    assert_eq!(
        c.set_icp(0, 0xff << 56 | u64::from(none) << 32 | 0xff05 << 16),
        Err(Unknown)
    );
}

/// As PAPR tells it, step by step.
#[test]
fn an_interrupt_and_an_ipi() {
    let mut m = Machine::new();
    assert_eq!(m.state(0), 0x0000_0000_ffff_0000);
    let mut c = Controller(&mut m);
    c.set_cppr(0, 0xff).expect("server 0");
    c.set_line(FIRST + 3, true).expect("a source");
    assert_eq!(c.poll(0), Ok((0xff00_0000 | (FIRST + 3), 0xff)));
    // The IPI is more favoured, and the other waits.
    c.set_mfrr(0, 4).expect("server 0");
    assert_eq!(c.accept(0), Ok(0xff00_0000 | IPI));
    assert_eq!(c.accept(0), Ok(0x0400_0000));
    c.set_mfrr(0, 0xff).expect("server 0");
    c.eoi(0, 0xff00_0000 | IPI).expect("an IPI");
    assert_eq!(c.accept(0), Ok(0xff00_0000 | (FIRST + 3)));
    c.set_line(FIRST + 3, false).expect("a source");
    c.eoi(0, 0xff00_0000 | (FIRST + 3)).expect("a source");
    assert_eq!(c.accept(0), Ok(0xff00_0000));
    assert_eq!(m.outputs, [false; SERVERS as usize]);
}

// Sources that are pending come before an ICP's state that lets them in.
#[test]
fn pending_before_the_icp() {
    let mut m = Machine::new();
    let pending = SourceState {
        pending: true,
        presented: true,
        ..first_state(0)
    };
    let mut c = Controller(&mut m);
    c.set_source(FIRST, pending);
    assert_eq!(c.poll(0), Ok((0, 0xff)));
    // An MFRR that is more favoured still keeps it waiting.
    c.set_icp(0, 0xff00_0000_04ff_0000).expect("server 0");
    assert_eq!(c.poll(0), Ok((0xff00_0000, 4)));
    c.set_mfrr(0, 0xff).expect("server 0");
    assert_eq!(c.poll(0), Ok((0xff00_0000 | FIRST, 0xff)));
    assert!(c.0.outputs[0]);

    c.set_icp(0, 0x0000_0000_ffff_0000).expect("server 0");
    assert!(!c.0.outputs[0]);
    c.set_source(FIRST, pending);
    c.set_icp(0, 0xff00_0000_ffff_0000).expect("server 0");
    assert_eq!(c.accept(0), Ok(0xff00_0000 | FIRST));
}

/// Restores sources, then servers, as they are in `from`.
fn restored(from: &mut Machine) -> Machine {
    let mut m = Machine::new();
    let mut to = Controller(&mut m);
    for (irq, source) in &from.sources {
        to.set_source(*irq, source.state());
    }
    for server in 0..SERVERS {
        to.set_icp(server, from.state(server))
            .expect("a state of ours");
    }
    m
}

// A source is given another server while the first one presents it. Its state names the new one, which must not present
// it too, nor give up for it what it presents itself.
#[test]
fn given_another_server_while_presented() {
    const LEVEL: Irq = FIRST + 3;
    const MESSAGE: Irq = FIRST + 4;
    for with_message in [false, true] {
        let mut m = Machine::new();
        let mut c = Controller(&mut m);
        for server in 0..SERVERS {
            c.set_cppr(server, 0xff).expect("a server");
        }
        c.set_xive(LEVEL, 2, 2).expect("a source and server");
        c.set_line(LEVEL, true).expect("a source");
        c.set_xive(LEVEL, 1, 2).expect("a source and server");
        let mut message = 0;
        if with_message {
            message = MESSAGE;
            c.set_line(MESSAGE, true).expect("a source");
            c.set_xive(MESSAGE, 0, 5).expect("a source and server");
        }
        let mut new = restored(&mut m);
        let mut c = Controller(&mut new);
        assert_eq!(c.accept(0), Ok(0xff00_0000));
        assert_eq!(c.accept(1), Ok(0xff00_0000 | message));
        assert_eq!(c.accept(2), Ok(0xff00_0000 | LEVEL));
    }
}
