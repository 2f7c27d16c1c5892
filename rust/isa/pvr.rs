// SPDX-License-Identifier: GPL-2.0

//! Processor versions, architecture levels, and how a processor is made to look like an older one.

/// Processor version register.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Pvr(u32);

macro_rules! versions {
    ( $( $(#[$attr:meta])* $name:ident = $value:literal, $arch:expr, )* ) => {
        impl Pvr {
            $(
                $(#[$attr])*
                pub const $name: u16 = $value;
            )*

            /// The processor's name, or `None` if the version is not in this table.
            #[inline]
            pub const fn name(self) -> Option<&'static str> {
                match self.version() {
                    $( Self::$name => Some(stringify!($name)), )*
                    _ => None,
                }
            }

            /// The architecture level that the processor implements.
            pub const fn arch(self) -> Option<Arch> {
                match self.version() {
                    $( Self::$name => $arch, )*
                    _ => None,
                }
            }
        }
    };
}

versions! {
    /// 970.
    PPC970 = 0x39, None,
    /// 970FX.
    PPC970FX = 0x3c, None,
    /// 970MP.
    PPC970MP = 0x44, None,
    /// POWER6.
    POWER6 = 0x3e, Some(Arch::V205),
    /// POWER7.
    POWER7 = 0x3f, Some(Arch::V206),
    /// POWER7+.
    POWER7P = 0x4a, Some(Arch::V206),
    /// POWER8E.
    POWER8E = 0x4b, Some(Arch::V207),
    /// POWER8NVL.
    POWER8NVL = 0x4c, Some(Arch::V207),
    /// POWER8.
    POWER8 = 0x4d, Some(Arch::V207),
    /// POWER9.
    POWER9 = 0x4e, Some(Arch::V300),
    /// POWER10.
    POWER10 = 0x80, Some(Arch::V31),
    /// POWER11.
    POWER11 = 0x82, Some(Arch::V31),
}

impl Pvr {
    /// The PVR with this value.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// The value.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// Version: the upper half.
    pub const fn version(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

impl core::fmt::Debug for Pvr {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#010x} {}", self.0, self.name().unwrap_or("?"))
    }
}

/// A kind of processor that has no hypervisor above it: its guests make no hypercalls, and have the page table in their
/// own memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bare {
    /// 32-bit processors (603, 604, 7xx, 74xx and the like), with a hashed page table, BATs and segment registers.
    Book3s32,
    /// The 970 and the like, with an SLB and a page table that SDR1 names.
    Ppc970,
}

impl Pvr {
    /// The kind of the processor; `None` for servers and for unknown versions.
    pub const fn bare(self) -> Option<Bare> {
        match self.version() {
            // 603, 604, 603e, 603ev, 740 and 750, 604ev, 604r, 7400, 750FX, 750GX.
            0x03 | 0x04 | 0x06..=0x0a | 0x0c | 0x7000 | 0x7002 => Some(Bare::Book3s32),
            // 7450, 7455, 7457, 7447A, 7448, 7410, and e300.
            0x8000..=0x8004 | 0x800c | 0x8083..=0x8086 => Some(Bare::Book3s32),
            Self::PPC970 | Self::PPC970FX | Self::PPC970MP => Some(Bare::Ppc970),
            _ => None,
        }
    }
}

/// An architecture level that the processor compatibility register knows, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Arch {
    /// Power ISA 2.05 (POWER6).
    V205,
    /// Power ISA 2.06 (POWER7).
    V206,
    /// Power ISA 2.07 (POWER8).
    V207,
    /// Power ISA 3.0 (POWER9).
    V300,
    /// Power ISA 3.1 (POWER10, POWER11).
    V31,
    /// The level after 3.1.
    V32,
}

/// A logical processor version, by which a partition and its platform name an architecture level instead of a
/// processor: PAPR, "cpu-version" and `ibm,client-architecture-support`; KVM_REG_PPC_ARCH_COMPAT.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct LogicalPvr(u32);

impl LogicalPvr {
    /// Architecture 2.05.
    pub const V205: Self = Self(0x0f00_0002);
    /// Architecture 2.06.
    pub const V206: Self = Self(0x0f00_0003);
    /// Architecture 2.06 as of POWER7+.
    pub const V206_PLUS: Self = Self(0x0f10_0003);
    /// Architecture 2.07.
    pub const V207: Self = Self(0x0f00_0004);
    /// Architecture 3.0.
    pub const V300: Self = Self(0x0f00_0005);
    /// Architecture 3.1.
    pub const V31: Self = Self(0x0f00_0006);
    /// Architecture 3.1 as of POWER11.
    pub const V31_P11: Self = Self(0x0f00_0007);
    /// The level after 3.1.
    pub const V32: Self = Self(0x0f00_0008);

    /// The logical PVR with this value.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// The value.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// The architecture level it names, `None` if it is none of these.
    pub const fn arch(self) -> Option<Arch> {
        match self {
            Self::V205 => Some(Arch::V205),
            Self::V206 | Self::V206_PLUS => Some(Arch::V206),
            Self::V207 => Some(Arch::V207),
            Self::V300 => Some(Arch::V300),
            Self::V31 | Self::V31_P11 => Some(Arch::V31),
            Self::V32 => Some(Arch::V32),
            _ => None,
        }
    }

    /// The logical PVR of a level.
    pub const fn of(arch: Arch) -> Self {
        match arch {
            Arch::V205 => Self::V205,
            Arch::V206 => Self::V206,
            Arch::V207 => Self::V207,
            Arch::V300 => Self::V300,
            Arch::V31 => Self::V31,
            Arch::V32 => Self::V32,
        }
    }
}

impl core::fmt::Debug for LogicalPvr {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LogicalPvr({:#010x})", self.0)
    }
}

register! {
    /// Processor compatibility register, ISA Book III, "Processor Compatibility Register": a set bit takes away, in
    /// problem state, what that version of the architecture added to the one before.
    Pcr {
        /// No vector facility (before POWER8).
        VEC_DISABLE = 0,
        /// No VSX facility (before POWER8).
        VSX_DISABLE = 1,
        /// No transactional memory.
        TM_DISABLE = 2,
        /// No matrix-multiply assist (ISA 3.1).
        MMA_DISABLE = 3,
        /// Compatible with architecture 3.1: facilities of the version after it are off.
        V31 = 58,
        /// Compatible with architecture 3.0.
        V300 = 59,
        /// Compatible with architecture 2.07.
        V207 = 60,
        /// Compatible with architecture 2.06.
        V206 = 61,
        /// Compatible with architecture 2.05.
        V205 = 62,
    }
}

impl Pcr {
    /// Reserved bits. A hypervisor sets them so that facilities that it does not know, which a later processor may
    /// have, are off for the guest.
    pub const RESERVED: Self = Self(
        !(Self::VEC_DISABLE.0
            | Self::VSX_DISABLE.0
            | Self::TM_DISABLE.0
            | Self::MMA_DISABLE.0
            | Self::V31.0
            | Self::V300.0
            | Self::V207.0
            | Self::V206.0
            | Self::V205.0),
    );

    /// PCR for a guest of level `guest` on a processor of level `host`: the bits of `guest` and all levels from it to
    /// below `host`, and the reserved bits. `None` if the processor is older than that.
    pub const fn for_guest(host: Arch, guest: Arch) -> Option<Self> {
        let (host, guest) = (Self::bit(host), Self::bit(guest));
        if guest > host {
            return None;
        }
        Some(Self((host - guest) | Self::RESERVED.0))
    }

    /// The bit that makes a processor compatible with this level. Each level's bit is twice that of the level before.
    const fn bit(arch: Arch) -> u64 {
        match arch {
            Arch::V205 => Self::V205.0,
            Arch::V206 => Self::V206.0,
            Arch::V207 => Self::V207.0,
            Arch::V300 => Self::V300.0,
            Arch::V31 => Self::V31.0,
            Arch::V32 => Self::V31.0 << 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [Arch; 6] = [
        Arch::V205,
        Arch::V206,
        Arch::V207,
        Arch::V300,
        Arch::V31,
        Arch::V32,
    ];

    #[test]
    fn versions() {
        let power9 = Pvr::from_raw(0x004e_1203);
        assert_eq!(power9.version(), Pvr::POWER9);
        assert_eq!(power9.arch(), Some(Arch::V300));
        assert_eq!(format!("{power9:?}"), "0x004e1203 POWER9");
        assert_eq!(Pvr::from_raw(0x4222_18c2).arch(), None);
    }

    #[test]
    fn bare_processors() {
        let bare = |raw| Pvr::from_raw(raw).bare();
        assert_eq!(bare(0x0008_0301), Some(Bare::Book3s32));
        assert_eq!(bare(0x000c_0209), Some(Bare::Book3s32));
        assert_eq!(bare(0x8001_0201), Some(Bare::Book3s32));
        assert_eq!(bare(0x003c_0301), Some(Bare::Ppc970));
        for server in [0x004e_1202, 0x0080_0200, 0x003f_0201, 0] {
            assert_eq!(bare(server), None);
        }
    }

    #[test]
    fn logical_versions() {
        for arch in LEVELS {
            assert_eq!(LogicalPvr::of(arch).arch(), Some(arch));
        }
        assert_eq!(LogicalPvr::from_raw(0x0f00_0001).arch(), None);
        assert_eq!(LogicalPvr::V31_P11.arch(), Some(Arch::V31));
    }

    #[test]
    fn pcr_takes_away_what_is_newer() {
        assert_eq!(Pcr::for_guest(Arch::V300, Arch::V300), Some(Pcr::RESERVED));
        assert_eq!(
            Pcr::for_guest(Arch::V31, Arch::V207),
            Some(Pcr::RESERVED | Pcr::V207 | Pcr::V300)
        );
        assert_eq!(Pcr::RESERVED.raw(), 0x0fff_ffff_ffff_ffc1);
        for host in LEVELS {
            for guest in LEVELS {
                assert_eq!(Pcr::for_guest(host, guest).is_some(), guest <= host);
            }
        }
    }
}
