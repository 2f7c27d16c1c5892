// SPDX-License-Identifier: GPL-2.0

//! The logical partitioning control register.

use super::msr::Msr;

register! {
    /// Logical partitioning control register, ISA Book III, "Logical Partitioning Control Register" (HAIL: ISA 3.1;
    /// VRMASD, LPES0: ISA 2.07).
    Lpcr {
        /// Virtualized partition memory, before ISA 3.0: storage interrupts in real mode go to the hypervisor.
        VPM0 = 0,
        /// Virtualized partition memory: hash-translated storage interrupts go to the hypervisor.
        VPM1 = 1,
        /// Ignore SLB large-page specification.
        ISL = 2,
        /// Key-based virtualization.
        KBV = 3,
        /// L of the VRMA's segment size field.
        VRMA_L = 12,
        /// Power-saving exit on a hypervisor virtualization interrupt.
        HVEE = 17,
        /// Hypervisor alternate interrupt location (ISA 3.1).
        HAIL = 37,
        /// Interrupt little-endian: `MSR[LE]` of a guest's interrupts.
        ILE = 38,
        /// Use process table.
        UPRT = 41,
        /// Enhanced virtualization: unimplemented and privileged SPR accesses and instructions go to the hypervisor.
        EVIRT = 42,
        /// Host radix.
        HR = 43,
        /// Online: PURR and SPURR count.
        ONL = 45,
        /// Large decrementer.
        LD = 46,
        /// Power-saving exit on a directed privileged doorbell.
        PECEDP = 47,
        /// Power-saving exit on a directed hypervisor doorbell.
        PECEDH = 48,
        /// Power-saving exit on an external interrupt.
        PECE0 = 49,
        /// Power-saving exit on a decrementer interrupt.
        PECE1 = 50,
        /// Power-saving exit on a machine check, hypervisor maintenance or the like.
        PECE2 = 51,
        /// Mediated external exception request.
        MER = 52,
        /// Guest translation shootdown enable.
        GTSE = 53,
        /// Translation control: no secondary hash search.
        TC = 54,
        /// Hypervisor external interrupt control: external interrupts are masked in hypervisor state.
        HEIC = 59,
        /// Logical partitioning environment selector (0): external interrupts go to the guest.
        LPES0 = 60,
        /// Logical partitioning environment selector 1 (ISA 2.07 and before).
        LPES1 = 61,
        /// Hypervisor virtualization interrupts enabled (real mode caching inhibited before ISA 3.0).
        HVICE = 62,
        /// Hypervisor decrementer interrupts enabled.
        HDICE = 63,
    }
    fields {
        /// Default prefetch depth.
        dpfd / with_dpfd = 9..11,
        /// Virtual real mode area's segment descriptor: L in the top bit, LP in the low two.
        vrmasd / with_vrmasd = 12..16,
        /// Alternate interrupt location of a guest's interrupts: 0 real mode, 3 at 0xc000000000004000; 2 is deprecated,
        /// 1 reserved.
        ail / with_ail = 39..40,
        /// Power-saving exit causes PECEDP, PECEDH, PECE0 to PECE2.
        pece / with_pece = 47..51,
        /// LPES0 and LPES1.
        lpes / with_lpes = 60..61,
    }
}

/// Where a guest's interrupts are delivered when `LPCR[AIL]` is 3 and relocation is on: added to the vector's offset.
pub const AIL3_OFFSET: u64 = 0xc000_0000_0000_4000;

/// The same for `scv`, whose vectors are not at 0x4000: the first, of LEV 0; they are 0x20 apart.
pub const AIL3_SCV: u64 = 0xc000_0000_0000_3000;

/// The first of `scv`'s vectors with relocation off.
pub const SCV: u64 = 0x1_7000;

impl Lpcr {
    /// All of DPFD.
    pub const DPFD: Self = Self::EMPTY.with_dpfd(7);
    /// All of VRMASD.
    pub const VRMASD: Self = Self::EMPTY.with_vrmasd(0x1f);
    /// Both bits of AIL; as a value, AIL=3.
    pub const AIL: Self = Self::EMPTY.with_ail(3);
    /// All of PECE in the lower word.
    pub const PECE: Self = Self::EMPTY.with_pece(0x1f);
    /// LPES0 and LPES1.
    pub const LPES: Self = Self::EMPTY.with_lpes(3);

    /// The bits a VMM may change with KVM_REG_PPC_LPCR_64: DPFD, ILE, TC, AIL, LD.
    ///
    /// Which values are accepted depends on the guest, too: [`Lpcr::sanitized`].
    pub const USER: Self = Self(Self::DPFD.0 | Self::ILE.0 | Self::TC.0 | Self::AIL.0 | Self::LD.0);

    /// The same for the 32-bit KVM_REG_PPC_LPCR, which must leave the upper half alone.
    pub const USER_32: Self = Self(Self::USER.0 & 0xffff_ffff);

    /// The value without what a guest may not have: AIL values other than 0 and 3 become 0 (1 is reserved, 2 is not
    /// offered), and TC is cleared for a radix guest, where it has no meaning.
    ///
    /// `ail_forbidden` is for processors on which a radix guest must not take interrupts with relocation on.
    pub const fn sanitized(self, radix: bool, ail_forbidden: bool) -> Self {
        let mut lpcr = self;
        if radix {
            lpcr = lpcr.without(Self::TC);
        }
        if lpcr.ail() != 3 || (radix && ail_forbidden) {
            lpcr = lpcr.without(Self::AIL);
        }
        lpcr
    }

    /// This LPCR after a VMM wrote `value` to KVM_REG_PPC_LPCR_64 (`mask` = [`Lpcr::USER`]) or KVM_REG_PPC_LPCR
    /// ([`Lpcr::USER_32`]).
    pub const fn user_write(
        self,
        mask: Self,
        value: Self,
        radix: bool,
        ail_forbidden: bool,
    ) -> Self {
        self.replaced(mask, value).sanitized(radix, ail_forbidden)
    }

    /// Whether an interrupt to the guest's kernel that finds this MSR is taken with relocation on (`LPCR[AIL]`): AIL is
    /// 3 and both IR and DR were on. System reset, machine check and interrupts to the hypervisor never are; the caller
    /// knows those.
    pub const fn interrupts_relocated(self, msr: Msr) -> bool {
        self.ail() == 3 && msr.contains(Msr::from_raw(Msr::IR.raw() | Msr::DR.raw()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_where_the_isa_has_them() {
        assert_eq!(Lpcr::VPM1.raw(), 0x4000_0000_0000_0000);
        assert_eq!(Lpcr::DPFD.raw(), 7 << 52);
        assert_eq!(Lpcr::VRMASD.raw(), 0x1f << 47);
        assert_eq!(Lpcr::VRMA_L.raw(), 0x0008_0000_0000_0000);
        assert_eq!(Lpcr::HVEE.raw(), 0x4000_0000_0000);
        assert_eq!(Lpcr::HAIL.raw(), 0x400_0000);
        assert_eq!(Lpcr::ILE.raw(), 0x200_0000);
        assert_eq!(Lpcr::AIL.raw(), 0x180_0000);
        assert_eq!(Lpcr::UPRT.raw(), 0x40_0000);
        assert_eq!(Lpcr::HR.raw(), 0x10_0000);
        assert_eq!(Lpcr::ONL.raw(), 0x4_0000);
        assert_eq!(Lpcr::LD.raw(), 0x2_0000);
        assert_eq!(Lpcr::PECE.raw(), 0x1_f000);
        assert_eq!(Lpcr::MER.raw(), 0x800);
        assert_eq!(Lpcr::GTSE.raw(), 0x400);
        assert_eq!(Lpcr::TC.raw(), 0x200);
        assert_eq!(Lpcr::HEIC.raw(), 0x10);
        assert_eq!(Lpcr::LPES.raw(), 0xc);
        assert_eq!(Lpcr::HVICE.raw(), 2);
        assert_eq!(Lpcr::HDICE.raw(), 1);
    }

    #[test]
    fn a_vmm_changes_only_its_bits() {
        let host = Lpcr::VPM1 | Lpcr::HR | Lpcr::UPRT | Lpcr::HDICE;
        let all = Lpcr::from_raw(u64::MAX);
        let hash = host.user_write(Lpcr::USER, all, false, false);
        assert_eq!(hash, host | Lpcr::USER);
        let radix = host.user_write(Lpcr::USER, all, true, false);
        assert_eq!(radix, (host | Lpcr::USER).without(Lpcr::TC));
        assert!(!host
            .user_write(Lpcr::USER, all, true, true)
            .intersects(Lpcr::AIL));
        assert_eq!(
            host.user_write(Lpcr::USER_32, all, false, false).dpfd(),
            host.dpfd()
        );
        for ail in 0..3 {
            let written = host.user_write(Lpcr::USER, Lpcr::EMPTY.with_ail(ail), true, false);
            assert_eq!(written.ail(), 0);
        }
    }

    #[test]
    fn relocation_needs_both_bits() {
        let ail = Lpcr::AIL;
        assert!(ail.interrupts_relocated(Msr::IR | Msr::DR));
        assert!(!ail.interrupts_relocated(Msr::IR));
        assert!(!ail.interrupts_relocated(Msr::DR));
        assert!(!Lpcr::EMPTY.interrupts_relocated(Msr::IR | Msr::DR));
        assert!(!Lpcr::EMPTY
            .with_ail(2)
            .interrupts_relocated(Msr::IR | Msr::DR));
    }
}
