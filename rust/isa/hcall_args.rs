// SPDX-License-Identifier: GPL-2.0

//! Arguments of the hypervisor calls that a hypervisor handles itself: flags, functions, resources.

register! {
    /// The flags argument of the page table hcalls and H_PAGE_INIT (a bit has the PAPR's number).
    PageFlags {
        /// H_ENTER: large page.
        LARGE_PAGE = 16,
        /// H_ENTER: exactly this slot.
        EXACT = 24,
        /// H_READ: translate the page number.
        R_XLATE = 25,
        /// H_READ: four entries.
        READ_4 = 26,
        /// The page's state (active, unused, loaned) changes.
        PAGE_STATE_CHANGE = 28,
        /// First bit of the page's new state.
        PAGE_UNUSED_0 = 29,
        /// Second bit of the page's new state.
        PAGE_UNUSED_1 = 30,
        /// Third bit of the page's new state: loaned.
        PAGE_LOANED = 31,
        /// An AVPN is given, to be compared.
        AVPN = 32,
        /// H_REMOVE: only if the entry ANDed with the AVPN is zero.
        ANDCOND = 33,
        /// Only this processor's TLB.
        LOCAL = 35,
        /// Invalidate the instruction cache.
        ICACHE_INVALIDATE = 40,
        /// Make instruction and data caches agree.
        ICACHE_SYNCHRONIZE = 41,
        /// The page is likely to be the same as another.
        COALESCE_CAND = 42,
        /// Zero the page.
        ZERO_PAGE = 48,
        /// Copy the page.
        COPY_PAGE = 49,
        /// No execute.
        N = 61,
        /// Page protection, high bit.
        PP1 = 62,
        /// Page protection, low bit.
        PP2 = 63,
    }
}

impl PageFlags {
    /// The flags that H_PAGE_INIT knows; any other is H_PARAMETER.
    pub const PAGE_INIT: Self = Self(
        Self::ICACHE_INVALIDATE.0
            | Self::ICACHE_SYNCHRONIZE.0
            | Self::ZERO_PAGE.0
            | Self::COPY_PAGE.0
            | Self::PAGE_STATE_CHANGE.0
            | Self::PAGE_UNUSED_0.0
            | Self::PAGE_UNUSED_1.0
            | Self::PAGE_LOANED.0,
    );

    /// The page that H_PAGE_INIT works on: 4096 bytes, whatever page size the partition uses.
    pub const PAGE_INIT_SIZE: u64 = 4096;
}

register! {
    /// First doubleword of a translation specifier of `H_BULK_REMOVE` (PAPR).
    BulkRemove {
    }
    fields {
        /// 1 request, 2 response, 3 end.
        kind / with_kind = 0..1,
        /// Of a response: 0 success, 1 not found, 2 parameter, 3 hardware.
        code / with_code = 2..3,
        /// Of a response: reference and change.
        rc / with_rc = 4..5,
        /// Of a request: 0 absolute, 1 andcond, 2 AVPN.
        flags / with_flags = 6..7,
        /// The index.
        index / with_index = 8..63,
    }
}

/// What H_REGISTER_VPA is asked to do: the function field of its flags (bits 16:18).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VpaFunction {
    /// Register the virtual processor area.
    RegisterVpa,
    /// Register the dispatch trace log.
    RegisterDtl,
    /// Register the SLB shadow buffer.
    RegisterSlbShadow,
    /// Deregister the virtual processor area.
    DeregisterVpa,
    /// Deregister the dispatch trace log.
    DeregisterDtl,
    /// Deregister the SLB shadow buffer.
    DeregisterSlbShadow,
}

impl VpaFunction {
    /// The function that the flags argument names, or `None` (H_PARAMETER) for a reserved one. Other bits of the
    /// flags are ignored, as the PAPR says nothing of them.
    pub const fn from_flags(flags: u64) -> Option<Self> {
        match (flags >> (63 - 18)) & 7 {
            1 => Some(Self::RegisterVpa),
            2 => Some(Self::RegisterDtl),
            3 => Some(Self::RegisterSlbShadow),
            5 => Some(Self::DeregisterVpa),
            6 => Some(Self::DeregisterDtl),
            7 => Some(Self::DeregisterSlbShadow),
            _ => None,
        }
    }
}

/// The resource argument of H_SET_MODE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetModeResource {
    /// CIABR.
    Ciabr,
    /// DAWR0 and DAWRX0.
    Dawr0,
    /// Address translation mode on interrupt: `LPCR[AIL]`.
    AddrTransMode,
    /// Endianness of interrupts: `LPCR[ILE]`.
    LittleEndian,
    /// DAWR1 and DAWRX1.
    Dawr1,
}

impl SetModeResource {
    /// The resource with this number.
    pub const fn from_raw(resource: u64) -> Option<Self> {
        match resource {
            1 => Some(Self::Ciabr),
            2 => Some(Self::Dawr0),
            3 => Some(Self::AddrTransMode),
            4 => Some(Self::LittleEndian),
            5 => Some(Self::Dawr1),
            _ => None,
        }
    }
}

/// `CIABR[PRIV]`, its low two bits, when it names hypervisor state, which a guest may not watch: ISA Book III,
/// "Completed Instruction Address Breakpoint".
pub const CIABR_PRIV_HYPERVISOR: u64 = 3;

/// `CIABR[PRIV]` as a mask.
pub const CIABR_PRIV: u64 = 3;

/// `DAWRX[HYP]` (and DABRX's), which a guest may not set: ISA Book III, "Data Address Watchpoint".
pub const DAWRX_HYP: u64 = 4;

/// DABRX as a guest may set it with H_SET_XDABR: BTI (8), problem state (1), privileged (2).
pub const DABRX_GUEST: u64 = 0xb;

register! {
    /// Type argument of H_RPT_INVALIDATE: what to invalidate.
    RptType {
        /// Process or (with NESTED) partition table entries.
        TABLE = 60,
        /// Page walk cache.
        PWC = 61,
        /// TLB.
        TLB = 62,
        /// A nested guest's partition-scoped translations.
        NESTED = 63,
    }
}

register! {
    /// Page size argument of H_RPT_INVALIDATE; all ones is every size.
    RptPages {
        /// 1 GB pages.
        SIZE_1G = 60,
        /// 2 MB pages.
        SIZE_2M = 61,
        /// 64 KB pages.
        SIZE_64K = 62,
        /// 4 KB pages.
        SIZE_4K = 63,
    }
}

impl RptPages {
    /// Every page size.
    pub const ALL: Self = Self(u64::MAX);

    /// The size of pages of 2^`shift` bytes; none if the argument has no such size.
    pub const fn of_shift(shift: u32) -> Self {
        match shift {
            12 => Self::SIZE_4K,
            16 => Self::SIZE_64K,
            21 => Self::SIZE_2M,
            30 => Self::SIZE_1G,
            _ => Self::EMPTY,
        }
    }

    /// Shifts of the sizes named, smallest first.
    pub fn shifts(self) -> impl Iterator<Item = u32> {
        [
            (Self::SIZE_4K, 12),
            (Self::SIZE_64K, 16),
            (Self::SIZE_2M, 21),
            (Self::SIZE_1G, 30),
        ]
        .into_iter()
        .filter(move |(size, _)| self.contains(*size))
        .map(|(_, shift)| shift)
    }
}

register! {
    /// Target argument of H_RPT_INVALIDATE: whose cached translations.
    RptTarget {
        /// The nest's MMU.
        NMMU = 61,
        /// The calling processor.
        CMMU_LOCAL = 62,
        /// All processors of the partition.
        CMMU = 63,
    }
}

register! {
    /// First argument of H_TLB_INVALIDATE: fields of `tlbie` where the instruction has them (Linux,
    /// Documentation/arch/powerpc/kvm-nested.rst).
    TlbInvalidate {
        /// Process-scoped translations, rather than partition-scoped ones.
        PRS = 46,
        /// Radix.
        R = 47,
    }
    fields {
        /// What to invalidate, RIC: 0 translations, 1 page walk cache, 2 all.
        ric / with_ric = 44..45,
    }
}

register! {
    /// Third argument of H_TLB_INVALIDATE: RB of `tlbie`.
    TlbieRb {
    }
    fields {
        /// Effective page number, in pages of 4 KiB.
        epn / with_epn = 0..51,
        /// Which translations, IS: 0 of the page, 2 of the partition.
        is / with_is = 52..53,
        /// Actual page size, as the host's MMU encodes it.
        ap / with_ap = 56..58,
    }
}

register! {
    /// Capabilities of H_GUEST_GET_CAPABILITIES and H_GUEST_SET_CAPABILITIES: what guests may be like. Those of
    /// KVM_PPC_GET_COMPAT_CAPS are the same (api.rst, section 4.145).
    GuestCapabilities {
        /// A POWER9.
        POWER9 = 1,
        /// A POWER10.
        POWER10 = 2,
        /// A POWER11.
        POWER11 = 3,
    }
}

register! {
    /// Flags argument of H_REGISTER_PROC_TBL.
    ProcTable {
        /// A table is given (with NEW) or the present one is dropped (without).
        OP = 59,
        /// The table is a new one.
        NEW = 60,
        /// Radix.
        RADIX = 61,
        /// Hash with a segment table in memory.
        HASH_SEGTAB = 62,
        /// The guest does its own translation shootdown (`tlbie`).
        GTSE = 63,
    }
}

/// The processor number argument of H_CONFER that means every processor of the partition.
pub const CONFER_ALL: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    /// PAPR's figure of a translation specifier: type, code, R and C, request flags, index.
    #[test]
    fn bulk_remove_specifier() {
        let request = BulkRemove::from_raw(0x4200_0000_0000_1234);
        assert_eq!(
            (request.kind(), request.flags(), request.index()),
            (1, 2, 0x1234)
        );
        let response = request.with_kind(2).with_code(1).with_rc(2);
        assert_eq!(response.raw(), 0x9a00_0000_0000_1234);
        assert_eq!(BulkRemove::from_raw(u64::MAX).kind(), 3);
    }

    #[test]
    fn flags() {
        assert_eq!(PageFlags::LARGE_PAGE.raw(), 1 << 47);
        assert_eq!(PageFlags::ZERO_PAGE.raw(), 1 << 15);
        assert_eq!(PageFlags::COPY_PAGE.raw(), 1 << 14);
        assert_eq!(PageFlags::PP2.raw(), 1);
        assert_eq!(RptType::TLB.raw(), 2);
        assert_eq!(RptType::TABLE.raw(), 8);
        assert_eq!(RptPages::SIZE_1G.raw(), 8);
        assert!(RptPages::ALL.shifts().eq([12, 16, 21, 30]));
        assert!((RptPages::SIZE_64K | RptPages::SIZE_1G)
            .shifts()
            .eq([16, 30]));
        for shift in [12, 16, 21, 30] {
            assert!(RptPages::of_shift(shift).shifts().eq([shift]));
        }
        assert_eq!(RptPages::of_shift(24), RptPages::EMPTY);
        assert_eq!(RptTarget::CMMU.raw(), 1);
        assert_eq!(TlbInvalidate::R.with_ric(2).raw(), 0x9_0000);
        assert_eq!(TlbieRb::EMPTY.with_is(2).raw(), 0x800);
        let rb = TlbieRb::EMPTY.with_epn(0x1_2345).with_ap(5);
        assert_eq!(rb.raw(), 0x1234_50a0);
        assert_eq!(GuestCapabilities::POWER9.raw(), 1 << 62);
        assert_eq!((ProcTable::OP | ProcTable::NEW).raw(), 0x18);
        assert_eq!(ProcTable::RADIX.raw(), 4);
    }

    #[test]
    fn register_vpa_functions() {
        for (code, function) in [
            (1, VpaFunction::RegisterVpa),
            (2, VpaFunction::RegisterDtl),
            (3, VpaFunction::RegisterSlbShadow),
            (5, VpaFunction::DeregisterVpa),
            (6, VpaFunction::DeregisterDtl),
            (7, VpaFunction::DeregisterSlbShadow),
        ] {
            assert_eq!(VpaFunction::from_flags(code << 45), Some(function));
        }
        assert_eq!(VpaFunction::from_flags(0), None);
        assert_eq!(VpaFunction::from_flags(4 << 45), None);
    }
}
