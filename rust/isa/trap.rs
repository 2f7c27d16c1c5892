// SPDX-License-Identifier: GPL-2.0

//! Interrupt vectors.

macro_rules! traps {
    ( $( $(#[$attr:meta])* $name:ident = $vector:literal, )* ) => {
        impl Trap {
            $(
                $(#[$attr])*
                pub const $name: Self = Self($vector);
            )*

            /// The vector's name, or `None` if there is none at this offset.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$name => Some(stringify!($name)), )*
                    _ => None,
                }
            }
        }
    };
}

/// An interrupt of a Book III (server) processor, by its vector's offset, ISA Book III, "Interrupt Definitions".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Trap(u32);

traps! {
    /// System reset; also the wake-up from power saving.
    SYSTEM_RESET = 0x100,
    /// Machine check.
    MACHINE_CHECK = 0x200,
    /// Data storage.
    DATA_STORAGE = 0x300,
    /// Data segment.
    DATA_SEGMENT = 0x380,
    /// Instruction storage.
    INST_STORAGE = 0x400,
    /// Instruction segment.
    INST_SEGMENT = 0x480,
    /// External.
    EXTERNAL = 0x500,
    /// Alignment.
    ALIGNMENT = 0x600,
    /// Program: SRR1 says which kind.
    PROGRAM = 0x700,
    /// Floating-point unavailable.
    FP_UNAVAIL = 0x800,
    /// Decrementer.
    DECREMENTER = 0x900,
    /// Hypervisor decrementer.
    HV_DECREMENTER = 0x980,
    /// Directed privileged doorbell.
    DOORBELL = 0xa00,
    /// System call (`sc`).
    SYSCALL = 0xc00,
    /// Trace.
    TRACE = 0xd00,
    /// Hypervisor data storage.
    H_DATA_STORAGE = 0xe00,
    /// Hypervisor instruction storage.
    H_INST_STORAGE = 0xe20,
    /// Hypervisor emulation assistance.
    H_EMUL_ASSIST = 0xe40,
    /// Hypervisor maintenance.
    H_MAINTENANCE = 0xe60,
    /// Directed hypervisor doorbell.
    H_DOORBELL = 0xe80,
    /// Hypervisor virtualization.
    H_VIRT = 0xea0,
    /// Performance monitor.
    PERFORMANCE_MONITOR = 0xf00,
    /// Vector unavailable.
    VECTOR_UNAVAIL = 0xf20,
    /// VSX unavailable.
    VSX_UNAVAIL = 0xf40,
    /// Facility unavailable.
    FAC_UNAVAIL = 0xf60,
    /// Hypervisor facility unavailable.
    H_FAC_UNAVAIL = 0xf80,
    /// Instruction address breakpoint (before ISA 2.07).
    INST_BREAKPOINT = 0x1300,
    /// Denormalization assist; on POWER9 also the softpatch of transactional memory.
    SOFTPATCH = 0x1500,
    /// Maintenance (debug).
    MAINTENANCE = 0x1600,
    /// VMX assist (970).
    VECTOR_ASSIST = 0x1700,
    /// Thermal (970).
    THERMAL = 0x1800,
}

impl Trap {
    /// The trap with this vector offset.
    pub const fn from_raw(vector: u32) -> Self {
        Self(vector)
    }

    /// The vector's offset.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// Whether the hardware saves the state in HSRR0 and HSRR1 rather than SRR0 and SRR1 and ends in hypervisor
    /// state, ISA Book III, "Interrupt Definitions". An external interrupt does so when `LPCR[LPES]` is 0.
    pub const fn uses_hsrr(self) -> bool {
        matches!(
            self,
            Self::HV_DECREMENTER
                | Self::H_DATA_STORAGE
                | Self::H_INST_STORAGE
                | Self::H_EMUL_ASSIST
                | Self::H_MAINTENANCE
                | Self::H_DOORBELL
                | Self::H_VIRT
                | Self::H_FAC_UNAVAIL
                | Self::SOFTPATCH
        )
    }
}

impl core::fmt::Debug for Trap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x} {}", self.0, self.name().unwrap_or("?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Trap::from_raw(0xc00), Trap::SYSCALL);
        assert_eq!(Trap::SYSCALL.name(), Some("SYSCALL"));
        assert_eq!(Trap::from_raw(0xc01).name(), None);
        assert_eq!(format!("{:?}", Trap::H_VIRT), "0xea0 H_VIRT");
        assert!(Trap::H_VIRT.uses_hsrr() && !Trap::DECREMENTER.uses_hsrr());
    }

    #[test]
    fn a_trap_can_be_matched() {
        let what = match Trap::from_raw(0x980) {
            Trap::DECREMENTER => 1,
            Trap::HV_DECREMENTER => 2,
            _ => 3,
        };
        assert_eq!(what, 2);
    }
}
