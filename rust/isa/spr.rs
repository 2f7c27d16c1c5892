// SPDX-License-Identifier: GPL-2.0

//! Special purpose registers: numbers, names, and who may read and write them.

/// The least privilege that may do something to a register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Privilege {
    /// Everybody.
    Problem,
    /// `MSR[PR]`=0.
    Privileged,
    /// `MSR[HV]`=1, `MSR[PR]`=0.
    Hypervisor,
    /// Nobody: there is no such operation.
    None,
}

macro_rules! privilege {
    (U) => {
        Privilege::Problem
    };
    (S) => {
        Privilege::Privileged
    };
    (H) => {
        Privilege::Hypervisor
    };
    (N) => {
        Privilege::None
    };
}

macro_rules! sprs {
    ( $( $(#[$attr:meta])* $name:ident = $number:literal $read:ident $write:ident, )* ) => {
        impl Spr {
            $(
                $(#[$attr])*
                pub const $name: Self = Self($number);
            )*

            /// The register's name, or `None` if the number has none.
            #[inline]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$name => Some(stringify!($name)), )*
                    _ => None,
                }
            }

            /// Who may read the register, or `None` if there is no register of this number.
            pub const fn read_privilege(self) -> Option<Privilege> {
                match self {
                    $( Self::$name => Some(privilege!($read)), )*
                    _ => None,
                }
            }

            /// Who may write the register, or `None` if there is no register of this number.
            pub const fn write_privilege(self) -> Option<Privilege> {
                match self {
                    $( Self::$name => Some(privilege!($write)), )*
                    _ => None,
                }
            }

            /// All the registers with a name.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )* ];
        }
    };
}

/// For each number, the register's index in [`Spr::ALL`], or the length of `ALL` if no register has the number.
#[expect(clippy::indexing_slicing, reason = "the compiler executes it")]
static PLACES: [u8; 1024] = {
    assert!(Spr::ALL.len() <= u8::MAX as usize);
    let mut places = [Spr::ALL.len() as u8; 1024];
    let mut at = 0;
    while at < Spr::ALL.len() {
        places[Spr::ALL[at].0 as usize] = at as u8;
        at += 1;
    }
    places
};

/// A special purpose register of a Book III (server) processor, by its number, ISA Book III, figure "SPR encodings".
///
/// After each name's number stand the least privilege for `mfspr` and for `mtspr`: U problem, S privileged,
/// H hypervisor, N none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Spr(u16);

sprs! {
    /// Fixed-point exception register.
    XER = 1 U U,
    /// Data stream control register, problem-state number.
    UDSCR = 3 U U,
    /// Link register.
    LR = 8 U U,
    /// Count register.
    CTR = 9 U U,
    /// Authority mask register, problem-state number.
    UAMR = 13 U U,
    /// Data stream control register.
    DSCR = 17 S S,
    /// Data storage interrupt status register.
    DSISR = 18 S S,
    /// Data address register.
    DAR = 19 S S,
    /// Decrementer.
    DEC = 22 S S,
    /// Storage description register 1 (before ISA 3.0).
    SDR1 = 25 H H,
    /// Save/restore register 0.
    SRR0 = 26 S S,
    /// Save/restore register 1.
    SRR1 = 27 S S,
    /// Come-from address register.
    CFAR = 28 S S,
    /// Authority mask register.
    AMR = 29 S S,
    /// Available coprocessor register (POWER7 to POWER9).
    ACOP = 31 S S,
    /// Process identification register.
    PIDR = 48 S S,
    /// Instruction authority mask register.
    IAMR = 61 S S,
    /// Transaction failure handler address register.
    TFHAR = 128 U U,
    /// Transaction failure instruction address register.
    TFIAR = 129 U U,
    /// Transaction exception and summary register.
    TEXASR = 130 U U,
    /// Upper half of TEXASR.
    TEXASRU = 131 U U,
    /// Control register, problem-state number (read).
    UCTRL = 136 U N,
    /// Thread identification of the process (POWER9).
    TIDR = 144 S S,
    /// Control register (write).
    CTRL = 152 N S,
    /// Facility status and control register.
    FSCR = 153 S S,
    /// User authority mask override register.
    UAMOR = 157 S S,
    /// Problem state priority boost register.
    PSPB = 159 S S,
    /// Directed privileged doorbell exception state.
    DPDES = 176 S H,
    /// Data address watchpoint register 0.
    DAWR0 = 180 H H,
    /// Data address watchpoint register 1 (ISA 3.1).
    DAWR1 = 181 H H,
    /// Relative priority register.
    RPR = 186 H H,
    /// Completed instruction address breakpoint register.
    CIABR = 187 H H,
    /// Extension of DAWR0.
    DAWRX0 = 188 H H,
    /// Extension of DAWR1 (ISA 3.1).
    DAWRX1 = 189 H H,
    /// Hypervisor facility status and control register.
    HFSCR = 190 H H,
    /// Vector register save register.
    VRSAVE = 256 U U,
    /// SPRG3, problem-state number (read).
    USPRG3 = 259 U N,
    /// Time base.
    TB = 268 U N,
    /// Upper half of the time base.
    TBU = 269 U N,
    /// Software-use register 0.
    SPRG0 = 272 S S,
    /// Software-use register 1.
    SPRG1 = 273 S S,
    /// Software-use register 2.
    SPRG2 = 274 S S,
    /// Software-use register 3.
    SPRG3 = 275 S S,
    /// SCOM communication address.
    SPRC = 276 H H,
    /// SCOM communication data.
    SPRD = 277 H H,
    /// Chip information register.
    CIR = 283 S N,
    /// Lower half of the time base (write).
    TBL_WRITE = 284 N H,
    /// Upper half of the time base (write).
    TBU_WRITE = 285 N H,
    /// Upper 40 bits of the time base (write).
    TBU40 = 286 N H,
    /// Processor version register.
    PVR = 287 S N,
    /// Hypervisor software-use register 0.
    HSPRG0 = 304 H H,
    /// Hypervisor software-use register 1.
    HSPRG1 = 305 H H,
    /// Hypervisor data storage interrupt status register.
    HDSISR = 306 H H,
    /// Hypervisor data address register.
    HDAR = 307 H H,
    /// Scaled processor utilization of resources register.
    SPURR = 308 S H,
    /// Processor utilization of resources register.
    PURR = 309 S H,
    /// Hypervisor decrementer.
    HDEC = 310 H H,
    /// Real mode offset register (before ISA 3.0).
    RMOR = 312 H H,
    /// Hypervisor real mode offset register.
    HRMOR = 313 H H,
    /// Hypervisor save/restore register 0.
    HSRR0 = 314 H H,
    /// Hypervisor save/restore register 1.
    HSRR1 = 315 H H,
    /// Hypervisor monitor mode control register.
    MMCRH = 316 H H,
    /// Time facility management register.
    TFMR = 317 H H,
    /// Logical partitioning control register.
    LPCR = 318 H H,
    /// Logical partition identification register.
    LPIDR = 319 H H,
    /// Hypervisor maintenance exception register.
    HMER = 336 H H,
    /// Hypervisor maintenance exception enable register.
    HMEER = 337 H H,
    /// Processor compatibility register.
    PCR = 338 H H,
    /// Hypervisor emulated instruction register.
    HEIR = 339 H H,
    /// Authority mask override register.
    AMOR = 349 H H,
    /// Thread identification register.
    TIR = 446 S N,
    /// Hypervisor dynamic execution control register, problem-state number (ISA 3.1B).
    UHDEXCR = 455 U N,
    /// Partition table control register.
    PTCR = 464 H H,
    /// Hash key of `hashst` and `hashchk` (ISA 3.1B).
    HASHKEYR = 468 S S,
    /// Hash key of `hashstp` and `hashchkp` (ISA 3.1B).
    HASHPKEYR = 469 H H,
    /// Hypervisor dynamic execution control register (ISA 3.1B).
    HDEXCR = 471 H H,
    /// Ultravisor software-use register 0.
    USPRG0 = 496 H H,
    /// Ultravisor software-use register 1.
    USPRG1 = 497 H H,
    /// Ultravisor real mode offset register.
    URMOR = 505 H H,
    /// Ultravisor save/restore register 0.
    USRR0 = 506 H H,
    /// Ultravisor save/restore register 1.
    USRR1 = 507 H H,
    /// Secure memory facility control register.
    SMFCTRL = 511 H H,
    /// Sampled instruction event register 2, problem-state number (ISA 3.1).
    USIER2 = 736 U N,
    /// Sampled instruction event register 3, problem-state number (ISA 3.1).
    USIER3 = 737 U N,
    /// Monitor mode control register 3, problem-state number (ISA 3.1).
    UMMCR3 = 738 U N,
    /// Sampled instruction event register 2 (ISA 3.1).
    SIER2 = 752 S S,
    /// Sampled instruction event register 3 (ISA 3.1).
    SIER3 = 753 S S,
    /// Monitor mode control register 3 (ISA 3.1).
    MMCR3 = 754 S S,
    /// Sampled instruction event register, problem-state number.
    USIER = 768 U N,
    /// Monitor mode control register 2, problem-state number.
    UMMCR2 = 769 U U,
    /// Monitor mode control register A, problem-state number.
    UMMCRA = 770 U U,
    /// Performance monitor counter 1, problem-state number.
    UPMC1 = 771 U U,
    /// Performance monitor counter 2, problem-state number.
    UPMC2 = 772 U U,
    /// Performance monitor counter 3, problem-state number.
    UPMC3 = 773 U U,
    /// Performance monitor counter 4, problem-state number.
    UPMC4 = 774 U U,
    /// Performance monitor counter 5, problem-state number.
    UPMC5 = 775 U U,
    /// Performance monitor counter 6, problem-state number.
    UPMC6 = 776 U U,
    /// Monitor mode control register 0, problem-state number.
    UMMCR0 = 779 U U,
    /// Sampled instruction address register, problem-state number.
    USIAR = 780 U N,
    /// Sampled data address register, problem-state number.
    USDAR = 781 U N,
    /// Monitor mode control register 1, problem-state number.
    UMMCR1 = 782 U N,
    /// Sampled instruction event register.
    SIER = 784 S S,
    /// Monitor mode control register 2.
    MMCR2 = 785 S S,
    /// Monitor mode control register A.
    MMCRA = 786 S S,
    /// Performance monitor counter 1.
    PMC1 = 787 S S,
    /// Performance monitor counter 2.
    PMC2 = 788 S S,
    /// Performance monitor counter 3.
    PMC3 = 789 S S,
    /// Performance monitor counter 4.
    PMC4 = 790 S S,
    /// Performance monitor counter 5.
    PMC5 = 791 S S,
    /// Performance monitor counter 6.
    PMC6 = 792 S S,
    /// Monitor mode control register 0.
    MMCR0 = 795 S S,
    /// Sampled instruction address register.
    SIAR = 796 S S,
    /// Sampled data address register.
    SDAR = 797 S S,
    /// Monitor mode control register 1.
    MMCR1 = 798 S S,
    /// Instruction match register (POWER7 and after).
    IMC = 799 S S,
    /// Branch event status and control register, set (lower 32 bits and GE).
    BESCRS = 800 U U,
    /// Upper half of BESCRS.
    BESCRSU = 801 U U,
    /// Branch event status and control register, reset.
    BESCRR = 802 U U,
    /// Upper half of BESCRR.
    BESCRRU = 803 U U,
    /// Event-based branch handler register.
    EBBHR = 804 U U,
    /// Event-based branch return register.
    EBBRR = 805 U U,
    /// Branch event status and control register.
    BESCR = 806 U U,
    /// Dynamic execution control register, problem-state number (ISA 3.1B).
    UDEXCR = 812 U N,
    /// Target address register.
    TAR = 815 U U,
    /// Access segment descriptor register.
    ASDR = 816 H H,
    /// Processor stop status and control register, privileged number.
    PSSCR_PRIVILEGED = 823 S S,
    /// Dynamic execution control register (ISA 3.1B).
    DEXCR = 828 S S,
    /// Instruction counter.
    IC = 848 S H,
    /// Virtual time base.
    VTB = 849 S H,
    /// Load address of in-memory collection counters.
    LDBAR = 850 H H,
    /// Core monitor mode control register.
    MMCRC = 851 H H,
    /// Power management memory idle control register.
    PMICR = 852 H H,
    /// Power management status register.
    PMSR = 853 H N,
    /// Power management memory activity register.
    PMMAR = 854 H H,
    /// Processor stop status and control register, hypervisor number.
    PSSCR = 855 H H,
    /// Workload optimization register, core.
    WORC = 863 S S,
    /// Cache flush trigger (written).
    TRIG0 = 880 N S,
    /// Cache flush trigger (written).
    TRIG1 = 881 N S,
    /// L1 data cache flush trigger (written).
    TRIG2 = 882 N S,
    /// Power management control register.
    PMCR = 884 H H,
    /// Region-weighting mode register.
    RWMR = 885 H H,
    /// POWER8 TACR (performance monitor support).
    TACR = 888 S S,
    /// POWER8 thread count select register.
    TCSCR = 889 S S,
    /// POWER8 cache signature register.
    CSIGR = 890 S S,
    /// POWER8 supervisor performance monitor counter 1.
    SPMC1 = 892 S S,
    /// POWER8 supervisor performance monitor counter 2.
    SPMC2 = 893 S S,
    /// POWER8 supervisor monitor mode control register.
    MMCRS = 894 S S,
    /// Workload optimization register, thread.
    WORT = 895 S S,
    /// Program priority register.
    PPR = 896 U U,
    /// Upper half of PPR.
    PPR32 = 898 U U,
    /// Thread switch control register.
    TSCR = 921 H H,
    /// Hardware implementation register 0.
    HID0 = 1008 H H,
    /// Data address breakpoint register (before ISA 2.07).
    DABR = 1013 H H,
    /// Extension of DABR (before ISA 2.07).
    DABRX = 1015 H H,
    /// Processor identification register.
    PIR = 1023 S N,
}

impl Spr {
    /// The register with this number, of which only the low 10 bits are used.
    pub const fn from_raw(number: u16) -> Self {
        Self(number & 0x3ff)
    }

    /// The register's index in [`Spr::ALL`], or the length of `ALL` if it has no name.
    #[inline]
    pub fn place(self) -> usize {
        let place = PLACES.get(usize::from(self.0));
        place.map_or(Self::ALL.len(), |place| usize::from(*place))
    }

    /// The register's number.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// Whether an access in problem state to a register that does not exist gives a privileged-instruction program
    /// interrupt rather than an emulation assistance (spr bit 0).
    pub const fn number_is_privileged(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// One of transactional memory's.
    pub const fn is_transactional(self) -> bool {
        matches!(
            self,
            Self::TFHAR | Self::TFIAR | Self::TEXASR | Self::TEXASRU
        )
    }
}

impl core::fmt::Debug for Spr {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SPR {} {}", self.0, self.name().unwrap_or("?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_once_and_in_order() {
        assert!(Spr::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(Spr::ALL.iter().all(|spr| spr.raw() < 1024));
        for n in 0..u16::MAX {
            let spr = Spr::from_raw(n);
            let found = Spr::ALL.iter().position(|s| *s == spr);
            assert_eq!(spr.place(), found.unwrap_or(Spr::ALL.len()));
        }
    }

    #[test]
    fn the_number_tells_the_privilege() {
        for spr in Spr::ALL {
            let least = spr.read_privilege().min(spr.write_privilege()).unwrap();
            assert_eq!(
                spr.number_is_privileged(),
                least != Privilege::Problem,
                "{spr:?}"
            );
        }
    }

    #[test]
    fn lookup() {
        assert_eq!(Spr::from_raw(268).name(), Some("TB"));
        assert_eq!(Spr::from_raw(2).read_privilege(), None);
        assert_eq!(Spr::LPCR.write_privilege(), Some(Privilege::Hypervisor));
        assert_eq!(Spr::PVR.write_privilege(), Some(Privilege::None));
    }
}
