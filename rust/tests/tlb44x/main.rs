// SPDX-License-Identifier: GPL-2.0

//! The 440's guest and shadow TLBs against a naive model: after any operations, what the hardware translates is what
//! the guest's TLB translates, or nothing; and whatever was asked to go is gone.
//!
//! `TLB44X_STEPS` says how many operations in all.

mod model;

use kvm_ppc_pure::{
    emulate::e44x::shadow::{Context, Mapping},
    isa::e44x::tlbe::{Attributes, Permissions},
};
use model::{Machine, Numbers};

/// xorshift64*: the same numbers every time.
struct Random(u64);

impl Numbers for Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }
}

#[test]
fn random_operations() {
    let steps = std::env::var("TLB44X_STEPS").ok();
    let steps = steps.and_then(|s| s.parse().ok()).unwrap_or(10_000_000u64);
    for seed in 1..=4 {
        let mut machine = Machine::new(Random(seed));
        for _ in 0..steps / 4 {
            machine.step();
        }
        // Otherwise little was tested.
        println!(
            "{} writes, {} hits, {} of the instruction cache",
            machine.hw.writes, machine.hits, machine.cached
        );
        assert!(machine.hw.writes > steps / 100 && machine.hits > steps / 200);
        assert!(machine.cached > steps / 2000);
    }
}

/// An exit that changes no mapping writes nothing: the context is known, and its entries are there.
#[test]
fn a_light_exit_writes_nothing() {
    let mut machine = Machine::new(Random(1));
    let context = Context {
        vcpu: 0,
        pid: 1,
        user: false,
        is: false,
        ds: false,
        step: false,
    };
    let user = Context {
        user: true,
        ..context
    };
    machine.number(context);
    machine.number(user);
    let before = machine.hw.writes;
    for _ in 0..1000 {
        machine.number(context);
        machine.number(user);
    }
    assert_eq!(machine.hw.writes, before);
}

/// What was fetched stays as long as one context runs and no page to be executed is mapped; then nothing does.
#[test]
fn instructions_are_forgotten() {
    let mut machine = Machine::new(Random(1));
    let kernel = Context {
        vcpu: 0,
        pid: 1,
        user: false,
        is: false,
        ds: false,
        step: false,
    };
    let user = Context {
        user: true,
        ..kernel
    };
    let entering = |machine: &mut Machine<Random>, context| {
        let pid = machine.number(context);
        machine.shadow.entering(pid)
    };
    assert!(entering(&mut machine, kernel), "the first entry of all");
    assert!(!entering(&mut machine, kernel));
    // `icbi` of one does not reach what the other has fetched.
    assert!(entering(&mut machine, user));
    assert!(entering(&mut machine, kernel));
    assert!(!entering(&mut machine, kernel));

    let mut mapping = Mapping {
        pid: machine.number(kernel),
        vcpu: 0,
        entry: 5,
        ea: 0x1000,
        shift: 12,
        gpa: 0,
        real: 0x1000,
        permissions: Permissions {
            read: true,
            ..Permissions::default()
        },
        attributes: Attributes(0),
    };
    machine.shadow.insert(&mapping, &mut machine.hw);
    assert!(!entering(&mut machine, kernel), "data");
    mapping.permissions.execute = true;
    for real in [0x1000, 0x2000] {
        mapping.real = real;
        machine.shadow.insert(&mapping, &mut machine.hw);
        assert!(entering(&mut machine, kernel), "code at {real:#x}");
        // The host had taken the entry.
        machine.shadow.insert(&mapping, &mut machine.hw);
        assert!(!entering(&mut machine, kernel), "the same at {real:#x}");
    }
    machine.shadow.forget_code();
    assert!(entering(&mut machine, kernel));
    machine.shadow.clear(&mut machine.hw);
    assert!(entering(&mut machine, kernel), "the number is another's");
    machine.shadow.forget();
    assert!(entering(&mut machine, kernel), "another VM ran");
}

/// When numbers run out, those that are given anew translate nothing of what they stood for.
#[test]
fn numbers_run_out() {
    let mut machine = Machine::new(Random(1));
    let context = |pid| Context {
        vcpu: 0,
        pid,
        user: false,
        is: false,
        ds: false,
        step: false,
    };
    let first = machine.number(context(1));
    let mapping = Mapping {
        pid: first,
        vcpu: 0,
        entry: 5,
        ea: 0x1000,
        shift: 12,
        gpa: 0,
        real: 0,
        permissions: Permissions {
            read: true,
            ..Permissions::default()
        },
        attributes: Attributes(0),
    };
    machine.shadow.insert(&mapping, &mut machine.hw);
    assert_eq!(machine.hw.find(0x1000, first.pid).len(), 1);
    for pid in 0..=255 {
        machine.number(context(pid));
    }
    assert!(!machine.shadow.is_current(first));
    assert!((1..=255).all(|pid| machine.hw.find(0x1000, pid).is_empty()));
    // A number that is out of date maps nothing.
    let before = machine.hw.writes;
    machine.shadow.insert(&mapping, &mut machine.hw);
    assert_eq!(machine.hw.writes, before);
}
