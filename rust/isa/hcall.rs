// SPDX-License-Identifier: GPL-2.0

//! Hypervisor calls: numbers and return codes.

/// Declares constants of a newtype, and a function that gives their names.
macro_rules! named {
    ( $type:ident: $( $name:ident = $value:literal, )* ) => {
        impl $type {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                pub const $name: Self = Self($value);
            )*

            /// The name, or `None` if it is none of these.
            #[inline]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$name => Some(stringify!($name)), )*
                    _ => None,
                }
            }
        }
    };
}

/// A hypervisor call by its number in GPR 3: PAPR, the table of hcall opcodes; from 0xf000 on those of KVM and
/// QEMU (`Documentation/arch/powerpc/papr_hcalls.rst`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Hcall(u64);

named! { Hcall:
    H_REMOVE = 0x04,
    H_ENTER = 0x08,
    H_READ = 0x0c,
    H_CLEAR_MOD = 0x10,
    H_CLEAR_REF = 0x14,
    H_PROTECT = 0x18,
    H_GET_TCE = 0x1c,
    H_PUT_TCE = 0x20,
    H_SET_SPRG0 = 0x24,
    H_SET_DABR = 0x28,
    H_PAGE_INIT = 0x2c,
    H_SET_ASR = 0x30,
    H_ASR_ON = 0x34,
    H_ASR_OFF = 0x38,
    H_LOGICAL_CI_LOAD = 0x3c,
    H_LOGICAL_CI_STORE = 0x40,
    H_LOGICAL_CACHE_LOAD = 0x44,
    H_LOGICAL_CACHE_STORE = 0x48,
    H_LOGICAL_ICBI = 0x4c,
    H_LOGICAL_DCBF = 0x50,
    H_GET_TERM_CHAR = 0x54,
    H_PUT_TERM_CHAR = 0x58,
    H_REAL_TO_LOGICAL = 0x5c,
    H_HYPERVISOR_DATA = 0x60,
    H_EOI = 0x64,
    H_CPPR = 0x68,
    H_IPI = 0x6c,
    H_IPOLL = 0x70,
    H_XIRR = 0x74,
    H_MIGRATE_DMA = 0x78,
    H_PERFMON = 0x7c,
    H_REGISTER_VPA = 0xdc,
    H_CEDE = 0xe0,
    H_CONFER = 0xe4,
    H_PROD = 0xe8,
    H_GET_PPP = 0xec,
    H_SET_PPP = 0xf0,
    H_PURR = 0xf4,
    H_PIC = 0xf8,
    H_REG_CRQ = 0xfc,
    H_FREE_CRQ = 0x100,
    H_VIO_SIGNAL = 0x104,
    H_SEND_CRQ = 0x108,
    H_COPY_RDMA = 0x110,
    H_REGISTER_LOGICAL_LAN = 0x114,
    H_FREE_LOGICAL_LAN = 0x118,
    H_ADD_LOGICAL_LAN_BUFFER = 0x11c,
    H_SEND_LOGICAL_LAN = 0x120,
    H_BULK_REMOVE = 0x124,
    H_MULTICAST_CTRL = 0x130,
    H_SET_XDABR = 0x134,
    H_STUFF_TCE = 0x138,
    H_PUT_TCE_INDIRECT = 0x13c,
    H_CHANGE_LOGICAL_LAN_MAC = 0x14c,
    H_VTERM_PARTNER_INFO = 0x150,
    H_REGISTER_VTERM = 0x154,
    H_FREE_VTERM = 0x158,
    H_RESET_EVENTS = 0x15c,
    H_GET_CPU_CHARACTERISTICS = 0x1c8,
    H_FREE_LOGICAL_LAN_BUFFER = 0x1d4,
    H_POLL_PENDING = 0x1d8,
    H_QUERY_INT_STATE = 0x1e4,
    H_ILLAN_ATTRIBUTES = 0x244,
    H_JOIN = 0x298,
    H_VASI_SIGNAL = 0x2a0,
    H_VASI_STATE = 0x2a4,
    H_VIOCTL = 0x2a8,
    H_ENABLE_CRQ = 0x2b0,
    H_GET_EM_PARMS = 0x2b8,
    H_SET_MPP = 0x2d0,
    H_GET_MPP = 0x2d4,
    H_REG_SUB_CRQ = 0x2dc,
    H_FREE_SUB_CRQ = 0x2e0,
    H_SEND_SUB_CRQ = 0x2e4,
    H_SEND_SUB_CRQ_INDIRECT = 0x2e8,
    H_HOME_NODE_ASSOCIATIVITY = 0x2ec,
    H_BEST_ENERGY = 0x2f4,
    H_XIRR_X = 0x2fc,
    H_RANDOM = 0x300,
    H_COP = 0x304,
    H_GET_MPP_X = 0x314,
    H_SET_MODE = 0x31c,
    H_BLOCK_REMOVE = 0x328,
    H_CLEAR_HPT = 0x358,
    H_REQUEST_VMC = 0x360,
    H_RESIZE_HPT_PREPARE = 0x36c,
    H_RESIZE_HPT_COMMIT = 0x370,
    H_REGISTER_PROC_TBL = 0x37c,
    H_SIGNAL_SYS_RESET = 0x380,
    H_INT_GET_SOURCE_INFO = 0x3a8,
    H_INT_SET_SOURCE_CONFIG = 0x3ac,
    H_INT_GET_SOURCE_CONFIG = 0x3b0,
    H_INT_GET_QUEUE_INFO = 0x3b4,
    H_INT_SET_QUEUE_CONFIG = 0x3b8,
    H_INT_GET_QUEUE_CONFIG = 0x3bc,
    H_INT_SET_OS_REPORTING_LINE = 0x3c0,
    H_INT_GET_OS_REPORTING_LINE = 0x3c4,
    H_INT_ESB = 0x3c8,
    H_INT_SYNC = 0x3cc,
    H_INT_RESET = 0x3d0,
    H_SCM_READ_METADATA = 0x3e4,
    H_SCM_WRITE_METADATA = 0x3e8,
    H_SCM_BIND_MEM = 0x3ec,
    H_SCM_UNBIND_MEM = 0x3f0,
    H_SCM_UNBIND_ALL = 0x3fc,
    H_SCM_HEALTH = 0x400,
    H_RPT_INVALIDATE = 0x448,
    H_SCM_FLUSH = 0x44c,
    H_GET_ENERGY_SCALE_INFO = 0x450,
    H_WATCHDOG = 0x45c,
    H_GUEST_GET_CAPABILITIES = 0x460,
    H_GUEST_SET_CAPABILITIES = 0x464,
    H_GUEST_CREATE = 0x470,
    H_GUEST_CREATE_VCPU = 0x474,
    H_GUEST_GET_STATE = 0x478,
    H_GUEST_SET_STATE = 0x47c,
    H_GUEST_RUN_VCPU = 0x480,
    H_GUEST_COPY_MEMORY = 0x484,
    H_GUEST_DELETE = 0x488,
    H_SVM_PAGE_IN = 0xef00,
    H_SVM_PAGE_OUT = 0xef04,
    H_SVM_INIT_START = 0xef08,
    H_SVM_INIT_DONE = 0xef0c,
    H_SVM_INIT_ABORT = 0xef14,
    H_RTAS = 0xf000,
    H_LOGICAL_MEMOP = 0xf001,
    H_CAS = 0xf002,
    H_UPDATE_DT = 0xf003,
    H_SET_PARTITION_TABLE = 0xf800,
    H_ENTER_NESTED = 0xf804,
    H_TLB_INVALIDATE = 0xf808,
    H_COPY_TOFROM_GUEST = 0xf80c,
}

impl Hcall {
    /// The highest number that PAPR assigns; up to here KVM_CAP_PPC_ENABLE_HCALL enables and disables hcalls.
    pub const MAX_PAPR: Self = Self(0x494);

    /// How many hcalls there can be up to [`Hcall::MAX_PAPR`]: numbers are multiples of 4.
    pub const PAPR_COUNT: usize = 0x494 / 4 + 1;

    /// The hcall with this number.
    pub const fn from_raw(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Is it one of the interrupt controller's (PAPR, "Interrupt Support")?
    pub const fn is_xics(self) -> bool {
        matches!(
            self,
            Self::H_XIRR
                | Self::H_XIRR_X
                | Self::H_EOI
                | Self::H_IPI
                | Self::H_CPPR
                | Self::H_IPOLL
        )
    }

    /// The hcall's bit in a bitmap of enabled hcalls. `None` if KVM_CAP_PPC_ENABLE_HCALL does not know the hcall: its
    /// number is above [`Hcall::MAX_PAPR`] or not a multiple of 4.
    pub const fn papr_index(self) -> Option<usize> {
        if self.0 <= Self::MAX_PAPR.0 && self.0 & 3 == 0 {
            Some((self.0 / 4) as usize)
        } else {
            None
        }
    }
}

impl core::fmt::Debug for Hcall {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x} {}", self.0, self.name().unwrap_or("?"))
    }
}

/// What an hcall returns in GPR 3: PAPR, the table of hcall return codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct HReturn(i64);

named! { HReturn:
    H_SUCCESS = 0,
    H_BUSY = 1,
    H_CLOSED = 2,
    H_NOT_AVAILABLE = 3,
    H_CONSTRAINED = 4,
    H_PARTIAL = 5,
    H_IN_PROGRESS = 14,
    H_PAGE_REGISTERED = 15,
    H_PARTIAL_STORE = 16,
    H_PENDING = 17,
    H_CONTINUE = 18,
    H_LONG_BUSY_ORDER_1_MSEC = 9900,
    H_LONG_BUSY_ORDER_10_MSEC = 9901,
    H_LONG_BUSY_ORDER_100_MSEC = 9902,
    H_LONG_BUSY_ORDER_1_SEC = 9903,
    H_LONG_BUSY_ORDER_10_SEC = 9904,
    H_LONG_BUSY_ORDER_100_SEC = 9905,
    H_HARDWARE = -1,
    H_FUNCTION = -2,
    H_PRIVILEGE = -3,
    H_PARAMETER = -4,
    H_BAD_MODE = -5,
    H_PTEG_FULL = -6,
    H_NOT_FOUND = -7,
    H_RESERVED_DABR = -8,
    H_NO_MEM = -9,
    H_AUTHORITY = -10,
    H_PERMISSION = -11,
    H_DROPPED = -12,
    H_SOURCE_PARM = -13,
    H_DEST_PARM = -14,
    H_REMOTE_PARM = -15,
    H_RESOURCE = -16,
    H_ADAPTER_PARM = -17,
    H_TABLE_FULL = -41,
    H_NOT_ENOUGH_RESOURCES = -44,
    H_R_STATE = -45,
    H_RESCINDED = -46,
    H_ABORTED = -54,
    H_P2 = -55,
    H_P3 = -56,
    H_P4 = -57,
    H_P5 = -58,
    H_P6 = -59,
    H_P7 = -60,
    H_P8 = -61,
    H_P9 = -62,
    H_NOOP = -63,
    H_TOO_BIG = -64,
    H_UNSUPPORTED = -67,
    H_OVERLAP = -68,
    H_INTERRUPT = -69,
    H_BAD_DATA = -70,
    H_NOT_ACTIVE = -71,
    H_SG_LIST = -72,
    H_OP_MODE = -73,
    H_COP_HW = -74,
    H_STATE = -75,
    H_IN_USE = -77,
    H_INVALID_ELEMENT_ID = -79,
    H_INVALID_ELEMENT_SIZE = -80,
    H_INVALID_ELEMENT_VALUE = -81,
    H_INPUT_BUFFER_NOT_DEFINED = -82,
    H_INPUT_BUFFER_TOO_SMALL = -83,
    H_OUTPUT_BUFFER_NOT_DEFINED = -84,
    H_OUTPUT_BUFFER_TOO_SMALL = -85,
    H_PARTITION_PAGE_TABLE_NOT_DEFINED = -86,
    H_GUEST_VCPU_STATE_NOT_HV_OWNED = -87,
    H_UNSUPPORTED_FLAG_START = -256,
    H_UNSUPPORTED_FLAG_END = -511,
    H_MULTI_THREADS_ACTIVE = -9005,
    H_OUTSTANDING_COP_OPS = -9006,
}

impl HReturn {
    /// The return code with this value.
    pub const fn from_raw(value: i64) -> Self {
        Self(value)
    }

    /// The value.
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// The value as GPR 3 holds it.
    pub const fn gpr(self) -> u64 {
        self.0 as u64
    }

    /// Is the call to be made again, because the hypervisor was busy?
    pub const fn is_busy(self) -> bool {
        matches!(self, Self::H_BUSY) || self.long_busy_ms().is_some()
    }

    /// In how many milliseconds a call is to be made again that was busy for long; `None` for any other.
    pub const fn long_busy_ms(self) -> Option<u32> {
        match self.0 {
            order @ 9900..=9905 => Some(10u32.pow((order - 9900) as u32)),
            _ => None,
        }
    }
}

impl core::fmt::Debug for HReturn {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.0, self.name().unwrap_or("?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papr_index_counts_by_fours() {
        assert_eq!(Hcall::H_REMOVE.papr_index(), Some(1));
        assert_eq!(Hcall::MAX_PAPR.papr_index(), Some(Hcall::PAPR_COUNT - 1));
        assert_eq!(Hcall::from_raw(0x498).papr_index(), None);
        assert_eq!(Hcall::from_raw(0x5).papr_index(), None);
        assert_eq!(Hcall::H_RTAS.papr_index(), None);
    }

    #[test]
    fn long_busy() {
        assert_eq!(HReturn::H_LONG_BUSY_ORDER_1_MSEC.long_busy_ms(), Some(1));
        assert_eq!(
            HReturn::H_LONG_BUSY_ORDER_100_SEC.long_busy_ms(),
            Some(100_000)
        );
        assert_eq!(HReturn::H_BUSY.long_busy_ms(), None);
    }

    #[test]
    fn is_busy() {
        assert!(HReturn::H_BUSY.is_busy());
        assert!(HReturn::from_raw(9900).is_busy());
        assert!(HReturn::from_raw(9905).is_busy());
        assert!(!HReturn::from_raw(9899).is_busy());
        assert!(!HReturn::from_raw(9906).is_busy());
        assert!(!HReturn::H_SUCCESS.is_busy());
        assert!(!HReturn::H_CLOSED.is_busy());
        assert!(!HReturn::H_HARDWARE.is_busy());
    }

    #[test]
    fn names() {
        assert_eq!(Hcall::from_raw(0xe0).name(), Some("H_CEDE"));
        assert_eq!(HReturn::H_PARAMETER.gpr(), u64::MAX - 3);
        assert_eq!(format!("{:?}", HReturn::H_P2), "-55 H_P2");
    }
}
