// SPDX-License-Identifier: GPL-2.0

//! The load and store instructions as data: what each transfers, and how it forms its address.
//!
//! Source: ISA 3.1 Book I (fixed-point, floating-point, vector and VSX facilities' storage access instructions), Book
//! II (`dcbz`, load and reserve, copy, atomic memory operations).

use super::reason::Reason;
use crate::isa::dsisr::Dsisr;
use crate::isa::insn::Insn;
use crate::isa::msr::Msr;
use crate::isa::trap::Trap;

/// How the effective address is formed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Address {
    /// (RA|0) + displacement.
    Displacement(i64),
    /// (RA|0) + (RB).
    Indexed,
    /// (RA|0): the string-immediate forms, and `lxvl` and the like, whose RB field has another meaning.
    Base,
    /// Address of the instruction + displacement.
    Relative(i64),
}

/// What a load does with the part of a VSX register that it does not load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rest {
    /// Doubleword 1 keeps its value, and the rest of doubleword 0 becomes zero: floating-point registers.
    Doubleword1,
    /// It becomes zero.
    Zero,
    /// It gets copies of the loaded element.
    Splat,
}

/// What moves between storage and registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transfer {
    /// Nothing: the cache block and prefetch instructions.
    Nothing,
    /// The low `bytes` of a GPR.
    Gpr {
        bytes: u8,
        algebraic: bool,
        reversed: bool,
    },
    /// A word of each GPR from this to the last (`lmw`, `stmw`).
    Multiple,
    /// This many bytes, four to a GPR, going on from GPR 31 to GPR 0.
    String { bytes: u8 },
    /// As String, with the number of bytes from XER.
    StringXer,
    /// Single format in storage, double in a VSR's doubleword 0.
    Single { rest: Rest },
    /// A word, sign-extended to a VSR's doubleword 0.
    SignedWord { rest: Rest },
    /// Two FPRs from this one on, which is even; a doubleword each.
    FprPair,
    /// Elements of `element` bytes, from a VSR's byte `at` on, `bytes` in all, moved in accesses of `unit` bytes.
    /// Two VSRs if there are 32 bytes.
    Elements {
        element: u8,
        bytes: u8,
        at: u8,
        unit: u8,
        rest: Rest,
    },
    /// An element of a vector at the place that the address gives it (`lvebx` and kin).
    VectorElement { bytes: u8 },
    /// As many bytes of storage as bits 0:7 of RB say, at most 16 (`lxvl`, `lxvll` and their stores). With `left` they
    /// are left-justified whatever the endianness.
    Length { left: bool },
    /// A cache block of zeros.
    Zeros,
}

/// A load or store instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Form {
    pub(super) transfer: Transfer,
    pub(super) store: bool,
    /// RA gets the effective address.
    pub(super) update: bool,
    pub(super) address: Address,
    /// The (first) register: a GPR or a VSR, as the transfer has it.
    pub(super) reg: u8,
    /// The effective address is rounded down to a multiple of 2 to this.
    pub(super) align_shift: u32,
    /// The facility that must be available.
    pub(super) needs: Option<Facility>,
}

impl Form {
    /// A form that accesses nothing.
    pub(super) const NOTHING: Self = Self {
        transfer: Transfer::Nothing,
        store: false,
        update: false,
        address: Address::Base,
        reg: 0,
        align_shift: 0,
        needs: None,
    };
}

/// A facility that a bit of the MSR makes available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Facility {
    Fp,
    Vector,
    Vsx,
}

impl Facility {
    /// Its bit in the MSR.
    pub(super) const fn msr(self) -> Msr {
        match self {
            Self::Fp => Msr::FP,
            Self::Vector => Msr::VEC,
            Self::Vsx => Msr::VSX,
        }
    }

    /// The interrupt that its use causes when it is not available.
    pub(super) const fn unavailable(self) -> Trap {
        match self {
            Self::Fp => Trap::FP_UNAVAIL,
            Self::Vector => Trap::VECTOR_UNAVAIL,
            Self::Vsx => Trap::VSX_UNAVAIL,
        }
    }

    /// The facility that the newer VSX loads and stores need: VSX for VSRs 0 to 31, Vector for VSRs 32 to 63.
    const fn of_vsr(vsr: u8) -> Self {
        if vsr < 32 {
            Self::Vsx
        } else {
            Self::Vector
        }
    }
}

impl Form {
    const fn new(transfer: Transfer, address: Address, reg: u8) -> Self {
        Self {
            transfer,
            store: false,
            update: false,
            address,
            reg,
            align_shift: 0,
            needs: None,
        }
    }

    const fn store(self, store: bool) -> Self {
        Self { store, ..self }
    }

    const fn update(self, update: bool) -> Self {
        Self { update, ..self }
    }

    const fn needs(self, facility: Facility) -> Self {
        Self {
            needs: Some(facility),
            ..self
        }
    }

    const fn aligned(self, align_shift: u32) -> Self {
        Self {
            align_shift,
            ..self
        }
    }

    /// A fixed-point access of the low bytes of GPR RT or RS.
    const fn gpr(insn: Insn, address: Address, bytes: u8) -> Self {
        Self::new(
            Transfer::Gpr {
                bytes,
                algebraic: false,
                reversed: false,
            },
            address,
            insn.rt(),
        )
    }

    /// As [`gpr`](Self::gpr), sign-extended when loaded.
    const fn algebraic(insn: Insn, address: Address, bytes: u8) -> Self {
        Self::new(
            Transfer::Gpr {
                bytes,
                algebraic: true,
                reversed: false,
            },
            address,
            insn.rt(),
        )
    }

    /// As [`gpr`](Self::gpr), in the other byte order.
    const fn reversed(insn: Insn, bytes: u8) -> Self {
        Self::new(
            Transfer::Gpr {
                bytes,
                algebraic: false,
                reversed: true,
            },
            Address::Indexed,
            insn.rt(),
        )
    }

    /// A floating-point access of FPR FRT or FRS in single (4) or double (8) format.
    const fn fpr(insn: Insn, address: Address, bytes: u8) -> Self {
        let transfer = if bytes == 4 {
            Transfer::Single {
                rest: Rest::Doubleword1,
            }
        } else {
            elements(8, 8, 0, 8, Rest::Doubleword1)
        };
        Self::new(transfer, address, insn.rt()).needs(Facility::Fp)
    }

    /// An access of a word of an FPR, which is zero-extended when loaded.
    const fn fpr_word(insn: Insn) -> Self {
        Self::new(
            Transfer::Elements {
                element: 4,
                bytes: 4,
                at: 4,
                unit: 4,
                rest: Rest::Doubleword1,
            },
            Address::Indexed,
            insn.rt(),
        )
        .needs(Facility::Fp)
    }

    /// A vector access of VR VRT or VRS as a whole.
    const fn vector(insn: Insn) -> Self {
        Self::new(
            elements(16, 16, 0, 8, Rest::Doubleword1),
            Address::Indexed,
            insn.rt() | 32,
        )
        .aligned(4)
        .needs(Facility::Vector)
    }

    /// A vector access of one element.
    const fn vector_element(insn: Insn, align_shift: u32) -> Self {
        Self::new(
            Transfer::VectorElement {
                bytes: 1 << align_shift,
            },
            Address::Indexed,
            insn.rt() | 32,
        )
        .aligned(align_shift)
        .needs(Facility::Vector)
    }

    /// A VSX access with X-form addressing.
    const fn vsx(insn: Insn, transfer: Transfer) -> Self {
        Self::new(transfer, Address::Indexed, insn.xt()).needs(Facility::Vsx)
    }

    /// As [`vsx`](Self::vsx), but it needs the facility that the register belongs to.
    const fn vsx_or_vector(insn: Insn, transfer: Transfer) -> Self {
        Self::vsx(insn, transfer).needs(Facility::of_vsr(insn.xt()))
    }

    /// A scalar access of VR VRT or VRS as a VSR: `lxsd`, `lxssp` and their stores.
    const fn vsx_scalar(insn: Insn, address: Address, single: bool) -> Self {
        let transfer = if single {
            Transfer::Single { rest: Rest::Zero }
        } else {
            elements(8, 8, 0, 8, Rest::Zero)
        };
        Self::new(transfer, address, insn.rt() | 32).needs(Facility::Vector)
    }

    /// An access of a whole VSR (`lxv`), or with `pair` of two (`lxvp`).
    const fn vsx_whole(vsr: u8, address: Address, pair: bool) -> Self {
        if pair {
            Self::new(elements(32, 32, 0, 8, Rest::Zero), address, vsr).needs(Facility::Vsx)
        } else {
            Self::new(elements(16, 16, 0, 8, Rest::Zero), address, vsr).needs(Facility::of_vsr(vsr))
        }
    }
}

const fn elements(element: u8, bytes: u8, at: u8, unit: u8, rest: Rest) -> Transfer {
    Transfer::Elements {
        element,
        bytes,
        at,
        unit,
        rest,
    }
}

/// One element, right-justified in doubleword 0 (`within` = 8) or in the whole VSR (16); the rest becomes zero.
const fn right(bytes: u8, within: u8) -> Transfer {
    Transfer::Elements {
        element: bytes,
        bytes,
        at: within.saturating_sub(bytes),
        unit: bytes,
        rest: Rest::Zero,
    }
}

/// The storage fault of an instruction that may not address this storage.
const fn bad_access(store: bool) -> Reason {
    Reason::Storage(Dsisr::BADACCESS.set(Dsisr::ISSTORE, store))
}

/// Looks an instruction up.
pub(super) const fn form(insn: Insn) -> Result<Form, Reason> {
    match insn.prefix_type() {
        Some(kind) => prefixed(insn, kind),
        None => word(insn),
    }
}

/// Instructions of one word.
const fn word(insn: Insn) -> Result<Form, Reason> {
    let d = Address::Displacement(insn.d());
    let ds = Address::Displacement(insn.ds());
    let dq = Address::Displacement(insn.dq());
    let po = insn.po();
    Ok(match po {
        6 => match insn.xo_dq_pair() {
            0 => Form::vsx_whole(insn.xtp(), dq, true),
            1 => Form::vsx_whole(insn.xtp(), dq, true).store(true),
            _ => return Err(Reason::NotStorageAccess),
        },
        31 => return indexed(insn),
        // From lwz to sthu, instructions with odd opcodes update RA.
        32 | 33 => Form::gpr(insn, d, 4).update(po & 1 != 0),
        34 | 35 => Form::gpr(insn, d, 1).update(po & 1 != 0),
        36 | 37 => Form::gpr(insn, d, 4).update(po & 1 != 0).store(true),
        38 | 39 => Form::gpr(insn, d, 1).update(po & 1 != 0).store(true),
        40 | 41 => Form::gpr(insn, d, 2).update(po & 1 != 0),
        42 | 43 => Form::algebraic(insn, d, 2).update(po & 1 != 0),
        44 | 45 => Form::gpr(insn, d, 2).update(po & 1 != 0).store(true),
        46 => Form::new(Transfer::Multiple, d, insn.rt()),
        47 => Form::new(Transfer::Multiple, d, insn.rt()).store(true),
        48 | 49 => Form::fpr(insn, d, 4).update(po & 1 != 0),
        50 | 51 => Form::fpr(insn, d, 8).update(po & 1 != 0),
        52 | 53 => Form::fpr(insn, d, 4).update(po & 1 != 0).store(true),
        54 | 55 => Form::fpr(insn, d, 8).update(po & 1 != 0).store(true),
        // lq
        56 => return Err(bad_access(false)),
        57 => match insn.xo_ds() {
            0 => Form::new(Transfer::FprPair, ds, insn.rt()).needs(Facility::Fp),
            2 => Form::vsx_scalar(insn, ds, false),
            3 => Form::vsx_scalar(insn, ds, true),
            _ => return Err(Reason::NotStorageAccess),
        },
        58 => match insn.xo_ds() {
            0 => Form::gpr(insn, ds, 8),
            1 => Form::gpr(insn, ds, 8).update(true),
            2 => Form::algebraic(insn, ds, 4),
            _ => return Err(Reason::NotStorageAccess),
        },
        61 => match (insn.xo_ds(), insn.xo_dq()) {
            (0, _) => Form::new(Transfer::FprPair, ds, insn.rt())
                .store(true)
                .needs(Facility::Fp),
            (2, _) => Form::vsx_scalar(insn, ds, false).store(true),
            (3, _) => Form::vsx_scalar(insn, ds, true).store(true),
            (_, 1) => Form::vsx_whole(insn.xt_dq(), dq, false),
            _ => Form::vsx_whole(insn.xt_dq(), dq, false).store(true),
        },
        62 => match insn.xo_ds() {
            0 => Form::gpr(insn, ds, 8).store(true),
            1 => Form::gpr(insn, ds, 8).update(true).store(true),
            // stq
            2 => return Err(bad_access(true)),
            _ => return Err(Reason::NotStorageAccess),
        },
        _ => return Err(Reason::NotStorageAccess),
    })
}

/// Primary opcode 31.
const fn indexed(insn: Insn) -> Result<Form, Reason> {
    let x = Address::Indexed;
    let xo = insn.xo();
    Ok(match xo {
        21 => Form::gpr(insn, x, 8),
        53 => Form::gpr(insn, x, 8).update(true),
        23 => Form::gpr(insn, x, 4),
        55 => Form::gpr(insn, x, 4).update(true),
        87 => Form::gpr(insn, x, 1),
        119 => Form::gpr(insn, x, 1).update(true),
        279 => Form::gpr(insn, x, 2),
        311 => Form::gpr(insn, x, 2).update(true),
        341 => Form::algebraic(insn, x, 4),
        373 => Form::algebraic(insn, x, 4).update(true),
        343 => Form::algebraic(insn, x, 2),
        375 => Form::algebraic(insn, x, 2).update(true),
        149 => Form::gpr(insn, x, 8).store(true),
        181 => Form::gpr(insn, x, 8).store(true).update(true),
        151 => Form::gpr(insn, x, 4).store(true),
        183 => Form::gpr(insn, x, 4).store(true).update(true),
        215 => Form::gpr(insn, x, 1).store(true),
        247 => Form::gpr(insn, x, 1).store(true).update(true),
        407 => Form::gpr(insn, x, 2).store(true),
        439 => Form::gpr(insn, x, 2).store(true).update(true),
        // ldbrx lwbrx lhbrx and their stores
        532 => Form::reversed(insn, 8),
        534 => Form::reversed(insn, 4),
        790 => Form::reversed(insn, 2),
        660 => Form::reversed(insn, 8).store(true),
        662 => Form::reversed(insn, 4).store(true),
        918 => Form::reversed(insn, 2).store(true),
        // lswx lswi stswx stswi
        533 => Form::new(Transfer::StringXer, x, insn.rt()),
        597 => Form::new(string_immediate(insn), Address::Base, insn.rt()),
        661 => Form::new(Transfer::StringXer, x, insn.rt()).store(true),
        725 => Form::new(string_immediate(insn), Address::Base, insn.rt()).store(true),
        // Floating point.
        535 => Form::fpr(insn, x, 4),
        567 => Form::fpr(insn, x, 4).update(true),
        599 => Form::fpr(insn, x, 8),
        631 => Form::fpr(insn, x, 8).update(true),
        663 => Form::fpr(insn, x, 4).store(true),
        695 => Form::fpr(insn, x, 4).store(true).update(true),
        727 => Form::fpr(insn, x, 8).store(true),
        759 => Form::fpr(insn, x, 8).store(true).update(true),
        791 => Form::new(Transfer::FprPair, x, insn.rt()).needs(Facility::Fp),
        919 => Form::new(Transfer::FprPair, x, insn.rt())
            .store(true)
            .needs(Facility::Fp),
        // lfiwax lfiwzx stfiwx
        855 => Form::new(
            Transfer::SignedWord {
                rest: Rest::Doubleword1,
            },
            x,
            insn.rt(),
        )
        .needs(Facility::Fp),
        887 => Form::fpr_word(insn),
        983 => Form::fpr_word(insn).store(true),
        // lvebx lvehx lvewx lvx lvxl and their stores
        7 => Form::vector_element(insn, 0),
        39 => Form::vector_element(insn, 1),
        71 => Form::vector_element(insn, 2),
        103 | 359 => Form::vector(insn),
        135 => Form::vector_element(insn, 0).store(true),
        167 => Form::vector_element(insn, 1).store(true),
        199 => Form::vector_element(insn, 2).store(true),
        231 | 487 => Form::vector(insn).store(true),
        // dcbz
        1014 => Form::new(Transfer::Zeros, x, 0).store(true),
        // icbt dcbst dcbf dcbtst dcbt icbi: they have no effect on caching inhibited storage.
        22 | 54 | 86 | 246 | 278 | 982 => Form::new(Transfer::Nothing, x, 0),
        // lwarx lbarx ldarx lharx lqarx, lwat ldat
        20 | 52 | 84 | 116 | 276 | 582 | 614 => return Err(bad_access(false)),
        // stwcx. stqcx. stdcx. stbcx. sthcx., stwat stdat
        150 | 182 | 214 | 694 | 726 | 710 | 742 => return Err(bad_access(true)),
        _ => return vsx_indexed(insn),
    })
}

/// NB of `lswi` and `stswi`: 0 is 32.
const fn string_immediate(insn: Insn) -> Transfer {
    Transfer::String {
        bytes: if insn.rb() == 0 { 32 } else { insn.rb() },
    }
}

/// VSX loads and stores of primary opcode 31.
const fn vsx_indexed(insn: Insn) -> Result<Form, Reason> {
    Ok(match insn.xo() {
        // lxsiwzx lxsiwax lxsdx lxsspx lxsibzx lxsihzx
        12 => Form::vsx(insn, right(4, 8)),
        76 => Form::vsx(insn, Transfer::SignedWord { rest: Rest::Zero }),
        588 => Form::vsx(insn, right(8, 8)),
        524 => Form::vsx(insn, Transfer::Single { rest: Rest::Zero }),
        781 => Form::vsx(insn, right(1, 8)),
        813 => Form::vsx(insn, right(2, 8)),
        140 => Form::vsx(insn, right(4, 8)).store(true),
        716 => Form::vsx(insn, right(8, 8)).store(true),
        652 => Form::vsx(insn, Transfer::Single { rest: Rest::Zero }).store(true),
        909 => Form::vsx(insn, right(1, 8)).store(true),
        941 => Form::vsx(insn, right(2, 8)).store(true),
        // lxvd2x lxvw4x lxvh8x lxvb16x and their stores
        844 => Form::vsx(insn, elements(8, 16, 0, 8, Rest::Zero)),
        780 => Form::vsx(insn, elements(4, 16, 0, 4, Rest::Zero)),
        812 => Form::vsx(insn, elements(2, 16, 0, 2, Rest::Zero)),
        876 => Form::vsx(insn, elements(1, 16, 0, 8, Rest::Zero)),
        972 => Form::vsx(insn, elements(8, 16, 0, 8, Rest::Zero)).store(true),
        908 => Form::vsx(insn, elements(4, 16, 0, 4, Rest::Zero)).store(true),
        940 => Form::vsx(insn, elements(2, 16, 0, 2, Rest::Zero)).store(true),
        1004 => Form::vsx(insn, elements(1, 16, 0, 8, Rest::Zero)).store(true),
        // lxvdsx lxvwsx
        332 => Form::vsx(insn, elements(8, 8, 0, 8, Rest::Splat)),
        364 => Form::vsx_or_vector(insn, elements(4, 4, 0, 4, Rest::Splat)),
        // lxvx (bit 25 of the instruction is ignored) stvx lxvpx stxvpx
        268 | 300 => Form::vsx_whole(insn.xt(), Address::Indexed, false),
        396 => Form::vsx_whole(insn.xt(), Address::Indexed, false).store(true),
        333 => Form::vsx_whole(insn.xtp(), Address::Indexed, true),
        461 => Form::vsx_whole(insn.xtp(), Address::Indexed, true).store(true),
        // lxvl lxvll stxvl stxvll
        269 => length(insn, false),
        301 => length(insn, true),
        397 => length(insn, false).store(true),
        429 => length(insn, true).store(true),
        // lxvrbx lxvrhx lxvrwx lxvrdx and their stores
        13 => Form::vsx(insn, right(1, 16)),
        45 => Form::vsx(insn, right(2, 16)),
        77 => Form::vsx(insn, right(4, 16)),
        109 => Form::vsx(insn, right(8, 16)),
        141 => Form::vsx(insn, right(1, 16)).store(true),
        173 => Form::vsx(insn, right(2, 16)).store(true),
        205 => Form::vsx(insn, right(4, 16)).store(true),
        237 => Form::vsx(insn, right(8, 16)).store(true),
        _ => return Err(Reason::NotStorageAccess),
    })
}

/// `lxvl` and its kin.
const fn length(insn: Insn, left: bool) -> Form {
    Form {
        address: Address::Base,
        ..Form::vsx_or_vector(insn, Transfer::Length { left })
    }
}

/// Prefixed instructions: `kind` is the prefix's type.
const fn prefixed(insn: Insn, kind: u32) -> Result<Form, Reason> {
    let address = if insn.prefix_r() {
        if insn.ra() != 0 {
            return Err(Reason::InvalidForm);
        }
        Address::Relative(insn.d34())
    } else {
        Address::Displacement(insn.d34())
    };
    Ok(match (kind, insn.po()) {
        // Eight-byte load/store.
        (0, 41) => Form::algebraic(insn, address, 4),
        (0, 42) => Form::vsx_scalar(insn, address, false),
        (0, 43) => Form::vsx_scalar(insn, address, true),
        (0, 46) => Form::vsx_scalar(insn, address, false).store(true),
        (0, 47) => Form::vsx_scalar(insn, address, true).store(true),
        (0, 50 | 51) => Form::vsx_whole(insn.xt_prefixed(), address, false),
        (0, 54 | 55) => Form::vsx_whole(insn.xt_prefixed(), address, false).store(true),
        (0, 56) => return Err(bad_access(false)),
        (0, 57) => Form::gpr(insn, address, 8),
        (0, 58) => Form::vsx_whole(insn.xtp(), address, true),
        (0, 60) => return Err(bad_access(true)),
        (0, 61) => Form::gpr(insn, address, 8).store(true),
        (0, 62) => Form::vsx_whole(insn.xtp(), address, true).store(true),
        // Modified load/store: as without a prefix, but with a longer displacement.
        (2, 32) => Form::gpr(insn, address, 4),
        (2, 34) => Form::gpr(insn, address, 1),
        (2, 36) => Form::gpr(insn, address, 4).store(true),
        (2, 38) => Form::gpr(insn, address, 1).store(true),
        (2, 40) => Form::gpr(insn, address, 2),
        (2, 42) => Form::algebraic(insn, address, 2),
        (2, 44) => Form::gpr(insn, address, 2).store(true),
        (2, 48) => Form::fpr(insn, address, 4),
        (2, 50) => Form::fpr(insn, address, 8),
        (2, 52) => Form::fpr(insn, address, 4).store(true),
        (2, 54) => Form::fpr(insn, address, 8).store(true),
        _ => return Err(Reason::NotStorageAccess),
    })
}
