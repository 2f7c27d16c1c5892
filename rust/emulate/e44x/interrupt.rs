// SPDX-License-Identifier: GPL-2.0

//! Interrupts of the guest (UM, "Interrupts and Exceptions").

use core::ops::DerefMut;

use super::state::{Registers, State};
use crate::isa::e44x::{
    ivor::{Class, Ivor},
    msr::Msr,
    tlbe::Tlbe,
};

/// Lines from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lines {
    /// Critical input.
    pub critical: bool,
    /// External input.
    pub external: bool,
}

impl<S: DerefMut<Target = [Tlbe]>> State<S> {
    /// The interrupt of those that wait whose turn it is, if MSR enables any (UM, "Interrupt Ordering and Masking":
    /// critical ones first).
    pub fn pending(&self, lines: Lines) -> Option<Ivor> {
        if self.msr.contains(Msr::CE) {
            if lines.critical {
                return Some(Ivor::CriticalInput);
            }
            if self.timer.watchdog() {
                return Some(Ivor::Watchdog);
            }
        }
        if self.msr.contains(Msr::EE) {
            if lines.external {
                return Some(Ivor::External);
            }
            if self.timer.fixed_interval() {
                return Some(Ivor::FixedInterval);
            }
            if self.timer.decrementer() {
                return Some(Ivor::Decrementer);
            }
        }
        None
    }

    /// Goes to the interrupt's handler; it returns to where the registers say that the program is.
    pub fn interrupt(&mut self, regs: &mut impl Registers, ivor: Ivor) {
        let saved = [regs.nip(), self.msr.word()];
        match ivor.class() {
            Class::Normal => self.srr = saved,
            Class::Critical | Class::MachineCheck => self.csrr = saved,
        }
        self.msr = self.msr.at_interrupt(ivor.class());
        let offset = self.ivor.get(ivor.number()).copied().unwrap_or(0);
        regs.set_nip(self.ivpr & 0xffff_0000 | offset & 0xfff0);
    }

    /// A program interrupt; `esr` says why.
    pub fn program(&mut self, regs: &mut impl Registers, esr: u32) {
        self.esr = esr;
        self.interrupt(regs, Ivor::Program);
    }

    /// A data interrupt (data storage, data TLB error, alignment) for an access to `ea`.
    pub fn data_interrupt(&mut self, regs: &mut impl Registers, ivor: Ivor, ea: u32, esr: u32) {
        self.dear = ea;
        self.esr = esr;
        self.interrupt(regs, ivor);
    }
}
