// SPDX-License-Identifier: GPL-2.0

//! Interrupts of the guest (UM, "Interrupts and Exceptions").

use core::ops::DerefMut;

use super::state::{Registers, State};
use crate::isa::e44x::{
    debug::{BRT, IC, IRPT},
    ivor::{esr, Class, Ivor},
    msr::Msr,
    spr::{has_mcsrr, MCSR_MCS},
    tlbe::Tlbe,
};

/// The interrupt inputs of the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lines {
    /// Critical input.
    pub critical: bool,
    /// External input.
    pub external: bool,
}

impl<S: DerefMut<Target = [Tlbe]>> State<S> {
    /// The pending interrupt that is taken next, if MSR enables any (UM, "Interrupt Ordering and Masking": machine
    /// checks come first, then debug and other critical interrupts).
    pub fn pending(&self, lines: Lines) -> Option<Ivor> {
        if self.msr.contains(Msr::ME) && self.mcsr & MCSR_MCS != 0 {
            return Some(Ivor::MachineCheck);
        }
        if self.debug_interrupt() {
            return Some(Ivor::Debug);
        }
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

    /// Makes the guest take the interrupt: execution goes on at its handler, and the present address is saved for the
    /// return.
    pub fn interrupt(&mut self, regs: &mut impl Registers, ivor: Ivor) {
        self.reservation = None;
        let saved = [regs.nip(), self.msr.word()];
        match ivor.class() {
            Class::Normal => self.srr = saved,
            Class::MachineCheck if has_mcsrr(self.pvr) => self.mcsrr = saved,
            // Processors without MCSRR have no MCSR in which the handler could clear the machine check, so it is
            // cleared here.
            Class::MachineCheck => {
                self.mcsr &= !MCSR_MCS;
                self.csrr = saved;
            }
            Class::Critical => self.csrr = saved,
        }
        self.msr = self.msr.at_interrupt(ivor.class());
        let offset = self.ivor.get(ivor.number()).copied().unwrap_or(0);
        regs.set_nip(self.ivpr & 0xffff_0000 | offset & 0xfff0);
        if ivor.class() == Class::Normal {
            self.interrupt_events(regs);
        }
    }

    /// Handles a bus error at the fetch of the guest's present instruction (UM, "Instruction Synchronous Machine Check
    /// exception"). Returns whether the guest gets the interrupt: with MSR[ME] = 0 the processor executes whatever it
    /// has fetched.
    pub fn fetch_machine_check(&mut self, regs: &mut impl Registers) -> bool {
        self.esr |= esr::MCI;
        let enabled = self.msr.contains(Msr::ME);
        if enabled {
            self.interrupt(regs, Ivor::MachineCheck);
        }
        enabled
    }

    /// Notes the debug event of an interrupt that the guest takes.
    fn interrupt_events(&mut self, regs: &mut impl Registers) {
        let enabled = self.enabled_events();
        if enabled & IRPT != 0 {
            self.debug_event(IRPT);
            if self.debug_interrupt() {
                self.interrupt(regs, Ivor::Debug);
                return;
            }
        }
        if enabled & (IC | BRT) != 0 {
            // Handlers are not stepped through (see Documentation/e44x.rst).
            self.msr = self.msr.set(Msr::DE, false);
        }
    }

    /// ESR of the interrupt that comes next. A machine check of an instruction fetch stays noted until the handler
    /// clears it (UM, "Exception Syndrome Register").
    pub fn set_syndrome(&mut self, esr: u32) {
        self.esr = self.esr & esr::MCI | esr & !esr::MCI;
    }

    /// Gives the guest a program interrupt; `esr` says why.
    pub fn program(&mut self, regs: &mut impl Registers, esr: u32) {
        self.set_syndrome(esr);
        self.interrupt(regs, Ivor::Program);
    }

    /// Gives the guest a data interrupt (data storage, data TLB error, alignment) for an access to `ea`.
    pub fn data_interrupt(&mut self, regs: &mut impl Registers, ivor: Ivor, ea: u32, esr: u32) {
        self.dear = ea;
        self.set_syndrome(esr);
        self.interrupt(regs, ivor);
    }
}
