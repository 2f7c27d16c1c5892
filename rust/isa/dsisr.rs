// SPDX-License-Identifier: GPL-2.0

//! The data storage interrupt status register, and its hypervisor twin HDSISR.

register! {
    /// DSISR and HDSISR, ISA Book III, "Data Storage Interrupt" and "Hypervisor Data Storage Interrupt". An instruction
    /// storage interrupt has those of [`Dsisr::ISI`] at the same places in SRR1.
    Dsisr {
        /// No translation found.
        NOPTE = 33,
        /// Process-scoped and partition-scoped attributes conflict.
        ATTR_CONFLICT = 34,
        /// SRR1 only: no-execute or guarded storage (a prefixed instruction in caching inhibited storage too).
        NOEXEC_OR_G = 35,
        /// Not permitted by the page's protection.
        PROTFAULT = 36,
        /// Access to caching inhibited or guarded storage that may not have it (`lq`, `lwarx` and their kin).
        BADACCESS = 37,
        /// The access was a store.
        ISSTORE = 38,
        /// Data address watchpoint.
        DAWR = 41,
        /// Not permitted by the virtual page class key (hash).
        KEYFAULT = 42,
        /// Unsupported configuration of the MMU (radix tree sizes, reserved bits).
        UNSUPP_MMU = 44,
        /// The reference or change bit could not be set.
        SET_RC = 45,
        /// HDSISR only: the fault came while reading the process-scoped tables.
        PRTABLE_FAULT = 46,
        /// Copy or paste to storage that may not have it.
        BAD_COPYPASTE = 60,
        /// Atomic memory operation with a bad function code.
        BAD_AMO = 61,
        /// Caching inhibited load or store in hypervisor real mode that may not be one.
        BAD_CI_LDST = 62,
    }
}

impl Dsisr {
    /// The bits that SRR1 of an instruction storage interrupt has too.
    pub const ISI: Self = Self(
        Self::NOPTE.0
            | Self::NOEXEC_OR_G.0
            | Self::PROTFAULT.0
            | Self::KEYFAULT.0
            | Self::UNSUPP_MMU.0
            | Self::SET_RC.0
            | Self::PRTABLE_FAULT.0,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_where_the_isa_has_them() {
        assert_eq!(Dsisr::NOPTE.raw(), 0x4000_0000);
        assert_eq!(Dsisr::ATTR_CONFLICT.raw(), 0x2000_0000);
        assert_eq!(Dsisr::PROTFAULT.raw(), 0x0800_0000);
        assert_eq!(Dsisr::BADACCESS.raw(), 0x0400_0000);
        assert_eq!(Dsisr::ISSTORE.raw(), 0x0200_0000);
        assert_eq!(Dsisr::DAWR.raw(), 0x0040_0000);
        assert_eq!(Dsisr::KEYFAULT.raw(), 0x0020_0000);
        assert_eq!(Dsisr::UNSUPP_MMU.raw(), 0x0008_0000);
        assert_eq!(Dsisr::SET_RC.raw(), 0x0004_0000);
        assert_eq!(Dsisr::PRTABLE_FAULT.raw(), 0x0002_0000);
        assert_eq!(Dsisr::BAD_CI_LDST.raw(), 2);
    }
}
