// SPDX-License-Identifier: GPL-2.0

//! Debug events: those that the guest enables in its debug registers, and those that userspace has asked for.
//!
//! The guest's debug registers are never loaded into the hardware. If any instruction may cause an event, the guest
//! executes one instruction at a time. Pages with a breakpoint or a watchpoint are not mapped, so that accesses to them
//! fault, and the functions here decide whether the access is an event.

use core::ops::DerefMut;

use super::{
    guest_debug::{GuestDebug, BREAKPOINT, WATCH_READ, WATCH_WRITE},
    state::{Registers, State},
};
use crate::isa::e44x::{
    debug::{
        branches, Compare, Registers as DebugRegisters, BRT, DAC, DAC1R, EVENTS, IAC, IC, IDE, IDM,
        RET, TRAP,
    },
    msr::Msr,
    tlbe::Tlbe,
};

/// An event to report to userspace: the address, and the kinds of [`Point`](super::guest_debug::Point) that match
/// there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// The address.
    pub ea: u32,
    /// `KVMPPC_DEBUG_…`.
    pub status: u32,
}

/// The debug event of a data access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataEvent {
    /// No event, or none that has to be handled before the access.
    None,
    /// The guest gets a debug interrupt instead of the access.
    Interrupt,
    /// Userspace has a watchpoint there.
    Userspace(Found),
}

/// How the guest executes its next instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// Whether it is the only one before the next exit.
    pub alone: bool,
    /// Whether it is in a page with a breakpoint, which is executable only for this one instruction.
    pub watched: bool,
    /// Whether its completion is an event of the guest's.
    ic: bool,
    /// Whether userspace is told of its completion.
    userspace: bool,
}

impl<S: DerefMut<Target = [Tlbe]>> State<S> {
    fn debug_registers(&self) -> DebugRegisters {
        DebugRegisters {
            dbcr: self.dbcr,
            iac: self.iac,
            dac: self.dac,
        }
    }

    /// The guest's enabled events.
    pub(super) fn enabled_events(&self) -> u32 {
        let [dbcr0, ..] = self.dbcr;
        if dbcr0 & IDM != 0 {
            dbcr0 & EVENTS
        } else {
            0
        }
    }

    /// Does each instruction have to be checked for events?
    pub fn debugged(&self) -> bool {
        self.enabled_events() != 0
            || self.reservation.is_some()
            || self.guest_debug != GuestDebug::default()
    }

    /// The guest's debug registers, if they have breakpoints or watchpoints. When this value changes, so does the set
    /// of pages that may not be mapped.
    pub fn watching(&self) -> Option<DebugRegisters> {
        (self.enabled_events() & (IAC | DAC) != 0).then(|| self.debug_registers())
    }

    /// Does the guest or userspace have any breakpoints or watchpoints?
    pub fn watches(&self) -> bool {
        self.enabled_events() & (IAC | DAC) != 0
            || self.guest_debug.points.iter().any(Option::is_some)
    }

    /// Is there a breakpoint at an address that differs from `ea` only in the bits that are 1 in `offset`?
    pub fn watches_code(&self, ea: u32, offset: u32) -> bool {
        let (guest, kind) = (self.debug_registers().code(), BREAKPOINT);
        self.any_meets(IAC, guest, kind, ea, offset)
    }

    /// The same for watchpoints.
    pub fn watches_data(&self, ea: u32, offset: u32) -> bool {
        let (guest, kind) = (self.debug_registers().data(), WATCH_READ | WATCH_WRITE);
        self.any_meets(DAC, guest, kind, ea, offset)
    }

    /// Does one of the guest's compare registers, if the guest has these events enabled, or a point of userspace's of
    /// this kind match one of those addresses?
    fn any_meets(
        &self,
        events: u32,
        mut guest: impl Iterator<Item = Compare>,
        kind: u32,
        ea: u32,
        offset: u32,
    ) -> bool {
        let mut points = self.guest_debug.points(kind);
        self.enabled_events() & events != 0 && guest.any(|c| c.addresses.meet(ea, offset))
            || points.any(|p| (p.ea ^ ea) & !offset == 0)
    }

    /// Notes events. A debug interrupt is then due if MSR\[DE\] is 1, or as soon as it is.
    pub fn debug_event(&mut self, events: u32) {
        self.dbsr |= events;
        if !self.msr.contains(Msr::DE) {
            self.dbsr |= IDE;
        }
    }

    /// Is a debug interrupt due?
    pub fn debug_interrupt(&self) -> bool {
        let [dbcr0, ..] = self.dbcr;
        self.msr.contains(Msr::DE) && dbcr0 & IDM != 0 && self.dbsr & EVENTS != 0
    }

    /// Handles the debug events of the instruction that the guest is about to execute: notes the guest's events, and
    /// reports a breakpoint of userspace's. `word` gives the instruction, if it is known; `ctr` is CTR.
    pub fn before_instruction(
        &mut self,
        regs: &impl Registers,
        ctr: u32,
        word: Option<u32>,
    ) -> Option<Found> {
        let nip = regs.nip();
        if self.guest_debug.points(BREAKPOINT).any(|p| p.ea == nip) {
            return Some(Found {
                ea: nip,
                status: BREAKPOINT,
            });
        }
        let enabled = self.enabled_events();
        let (user, space) = (self.user(), self.msr.contains(Msr::IS));
        if enabled & IAC != 0 {
            let registers = self.debug_registers();
            let hits = |c: &Compare| c.applies(user, space) && c.addresses.contain(nip);
            let events = registers
                .code()
                .filter(hits)
                .fold(0, |all, c| all | c.events);
            if events != 0 {
                self.debug_event(events);
            }
        }
        if enabled & BRT != 0
            && self.msr.contains(Msr::DE)
            && word.is_some_and(|word| branches(word, regs.cr(), ctr))
        {
            self.debug_event(BRT);
        }
        None
    }

    /// How the instruction at `nip` has to be executed. A page's addresses differ in the bits that are 1 in `offset`.
    pub fn step(&self, nip: u32, offset: u32) -> Step {
        let events = if self.msr.contains(Msr::DE) {
            self.enabled_events()
        } else {
            0
        };
        let watched = self.watches_code(nip, offset);
        let userspace = self.guest_debug.single_step;
        Step {
            alone: watched || userspace || events & (IC | BRT) != 0 || self.reservation.is_some(),
            watched,
            ic: events & IC != 0,
            userspace,
        }
    }

    /// Handles that the instruction was executed as `step` says. Returns whether userspace has to be told.
    pub fn stepped(&mut self, step: Step) -> bool {
        if step.ic {
            self.debug_event(IC);
        }
        step.userspace
    }

    /// Handles that a trap instruction traps. Returns whether the guest gets a debug interrupt instead of the program
    /// interrupt.
    pub fn trap_event(&mut self) -> bool {
        self.event_instead(TRAP)
    }

    /// The same for `rfi`.
    pub fn return_event(&mut self) -> bool {
        self.event_instead(RET)
    }

    /// Notes the event if it is enabled, and returns whether a debug interrupt takes the place of what caused it.
    fn event_instead(&mut self, event: u32) -> bool {
        let enabled = self.enabled_events() & event != 0;
        if enabled {
            self.debug_event(event);
        }
        enabled && self.debug_interrupt()
    }

    /// Handles the debug events of an access to `len` bytes of data at `ea` that the guest is about to make.
    pub fn data_event(&mut self, ea: u32, len: usize, store: bool) -> DataEvent {
        let bytes = |at: u32| (at.wrapping_sub(ea) as usize) < len;
        let kind = if store { WATCH_WRITE } else { WATCH_READ };
        if let Some(p) = self.guest_debug.points(kind).find(|p| bytes(p.ea)) {
            return DataEvent::Userspace(Found {
                ea: p.ea,
                status: kind,
            });
        }
        if self.enabled_events() & DAC == 0 {
            return DataEvent::None;
        }
        let (user, space) = (self.user(), self.msr.contains(Msr::DS));
        // In DBCR0, the event of stores is the bit to the right of that of loads.
        let loads = DAC1R | DAC1R >> 2;
        let kind = if store { loads >> 1 } else { loads };
        let registers = self.debug_registers();
        let hits = |c: &Compare| {
            c.applies(user, space)
                && (0..len as u32).any(|i| c.addresses.contain(ea.wrapping_add(i)))
        };
        let events = registers
            .data()
            .filter(hits)
            .fold(0, |all, c| all | c.events & kind);
        if events == 0 {
            return DataEvent::None;
        }
        self.debug_event(events);
        if self.debug_interrupt() {
            DataEvent::Interrupt
        } else {
            DataEvent::None
        }
    }
}
