// SPDX-License-Identifier: GPL-2.0

//! Interrupt vectors.

/// An interrupt of a Book III (server) processor, by its vector's offset, ISA Book III, "Interrupt Definitions".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Trap(u32);

impl Trap {
    /// System reset; also the wake-up from power saving.
    pub const SYSTEM_RESET: Self = Self(0x100);
    /// Machine check.
    pub const MACHINE_CHECK: Self = Self(0x200);
    /// Data storage.
    pub const DATA_STORAGE: Self = Self(0x300);
    /// Data segment.
    pub const DATA_SEGMENT: Self = Self(0x380);
    /// Instruction storage.
    pub const INST_STORAGE: Self = Self(0x400);
    /// Instruction segment.
    pub const INST_SEGMENT: Self = Self(0x480);
    /// External.
    pub const EXTERNAL: Self = Self(0x500);
    /// Alignment.
    pub const ALIGNMENT: Self = Self(0x600);
    /// Program: SRR1 says which kind.
    pub const PROGRAM: Self = Self(0x700);
    /// Floating-point unavailable.
    pub const FP_UNAVAIL: Self = Self(0x800);
    /// Decrementer.
    pub const DECREMENTER: Self = Self(0x900);
    /// Hypervisor decrementer.
    pub const HV_DECREMENTER: Self = Self(0x980);
    /// Directed privileged doorbell.
    pub const DOORBELL: Self = Self(0xa00);
    /// System call (`sc`).
    pub const SYSCALL: Self = Self(0xc00);
    /// Trace.
    pub const TRACE: Self = Self(0xd00);
    /// Hypervisor data storage.
    pub const H_DATA_STORAGE: Self = Self(0xe00);
    /// Hypervisor instruction storage.
    pub const H_INST_STORAGE: Self = Self(0xe20);
    /// Hypervisor emulation assistance.
    pub const H_EMUL_ASSIST: Self = Self(0xe40);
    /// Hypervisor maintenance.
    pub const H_MAINTENANCE: Self = Self(0xe60);
    /// Directed hypervisor doorbell.
    pub const H_DOORBELL: Self = Self(0xe80);
    /// Hypervisor virtualization.
    pub const H_VIRT: Self = Self(0xea0);
    /// Performance monitor.
    pub const PERFORMANCE_MONITOR: Self = Self(0xf00);
    /// Vector unavailable.
    pub const VECTOR_UNAVAIL: Self = Self(0xf20);
    /// VSX unavailable.
    pub const VSX_UNAVAIL: Self = Self(0xf40);
    /// Facility unavailable.
    pub const FAC_UNAVAIL: Self = Self(0xf60);
    /// Hypervisor facility unavailable.
    pub const H_FAC_UNAVAIL: Self = Self(0xf80);
    /// Instruction address breakpoint (before ISA 2.07).
    pub const INST_BREAKPOINT: Self = Self(0x1300);
    /// Denormalization assist; on POWER9 also the softpatch of transactional memory.
    pub const SOFTPATCH: Self = Self(0x1500);
    /// Maintenance (debug).
    pub const MAINTENANCE: Self = Self(0x1600);
    /// VMX assist (970).
    pub const VECTOR_ASSIST: Self = Self(0x1700);
    /// Thermal (970).
    pub const THERMAL: Self = Self(0x1800);
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
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors() {
        assert_eq!(Trap::from_raw(0xc00), Trap::SYSCALL);
        assert_eq!(Trap::H_VIRT.raw(), 0xea0);
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
