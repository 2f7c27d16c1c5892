// SPDX-License-Identifier: GPL-2.0

//! The 440's machine state register.

register! {
    /// Machine state register of the 440, UM, "Machine State Register (MSR)". Bits 0 to 31 of the 32-bit register are
    /// 32 to 63 here.
    Msr {
        /// Wait state: nothing runs until an interrupt comes.
        WE = 45,
        /// Critical input and watchdog interrupts enabled.
        CE = 46,
        /// External, decrementer and fixed interval timer interrupts enabled.
        EE = 48,
        /// Problem state.
        PR = 49,
        /// Floating point available.
        FP = 50,
        /// Machine checks enabled.
        ME = 51,
        /// Floating-point exception mode, first bit.
        FE0 = 52,
        /// Debug wait enable.
        DWE = 53,
        /// Debug interrupts enabled.
        DE = 54,
        /// Floating-point exception mode, second bit.
        FE1 = 55,
        /// Address space of instruction fetches.
        IS = 58,
        /// Address space of data.
        DS = 59,
    }
}

impl Msr {
    /// All bits that exist.
    pub const ALL: Self = Self(0x0006_ff30);

    /// The bits among them that an interrupt of the critical class does not change.
    const KEPT_BY_CRITICAL: Self = Self::ME;

    /// The MSR at the beginning of an interrupt's handler (UM, "Interrupt Processing"). Machine check, critical input,
    /// watchdog and debug interrupts also disable each other.
    pub const fn at_interrupt(self, class: super::ivor::Class) -> Self {
        use super::ivor::Class;
        match class {
            Class::Normal => self.masked(Self(Self::CE.0 | Self::ME.0 | Self::DE.0)),
            Class::Critical => self.masked(Self::KEPT_BY_CRITICAL),
            Class::MachineCheck => Self::EMPTY,
        }
    }

    /// The 32 bits that there are.
    pub const fn word(self) -> u32 {
        self.0 as u32
    }

    /// The MSR with these 32 bits, without bits that do not exist.
    pub const fn from_word(word: u32) -> Self {
        Self(word as u64).masked(Self::ALL)
    }
}
